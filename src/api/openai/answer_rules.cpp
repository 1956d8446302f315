#include "api/openai/answer_rules.h"

#include "dialects/answer_grammar.h"
#include "dialects/held_text.h"
#include "dialects/thinking_budget.h"
#include "text/grammars/lark.h"

namespace trivet {
namespace {

class AnswerRuler {
 public:
  AnswerRuler(const ChatRequest& request, const AnswerWishes& wishes, std::string_view prompt,
              const ServedModel& model, FirstError& error)
      : request_(request), wishes_(wishes), model_(model), error_(error), format_(*request.format) {
    const std::string_view end = trimmed(format_.reasoning.end);
    prompt.remove_suffix(with_space_before(prompt, 0));
    // The prompt may hold reasoning that is over.
    may_reason_ = !end.empty() && !prompt.ends_with(end);
  }

  std::shared_ptr<const Grammar> rule() {
    const bool bounded = wishes_.thinking_budget && may_reason_;
    const bool calls = wishes_.must_call || may_call();
    if (!calls && !bounded && !request_.common.output_format) return nullptr;
    if (model_.grammars == nullptr) return refuse();
    if (wishes_.must_call && !format_.dialect->has_calls()) {
      error_.bad_request("The server was started with a --tool-call-parser that knows no calls.",
                         "tool_choice");
      return nullptr;
    }
    if (!calls && !may_reason_) {
      return compile_format(*request_.common.output_format, model_, error_);
    }
    auto grammar = compile();
    if (!grammar || !bounded) return grammar;
    return with_thinking_budget(std::move(grammar), format_, *wishes_.thinking_budget,
                                *model_.tokenizer);
  }

 private:
  // Calls that the model may make are ruled where that can be done.
  bool may_call() const {
    return !format_.tools.empty() && model_.grammars != nullptr &&
           has_sure_opener(*format_.dialect);
  }

  std::shared_ptr<const Grammar> refuse() {
    const auto& output = request_.common.output_format;
    const std::string param = wishes_.must_call ? "tool_choice"
                              : output          ? output->param
                                                : "thinking_token_budget";
    error_.not_implemented("This server was started without grammars; leave `" + param + "` out.",
                           param);
    return nullptr;
  }

  std::shared_ptr<const Grammar> compile() {
    const auto first = try_compile();
    if (first) return *first;
    if (!loosen_tools()) return report(first.error());
    const auto second = try_compile();
    return second ? *second : report(second.error());
  }

  Result<std::shared_ptr<const Grammar>> try_compile() const {
    const auto& output = request_.common.output_format;
    const std::string content = output ? lark_rule(output->kind, output->source) : std::string();
    const AnswerRules rules{wishes_.must_call, may_reason_, content};
    return model_.grammars->compile_shared(GrammarKind::kLark,
                                           answer_grammar(format_, rules, *model_.tokenizer));
  }

  // Lets go of the schemas that cannot be compiled. False if that changes nothing, or a tool is
  // strict.
  bool loosen_tools() {
    bool changed = false;
    for (ToolSignature& tool : format_.tools) {
      const auto compiled = model_.grammars->compile_shared(GrammarKind::kJsonSchema, tool.schema);
      if (compiled) continue;
      if (tool.strict) {
        report(compiled.error().with_context("the schema of the tool \"" + tool.name + "\""));
        return false;
      }
      tool = read_signature(tool.name, "", false);
      changed = true;
    }
    return changed;
  }

  std::shared_ptr<const Grammar> report(const Error& error) {
    const auto& output = request_.common.output_format;
    ApiError bad = to_api_error(error);
    bad.param = format_.tools.empty() && output ? output->param : "tools";
    bad.message = "`" + *bad.param + "`: " + bad.message;
    error_.add(std::move(bad));
    return nullptr;
  }

  const ChatRequest& request_;
  const AnswerWishes& wishes_;
  const ServedModel& model_;
  FirstError& error_;
  MessageFormat format_;  // a copy, in which schemas may be loosened
  bool may_reason_ = false;
};

}  // namespace

std::optional<int> read_thinking_budget(Fields& fields) {
  std::optional<int> budget;
  for (const char* name : {"max_thinking_tokens", "thinking_token_budget"}) {
    fields.read(name, budget);
    if (budget && *budget < -1) {
      std::string message = std::string("`").append(name);
      message += "` must be -1 (none) or at least 0, got " + std::to_string(*budget) + ".";
      fields.error().bad_request(std::move(message), name);
    }
  }
  if (budget && *budget < 0) budget.reset();
  return budget;
}

void rule_answer(ChatRequest& request, const AnswerWishes& wishes, std::string_view prompt,
                 const ServedModel& model, FirstError& error) {
  request.common.params.grammar = AnswerRuler(request, wishes, prompt, model, error).rule();
}

}  // namespace trivet
