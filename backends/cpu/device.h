// What the handles of the ABI are on this backend.
#ifndef TRIVET_BACKENDS_CPU_DEVICE_H_
#define TRIVET_BACKENDS_CPU_DEVICE_H_

#include <cstdint>
#include <string>

#include "kernels/kernels.h"
#include "pack.h"
#include "thread_pool.h"
#include "trivet/backend.h"

struct trivet_device {
  const trivet::cpu::KernelTable* kernels;
  trivet::cpu::ThreadPool pool;
  std::string description;
  std::string levels;
};

struct trivet_weight {
  trivet_weight_usage usage;
  uint32_t dtype;
  trivet::cpu::PackedFormat format;
  int64_t rows;
  int64_t columns;
  const uint8_t* data;  // packed super-panels, or the source rows of an embedding
};

// A prepared operation. run() allocates nothing.
struct trivet_op {
  virtual ~trivet_op() = default;
  virtual trivet_status run(const trivet_run& run) = 0;
  uint64_t workspace_bytes = 0;
};

namespace trivet::cpu {

// Fills `error` (may be null), cut to its size, and returns `status`.
trivet_status fail(trivet_error* error, trivet_status status, const std::string& message);

// ---- memory.cpp
void* allocate_memory(uint64_t bytes);
void free_memory(void* memory, uint64_t bytes);

// ---- weight.cpp
uint64_t weight_bytes(const trivet_weight_desc& desc);
trivet_status create_weight(trivet_device& device, const trivet_weight_desc& desc, void* memory,
                            trivet_weight** out, trivet_error* error);

// ---- limits.cpp
trivet_status measure_limit(trivet_device& device, uint32_t limit, double seconds, double* out);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_DEVICE_H_
