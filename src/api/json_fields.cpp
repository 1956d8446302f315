#include "api/json_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trivet {

using simdjson::dom::element;
using simdjson::dom::element_type;

void FirstError::add(ApiError error) {
  if (!error_) error_ = std::move(error);
}

void FirstError::bad_request(std::string message, std::optional<std::string> param) {
  ApiError error = to_api_error(Error(ErrorCode::kInvalidArgument, std::move(message)));
  error.param = std::move(param);
  add(std::move(error));
}

void FirstError::not_implemented(std::string message, std::optional<std::string> param) {
  ApiError error = to_api_error(Error(ErrorCode::kUnimplemented, std::move(message)));
  error.param = std::move(param);
  add(std::move(error));
}

std::optional<element> JsonDocument::parse(std::string_view text) {
  if (text.size() > kMaxBytes || parser_.allocate(text.size() + 64, kMaxDepth)) return std::nullopt;
  element root;
  if (parser_.parse(text.data(), text.size()).get(root)) return std::nullopt;
  return root;
}

std::optional<simdjson::dom::object> JsonDocument::parse_object(std::string_view body,
                                                                FirstError& error) {
  if (body.size() > kMaxBytes) {
    error.bad_request("The body has " + std::to_string(body.size()) + " bytes; at most " +
                      std::to_string(kMaxBytes) + " are read.");
    return std::nullopt;
  }
  if (parser_.allocate(body.size() + 64, kMaxDepth)) {
    error.add(to_api_error(Error(ErrorCode::kResourceExhausted, "No memory to parse the body.")));
    return std::nullopt;
  }
  element root;
  if (const auto code = parser_.parse(body.data(), body.size()).get(root)) {
    error.bad_request(std::string("The body is not valid JSON: ") + simdjson::error_message(code));
    return std::nullopt;
  }
  simdjson::dom::object object;
  if (root.get(object)) {
    error.bad_request("The body must be a JSON object, got " + std::string(type_name(root)) + ".");
    return std::nullopt;
  }
  return object;
}

std::string_view type_name(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "a string";
    case element_type::BOOL:
      return "a boolean";
    case element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

// The depth is bounded by the parser's.
void write_element(JsonWriter& writer, element value) {
  switch (value.type()) {
    case element_type::ARRAY: {
      const simdjson::dom::array items = value.get_array().value_unsafe();
      writer.begin_array();
      for (const element item : items) write_element(writer, item);
      writer.end_array();
      return;
    }
    case element_type::OBJECT: {
      const simdjson::dom::object fields = value.get_object().value_unsafe();
      writer.begin_object();
      for (const auto field : fields) {
        writer.key(field.key);
        write_element(writer, field.value);
      }
      writer.end_object();
      return;
    }
    case element_type::STRING:
      writer.string(value.get_string().value_unsafe());
      return;
    default:
      writer.raw(simdjson::minify(value));
  }
}

std::string to_json(element value) {
  std::string out;
  JsonWriter writer(out);
  write_element(writer, value);
  return out;
}

Fields::Fields(simdjson::dom::object object, FirstError& error, std::string path)
    : error_(error), path_(std::move(path)) {
  for (const auto field : object) fields_.push_back({field.key, field.value});
}

std::optional<element> Fields::find(std::string_view name) {
  std::optional<element> found;
  for (Field& field : fields_) {
    if (field.name != name) continue;
    field.known = true;
    found = field.value;
  }
  return found && !found->is_null() ? found : std::nullopt;
}

void Fields::wrong_type(std::string_view name, std::string_view wanted, element got) {
  std::string message = "`" + path_ + std::string(name) + "` must be " + std::string(wanted);
  message += ", got " + std::string(type_name(got));
  if (got.is_number()) message += " (" + simdjson::minify(got) + ")";
  error_.bad_request(message + ".", path_ + std::string(name));
}

std::optional<int64_t> as_integer(element value) {
  if (value.is_int64()) return value.get_int64().value_unsafe();
  if (!value.is_double()) return std::nullopt;
  const double number = value.get_double().value_unsafe();
  if (number != std::floor(number) || std::abs(number) > 0x1.0p53) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<int> as_int(element value) {
  const auto integer = as_integer(value);
  if (!integer || *integer < std::numeric_limits<int>::min() ||
      *integer > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  return static_cast<int>(*integer);
}

void Fields::read(std::string_view name, bool& value) {
  const auto found = find(name);
  if (!found) return;
  if (found->get(value)) return wrong_type(name, "true or false", *found);
  ++read_count_;
}

void Fields::read(std::string_view name, int& value) {
  const auto found = find(name);
  if (!found) return;
  const auto number = as_int(*found);
  if (!number) return wrong_type(name, "an integer of 32 bits", *found);
  value = *number;
  ++read_count_;
}

void Fields::read(std::string_view name, int64_t& value) {
  const auto found = find(name);
  if (!found) return;
  const auto number = as_integer(*found);
  if (!number) return wrong_type(name, "an integer of 64 bits", *found);
  value = *number;
  ++read_count_;
}

void Fields::read(std::string_view name, float& value) {
  const auto found = find(name);
  if (!found) return;
  double number = 0;
  if (!found->is_number() || found->get(number)) return wrong_type(name, "a number", *found);
  value = static_cast<float>(number);
  ++read_count_;
}

void Fields::read(std::string_view name, std::string& value) {
  const auto found = find(name);
  if (!found) return;
  std::string_view text;
  if (found->get(text)) return wrong_type(name, "a string", *found);
  value = text;
  ++read_count_;
}

void Fields::read(std::string_view name, std::vector<std::string>& value) {
  const auto array = read_array(name);
  if (!array) return;
  std::vector<std::string> texts;
  for (const element item : *array) {
    std::string_view text;
    if (item.get(text)) return wrong_type(name, "an array of strings", item);
    texts.emplace_back(text);
  }
  value = std::move(texts);
}

void Fields::read(std::string_view name, std::vector<TokenId>& value) {
  const auto array = read_array(name);
  if (!array) return;
  std::vector<TokenId> tokens;
  for (const element item : *array) {
    const auto token = as_int(item);
    if (!token) return wrong_type(name, "an array of token ids", item);
    tokens.push_back(*token);
  }
  value = std::move(tokens);
}

std::optional<simdjson::dom::object> Fields::read_object(std::string_view name) {
  const auto found = find(name);
  if (!found) return std::nullopt;
  simdjson::dom::object object;
  if (found->get(object)) {
    wrong_type(name, "an object", *found);
    return std::nullopt;
  }
  return object;
}

std::optional<simdjson::dom::array> Fields::read_array(std::string_view name) {
  const auto found = find(name);
  if (!found) return std::nullopt;
  simdjson::dom::array array;
  if (found->get(array)) {
    wrong_type(name, "an array", *found);
    return std::nullopt;
  }
  return array;
}

std::vector<std::string> Fields::unread() const {
  constexpr size_t kEnough = 20;  // for a warning
  std::vector<std::string> names;
  for (const Field& field : fields_) {
    if (!field.known && names.size() < kEnough) names.emplace_back(field.name);
  }
  return names;
}

void Fields::write_unread(JsonWriter& writer) const {
  for (const Field& field : fields_) {
    if (field.known) continue;
    writer.key(field.name);
    write_element(writer, field.value);
  }
}

}  // namespace trivet
