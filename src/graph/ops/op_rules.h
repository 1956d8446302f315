// What the graph knows of each operation: its name, its shape rule, and how its parameters print.
// A new operation = its functions in a file here, one line in kOpRules, one alternative in
// OpParams.
#ifndef TRIVET_GRAPH_OPS_OP_RULES_H_
#define TRIVET_GRAPH_OPS_OP_RULES_H_

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace trivet {

struct OpShape {
  int32_t cols = 0;  // of the output; 0 = the operation has none
  RowDomain domain = RowDomain::kTokens;
};

// Name and printed value of one parameter.
using OpAttribute = std::pair<std::string, std::string>;

struct OpRule {
  std::string_view name;
  uint32_t kind;  // of the ABI; 0 = graph only
  // Checks parameters, inputs and weights (whose ids are in range) and gives the shape of the
  // output.
  Result<OpShape> (*shape)(const Graph& graph, const GraphNode& node);
  std::vector<OpAttribute> (*attributes)(const GraphNode& node);
  bool row_wise;  // an output row depends on nothing but the same row of the inputs
};

const OpRule& op_rule(const OpParams& params);

// Shape rules, one for each alternative of OpParams.
Result<OpShape> embedding_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> rope_table_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> rms_norm_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> linear_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> head_norm_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> rope_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> kv_write_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> attention_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> gated_activation_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> add_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> scale_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> gather_rows_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> softcap_shape(const Graph& graph, const GraphNode& node);
Result<OpShape> concat_shape(const Graph& graph, const GraphNode& node);

std::vector<OpAttribute> embedding_attributes(const GraphNode& node);
std::vector<OpAttribute> rope_table_attributes(const GraphNode& node);
std::vector<OpAttribute> rms_norm_attributes(const GraphNode& node);
std::vector<OpAttribute> linear_attributes(const GraphNode& node);
std::vector<OpAttribute> head_norm_attributes(const GraphNode& node);
std::vector<OpAttribute> rope_attributes(const GraphNode& node);
std::vector<OpAttribute> kv_write_attributes(const GraphNode& node);
std::vector<OpAttribute> attention_attributes(const GraphNode& node);
std::vector<OpAttribute> gated_activation_attributes(const GraphNode& node);
std::vector<OpAttribute> scale_attributes(const GraphNode& node);
std::vector<OpAttribute> softcap_attributes(const GraphNode& node);
std::vector<OpAttribute> no_attributes(const GraphNode& node);

// Checks that the rules share.
Error op_error(const GraphNode& node, const std::string& what);
Result<void> expect_inputs(const GraphNode& node, size_t count);
Result<void> expect_weights(const GraphNode& node, size_t least, size_t most);
Result<void> expect_constant(const Graph& graph, const GraphNode& node, const float* data,
                             int64_t size, std::string_view what);
Result<void> expect_equal_cols(const Graph& graph, const GraphNode& node, ValueId a, ValueId b);
Result<void> expect_activation(const GraphNode& node, uint32_t activation, bool required);
Result<void> expect_finite(const GraphNode& node, float value, std::string_view what);
RowDomain domain_of(const Graph& graph, ValueId value);
std::string number_text(double value);
std::string_view activation_name(uint32_t activation);

}  // namespace trivet

#endif  // TRIVET_GRAPH_OPS_OP_RULES_H_
