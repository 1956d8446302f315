#include "graph/print.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "graph/passes/pass_list.h"
#include "graph/testing/tiny_decoder.h"

namespace trivet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(OutlineTest, ShowsEachKindOfLayerOnce) {
  const GraphOutline uniform = outline(tiny_decoder({.num_layers = 6}));
  ASSERT_EQ(uniform.kinds.size(), 1u);
  EXPECT_EQ(uniform.kinds[0].layers.size(), 6u);
  const GraphOutline mixed = outline(tiny_decoder({.num_layers = 6, .window = 8}));
  ASSERT_EQ(mixed.kinds.size(), 2u);
  EXPECT_THAT(mixed.kinds[1].layers, ElementsAre(1, 3, 5));
}

TEST(LayerRangesTest, JoinsNeighbours) {
  EXPECT_EQ(layer_ranges({0, 1, 2, 4, 6, 7}), "0-2, 4, 6-7");
}

TEST(PrintTextTest, CollapsesLayersUnlessAllAreWanted) {
  const Graph graph = tiny_decoder({.num_layers = 4});
  EXPECT_THAT(print_text(graph), HasSubstr("4 layers like this: 0-3"));
  EXPECT_THAT(print_text(graph), Not(HasSubstr("layer.3.attn_q ")));
  EXPECT_THAT(print_text(graph, true), HasSubstr("layer.3.attn_q "));
}

TEST(PrintJsonTest, HoldsEveryNodeWithItsParameters) {
  const Graph graph = apply_passes(tiny_decoder()).value();
  const auto json = nlohmann::json::parse(print_json(graph));
  ASSERT_EQ(json["nodes"].size(), graph.nodes.size());
  EXPECT_EQ(json["nodes"].back()["op"], "linear");
  EXPECT_EQ(json["kv"]["groups"].size(), 1u);
}

TEST(PrintSvgTest, PutsGraphsSideBySideAndEscapesNames) {
  Graph before = tiny_decoder();
  before.nodes[0].name = "<&\">";
  const Graph after = apply_passes(tiny_decoder()).value();
  const std::vector<GraphColumn> columns = {{"as built", &before}, {"after passes", &after}};
  const std::string svg = print_svg(columns);
  EXPECT_THAT(svg, HasSubstr("width=\"920\""));
  EXPECT_THAT(svg, HasSubstr("&lt;&amp;&quot;&gt;"));
  EXPECT_THAT(svg, HasSubstr("\u00d7 2 layers (0-1)"));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace trivet
