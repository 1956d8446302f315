#include "device/conformance/random_data.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include "tensor/dequantize.h"

namespace trivet::conformance {
namespace {

// Where the 16-bit scales of a block lie, and what they must be for values of a deviation near 0.05
// and a mean near 0 when all other bytes are random.
struct ScaleField {
  size_t offset;
  float value;
};

std::vector<ScaleField> scale_fields(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
      return {{0, 0.011f}};
    case DType::kQ4_1:
      return {{0, 0.011f}, {2, -0.082f}};
    case DType::kQ5_0:
      return {{0, 0.0054f}};
    case DType::kQ5_1:
      return {{0, 0.0054f}, {2, -0.084f}};
    case DType::kQ8_0:
      return {{0, 0.00068f}};
    case DType::kQ4_K:
      return {{0, 0.00028f}, {2, 0.0021f}};
    case DType::kQ5_K:
      return {{0, 0.00014f}, {2, 0.0021f}};
    case DType::kQ6_K:
      return {{208, 0.000037f}};
    default:
      return {};
  }
}

void fill_quantized(WeightData& weight, Random& random) {
  for (std::byte& byte : weight.bytes) byte = static_cast<std::byte>(random.bits() >> 56);
  const size_t block = block_shape(weight.dtype).bytes;
  for (const ScaleField& field : scale_fields(weight.dtype)) {
    for (size_t at = field.offset; at < weight.bytes.size(); at += block) {
      const uint16_t bits = f32_to_f16(field.value * random.uniform(0.7f, 1.3f));
      std::memcpy(weight.bytes.data() + at, &bits, sizeof bits);
    }
  }
}

void fill_float(WeightData& weight, Random& random) {
  const size_t width = block_shape(weight.dtype).bytes;
  for (size_t at = 0; at < weight.bytes.size(); at += width) {
    const float value = 0.05f * random.normal();
    const uint16_t bits = weight.dtype == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
    if (weight.dtype == DType::kF32) {
      std::memcpy(weight.bytes.data() + at, &value, sizeof value);
    } else {
      std::memcpy(weight.bytes.data() + at, &bits, sizeof bits);
    }
  }
}

}  // namespace

uint64_t Random::bits() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

int64_t Random::below(int64_t limit) {
  return static_cast<int64_t>(bits() % static_cast<uint64_t>(limit));
}

float Random::uniform(float low, float high) {
  return low + (high - low) * (static_cast<float>(bits() >> 40) * 0x1p-24f);
}

float Random::normal() {
  const double u = (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53;
  const double v = static_cast<double>(bits() >> 11) * 0x1p-53;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

Matrix Matrix::slice(int64_t first, int64_t count) const {
  return {count, cols, std::vector<float>(row(first), row(first + count))};
}

Matrix random_matrix(int64_t rows, int64_t cols, uint64_t seed, float deviation) {
  Random random(seed);
  Matrix matrix{rows, cols, std::vector<float>(static_cast<size_t>(rows * cols))};
  for (float& value : matrix.values) value = deviation * random.normal();
  return matrix;
}

std::vector<float> random_vector(int64_t size, uint64_t seed, float low, float high) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = random.uniform(low, high);
  return values;
}

WeightData random_weight(DType dtype, int64_t rows, int64_t cols, uint64_t seed) {
  WeightData weight{dtype, rows, cols,
                    std::vector<std::byte>(static_cast<size_t>(rows) * row_bytes(dtype, cols))};
  Random random(seed);
  if (is_quantized(dtype)) {
    fill_quantized(weight, random);
  } else {
    fill_float(weight, random);
  }
  return weight;
}

const std::vector<DType>& weight_dtypes() {
  static const std::vector<DType> all = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ4_0,
                                         DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                                         DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
  return all;
}

}  // namespace trivet::conformance
