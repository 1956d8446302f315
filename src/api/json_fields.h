// Reading request bodies: JSON with bounds, fields with types, and the first thing that is wrong.
#ifndef TRIVET_API_JSON_FIELDS_H_
#define TRIVET_API_JSON_FIELDS_H_

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/json_writer.h"

namespace trivet {

// Keeps the first error of a request; later ones are only consequences.
class FirstError {
 public:
  void add(ApiError error);
  void bad_request(std::string message, std::optional<std::string> param = std::nullopt);
  void not_implemented(std::string message, std::optional<std::string> param = std::nullopt);
  explicit operator bool() const { return error_.has_value(); }
  ApiError take() { return *std::move(error_); }

 private:
  std::optional<ApiError> error_;
};

// A parsed body. Elements live as long as the document; it stays where it is made.
class JsonDocument {
 public:
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr size_t kMaxDepth = 128;

  JsonDocument() = default;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  // The object at the root, or nothing and an error. A second call replaces the first document.
  std::optional<simdjson::dom::object> parse_object(std::string_view body, FirstError& error);
  std::optional<simdjson::dom::element> parse(std::string_view text);

 private:
  simdjson::dom::parser parser_{kMaxBytes + 64};
};

// What a person calls the type: "a string", "an object", ...
std::string_view type_name(simdjson::dom::element element);

void write_element(JsonWriter& writer, simdjson::dom::element element);
std::string to_json(simdjson::dom::element element);

// The fields of one object. Each read marks the field as known; a null is the same as an absent
// field; a wrong type is reported and leaves the target as it was. Of repeated names the last
// counts.
class Fields {
 public:
  // `path` goes before field names in errors, e.g. "stream_options.".
  Fields(simdjson::dom::object object, FirstError& error, std::string path = "");

  std::optional<simdjson::dom::element> find(std::string_view name);
  bool has(std::string_view name) { return find(name).has_value(); }

  void read(std::string_view name, bool& value);
  void read(std::string_view name, int& value);
  void read(std::string_view name, int64_t& value);
  void read(std::string_view name, float& value);
  void read(std::string_view name, std::string& value);
  template <class T>
  void read(std::string_view name, std::optional<T>& value) {
    T inner{};
    const size_t before = read_count_;
    read(name, inner);
    if (read_count_ != before) value = std::move(inner);
  }
  void read(std::string_view name, std::vector<std::string>& value);
  void read(std::string_view name, std::vector<TokenId>& value);
  std::optional<simdjson::dom::object> read_object(std::string_view name);
  std::optional<simdjson::dom::array> read_array(std::string_view name);

  // Names that nobody asked for, the first few.
  std::vector<std::string> unread() const;
  // The same fields, all of them, as members of the object that is open in the writer.
  void write_unread(JsonWriter& writer) const;
  FirstError& error() { return error_; }
  void wrong_type(std::string_view name, std::string_view wanted, simdjson::dom::element got);

 private:
  struct Field {
    std::string_view name;
    simdjson::dom::element value;
    bool known = false;
  };
  std::vector<Field> fields_;
  FirstError& error_;
  std::string path_;
  size_t read_count_ = 0;  // successful reads of single values
};

// An integer, also written as 3.0; nothing if it is not one or does not fit.
std::optional<int64_t> as_integer(simdjson::dom::element element);
std::optional<int> as_int(simdjson::dom::element element);

}  // namespace trivet

#endif  // TRIVET_API_JSON_FIELDS_H_
