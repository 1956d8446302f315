#include "graph/passes/pass_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "graph/passes/fold_constants.h"
#include "graph/passes/fold_norm_scale.h"
#include "graph/passes/fuse_gate_up.h"
#include "graph/passes/fuse_norm_linear.h"
#include "graph/passes/fuse_qkv.h"
#include "graph/passes/fuse_residual.h"
#include "graph/passes/fuse_rope_kv_attention.h"
#include "graph/passes/last_token_head.h"
#include "graph/passes/refine_head.h"

namespace trivet {
namespace {

constexpr std::array kPasses = {
    Pass{"fold-constants", "removes scales by 1, folds the others into embeddings and norms", true,
         true, fold_constants},
    Pass{"last-token-head", "computes final norm and head only for rows whose logits are wanted",
         true, true, last_token_head},
    Pass{"fold-norm-scale", "multiplies norm weights into the float32 matrices that follow", false,
         false, fold_norm_scale},
    Pass{"fuse-qkv", "query, key and value projections become one linear of three segments", true,
         true, fuse_qkv},
    Pass{"fuse-gate-up", "gate and up projections and their activation become one linear", true,
         true, fuse_gate_up},
    Pass{"fuse-rope-kv-attention", "head norms, rotation and cache writes move into attention",
         true, true, fuse_rope_kv_attention},
    Pass{"fuse-norm-linear", "a norm read by linears only becomes their prologue", true, true,
         fuse_norm_linear},
    Pass{"fuse-residual", "an addition to the result of a linear or norm becomes its epilogue",
         true, true, fuse_residual},
    Pass{"refine-head",
         "keeps about 15 bits of the activations that the head reads, beside no K types", true,
         false, refine_head},
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<void> check_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool known = std::any_of(kPasses.begin(), kPasses.end(),
                                   [&](const Pass& pass) { return pass.name == name; });
    if (known) continue;
    std::string list;
    for (const Pass& pass : kPasses)
      list += fmt::format("{}{}", list.empty() ? "" : ", ", pass.name);
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("there is no graph pass \"{}\"; the passes are: {}", name, list));
  }
  return {};
}

}  // namespace

std::span<const Pass> pass_list() { return kPasses; }

Result<Graph> apply_passes(Graph graph, const PassOptions& options) {
  TRIVET_RETURN_IF_ERROR(check_names(options.disabled));
  TRIVET_RETURN_IF_ERROR(check_names(options.enabled));
  TRIVET_RETURN_IF_ERROR(validate(graph));
  for (const Pass& pass : kPasses) {
    const bool wanted = pass.on_by_default || contains(options.enabled, pass.name);
    if (!wanted || contains(options.disabled, pass.name)) continue;
    pass.run(graph);
    remove_unused(graph);
    if (Result<void> valid = validate(graph); !valid) {
      return Error(ErrorCode::kInternal, fmt::format("after the graph pass \"{}\": {}", pass.name,
                                                     valid.error().message()));
    }
  }
  return graph;
}

}  // namespace trivet
