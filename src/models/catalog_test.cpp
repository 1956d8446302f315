#include "models/catalog.h"

#include <gmock/gmock.h>

#include "graph/passes/pass_list.h"
#include "models/testing/tiny_model.h"
#include "program/testing/picky_backend.h"
#include "program/testing/paged_runner.h"

namespace trivet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr trivet_limits kLimits = {sizeof(trivet_limits), 32, 2, 32, 64};

std::string error_of(const ModelSource& source) {
  const Result<Graph> graph = build_model_graph(source);
  return graph ? "" : graph.error().message();
}

const GraphNode* node_named(const Graph& graph, const std::string& name) {
  for (const GraphNode& node : graph.nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

std::vector<float> logits_of(const Graph& graph) {
  const auto device = open_device(reference_backend());
  auto runner = PagedRunner::create(graph, *device, kLimits);
  if (!runner) check_failed(runner.error().message());
  const std::vector<int32_t> prompt = {3, 1, 4, 1, 5,  9,  2, 6, 5, 35,
                                       8, 9, 7, 9, 32, 38, 4, 6, 2, 6};
  Result<std::vector<float>> logits = (*runner)->run({{1, 0, {7, 0, 49}}, {0, 0, prompt}});
  if (!logits) check_failed(logits.error().message());
  return std::move(logits).value();
}

TEST(CatalogTest, NamesAnUnknownArchitectureAndTheKnownOnes) {
  TinyModel model("llama");
  model.mutable_config().architecture = "mamba9";
  EXPECT_THAT(error_of(model), AllOf(HasSubstr("tiny.model"), HasSubstr("\"mamba9\""),
                                     HasSubstr("llama, qwen2, gemma3")));
}

TEST(CatalogTest, RefusesConfigurationsThatCannotBe) {
  TinyModel model("llama");
  model.mutable_config().num_layers = 0;
  EXPECT_THAT(error_of(model), HasSubstr("0 layers"));
}

TEST(CatalogTest, NamesAMissingTensorWithItsShape) {
  TinyModel model("gemma3");
  model.remove("layer.1.attn_k_norm");
  EXPECT_THAT(error_of(model), HasSubstr("\"layer.1.attn_k_norm\" (1 x 16) is missing"));
  TinyModel qwen("qwen2");
  qwen.remove("layer.2.attn_v.bias");
  EXPECT_THAT(error_of(qwen), HasSubstr("\"layer.2.attn_v.bias\" (1 x 32) is missing"));
}

TEST(CatalogTest, NamesATensorOfTheWrongShapeInTheFile) {
  TinyModel model("llama");
  model.mutable_find("layer.2.ffn_up")->rows = 95;
  EXPECT_THAT(error_of(model),
              AllOf(HasSubstr("\"layer.2.ffn_up\""), HasSubstr("\"file:layer.2.ffn_up\""),
                    HasSubstr("is 95 x 64, must be 96 x 64")));
}

TEST(CatalogTest, RefusesTensorsThatTheArchitectureWouldIgnore) {
  TinyModel model("llama");
  model.add("layer.0.attn_q_norm", 1, 16);
  EXPECT_THAT(error_of(model), HasSubstr("\"layer.0.attn_q_norm\""));
}

TEST(CatalogTest, UsesBiasesWhereTheFileHasThem) {
  TinyModel model("llama");
  model.add("layer.0.attn_output.bias", 1, 64);
  const Graph graph = build_model_graph(model).value();
  EXPECT_NE(node_named(graph, "layer.0.attn_output")->as<trivet_linear_params>()->bias, nullptr);
  EXPECT_EQ(node_named(graph, "layer.1.attn_output")->as<trivet_linear_params>()->bias, nullptr);
}

TEST(CatalogTest, AddsTheNormOffsetToEveryNorm) {
  TinyModel model("gemma3");
  const Graph graph = build_model_graph(model).value();
  float stored;
  std::memcpy(&stored, model.find("layer.0.attn_q_norm")->data.data(), sizeof stored);
  EXPECT_EQ(node_named(graph, "layer.0.attn_q_norm")->as<trivet_head_norm_params>()->weight[0],
            stored + 1.0f);
}

TEST(CatalogTest, WindowedLayersHaveTheirOwnCacheGroupsAndRotation) {
  TinyModel model("gemma3");
  const Graph graph = build_model_graph(model).value();
  ASSERT_EQ(graph.kv_groups.size(), 3u);  // gcd(1, 2) = 1 layer in each
  EXPECT_EQ(graph.kv_groups[0].window, 0);
  EXPECT_EQ(graph.kv_groups[2].window, 8);
  const GraphNode* local = node_named(graph, "layer.1.attn_q_rope");
  const GraphNode* global = node_named(graph, "layer.2.attn_q_rope");
  EXPECT_NE(local->inputs[1], global->inputs[1]);
  EXPECT_EQ(node_named(graph, "layer.2.attn")->as<trivet_attention_params>()->kv_group, 0);
}

TEST(CatalogTest, AWindowAsLongAsTheContextIsNone) {
  TinyModel model("gemma3");
  model.mutable_config().sliding_window = 128;
  const Graph graph = build_model_graph(model).value();
  ASSERT_EQ(graph.kv_groups.size(), 1u);
  EXPECT_EQ(graph.kv_groups[0].layers, 3);
}

TEST(CatalogTest, RefusesBlocksThatAreNoMultipleOf16) {
  TinyModel model("llama");
  const Result<Graph> graph = build_model_graph(model, {.block_tokens = 40});
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(graph.error().message(), HasSubstr("40 tokens"));
}

using ModelCase = std::tuple<std::string, DType>;
class ModelPassesTest : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ModelPassesTest, PassesKeepEveryBitOfTheLogits) {
  const auto [architecture, dtype] = GetParam();
  TinyModel model(architecture, dtype);
  const Graph graph = build_model_graph(model).value();
  const Graph fused = apply_passes(graph).value();
  // Embedding, rope tables, gathered rows, head and its soft cap; post norms stay apart.
  const bool gemma = architecture == "gemma3";
  EXPECT_EQ(fused.nodes.size(), gemma ? 3u * 7 + 6 : 3u * 5 + 4);
  const std::vector<float> expected = logits_of(graph);
  EXPECT_EQ(logits_of(fused), expected);
  float largest = 0;
  for (float value : expected) largest = std::max(largest, std::abs(value));
  EXPECT_GT(largest, 0.1f);
}

INSTANTIATE_TEST_SUITE_P(All, ModelPassesTest,
                         ::testing::Combine(::testing::Values("llama", "qwen2", "gemma3"),
                                            ::testing::Values(DType::kF32, DType::kQ8_0,
                                                              DType::kQ4_0)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" +
                                  std::string(dtype_name(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace trivet
