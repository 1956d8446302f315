#include "dialects/tool_signature.h"

#include <simdjson.h>

#include <algorithm>

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kMaxSchemaDepth = 16;

void note_type(std::string_view type, ToolParameter& parameter) {
  if (type == "string") {
    parameter.takes_string = true;
  } else if (type == "null") {
    parameter.takes_null = true;
  } else {
    parameter.takes_other = true;
  }
}

void note_value(element value, ToolParameter& parameter) {
  parameter.values.push_back(simdjson::minify(value));
  note_type(value.is_string() ? "string" : value.is_null() ? "null" : "other", parameter);
}

// What the schema allows; a schema that does not say allows everything.
void note_schema(element schema, int depth, ToolParameter& parameter) {
  object fields;
  array values;
  std::string_view type;
  element value;
  if (depth < kMaxSchemaDepth && !schema.get(fields)) {
    if (!fields.at_key("const").get(value)) return note_value(value, parameter);
    if (!fields.at_key("enum").get(values)) {
      for (const element item : values) note_value(item, parameter);
      return;
    }
    if (!fields.at_key("type").get(type)) {
      if (depth == 0) parameter.type = type;
      return note_type(type, parameter);
    }
    if (!fields.at_key("type").get(values)) {
      for (const element item : values) {
        if (!item.get(type)) note_type(type, parameter);
      }
      return;
    }
    for (const char* name : {"anyOf", "oneOf"}) {
      if (fields.at_key(name).get(values)) continue;
      for (const element item : values) note_schema(item, depth + 1, parameter);
      parameter.values.clear();  // the parts may allow more
      return;
    }
  }
  parameter.takes_string = parameter.takes_other = parameter.takes_null = true;
}

bool is_required(const object& schema, std::string_view name) {
  array required;
  if (schema.at_key("required").get(required)) return false;
  return std::any_of(required.begin(), required.end(), [&](element item) {
    std::string_view text;
    return !item.get(text) && text == name;
  });
}

// Arguments that the schema does not name are for those who say so.
void close_properties(const object& root, std::string& schema) {
  for (const char* name : {"additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf",
                           "unevaluatedProperties"}) {
    if (!root.at_key(name).error()) return;
  }
  schema.insert(schema.rfind('}'), R"(,"additionalProperties":false)");
}

}  // namespace

const ToolParameter* ToolSignature::find(std::string_view parameter) const {
  for (const ToolParameter& candidate : parameters) {
    if (candidate.name == parameter) return &candidate;
  }
  return nullptr;
}

ToolSignature read_signature(std::string name, std::string schema, bool strict) {
  ToolSignature signature;
  signature.name = std::move(name);
  signature.strict = strict;
  signature.schema = schema.empty() ? R"({"type":"object"})" : std::move(schema);
  simdjson::dom::parser parser;
  object root, properties;
  if (parser.parse(signature.schema).get(root) || root.at_key("properties").get(properties)) {
    return signature;
  }
  for (const auto field : properties) {
    ToolParameter parameter;
    parameter.name = field.key;
    parameter.schema = simdjson::minify(field.value);
    parameter.required = is_required(root, field.key);
    note_schema(field.value, 0, parameter);
    signature.parameters.push_back(std::move(parameter));
  }
  close_properties(root, signature.schema);
  return signature;
}

}  // namespace trivet
