#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>

#include "commands.h"
#include "model_access.h"
#include "terminal.h"
#include "version.h"

namespace trivet {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Drives the runner without an engine: sequences with their own blocks, tokens that do not matter.
class Driver {
 public:
  explicit Driver(LoadedModel& model) : runner_(model.runner()), limits_(runner_.limits()) {}

  // Room for `sequences` of `positions` tokens; an error if the cache is smaller.
  Result<void> reserve(int sequences, int positions) {
    const int per_sequence = (positions + limits_.block_tokens - 1) / limits_.block_tokens;
    const int groups = static_cast<int>(limits_.kv_groups.size());
    if (sequences > limits_.max_sequences || positions > limits_.max_positions ||
        static_cast<int64_t>(per_sequence) * groups * sequences > limits_.num_blocks) {
      return Error(
          ErrorCode::kResourceExhausted,
          fmt::format("{} sequences of {} tokens do not fit into {} blocks of {} tokens for {} "
                      "groups of layers; "
                      "raise --memory, --max-num-seqs or --max-model-len",
                      sequences, positions, limits_.num_blocks, limits_.block_tokens, groups));
    }
    batch_.block_table_stride = per_sequence;
    batch_.block_tables.assign(static_cast<size_t>(groups), {});
    BlockId next = 0;
    for (auto& table : batch_.block_tables) {
      table.resize(static_cast<size_t>(per_sequence) * static_cast<size_t>(sequences));
      for (BlockId& block : table) block = next++;
    }
    sequences_ = sequences;
    return {};
  }

  // Computes positions [begin, end) of every sequence, at most max_rows at a time.
  Result<void> prefill(int begin, int end) {
    for (int sequence = 0; sequence < sequences_; ++sequence) {
      for (int position = begin; position < end; position += limits_.max_rows) {
        TRIVET_RETURN_IF_ERROR(
            forward_chunk(sequence, position, std::min(end, position + limits_.max_rows)));
      }
    }
    return {};
  }

  // One token for every sequence, with its logits and the most probable token.
  Result<void> decode(int position) {
    StepBatch step = batch_;
    for (int sequence = 0; sequence < sequences_; ++sequence) {
      step.tokens.push_back(token_);
      step.positions.push_back(position);
      step.row_begin.push_back(sequence);
    }
    step.row_begin.push_back(sequences_);
    TRIVET_RETURN_IF_ERROR(runner_.forward(step));
    std::vector<int32_t> rows(static_cast<size_t>(sequences_));
    std::iota(rows.begin(), rows.end(), 0);
    const auto portion = static_cast<size_t>(limits_.max_output_rows);
    for (size_t begin = 0; begin < rows.size(); begin += portion) {
      const std::span<const int32_t> some(rows.data() + begin,
                                          std::min(portion, rows.size() - begin));
      TRIVET_ASSIGN_OR_RETURN(const std::span<float> logits, runner_.logits(some));
      const auto row = logits.first(static_cast<size_t>(limits_.vocab_size));
      token_ = static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
    }
    return {};
  }

 private:
  Result<void> forward_chunk(int sequence, int begin, int end) {
    StepBatch step;
    step.block_table_stride = batch_.block_table_stride;
    const auto stride = static_cast<size_t>(batch_.block_table_stride);
    for (const auto& table : batch_.block_tables) {
      const auto first =
          table.begin() + static_cast<ptrdiff_t>(stride * static_cast<size_t>(sequence));
      step.block_tables.emplace_back(first, first + static_cast<ptrdiff_t>(stride));
    }
    for (int position = begin; position < end; ++position) {
      step.tokens.push_back((position * 131 + sequence * 17) % limits_.vocab_size);
      step.positions.push_back(position);
    }
    step.row_begin = {0, end - begin};
    return runner_.forward(step);
  }

  ModelRunner& runner_;
  const RunnerLimits& limits_;
  StepBatch batch_;  // tables of all sequences
  int sequences_ = 0;
  TokenId token_ = 1;
};

struct Measurement {
  std::string test;
  double tokens_per_second = 0, lowest = 0, highest = 0;
};

Measurement summary(std::string test, const std::vector<double>& rates) {
  return {std::move(test), median(rates), *std::min_element(rates.begin(), rates.end()),
          *std::max_element(rates.begin(), rates.end())};
}

Result<Measurement> measure_prompt(Driver& driver, int length, int repeats) {
  TRIVET_RETURN_IF_ERROR(driver.reserve(1, length));
  TRIVET_RETURN_IF_ERROR(driver.prefill(0, length));  // warm
  std::vector<double> rates;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    TRIVET_RETURN_IF_ERROR(driver.prefill(0, length));
    rates.push_back(length / seconds_since(begin));
  }
  return summary(fmt::format("prompt {}", length), rates);
}

Result<Measurement> measure_decode(Driver& driver, int batch, const BenchOptions& options) {
  TRIVET_RETURN_IF_ERROR(driver.reserve(batch, options.depth + options.generate));
  TRIVET_RETURN_IF_ERROR(driver.prefill(0, options.depth));
  std::vector<double> rates;
  for (int i = 0; i < options.repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < options.generate; ++step) {
      TRIVET_RETURN_IF_ERROR(driver.decode(options.depth + step));
    }
    rates.push_back(static_cast<double>(batch) * options.generate / seconds_since(begin));
  }
  return summary(fmt::format("batch {} at {}", batch, options.depth), rates);
}

Result<std::vector<Measurement>> measure(LoadedModel& model, const BenchOptions& options) {
  Driver driver(model);
  std::vector<Measurement> results;
  for (const int length : options.prompts) {
    TRIVET_ASSIGN_OR_RETURN(results.emplace_back(),
                            measure_prompt(driver, length, options.repeats));
  }
  for (const int batch : options.batches) {
    TRIVET_ASSIGN_OR_RETURN(results.emplace_back(), measure_decode(driver, batch, options));
  }
  return results;
}

void print(const LoadedModel& model, const std::vector<Measurement>& results, bool json) {
  if (json) {
    nlohmann::ordered_json out;
    out["version"] = kVersion;
    out["model"] = model.source().path();
    out["device"] = model.device().info().description;
    for (const Measurement& m : results) {
      out["results"].push_back({{"test", m.test},
                                {"tokens_per_second", m.tokens_per_second},
                                {"lowest", m.lowest},
                                {"highest", m.highest}});
    }
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("{} on {}\n\n", model.source().config().name, model.device().info().description);
  Table table({"test", "tokens/s", "lowest", "highest"});
  for (const Measurement& m : results) {
    table.add({m.test, fmt::format("{:.1f}", m.tokens_per_second), fmt::format("{:.1f}", m.lowest),
               fmt::format("{:.1f}", m.highest)});
  }
  fmt::print("{}", table.text());
}

}  // namespace

int bench(const BenchOptions& options) {
  ModelOptions model_options = options.model;
  const int widest = *std::max_element(options.batches.begin(), options.batches.end());
  model_options.max_num_seqs = std::max(model_options.max_num_seqs, widest);
  auto model = load_with_progress(model_options);
  if (!model) return report_error(model.error());
  const auto results = measure(**model, options);
  if (!results) return report_error(results.error());
  print(**model, *results, options.json);
  return 0;
}

namespace {

struct LimitRow {
  trivet_machine_limit limit;
  const char* name;
  const char* key;
  double scale;
  const char* unit;
};

constexpr LimitRow kLimits[] = {
    {TRIVET_LIMIT_INT8_OPS, "int8 dot products", "int8_ops_per_second", 1e-9, "GOPS"},
    {TRIVET_LIMIT_BF16_FLOPS, "bf16 dot products", "bf16_flops_per_second", 1e-9, "GFLOPS"},
    {TRIVET_LIMIT_F32_FLOPS, "float32 multiply-add", "f32_flops_per_second", 1e-9, "GFLOPS"},
    {TRIVET_LIMIT_READ_BYTES, "memory read", "read_bytes_per_second", 1e-9, "GB/s"},
    {TRIVET_LIMIT_FORK_JOIN_SECONDS, "parallel region", "fork_join_seconds", 1e6, "us"},
};

}  // namespace

int bench_limits(const LimitsOptions& options) {
  LoadOptions load;
  load.plugin_folder = program_folder();
  load.backend = options.backend;
  load.num_threads = options.threads;
  if (!options.isa.empty()) load.isa = options.isa;
  const auto device = open_device(load);
  if (!device) return report_error(device.error());
  const trivet_backend& table = (*device)->table();
  if (table.measure_limit == nullptr) {
    return report_error(Error(ErrorCode::kUnimplemented,
                              "backend '" + (*device)->backend().name() + "' measures no limits"));
  }
  Table text({"limit", "value", "unit"});
  nlohmann::ordered_json json;
  json["device"] = (*device)->info().description;
  for (const LimitRow& row : kLimits) {
    double value = 0;
    const bool known =
        table.measure_limit((*device)->handle(), row.limit, options.seconds, &value) == TRIVET_OK;
    text.add({row.name, known ? fmt::format("{:.1f}", value * row.scale) : "-", row.unit});
    if (known) json[row.key] = value;
  }
  if (options.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}\n\n{}", (*device)->info().description, text.text());
  }
  return 0;
}

}  // namespace trivet
