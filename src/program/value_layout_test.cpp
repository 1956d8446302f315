#include "program/value_layout.h"

#include <gmock/gmock.h>

#include "graph/passes/pass_list.h"
#include "graph/testing/tiny_decoder.h"
#include "program/placement.h"
#include "program/testing/picky_backend.h"

namespace trivet {
namespace {

constexpr trivet_limits kLayoutLimits = {sizeof(trivet_limits), 48, 3, 32, 64};

struct Laid {
  PlacedGraph placed;
  ValueLayout layout;

  uint64_t begin(ValueId value) const { return layout.offsets[static_cast<size_t>(value)]; }
  uint64_t end(ValueId value) const {
    const GraphValue& v = placed.graph.values[static_cast<size_t>(value)];
    const int rows =
        v.domain == RowDomain::kTokens ? kLayoutLimits.max_rows : kLayoutLimits.max_output_rows;
    return begin(value) + static_cast<uint64_t>(rows) * static_cast<uint64_t>(v.cols) * 4;
  }
  bool overlap(ValueId a, ValueId b) const { return begin(a) < end(b) && begin(b) < end(a); }
};

Laid lay_out(const Graph& graph) {
  const auto device = open_device(reference_backend());
  DevicePair devices(*device);
  Laid laid{place_operations(graph, devices).value(), {}};
  laid.layout = layout_values(laid.placed.graph, laid.placed.body_size, kLayoutLimits);
  return laid;
}

// Heads that are small and large against the rest, fused and not.
std::vector<Graph> graphs() {
  std::vector<Graph> result;
  for (int vocab : {40, 400}) {
    const Graph graph = tiny_decoder(
        {.vocab = vocab, .bias = true, .head_norms = true, .post_norms = true, .softcap = 5});
    result.push_back(graph);
    result.push_back(apply_passes(graph).value());
    result.push_back(apply_passes(graph, {.disabled = {"fuse-residual"}}).value());
  }
  return result;
}

TEST(ValueLayoutTest, NothingIsWrittenOverAValueThatIsStillRead) {
  for (const Graph& graph : graphs()) {
    const Laid laid = lay_out(graph);
    const auto& nodes = laid.placed.graph.nodes;
    for (size_t writer = 0; writer < nodes.size(); ++writer) {
      const ValueId output = nodes[writer].output;
      if (output == kNoValue) continue;
      // Values written before and read after this node.
      for (size_t before = 0; before < writer; ++before) {
        const ValueId value = nodes[before].output;
        if (value == kNoValue) continue;
        for (size_t reader = writer + 1; reader < nodes.size(); ++reader) {
          for (ValueId input : nodes[reader].inputs) {
            EXPECT_FALSE(input == value && laid.overlap(value, output))
                << nodes[writer].name << " spoils " << nodes[before].name;
          }
        }
      }
    }
  }
}

TEST(ValueLayoutTest, TheHeadLeavesWhatItReadsOfTheBody) {
  for (const Graph& graph : graphs()) {
    const Laid laid = lay_out(graph);
    const auto& nodes = laid.placed.graph.nodes;
    for (size_t writer = laid.placed.body_size; writer < nodes.size(); ++writer) {
      for (size_t reader = laid.placed.body_size; reader < nodes.size(); ++reader) {
        for (ValueId input : nodes[reader].inputs) {
          const bool of_body =
              laid.placed.graph.values[static_cast<size_t>(input)].domain == RowDomain::kTokens;
          EXPECT_FALSE(of_body && laid.overlap(input, nodes[writer].output))
              << nodes[writer].name << " spoils what " << nodes[reader].name << " reads";
        }
      }
    }
  }
}

TEST(ValueLayoutTest, OutputsOverlapTheirInputsOnlyWhereTheAbiAllowsIt) {
  for (const Graph& graph : graphs()) {
    const Laid laid = lay_out(graph);
    for (const GraphNode& node : laid.placed.graph.nodes) {
      const bool in_place = node.as<trivet_rope_params>() || node.as<trivet_head_norm_params>() ||
                            node.as<AddParams>() || node.as<trivet_softcap_params>() ||
                            node.as<trivet_scale_params>();
      if (node.output == kNoValue || node.inputs.empty() || in_place) continue;
      EXPECT_FALSE(laid.overlap(node.inputs[0], node.output)) << node.name;
    }
  }
}

TEST(ValueLayoutTest, FusedAdditionsWriteOverTheirResidual) {
  const Laid laid = lay_out(apply_passes(tiny_decoder()).value());
  int shared = 0;
  for (const GraphNode& node : laid.placed.graph.nodes) {
    const auto* linear = node.as<trivet_linear_params>();
    if (!linear || !linear->add_residual) continue;
    EXPECT_EQ(laid.begin(node.output), laid.begin(node.inputs[1])) << node.name;
    ++shared;
  }
  EXPECT_EQ(shared, 4);
}

}  // namespace
}  // namespace trivet
