#include <new>

#include "device.h"

namespace trivet::cpu {
namespace {

constexpr int64_t kMaxDimension = int64_t{1} << 31;

// Null if the weight is well-formed, else what is wrong with it.
const char* problem_of(const trivet_weight_desc& desc) {
  const std::optional<PackedFormat> format = packed_format_of(desc.dtype);
  if (!format) return "this number type is not supported as a weight";
  if (desc.rows <= 0 || desc.cols <= 0 || desc.rows > kMaxDimension || desc.cols > kMaxDimension) {
    return "rows and cols must be between 1 and 2^31";
  }
  if (desc.cols % source_block_of(*format).columns != 0)
    return "cols is not a multiple of the type's block";
  if (desc.usage != TRIVET_WEIGHT_LINEAR && desc.usage != TRIVET_WEIGHT_EMBEDDING)
    return "unknown usage";
  return nullptr;
}

}  // namespace

uint64_t weight_bytes(const trivet_weight_desc& desc) {
  if (problem_of(desc)) return UINT64_MAX;
  if (desc.usage == TRIVET_WEIGHT_EMBEDDING) return 0;
  const PackedFormat format = *packed_format_of(desc.dtype);
  return static_cast<uint64_t>(super_panels_of(desc.rows)) *
         static_cast<uint64_t>(units_of(format, desc.cols)) *
         static_cast<uint64_t>(layout_of(format).unit_bytes);
}

trivet_status create_weight(trivet_device& device, const trivet_weight_desc& desc, void* memory,
                            trivet_weight** out, trivet_error* error) {
  const std::string shape = "weight of type " + std::to_string(desc.dtype) + ", " +
                            std::to_string(desc.rows) + " x " + std::to_string(desc.cols) + ": ";
  if (const char* problem = problem_of(desc))
    return fail(error, TRIVET_UNSUPPORTED, shape + problem);
  const bool linear = desc.usage == TRIVET_WEIGHT_LINEAR;
  if (!desc.data) return fail(error, TRIVET_INVALID_ARGUMENT, shape + "data is null");
  if (linear && (!memory || reinterpret_cast<uintptr_t>(memory) % 64 != 0)) {
    return fail(error, TRIVET_INVALID_ARGUMENT,
                shape + "memory must be 64-byte aligned device memory of weight_bytes()");
  }
  trivet_weight* weight = new (std::nothrow) trivet_weight;
  if (!weight) return fail(error, TRIVET_OUT_OF_MEMORY, shape + "out of memory");
  const uint8_t* source = static_cast<const uint8_t*>(desc.data);
  const PackedFormat format = *packed_format_of(desc.dtype);
  *weight = {static_cast<trivet_weight_usage>(desc.usage),
             desc.dtype,
             format,
             desc.rows,
             desc.cols,
             source};
  if (linear) {
    uint8_t* packed = static_cast<uint8_t*>(memory);
    weight->data = packed;
    const int64_t stride = units_of(format, desc.cols) * layout_of(format).unit_bytes;
    device.pool.for_units(super_panels_of(desc.rows), 4, [&](int, int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        pack_super_panel(format, source, desc.rows, desc.cols, p, packed + p * stride);
      }
    });
  }
  *out = weight;
  return TRIVET_OK;
}

}  // namespace trivet::cpu
