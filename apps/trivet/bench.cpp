// `trivet bench MODEL`: tokens per second beside what the machine could do at most.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "bench_report.h"
#include "commands.h"
#include "model_access.h"
#include "terminal.h"

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

BenchResult summary(BenchResult::Kind kind, int size, const std::vector<double>& rates) {
  return {kind, size, median(rates), *std::min_element(rates.begin(), rates.end()),
          *std::max_element(rates.begin(), rates.end())};
}

Result<BenchResult> measure_prompt(Driver& driver, int length, int repeats) {
  TRIVET_RETURN_IF_ERROR(driver.reserve(1, length));
  TRIVET_RETURN_IF_ERROR(driver.prefill(0, length));  // warm
  std::vector<double> rates;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    TRIVET_RETURN_IF_ERROR(driver.prefill(0, length));
    rates.push_back(length / seconds_since(begin));
  }
  return summary(BenchResult::Kind::kPrompt, length, rates);
}

Result<BenchResult> measure_decode(Driver& driver, int batch, const BenchOptions& options) {
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
  return summary(BenchResult::Kind::kBatch, batch, rates);
}

// 0 of both where the device measures no limits.
MachineRates probe(const Device& device) {
  constexpr double kProbeSeconds = 0.2;
  MachineRates rates;
  const trivet_backend& table = device.table();
  if (table.measure_limit == nullptr) return rates;
  table.measure_limit(device.handle(), TRIVET_LIMIT_INT8_OPS, kProbeSeconds,
                      &rates.operations_per_second);
  table.measure_limit(device.handle(), TRIVET_LIMIT_READ_BYTES, kProbeSeconds,
                      &rates.read_bytes_per_second);
  return rates;
}

void add_limits(BenchReport& report) {
  const MachineRates& rates = report.rates;
  if (rates.operations_per_second <= 0 || rates.read_bytes_per_second <= 0) return;
  for (BenchResult& result : report.results) {
    result.limit = result.kind == BenchResult::Kind::kPrompt
                       ? prompt_limit(report.work, rates)
                       : decode_limit(report.work, rates, result.size, report.context,
                                      report.cache_bytes_per_element);
  }
}

Result<BenchReport> measure(LoadedModel& model, const BenchOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const GraphStages stages,
                          open_graph_stages(model.source().path(), options.model.disabled_passes));
  BenchReport report;
  report.name = model.source().config().name;
  report.path = model.source().path();
  report.device = model.device().info().description;
  report.work = step_work(stages.before);
  report.depth = options.depth;
  if (options.model.kv_dtype == "int8") report.cache_bytes_per_element = 1;
  report.context = options.depth + options.generate / 2;
  Driver driver(model);
  const MachineRates before = probe(model.device());
  for (const int length : options.prompts) {
    if (length == 0) continue;
    TRIVET_ASSIGN_OR_RETURN(report.results.emplace_back(),
                            measure_prompt(driver, length, options.repeats));
  }
  for (const int batch : options.batches) {
    if (batch == 0) continue;
    TRIVET_ASSIGN_OR_RETURN(report.results.emplace_back(), measure_decode(driver, batch, options));
  }
  const MachineRates after = probe(model.device());
  report.rates = {(before.operations_per_second + after.operations_per_second) / 2,
                  (before.read_bytes_per_second + after.read_bytes_per_second) / 2};
  add_limits(report);
  return report;
}

void print(const BenchReport& report) {
  fmt::print("{} on {}\n\n", report.name, report.device);
  Table table({"test", "tokens/s", "lowest", "highest", "limit", "of limit"});
  for (const BenchResult& r : report.results) {
    const bool known = r.limit > 0;
    table.add({r.test(report), fmt::format("{:.1f}", r.tokens_per_second),
               fmt::format("{:.1f}", r.lowest), fmt::format("{:.1f}", r.highest),
               known ? fmt::format("{:.1f}", r.limit) : "-",
               known ? fmt::format("{:.0f} %", 100 * r.tokens_per_second / r.limit) : "-"});
  }
  fmt::print("{}", table.text());
  if (report.rates.read_bytes_per_second <= 0) return;
  fmt::print("\nlimits beside it: {:.0f} GOPS of int8, {:.1f} GB/s of memory read\n",
             report.rates.operations_per_second * 1e-9, report.rates.read_bytes_per_second * 1e-9);
}

}  // namespace

int bench(const BenchOptions& options) {
  ModelOptions model_options = options.model;
  const int widest = *std::max_element(options.batches.begin(), options.batches.end());
  model_options.max_num_seqs = std::max(model_options.max_num_seqs, widest);
  auto model = load_with_progress(model_options);
  if (!model) return report_error(model.error());
  const auto report = measure(**model, options);
  if (!report) return report_error(report.error());
  if (options.json) {
    fmt::print("{}\n", bench_report_json(*report));
  } else {
    print(*report);
  }
  for (const auto& [path, text] :
       {std::pair{options.report_file, &bench_report_html}, {options.plot_file, &bench_plot_svg}}) {
    if (path.empty()) continue;
    const auto written = write_text_file(path, text(*report));
    if (!written) return report_error(written.error());
    print_notice("written: " + path);
  }
  return 0;
}

}  // namespace trivet
