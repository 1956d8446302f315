#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "engine/engine.h"
#include "model_access.h"
#include "terminal.h"
#include "text/grammar.h"
#include "text/grammars/gbnf.h"

namespace trivet {
namespace {

// Set by Ctrl-C; the running answer is cancelled, the program goes on.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "written by a signal handler");

void on_interrupt(int) { interrupted.store(true); }

// Outputs of the one request that runs, handed from the engine thread to the terminal.
class OutputQueue final : public OutputSink {
 public:
  void deliver(std::vector<RequestOutput> outputs) override {
    const std::lock_guard lock(mutex_);
    for (RequestOutput& output : outputs) queue_.push_back(std::move(output));
    arrived_.notify_one();
  }

  // Waits for the next output, at most a little while, so that Ctrl-C is noticed.
  std::optional<RequestOutput> pop() {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, std::chrono::milliseconds(50), [&] { return !queue_.empty(); });
    if (queue_.empty()) return std::nullopt;
    RequestOutput output = std::move(queue_.front());
    queue_.pop_front();
    return output;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<RequestOutput> queue_;
};

GenerationParams to_params(const RunOptions& options, const GenerationDefaults& defaults) {
  GenerationParams params;
  params.temperature = options.temperature >= 0 ? static_cast<float>(options.temperature)
                                                : defaults.temperature.value_or(0.7f);
  params.top_p =
      options.top_p >= 0 ? static_cast<float>(options.top_p) : defaults.top_p.value_or(0.95f);
  params.top_k = options.top_k >= 0 ? options.top_k : defaults.top_k.value_or(40);
  params.min_p = defaults.min_p.value_or(0.0f);
  params.repetition_penalty = defaults.repetition_penalty.value_or(1.0f);
  params.seed = options.seed;
  if (options.max_tokens > 0) params.max_tokens = options.max_tokens;
  return params;
}

// What the files ask for; null if there are none.
Result<std::shared_ptr<const Grammar>> compile_grammar(const RunOptions& options,
                                                       const LoadedModel& model) {
  const bool is_schema = !options.json_schema_file.empty();
  const std::string& path = is_schema ? options.json_schema_file : options.grammar_file;
  if (path.empty()) return std::shared_ptr<const Grammar>();
  TranslatedGrammar grammar{is_schema ? GrammarKind::kJsonSchema : GrammarKind::kLark, ""};
  TRIVET_ASSIGN_OR_RETURN(grammar.source, read_text_file(path));
  if (!is_schema && is_gbnf(grammar.source)) {
    TRIVET_ASSIGN_OR_RETURN(grammar, translate_gbnf(grammar.source));
  }
  TRIVET_ASSIGN_OR_RETURN(
      const auto compiler,
      GrammarCompiler::create(model.tokenizer(), model.source().text().end_tokens));
  auto compiled = compiler->compile_shared(grammar.kind, grammar.source);
  if (!compiled) return compiled.error().with_context(path);
  return compiled;
}

// One model and one conversation.
class Conversation {
 public:
  Conversation(LoadedModel& model, Engine& engine, OutputQueue& outputs, const RunOptions& options,
               std::shared_ptr<const Grammar> grammar)
      : model_(model),
        engine_(engine),
        outputs_(outputs),
        options_(options),
        grammar_(std::move(grammar)) {
    clear();
  }

  void clear() {
    messages_ = nlohmann::json::array();
    if (!options_.system.empty())
      messages_.push_back({{"role", "system"}, {"content", options_.system}});
  }

  // Prints the answer as it comes and keeps both sides for the next turn.
  Result<void> answer(const std::string& text) {
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> prompt, make_prompt(text));
    EngineRequest request;
    request.id = fmt::format("run-{}", ++counter_);
    request.prompt = std::move(prompt);
    request.params = to_params(options_, model_.source().generation_defaults());
    request.params.grammar = grammar_;
    interrupted.store(false);
    TRIVET_RETURN_IF_ERROR(engine_.submit(request));
    TRIVET_ASSIGN_OR_RETURN(const std::string reply, print_until_finished(request.id));
    messages_.push_back({{"role", "assistant"}, {"content", reply}});
    return {};
  }

 private:
  Result<std::vector<TokenId>> make_prompt(const std::string& text) {
    if (options_.raw || model_.chat_template() == nullptr)
      return model_.tokenizer().encode(text, {});
    messages_.push_back({{"role", "user"}, {"content", text}});
    const std::string json =
        messages_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    TRIVET_ASSIGN_OR_RETURN(const std::string prompt,
                            model_.chat_template()->render({.messages_json = json}));
    return model_.tokenizer().encode(prompt,
                                     {.add_special_tokens = false, .parse_special_tokens = true});
  }

  Result<std::string> print_until_finished(const std::string& id) {
    std::string reply;
    bool cancelled = false;
    while (true) {
      if (interrupted.load() && !cancelled) {
        cancelled = true;
        engine_.cancel(id);
      }
      const auto output = outputs_.pop();
      if (!output) continue;
      for (const SequenceOutput& sequence : output->sequences) {
        fmt::print("{}", sequence.text);
        std::fflush(stdout);
        reply += sequence.text;
      }
      if (!output->finished) continue;
      fmt::print("\n");
      if (cancelled) fmt::print(stderr, "{}\n", styled(Style::kDim, "(stopped)"));
      if (options_.stats) print_stats(*output);
      if (output->error && !cancelled) return *output->error;
      return reply;
    }
  }

  static void print_stats(const RequestOutput& output) {
    const RequestTiming& t = output.timing;
    const double first = seconds_between(t.arrived, t.first_token),
                 rest = seconds_between(t.first_token, t.finished);
    const int later = output.usage.completion_tokens - 1;
    fmt::print(
        stderr, "{}\n",
        styled(
            Style::kDim,
            fmt::format(
                "{} prompt tokens ({} cached), first token {:.0f} ms, {} tokens, {:.1f} tokens/s",
                output.usage.prompt_tokens, output.usage.cached_tokens, first * 1e3,
                output.usage.completion_tokens, later > 0 && rest > 0 ? later / rest : 0.0)));
  }

  LoadedModel& model_;
  Engine& engine_;
  OutputQueue& outputs_;
  const RunOptions& options_;
  const std::shared_ptr<const Grammar> grammar_;  // null = free
  nlohmann::json messages_;
  int counter_ = 0;
};

int chat(Conversation& conversation) {
  fmt::print(
      stderr, "{}\n",
      styled(Style::kDim, "Ctrl-C stops an answer, Ctrl-D ends, /clear forgets the conversation."));
  std::string line;
  while (true) {
    fmt::print(stderr, "{}", styled(Style::kGreen, "> "));
    std::fflush(stderr);
    if (!std::getline(std::cin, line)) {
      if (std::cin.eof()) break;
      std::cin.clear();  // Ctrl-C at the prompt: only the line is gone
      std::clearerr(stdin);
      fmt::print(stderr, "\n");
      continue;
    }
    if (line.empty()) continue;
    if (line == "/exit" || line == "/quit" || line == "/bye") break;
    if (line == "/clear") {
      conversation.clear();
      continue;
    }
    const auto answered = conversation.answer(line);
    if (!answered) (void)report_error(answered.error());
  }
  return 0;
}

void install_interrupt_handler() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;  // no SA_RESTART: reading a line ends
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

int run(const RunOptions& options) {
  ModelOptions model_options = options.model;
  model_options.max_num_seqs = 1;  // one answer at a time leaves the memory to the context
  auto model = load_with_progress(model_options);
  if (!model) return report_error(model.error());
  if (!options.raw && (*model)->chat_template() == nullptr) {
    print_notice("this model has no chat template: it continues your text instead of answering it");
  }
  auto grammar = compile_grammar(options, **model);
  if (!grammar) return report_error(grammar.error());
  OutputQueue outputs;
  EngineOptions engine_options;
  engine_options.max_num_seqs = 1;
  engine_options.max_num_batched_tokens = (*model)->runner().limits().max_rows;
  engine_options.prefill_chunk = engine_options.max_num_batched_tokens;
  auto engine = Engine::create(engine_options, (*model)->runner(), (*model)->tokenizer(),
                               (*model)->source().text().end_tokens, outputs);
  if (!engine) return report_error(engine.error());

  install_interrupt_handler();
  Conversation conversation(**model, **engine, outputs, options, *std::move(grammar));
  if (options.prompt.empty()) return chat(conversation);
  const auto answered = conversation.answer(options.prompt);
  return answered ? 0 : report_error(answered.error());
}

}  // namespace trivet
