// The weights of a program: packed one after another into memory taken at once.
#ifndef TRIVET_PROGRAM_WEIGHT_STORE_H_
#define TRIVET_PROGRAM_WEIGHT_STORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "program/placement.h"
#include "program/step_program.h"

namespace trivet {

// Bytes of all weights that placed operations use.
struct WeightBytes {
  uint64_t packed = 0;
  uint64_t in_place = 0;  // of sources, those that several weights share counted once
};

class WeightStore {
 public:
  static WeightBytes count(const PlacedGraph& placed, const DevicePair& devices);

  // Takes the memory, then packs in the order of use. Pages of a source are given back after the
  // last weight that is packed from it, unless a weight uses them in place.
  static Result<WeightStore> load(const PlacedGraph& placed, const DevicePair& devices,
                                  const LoadProgress& progress);

  // Of a weight that an operation at `place` uses.
  trivet_weight* find(WeightId weight, Place place) const;
  const WeightBytes& bytes() const { return bytes_; }

 private:
  // A weight on one of the devices; the same weight can be on both.
  struct Use {
    WeightId weight;
    Place place;
    uint64_t packed_bytes;  // 0 = in place
    uint64_t memory_offset;
  };
  static std::vector<Use> list_uses(const PlacedGraph& placed, const DevicePair& devices);
  static WeightBytes sum(const Graph& graph, const std::vector<Use>& uses);
  Result<void> create(const Graph& graph, const Use& use, Device& device);

  WeightBytes bytes_;
  DeviceMemory device_memory_;
  // Sources of weights that are used in place: what keeps them, and rescaled copies.
  std::vector<std::shared_ptr<const void>> keepalive_;
  std::vector<std::pair<std::pair<WeightId, Place>, WeightHandle>> handles_;  // sorted by key
};

}  // namespace trivet

#endif  // TRIVET_PROGRAM_WEIGHT_STORE_H_
