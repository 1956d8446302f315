// `trivet bench kernels`: single operations of a backend as shares of what the machine can do.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "measure/operation_bench.h"
#include "model_access.h"
#include "terminal.h"

namespace trivet {
namespace {

struct KernelRow {
  std::string operation;  // "linear q4_K", "quantize for q4_K", "attention f16"
  std::string shape;
  int threads = 0;
  int rows = 0;
  OperationRate rate;
};

Result<DType> dtype_of(const std::string& name) {
  std::string known;
  for (uint32_t t = 0; t < TRIVET_I32; ++t) {
    const std::string_view each = dtype_name(static_cast<DType>(t));
    if (each == name) return static_cast<DType>(t);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", each);
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--types {}: no such weight format; there are {}", name, known));
}

// Collects rows and shows each as it comes, as a run takes minutes.
class KernelTable {
 public:
  explicit KernelTable(bool quiet) : quiet_(quiet) {}

  void add(KernelRow row) {
    if (!quiet_) {
      fmt::print("{:<18} {:<30} {:>7} {:>5} {:>9.1f} {:>9.1f} {:>7} {:>9.1f} {:>7} {:>7}/{}\n",
                 row.operation, row.shape, row.threads, row.rows, row.rate.timing.seconds * 1e6,
                 row.rate.operations_per_second * 1e-9, percent(row.rate.of_operations()),
                 row.rate.bytes_per_second * 1e-9, percent(row.rate.of_bytes()),
                 row.rate.timing.clean, row.rate.timing.samples);
      std::fflush(stdout);
    }
    rows_.push_back(std::move(row));
  }

  void print_header(const std::string& device) const {
    if (quiet_) return;
    fmt::print("{}\n\n{:<18} {:<30} {:>7} {:>5} {:>9} {:>9} {:>7} {:>9} {:>7} {:>7}\n", device,
               "operation", "shape", "threads", "rows", "us", "GOPS", "of dot", "GB/s", "of read",
               "clean");
  }

  nlohmann::ordered_json json() const {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const KernelRow& row : rows_) {
      const OperationRate& rate = row.rate;
      out.push_back({{"operation", row.operation},
                     {"shape", row.shape},
                     {"threads", row.threads},
                     {"rows", row.rows},
                     {"seconds", rate.timing.seconds},
                     {"operations_per_second", rate.operations_per_second},
                     {"operations_limit", rate.operations_limit},
                     {"of_operations", rate.of_operations()},
                     {"bytes_per_second", rate.bytes_per_second},
                     {"bytes_limit", rate.bytes_limit},
                     {"of_bytes", rate.of_bytes()},
                     {"clean_samples", rate.timing.clean},
                     {"samples", rate.timing.samples}});
    }
    return out;
  }

 private:
  static std::string percent(double share) {
    return share > 0 ? fmt::format("{:.1f} %", 100 * share) : "-";
  }

  const bool quiet_;
  std::vector<KernelRow> rows_;
};

Result<void> measure_linears(Device& device, const KernelsOptions& options, DType dtype,
                             const BenchSeconds& seconds, KernelTable& table) {
  const int threads = device.info().num_threads;
  const std::string name(dtype_name(dtype));
  if (options.linear) {
    TRIVET_ASSIGN_OR_RETURN(const auto bench,
                            LinearBench::create(device, dtype, options.outputs, options.inputs));
    for (const int rows : options.rows) {
      TRIVET_ASSIGN_OR_RETURN(const OperationRate rate, bench->measure(rows, seconds));
      table.add({"linear " + name, fmt::format("{} x {}", options.inputs, options.outputs), threads,
                 rows, rate});
    }
  }
  if (options.quantize && is_quantized(dtype)) {
    TRIVET_ASSIGN_OR_RETURN(const OperationRate rate,
                            measure_quantize(device, dtype, options.inputs, seconds));
    table.add({"quantize for " + name, fmt::format("{} x 16", options.inputs), threads,
               LinearBench::kMostRows, rate});
  }
  return {};
}

Result<void> measure_attentions(Device& device, const BenchSeconds& seconds, KernelTable& table) {
  constexpr std::pair<const char*, trivet_kv_dtype> kCaches[] = {
      {"f16", TRIVET_KV_F16}, {"bf16", TRIVET_KV_BF16}, {"int8", TRIVET_KV_INT8}};
  for (const AttentionCase& shape : usual_attention_cases()) {
    for (const auto& [name, dtype] : kCaches) {
      const auto rate = measure_attention(device, shape, dtype, seconds);
      if (!rate && rate.error().code() == ErrorCode::kUnimplemented) continue;
      if (!rate) return rate.error();
      table.add({std::string("attention ") + name, shape.name, device.info().num_threads,
                 shape.tokens * shape.sequences, *rate});
    }
  }
  return {};
}

Result<void> measure_with(const KernelsOptions& options, int threads, KernelTable& table) {
  LoadOptions load;
  load.plugin_folder = program_folder();
  load.backend = options.backend;
  load.num_threads = threads;
  if (!options.isa.empty()) load.isa = options.isa;
  TRIVET_ASSIGN_OR_RETURN(const auto device, open_device(load));
  const BenchSeconds seconds = {options.seconds, options.seconds / 4};
  table.print_header(device->info().description);
  for (const std::string& name : options.types) {
    TRIVET_ASSIGN_OR_RETURN(const DType dtype, dtype_of(name));
    const auto measured = measure_linears(*device, options, dtype, seconds, table);
    if (!measured && measured.error().code() != ErrorCode::kUnimplemented) return measured.error();
    if (!measured) print_notice(measured.error().message());
  }
  return options.attention ? measure_attentions(*device, seconds, table) : Result<void>();
}

}  // namespace

int bench_kernels(const KernelsOptions& options) {
  KernelTable table(options.json);
  for (const int threads : options.threads) {
    const auto measured = measure_with(options, threads, table);
    if (!measured) return report_error(measured.error());
  }
  if (options.json) fmt::print("{}\n", table.json().dump(2));
  return 0;
}

}  // namespace trivet
