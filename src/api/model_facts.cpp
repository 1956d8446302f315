#include "api/model_facts.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <map>

namespace trivet {
namespace {

// Names of GGUF's general.file_type.
constexpr std::pair<int, std::string_view> kFileTypes[] = {
    {0, "F32"},     {1, "F16"},     {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},    {8, "Q5_0"},
    {9, "Q5_1"},    {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"}, {13, "Q3_K_L"}, {14, "Q4_K_S"},
    {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"}, {18, "Q6_K"},   {32, "BF16"}};

std::string file_type_name(const ModelSource& source) {
  for (const MetadataEntry& entry : source.metadata()) {
    if (entry.key != "general.file_type") continue;
    int number = -1;
    std::from_chars(entry.json.data(), entry.json.data() + entry.json.size(), number);
    for (const auto& [type, name] : kFileTypes) {
      if (type == number) return std::string(name);
    }
  }
  return {};
}

// The type that most bytes have, for files that do not say.
std::string main_type_name(const ModelSource& source) {
  std::map<DType, size_t> bytes;
  for (const TensorView& tensor : source.tensors()) bytes[tensor.dtype] += tensor.data.size();
  if (bytes.empty()) return "unknown";
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string name(dtype_name(most->first));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

}  // namespace

ModelFacts model_facts(const ModelSource& source) {
  const ModelConfig& config = source.config();
  ModelFacts facts;
  facts.format = source.format();
  facts.architecture = config.architecture;
  facts.quantization = file_type_name(source);
  if (facts.quantization.empty()) facts.quantization = main_type_name(source);
  facts.digest = source.fingerprint();
  for (const TensorView& tensor : source.tensors()) {
    facts.parameters += tensor.rows * tensor.cols;
    facts.bytes += tensor.data.size();
  }
  facts.context_length = config.context_length;
  facts.hidden_size = config.hidden_size;
  facts.num_layers = config.num_layers;
  facts.num_heads = config.num_heads;
  facts.num_kv_heads = config.num_kv_heads;
  return facts;
}

std::string short_number(int64_t value) {
  char text[32];
  if (value >= 1'000'000'000) {
    std::snprintf(text, sizeof text, "%.1fB", static_cast<double>(value) / 1e9);
  } else if (value >= 1'000'000) {
    std::snprintf(text, sizeof text, "%.2fM", static_cast<double>(value) / 1e6);
  } else if (value >= 1'000) {
    std::snprintf(text, sizeof text, "%.2fK", static_cast<double>(value) / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%lld", static_cast<long long>(value));
  }
  return text;
}

}  // namespace trivet
