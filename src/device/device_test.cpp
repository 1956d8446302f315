#include "device/device.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace trivet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The state behind a fake backend's handles, checked for balance by the tests.
struct FakeState {
  int devices = 0, weights = 0, ops = 0;
  size_t allocated_bytes = 0;
  std::string isa;
};
FakeState fake;

// The fake's entries: every handle is a pointer to this byte.
char token;

void fill(trivet_error* error, const char* text) {
  std::strncpy(error->message, text, sizeof error->message);
}

trivet_status create_device(const trivet_device_options* options, trivet_device** out,
                            trivet_error* error) {
  fake.isa = options->isa ? options->isa : "";
  if (options->index == 1) return TRIVET_OK;  // forgets the handle
  if (options->index > 1) {
    std::memset(error->message, 'x', sizeof error->message);  // without a terminator
    return TRIVET_INVALID_ARGUMENT;
  }
  ++fake.devices;
  *out = reinterpret_cast<trivet_device*>(&token);
  return TRIVET_OK;
}

trivet_backend make_fake_table() {
  trivet_backend t{};
  t.size = sizeof t;
  t.abi_major = TRIVET_BACKEND_ABI_MAJOR;
  t.abi_minor = TRIVET_BACKEND_ABI_MINOR;
  t.name = "fake";
  t.version = "1";
  t.score = [] { return 1; };
  t.device_create = create_device;
  t.device_destroy = [](trivet_device*) { --fake.devices; };
  t.device_info = [](const trivet_device*, trivet_device_info* info) { info->num_threads = 3; };
  t.memory_allocate = [](trivet_device*, size_t bytes) -> void* {
    if (bytes > 4096) return nullptr;
    fake.allocated_bytes += bytes;
    return malloc(bytes);
  };
  t.memory_free = [](trivet_device*, void* data, size_t bytes) {
    fake.allocated_bytes -= bytes;
    free(data);
  };
  t.memory_copy = [](trivet_device*, void*, const void*, size_t, uint32_t, trivet_stream*) {
    return TRIVET_OK;
  };
  t.weight_bytes = [](trivet_device*, const trivet_weight_desc*) -> uint64_t { return 0; };
  t.weight_create = [](trivet_device*, const trivet_weight_desc* desc, void*, trivet_weight** out,
                       trivet_error* error) {
    if (desc->rows == 0) {
      fill(error, "a weight has no rows");
      return TRIVET_INVALID_ARGUMENT;
    }
    ++fake.weights;
    *out = reinterpret_cast<trivet_weight*>(&token);
    return TRIVET_OK;
  };
  t.weight_destroy = [](trivet_weight*) { --fake.weights; };
  t.kv_block_bytes = [](trivet_device*, const trivet_kv_desc*) -> uint64_t { return 64; };
  t.op_supported = [](trivet_device*, const trivet_op_desc*) { return 1; };
  t.op_create = [](trivet_device*, const trivet_op_desc* desc, const trivet_limits*,
                   trivet_op** out, trivet_error*) {
    if (desc->kind == TRIVET_OP_SOFTCAP) return TRIVET_UNSUPPORTED;
    ++fake.ops;
    *out = reinterpret_cast<trivet_op*>(&token);
    return TRIVET_OK;
  };
  t.op_workspace_bytes = [](const trivet_op*) -> uint64_t { return 0; };
  t.op_run = [](trivet_op*, const trivet_run*) { return TRIVET_OK; };
  t.op_destroy = [](trivet_op*) { --fake.ops; };
  return t;
}

std::unique_ptr<Device> open_fake() {
  trivet_backend table = make_fake_table();
  return std::move(*Device::create(*Backend::from_table(&table), {}));
}

std::string error_of(const trivet_backend& table) {
  auto backend = Backend::from_table(&table);
  return backend ? "" : backend.error().message();
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path().string() + "/trivet_device_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::string_view bytes) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Backend, RefusesATableOfAnotherMajorVersion) {
  trivet_backend table = make_fake_table();
  table.abi_major = 7;
  EXPECT_THAT(error_of(table), AllOf(HasSubstr("ABI 7.0"), HasSubstr("major version 2")));
}

TEST(Backend, RefusesATableThatIsTooShort) {
  trivet_backend table = make_fake_table();
  table.size = 100;
  EXPECT_THAT(error_of(table), HasSubstr("100 bytes"));
  table.size = 4;
  EXPECT_THAT(error_of(table), HasSubstr("size of 4 bytes"));
  EXPECT_FALSE(Backend::from_table(nullptr).ok());
}

TEST(Backend, NamesTheMissingEntry) {
  trivet_backend table = make_fake_table();
  table.op_run = nullptr;
  EXPECT_THAT(error_of(table), HasSubstr("'op_run'"));
  table = make_fake_table();
  table.name = nullptr;
  EXPECT_THAT(error_of(table), HasSubstr("'name'"));
  table = make_fake_table();
  table.event_wait = [](trivet_event*, trivet_stream*) { return TRIVET_OK; };
  EXPECT_THAT(error_of(table), HasSubstr("1 of 7"));
}

TEST(Backend, ReadsNothingBeyondTheSizeOfTheTable) {
  trivet_backend table = make_fake_table();
  table.measure_limit = [](trivet_device*, uint32_t, double, double*) { return TRIVET_OK; };
  EXPECT_NE((*Backend::from_table(&table))->table().measure_limit, nullptr);
  table.size = offsetof(trivet_backend, measure_limit);
  EXPECT_EQ((*Backend::from_table(&table))->table().measure_limit, nullptr);
}

TEST(Backend, LoadSaysWhyAFileIsNoPlugin) {
  TemporaryFolder folder;
  const auto missing = Backend::load(folder.path() + "/absent.so");
  EXPECT_THAT(missing.error().message(), HasSubstr("absent.so"));
  const auto garbage = Backend::load(folder.write("garbage.so", std::string(5000, 'g')));
  EXPECT_THAT(garbage.error().message(),
              AllOf(HasSubstr("garbage.so"), HasSubstr("cannot be loaded")));
  Dl_info c_library{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&getpagesize), &c_library), 0);
  const auto no_backend = Backend::load(std::filesystem::canonical(c_library.dli_fname));
  EXPECT_THAT(no_backend.error().message(), HasSubstr("does not export 'trivet_backend_get'"));
}

TEST(Backend, DiscoverSkipsWhatDoesNotLoadAndSaysSo) {
  TemporaryFolder folder;
  folder.write("libtrivet_backend_broken.so", "\177ELF but not really");
  folder.write("unrelated.so", "x");
  folder.write("libtrivet_backend_.so", "x");
  std::vector<std::string> warnings;
  EXPECT_TRUE(Backend::discover(folder.path(), &warnings).empty());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("libtrivet_backend_broken.so"));
  warnings.clear();
  EXPECT_TRUE(Backend::discover(folder.path() + "/nowhere", &warnings).empty());
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(Backend::discover(folder.path(), nullptr).empty());
}

TEST(Device, PassesOptionsAndClosesItself) {
  trivet_backend table = make_fake_table();
  auto backend = *Backend::from_table(&table);
  {
    auto device = Device::create(backend, {.index = 0, .num_threads = 2, .isa = "level-2"});
    ASSERT_TRUE(device.ok());
    EXPECT_EQ(fake.isa, "level-2");
    EXPECT_EQ((*device)->info().num_threads, 3);
    EXPECT_STREQ((*device)->info().description, "");  // the fake gives none
    EXPECT_EQ(fake.devices, 1);
  }
  EXPECT_EQ(fake.devices, 0);
}

TEST(Device, AFailedOpenIsAnErrorWhateverTheBackendLeaves) {
  trivet_backend table = make_fake_table();
  auto backend = *Backend::from_table(&table);
  const auto forgotten = Device::create(backend, {.index = 1});
  ASSERT_FALSE(forgotten.ok());
  EXPECT_EQ(forgotten.error().code(), ErrorCode::kInternal);
  const auto refused = Device::create(backend, {.index = 2});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("device 2"), HasSubstr("'fake'"), HasSubstr("xxx")));
}

TEST(DeviceMemory, IsFreedOnceWithItsSize) {
  auto device = open_fake();
  {
    DeviceMemory a = *device->allocate(100);
    DeviceMemory b = std::move(a);
    EXPECT_EQ(a.data(), nullptr);
    EXPECT_EQ(fake.allocated_bytes, 100u);
    b = *device->allocate(50);
    EXPECT_EQ(fake.allocated_bytes, 50u);
  }
  EXPECT_EQ(fake.allocated_bytes, 0u);
  EXPECT_EQ(device->allocate(1 << 20).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(device->allocate(0).ok());
}

TEST(Handles, AreDestroyedAndCarryTheBackendsMessage) {
  auto device = open_fake();
  trivet_weight_desc weight{.size = sizeof weight, .rows = 4, .cols = 32};
  trivet_op_desc op{.size = sizeof op, .kind = TRIVET_OP_ADD};
  const trivet_limits limits{.size = sizeof limits};
  {
    auto weight_handle = create_weight(*device, weight, nullptr);
    auto op_handle = create_op(*device, op, limits);
    EXPECT_EQ(fake.weights, 1);
    EXPECT_EQ(fake.ops, 1);
  }
  EXPECT_EQ(fake.weights, 0);
  EXPECT_EQ(fake.ops, 0);
  weight.rows = 0;
  EXPECT_THAT(create_weight(*device, weight, nullptr).error().message(),
              HasSubstr("a weight has no rows"));
  op.kind = TRIVET_OP_SOFTCAP;
  const auto refused = create_op(*device, op, limits);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnimplemented);
  EXPECT_THAT(refused.error().message(), HasSubstr("softcap"));
}

}  // namespace
}  // namespace trivet
