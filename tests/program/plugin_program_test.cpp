// Whole models on backend plugins: bits do not depend on passes, chunks, batch mates or threads;
// memory stays within the plan; logits stay near the reference's and transformers'.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "graph/passes/pass_list.h"
#include "models/catalog.h"
#include "models/testing/tiny_model.h"
#include "program/testing/paged_runner.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
  if (!result) check_failed(result.error().message());
  return std::move(result).value();
}

std::unique_ptr<Device> open_plugin(const std::string& name, int num_threads = 2) {
  const std::string path = std::string(TRIVET_PLUGIN_FOLDER) + "/libtrivet_backend_" + name + ".so";
  return must(Device::create(must(Backend::load(path)), {.num_threads = num_threads}));
}

std::unique_ptr<Device> open_reference() {
  return must(Device::create(must(Backend::from_table(reference_backend())), {.num_threads = 2}));
}

constexpr trivet_limits kLimits = {sizeof(trivet_limits), 96, 3, 96, 192};

std::vector<int32_t> make_prompt(size_t count) {
  std::mt19937 random(3);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 50);
  return tokens;
}

std::vector<int32_t> slice(const std::vector<int32_t>& tokens, size_t begin, size_t end) {
  return {tokens.begin() + static_cast<std::ptrdiff_t>(begin),
          tokens.begin() + static_cast<std::ptrdiff_t>(end)};
}

// Logits of every prompt row, in chunks, with other sequences beside it where `with_mates`.
std::vector<float> run_chunks(const Graph& graph, Device& device, size_t chunk,
                              bool with_mates = false) {
  const auto runner = must(PagedRunner::create(graph, device, kLimits));
  const std::vector<int32_t> prompt = make_prompt(90);
  std::vector<float> all;
  for (size_t begin = 0; begin < prompt.size(); begin += chunk) {
    const size_t end = std::min(begin + chunk, prompt.size());
    std::vector<SequenceRows> batch = {{1, static_cast<int>(begin), slice(prompt, begin, end)}};
    if (with_mates) {
      batch.insert(batch.begin(), {0, 0, {7, 3}});
      batch.push_back({2, 0, {4}});
    }
    TRIVET_CHECK(runner->run_body(batch).ok());
    std::vector<int32_t> rows;
    for (size_t i = begin; i < end; ++i) {
      rows.push_back(static_cast<int32_t>(i - begin) + (with_mates ? 2 : 0));
    }
    const std::vector<float> logits = must(runner->run_head(rows));
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

using PluginCase = std::tuple<std::string, std::string, DType>;

class PluginProgramTest : public ::testing::TestWithParam<PluginCase> {
 protected:
  PluginProgramTest()
      : plugin_(std::get<0>(GetParam())),
        model_(std::get<1>(GetParam()), std::get<2>(GetParam())),
        graph_(must(build_model_graph(model_))),
        fused_(must(apply_passes(graph_))) {}
  std::string plugin_;
  TinyModel model_;
  Graph graph_, fused_;
};

TEST_P(PluginProgramTest, PassesThatPromiseItKeepEveryBit) {
  PassOptions exact;
  for (const Pass& pass : pass_list()) {
    if (!pass.bit_exact) exact.disabled.emplace_back(pass.name);
  }
  const auto device = open_plugin(plugin_);
  EXPECT_EQ(run_chunks(must(apply_passes(graph_, exact)), *device, 90),
            run_chunks(graph_, *device, 90));
}

TEST_P(PluginProgramTest, ChunksBatchMatesAndThreadsKeepEveryBit) {
  const auto two = open_plugin(plugin_, 2);
  const std::vector<float> whole = run_chunks(fused_, *two, 90);
  EXPECT_EQ(run_chunks(fused_, *two, 1), whole);
  EXPECT_EQ(run_chunks(fused_, *two, 7, true), whole);
  const auto one = open_plugin(plugin_, 1);
  EXPECT_EQ(run_chunks(fused_, *one, 33), whole);
}

TEST_P(PluginProgramTest, MemoryStaysWithinThePlan) {
  const auto device = open_plugin(plugin_);
  for (const Graph* graph : {&graph_, &fused_}) {
    for (int32_t rows : {1, 17, 512}) {
      const trivet_limits limits = {sizeof(trivet_limits), rows, 1, std::min(rows, 4), 4096};
      const ProgramMemory plan = must(StepProgram::plan(*graph, *device, limits));
      const ProgramMemory used = must(StepProgram::lower(*graph, *device, limits))->memory();
      EXPECT_GE(plan.activation_bytes, used.activation_bytes) << rows << " rows";
      EXPECT_EQ(plan.weight_bytes, used.weight_bytes);
      EXPECT_EQ(plan.in_place_bytes, used.in_place_bytes);
      EXPECT_EQ(plan.kv_block_bytes, used.kv_block_bytes);
    }
  }
}

// The cache may be kept and multiplied in bfloat16 (0.3 to 0.4 %), and quantised weights take
// activations rounded to int8: a few per mille in each product, which three layers of random
// weights add up to 1 to 3 % (measured). Wrong wiring gives errors near 1; how exact each operation
// must be is the conformance program's question.
TEST_P(PluginProgramTest, LogitsAreNearTheReference) {
  const auto device = open_plugin(plugin_);
  const auto reference = open_reference();
  const std::vector<float> logits = run_chunks(fused_, *device, 90);
  const std::vector<float> exact = run_chunks(fused_, *reference, 90);
  double error = 0, size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(double{logits[i]} - double{exact[i]}, 2);
    size += std::pow(double{exact[i]}, 2);
  }
  const double relative = std::sqrt(error / size);
  RecordProperty("relative_error", std::to_string(relative));
  EXPECT_LE(relative, std::get<2>(GetParam()) == DType::kF32 ? 0.008 : 0.05);
}

INSTANTIATE_TEST_SUITE_P(All, PluginProgramTest,
                         ::testing::Combine(::testing::Values(TRIVET_PLUGINS),
                                            ::testing::Values("llama", "qwen2", "gemma3"),
                                            ::testing::Values(DType::kF32, DType::kQ8_0,
                                                              DType::kQ4_0)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" + std::get<1>(info.param) + "_" +
                                  std::string(dtype_name(std::get<2>(info.param)));
                         });

// ---- real models, where TRIVET_TEST_MODELS names their folder

nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

TEST(RealModelProgramTest, ThePluginAgreesWithTransformersOnTheLikelyTokens) {
  const char* models = std::getenv("TRIVET_TEST_MODELS");
  if (!models) GTEST_SKIP() << "TRIVET_TEST_MODELS is not set";
  const auto device = open_plugin("cpu");
  const fs::path goldens = fs::path(TRIVET_SOURCE_DIR) / "tests" / "golden" / "real";
  for (const auto& entry : fs::directory_iterator(goldens)) {
    const fs::path path = fs::path(models) / entry.path().stem();
    if (!fs::exists(path)) continue;
    const auto source = must(ModelSource::open(path.string()));
    const Graph graph = must(apply_passes(must(build_model_graph(*source))));
    const trivet_limits limits = {sizeof(trivet_limits), 64, 1, 8, 64};
    const ProgramMemory plan = must(StepProgram::plan(graph, *device, limits));
    const auto runner = must(PagedRunner::create(graph, *device, limits));
    EXPECT_GE(plan.activation_bytes, runner->program().memory().activation_bytes);
    EXPECT_TRUE(runner->program().warnings().empty());
    const nlohmann::json golden = read_json(entry.path());
    ASSERT_TRUE(runner->run_body({{0, 0, golden["tokens"].get<std::vector<int32_t>>()}}).ok());
    std::vector<int32_t> rows;
    for (const auto& position : golden["positions"]) rows.push_back(position["position"]);
    const std::vector<float> logits = must(runner->run_head(rows));
    const size_t vocabulary = logits.size() / rows.size();
    double worst = 0;
    int same_best = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const float* row = logits.data() + i * vocabulary;
      const auto& position = golden["positions"][i];
      for (const auto& [token, logit] :
           position["top"].get<std::vector<std::pair<int, double>>>()) {
        worst = std::max(worst, std::abs(row[token] - logit) / position["largest"].get<double>());
      }
      const auto best = static_cast<int>(std::max_element(row, row + vocabulary) - row);
      same_best += best == position["top"][0][0].get<int>();
    }
    std::printf("%s: top logits within %.4f of the largest, same best token at %d of %zu\n",
                entry.path().stem().c_str(), worst, same_best, rows.size());
    EXPECT_LE(worst, 0.05) << path;
    EXPECT_GE(same_best, static_cast<int>(rows.size()) - 1) << path;
  }
}

}  // namespace
}  // namespace trivet
