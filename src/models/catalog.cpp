#include "models/catalog.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "models/architectures.h"

namespace trivet {
namespace {

constexpr std::array kCatalog = {
    CatalogEntry{"llama", build_llama},
    CatalogEntry{"qwen2", build_qwen2},
    CatalogEntry{"gemma3", build_gemma3},
};

// What builders divide by and allocate with; sources check more (bounds, divisibility).
Result<void> check_counts(const ModelConfig& c) {
  const bool positive = c.num_layers > 0 && c.hidden_size > 0 && c.intermediate_size > 0 &&
                        c.num_heads > 0 && c.num_kv_heads > 0 && c.head_dim > 0 &&
                        c.vocab_size > 0 && c.rope.rotary_dim > 0;
  if (positive) return {};
  return Error(ErrorCode::kDataLoss,
               fmt::format("a configuration of {} layers, {} hidden and {} intermediate values, {} "
                           "and {} heads of {} ({} rotating), {} tokens: all must be positive",
                           c.num_layers, c.hidden_size, c.intermediate_size, c.num_heads,
                           c.num_kv_heads, c.head_dim, c.rope.rotary_dim, c.vocab_size));
}

Result<Graph> build(const CatalogEntry& entry, const ModelSource& source,
                    const ModelGraphOptions& options) {
  TRIVET_RETURN_IF_ERROR(check_counts(source.config()));
  return entry.build(source, options);
}

}  // namespace

std::span<const CatalogEntry> model_catalog() { return kCatalog; }

Result<Graph> build_model_graph(const ModelSource& source, const ModelGraphOptions& options) {
  const std::string& architecture = source.config().architecture;
  std::string known;
  for (const CatalogEntry& entry : kCatalog) {
    if (entry.architecture == architecture) {
      Result<Graph> graph = build(entry, source, options);
      if (!graph) return graph.error().with_context(source.path());
      return graph;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.architecture);
  }
  return Error(ErrorCode::kUnimplemented,
               fmt::format("{}: the architecture \"{}\" is not supported; supported are: {}",
                           source.path(), architecture, known));
}

}  // namespace trivet
