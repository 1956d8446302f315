// Calls whose name stands before their arguments: with JSON, with parameters between tags, or with
// keys and values.
#include "dialects/call_reader.h"
#include "dialects/json_value_reader.h"
#include "dialects/value_text.h"

namespace trivet {
namespace {

// Kimi writes "functions.f:0".
std::string bare_name(std::string name) {
  constexpr std::string_view kPrefix = "functions.";
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  if (const size_t colon = name.find(':'); colon != std::string::npos) name.resize(colon);
  return name;
}

class NameJsonReader final : public CallReader {
 public:
  NameJsonReader(const CallFormat& format, const CallOpener& opener)
      : format_(format), opener_(opener) {}

  Progress read_head(Cursor& cursor, CallHead& head) override {
    // Older models of the family wrote lists of objects after the same mark.
    Cursor ahead = cursor;
    ahead.skip_space();
    const bool is_json = !ahead.empty() && (ahead.front() == '[' || ahead.front() == '{');
    if (json_ == nullptr && first_ && is_json) {
      auto json = make_json_reader(format_, opener_);
      const Progress progress = json->read_head(cursor, head);
      if (progress == Progress::kYes) json_ = std::move(json);
      if (progress != Progress::kNo) return progress;
    }
    if (json_ != nullptr) return json_->read_head(cursor, head);
    const Progress progress = read_name_head(cursor, head);
    if (progress != Progress::kYes) return progress;
    arguments_ = {};
    first_ = false;
    return progress;
  }

  Progress read_arguments(Cursor& cursor, std::string& json) override {
    return json_ != nullptr ? json_->read_arguments(cursor, json) : arguments_.read(cursor, json);
  }

  Progress read_tail(Cursor& cursor) override {
    return json_ != nullptr ? json_->read_tail(cursor)
                            : read_section_tail(cursor, format_, opener_);
  }

 private:
  Progress read_name_head(Cursor& cursor, CallHead& head) {
    if (const Progress named = read_named_head(cursor, format_, head.name);
        named != Progress::kYes) {
      return named;
    }
    if (format_.ids == CallIdStyle::kNumbered) head.name = bare_name(std::move(head.name));
    if (cursor.take_spaced(format_.name_end) == Progress::kMore) return Progress::kMore;
    cursor.skip_space();
    if (cursor.empty()) return cursor.ended() ? Progress::kNo : Progress::kMore;
    return cursor.front() == '{' ? Progress::kYes : Progress::kNo;
  }

  const CallFormat& format_;
  const CallOpener& opener_;
  bool first_ = true;
  std::unique_ptr<CallReader> json_;
  JsonValueReader arguments_;
};

// {"a":1,"b":"x"} is written member by member.
class MemberWriter {
 public:
  void key(std::string& json, std::string_view name) {
    json += members_++ == 0 ? '{' : ',';
    json += json_quoted(name);
    json += ':';
  }
  void close(std::string& json) const { json += members_ == 0 ? "{}" : "}"; }

 private:
  int members_ = 0;
};

class ParametersReader final : public CallReader {
 public:
  ParametersReader(const CallFormat& format, const CallOpener& opener,
                   std::span<const ToolSignature> tools)
      : format_(format), opener_(opener), tools_(tools) {}

  Progress read_head(Cursor& cursor, CallHead& head) override {
    if (const Progress named = read_named_head(cursor, format_, head.name);
        named != Progress::kYes) {
      return named;
    }
    if (const Progress end = cursor.take_spaced(format_.name_end); end != Progress::kYes) {
      return end;
    }
    if (format_.name_end == "\n" && read_first_mark(cursor) != Progress::kYes) {
      return read_first_mark(cursor);
    }
    tool_ = nullptr;
    for (const ToolSignature& tool : tools_) {
      if (tool.name == head.name) tool_ = &tool;
    }
    members_ = {};
    in_value_ = false;
    return Progress::kYes;
  }

  Progress read_arguments(Cursor& cursor, std::string& json) override {
    while (true) {
      const Progress progress = in_value_ ? read_value(cursor, json) : read_mark(cursor, json);
      if (progress == Progress::kYes && done_) {
        done_ = false;
        return progress;
      }
      if (progress != Progress::kYes) return progress;
    }
  }

  Progress read_tail(Cursor& cursor) override {
    return read_section_tail(cursor, format_, opener_);
  }

 private:
  std::string_view body_end() const {
    return format_.body_end.empty() ? format_.call_end : format_.body_end;
  }

  // A name that only white space ends must be followed by a parameter or by the end.
  Progress read_first_mark(Cursor cursor) const {
    const Progress key = cursor.take_spaced(format_.key_begin);
    const Progress end = cursor.take_spaced(body_end());
    if (key == Progress::kYes || end == Progress::kYes) return Progress::kYes;
    return key == Progress::kMore || end == Progress::kMore ? Progress::kMore : Progress::kNo;
  }

  // The next parameter's name, or the end of all of them.
  Progress read_mark(Cursor& cursor, std::string& json) {
    Cursor ahead = cursor;
    const Progress key = ahead.take_spaced(format_.key_begin);
    if (key == Progress::kYes) {
      const size_t end = ahead.rest().find(format_.key_end);
      if (end == std::string_view::npos) return more_or_close(cursor, json);
      start_value(trimmed(ahead.rest().substr(0, end)), json);
      ahead.skip(end + format_.key_end.size());
      cursor = ahead;
      return Progress::kYes;
    }
    ahead = cursor;
    const Progress end = ahead.take_spaced(body_end());
    if (end == Progress::kMore || key == Progress::kMore) return more_or_close(cursor, json);
    members_.close(json);
    done_ = true;
    if (end == Progress::kYes && !format_.body_end.empty()) cursor = ahead;
    return Progress::kYes;  // also before what does not belong here
  }

  Progress more_or_close(const Cursor& cursor, std::string& json) {
    if (!cursor.ended()) return Progress::kMore;
    members_.close(json);
    return Progress::kNo;
  }

  void start_value(std::string_view name, std::string& json) {
    if (format_.kinds_after_keys) name = name.substr(0, name.find('"'));
    parameter_ = tool_ == nullptr ? nullptr : tool_->find(name);
    streams_ = parameter_ != nullptr && parameter_->takes_string && !parameter_->takes_other &&
               !parameter_->takes_null;
    members_.key(json, name);
    if (streams_) json += '"';
    value_.clear();
    in_value_ = true;
    at_value_start_ = true;
  }

  Progress read_value(Cursor& cursor, std::string& json) {
    if (at_value_start_ && !skip_value_begin(cursor)) return Progress::kMore;
    const std::string_view text = cursor.rest();
    const std::string_view value_end = trimmed(format_.value_end);
    const size_t end = text.find(value_end);
    const bool found = end != std::string_view::npos;
    std::string_view part = text.substr(0, found ? end : text.size());
    if (!found && !cursor.ended()) {
      part.remove_suffix(partial_match(part, value_end));
    }
    const size_t taken = part.size();
    size_t held = 0;
    if (format_.newline_around_values && part.ends_with('\n')) {
      part.remove_suffix(1);
      held = found || cursor.ended() ? 0 : 1;
    }
    streams_ ? append_json_chars(json, part) : void(value_ += part);
    cursor.skip(taken - held + (found ? value_end.size() : 0));
    if (!found && !cursor.ended()) return Progress::kMore;
    finish_value(json);
    if (found) return Progress::kYes;
    members_.close(json);
    return Progress::kNo;
  }

  // False where it has not come yet.
  bool skip_value_begin(Cursor& cursor) {
    if (!format_.value_begin.empty() &&
        cursor.take_spaced(format_.value_begin) == Progress::kMore) {
      return false;
    }
    if (format_.newline_around_values) {
      if (cursor.empty() && !cursor.ended()) return false;
      if (!cursor.empty() && cursor.front() == '\n') cursor.skip(1);
    }
    at_value_start_ = false;
    return true;
  }

  void finish_value(std::string& json) {
    in_value_ = false;
    json += streams_ ? "\"" : typed_value();
  }

  // Text that may be a string or something else is what the schema allows.
  std::string typed_value() const {
    const std::string text(trimmed(value_));
    const bool knows_type = parameter_ != nullptr;
    const bool takes_string = knows_type && parameter_->takes_string;
    if (text == "null" && (!knows_type || parameter_->takes_null)) return text;
    const bool only_null_or_string = takes_string && !parameter_->takes_other;
    if (!only_null_or_string && !text.empty()) {
      if (is_json(text) && (!takes_string || text[0] != '"')) return text;
      if (knows_type && !takes_string) {
        if (auto json = python_to_json(text)) return *std::move(json);
      }
    }
    return json_quoted(value_);
  }

  const CallFormat& format_;
  const CallOpener& opener_;
  const std::span<const ToolSignature> tools_;
  const ToolSignature* tool_ = nullptr;
  const ToolParameter* parameter_ = nullptr;
  MemberWriter members_;
  std::string value_;
  bool in_value_ = false, at_value_start_ = false, streams_ = false, done_ = false;
};

class KeyValueReader final : public CallReader {
 public:
  KeyValueReader(const CallFormat& format, const CallOpener& opener)
      : format_(format), opener_(opener) {}

  Progress read_head(Cursor& cursor, CallHead& head) override {
    if (const Progress named = read_named_head(cursor, format_, head.name);
        named != Progress::kYes) {
      return named;
    }
    const Progress end = cursor.take_spaced(format_.name_end);
    if (end == Progress::kYes) members_ = {};
    return end;
  }

  Progress read_arguments(Cursor& cursor, std::string& json) override {
    while (true) {
      if (!in_value_) {
        const Progress key = read_key(cursor, json);
        if (key != Progress::kYes || done_) return finish(key);
      }
      const std::string_view text = cursor.rest();
      const size_t size = scanner_.scan(text);
      value_ += text.substr(0, size);
      cursor.skip(size);
      if (!scanner_.done() && !cursor.ended()) return Progress::kMore;
      in_value_ = false;
      const auto value = key_value_to_json(value_, format_.quote);
      json += value ? *value : json_quoted(trimmed(value_));
      if (!scanner_.done()) {
        members_.close(json);
        return Progress::kNo;
      }
    }
  }

  Progress read_tail(Cursor& cursor) override {
    return read_section_tail(cursor, format_, opener_);
  }

 private:
  // A key and its colon, or the bracket that ends the arguments.
  Progress read_key(Cursor& cursor, std::string& json) {
    Cursor ahead = cursor;
    ahead.skip_space();
    if (!ahead.empty() && ahead.front() == ',') ahead.skip(1);
    ahead.skip_space();
    const std::string_view rest = ahead.rest();
    const size_t end = rest.find_first_of(":}");
    if (end == std::string_view::npos) {
      if (!cursor.ended()) return Progress::kMore;
      members_.close(json);
      return Progress::kNo;
    }
    ahead.skip(end + 1);
    cursor = ahead;
    if (rest[end] == '}') {
      members_.close(json);
      done_ = true;
      return Progress::kYes;
    }
    members_.key(json, trimmed(rest.substr(0, end)));
    in_value_ = true;
    value_.clear();
    scanner_ = ValueScanner("", format_.quote);
    return Progress::kYes;
  }

  Progress finish(Progress progress) {
    done_ = false;
    return progress;
  }

  const CallFormat& format_;
  const CallOpener& opener_;
  MemberWriter members_;
  ValueScanner scanner_{""};
  std::string value_;
  bool in_value_ = false, done_ = false;
};

}  // namespace

std::unique_ptr<CallReader> make_name_json_reader(const CallFormat& format,
                                                  const CallOpener& opener) {
  return std::make_unique<NameJsonReader>(format, opener);
}

std::unique_ptr<CallReader> make_parameters_reader(const CallFormat& format,
                                                   const CallOpener& opener,
                                                   std::span<const ToolSignature> tools) {
  return std::make_unique<ParametersReader>(format, opener, tools);
}

std::unique_ptr<CallReader> make_key_value_reader(const CallFormat& format,
                                                  const CallOpener& opener) {
  return std::make_unique<KeyValueReader>(format, opener);
}

}  // namespace trivet
