// How fast a model's step program runs by itself, without engine, sampling and text: rows per
// second of a prompt in chunks, and of one row at a time behind it.
//
// usage: program_step MODEL [--plugins FOLDER] [--threads N] [--prompt N] [--chunk N] [--decode N]
// [--repeat N]
//                     [--disable-pass NAME]
// Prints one JSON object; rates are medians over the repetitions, with the lowest and highest.
// --plugins "" measures the reference.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "base/clock.h"
#include "graph/passes/pass_list.h"
#include "models/catalog.h"
#include "program/testing/paged_runner.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

struct Options {
  std::string model;
  std::string plugins = ".";
  int threads = 0;
  int prompt = 512, chunk = 64, decode = 64, repeat = 5;
  std::vector<std::string> disabled_passes;
};

Result<std::unique_ptr<Device>> open_device(const Options& options) {
  std::shared_ptr<Backend> backend;
  if (options.plugins.empty()) {
    TRIVET_ASSIGN_OR_RETURN(backend, Backend::from_table(reference_backend()));
  } else {
    std::vector<std::string> warnings;
    auto found = Backend::discover(options.plugins, &warnings);
    for (const std::string& warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
    if (found.empty()) {
      return Error(ErrorCode::kNotFound, "no backend plugin in \"" + options.plugins + "\"");
    }
    backend = found.front();
  }
  return Device::create(std::move(backend), {.num_threads = options.threads});
}

nlohmann::json rate_json(std::vector<double> rates) {
  std::sort(rates.begin(), rates.end());
  const auto rounded = [](double rate) { return std::round(rate * 10) / 10; };
  return {{"median", rounded(rates[rates.size() / 2])},
          {"lowest", rounded(rates.front())},
          {"highest", rounded(rates.back())}};
}

// Rows per second of the prompt; the head runs once, for its last row.
Result<double> run_prompt(PagedRunner& runner, const std::vector<int32_t>& tokens, int chunk) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t begin = 0; begin < tokens.size(); begin += static_cast<size_t>(chunk)) {
    const size_t end = std::min(begin + static_cast<size_t>(chunk), tokens.size());
    const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = tokens.begin() + static_cast<std::ptrdiff_t>(end);
    TRIVET_RETURN_IF_ERROR(runner.run_body({{0, static_cast<int>(begin), {first, last}}}));
    if (end == tokens.size()) {
      TRIVET_RETURN_IF_ERROR(runner.run_head({static_cast<int32_t>(end - begin) - 1}));
    }
  }
  return static_cast<double>(tokens.size()) /
         seconds_between(start, std::chrono::steady_clock::now());
}

Result<double> run_decode(PagedRunner& runner, int first_position, int count) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    TRIVET_RETURN_IF_ERROR(runner.run_body({{0, first_position + i, {i + 1}}}));
    TRIVET_RETURN_IF_ERROR(runner.run_head({0}));
  }
  return count / seconds_between(start, std::chrono::steady_clock::now());
}

nlohmann::json memory_json(const ProgramMemory& memory) {
  return {{"weight_bytes", memory.weight_bytes},
          {"in_place_bytes", memory.in_place_bytes},
          {"activation_bytes", memory.activation_bytes},
          {"kv_block_bytes", memory.kv_block_bytes}};
}

Result<void> measure(const Options& options) {
  TRIVET_ASSIGN_OR_RETURN(const auto source, ModelSource::open(options.model));
  TRIVET_ASSIGN_OR_RETURN(Graph graph, build_model_graph(*source));
  TRIVET_ASSIGN_OR_RETURN(graph,
                          apply_passes(std::move(graph), {.disabled = options.disabled_passes}));
  TRIVET_ASSIGN_OR_RETURN(const auto device, open_device(options));
  const int positions = options.prompt + options.decode;
  const trivet_limits limits = {sizeof(trivet_limits), options.chunk, 1, 1, positions};
  const auto load_start = std::chrono::steady_clock::now();
  TRIVET_ASSIGN_OR_RETURN(const ProgramMemory plan, StepProgram::plan(graph, *device, limits));
  const auto plan_end = std::chrono::steady_clock::now();
  TRIVET_ASSIGN_OR_RETURN(const auto runner, PagedRunner::create(graph, *device, limits));
  const auto load_end = std::chrono::steady_clock::now();

  std::mt19937 random(1);
  std::uniform_int_distribution<int32_t> any_token(0, source->config().vocab_size - 1);
  std::vector<int32_t> tokens(static_cast<size_t>(options.prompt));
  for (int32_t& token : tokens) token = any_token(random);
  std::vector<double> prompt_rates, decode_rates;
  for (int i = 0; i < options.repeat; ++i) {
    TRIVET_ASSIGN_OR_RETURN(const double prompt, run_prompt(*runner, tokens, options.chunk));
    TRIVET_ASSIGN_OR_RETURN(const double decode,
                            run_decode(*runner, options.prompt, options.decode));
    prompt_rates.push_back(prompt);
    decode_rates.push_back(decode);
  }
  const nlohmann::json report = {{"model", source->path()},
                                 {"device", device->info().description},
                                 {"operations", runner->program().num_operations()},
                                 {"warnings", runner->program().warnings()},
                                 {"prompt_tokens", options.prompt},
                                 {"chunk_rows", options.chunk},
                                 {"plan_seconds", seconds_between(load_start, plan_end)},
                                 {"lower_seconds", seconds_between(plan_end, load_end)},
                                 {"planned", memory_json(plan)},
                                 {"used", memory_json(runner->program().memory())},
                                 {"prompt_tokens_per_second", rate_json(prompt_rates)},
                                 {"decode_tokens_per_second", rate_json(decode_rates)}};
  fmt::print("{}\n", report.dump(1));
  return {};
}

}  // namespace
}  // namespace trivet

int main(int argc, char** argv) {
  trivet::Options options;
  CLI::App app{"Measures a model's step program"};
  app.add_option("model", options.model, "GGUF file or folder")->required();
  app.add_option("--plugins", options.plugins, "Folder of backend plugins; empty = the reference");
  app.add_option("--threads", options.threads, "0 = all");
  app.add_option("--prompt", options.prompt)->check(CLI::Range(1, 1 << 20));
  app.add_option("--chunk", options.chunk)->check(CLI::Range(1, 1 << 16));
  app.add_option("--decode", options.decode)->check(CLI::Range(1, 1 << 20));
  app.add_option("--repeat", options.repeat)->check(CLI::Range(1, 1000));
  app.add_option("--disable-pass", options.disabled_passes);
  CLI11_PARSE(app, argc, argv);
  const trivet::Result<void> result = trivet::measure(options);
  if (result) return 0;
  fmt::print(stderr, "program_step: {}\n", result.error().message());
  return 1;
}
