#include "program/value_layout.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace trivet {
namespace {

constexpr uint64_t kValueAlignment = 64;

struct Lifetime {
  size_t begin = 0, end = 0;  // node indices, both inclusive
};

std::vector<Lifetime> lifetimes(const Graph& graph, size_t body_size) {
  std::vector<Lifetime> result(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    if (node.output != kNoValue) result[static_cast<size_t>(node.output)] = {i, i};
    for (ValueId input : node.inputs) {
      const bool body_value = graph.values[static_cast<size_t>(input)].domain == RowDomain::kTokens;
      const bool kept = body_value && i >= body_size;
      result[static_cast<size_t>(input)].end = kept ? graph.nodes.size() : i;
    }
  }
  result[static_cast<size_t>(graph.output)].end = graph.nodes.size();
  return result;
}

// Inputs whose memory the output may take, the one that it must take first.
std::vector<ValueId> overwritable_inputs(const GraphNode& node) {
  if (node.as<trivet_head_norm_params>() || node.as<trivet_rope_params>() ||
      node.as<trivet_scale_params>() || node.as<trivet_softcap_params>()) {
    return {node.inputs[0]};
  }
  if (node.as<AddParams>()) return node.inputs;
  const auto* linear = node.as<trivet_linear_params>();
  const auto* norm = node.as<trivet_rms_norm_params>();
  const bool residual = (linear && linear->add_residual) || (norm && norm->add_residual);
  // The input proper is still being read while the output is written.
  if (residual && node.inputs[0] != node.inputs[1]) return {node.inputs[1]};
  return {};
}

bool must_overwrite(const GraphNode& node) {
  return node.as<trivet_head_norm_params>() || node.as<trivet_rope_params>();
}

// Values that share memory, as one thing with one lifetime.
struct Buffer {
  Lifetime life;
  uint64_t bytes = 0;
  uint64_t offset = 0;
};

class Layouter {
 public:
  Layouter(const Graph& graph, size_t body_size, const trivet_limits& limits)
      : graph_(graph),
        limits_(limits),
        lives_(lifetimes(graph, body_size)),
        buffer_of_(graph.values.size(), -1) {}

  ValueLayout run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) assign_buffer(graph_.nodes[i], i);
    ValueLayout layout;
    layout.bytes = place_buffers();
    for (int buffer : buffer_of_) {
      layout.offsets.push_back(buffer < 0 ? 0 : buffers_[static_cast<size_t>(buffer)].offset);
    }
    return layout;
  }

 private:
  void assign_buffer(const GraphNode& node, size_t index) {
    if (node.output == kNoValue) return;
    const auto output = static_cast<size_t>(node.output);
    for (ValueId input : overwritable_inputs(node)) {
      if (!can_share(input, node.output, index)) continue;
      const int buffer = buffer_of_[static_cast<size_t>(input)];
      buffer_of_[output] = buffer;
      Lifetime& life = buffers_[static_cast<size_t>(buffer)].life;
      life.end = std::max(life.end, lives_[output].end);
      return;
    }
    TRIVET_CHECK(!must_overwrite(node));
    buffer_of_[output] = static_cast<int>(buffers_.size());
    buffers_.push_back({lives_[output], bytes_of(node.output)});
  }

  // Whether nobody reads `input` after node `index`. Of several values in its buffer only the
  // newest can be alive.
  bool can_share(ValueId input, ValueId output, size_t index) const {
    const GraphValue& from = graph_.values[static_cast<size_t>(input)];
    const GraphValue& to = graph_.values[static_cast<size_t>(output)];
    return from.domain == to.domain && from.cols == to.cols &&
           lives_[static_cast<size_t>(input)].end == index;
  }

  uint64_t bytes_of(ValueId value) const {
    const GraphValue& v = graph_.values[static_cast<size_t>(value)];
    const int32_t rows =
        v.domain == RowDomain::kTokens ? limits_.max_rows : limits_.max_output_rows;
    const uint64_t bytes =
        static_cast<uint64_t>(rows) * static_cast<uint64_t>(v.cols) * sizeof(float);
    return (bytes + kValueAlignment - 1) / kValueAlignment * kValueAlignment;
  }

  // Largest first, each as low as the buffers that live at the same time leave room.
  uint64_t place_buffers() {
    std::vector<size_t> order(buffers_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return buffers_[a].bytes > buffers_[b].bytes; });
    uint64_t total = 0;
    std::vector<size_t> placed;  // by offset
    for (size_t index : order) {
      Buffer& buffer = buffers_[index];
      uint64_t offset = 0;
      for (size_t other_index : placed) {
        const Buffer& other = buffers_[other_index];
        const bool apart = other.life.end < buffer.life.begin || buffer.life.end < other.life.begin;
        if (apart || other.offset + other.bytes <= offset) continue;
        if (offset + buffer.bytes <= other.offset) break;
        offset = other.offset + other.bytes;
      }
      buffer.offset = offset;
      total = std::max(total, offset + buffer.bytes);
      const auto by_offset = [&](size_t a, size_t b) {
        return buffers_[a].offset < buffers_[b].offset;
      };
      placed.insert(std::upper_bound(placed.begin(), placed.end(), index, by_offset), index);
    }
    return total;
  }

  const Graph& graph_;
  const trivet_limits& limits_;
  std::vector<Lifetime> lives_;
  std::vector<int> buffer_of_;  // of each value, -1 = never written
  std::vector<Buffer> buffers_;
};

}  // namespace

ValueLayout layout_values(const Graph& graph, size_t body_size, const trivet_limits& limits) {
  return Layouter(graph, body_size, limits).run();
}

}  // namespace trivet
