// What the tests of this backend share: devices of every level, random weights in GGUF blocks,
// one-line operations.
#ifndef TRIVET_BACKENDS_CPU_FIXTURE_H_
#define TRIVET_BACKENDS_CPU_FIXTURE_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/dequantize.h"
#include "tensor/dtype.h"
#include "trivet/backend.h"

namespace trivet::cpu::testing {

inline const trivet_backend& table() {
  return *trivet_backend_get(TRIVET_BACKEND_ABI_MAJOR, TRIVET_BACKEND_ABI_MINOR);
}

struct DeviceCloser {
  void operator()(trivet_device* device) const { table().device_destroy(device); }
};
using TestDevice = std::unique_ptr<trivet_device, DeviceCloser>;

inline TestDevice make_device(const char* isa = nullptr, int threads = 2) {
  trivet_device_options options = {sizeof options, 0, threads, isa};
  trivet_error error = {sizeof error, {}};
  trivet_device* device = nullptr;
  EXPECT_EQ(table().device_create(&options, &device, &error), TRIVET_OK) << error.message;
  return TestDevice(device);
}

// Levels of this machine.
inline std::vector<std::string> levels() {
  TestDevice device = make_device(nullptr, 1);
  trivet_device_info info = {};
  info.size = sizeof info;
  table().device_info(device.get(), &info);
  std::vector<std::string> names;
  std::stringstream list(info.isa_levels);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  float normal() { return std::normal_distribution<float>(0.0f, 1.0f)(engine_); }
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  std::vector<float> normals(int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = normal();
    return v;
  }

 private:
  std::mt19937 engine_;
};

inline bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// Rows of random blocks with scales of about 0.01 (which values a block's bits may take is all of
// them).
inline std::vector<std::byte> random_weight(DType type, int64_t rows, int64_t cols,
                                            Random& random) {
  const size_t bytes = row_bytes(type, cols) * static_cast<size_t>(rows);
  std::vector<std::byte> data(bytes);
  auto put_half = [&](size_t at, float value) {
    const uint16_t half = f32_to_f16(value);
    std::memcpy(&data[at], &half, 2);
  };
  if (is_float(type)) {
    for (size_t i = 0; i < static_cast<size_t>(rows * cols); ++i) {
      const float value = 0.05f * random.normal();
      const uint16_t half = type == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
      if (type == DType::kF32) {
        std::memcpy(&data[4 * i], &value, 4);
      } else {
        std::memcpy(&data[2 * i], &half, 2);
      }
    }
    return data;
  }
  for (std::byte& b : data) b = static_cast<std::byte>(random.below(256));
  const BlockShape block = block_shape(type);
  for (size_t at = 0; at < bytes; at += block.bytes) {
    const float scale = 0.01f * (1.0f + 0.5f * random.normal());
    const bool two = type == DType::kQ4_1 || type == DType::kQ5_1 || type == DType::kQ4_K ||
                     type == DType::kQ5_K;
    const bool last = type == DType::kQ6_K;
    const float smaller = type == DType::kQ4_K || type == DType::kQ5_K || last ? 0.02f : 1.0f;
    put_half(last ? at + 208 : at, scale * smaller);
    if (two) put_half(at + 2, 0.05f * smaller * random.normal());
  }
  return data;
}

inline std::vector<float> dequantized(DType type, const std::vector<std::byte>& data, int64_t rows,
                                      int64_t cols) {
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (int64_t r = 0; r < rows; ++r) {
    dequantize_row(
        type, &data[static_cast<size_t>(r) * row_bytes(type, cols)],
        std::span<float>(&values[static_cast<size_t>(r * cols)], static_cast<size_t>(cols)));
  }
  return values;
}

struct MemoryDeleter {
  size_t bytes;
  void operator()(void* memory) const { table().memory_free(nullptr, memory, bytes); }
};
using Memory = std::unique_ptr<void, MemoryDeleter>;
inline Memory allocate(size_t bytes) {
  return Memory(table().memory_allocate(nullptr, bytes), MemoryDeleter{bytes});
}

// A weight with all that it needs.
class TestWeight {
 public:
  TestWeight(trivet_device* device, DType type, int64_t rows, int64_t cols,
             const std::vector<std::byte>& data, trivet_weight_usage usage = TRIVET_WEIGHT_LINEAR) {
    desc_ = {sizeof desc_, static_cast<uint32_t>(usage), static_cast<uint32_t>(type), rows, cols,
             data.data()};
    const uint64_t bytes = table().weight_bytes(device, &desc_);
    EXPECT_NE(bytes, UINT64_MAX);
    if (bytes > 0) memory_ = allocate(bytes);
    trivet_error error = {sizeof error, {}};
    EXPECT_EQ(table().weight_create(device, &desc_, memory_.get(), &weight_, &error), TRIVET_OK)
        << error.message;
  }
  ~TestWeight() { table().weight_destroy(weight_); }
  TestWeight(const TestWeight&) = delete;
  TestWeight& operator=(const TestWeight&) = delete;
  trivet_weight* get() const { return weight_; }
  const trivet_weight_desc& desc() const { return desc_; }

 private:
  trivet_weight_desc desc_;
  Memory memory_{nullptr, MemoryDeleter{0}};
  trivet_weight* weight_ = nullptr;
};

struct OpSpec {
  uint32_t kind;
  const void* params = nullptr;
  std::vector<int32_t> input_cols;
  int32_t output_cols = 0;
  std::vector<const TestWeight*> weights;
  int32_t output_domain = 0;
};

inline trivet_op_desc describe(const OpSpec& spec) {
  trivet_op_desc d = {};
  d.size = sizeof d;
  d.kind = spec.kind;
  d.params = spec.params;
  d.num_inputs = static_cast<int32_t>(spec.input_cols.size());
  std::copy(spec.input_cols.begin(), spec.input_cols.end(), d.input_cols);
  d.output_cols = spec.output_cols;
  d.output_domain = spec.output_domain;
  d.num_weights = static_cast<int32_t>(spec.weights.size());
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    d.weights[i] = spec.weights[i]->get();
    d.weight_descs[i] = spec.weights[i]->desc();
  }
  return d;
}

inline trivet_limits generous_limits() { return {sizeof(trivet_limits), 1024, 64, 1024, 8192}; }

class TestOp {
 public:
  TestOp(trivet_device* device, const OpSpec& spec, trivet_limits limits = generous_limits()) {
    const trivet_op_desc d = describe(spec);
    trivet_error error = {sizeof error, {}};
    EXPECT_EQ(table().op_supported(device, &d), 1);
    EXPECT_EQ(table().op_create(device, &d, &limits, &op_, &error), TRIVET_OK) << error.message;
    workspace_ = allocate(table().op_workspace_bytes(op_) + 64);
  }
  ~TestOp() { table().op_destroy(op_); }
  TestOp(const TestOp&) = delete;
  TestOp& operator=(const TestOp&) = delete;

  trivet_status run(const trivet_step& step, int rows, std::vector<const float*> inputs,
                    float* output) {
    trivet_run r = {};
    r.size = sizeof r;
    r.step = &step;
    r.num_rows = rows;
    std::copy(inputs.begin(), inputs.end(), r.inputs);
    r.output = output;
    r.workspace = workspace_.get();
    return table().op_run(op_, &r);
  }

 private:
  trivet_op* op_ = nullptr;
  Memory workspace_{nullptr, MemoryDeleter{0}};
};

inline trivet_step rows_only(int rows) {
  trivet_step step = {};
  step.size = sizeof step;
  step.num_rows = rows;
  return step;
}

inline bool same_bits(const float* a, const float* b, int64_t n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(float)) == 0;
}

}  // namespace trivet::cpu::testing

#endif  // TRIVET_BACKENDS_CPU_FIXTURE_H_
