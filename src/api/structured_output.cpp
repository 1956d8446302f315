#include "api/structured_output.h"

#include <utility>
#include <vector>

#include "api/structural_tag.h"
#include "text/grammars/gbnf.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kAnyObject = R"({"type":"object"})";

std::string regex_of_choices(const std::vector<std::string>& choices) {
  constexpr std::string_view kSpecial = R"(\.+*?()|[]{}^$#&-~/)";
  std::string regex;
  for (const std::string& choice : choices) {
    regex += regex.empty() ? "(" : "|";
    for (const char letter : choice) {
      if (kSpecial.find(letter) != std::string_view::npos) regex += '\\';
      regex += letter;
    }
  }
  return regex + ")";
}

// Collects what the fields of one request ask for.
class FormatReader {
 public:
  explicit FormatReader(Fields& fields) : fields_(fields) {}

  std::optional<OutputFormat> read() {
    read_response_format();
    read_structured_outputs();
    read_constraints(fields_, "guided_", "");
    if (const auto schema = fields_.find("json_schema")) add_schema(*schema, "json_schema");
    add_grammar(fields_, "grammar", "");
    return std::move(format_);
  }

 private:
  void add(GrammarKind kind, std::string source, std::string param) {
    if (fields_.error()) return;
    if (format_) {
      fields_.error().bad_request("The request asks for more than one form of its answer: `" +
                                      format_->param + "` and `" + param + "`. Leave one out.",
                                  param);
      return;
    }
    format_ = OutputFormat{kind, std::move(source), std::move(param)};
  }

  // As an object, or as its text.
  void add_schema(element schema, const std::string& param) {
    if (schema.is_object() || schema.is_bool()) {
      return add(GrammarKind::kJsonSchema, to_json(schema), param);
    }
    if (schema.is_string()) {
      return add(GrammarKind::kJsonSchema, std::string(schema.get_string().value_unsafe()), param);
    }
    fields_.wrong_type(param, "a JSON schema", schema);
  }

  void add_grammar(Fields& from, const std::string& name, const std::string& prefix) {
    std::string source;
    from.read(name, source);
    if (source.empty()) return;
    if (!is_gbnf(source)) return add(GrammarKind::kLark, std::move(source), prefix + name);
    auto grammar = translate_gbnf(source);
    if (!grammar) return fields_.error().bad_request(grammar.error().message(), prefix + name);
    add(grammar->kind, std::move(grammar->source), prefix + name);
  }

  void add_structural_tag(element tag, const std::string& param) {
    auto source = translate_structural_tag(tag);
    if (!source) return fields_.error().bad_request(source.error().message(), param);
    add(GrammarKind::kLark, std::move(*source), param);
  }

  void read_response_format() {
    const auto format = fields_.find("response_format");
    const auto inside = fields_.read_object("response_format");
    if (!inside) return;
    Fields inner(*inside, fields_.error(), "response_format.");
    std::string type;
    inner.read("type", type);
    if (type == "text" || fields_.error()) return;
    if (type == "structural_tag") return add_structural_tag(*format, "response_format");
    if (type == "json_object" || type == "json_schema") return read_json_format(inner, type);
    fields_.error().bad_request(
        "`response_format.type` must be \"text\", \"json_object\", \"json_schema\" or "
        "\"structural_tag\", got \"" +
            type + "\".",
        "response_format");
  }

  // The schema lies in "json_schema"; llama.cpp's clients put it beside the type.
  void read_json_format(Fields& inner, const std::string& type) {
    std::optional<element> schema = inner.find("schema");
    if (const auto wrapped = inner.read_object("json_schema")) {
      Fields described(*wrapped, fields_.error(), "response_format.json_schema.");
      schema = described.find("schema");
    }
    if (schema) return add_schema(*schema, "response_format");
    if (type == "json_object") {
      return add(GrammarKind::kJsonSchema, std::string(kAnyObject), "response_format");
    }
    fields_.error().bad_request(
        "`response_format` of type \"json_schema\" needs `json_schema.schema`.", "response_format");
  }

  void read_structured_outputs() {
    const auto inside = fields_.read_object("structured_outputs");
    if (!inside) return;
    const std::string prefix = "structured_outputs.";
    Fields inner(*inside, fields_.error(), prefix);
    read_constraints(inner, "", prefix);
    bool any_object = false;
    inner.read("json_object", any_object);
    if (any_object) {
      add(GrammarKind::kJsonSchema, std::string(kAnyObject), prefix + "json_object");
    }
    if (const auto tag = inner.find("structural_tag")) {
      add_structural_tag(*tag, prefix + "structural_tag");
    }
  }

  void read_constraints(Fields& from, const std::string& before, const std::string& prefix) {
    if (const auto schema = from.find(before + "json")) {
      add_schema(*schema, prefix + before + "json");
    }
    std::string regex;
    from.read(before + "regex", regex);
    if (!regex.empty()) add(GrammarKind::kRegex, std::move(regex), prefix + before + "regex");
    std::vector<std::string> choices;
    from.read(before + "choice", choices);
    if (!choices.empty()) {
      add(GrammarKind::kRegex, regex_of_choices(choices), prefix + before + "choice");
    } else if (from.has(before + "choice")) {
      fields_.error().bad_request("`" + prefix + before + "choice` must not be empty.",
                                  prefix + before + "choice");
    }
    add_grammar(from, before + "grammar", prefix);
  }

  Fields& fields_;
  std::optional<OutputFormat> format_;
};

}  // namespace

std::optional<OutputFormat> read_output_format(Fields& fields) {
  auto format = FormatReader(fields).read();
  if (fields.error()) format.reset();
  return format;
}

std::shared_ptr<const Grammar> compile_format(const OutputFormat& format, const ServedModel& model,
                                              FirstError& error) {
  if (model.grammars == nullptr) {
    error.not_implemented(
        "This server was started without grammars; leave `" + format.param + "` out.",
        format.param);
    return nullptr;
  }
  auto compiled = model.grammars->compile_shared(format.kind, format.source);
  if (compiled) return *compiled;
  ApiError bad = to_api_error(compiled.error());
  bad.message = "`" + format.param + "`: " + bad.message;
  bad.param = format.param;
  error.add(std::move(bad));
  return nullptr;
}

}  // namespace trivet
