// The numeric building blocks that several operations share, so that fused and separate operations
// agree on every bit.
#ifndef TRIVET_REFERENCE_ARITHMETIC_H_
#define TRIVET_REFERENCE_ARITHMETIC_H_

#include <cstdint>

#include "trivet/backend.h"

namespace trivet::reference {

// Dot products of `num_w` rows w (stride `cols`) with `num_x` rows x (stride `x_stride`):
// out[i * out_stride + j] = w_i . x_j. Each product is summed in the same order whatever num_w and
// num_x are: float32 in eight lanes over 256 columns, the parts in double.
void dot_rows(const float* w, int num_w, const float* x, int64_t num_x, int64_t x_stride,
              int64_t cols, double* out, int64_t out_stride);
double dot(const float* a, const float* b, int64_t cols);

// 1 / sqrt(mean(x^2) + eps)
float rms_scale(const float* x, float eps, int64_t cols);
// out = x * rms_scale * weight; out may be x.
void rms_normalize(const float* x, const float* weight, float eps, int64_t cols, float* out);

// TRIVET_ACT_NONE: x; SILU: x / (1 + exp(-x)); GELU_TANH: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715
// x^3))).
float activate(uint32_t activation, float x);

// cap * tanh(x / cap)
float softcap(float x, float cap);

// Rotates the first rotary_dim values of one head by one row of a rope table (cosines, then sines).
void rotate_head(float* head, const float* table_row, int rotary_dim, uint32_t style);

}  // namespace trivet::reference

#endif  // TRIVET_REFERENCE_ARITHMETIC_H_
