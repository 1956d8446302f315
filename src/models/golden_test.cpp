// Every architecture against Hugging Face transformers: tiny checkpoints in the repository, and
// real models where TRIVET_TEST_MODELS names a folder of them. Goldens: tools/golden.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "graph/passes/pass_list.h"
#include "models/catalog.h"
#include "program/testing/paged_runner.h"
#include "program/testing/picky_backend.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = fs::path(TRIVET_SOURCE_DIR) / "tests" / "golden";

nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

std::vector<float> read_floats(const fs::path& path) {
  std::vector<float> values(fs::file_size(path) / sizeof(float));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  return values;
}

// Logits of the given rows of the prompt, by the reference backend in float32.
std::vector<float> logits_of(const ModelSource& source, const std::vector<int32_t>& tokens,
                             const std::vector<int32_t>& rows, int num_threads) {
  Result<Graph> graph = build_model_graph(source);
  if (!graph) check_failed(graph.error().message());
  const Graph fused = apply_passes(*graph).value();
  auto backend = Backend::from_table(reference_backend()).value();
  auto device = Device::create(backend, {.num_threads = num_threads}).value();
  const auto count = static_cast<int32_t>(tokens.size());
  const trivet_limits limits = {sizeof(trivet_limits), count, 1, count, count};
  auto runner = PagedRunner::create(fused, *device, limits);
  if (!runner) check_failed(runner.error().message());
  Result<void> body = (*runner)->run_body({{0, 0, tokens}});
  if (!body) check_failed(body.error().message());
  return (*runner)->run_head(rows).value();
}

std::vector<std::string> tiny_goldens() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGoldens / "models")) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

class TinyGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyGoldenTest, LogitsAreThoseOfTransformers) {
  const fs::path folder = kGoldens / "models" / GetParam();
  const auto source = ModelSource::open(folder.string());
  ASSERT_TRUE(source.ok()) << source.error().message();
  const auto tokens = read_json(folder / "tokens.json").get<std::vector<int32_t>>();
  const std::vector<float> expected = read_floats(folder / "logits.f32");
  std::vector<int32_t> rows(tokens.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  const std::vector<float> logits = logits_of(**source, tokens, rows, 1);
  ASSERT_EQ(logits.size(), expected.size());
  float largest = 0, worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    worst = std::max(worst, std::abs(expected[i] - logits[i]));
  }
  EXPECT_LE(worst, 1e-4f * largest) << "of logits up to " << largest;
  RecordProperty("relative_error", std::to_string(worst / largest));
}

INSTANTIATE_TEST_SUITE_P(All, TinyGoldenTest, ::testing::ValuesIn(tiny_goldens()),
                         [](const auto& info) { return info.param; });

std::vector<std::string> real_goldens() {
  std::vector<std::string> names;
  if (!fs::exists(kGoldens / "real")) return names;
  for (const auto& entry : fs::directory_iterator(kGoldens / "real")) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class RealGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RealGoldenTest, LargestLogitsAreThoseOfTransformers) {
  const char* models = std::getenv("TRIVET_TEST_MODELS");
  if (!models) GTEST_SKIP() << "TRIVET_TEST_MODELS is not set";
  const fs::path path = fs::path(models) / GetParam();
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not there";
  const auto source = ModelSource::open(path.string());
  ASSERT_TRUE(source.ok()) << source.error().message();
  const nlohmann::json golden = read_json(kGoldens / "real" / (GetParam() + ".json"));
  std::vector<int32_t> rows;
  for (const auto& position : golden["positions"]) rows.push_back(position["position"]);
  const std::vector<float> logits =
      logits_of(**source, golden["tokens"].get<std::vector<int32_t>>(), rows, 0);
  const size_t vocabulary = logits.size() / rows.size();
  double worst = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* row = logits.data() + i * vocabulary;
    const auto& position = golden["positions"][i];
    for (const auto& [token, logit] : position["top"].get<std::vector<std::pair<int, double>>>()) {
      const double error = std::abs(row[token] - logit) / position["largest"].get<double>();
      worst = std::max(worst, error);
    }
    const auto best = static_cast<int>(std::max_element(row, row + vocabulary) - row);
    EXPECT_EQ(best, position["top"][0][0].get<int>()) << "at position " << rows[i];
  }
  std::printf("%s: relative error of the top logits %.2e\n", GetParam().c_str(), worst);
  EXPECT_LE(worst, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, RealGoldenTest, ::testing::ValuesIn(real_goldens()),
                         [](const auto& info) {
                           std::string name;
                           for (char c : info.param) {
                             if (std::isalnum(static_cast<unsigned char>(c))) name += c;
                           }
                           return name;
                         });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealGoldenTest);

}  // namespace
}  // namespace trivet
