#include "dialects/call_reader.h"

namespace trivet {
namespace {

constexpr size_t kMaxNameBytes = 256;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == ':';
}

}  // namespace

std::unique_ptr<CallReader> make_call_reader(const CallFormat& format, const CallOpener& opener,
                                             std::span<const ToolSignature> tools) {
  switch (format.syntax) {
    case CallSyntax::kNameJson:
      return make_name_json_reader(format, opener);
    case CallSyntax::kParameters:
      return make_parameters_reader(format, opener, tools);
    case CallSyntax::kPythonic:
      return make_pythonic_reader(format, opener);
    case CallSyntax::kKeyValue:
      return make_key_value_reader(format, opener);
    default:
      return make_json_reader(format, opener);
  }
}

Progress read_name(Cursor& cursor, std::string& name) {
  const std::string_view rest = cursor.rest();
  size_t size = 0;
  while (size < rest.size() && is_name_char(rest[size])) ++size;
  if (size > kMaxNameBytes) return Progress::kNo;
  if (size == rest.size() && !cursor.ended()) return Progress::kMore;
  if (size == 0) return Progress::kNo;
  name = rest.substr(0, size);
  cursor.skip(size);
  return Progress::kYes;
}

Progress read_named_head(Cursor& cursor, const CallFormat& format, std::string& name) {
  if (!trimmed(format.call_begin).empty() &&
      cursor.take_spaced(format.call_begin) == Progress::kMore) {
    return Progress::kMore;
  }
  if (const Progress begin = cursor.take_spaced(format.name_begin); begin != Progress::kYes) {
    return begin;
  }
  cursor.skip_space();
  if (const Progress read = read_name(cursor, name); read != Progress::kYes) return read;
  if (!format.call_id_begin.empty()) {
    const Progress id = cursor.take(format.call_id_begin);
    std::string ignored;
    if (id == Progress::kMore) return id;
    if (id == Progress::kYes && read_name(cursor, ignored) == Progress::kMore) {
      return Progress::kMore;
    }
  }
  return Progress::kYes;
}

Progress read_call_end(Cursor& cursor, const CallFormat& format, const CallOpener& opener) {
  bool undecided = false;
  for (const std::string_view end : {opener.close, format.call_end}) {
    if (trimmed(end).empty()) continue;
    const Progress progress = cursor.take_spaced(end);
    if (progress == Progress::kYes) return progress;
    undecided = undecided || progress == Progress::kMore;
  }
  return undecided ? Progress::kMore : Progress::kNo;
}

Progress read_section_tail(Cursor& cursor, const CallFormat& format, const CallOpener& opener) {
  if (read_call_end(cursor, format, opener) == Progress::kMore) return Progress::kMore;
  if (trimmed(format.section_end).empty()) return Progress::kNo;
  const Progress end = cursor.take_spaced(format.section_end);
  if (end == Progress::kYes) return Progress::kNo;
  const Progress next = [&] {
    Cursor ahead = cursor;
    const bool named = trimmed(format.call_begin).empty();
    const Progress progress = ahead.take_spaced(named ? format.name_begin : format.call_begin);
    if (progress == Progress::kYes) cursor.skip_space();
    return progress;
  }();
  if (next == Progress::kYes || (end != Progress::kMore && next != Progress::kMore)) return next;
  return Progress::kMore;
}

}  // namespace trivet
