#include "dialects/answer_grammar.h"

#include <algorithm>

#include "dialects/held_text.h"
#include "dialects/lark_writer.h"
#include "dialects/value_grammar.h"
#include "dialects/value_text.h"

namespace trivet {
namespace {

// So many calls in one message; the bound keeps a weak model from calling for ever.
constexpr int kMaxCalls = 16;

constexpr std::string_view kCompact =
    R"("x-guidance":{"whitespace_flexible":false,"item_separator":", ","key_separator":": "})";
// `%json` for a schema, with one way to write white space, that of Python's json.dumps.
std::string json_rule(std::string_view schema) {
  const size_t open = schema.find('{');
  const std::string_view rest = open == std::string_view::npos ? "}" : schema.substr(open + 1);
  const bool empty = trimmed(rest) == "}";
  return "%json {" + std::string(kCompact) + (empty ? "" : ",") + std::string(rest);
}

class AnswerGrammar {
 public:
  AnswerGrammar(const MessageFormat& format, const AnswerRules& rules, const Tokenizer& tokenizer)
      : format_(format), rules_(rules), lark_(tokenizer) {}

  std::string source() {
    const bool harmony =
        format_.dialect != nullptr && format_.dialect->calls.syntax == CallSyntax::kHarmony;
    return lark_.source(harmony ? harmony_message() : reasoning() + message());
  }

 private:
  const CallFormat& calls() const { return format_.dialect->calls; }
  bool has_calls() const {
    return !format_.tools.empty() && format_.dialect != nullptr && format_.dialect->has_calls();
  }

  std::string reasoning() {
    const ReasoningTags& tags = format_.reasoning;
    if (tags.end.empty() || !rules_.may_reason) return "";
    const std::string rest = lark_.add(lark_.until(tags.end) + " /\\s{0,2}/");
    if (format_.begins_with_reasoning) return rest + " ";
    return "(" + lark_.literal(tags.begin) + " " + rest + ")? ";
  }

  std::string content() const {
    return rules_.content.empty() ? lark_.any_text() : "(" + std::string(rules_.content) + ")";
  }

  std::string message() {
    if (!has_calls()) return content();
    if (rules_.must_call) return section();
    if (!rules_.content.empty()) return "(" + section() + " | " + content() + ")";
    if (!has_sure_opener(*format_.dialect)) return content();
    return free_text_and_calls();
  }

  // Text may stand before each section, and after the last.
  std::string free_text_and_calls() {
    const CallFormat& format = calls();
    std::vector<std::string> sections;
    for (const CallOpener& opener : format.openers) {
      if (opener.text.empty() || opener.tentative) continue;
      sections.push_back(lark_.until(opener.text) + " " + section_after(opener));
    }
    std::string body;
    for (const std::string& section : sections) body += (body.empty() ? "" : " | ") + section;
    const std::string one = lark_.add(body);
    if (!format_.parallel_calls) return "(" + one + " | " + lark_.any_text() + ")";
    return one + "{0," + std::to_string(kMaxCalls) + "} " + lark_.any_text();
  }

  // What comes after the mark that opened the section, as far as it is written in one way. The
  // marks of formats with several ways begin alike.
  std::string section_after(const CallOpener& opener) {
    const CallFormat& format = calls();
    const bool in_section = !format.section_begin.empty();
    const std::string_view begin = in_section ? format.section_begin : format.call_begin;
    const size_t shared = begin.starts_with(opener.text) ? opener.text.size() : 0;
    std::string rest(begin.substr(shared));
    if (shared == 0) {  // another mark of the same family: what follows it is the same
      const size_t mark = trimmed(begin).find_first_of("[{");
      rest = in_section && mark != std::string_view::npos ? std::string(begin.substr(mark)) : "";
    }
    if (!in_section) return call(rest);
    std::string end(format.section_end);
    if (shared == 0) end += opener.close;
    return calls_of_section(rest) + " " + optional_literal(end);
  }

  std::string optional_literal(std::string_view text) const {
    return text.empty() ? "" : lark_.literal(text);
  }

  // A whole section, with its begin and end.
  std::string section() {
    const CallFormat& format = calls();
    return calls_of_section(std::string(format.section_begin)) + " " +
           optional_literal(format.section_end);
  }

  std::string calls_of_section(const std::string& begin) {
    const CallFormat& format = calls();
    const std::string first = call(begin + std::string(format.call_begin));
    const bool one_only = !format_.parallel_calls || format_.dialect->name == "glm4";
    if (one_only) return first;
    const std::string next = call(std::string(format.between) + std::string(format.call_begin));
    return first + " " + next + "{0," + std::to_string(kMaxCalls - 1) + "}";
  }

  // One call after `begin`. What stands before the name belongs to the same lexeme as the name:
  // the end of a section may begin like another call.
  std::string call(const std::string& begin) {
    std::string bodies;
    for (const ToolSignature& tool : format_.tools) {
      bodies += (bodies.empty() ? "" : " | ") + lark_.add(call_body(begin, tool));
    }
    return lark_.add("(" + bodies + ") " + optional_literal(calls().call_end));
  }

  std::string call_body(const std::string& begin, const ToolSignature& tool) {
    const CallFormat& format = calls();
    const std::string name =
        begin + std::string(format.name_begin) + tool.name + std::string(format.name_end);
    switch (format.syntax) {
      case CallSyntax::kNameJson:
        return named_json(begin, name, tool);
      case CallSyntax::kParameters:
        return lark_.literal(name) + " " + parameters(tool) + " " + body_end();
      case CallSyntax::kPythonic:
        return lark_.literal(begin + tool.name + "(") + " " + arguments(tool, ", ", "=") + " \")\"";
      case CallSyntax::kKeyValue:
        return lark_.literal(name) + " " + arguments(tool, ",", ":") + " \"}\"";
      default: {
        const std::string head = "{\"" + std::string(format.name_key) + "\": \"" + tool.name +
                                 "\", \"" + std::string(format.arguments_key) + "\": ";
        return lark_.literal(begin + head) + " " + json_rule(tool.schema) + " \"}\"";
      }
    }
  }

  std::string named_json(const std::string& begin, const std::string& name,
                         const ToolSignature& tool) {
    if (calls().ids != CallIdStyle::kNumbered) {
      return lark_.literal(name) + " " + json_rule(tool.schema);
    }
    return lark_.literal(begin + "functions." + tool.name + ":") + " /[0-9]{1,3}/ " +
           lark_.literal(calls().name_end) + " " + json_rule(tool.schema);
  }

  std::string body_end() const { return optional_literal(calls().body_end); }

  // Each parameter in its tags, in the order of the schema.
  std::string parameters(const ToolSignature& tool) {
    std::string body;
    for (const ToolParameter& parameter : tool.parameters) {
      const std::string rule = lark_.add(tagged_parameter(parameter));
      body += rule + (parameter.required ? " " : "? ");
    }
    return body;
  }

  std::string tagged_parameter(const ToolParameter& parameter) {
    const CallFormat& format = calls();
    const std::string newline = format.newline_around_values ? "\n" : "";
    const std::string kind = !format.kinds_after_keys ? ""
                             : parameter.takes_string ? "\" string=\"true"
                                                      : "\" string=\"false";
    const std::string begin = std::string(format.key_begin) + parameter.name + kind +
                              std::string(format.key_end) + std::string(format.value_begin) +
                              newline;
    const std::string end = newline + std::string(format.value_end);
    const bool refers = parameter.schema.find("\"$ref\"") != std::string::npos;
    if (!parameter.takes_string && !refers) {
      return lark_.literal(begin) + " " + json_rule(parameter.schema) + " " + lark_.literal(end);
    }
    std::string values;
    for (const std::string& value : parameter.values) {
      const std::string text = unquote_json(value).value_or(value);
      values += (values.empty() ? "(" : " | ") + lark_.literal(text + end);
    }
    return lark_.literal(begin) + " " + (values.empty() ? lark_.until(end) : values + ")");
  }

  // name=value, ... in the order of the schema; optional ones may be left out.
  std::string arguments(const ToolSignature& tool, std::string_view comma,
                        std::string_view equals) {
    std::string first, rest;  // what may come from here on: at the start, or after another one
    for (size_t i = tool.parameters.size(); i-- > 0;) {
      const ToolParameter& parameter = tool.parameters[i];
      const std::string value = calls().syntax == CallSyntax::kPythonic
                                    ? python_value_rule(lark_, parameter)
                                    : key_value_rule(lark_, parameter, calls().quote);
      const std::string item =
          lark_.add(json_quoted(parameter.name + std::string(equals)) + " " + value);
      const std::string now = item + " " + rest;
      const std::string later = json_quoted(comma) + " " + item + " " + rest;
      if (parameter.required) {
        first = lark_.add(now);
        rest = lark_.add(later);
      } else {
        first = lark_.add(first.empty() ? "(" + now + ")?" : now + " | " + first);
        rest = lark_.add(rest.empty() ? "(" + later + ")?" : later + " | " + rest);
      }
    }
    return first;
  }

  // Parts with channels; the prompt ends where the first header begins.
  std::string harmony_message() {
    const std::string next = lark_.literal("<|end|><|start|>assistant");
    const std::string analysis =
        lark_.add(lark_.literal("<|channel|>analysis<|message|>") + " ANY_TEXT " + next);
    std::string body = rules_.may_reason ? analysis + "{0,8} " : "";
    std::string calls;
    for (const ToolSignature& tool : format_.tools) {
      const std::string head =
          "<|channel|>commentary to=functions." + tool.name + " <|constrain|>json<|message|>";
      calls += (calls.empty() ? "(" : " | ") +
               lark_.add(lark_.literal(head) + " " + json_rule(tool.schema));
    }
    const std::string final_part = lark_.literal("<|channel|>final<|message|>") + " " + content();
    if (calls.empty()) return body + final_part;
    if (rules_.must_call) return body + calls + ")";
    const std::string preamble =
        lark_.add(lark_.literal("<|channel|>commentary<|message|>") + " ANY_TEXT " + next);
    return body + preamble + "? " + calls + " | " + final_part + ")";
  }

  const MessageFormat& format_;
  const AnswerRules& rules_;
  LarkWriter lark_;
};

}  // namespace

std::string answer_grammar(const MessageFormat& format, const AnswerRules& rules,
                           const Tokenizer& tokenizer) {
  return AnswerGrammar(format, rules, tokenizer).source();
}

bool has_sure_opener(const Dialect& dialect) {
  if (dialect.calls.syntax == CallSyntax::kHarmony) return true;
  return std::ranges::any_of(dialect.calls.openers, [](const CallOpener& opener) {
    return !opener.text.empty() && !opener.tentative;
  });
}

}  // namespace trivet
