// Generated inputs of conformance cases: the same for every run and machine.
#ifndef TRIVET_DEVICE_CONFORMANCE_RANDOM_DATA_H_
#define TRIVET_DEVICE_CONFORMANCE_RANDOM_DATA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/dtype.h"

namespace trivet::conformance {

// splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits();
  int64_t below(int64_t limit);  // [0, limit)
  float uniform(float low, float high);
  float normal();  // mean 0, deviation 1, within about 6 of 0

 private:
  uint64_t state_;
};

struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<float> values;

  const float* row(int64_t r) const { return values.data() + r * cols; }
  Matrix slice(int64_t first, int64_t count) const;
};

// Normal values.
Matrix random_matrix(int64_t rows, int64_t cols, uint64_t seed, float deviation = 1.0f);
std::vector<float> random_vector(int64_t size, uint64_t seed, float low, float high);

// A stored weight. `deviation` is that of the values, roughly.
struct WeightData {
  DType dtype;
  int64_t rows, cols;
  std::vector<std::byte> bytes;
};

WeightData random_weight(DType dtype, int64_t rows, int64_t cols, uint64_t seed);

// Every type that a weight may have.
const std::vector<DType>& weight_dtypes();

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_RANDOM_DATA_H_
