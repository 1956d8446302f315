// Passes keep the bits: the same model lowered with and without each of them gives equal logits.
#include <gmock/gmock.h>

#include <cmath>

#include "graph/passes/pass_list.h"
#include "graph/testing/tiny_decoder.h"
#include "program/testing/paged_runner.h"
#include "program/testing/picky_backend.h"

namespace trivet {
namespace {

constexpr trivet_limits kEqualityLimits = {sizeof(trivet_limits), 48, 3, 48, 64};

// Two sequences that are extended once, one row and many rows together.
std::vector<float> logits_of(const Graph& graph) {
  const auto device = open_device(reference_backend());
  auto runner = PagedRunner::create(graph, *device, kEqualityLimits);
  if (!runner) check_failed(runner.error().message());
  std::vector<float> all;
  const std::vector<std::vector<SequenceRows>> steps = {
      {{0, 0, {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8}}, {1, 0, {2, 7, 1}}},
      {{1, 3, {8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5}}, {0, 19, {39}}},
  };
  for (const auto& batch : steps) {
    Result<std::vector<float>> logits = (*runner)->run(batch);
    if (!logits) check_failed(logits.error().message());
    all.insert(all.end(), logits->begin(), logits->end());
  }
  return all;
}

std::vector<TinyDecoderOptions> variants() {
  return {{},
          {.bias = true, .head_norms = true, .embedding_scale = 1.7f, .softcap = 5, .seed = 11},
          {.num_layers = 4,
           .head_norms = true,
           .post_norms = true,
           .embedding_scale = 5.5f,
           .window = 8,
           .activation = TRIVET_ACT_GELU_TANH,
           .seed = 12}};
}

// How far `b` is from `a`, relative to the largest logit.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0, worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max<double>(largest, std::abs(a[i]));
    worst = std::max<double>(worst, std::abs(a[i] - b[i]));
  }
  EXPECT_GT(largest, 0.01) << "the model gives nothing to compare";
  return worst / largest;
}

std::vector<std::string> all_names_but(std::string_view name) {
  std::vector<std::string> names;
  for (const Pass& pass : pass_list()) {
    if (pass.name != name) names.emplace_back(pass.name);
  }
  return names;
}

class PassEqualityTest : public ::testing::TestWithParam<const Pass*> {};

TEST_P(PassEqualityTest, AlonePassKeepsLogits) {
  const Pass& pass = *GetParam();
  for (const TinyDecoderOptions& variant : variants()) {
    const Graph graph = tiny_decoder(variant);
    const Graph with = apply_passes(graph, {.disabled = all_names_but(pass.name),
                                            .enabled = {std::string(pass.name)}})
                           .value();
    const double error = difference(logits_of(graph), logits_of(with));
    EXPECT_LE(error, pass.bit_exact ? 0.0 : 1e-5) << "seed " << variant.seed;
  }
}

TEST_P(PassEqualityTest, LeavingThePassOutKeepsLogits) {
  const Pass& pass = *GetParam();
  for (const TinyDecoderOptions& variant : variants()) {
    const Graph graph = tiny_decoder(variant);
    const Graph all = apply_passes(graph).value();
    const Graph without = apply_passes(graph, {.disabled = {std::string(pass.name)}}).value();
    EXPECT_EQ(difference(logits_of(all), logits_of(without)), 0.0) << "seed " << variant.seed;
  }
}

std::vector<const Pass*> passes() {
  std::vector<const Pass*> pointers;
  for (const Pass& pass : pass_list()) pointers.push_back(&pass);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(All, PassEqualityTest, ::testing::ValuesIn(passes()),
                         [](const auto& info) {
                           std::string name;
                           for (char c : info.param->name) {
                             if (c != '-') name += c;
                           }
                           return name;
                         });

}  // namespace
}  // namespace trivet
