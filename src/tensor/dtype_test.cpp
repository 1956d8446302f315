#include "tensor/dtype.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(DType, RowBytesCountWholeBlocks) {
  EXPECT_EQ(row_bytes(DType::kF32, 576), 2304u);
  EXPECT_EQ(row_bytes(DType::kBF16, 3), 6u);
  EXPECT_EQ(row_bytes(DType::kQ4_1, 576), 18u * 20u);
  EXPECT_EQ(row_bytes(DType::kQ8_0, 64), 68u);
  EXPECT_EQ(row_bytes(DType::kQ4_K, 1536), 6u * 144u);
  EXPECT_EQ(row_bytes(DType::kQ6_K, 256), 210u);
  EXPECT_EQ(row_bytes(DType::kQ4_K, 0), 0u);
}

TEST(DType, NamesAreThoseOfGgufInLowerCase) {
  EXPECT_EQ(dtype_name(DType::kQ4_K), "q4_K");
  EXPECT_EQ(dtype_name(DType::kBF16), "bf16");
  EXPECT_EQ(dtype_name(DType::kI32), "i32");
}

TEST(DType, BlocksOfSeveralColumnsAreQuantized) {
  EXPECT_FALSE(is_quantized(DType::kF16));
  EXPECT_FALSE(is_quantized(DType::kI32));
  EXPECT_TRUE(is_quantized(DType::kQ4_0));
  EXPECT_TRUE(is_quantized(DType::kQ6_K));
}

TEST(DTypeDeathTest, HalfABlockIsRefused) { EXPECT_DEATH(row_bytes(DType::kQ4_0, 33), "columns"); }

}  // namespace
}  // namespace trivet
