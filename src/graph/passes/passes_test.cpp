// What each pass leaves of the tiny decoder. That values stay the same is tested where programs
// run.
#include <gmock/gmock.h>

#include <map>

#include "graph/passes/pass_list.h"
#include "graph/passes/refine_head.h"
#include "graph/testing/tiny_decoder.h"

namespace trivet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Only the named pass.
Graph run_only(const Graph& graph, const std::string& name) {
  PassOptions options;
  for (const Pass& pass : pass_list()) {
    if (pass.name != name) options.disabled.emplace_back(pass.name);
  }
  options.enabled = {name};
  Result<Graph> result = apply_passes(graph, options);
  if (!result) check_failed(result.error().message());
  return std::move(result).value();
}

std::map<std::string_view, int> count_ops(const Graph& graph) {
  std::map<std::string_view, int> counts;
  for (const GraphNode& node : graph.nodes) ++counts[op_name(node.params)];
  return counts;
}

const GraphNode& node_named(const Graph& graph, const std::string& name) {
  for (const GraphNode& node : graph.nodes) {
    if (node.name == name) return node;
  }
  check_failed("no node " + name);
}

std::vector<std::string> names_outside_layers(const Graph& graph) {
  std::vector<std::string> names;
  for (const GraphNode& node : graph.nodes) {
    if (node.layer < 0) names.push_back(node.name);
  }
  return names;
}

TEST(FoldConstantsTest, PutsTheScaleIntoTheEmbeddingAndRemovesScalesByOne) {
  Graph graph = tiny_decoder({.embedding_scale = 5});
  GraphNode identity = node_named(graph, "embedding_scale");
  identity.as<trivet_scale_params>()->factor = 1;
  identity.name = "identity";
  identity.inputs = {graph.output};
  identity.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"identity", 40, RowDomain::kOutputs});
  graph.output = identity.output;
  graph.nodes.push_back(identity);

  const Graph folded = run_only(graph, "fold-constants");
  EXPECT_EQ(count_ops(folded)["scale"], 0);
  EXPECT_EQ(node_named(folded, "token_embedding").as<trivet_embedding_params>()->scale, 5.0f);
}

TEST(FoldConstantsTest, KeepsAScaleWhoseInputHasAnotherReader) {
  Graph graph = tiny_decoder({.embedding_scale = 5});
  // The first norm now reads the unscaled embedding.
  for (GraphNode& node : graph.nodes) {
    if (node.name == "layer.0.attn_norm") {
      node.inputs = {node_named(graph, "token_embedding").output};
    }
  }
  EXPECT_EQ(count_ops(run_only(graph, "fold-constants"))["scale"], 1);
}

TEST(FoldNormScaleTest, MovesNormWeightsIntoFloatMatricesOnly) {
  Graph graph = tiny_decoder();
  const Graph folded = run_only(graph, "fold-norm-scale");
  const GraphNode& up = node_named(folded, "layer.0.ffn_up");
  const GraphWeight& weight = folded.weights[static_cast<size_t>(up.weights[0])];
  const auto* norm = node_named(folded, "layer.0.ffn_norm").as<trivet_rms_norm_params>();
  const auto* before = node_named(graph, "layer.0.ffn_norm").as<trivet_rms_norm_params>();
  EXPECT_EQ(weight.column_scale, before->weight);
  EXPECT_THAT(std::vector<float>(norm->weight, norm->weight + 32), ::testing::Each(1.0f));
}

TEST(FoldNormScaleTest, KeepsTheNormWhereOneReaderIsNotFloat32) {
  Graph graph = tiny_decoder();
  const WeightId id = node_named(graph, "layer.0.ffn_up").weights[0];
  GraphWeight& half = graph.weights[static_cast<size_t>(id)];
  half.dtype = DType::kF16;
  half.data = half.data.first(half.data.size() / 2);
  const Graph folded = run_only(graph, "fold-norm-scale");
  EXPECT_EQ(node_named(folded, "layer.0.ffn_norm").as<trivet_rms_norm_params>()->weight,
            node_named(graph, "layer.0.ffn_norm").as<trivet_rms_norm_params>()->weight);
}

TEST(FuseQkvTest, MakesOneLinearWithThreeWeightsAndJoinedBiases) {
  const Graph graph = tiny_decoder({.bias = true});
  const Graph fused = run_only(graph, "fuse-qkv");
  const GraphNode& qkv = node_named(fused, "layer.0.attn_qkv");
  ASSERT_NE(qkv.as<trivet_linear_params>(), nullptr);
  EXPECT_EQ(qkv.weights.size(), 3u);
  const float* key_bias = node_named(graph, "layer.0.attn_k").as<trivet_linear_params>()->bias;
  EXPECT_EQ(fused.constant_size(qkv.as<trivet_linear_params>()->bias), 64);
  EXPECT_EQ(qkv.as<trivet_linear_params>()->bias[32 + 5], key_bias[5]);
  EXPECT_EQ(count_ops(fused)["concat"], 2);  // those of the feed-forward stay
}

TEST(FuseQkvTest, LeavesProjectionsOfWhichOnlySomeHaveABias) {
  Graph graph = tiny_decoder({.bias = true});
  for (GraphNode& node : graph.nodes) {
    if (node.name == "layer.0.attn_k") node.as<trivet_linear_params>()->bias = nullptr;
  }
  const Graph fused = run_only(graph, "fuse-qkv");
  EXPECT_NE(node_named(fused, "layer.0.attn_qkv").as<ConcatParams>(), nullptr);
  EXPECT_NE(node_named(fused, "layer.1.attn_qkv").as<trivet_linear_params>(), nullptr);
}

TEST(FuseGateUpTest, MakesOneLinearWithAnActivation) {
  const Graph fused = run_only(tiny_decoder({.activation = TRIVET_ACT_GELU_TANH}), "fuse-gate-up");
  const GraphNode& node = node_named(fused, "layer.1.ffn_gate_up");
  ASSERT_NE(node.as<trivet_linear_params>(), nullptr);
  EXPECT_EQ(node.as<trivet_linear_params>()->activation, uint32_t{TRIVET_ACT_GELU_TANH});
  EXPECT_EQ(node.weights.size(), 2u);
  EXPECT_EQ(count_ops(fused)["gated_activation"], 0);
}

TEST(FuseNormLinearTest, LeavesNoNormThatOnlyLinearsRead) {
  const Graph fused = run_only(tiny_decoder(), "fuse-norm-linear");
  EXPECT_EQ(count_ops(fused)["rms_norm"], 0);
  EXPECT_NE(node_named(fused, "layer.0.attn_k").as<trivet_linear_params>()->norm_weight, nullptr);
}

TEST(FuseNormLinearTest, KeepsNormsThatAnAdditionReads) {
  const Graph fused = run_only(tiny_decoder({.post_norms = true}), "fuse-norm-linear");
  EXPECT_EQ(count_ops(fused)["rms_norm"], 4);  // two post norms in each of two layers
}

TEST(FuseRopeKvAttentionTest, LeavesOneNodeBetweenProjections) {
  const Graph fused = run_only(tiny_decoder({.head_norms = true}), "fuse-rope-kv-attention");
  auto counts = count_ops(fused);
  EXPECT_EQ(counts["rope"] + counts["head_norm"] + counts["kv_write"], 0);
  const auto* attention = node_named(fused, "layer.1.attn").as<trivet_attention_params>();
  EXPECT_EQ(attention->fused_rope_write, 1);
  EXPECT_EQ(attention->rotary_dim, 8);
  EXPECT_NE(attention->query_norm, nullptr);
  EXPECT_EQ(attention->norm_eps, 1e-6f);
}

TEST(FuseRopeKvAttentionTest, LeavesANormThatRunsAfterTheRotation) {
  Graph graph = tiny_decoder({.head_norms = true});
  auto swap_params = [&](const char* a, const char* b) {
    GraphNode *first = nullptr, *second = nullptr;
    for (GraphNode& node : graph.nodes) {
      if (node.name == a) first = &node;
      if (node.name == b) second = &node;
    }
    std::swap(first->params, second->params);
    const ValueId table = second->inputs[1];
    second->inputs.resize(1);
    first->inputs.push_back(table);
  };
  swap_params("layer.0.attn_q_norm", "layer.0.attn_q_rope");
  auto counts = count_ops(run_only(graph, "fuse-rope-kv-attention"));
  EXPECT_EQ(counts["rope"], 2);  // layer 0 is left, layer 1 is fused
  EXPECT_EQ(counts["kv_write"], 1);
}

TEST(FuseResidualTest, TurnsAdditionsIntoEpilogues) {
  const Graph plain = run_only(tiny_decoder(), "fuse-residual");
  EXPECT_EQ(count_ops(plain)["add"], 0);
  const Graph post = run_only(tiny_decoder({.post_norms = true}), "fuse-residual");
  EXPECT_EQ(count_ops(post)["add"], 0);
  const auto* norm = node_named(post, "layer.0.ffn_post_norm").as<trivet_rms_norm_params>();
  EXPECT_EQ(norm->add_residual, 1);
}

std::vector<std::string> names_of_fine_linears(const Graph& graph) {
  std::vector<std::string> names;
  for (const GraphNode& node : graph.nodes) {
    const auto* linear = node.as<trivet_linear_params>();
    if (linear != nullptr && linear->fine_activations != 0) names.push_back(node.name);
  }
  return names;
}

TEST(RefineHeadTest, MarksTheHeadWhateverFollowsItFusedOrNot) {
  const Graph decoder = tiny_decoder({.softcap = 30});
  EXPECT_THAT(names_of_fine_linears(run_only(decoder, "refine-head")), ElementsAre("output"));
  const Graph fused = std::move(apply_passes(decoder, PassOptions())).value();
  EXPECT_THAT(names_of_fine_linears(fused), ElementsAre("output"));
}

TEST(RefineHeadTest, LeavesModelsWithKTypesAlone) {
  Graph graph = tiny_decoder();
  graph.weights.back().dtype = DType::kQ4_K;
  graph.weights.back().usage = TRIVET_WEIGHT_LINEAR;
  refine_head(graph);
  EXPECT_THAT(names_of_fine_linears(graph), ElementsAre());
}

TEST(LastTokenHeadTest, GathersBeforeTheFinalNorm) {
  EXPECT_THAT(names_outside_layers(run_only(tiny_decoder({.softcap = 30}), "last-token-head")),
              ElementsAre("token_embedding", "rope_table", "logit_rows", "output_norm", "output",
                          "logit_softcap"));
}

TEST(ApplyPassesTest, LeavesFiveOperationsPerLayer) {
  const Result<Graph> fused = apply_passes(tiny_decoder({.bias = true, .head_norms = true}));
  ASSERT_TRUE(fused.ok()) << fused.error().message();
  std::vector<std::string> names;
  for (const GraphNode& node : fused->nodes) {
    if (node.layer == 1) names.push_back(node.name);
  }
  EXPECT_THAT(names, ElementsAre("layer.1.attn_qkv", "layer.1.attn", "layer.1.attn_output",
                                 "layer.1.ffn_gate_up", "layer.1.ffn_down"));
}

TEST(ApplyPassesTest, ListsThePassesWhenANameIsUnknown) {
  const Result<Graph> result = apply_passes(tiny_decoder(), {.disabled = {"fuse-everything"}});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message(),
              HasSubstr("\"fuse-everything\"; the passes are: fold-constants, last-token-head"));
}

}  // namespace
}  // namespace trivet
