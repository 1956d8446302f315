// Number types of weights. The values are those of the backend ABI.
#ifndef TRIVET_TENSOR_DTYPE_H_
#define TRIVET_TENSOR_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "trivet/backend.h"

namespace trivet {

enum class DType : uint32_t {
  kF32 = TRIVET_F32,
  kF16 = TRIVET_F16,
  kBF16 = TRIVET_BF16,
  kQ4_0 = TRIVET_Q4_0,
  kQ4_1 = TRIVET_Q4_1,
  kQ5_0 = TRIVET_Q5_0,
  kQ5_1 = TRIVET_Q5_1,
  kQ8_0 = TRIVET_Q8_0,
  kQ4_K = TRIVET_Q4_K,
  kQ5_K = TRIVET_Q5_K,
  kQ6_K = TRIVET_Q6_K,
  kI32 = TRIVET_I32,
};

// A block is the smallest unit of a row: `columns` values in `bytes` bytes.
struct BlockShape {
  int64_t columns;
  size_t bytes;
};

BlockShape block_shape(DType dtype);
std::string_view dtype_name(DType dtype);  // "q4_K"
bool is_quantized(DType dtype);

// Bytes of a row of `columns` values, a multiple of the block's columns.
size_t row_bytes(DType dtype, int64_t columns);

}  // namespace trivet

#endif  // TRIVET_TENSOR_DTYPE_H_
