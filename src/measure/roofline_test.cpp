#include "measure/roofline.h"

#include <gtest/gtest.h>

#include "graph/testing/tiny_decoder.h"

namespace trivet {
namespace {

TinyDecoderOptions tiny() {
  TinyDecoderOptions options;
  options.num_layers = 2;
  options.hidden = 32;
  options.intermediate = 48;
  options.vocab = 40;
  options.num_heads = 4;
  options.num_kv_heads = 2;
  options.head_dim = 8;
  return options;
}

TEST(StepWork, CountsTheMatricesThatRowsGoThroughAndNotTheEmbedding) {
  const StepWork work = step_work(*TinyDecoder(tiny()).build());
  // Per layer: q 32x32, k and v 16x32, o 32x32, gate and up 48x32, down 32x48.
  const double layer = 32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 48 * 32;
  EXPECT_EQ(work.body.parameters, 2 * layer);
  EXPECT_EQ(work.head.parameters, 40 * 32);
  EXPECT_EQ(work.body.bytes, 4 * work.body.parameters);  // float32
  EXPECT_EQ(work.head.bytes, 4 * work.head.parameters);
}

TEST(StepWork, ReadsNoMoreOfTheCacheThanAWindow) {
  TinyDecoderOptions options = tiny();
  options.window = 16;
  const StepWork work = step_work(*TinyDecoder(options).build());
  ASSERT_EQ(work.cache.size(), 2u);
  const double per_position = 2 * 2 * 8;  // keys and values of one layer
  EXPECT_EQ(work.cache_elements(10), per_position * (10 + 10));
  EXPECT_EQ(work.cache_elements(100), per_position * (100 + 16));
}

TEST(Roofline, DecodingIsBoundByReadingFirstAndByMultiplyingThen) {
  StepWork work;
  work.body = {90e6, 45e6};
  work.head = {10e6, 5e6};
  const MachineRates rates = {1e12, 50e9};
  // One sequence: 50 MB at 50 GB/s take 1 ms; its 200 million operations 0.2 ms.
  EXPECT_NEAR(decode_limit(work, rates, 1, 0), 1000, 1e-6);
  EXPECT_NEAR(decode_limit(work, rates, 4, 0), 4000, 1e-6);
  // Ten: 2 ms of operations.
  EXPECT_NEAR(decode_limit(work, rates, 10, 0), 5000, 1e-6);
  EXPECT_NEAR(decode_limit(work, rates, 1000, 0), 5000, 1e-6);
  EXPECT_NEAR(prompt_limit(work, rates), 1e12 / 180e6, 1e-6);
}

TEST(Roofline, EverySequenceReadsItsOwnCache) {
  StepWork work;
  work.body = {1e6, 1e6};
  work.cache = {{1000, 0}};
  const MachineRates rates = {1e15, 1e9};
  // 1 MB of weights, and 1000 positions of 1000 elements of 2 bytes for each sequence.
  EXPECT_NEAR(decode_limit(work, rates, 3, 1000), 3 / (7e6 / 1e9), 1e-6);
  EXPECT_NEAR(decode_limit(work, rates, 3, 1000, 1), 3 / (4e6 / 1e9), 1e-6);
}

}  // namespace
}  // namespace trivet
