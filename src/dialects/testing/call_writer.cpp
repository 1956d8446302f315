#include "dialects/testing/call_writer.h"

namespace trivet {
namespace {

std::string python_literal(const OrderedJson& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_string()) {
    // Python's repr prefers single quotes.
    std::string out = "'";
    for (const char c : value.get<std::string>()) {
      if (c == '\'' || c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else if (c == '\t') {
        out += "\\t";
      } else {
        out += c;
      }
    }
    return out + "'";
  }
  if (!value.is_structured()) return value.dump();
  std::string out(1, value.is_array() ? '[' : '{');
  for (const auto& [key, item] : value.items()) {
    if (out.size() > 1) out += ", ";
    if (value.is_object()) out += python_literal(key) + ": ";
    out += python_literal(item);
  }
  return out + (value.is_array() ? ']' : '}');
}

std::string key_value_literal(const OrderedJson& value, const std::string& quote) {
  if (value.is_string()) return quote + value.get<std::string>() + quote;
  if (!value.is_structured()) return value.dump();
  std::string out(1, value.is_array() ? '[' : '{');
  for (const auto& [key, item] : value.items()) {
    if (out.size() > 1) out += ",";
    if (value.is_object()) out += key + ":";
    out += key_value_literal(item, quote);
  }
  return out + (value.is_array() ? ']' : '}');
}

// Python's json.dumps.
std::string spaced_json(const OrderedJson& value) {
  if (!value.is_structured()) return value.dump();
  std::string out(1, value.is_array() ? '[' : '{');
  for (const auto& [key, item] : value.items()) {
    if (out.size() > 1) out += ", ";
    if (value.is_object()) out += OrderedJson(key).dump() + ": ";
    out += spaced_json(item);
  }
  return out + (value.is_array() ? ']' : '}');
}

std::string parameters_text(const CallFormat& format, const OrderedJson& arguments) {
  std::string out;
  const std::string newline = format.newline_around_values ? "\n" : "";
  for (const auto& [key, value] : arguments.items()) {
    out += std::string(format.key_begin) + key;
    if (format.kinds_after_keys)
      out += value.is_string() ? "\" string=\"true" : "\" string=\"false";
    out += format.key_end;
    out += std::string(format.value_begin) + newline;
    out += value.is_string() ? value.get<std::string>() : spaced_json(value);
    out += newline + std::string(format.value_end);
  }
  return out;
}

std::string body_text(const CallFormat& format, const WrittenCall& call, size_t index) {
  const std::string name =
      std::string(format.name_begin) + call.name + std::string(format.name_end);
  switch (format.syntax) {
    case CallSyntax::kJson: {
      OrderedJson json;
      json[std::string(format.name_key)] = call.name;
      json[std::string(format.arguments_key)] = call.arguments;
      return spaced_json(json);
    }
    case CallSyntax::kNameJson:
      if (format.ids == CallIdStyle::kNumbered) {
        return "functions." + call.name + ":" + std::to_string(index) +
               std::string(format.name_end) + spaced_json(call.arguments);
      }
      return name + spaced_json(call.arguments);
    case CallSyntax::kParameters:
      return name + parameters_text(format, call.arguments) + std::string(format.body_end);
    case CallSyntax::kPythonic: {
      std::string out = call.name + "(";
      for (const auto& [key, value] : call.arguments.items()) {
        if (out.back() != '(') out += ", ";
        out += key + "=" + python_literal(value);
      }
      return out + ")";
    }
    case CallSyntax::kKeyValue: {
      const std::string text = key_value_literal(call.arguments, std::string(format.quote));
      return name + text.substr(1);
    }
    default:
      return "";
  }
}

std::string calls_text(const CallFormat& format, const std::vector<WrittenCall>& calls) {
  std::string out(format.section_begin);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) out += format.between;
    out += std::string(format.call_begin) + body_text(format, calls[i], i) +
           std::string(format.call_end);
  }
  return out + std::string(format.section_end);
}

std::string harmony_text(const WrittenMessage& message) {
  std::string out;
  const auto part = [&](const std::string& header, const std::string& body) {
    if (!out.empty()) out += "<|end|><|start|>assistant";
    out += header + "<|message|>" + body;
  };
  if (!message.reasoning.empty()) part("<|channel|>analysis", message.reasoning);
  if (!message.before.empty()) {
    part(message.calls.empty() ? "<|channel|>final" : "<|channel|>commentary", message.before);
  }
  for (const WrittenCall& call : message.calls) {
    part("<|channel|>commentary to=functions." + call.name + " <|constrain|>json",
         spaced_json(call.arguments));
  }
  return out;
}

}  // namespace

std::vector<const Dialect*> dialects_with_calls() {
  std::vector<const Dialect*> rows;
  for (const Dialect& dialect : all_dialects()) {
    if (dialect.has_calls()) rows.push_back(&dialect);
  }
  return rows;
}

bool takes_text_before(const Dialect& dialect) {
  return dialect.calls.syntax == CallSyntax::kHarmony ||
         (!dialect.calls.openers[0].at_start && dialect.name != "llama3_json" &&
          dialect.name != "llama4_pythonic");
}

bool takes_text_after(const Dialect& dialect) {
  return dialect.calls.syntax != CallSyntax::kHarmony;
}

std::string write_message(const Dialect& dialect, const ReasoningTags& tags,
                          const WrittenMessage& message) {
  if (dialect.calls.syntax == CallSyntax::kHarmony) return harmony_text(message);
  std::string out;
  if (!message.reasoning.empty()) {
    out +=
        std::string(tags.begin) + "\n" + message.reasoning + "\n" + std::string(tags.end) + "\n\n";
  }
  out += message.before;
  if (!message.calls.empty()) {
    if (!message.before.empty()) out += "\n";
    out += calls_text(dialect.calls, message.calls);
  }
  if (!message.after.empty()) out += "\n" + message.after;
  return out;
}

ToolSignature signature_of(const std::string& name, const OrderedJson& arguments) {
  OrderedJson schema = {{"type", "object"}, {"properties", OrderedJson::object()}};
  for (const auto& [key, value] : arguments.items()) {
    const char* type = value.is_string()           ? "string"
                       : value.is_boolean()        ? "boolean"
                       : value.is_number_integer() ? "integer"
                       : value.is_number()         ? "number"
                       : value.is_array()          ? "array"
                       : value.is_object()         ? "object"
                                                   : "null";
    schema["properties"][key] = {{"type", type}};
    schema["required"].push_back(key);
  }
  return read_signature(name, schema.dump(), false);
}

}  // namespace trivet
