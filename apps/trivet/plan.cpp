#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "model_access.h"
#include "terminal.h"

namespace trivet {
namespace {

constexpr int kContexts[] = {512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072};

void print_text(const ModelPlan& plan) {
  Table parts({"part", "bytes"});
  uint64_t sum = 0;
  for (const MemoryItem& item : plan.memory.items) {
    parts.add({item.name, format_bytes(item.bytes)});
    sum += item.bytes;
  }
  parts.add({"sum", format_bytes(sum)});
  parts.add({"budget", format_bytes(plan.memory.budget_bytes)});
  fmt::print("{}\n", parts.text());
  fmt::print("cache: {} blocks of {} tokens, {} each; longest sequence {} tokens\n\n",
             plan.memory.num_blocks, plan.request.block_tokens,
             format_bytes(plan.request.kv_block_bytes), plan.memory.max_positions);
  Table users({"context", "users at once"});
  for (const int context : kContexts) {
    const int count = sequences_that_fit(plan.request, plan.memory, context);
    if (count > 0)
      users.add(
          {std::to_string(context), std::to_string(std::min(count, plan.request.max_sequences))});
  }
  fmt::print("{}", users.text());
}

void print_json(const ModelPlan& plan) {
  nlohmann::ordered_json out;
  out["budget_bytes"] = plan.memory.budget_bytes;
  for (const MemoryItem& item : plan.memory.items) out["parts"][item.name] = item.bytes;
  out["blocks"] = plan.memory.num_blocks;
  out["block_tokens"] = plan.request.block_tokens;
  out["block_bytes"] = plan.request.kv_block_bytes;
  out["max_model_len"] = plan.memory.max_positions;
  out["users"] = nlohmann::ordered_json::array();
  for (const int context : kContexts) {
    const int count = sequences_that_fit(plan.request, plan.memory, context);
    if (count > 0) {
      out["users"].push_back(
          {{"context", context}, {"count", std::min(count, plan.request.max_sequences)}});
    }
  }
  fmt::print("{}\n", out.dump(2));
}

Result<ModelPlan> make(const PlanOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const LoadOptions load, to_load_options(options.model));
  return plan_model(load);
}

}  // namespace

int plan(const PlanOptions& options) {
  const auto made = make(options);
  if (!made) return report_error(made.error());
  options.json ? print_json(*made) : print_text(*made);
  return 0;
}

}  // namespace trivet
