#include "program/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include "program/split.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

constexpr uint64_t kNotSupported = std::numeric_limits<uint64_t>::max();

bool takes(Device& device, const Graph& graph, const GraphNode& node) {
  if (op_kind(node.params) == 0) return false;
  for (WeightId id : node.weights) {
    const trivet_weight_desc weight = describe_weight(graph.weights[static_cast<size_t>(id)]);
    if (device.table().weight_bytes(device.handle(), &weight) == kNotSupported) return false;
  }
  const trivet_op_desc desc = describe_node(graph, node);
  return device.table().op_supported(device.handle(), &desc) != 0;
}

bool is_cache_op(const GraphNode& node) {
  return node.as<trivet_kv_write_params>() || node.as<trivet_attention_params>();
}

// All subsets of the parts, those with the fewest splits first.
std::vector<LinearParts> ways_to_split(const LinearParts& has) {
  std::vector<LinearParts> ways;
  for (int mask = 1; mask < 8; ++mask) {
    const LinearParts way{(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0};
    const bool possible = (!way.norm || has.norm) && (!way.activation || has.activation) &&
                          (!way.residual || has.residual);
    if (possible) ways.push_back(way);
  }
  std::stable_sort(ways.begin(), ways.end(), [](const LinearParts& a, const LinearParts& b) {
    return a.count() < b.count();
  });
  return ways;
}

class Placer {
 public:
  Placer(const Graph& graph, DevicePair& devices) : devices_(devices) { result_.graph = graph; }

  Result<PlacedGraph> run() {
    std::vector<GraphNode> nodes = std::move(result_.graph.nodes);
    result_.graph.nodes.clear();
    put_body_first(nodes);
    TRIVET_RETURN_IF_ERROR(place_cache(nodes));
    for (GraphNode& node : nodes) TRIVET_RETURN_IF_ERROR(place(std::move(node)));
    TRIVET_RETURN_IF_ERROR(protect_overwritten_values());
    count_body();
    describe_fallbacks();
    return std::move(result_);
  }

 private:
  bool is_body(const GraphNode& node) const {
    if (node.output == kNoValue) return true;
    return graph().values[static_cast<size_t>(node.output)].domain == RowDomain::kTokens;
  }

  void put_body_first(std::vector<GraphNode>& nodes) const {
    std::stable_partition(nodes.begin(), nodes.end(),
                          [&](const GraphNode& node) { return is_body(node); });
  }

  // The cache has one layout, so all that touch it run in one place.
  Result<void> place_cache(const std::vector<GraphNode>& nodes) {
    if (graph().kv.size == 0) return {};
    Device& device = devices_.device();
    result_.kv_block_bytes = device.table().kv_block_bytes(device.handle(), &graph().kv);
    const bool on_device = result_.kv_block_bytes > 0 &&
                           std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) {
                             return !is_cache_op(node) || device_takes_cache_op(node);
                           });
    if (on_device) return {};
    TRIVET_ASSIGN_OR_RETURN(Device* const reference, reference_for("the key/value cache"));
    result_.cache_place = Place::kReference;
    result_.kv_block_bytes = reference->table().kv_block_bytes(reference->handle(), &graph().kv);
    if (result_.kv_block_bytes > 0) return {};
    return Error(
        ErrorCode::kUnimplemented,
        fmt::format("a key/value cache of {} layers, {} heads of {} values and {} tokens a "
                    "block is not supported by any device",
                    graph().kv.layers_per_group, graph().kv.num_kv_heads, graph().kv.head_dim,
                    graph().kv.block_tokens));
  }

  bool device_takes_cache_op(const GraphNode& node) {
    if (takes(devices_.device(), graph(), node)) return true;
    const auto* attention = node.as<trivet_attention_params>();
    if (!attention || !attention->fused_rope_write) return false;
    Graph scratch = graph();
    const std::vector<GraphNode> pieces = split_attention(scratch, node);
    return std::all_of(pieces.begin(), pieces.end(), [&](const GraphNode& piece) {
      return !is_cache_op(piece) || takes(devices_.device(), scratch, piece);
    });
  }

  Result<void> place(GraphNode node) {
    if (node.as<ConcatParams>()) return place_on_host(std::move(node));
    const bool away = is_cache_op(node) && result_.cache_place == Place::kReference;
    if (!away && takes(devices_.device(), graph(), node)) {
      append(std::move(node), Place::kDevice);
      return {};
    }
    if (!away) {
      if (std::optional<std::vector<GraphNode>> pieces = split(node)) {
        for (GraphNode& piece : *pieces) TRIVET_RETURN_IF_ERROR(place(std::move(piece)));
        return {};
      }
    }
    return place_on_reference(std::move(node));
  }

  // The coarsest pieces whose core the device takes; nothing where it takes none.
  std::optional<std::vector<GraphNode>> split(const GraphNode& node) {
    const auto* attention = node.as<trivet_attention_params>();
    if (attention && attention->fused_rope_write) return split_attention(result_.graph, node);
    const auto* linear = node.as<trivet_linear_params>();
    if (!linear) return std::nullopt;
    const LinearParts has = parts_of(*linear);
    for (const LinearParts& way : ways_to_split(has)) {
      Graph scratch = graph();
      std::vector<GraphNode> pieces = split_linear(scratch, node, way);
      if (!takes(devices_.device(), scratch, pieces[way.norm ? 1 : 0])) continue;
      return split_linear(result_.graph, node, way);
    }
    return split_by_segments(node, has);
  }

  std::optional<std::vector<GraphNode>> split_by_segments(const GraphNode& node,
                                                          const LinearParts& has) {
    if (node.weights.size() < 2 || node.weights.size() > TRIVET_MAX_INPUTS) return std::nullopt;
    Graph scratch = graph();
    std::vector<GraphNode> pieces = split_linear(scratch, node, has);
    const std::vector<GraphNode> segments = split_segments(scratch, pieces[has.norm ? 1 : 0]);
    const bool any = std::any_of(segments.begin(), segments.end(), [&](const GraphNode& segment) {
      return takes(devices_.device(), scratch, segment);
    });
    if (!any) return std::nullopt;
    if (has.count() > 0) return split_linear(result_.graph, node, has);  // segments come next
    return split_segments(result_.graph, node);
  }

  Result<Device*> reference_for(const std::string& what) {
    Result<Device*> reference = devices_.reference();
    if (!reference) return reference.error().with_context(what);
    return reference;
  }

  Result<void> place_on_host(GraphNode node) {
    if (devices_.device().info().host_memory == 0) {
      return Error(ErrorCode::kUnimplemented,
                   fmt::format("node \"{}\": the host cannot join columns in the memory of {}; run "
                               "the graph passes that fuse linears",
                               node.name, devices_.device().info().description));
    }
    append(std::move(node), Place::kHost);
    return {};
  }

  Result<void> place_on_reference(GraphNode node) {
    const std::string name = fmt::format("node \"{}\" ({})", node.name, op_name(node.params));
    TRIVET_ASSIGN_OR_RETURN(Device* const reference, reference_for(name));
    if (!takes(*reference, graph(), node)) {
      return Error(ErrorCode::kUnimplemented,
                   fmt::format("{}: neither {} nor the reference takes it", name,
                               devices_.device().backend().name()));
    }
    auto& fallback = fallbacks_[std::string(op_name(node.params))];
    if (fallback.second++ == 0) fallback.first = node.name;
    append(std::move(node), Place::kReference);
    return {};
  }

  void append(GraphNode node, Place place) {
    result_.graph.nodes.push_back(std::move(node));
    result_.places.push_back(place);
  }

  // Operations that overwrite their first input get a copy of it where it is still needed.
  Result<void> protect_overwritten_values() {
    std::vector<size_t> last_reader(graph().values.size(), 0);
    for (size_t i = 0; i < graph().nodes.size(); ++i) {
      for (ValueId input : graph().nodes[i].inputs) last_reader[static_cast<size_t>(input)] = i;
    }
    std::vector<GraphNode> nodes = std::exchange(result_.graph.nodes, {});
    const std::vector<Place> places = std::exchange(result_.places, {});
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (overwrites_input(nodes[i]) && last_reader[static_cast<size_t>(nodes[i].inputs[0])] > i) {
        TRIVET_RETURN_IF_ERROR(place(copy_input(nodes[i])));
      }
      append(std::move(nodes[i]), places[i]);
    }
    return {};
  }

  static bool overwrites_input(const GraphNode& node) {
    const auto* attention = node.as<trivet_attention_params>();
    return node.as<trivet_head_norm_params>() || node.as<trivet_rope_params>() ||
           (attention && attention->fused_rope_write);
  }

  // A multiplication by 1 keeps every bit.
  GraphNode copy_input(GraphNode& node) {
    auto scale = make_params<trivet_scale_params>();
    scale.factor = 1.0f;
    GraphNode copy{.name = node.name + ".copy", .params = scale, .inputs = {node.inputs[0]}};
    copy.layer = node.layer;
    copy.output = static_cast<ValueId>(graph().values.size());
    GraphValue value = graph().values[static_cast<size_t>(node.inputs[0])];
    value.name = copy.name;
    result_.graph.values.push_back(std::move(value));
    node.inputs[0] = copy.output;
    return copy;
  }

  void count_body() {
    result_.body_size =
        static_cast<size_t>(std::count_if(graph().nodes.begin(), graph().nodes.end(),
                                          [&](const GraphNode& node) { return is_body(node); }));
  }

  void describe_fallbacks() {
    for (const auto& [op, fallback] : fallbacks_) {
      result_.warnings.push_back(
          fmt::format("{} {} operation{} (first: {}) on the slow reference: {} does not take {}",
                      fallback.second, op, fallback.second == 1 ? " runs" : "s run", fallback.first,
                      devices_.device().info().description, fallback.second == 1 ? "it" : "them"));
    }
  }

  const Graph& graph() const { return result_.graph; }

  DevicePair& devices_;
  PlacedGraph result_;
  std::map<std::string, std::pair<std::string, int>> fallbacks_;  // by kind: first node, count
};

}  // namespace

Result<Device*> DevicePair::reference() {
  if (reference_) return reference_.get();
  if (device_.table().op_run == reference_backend()->op_run) {
    return Error(ErrorCode::kUnimplemented, "the reference does not take it");
  }
  if (device_.info().host_memory == 0) {
    return Error(ErrorCode::kUnimplemented,
                 fmt::format("{} does not take it, and the reference cannot read its memory",
                             device_.info().description));
  }
  TRIVET_ASSIGN_OR_RETURN(auto backend, Backend::from_table(reference_backend()));
  DeviceOptions options;
  options.num_threads = device_.info().num_threads;
  TRIVET_ASSIGN_OR_RETURN(reference_, Device::create(std::move(backend), options));
  return reference_.get();
}

Result<PlacedGraph> place_operations(const Graph& graph, DevicePair& devices) {
  return Placer(graph, devices).run();
}

trivet_weight_desc describe_weight(const GraphWeight& weight) {
  trivet_weight_desc desc{};
  desc.size = sizeof(desc);
  desc.usage = weight.usage;
  desc.dtype = static_cast<uint32_t>(weight.dtype);
  desc.rows = weight.rows;
  desc.cols = weight.cols;
  desc.data = weight.data.data();
  return desc;
}

trivet_op_desc describe_node(const Graph& graph, const GraphNode& node) {
  trivet_op_desc desc{};
  desc.size = sizeof(desc);
  desc.kind = op_kind(node.params);
  desc.params = std::visit(
      []<class Params>(const Params& params) -> const void* {
        return std::is_empty_v<Params> ? nullptr : &params;
      },
      node.params);
  desc.num_inputs = static_cast<int32_t>(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size() && i < TRIVET_MAX_INPUTS; ++i) {
    desc.input_cols[i] = graph.cols(node.inputs[i]);
  }
  if (node.output != kNoValue) {
    const GraphValue& value = graph.values[static_cast<size_t>(node.output)];
    desc.output_cols = value.cols;
    desc.output_domain = static_cast<int32_t>(value.domain);
  }
  desc.num_weights = static_cast<int32_t>(node.weights.size());
  for (size_t i = 0; i < node.weights.size() && i < TRIVET_MAX_WEIGHTS; ++i) {
    desc.weight_descs[i] = describe_weight(graph.weights[static_cast<size_t>(node.weights[i])]);
  }
  return desc;
}

}  // namespace trivet
