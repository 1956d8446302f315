// The whole way from a request to the reference operations and back.
#include "engine/program_runner.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/engine_core.h"
#include "engine/fake_tokenizer.h"
#include "graph/testing/tiny_decoder.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

constexpr int kVocab = 40, kBlock = 16, kPositions = 96;

struct Model {
  std::unique_ptr<Device> device;
  std::unique_ptr<StepProgram> program;
  std::unique_ptr<ProgramRunner> runner;
};

Model make_model(int num_blocks, int window) {
  TinyDecoderOptions shape;
  shape.vocab = kVocab;
  shape.block_tokens = kBlock;
  shape.window = window;
  Model model;
  auto backend = Backend::from_table(reference_backend());
  if (!backend) check_failed(backend.error().message());
  auto device = Device::create(*backend, {.num_threads = 1});
  if (!device) check_failed(device.error().message());
  model.device = std::move(*device);
  trivet_limits bounds{sizeof(trivet_limits), 48, 8, 4, kPositions};
  auto program = StepProgram::lower(tiny_decoder(shape), *model.device, bounds);
  if (!program) check_failed(program.error().message());
  model.program = std::move(*program);
  RunnerLimits limits{.vocab_size = kVocab,
                      .max_rows = 48,
                      .max_sequences = 8,
                      .max_output_rows = 4,
                      .max_positions = kPositions,
                      .block_tokens = kBlock,
                      .num_blocks = num_blocks,
                      .kv_groups = {{2, 0}}};
  if (window > 0) limits.kv_groups = {{1, 0}, {1, window}};
  auto runner = ProgramRunner::create(*model.program, *model.device, limits);
  if (!runner) check_failed(runner.error().message());
  model.runner = std::move(*runner);
  return model;
}

std::vector<EngineRequest> requests() {
  std::mt19937 random(2);
  std::vector<EngineRequest> made(12);
  for (size_t i = 0; i < made.size(); ++i) {
    EngineRequest& request = made[i];
    request.id = std::to_string(i);
    for (size_t k = 0; k < 10 + 5 * i; ++k) {
      request.prompt.push_back(static_cast<TokenId>(k < 33 ? (k * 7) % kVocab : random() % kVocab));
    }
    request.params.seed = i;
    request.params.n = i % 3 == 0 ? 3 : 1;
    request.params.logprobs = 2;
    if (i % 4 == 1) request.params.prompt_logprobs = 1;
    if (i % 2 == 0) request.params.max_tokens = 20;
    request.params.ignore_eos = true;
  }
  return made;
}

struct RunOutcome {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  bool operator==(const RunOutcome&) const = default;
};
using RunOutcomes = std::map<std::string, RunOutcome>;

RunOutcomes run(Model& model, const EngineOptions& options, bool one_by_one, EngineStats* stats) {
  FakeTokenizer tokenizer;
  VirtualClock clock;
  auto core =
      EngineCore::create(options, *model.runner, tokenizer, {FakeTokenizer::kEnd}, clock, nullptr);
  if (!core) check_failed(core.error().message());
  RunOutcomes outcomes;
  auto drain = [&] {
    while ((*core)->has_work()) {
      clock.advance(std::chrono::milliseconds(1));
      for (const auto& output : (*core)->step()) {
        EXPECT_FALSE(output.error) << output.error->message();
        for (const auto& logprobs : output.prompt_logprobs) {
          if (logprobs) outcomes[output.request_id].logprobs.push_back(logprobs->chosen.logprob);
        }
        for (const auto& news : output.sequences) {
          RunOutcome& all = outcomes[output.request_id + "/" + std::to_string(news.index)];
          all.tokens.insert(all.tokens.end(), news.tokens.begin(), news.tokens.end());
          for (const auto& logprobs : news.logprobs)
            all.logprobs.push_back(logprobs.chosen.logprob);
        }
      }
    }
  };
  for (auto& request : requests()) {
    (*core)->add(std::move(request), clock.now());
    if (one_by_one) drain();
  }
  drain();
  *stats = (*core)->stats();
  return outcomes;
}

class ProgramRunnerTest : public ::testing::TestWithParam<int> {};

TEST_P(ProgramRunnerTest, BatchesChunksCacheForksAndPreemptionChangeNoBit) {
  int window = GetParam();
  EngineStats stats;
  EngineOptions plain;
  plain.max_num_seqs = 1;
  plain.max_num_batched_tokens = plain.prefill_chunk = 48;
  plain.enable_prefix_caching = false;
  Model roomy = make_model(100, window);
  RunOutcomes alone = run(roomy, plain, true, &stats);
  EXPECT_GT(alone.size(), 12u);

  EngineOptions batched;
  batched.max_num_seqs = 8;
  batched.max_num_batched_tokens = 48;
  batched.prefill_chunk = 7;
  Model crowded = make_model(window > 0 ? 16 : 14, window);
  EXPECT_EQ(run(crowded, batched, false, &stats), alone);
  EXPECT_GT(stats.preemptions, 0u);
  EXPECT_EQ(stats.kv_blocks_free, stats.kv_blocks_total);

  EXPECT_EQ(run(roomy, batched, true, &stats), alone);
  EXPECT_GT(stats.prefix_hits_tokens, 0u);
}

INSTANTIATE_TEST_SUITE_P(Windows, ProgramRunnerTest, ::testing::Values(0, 20));

}  // namespace
}  // namespace trivet
