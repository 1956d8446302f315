#include "measure/roofline.h"

#include <algorithm>

namespace trivet {

double StepWork::cache_elements(int context) const {
  double elements = 0;
  for (const CacheWork& group : cache) {
    const int positions = group.window > 0 ? std::min(context, group.window) : context;
    elements += group.elements_per_position * positions;
  }
  return elements;
}

StepWork step_work(const Graph& graph) {
  StepWork work;
  // Only a program after the passes says which rows reach the head; what follows the last layer is
  // it.
  const auto last_of_layers = std::find_if(graph.nodes.rbegin(), graph.nodes.rend(),
                                           [](const GraphNode& node) { return node.layer >= 0; });
  const auto head_begin = last_of_layers.base();
  for (auto node = graph.nodes.begin(); node != graph.nodes.end(); ++node) {
    if (!node->as<trivet_linear_params>()) continue;
    MatrixWork& part = node >= head_begin ? work.head : work.body;
    for (const WeightId id : node->weights) {
      const GraphWeight& weight = graph.weights[static_cast<size_t>(id)];
      part.parameters += static_cast<double>(weight.rows) * static_cast<double>(weight.cols);
      part.bytes += static_cast<double>(weight.rows) *
                    static_cast<double>(row_bytes(weight.dtype, weight.cols));
    }
  }
  for (const GraphKvGroup& group : graph.kv_groups) {
    work.cache.push_back(
        {2.0 * group.layers * graph.kv.num_kv_heads * graph.kv.head_dim, group.window});
  }
  return work;
}

double prompt_limit(const StepWork& work, const MachineRates& rates) {
  return rates.operations_per_second / (2 * work.body.parameters);
}

double decode_limit(const StepWork& work, const MachineRates& rates, int sequences, int context,
                    double cache_bytes_per_element) {
  const double bytes = work.body.bytes + work.head.bytes +
                       sequences * work.cache_elements(context) * cache_bytes_per_element;
  const double operations = 2 * sequences * (work.body.parameters + work.head.parameters);
  const double seconds =
      std::max(bytes / rates.read_bytes_per_second, operations / rates.operations_per_second);
  return sequences / seconds;
}

}  // namespace trivet
