#include "graph/graph.h"

#include <gmock/gmock.h>

#include "graph/graph_builder.h"
#include "graph/testing/tiny_decoder.h"

namespace trivet {
namespace {

using ::testing::HasSubstr;

size_t find_node(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].name == name) return i;
  }
  ADD_FAILURE() << "no node " << name;
  return 0;
}

std::string error_of(const Graph& graph) {
  const Result<void> result = validate(graph);
  return result ? "" : result.error().message();
}

TEST(ValidateTest, AcceptsEveryVariantOfTheTinyDecoder) {
  EXPECT_EQ(error_of(tiny_decoder()), "");
  EXPECT_EQ(error_of(tiny_decoder({.bias = true,
                                   .head_norms = true,
                                   .post_norms = true,
                                   .embedding_scale = 3,
                                   .softcap = 30,
                                   .window = 8})),
            "");
}

TEST(ValidateTest, NamesTheNodeThatReadsAValueTooEarly) {
  Graph graph = tiny_decoder();
  std::swap(graph.nodes[find_node(graph, "layer.1.attn_q")],
            graph.nodes[find_node(graph, "layer.1.attn_norm")]);
  EXPECT_THAT(error_of(graph), HasSubstr("node \"layer.1.attn_q\" (linear): reads value"));
}

TEST(ValidateTest, NamesTheWeightOfTheWrongWidth) {
  Graph graph = tiny_decoder();
  const GraphNode& node = graph.nodes[find_node(graph, "layer.0.ffn_down")];
  GraphWeight& weight = graph.weights[static_cast<size_t>(node.weights[0])];
  weight.cols = 32;
  weight.data = weight.data.first(static_cast<size_t>(weight.rows) * 32 * 4);
  EXPECT_THAT(error_of(graph), HasSubstr("weight \"ffn_down\" is 32 x 32, its input has 48"));
}

TEST(ValidateTest, RefusesWeightsWhoseBytesDoNotMatchTheirShape) {
  Graph graph = tiny_decoder();
  graph.weights[0].data = graph.weights[0].data.first(graph.weights[0].data.size() - 4);
  EXPECT_THAT(error_of(graph), HasSubstr("weight \"token_embedding\" has 5116 bytes"));
}

TEST(ValidateTest, RefusesAttentionBeforeItsCacheIsWritten) {
  Graph graph = tiny_decoder();
  graph.nodes.erase(graph.nodes.begin() +
                    static_cast<std::ptrdiff_t>(find_node(graph, "layer.1.attn_kv_write")));
  EXPECT_THAT(error_of(graph), HasSubstr("cache 0:1 is read before it is written"));
}

TEST(ValidateTest, RefusesTwoLayersInOneCacheSlot) {
  Graph graph = tiny_decoder();
  graph.nodes[find_node(graph, "layer.1.attn_kv_write")].as<trivet_kv_write_params>()->kv_layer = 0;
  EXPECT_THAT(error_of(graph), HasSubstr("cache 0:0 is written twice"));
}

TEST(ValidateTest, RefusesConstantsThatTheGraphDoesNotOwn) {
  Graph graph = tiny_decoder();
  const std::vector<float> elsewhere(32, 1.0f);
  graph.nodes[find_node(graph, "layer.0.ffn_norm")].as<trivet_rms_norm_params>()->weight =
      elsewhere.data();
  EXPECT_THAT(error_of(graph), HasSubstr("weight is not a constant of the graph"));
}

TEST(ValidateTest, RefusesAnOutputWithARowPerToken) {
  Graph graph = tiny_decoder();
  graph.output = graph.nodes[find_node(graph, "output")].output;
  EXPECT_THAT(error_of(graph), HasSubstr("must come from rows that were gathered"));
}

TEST(ValidateTest, RefusesCacheBlocksThatAreNoMultipleOf16Tokens) {
  Graph graph = tiny_decoder();
  graph.kv.block_tokens = 24;
  EXPECT_THAT(error_of(graph), HasSubstr("a multiple of 16"));
}

TEST(GraphBuilderTest, ReportsTheFirstMistakeAndNoLaterOne) {
  GraphBuilder builder("test");
  const ValueId table = builder.rope_table("table", {1.0f, 0.5f}, 1.0f);
  const ValueId wrong = builder.rms_norm("short_norm", table, {1.0f}, 1e-5f);
  builder.linear("later", wrong, 3);
  const Result<Graph> graph = builder.finish(wrong);
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(graph.error().message(),
              HasSubstr("node \"short_norm\" (rms_norm): weight has 1 values, needs 4"));
}

TEST(RemoveUnusedTest, DropsUnreadNodesWithTheirWeightsAndConstantsAndKeepsTheRest) {
  Graph graph = tiny_decoder();
  const size_t nodes = graph.nodes.size(), weights = graph.weights.size(),
               constants = graph.constants.size(), values = graph.values.size();
  // A second reader of the embedding whose result nobody reads: norm (constant) and linear
  // (weight).
  GraphNode norm = graph.nodes[find_node(graph, "layer.0.attn_norm")];
  norm.as<trivet_rms_norm_params>()->weight = graph.add_constant(std::vector<float>(32, 2.0f));
  norm.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"extra_norm", 32, RowDomain::kTokens});
  GraphNode linear = graph.nodes[find_node(graph, "layer.0.attn_q")];
  graph.weights.push_back(graph.weights[static_cast<size_t>(linear.weights[0])]);
  linear.weights = {static_cast<WeightId>(graph.weights.size() - 1)};
  linear.inputs = {norm.output};
  linear.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"extra_linear", 32, RowDomain::kTokens});
  graph.nodes.push_back(norm);
  graph.nodes.push_back(linear);
  ASSERT_EQ(error_of(graph), "");

  remove_unused(graph);
  EXPECT_EQ(graph.nodes.size(), nodes);
  EXPECT_EQ(graph.weights.size(), weights);
  EXPECT_EQ(graph.constants.size(), constants);
  EXPECT_EQ(graph.values.size(), values);
  EXPECT_EQ(error_of(graph), "");
}

}  // namespace
}  // namespace trivet
