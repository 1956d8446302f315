// Calls as JSON objects: {"name": "f", "arguments": {...}}, alone, in a list, or one after another.
#include "dialects/call_reader.h"
#include "dialects/json_value_reader.h"

namespace trivet {
namespace {

constexpr size_t kMaxHeadBytes = 4 << 10;

class JsonCallReader final : public CallReader {
 public:
  JsonCallReader(const CallFormat& format, const CallOpener& opener)
      : format_(format), opener_(opener) {}

  Progress read_head(Cursor& cursor, CallHead& head) override {
    Place place = place_;
    const size_t begin = cursor.at(), available = cursor.rest().size();
    const Progress progress = read_object_head(cursor, head, place);
    const size_t taken = progress == Progress::kYes ? cursor.at() - begin : available;
    if (progress != Progress::kNo && taken > kMaxHeadBytes) return Progress::kNo;
    if (progress != Progress::kYes) return progress;
    place_ = place;
    arguments_ = {};
    return Progress::kYes;
  }

  Progress read_arguments(Cursor& cursor, std::string& json) override {
    return arguments_.read(cursor, json);
  }

  Progress read_tail(Cursor& cursor) override {
    Place place = place_;
    const Progress progress = read_object_tail(cursor, place);
    if (progress != Progress::kMore) place_ = place;
    return progress;
  }

 private:
  struct Place {
    bool in_list = false;
    int open_objects = 0;
  };

  Progress read_object_head(Cursor& cursor, CallHead& head, Place& place) {
    if (!trimmed(format_.call_begin).empty() &&
        cursor.take_spaced(format_.call_begin) == Progress::kMore) {
      return Progress::kMore;
    }
    if (!place.in_list) {
      const Progress list = cursor.take_spaced("[");
      if (list == Progress::kMore) return list;
      place.in_list = list == Progress::kYes;
    }
    if (const Progress open = cursor.take_spaced("{"); open != Progress::kYes) return open;
    place.open_objects = 1;
    while (true) {
      const Progress member = read_member(cursor, head, place);
      if (member != Progress::kYes) return member;
      if (!head.name.empty() && (head.arguments || at_arguments_)) return Progress::kYes;
      if (const Progress next = read_separator(cursor, head, place); next != Progress::kMore) {
        return next;
      } else if (cursor.empty()) {
        return Progress::kMore;
      }
    }
  }

  // One member of the object. Stops before the value of the arguments if the name is known.
  Progress read_member(Cursor& cursor, CallHead& head, Place& place) {
    at_arguments_ = false;
    cursor.skip_space();
    if (!cursor.empty() && cursor.front() == '}') return Progress::kYes;  // {} or a comma before }
    std::string key;
    if (const Progress read = read_json_string(cursor, key); read != Progress::kYes) return read;
    if (const Progress colon = cursor.take_spaced(":"); colon != Progress::kYes) return colon;
    cursor.skip_space();
    if (cursor.empty()) return cursor.ended() ? Progress::kNo : Progress::kMore;
    const bool names = key == format_.name_key || key == "name";
    if (names || (key == "function" && cursor.front() == '"')) {
      return read_json_string(cursor, head.name);
    }
    if (key == "function" && cursor.front() == '{') {
      cursor.skip(1);
      ++place.open_objects;
      return read_member(cursor, head, place);
    }
    std::string value;
    if (key != format_.arguments_key && key != "arguments" && key != "parameters") {
      return read_json_value(cursor, value);
    }
    at_arguments_ = !head.name.empty();
    if (at_arguments_) return Progress::kYes;
    if (const Progress read = read_json_value(cursor, value); read != Progress::kYes) return read;
    JsonValueReader unpacked;
    value += ' ';
    Cursor whole(value, true);
    head.arguments.emplace();
    unpacked.read(whole, *head.arguments);
    return Progress::kYes;
  }

  // kYes: the object ended, with a name and without arguments. kMore: go on with the next member,
  // or, if nothing is left, come again.
  static Progress read_separator(Cursor& cursor, CallHead& head, Place& place) {
    cursor.skip_space();
    if (cursor.empty()) return cursor.ended() ? Progress::kNo : Progress::kMore;
    const char c = cursor.front();
    if (c != ',' && c != '}') return Progress::kNo;
    cursor.skip(1);
    if (c == ',') {
      cursor.skip_space();
      return Progress::kMore;
    }
    --place.open_objects;
    if (head.name.empty()) return Progress::kNo;
    head.arguments = "{}";
    return Progress::kYes;
  }

  Progress read_object_tail(Cursor& cursor, Place& place) {
    while (place.open_objects > 0) {
      if (const Progress rest = read_rest_of_object(cursor, place); rest != Progress::kYes) {
        return rest;
      }
    }
    cursor.skip_space();
    while (place.in_list) {
      cursor.skip_space();
      if (cursor.empty()) return more_or_no(cursor);
      const char c = cursor.front();
      if (c == '{') return Progress::kYes;
      if (c != ',' && c != ']') return Progress::kNo;
      cursor.skip(1);
      place.in_list = c != ']';
    }
    return read_after_object(cursor);
  }

  // A further member, which is skipped, or the end of the object.
  Progress read_rest_of_object(Cursor& cursor, Place& place) {
    cursor.skip_space();
    if (cursor.empty()) return more_or_no(cursor);
    const char c = cursor.front();
    if (c != ',' && c != '}') return Progress::kNo;
    cursor.skip(1);
    if (c == '}') {
      --place.open_objects;
      return Progress::kYes;
    }
    std::string ignored;
    if (const Progress key = read_json_string(cursor, ignored); key != Progress::kYes) return key;
    if (const Progress colon = cursor.take_spaced(":"); colon != Progress::kYes) return colon;
    return read_json_value(cursor, ignored);
  }

  Progress read_after_object(Cursor& cursor) {
    Cursor ahead = cursor;
    ahead.skip_space();
    if (!ahead.empty() && (ahead.front() == ';' || ahead.front() == ',')) {
      ahead.skip(1);
      ahead.skip_space();
    }
    if (!ahead.empty() && ahead.front() == '{') {
      cursor = ahead;
      return Progress::kYes;
    }
    if (ahead.empty()) return more_or_no(cursor);
    if (read_call_end(cursor, format_, opener_) == Progress::kMore) return Progress::kMore;
    return Progress::kNo;
  }

  static Progress more_or_no(const Cursor& cursor) {
    return cursor.ended() ? Progress::kNo : Progress::kMore;
  }

  const CallFormat& format_;
  const CallOpener& opener_;
  Place place_;
  bool at_arguments_ = false;
  JsonValueReader arguments_;
};

}  // namespace

std::unique_ptr<CallReader> make_json_reader(const CallFormat& format, const CallOpener& opener) {
  return std::make_unique<JsonCallReader>(format, opener);
}

}  // namespace trivet
