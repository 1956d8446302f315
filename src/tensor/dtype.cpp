#include "tensor/dtype.h"

#include <array>

#include "base/check.h"

namespace trivet {
namespace {

struct Row {
  std::string_view name;
  BlockShape block;
};

// Indexed by the value of the type.
constexpr std::array<Row, TRIVET_DTYPE_COUNT> kTypes = {{
    {"f32", {1, 4}},
    {"f16", {1, 2}},
    {"bf16", {1, 2}},
    {"q4_0", {32, 18}},
    {"q4_1", {32, 20}},
    {"q5_0", {32, 22}},
    {"q5_1", {32, 24}},
    {"q8_0", {32, 34}},
    {"q4_K", {256, 144}},
    {"q5_K", {256, 176}},
    {"q6_K", {256, 210}},
    {"i32", {1, 4}},
}};

const Row& row_of(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  TRIVET_CHECK(index < kTypes.size());
  return kTypes[index];
}

}  // namespace

BlockShape block_shape(DType dtype) { return row_of(dtype).block; }

std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }

bool is_quantized(DType dtype) { return row_of(dtype).block.columns > 1; }

size_t row_bytes(DType dtype, int64_t columns) {
  const BlockShape block = block_shape(dtype);
  TRIVET_CHECK(columns >= 0 && columns % block.columns == 0);
  return static_cast<size_t>(columns / block.columns) * block.bytes;
}

}  // namespace trivet
