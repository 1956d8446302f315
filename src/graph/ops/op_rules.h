// What the graph knows of each operation: its name, its shape rule, and how its parameters print.
// A new operation = its functions in a file here, one line in kOpRules, one alternative in OpParams
// at the same place.
#ifndef TRIVET_GRAPH_OPS_OP_RULES_H_
#define TRIVET_GRAPH_OPS_OP_RULES_H_

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "device/operation_list.h"
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

// Shape rules and printed parameters: embedding_shape(), embedding_attributes() and so on. Those
// without parameters use no_attributes.
#define TRIVET_DECLARE_RULES(constant, name)                               \
  Result<OpShape> name##_shape(const Graph& graph, const GraphNode& node); \
  std::vector<OpAttribute> name##_attributes(const GraphNode& node);
TRIVET_OPERATIONS(TRIVET_DECLARE_RULES)
#undef TRIVET_DECLARE_RULES
Result<OpShape> concat_shape(const Graph& graph, const GraphNode& node);
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
