#include "dialects/json_value_reader.h"

#include "dialects/value_text.h"

namespace trivet {

Progress JsonValueReader::read(Cursor& cursor, std::string& json) {
  if (!scanner_.started()) {
    cursor.skip_space();
    if (cursor.empty()) return cursor.ended() ? Progress::kNo : Progress::kMore;
    buffers_ = cursor.front() != '{';
  }
  const std::string_view text = cursor.rest();
  const size_t size = scanner_.scan(text);
  (buffers_ ? buffer_ : json) += text.substr(0, size);
  cursor.skip(size);
  if (scanner_.done()) {
    finish(json);
    return Progress::kYes;
  }
  return cursor.ended() ? Progress::kNo : Progress::kMore;
}

void JsonValueReader::finish(std::string& json) {
  if (!buffers_) return;
  if (buffer_ == "null" || buffer_.empty()) {
    json += "{}";
  } else if (const auto text = unquote_json(buffer_)) {
    json += trimmed(*text).empty() ? "{}" : *text;
  } else {
    json += buffer_;
  }
}

Progress read_json_value(Cursor& cursor, std::string& json) {
  cursor.skip_space();
  ValueScanner scanner("\"");
  const std::string_view text = cursor.rest();
  const size_t size = scanner.scan(text);
  if (!scanner.done()) return cursor.ended() ? Progress::kNo : Progress::kMore;
  if (size == 0) return Progress::kNo;
  json = text.substr(0, size);
  cursor.skip(size);
  return Progress::kYes;
}

Progress read_json_string(Cursor& cursor, std::string& text) {
  cursor.skip_space();
  if (!cursor.empty() && cursor.front() != '"') return Progress::kNo;
  std::string json;
  const Progress progress = read_json_value(cursor, json);
  if (progress != Progress::kYes) return progress;
  auto value = unquote_json(json);
  if (!value) return Progress::kNo;
  text = *std::move(value);
  return Progress::kYes;
}

}  // namespace trivet
