#include <gmock/gmock.h>

#include <cstdlib>

#include "fixture.h"

namespace trivet::cpu::testing {
namespace {

using ::testing::HasSubstr;

TEST(Plugin, ServesItsMajorVersionOnly) {
  EXPECT_NE(trivet_backend_get(TRIVET_BACKEND_ABI_MAJOR, 99), nullptr);
  EXPECT_EQ(trivet_backend_get(TRIVET_BACKEND_ABI_MAJOR + 1, 0), nullptr);
  EXPECT_GT(table().score(), 0);
}

trivet_status create_with(const char* isa, int threads, std::string* message) {
  trivet_device_options options = {sizeof options, 0, threads, isa};
  trivet_error error = {sizeof error, {}};
  trivet_device* device = nullptr;
  const trivet_status status = table().device_create(&options, &device, &error);
  if (status == TRIVET_OK) table().device_destroy(device);
  *message = error.message;
  return status;
}

TEST(Plugin, UnknownLevelIsRefusedWithTheListOfLevels) {
  std::string message;
  EXPECT_EQ(create_with("avx1024", 1, &message), TRIVET_INVALID_ARGUMENT);
  EXPECT_THAT(message, HasSubstr("avx1024"));
  EXPECT_THAT(message, HasSubstr("baseline"));
  EXPECT_EQ(create_with(nullptr, -1, &message), TRIVET_INVALID_ARGUMENT);
  EXPECT_THAT(message, HasSubstr("-1"));
}

TEST(Plugin, EnvironmentNamesTheLevelWhereOptionsDoNot) {
  setenv("TRIVET_ISA", "baseline", 1);
  TestDevice device = make_device(nullptr, 1);
  trivet_device_info info = {};
  info.size = sizeof info;
  table().device_info(device.get(), &info);
  EXPECT_STREQ(info.isa, "baseline");
  EXPECT_EQ(info.num_threads, 1);
  EXPECT_EQ(info.host_memory, 1);
  setenv("TRIVET_ISA", "nonsense", 1);
  std::string message;
  EXPECT_EQ(create_with(nullptr, 1, &message), TRIVET_INVALID_ARGUMENT);
  EXPECT_EQ(create_with("baseline", 1, &message), TRIVET_OK) << "options come first";
  unsetenv("TRIVET_ISA");
}

TEST(Plugin, MemoryIsAlignedAndZeroed) {
  for (size_t bytes : {size_t{1}, size_t{5000}, size_t{2} << 20, (size_t{3} << 20) + 17}) {
    Memory memory = allocate(bytes);
    ASSERT_NE(memory.get(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.get()) %
                  (bytes >= size_t{2} << 20 ? size_t{2} << 20 : 64),
              0u);
    const unsigned char* p = static_cast<const unsigned char*>(memory.get());
    EXPECT_EQ(p[0] | p[bytes / 2] | p[bytes - 1], 0);
  }
  EXPECT_EQ(table().memory_allocate(nullptr, SIZE_MAX), nullptr);
}

TEST(Plugin, LimitsArePositive) {
  TestDevice device = make_device();
  for (uint32_t limit = TRIVET_LIMIT_INT8_OPS; limit <= TRIVET_LIMIT_FORK_JOIN_SECONDS; ++limit) {
    double value = 0;
    EXPECT_EQ(table().measure_limit(device.get(), limit, 0.02, &value), TRIVET_OK);
    EXPECT_GT(value, 0) << limit;
  }
  double value = 0;
  EXPECT_EQ(table().measure_limit(device.get(), 99, 0.02, &value), TRIVET_UNSUPPORTED);
}

TEST(Plugin, NullAndShortArgumentsAreErrors) {
  TestDevice device = make_device(nullptr, 1);
  trivet_op_desc short_desc = {};
  short_desc.size = 8;
  EXPECT_EQ(table().op_supported(device.get(), &short_desc), 0);
  trivet_op* op = nullptr;
  trivet_error error = {sizeof error, {}};
  EXPECT_EQ(table().op_create(device.get(), nullptr, nullptr, &op, &error),
            TRIVET_INVALID_ARGUMENT);
  EXPECT_EQ(table().op_run(nullptr, nullptr), TRIVET_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace trivet::cpu::testing
