// Builds GGUF files for tests, right and wrong ones.
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_TEST_FILE_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_TEST_FILE_H_

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "weights/gguf/gguf_header.h"
#include "weights/testing/string_bytes.h"

namespace trivet::testing_gguf {

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string text(std::string_view value) {
  return raw(uint64_t{value.size()}) + std::string(value);
}

struct TestTensor {
  std::string name;
  std::vector<int64_t> dimensions;
  uint32_t type = 0;    // F32
  uint64_t bytes = 0;   // 0 = by dimensions, as F32
  int64_t offset = -1;  // -1 = behind the one before
};

class GgufTestFile {
 public:
  GgufTestFile& string(std::string_view key, std::string_view value) {
    return entry(key, GgufType::kString, text(value));
  }
  GgufTestFile& u32(std::string_view key, uint32_t value) {
    return entry(key, GgufType::kUint32, raw(value));
  }
  GgufTestFile& u16(std::string_view key, uint16_t value) {
    return entry(key, GgufType::kUint16, raw(value));
  }
  GgufTestFile& f32(std::string_view key, float value) {
    return entry(key, GgufType::kFloat32, raw(value));
  }
  GgufTestFile& flag(std::string_view key, bool value) {
    return entry(key, GgufType::kBool, raw(static_cast<uint8_t>(value)));
  }
  GgufTestFile& strings(std::string_view key, const std::vector<std::string>& values) {
    std::string all;
    for (const auto& value : values) all += text(value);
    return array(key, GgufType::kString, values.size(), all);
  }
  template <class T>
  GgufTestFile& numbers(std::string_view key, GgufType type, const std::vector<T>& values) {
    std::string all;
    for (const T value : values) all += raw(value);
    return array(key, type, values.size(), all);
  }
  GgufTestFile& array(std::string_view key, GgufType type, uint64_t count,
                      const std::string& bytes) {
    return entry(key, GgufType::kArray, raw(static_cast<uint32_t>(type)) + raw(count) + bytes);
  }
  GgufTestFile& entry(std::string_view key, GgufType type, const std::string& value) {
    entries_ += text(key) + raw(static_cast<uint32_t>(type)) + value;
    ++num_entries_;
    return *this;
  }
  GgufTestFile& tensor(TestTensor tensor) {
    if (tensor.bytes == 0) {
      tensor.bytes = 4;
      for (const int64_t size : tensor.dimensions) tensor.bytes *= static_cast<uint64_t>(size);
    }
    tensors_.push_back(std::move(tensor));
    return *this;
  }

  uint32_t version = 3;
  uint64_t extra_tensors = 0, extra_entries = 0;  // added to the counts in the file
  uint64_t alignment = 32;

  std::string build() const {
    std::string file = "GGUF" + raw(version) + raw(uint64_t{tensors_.size()} + extra_tensors) +
                       raw(num_entries_ + extra_entries) + entries_;
    std::string data;
    for (const TestTensor& tensor : tensors_) {
      file += text(tensor.name) + raw(static_cast<uint32_t>(tensor.dimensions.size()));
      for (const int64_t size : tensor.dimensions) file += raw(size);
      file += raw(tensor.type);
      file += raw(tensor.offset >= 0 ? static_cast<uint64_t>(tensor.offset) : data.size());
      for (uint64_t i = 0; i < tensor.bytes && tensor.bytes < (1 << 20); ++i) {
        data += static_cast<char>(i * 7 + tensor.name.size());
      }
      data.resize((data.size() + alignment - 1) / alignment * alignment);
    }
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data;
  }

 private:
  std::string entries_;
  uint64_t num_entries_ = 0;
  std::vector<TestTensor> tensors_;
};

// A model of one layer: hidden 32, 2 heads of 16 over 1 key/value head, inner 64, 8 tokens.
inline GgufTestFile tiny_llama(const std::string& arch = "llama") {
  GgufTestFile file;
  file.string("general.architecture", arch).string("general.name", "tiny");
  file.u32(arch + ".embedding_length", 32).u32(arch + ".feed_forward_length", 64);
  file.u32(arch + ".block_count", 1).u32(arch + ".context_length", 128);
  file.u32(arch + ".attention.head_count", 2).u32(arch + ".attention.head_count_kv", 1);
  file.f32(arch + ".attention.layer_norm_rms_epsilon", 1e-6f);
  file.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "smollm");
  file.strings("tokenizer.ggml.tokens",
               {"a", "b", "<|im_end|>", "<s>", "</s>", "c", "d", "<|im_start|>"});
  file.numbers<int32_t>("tokenizer.ggml.token_type", GgufType::kInt32, {1, 1, 3, 3, 3, 1, 1, 3});
  file.u32("tokenizer.ggml.bos_token_id", 3).u32("tokenizer.ggml.eos_token_id", 4);
  file.tensor({"token_embd.weight", {32, 8}}).tensor({"output_norm.weight", {32}});
  file.tensor({"blk.0.attn_norm.weight", {32}}).tensor({"blk.0.ffn_norm.weight", {32}});
  file.tensor({"blk.0.attn_q.weight", {32, 32}}).tensor({"blk.0.attn_k.weight", {32, 16}});
  file.tensor({"blk.0.attn_v.weight", {32, 16}}).tensor({"blk.0.attn_output.weight", {32, 32}});
  file.tensor({"blk.0.ffn_gate.weight", {32, 64}}).tensor({"blk.0.ffn_up.weight", {32, 64}});
  file.tensor({"blk.0.ffn_down.weight", {64, 32}}).tensor({"blk.0.attn_q.bias", {32}});
  return file;
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace trivet::testing_gguf

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_TEST_FILE_H_
