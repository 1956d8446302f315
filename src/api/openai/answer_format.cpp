#include "api/openai/answer_format.h"

#include <algorithm>

#include "api/openai/tool_prompt.h"

namespace trivet {
namespace {

std::string_view template_source(const ServedModel& model) {
  return model.chat_template == nullptr ? "" : std::string_view(model.chat_template->source());
}

const Dialect& dialect_of(const ServedModel& model, bool with_tools) {
  const std::string_view source = template_source(model);
  const Dialect& dialect = model.dialect == nullptr ? find_dialect(source) : *model.dialect;
  const bool ours = with_tools && (!dialect.has_calls() || !template_shows_tools(source));
  return ours && model.dialect == nullptr ? generic_dialect() : dialect;
}

void read_reasoning(Fields& fields, const ServedModel& model, std::string_view prompt,
                    MessageFormat& format) {
  bool include_reasoning = true;
  std::string reasoning_format = "auto";  // llama.cpp's
  fields.read("include_reasoning", include_reasoning);
  fields.read("reasoning_format", reasoning_format);
  format.drop_reasoning = !include_reasoning;
  const ReasoningStyle* style =
      model.reasoning == nullptr ? find_reasoning(template_source(model)) : model.reasoning;
  if (style == nullptr || reasoning_format == "none") return;
  format.reasoning = style->tags;
  format.begins_with_reasoning = opens_reasoning(prompt, style->tags);
}

// All texts by which the answer is read.
std::vector<std::string_view> marks_of(const MessageFormat& format) {
  std::vector<std::string_view> marks = {format.reasoning.begin, format.reasoning.end};
  const Dialect& dialect = *format.dialect;
  std::ranges::copy(dialect.hidden, std::back_inserter(marks));
  if (dialect.calls.syntax == CallSyntax::kHarmony) marks.push_back("<|channel|>");
  if (format.tools.empty()) return marks;
  const CallFormat& calls = dialect.calls;
  for (const CallOpener& opener : calls.openers) {
    marks.insert(marks.end(), {opener.text, opener.close});
  }
  marks.insert(marks.end(), {calls.section_begin, calls.section_end, calls.call_begin,
                             calls.call_end, calls.name_begin, calls.name_end, calls.quote});
  return marks;
}

bool holds_control_token(std::string_view mark, const Tokenizer& tokenizer) {
  if (mark.empty()) return false;
  const auto tokens = tokenizer.encode(mark, {.add_special_tokens = false});
  return tokens &&
         std::ranges::any_of(*tokens, [&](TokenId token) { return tokenizer.is_special(token); });
}

void adapt(const MessageFormat& format, const ServedModel& model, GenerationParams& params) {
  const auto marks = marks_of(format);
  if (std::ranges::any_of(marks, [&](std::string_view mark) {
        return holds_control_token(mark, *model.tokenizer);
      })) {
    params.skip_special_tokens = false;
  }
  if (format.tools.empty()) return;
  for (const std::string_view end : format.dialect->ends) {
    const auto token = end.empty() ? std::nullopt : model.tokenizer->find(end);
    if (token && std::ranges::find(model.end_tokens, *token) == model.end_tokens.end()) {
      params.stop_tokens.push_back(*token);
    }
  }
}

}  // namespace

std::shared_ptr<const MessageFormat> read_answer_format(Fields& fields, const ServedModel& model,
                                                        std::string_view prompt, ToolUse use,
                                                        GenerationParams& params) {
  auto format = std::make_shared<MessageFormat>();
  format->dialect = &dialect_of(model, !use.tools.empty());
  format->tools = std::move(use.tools);
  format->parallel_calls = use.parallel;
  read_reasoning(fields, model, prompt, *format);
  adapt(*format, model, params);
  return format;
}

}  // namespace trivet
