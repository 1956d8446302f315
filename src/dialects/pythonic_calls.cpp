// Calls as in Python: [f(a=1, b="x"), g()].
#include "dialects/call_reader.h"
#include "dialects/value_scanner.h"
#include "dialects/value_text.h"

namespace trivet {
namespace {

class PythonicReader final : public CallReader {
 public:
  PythonicReader(const CallFormat& format, const CallOpener& opener)
      : format_(format), opener_(opener) {}

  Progress read_head(Cursor& cursor, CallHead& head) override {
    bool in_list = in_list_;
    if (!in_list) {
      const Progress list = cursor.take_spaced("[");
      if (list == Progress::kMore) return list;
      in_list = list == Progress::kYes;
    }
    cursor.skip_space();
    if (const Progress named = read_name(cursor, head.name); named != Progress::kYes) return named;
    const Progress open = cursor.take_spaced("(");
    if (open != Progress::kYes) return open;
    in_list_ = in_list;
    place_ = Place::kKey;
    members_ = 0;
    return open;
  }

  Progress read_arguments(Cursor& cursor, std::string& json) override {
    while (true) {
      const Progress progress =
          place_ == Place::kKey ? read_key(cursor, json) : read_value(cursor, json);
      if (progress == Progress::kNo || (progress == Progress::kMore && cursor.ended())) {
        close(json);
        return Progress::kNo;
      }
      if (progress == Progress::kMore || place_ == Place::kEnd) return progress;
    }
  }

  Progress read_tail(Cursor& cursor) override {
    if (in_list_) {
      Cursor ahead = cursor;
      ahead.skip_space();
      if (ahead.empty()) return ahead.ended() ? Progress::kNo : Progress::kMore;
      if (ahead.front() == ',') {
        ahead.skip(1);
        cursor = ahead;
        return Progress::kYes;
      }
      if (ahead.front() != ']') return Progress::kNo;
      ahead.skip(1);
      const Progress end = read_call_end(ahead, format_, opener_);
      if (end == Progress::kMore) return end;
      cursor = ahead;
      return Progress::kNo;
    }
    return read_call_end(cursor, format_, opener_) == Progress::kMore ? Progress::kMore
                                                                      : Progress::kNo;
  }

 private:
  enum class Place { kKey, kValue, kEnd };

  void close(std::string& json) const { json += members_ == 0 ? "{}" : "}"; }

  // The name of an argument and its =, or the bracket that ends them.
  Progress read_key(Cursor& cursor, std::string& json) {
    Cursor ahead = cursor;
    ahead.skip_space();
    if (!ahead.empty() && ahead.front() == ',') ahead.skip(1);
    ahead.skip_space();
    if (ahead.empty()) return Progress::kMore;
    if (ahead.front() == ')') {
      ahead.skip(1);
      cursor = ahead;
      close(json);
      place_ = Place::kEnd;
      return Progress::kYes;
    }
    std::string name;
    if (const Progress named = read_name(ahead, name); named != Progress::kYes) return named;
    if (const Progress equals = ahead.take_spaced("="); equals != Progress::kYes) return equals;
    cursor = ahead;
    json += members_++ == 0 ? '{' : ',';
    json += json_quoted(name);
    json += ':';
    value_.clear();
    scanner_ = ValueScanner("\"'");
    place_ = Place::kValue;
    return Progress::kYes;
  }

  Progress read_value(Cursor& cursor, std::string& json) {
    const std::string_view text = cursor.rest();
    const size_t size = scanner_.scan(text);
    value_ += text.substr(0, size);
    cursor.skip(size);
    if (!scanner_.done() && !cursor.ended()) return Progress::kMore;
    const auto value = python_to_json(value_);
    json += value ? *value : json_quoted(trimmed(value_));
    place_ = Place::kKey;
    return scanner_.done() ? Progress::kYes : Progress::kNo;
  }

  const CallFormat& format_;
  const CallOpener& opener_;
  bool in_list_ = false;
  Place place_ = Place::kKey;
  int members_ = 0;
  std::string value_;
  ValueScanner scanner_{"\"'"};
};

}  // namespace

std::unique_ptr<CallReader> make_pythonic_reader(const CallFormat& format,
                                                 const CallOpener& opener) {
  return std::make_unique<PythonicReader>(format, opener);
}

}  // namespace trivet
