#include "measure/operation_bench.h"

#include <gtest/gtest.h>

#include "reference/reference_backend.h"

namespace trivet {
namespace {

constexpr BenchSeconds kShort = {0.001, 0.001};

std::unique_ptr<Device> reference_device() {
  return *Device::create(*Backend::from_table(reference_backend()), {.num_threads = 1});
}

TEST(TimeCalls, ReturnsTheFirstFailureAndStops) {
  int calls = 0;
  const auto timing = time_calls(1, 10, [&]() -> Result<void> {
    if (++calls == 3) return Error(ErrorCode::kInternal, "broke");
    return {};
  });
  ASSERT_FALSE(timing);
  EXPECT_EQ(timing.error().message(), "broke");
  EXPECT_EQ(calls, 3);
}

TEST(TimeCalls, TakesEnoughSamplesHoweverShortTheTimeIs) {
  int calls = 0;
  const auto timing = time_calls(1, 0, [&]() -> Result<void> {
    ++calls;
    return {};
  });
  ASSERT_TRUE(timing);
  EXPECT_GE(timing->samples, 5);
  EXPECT_GT(calls, timing->samples);
  EXPECT_GT(timing->seconds, 0);
}

TEST(LinearBench, WorkAndBytesAreThoseOfTheShape) {
  const auto device = reference_device();
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0,
                            DType::kQ8_0, DType::kQ4_K, DType::kQ6_K}) {
    const auto bench = LinearBench::create(*device, dtype, 32, 256, 1);
    ASSERT_TRUE(bench) << dtype_name(dtype) << ": " << bench.error().message();
    const auto rate = (*bench)->measure(3, kShort);
    ASSERT_TRUE(rate) << dtype_name(dtype) << ": " << rate.error().message();
    const double seconds = rate->timing.seconds;
    EXPECT_NEAR(rate->operations_per_second * seconds, 2.0 * 3 * 32 * 256, 1e-3);
    EXPECT_NEAR(rate->bytes_per_second * seconds, 32.0 * static_cast<double>(row_bytes(dtype, 256)),
                1e-3);
  }
}

TEST(LinearBench, RefusesShapesThatTheFormatOrItsBuffersDoNotHave) {
  const auto device = reference_device();
  const auto odd = LinearBench::create(*device, DType::kQ4_K, 32, 288);
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message().find("multiple of 256"), std::string::npos);
  const auto bench = LinearBench::create(*device, DType::kF32, 16, 64, 1);
  ASSERT_TRUE(bench);
  EXPECT_FALSE((*bench)->measure(0, kShort));
  EXPECT_FALSE((*bench)->measure(LinearBench::kMostRows + 1, kShort));
}

TEST(AttentionBench, CountsOnlyThePairsThatTheMaskLeaves) {
  const auto device = reference_device();
  const auto rate =
      measure_attention(*device, {"small", 4, 2, 16, 70, 3, 2}, TRIVET_KV_AUTO, kShort);
  ASSERT_TRUE(rate) << rate.error().message();
  // Rows see 71, 72 and 73 positions; 4 heads of 16, two operations for a score and two for a sum.
  EXPECT_NEAR(rate->operations_per_second * rate->timing.seconds, 2.0 * (71 + 72 + 73) * 4 * 4 * 16,
              1e-3);
  EXPECT_EQ(usual_attention_cases().empty(), false);
}

}  // namespace
}  // namespace trivet
