// The reference under another name that declines what a test tells it to, and may pack weights.
#ifndef TRIVET_PROGRAM_TESTING_PICKY_BACKEND_H_
#define TRIVET_PROGRAM_TESTING_PICKY_BACKEND_H_

#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "device/device.h"
#include "reference/reference_backend.h"
#include "tensor/dtype.h"

namespace trivet {

// What the backend does differently. One at a time, since a C table has no context.
struct PickyRules {
  std::function<bool(const trivet_op_desc&)> declines = [](const trivet_op_desc&) { return false; };
  bool packs_linear_weights = false;  // copies them into the memory that the program allocates
  bool runs_nothing = false;          // op_run returns at once
};

inline PickyRules& picky_rules() {
  static PickyRules rules;
  return rules;
}

inline const trivet_backend* picky_backend() {
  static const trivet_backend table = [] {
    trivet_backend t = *reference_backend();
    t.name = "picky";
    t.op_supported = [](trivet_device* device, const trivet_op_desc* desc) -> int32_t {
      if (picky_rules().declines(*desc)) return 0;
      return reference_backend()->op_supported(device, desc);
    };
    t.weight_bytes = [](trivet_device* device, const trivet_weight_desc* desc) -> uint64_t {
      const uint64_t in_place = reference_backend()->weight_bytes(device, desc);
      const bool packs = picky_rules().packs_linear_weights && desc->usage == TRIVET_WEIGHT_LINEAR;
      if (in_place != 0 || !packs) return in_place;
      return row_bytes(static_cast<DType>(desc->dtype), desc->cols) *
             static_cast<uint64_t>(desc->rows);
    };
    t.weight_create = [](trivet_device* device, const trivet_weight_desc* desc, void* memory,
                         trivet_weight** out, trivet_error* error) {
      trivet_weight_desc packed = *desc;
      if (memory) {
        std::memcpy(memory, desc->data, picky_backend()->weight_bytes(device, desc));
        packed.data = memory;
      }
      return reference_backend()->weight_create(device, &packed, memory, out, error);
    };
    t.op_run = [](trivet_op* op, const trivet_run* run) {
      return picky_rules().runs_nothing ? TRIVET_OK : reference_backend()->op_run(op, run);
    };
    return t;
  }();
  return &table;
}

inline std::unique_ptr<Device> open_device(const trivet_backend* table) {
  Result<std::shared_ptr<Backend>> backend = Backend::from_table(table);
  if (!backend) check_failed(backend.error().message());
  Result<std::unique_ptr<Device>> device = Device::create(*backend, {.num_threads = 1});
  if (!device) check_failed(device.error().message());
  return std::move(device).value();
}

inline std::unique_ptr<Device> open_picky_device(PickyRules rules) {
  picky_rules() = std::move(rules);
  return open_device(picky_backend());
}

}  // namespace trivet

#endif  // TRIVET_PROGRAM_TESTING_PICKY_BACKEND_H_
