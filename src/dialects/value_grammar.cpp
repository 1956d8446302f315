#include "dialects/value_grammar.h"

#include "dialects/value_text.h"

namespace trivet {
namespace {

void add_number_rules(LarkWriter& lark) {
  if (lark.has("INTEGER")) return;
  lark.add_named("INTEGER", "/-?(0|[1-9][0-9]{0,15})/");
  lark.add_named("NUMBER", "/-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?/");
}

void add_python_rules(LarkWriter& lark) {
  add_number_rules(lark);
  if (lark.has("PY_STRING")) return;
  lark.add_named("PY_STRING",
                 R"re(/"([^"\\\x00-\x1f]|\\["'\\nrt])*"/ | /'([^'\\\x00-\x1f]|\\["'\\nrt])*'/)re");
  lark.add_named("py_value",
                 "PY_STRING | NUMBER | \"True\" | \"False\" | \"None\" | py_list | py_dict");
  lark.add_named("py_list", "\"[\" (py_value (\", \" py_value)*)? \"]\"");
  lark.add_named("py_dict", "\"{\" (py_item (\", \" py_item)*)? \"}\"");
  lark.add_named("py_item", "PY_STRING \": \" py_value");
}

void add_key_value_rules(LarkWriter& lark, std::string_view quote) {
  add_number_rules(lark);
  if (lark.has("kv_string")) return;
  const std::string rest = lark.until(quote);
  lark.add_named("kv_string", lark.literal(quote) + " " + rest);
  lark.add_named("kv_value",
                 "kv_string | NUMBER | \"true\" | \"false\" | \"null\" | kv_list | kv_map");
  lark.add_named("kv_list", "\"[\" (kv_value (\",\" kv_value)*)? \"]\"");
  lark.add_named("kv_map", "\"{\" (kv_item (\",\" kv_item)*)? \"}\"");
  lark.add_named("kv_item", "/[A-Za-z_][A-Za-z0-9_]*/ \":\" kv_value");
}

// One of the words, or a rule for the type.
std::string alternatives(const std::vector<std::string>& items) {
  std::string body;
  for (const std::string& item : items) body += (body.empty() ? "(" : " | ") + item;
  return body + ")";
}

std::string python_word(const std::string& json) {
  if (json == "true") return "\"True\"";
  if (json == "false") return "\"False\"";
  if (json == "null") return "\"None\"";
  return json_quoted(json);
}

}  // namespace

std::string python_value_rule(LarkWriter& lark, const ToolParameter& parameter) {
  add_python_rules(lark);
  std::vector<std::string> items;
  for (const std::string& value : parameter.values) {
    if (value[0] == '[' || value[0] == '{') return "py_value";
    items.push_back(python_word(value));
  }
  if (!items.empty()) return alternatives(items);
  if (parameter.type == "string") return "PY_STRING";
  if (parameter.type == "integer") return "INTEGER";
  if (parameter.type == "number") return "NUMBER";
  if (parameter.type == "boolean") return "(\"True\" | \"False\")";
  if (parameter.type == "array") return "py_list";
  if (parameter.type == "object") return "py_dict";
  return "py_value";
}

std::string key_value_rule(LarkWriter& lark, const ToolParameter& parameter,
                           std::string_view quote) {
  add_key_value_rules(lark, quote);
  std::vector<std::string> items;
  for (const std::string& value : parameter.values) {
    if (value[0] == '[' || value[0] == '{') return "kv_value";
    const auto text = value[0] == '"' ? unquote_json(value) : std::nullopt;
    items.push_back(text ? lark.literal(quote) + " " + lark.literal(*text) + " " +
                               lark.literal(quote)
                         : lark.literal(value));
  }
  if (!items.empty()) return alternatives(items);
  if (parameter.type == "string") return "kv_string";
  if (parameter.type == "integer") return "INTEGER";
  if (parameter.type == "number") return "NUMBER";
  if (parameter.type == "boolean") return "(\"true\" | \"false\")";
  if (parameter.type == "array") return "kv_list";
  if (parameter.type == "object") return "kv_map";
  return "kv_value";
}

}  // namespace trivet
