// Which device runs which operation: fused operations are split until some device takes the pieces.
#ifndef TRIVET_PROGRAM_PLACEMENT_H_
#define TRIVET_PROGRAM_PLACEMENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/device.h"
#include "graph/graph.h"

namespace trivet {

enum class Place : uint8_t {
  kDevice,
  kReference,
  kHost,  // the program itself: CONCAT, which no backend has
};

// The device that was asked for, and the reference, opened when something first needs it.
class DevicePair {
 public:
  explicit DevicePair(Device& device) : device_(device) {}

  Device& device() const { return device_; }
  // kUnimplemented where the device's memory is out of the reference's reach, or it is the
  // reference.
  Result<Device*> reference();
  // Of an operation with a place on a device; the reference must have been opened.
  Device& at(Place place) const { return place == Place::kReference ? *reference_ : device_; }

 private:
  Device& device_;
  std::unique_ptr<Device> reference_;
};

// A graph each node of which has a place: first the nodes with a row per token (the body), then the
// others (the head). Every operation that works in place is the last reader of what it overwrites.
struct PlacedGraph {
  Graph graph;
  std::vector<Place> places;           // of each node
  size_t body_size = 0;                // nodes of the body
  Place cache_place = Place::kDevice;  // all operations on the key/value cache share its layout
  uint64_t kv_block_bytes = 0;
  std::vector<std::string> warnings;
};

// `graph` must be valid.
Result<PlacedGraph> place_operations(const Graph& graph, DevicePair& devices);

// What the ABI is told of a node; weights are null. Points into the graph.
trivet_weight_desc describe_weight(const GraphWeight& weight);
trivet_op_desc describe_node(const Graph& graph, const GraphNode& node);

}  // namespace trivet

#endif  // TRIVET_PROGRAM_PLACEMENT_H_
