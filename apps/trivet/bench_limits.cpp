// `trivet bench limits`: what the machine can do at most.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "model_access.h"
#include "terminal.h"

namespace trivet {
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
