// Appends JSON to a string: compact, in the order of the calls, always valid UTF-8.
#ifndef TRIVET_API_JSON_WRITER_H_
#define TRIVET_API_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace trivet {

// Appends `text` as a quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// `text` with every maximal invalid part replaced by U+FFFD, as decoders do.
std::string to_valid_utf8(std::string_view text);

// Characters (code points) of valid UTF-8.
size_t count_characters(std::string_view text);

// The caller keeps to the grammar: a key before each value of an object, matching ends. Commas are
// put by the writer. `out` must outlive it.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& integer(int64_t value);
  // The shortest text that reads back as the same float, always with a point or an exponent. Not
  // finite: null.
  JsonWriter& number(float value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  // A complete JSON value.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace trivet

#endif  // TRIVET_API_JSON_WRITER_H_
