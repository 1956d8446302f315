// Exact values of stored weights as float32: the definition that every kernel is checked against.
#ifndef TRIVET_TENSOR_DEQUANTIZE_H_
#define TRIVET_TENSOR_DEQUANTIZE_H_

#include <cstddef>
#include <span>

#include "tensor/dtype.h"

namespace trivet {

float f16_to_f32(uint16_t bits);
uint16_t f32_to_f16(float value);  // round to nearest even
float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);  // round to nearest even

// `values.size()` must be a multiple of the block's columns and `row` hold row_bytes() bytes.
// Formulas: the GGUF block formats as defined by ggml (value = d * q, d * q + m, or d * scale * q -
// dmin * min).
void dequantize_row(DType dtype, const std::byte* row, std::span<float> values);

}  // namespace trivet

#endif  // TRIVET_TENSOR_DEQUANTIZE_H_
