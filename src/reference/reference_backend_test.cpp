#include "reference/reference_backend.h"

#include <gmock/gmock.h>

#include "reference/test_device.h"
#include "reference/thread_pool.h"

namespace trivet::reference {
namespace {

using ::testing::HasSubstr;

TEST(ReferenceBackend, OpensWithTheThreadsThatWereAskedFor) {
  EXPECT_EQ(open_reference(3)->info().num_threads, 3);
  EXPECT_GE(open_reference(0)->info().num_threads, 1);
  auto backend = *Backend::from_table(reference_backend());
  EXPECT_THAT(Device::create(backend, {.isa = "level-9"}).error().message(), HasSubstr("level-9"));
  EXPECT_FALSE(Device::create(backend, {.index = 1}).ok());
  EXPECT_FALSE(Device::create(backend, {.num_threads = -1}).ok());
}

TEST(ReferenceBackend, UsesEveryWeightTypeInPlace) {
  auto device = open_reference();
  trivet_weight_desc desc{.size = sizeof desc, .rows = 4, .cols = 256};
  for (DType dtype : conformance::weight_dtypes()) {
    desc.dtype = static_cast<uint32_t>(dtype);
    EXPECT_EQ(device->table().weight_bytes(device->handle(), &desc), 0u);
  }
}

TEST(ReferenceBackend, RefusesWeightsThatCannotBe) {
  auto device = open_reference();
  const float data[4] = {};
  const auto refuses = [&](uint32_t dtype, int64_t rows, int64_t cols) {
    const trivet_weight_desc desc{
        .size = sizeof desc, .dtype = dtype, .rows = rows, .cols = cols, .data = data};
    return device->table().weight_bytes(device->handle(), &desc) == UINT64_MAX &&
           !create_weight(*device, desc, nullptr).ok();
  };
  EXPECT_TRUE(refuses(TRIVET_I32, 1, 1));
  EXPECT_TRUE(refuses(99, 1, 1));
  EXPECT_TRUE(refuses(TRIVET_Q4_K, 1, 128));
  EXPECT_TRUE(refuses(TRIVET_F32, 0, 1));
  EXPECT_TRUE(refuses(TRIVET_F32, INT64_MAX / 2, INT64_MAX / 2));
  EXPECT_FALSE(refuses(TRIVET_F32, 1, 4));
}

TEST(ReferenceBackend, RefusesShapesThatDoNotFit) {
  auto device = open_reference();
  const trivet_scale_params scale{sizeof scale, 1};
  const auto supported = [&](const OpSpec& spec) { return OpRunner::create(*device, spec).ok(); };
  EXPECT_TRUE(
      supported({.kind = TRIVET_OP_SCALE, .params = &scale, .input_cols = {8}, .output_cols = 8}));
  EXPECT_FALSE(
      supported({.kind = TRIVET_OP_SCALE, .params = &scale, .input_cols = {8}, .output_cols = 7}));
  EXPECT_FALSE(
      supported({.kind = TRIVET_OP_SCALE, .params = nullptr, .input_cols = {8}, .output_cols = 8}));
  EXPECT_FALSE(supported({.kind = TRIVET_OP_ADD, .input_cols = {8}, .output_cols = 8}));
  EXPECT_FALSE(supported({.kind = 77, .input_cols = {8}, .output_cols = 8}));
  const trivet_rope_params odd{sizeof odd, 0, 1, 8, 3, TRIVET_ROPE_HALF};
  EXPECT_FALSE(
      supported({.kind = TRIVET_OP_ROPE, .params = &odd, .input_cols = {8, 3}, .output_cols = 8}));
  trivet_kv_desc kv{sizeof kv, 1, 1, 64, 16};
  EXPECT_EQ(device->table().kv_block_bytes(device->handle(), &kv), 2u * 4 * 16 * 64);
  kv.block_tokens = 20;
  EXPECT_EQ(device->table().kv_block_bytes(device->handle(), &kv), 0u);
}

TEST(ReferenceBackend, RefusesMoreRowsThanItsLimits) {
  auto device = open_reference();
  const OpSpec spec{.kind = TRIVET_OP_ADD, .input_cols = {1, 1}, .output_cols = 1};
  auto runner = OpRunner::create(*device, spec, {sizeof(trivet_limits), 2, 1, 1, 16});
  const auto rows = [&](int count) {
    const Matrix x = random_matrix(count, 1, 1);
    return (*runner)->run({x, x}, simple_step(count)).ok();
  };
  EXPECT_TRUE(rows(2));
  EXPECT_FALSE(rows(3));
}

TEST(ThreadPool, CoversEveryIndexOnceWhateverTheGrain) {
  for (int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    for (int64_t grain : {1, 3, 1000}) {
      std::vector<int> seen(101);
      pool.parallel_for(101, grain, [&](int64_t begin, int64_t end, int worker) {
        EXPECT_LT(worker, num_threads);
        for (int64_t i = begin; i < end; ++i) ++seen[i];
      });
      EXPECT_EQ(seen, std::vector<int>(101, 1));
    }
    pool.parallel_for(0, 1, [](int64_t, int64_t, int) { FAIL(); });
  }
}

}  // namespace
}  // namespace trivet::reference
