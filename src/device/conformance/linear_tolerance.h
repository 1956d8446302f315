// How far a linear may be from float32 arithmetic.
#ifndef TRIVET_DEVICE_CONFORMANCE_LINEAR_TOLERANCE_H_
#define TRIVET_DEVICE_CONFORMANCE_LINEAR_TOLERANCE_H_

#include "device/conformance/session.h"
#include "tensor/dtype.h"

namespace trivet::conformance {

// Quantised weights may take activations in int8 with a scale per 256 columns: for normal values
// 3 / 127 / sqrt(12) = 0.7 % deviation, doubled for the spread of the largest value. bf16 weights
// may take activations in bf16, with 8 bits of mantissa.
Tolerance linear_tolerance(DType dtype);

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_LINEAR_TOLERANCE_H_
