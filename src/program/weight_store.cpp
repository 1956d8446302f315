#include "program/weight_store.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace trivet {
namespace {

constexpr uint64_t kWeightAlignment = 64;

uint64_t align_up(uint64_t bytes) {
  return (bytes + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
}

const GraphWeight& weight_at(const Graph& graph, WeightId id) {
  return graph.weights[static_cast<size_t>(id)];
}

// How often the bytes of a source are still read while loading, and whether they are needed after.
struct SourceUse {
  int reads_left = 0;
  bool in_place = false;
};

// The float32 matrix with each column multiplied by its factor.
std::shared_ptr<std::vector<float>> scale_columns(const GraphWeight& weight) {
  const auto cols = static_cast<size_t>(weight.cols);
  auto scaled = std::make_shared<std::vector<float>>(weight.data.size() / sizeof(float));
  std::memcpy(scaled->data(), weight.data.data(), weight.data.size());
  for (size_t i = 0; i < scaled->size(); ++i) (*scaled)[i] *= weight.column_scale[i % cols];
  return scaled;
}

}  // namespace

std::vector<WeightStore::Use> WeightStore::list_uses(const PlacedGraph& placed,
                                                     const DevicePair& devices) {
  std::vector<Use> uses;
  std::set<std::pair<WeightId, Place>> seen;
  uint64_t offset = 0;
  for (size_t i = 0; i < placed.graph.nodes.size(); ++i) {
    const Place place = placed.places[i];
    for (WeightId id : placed.graph.nodes[i].weights) {
      if (!seen.insert({id, place}).second) continue;
      Device& device = devices.at(place);
      const trivet_weight_desc desc = describe_weight(weight_at(placed.graph, id));
      const uint64_t bytes = device.table().weight_bytes(device.handle(), &desc);
      uses.push_back({id, place, bytes, offset});
      offset += align_up(bytes);
    }
  }
  return uses;
}

WeightBytes WeightStore::sum(const Graph& graph, const std::vector<Use>& uses) {
  WeightBytes bytes;
  std::set<const std::byte*> in_place;
  for (const Use& use : uses) {
    const GraphWeight& weight = weight_at(graph, use.weight);
    bytes.packed += align_up(use.packed_bytes);
    if (use.packed_bytes > 0) continue;
    // A rescaled copy is memory of the program's own, not of the mapped file.
    if (weight.column_scale) {
      bytes.packed += weight.data.size();
    } else if (in_place.insert(weight.data.data()).second) {
      bytes.in_place += weight.data.size();
    }
  }
  return bytes;
}

WeightBytes WeightStore::count(const PlacedGraph& placed, const DevicePair& devices) {
  return sum(placed.graph, list_uses(placed, devices));
}

Result<void> WeightStore::create(const Graph& graph, const Use& use, Device& device) {
  const GraphWeight& weight = weight_at(graph, use.weight);
  trivet_weight_desc desc = describe_weight(weight);
  std::shared_ptr<const void> source = weight.keepalive;
  if (weight.column_scale) {
    const auto scaled = scale_columns(weight);
    desc.data = scaled->data();
    source = scaled;
  }
  void* memory = nullptr;
  if (use.packed_bytes > 0)
    memory = static_cast<std::byte*>(device_memory_.data()) + use.memory_offset;
  Result<WeightHandle> handle = create_weight(device, desc, memory);
  if (!handle) return handle.error().with_context("weight \"" + weight.name + "\"");
  if (use.packed_bytes == 0) keepalive_.push_back(std::move(source));
  handles_.emplace_back(std::pair(use.weight, use.place), std::move(handle).value());
  return {};
}

Result<WeightStore> WeightStore::load(const PlacedGraph& placed, const DevicePair& devices,
                                      const LoadProgress& progress) {
  WeightStore store;
  const std::vector<Use> uses = list_uses(placed, devices);
  store.bytes_ = sum(placed.graph, uses);
  uint64_t packed_bytes = 0;
  std::map<const std::byte*, SourceUse> sources;
  for (const Use& use : uses) {
    packed_bytes += align_up(use.packed_bytes);
    const GraphWeight& weight = weight_at(placed.graph, use.weight);
    SourceUse& source = sources[weight.data.data()];
    ++source.reads_left;
    if (use.packed_bytes == 0 && !weight.column_scale) source.in_place = true;
  }
  // The reference uses every weight in place, so packed bytes are the device's.
  TRIVET_ASSIGN_OR_RETURN(store.device_memory_, devices.device().allocate(packed_bytes));
  uint64_t done = 0;
  for (const Use& use : uses) {
    TRIVET_RETURN_IF_ERROR(store.create(placed.graph, use, devices.at(use.place)));
    const GraphWeight& weight = weight_at(placed.graph, use.weight);
    SourceUse& source = sources[weight.data.data()];
    if (--source.reads_left == 0 && !source.in_place && weight.drop) weight.drop();
    done += align_up(use.packed_bytes);
    if (progress && use.packed_bytes > 0) progress(done, packed_bytes);
  }
  std::sort(store.handles_.begin(), store.handles_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return store;
}

trivet_weight* WeightStore::find(WeightId weight, Place place) const {
  const std::pair key(weight, place);
  const auto it =
      std::lower_bound(handles_.begin(), handles_.end(), key,
                       [](const auto& handle, const auto& k) { return handle.first < k; });
  const bool found = it != handles_.end() && it->first == key;
  return found ? it->second.get() : nullptr;
}

}  // namespace trivet
