// What constrained output costs: tokens per second of a full batch with a schema against free text,
// alternated in one run, and how long masks make steps.
//
// usage: constrained MODEL [--batch N] [--tokens N] [--rounds N] [--seconds N] [--schema FILE]
// [--plugins FOLDER]
// [--threads N]
// Prints one JSON object. Rates are medians over the rounds with the lowest and highest; delays are
// percentiles over all constrained steps, of all sequences of a step together.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/model_loader.h"
#include "text/grammar.h"

namespace trivet {
namespace {

// People: nested, with what schemas of real tools have.
constexpr const char* kSchema = R"({"type": "array", "minItems": 1, "items": {
  "type": "object", "additionalProperties": false,
  "required": ["name", "age", "email", "role", "address", "tags"],
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 40},
    "age": {"type": "integer", "minimum": 0, "maximum": 120},
    "email": {"type": "string", "format": "email"},
    "role": {"enum": ["admin", "editor", "viewer"]},
    "address": {"type": "object", "required": ["street", "zip"], "additionalProperties": false,
                "properties": {"street": {"type": "string"},
                               "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}})";

struct Options {
  std::string model, plugins = ".", schema_file;
  int batch = 8, tokens = 256, rounds = 6, threads = 0;
  double seconds = 4;
};

// Counts what ends, and keeps what each step says.
class Collector final : public OutputSink, public EngineObserver {
 public:
  void deliver(std::vector<RequestOutput> outputs) override {
    const std::lock_guard lock(mutex_);
    for (const RequestOutput& output : outputs) {
      if (output.finished) --live_;
    }
    changed_.notify_one();
  }
  void on_step(const EngineStats& stats, int rows, double) override {
    const std::lock_guard lock(mutex_);
    if (rows > 0) delays_.push_back(stats.mask_delay_seconds);
  }
  void on_finish(const RequestOutput&, const EngineRequest&) override {}

  void count_submitted() {
    const std::lock_guard lock(mutex_);
    ++live_;
  }
  // Until fewer than this many are live, or the time has come.
  void wait_below(int live, TimePoint until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [&] { return live_ < live; });
  }
  int live() {
    const std::lock_guard lock(mutex_);
    return live_;
  }
  std::vector<double> take_delays() {
    const std::lock_guard lock(mutex_);
    return std::exchange(delays_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int live_ = 0;
  std::vector<double> delays_;
};

class Bench {
 public:
  Bench(const Options& options, LoadedModel& model, Engine& engine, Collector& collector)
      : options_(options), model_(model), engine_(engine), collector_(collector) {}

  // Keeps the batch full for some seconds: who ends is followed by the next.
  Result<double> tokens_per_second(std::shared_ptr<const Grammar> grammar) {
    const TimePoint start = clock_.now();
    const TimePoint end = start + std::chrono::milliseconds(int64_t(options_.seconds * 1000));
    const uint64_t before = engine_.stats().generated_tokens;
    while (clock_.now() < end) {
      while (collector_.live() < options_.batch) TRIVET_RETURN_IF_ERROR(submit(grammar));
      collector_.wait_below(options_.batch, end);
    }
    const uint64_t tokens = engine_.stats().generated_tokens - before;
    const double seconds = seconds_between(start, clock_.now());
    for (int i = 0; i < count_; ++i) engine_.cancel(fmt::format("r{}", i));
    collector_.wait_below(1, clock_.now() + std::chrono::seconds(60));
    return static_cast<double>(tokens) / seconds;
  }

 private:
  Result<void> submit(const std::shared_ptr<const Grammar>& grammar) {
    EngineRequest request;
    request.id = fmt::format("r{}", count_++);
    TRIVET_ASSIGN_OR_RETURN(request.prompt,
                            model_.tokenizer().encode("A list of people as JSON:\n", {}));
    request.params.max_tokens = options_.tokens;
    request.params.temperature = 1.0f;
    request.params.seed = static_cast<uint64_t>(count_);
    request.params.ignore_eos = grammar == nullptr;
    request.params.grammar = grammar;
    collector_.count_submitted();
    return engine_.submit(std::move(request));
  }

  const Options& options_;
  LoadedModel& model_;
  Engine& engine_;
  Collector& collector_;
  SteadyClock clock_;
  int count_ = 0;
};

nlohmann::json rate_json(std::vector<double> rates) {
  std::ranges::sort(rates);
  const auto rounded = [](double rate) { return std::round(rate * 10) / 10; };
  return {{"median", rounded(rates[rates.size() / 2])},
          {"lowest", rounded(rates.front())},
          {"highest", rounded(rates.back())}};
}

nlohmann::json delay_json(std::vector<double> delays) {
  std::ranges::sort(delays);
  const auto milliseconds = [&](double share) {
    const auto at = static_cast<size_t>(share * static_cast<double>(delays.size() - 1));
    return std::round(delays[at] * 1e6) / 1e3;
  };
  return {{"p50", milliseconds(0.5)},
          {"p99", milliseconds(0.99)},
          {"max", milliseconds(1)},
          {"steps", delays.size()}};
}

Result<std::string> read_schema(const Options& options) {
  if (options.schema_file.empty()) return std::string(kSchema);
  std::ifstream file(options.schema_file);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.empty()) return Error(ErrorCode::kNotFound, options.schema_file + ": cannot be read");
  return text;
}

Result<nlohmann::json> run(const Options& options) {
  LoadOptions load;
  load.model_path = options.model;
  load.plugin_folder = options.plugins;
  load.num_threads = options.threads;
  load.max_num_seqs = options.batch;
  load.max_model_len = 1024;
  TRIVET_ASSIGN_OR_RETURN(const auto model, load_model(load));
  const auto& ends = model->source().text().end_tokens;
  SteadyClock clock;
  const TimePoint start = clock.now();
  TRIVET_ASSIGN_OR_RETURN(const auto compiler, GrammarCompiler::create(model->tokenizer(), ends));
  const double vocabulary_seconds = seconds_between(start, clock.now());
  TRIVET_ASSIGN_OR_RETURN(const std::string schema, read_schema(options));
  const TimePoint before = clock.now();
  TRIVET_ASSIGN_OR_RETURN(const auto grammar,
                          compiler->compile_shared(GrammarKind::kJsonSchema, schema));
  const double compile_seconds = seconds_between(before, clock.now());

  Collector collector;
  EngineOptions engine_options;
  engine_options.max_num_seqs = options.batch;
  engine_options.max_num_batched_tokens = model->runner().limits().max_rows;
  TRIVET_ASSIGN_OR_RETURN(const auto engine,
                          Engine::create(engine_options, model->runner(), model->tokenizer(), ends,
                                         collector, &collector));
  Bench bench(options, *model, *engine, collector);
  TRIVET_RETURN_IF_ERROR(bench.tokens_per_second(nullptr));  // warm
  std::vector<double> free, constrained, delays;
  for (int round = 0; round < options.rounds; ++round) {
    for (const bool with_grammar : {round % 2 == 0, round % 2 != 0}) {
      collector.take_delays();
      TRIVET_ASSIGN_OR_RETURN(const double rate,
                              bench.tokens_per_second(with_grammar ? grammar : nullptr));
      (with_grammar ? constrained : free).push_back(rate);
      if (!with_grammar) continue;
      for (const double delay : collector.take_delays()) delays.push_back(delay);
    }
  }
  std::vector<double> ratios;
  for (size_t i = 0; i < free.size(); ++i) ratios.push_back(100 * (1 - constrained[i] / free[i]));
  return nlohmann::json{{"model", options.model},
                        {"batch", options.batch},
                        {"tokens", options.tokens},
                        {"vocabulary_ms", std::round(vocabulary_seconds * 1e3)},
                        {"compile_ms", std::round(compile_seconds * 1e4) / 10},
                        {"free_tokens_per_second", rate_json(free)},
                        {"constrained_tokens_per_second", rate_json(constrained)},
                        {"cost_percent", rate_json(ratios)},
                        {"mask_delay_ms", delay_json(delays)}};
}

}  // namespace
}  // namespace trivet

int main(int argc, char** argv) {
  trivet::Options options;
  CLI::App app("What constrained output costs");
  app.add_option("model", options.model)->required();
  app.add_option("--batch", options.batch);
  app.add_option("--tokens", options.tokens);
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "of each measurement");
  app.add_option("--schema", options.schema_file);
  app.add_option("--plugins", options.plugins);
  app.add_option("--threads", options.threads);
  CLI11_PARSE(app, argc, argv);
  const auto result = trivet::run(options);
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message());
    return 1;
  }
  fmt::print("{}\n", result->dump(2));
  return 0;
}
