// The outcome of a request depends on the request alone: random requests through many
// configurations of the engine, against the plainest way to run a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine/engine_core.h"
#include "engine/fake_runner.h"
#include "engine/fake_tokenizer.h"
#include "engine/token_constraint.h"
#include "text/grammar.h"

namespace trivet {
namespace {

struct Outcome {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  std::vector<float> prompt_logprobs;  // of choice 0
  std::string text;
  FinishReason reason = FinishReason::kNone;

  bool operator==(const Outcome&) const = default;
};
using Outcomes = std::map<std::string, std::vector<Outcome>>;

// With forced texts, texts of any length, and one that only a bracket for each bracket ends.
std::shared_ptr<const Grammar> some_grammar(unsigned number) {
  static const auto kGrammars = [] {
    const FakeTokenizer tokenizer;
    const std::vector<TokenId> ends = {FakeTokenizer::kEnd};
    const auto compiler = std::move(GrammarCompiler::create(tokenizer, ends)).value();
    std::vector<std::shared_ptr<const Grammar>> grammars;
    for (const char* regex : {"(abcde|ba*c){1,30}d", "[a-e \\n]*", "a(bcdeabcde)+ (é|e){3}"}) {
      grammars.push_back(compiler->compile_shared(GrammarKind::kRegex, regex).value());
    }
    const char* nested = "start: \"a\" start \"b\" | \"ccde\" | \"e\" start";
    grammars.push_back(compiler->compile_shared(GrammarKind::kLark, nested).value());
    return grammars;
  }();
  return kGrammars[number % kGrammars.size()];
}

class RandomRequests {
 public:
  explicit RandomRequests(unsigned seed) : random_(seed) {}

  EngineRequest next(int number) {
    EngineRequest made;
    made.id = "r" + std::to_string(number);
    made.prompt.resize(static_cast<size_t>(1 + below(70)));
    // Few distinct beginnings, so that prefixes meet in the cache.
    std::mt19937 shared(random_() % 3);
    size_t same = below(70);
    for (size_t i = 0; i < made.prompt.size(); ++i) {
      made.prompt[i] = static_cast<TokenId>((i < same ? shared() : random_()) % 64);
    }
    GenerationParams& p = made.params;
    p.seed = random_();
    p.n = below(4) == 0 ? 1 + int(below(4)) : 1;
    if (below(3) != 0) p.max_tokens = 1 + int(below(40));
    p.temperature = below(3) == 0 ? 0.0f : 0.3f + 0.2f * float(below(5));
    if (below(3) == 0) p.top_p = 0.8f;
    if (below(3) == 0) p.top_k = 1 + int(below(20));
    if (below(4) == 0) p.repetition_penalty = 1.2f;
    if (below(4) == 0) p.frequency_penalty = 0.5f;
    if (below(3) == 0) p.logprobs = int(below(4));
    if (below(4) == 0) p.prompt_logprobs = int(below(3));
    if (below(3) == 0) p.stop = {"ab", "\u4e2d", "cde"};
    if (below(4) == 0) p.stop_tokens = {20, 33};
    if (below(4) == 0) p.min_tokens = p.max_tokens ? std::min(*p.max_tokens, 5) : 5;
    p.ignore_eos = below(2) == 0;
    p.include_stop_text = below(2) == 0;
    p.skip_special_tokens = below(2) == 0;
    if (number % 4 == 0) p.grammar = some_grammar(unsigned(number) / 4);
    made.priority = int(below(3));
    made.tenant = below(2) == 0 ? "x" : "y";
    made.cache_salt = below(5) == 0 ? "salt" : "";
    made.stream = below(2) == 0;
    return made;
  }

  unsigned below(unsigned n) { return random_() % n; }

 private:
  std::mt19937 random_;
};

std::vector<EngineRequest> random_requests(int count) {
  RandomRequests random(5);
  std::vector<EngineRequest> requests;
  for (int i = 0; i < count; ++i) requests.push_back(random.next(i));
  return requests;
}

constexpr int kMaxPositions = 96;

// One sequence alone: a row per forward pass, blocks in order, nothing shared.
class PlainModel {
 public:
  std::span<float> logits_after(const std::vector<TokenId>& tokens) {
    while (done_ < tokens.size()) step(tokens[done_]);
    return *runner_.logits(std::vector<int32_t>{0});
  }
  std::vector<float> copy_after(const std::vector<TokenId>& tokens) {
    auto logits = logits_after(tokens);
    return {logits.begin(), logits.end()};
  }

 private:
  static RunnerLimits limits() {
    RunnerLimits limits = FakeRunner::small_limits();
    limits.num_blocks = 2 * kMaxPositions;
    return limits;
  }
  void step(TokenId token) {
    StepBatch batch;
    batch.tokens = {token};
    batch.positions = {static_cast<int32_t>(done_++)};
    batch.row_begin = {0, 1};
    batch.block_table_stride = kMaxPositions / 4;
    for (int group : {0, 1}) {
      auto& table = batch.block_tables.emplace_back();
      for (int block = 0; block < kMaxPositions / 4; ++block) table.push_back(2 * block + group);
    }
    ASSERT_TRUE(runner_.forward(batch).ok());
  }
  FakeRunner runner_{limits()};
  size_t done_ = 0;
};

// Cuts the text at the first stop string that is complete after more than min_tokens tokens. Stop
// strings may begin earlier.
bool cut_at_stop(const GenerationParams& params, size_t unarmed_bytes, std::string* text) {
  for (size_t end = unarmed_bytes + 1; end <= text->size(); ++end) {
    const std::string* best = nullptr;
    for (const auto& stop : params.stop) {
      bool ends = end >= stop.size() && text->compare(end - stop.size(), stop.size(), stop) == 0;
      if (ends && (best == nullptr || stop.size() > best->size())) best = &stop;
    }
    if (best == nullptr) continue;
    text->resize(end - (params.include_stop_text ? 0 : best->size()));
    return true;
  }
  return false;
}

Outcome run_plainly(const EngineRequest& request, int choice, const FakeTokenizer& tokenizer) {
  const GenerationParams& params = request.params;
  std::vector<TokenId> end_tokens = {FakeTokenizer::kEnd};
  Outcome out;
  PlainModel model;
  auto tokens = request.prompt;
  if (params.prompt_logprobs && choice == 0) {
    for (size_t i = 1; i < tokens.size(); ++i) {
      auto logits = model.copy_after({tokens.begin(), tokens.begin() + ptrdiff_t(i)});
      out.prompt_logprobs.push_back(compute_logprobs(logits, tokens[i], 0).chosen.logprob);
    }
  }
  auto sampler = Sampler::create(params, *params.seed + static_cast<uint64_t>(choice),
                                 request.prompt, end_tokens, 64);
  MaskWorker worker;
  std::unique_ptr<TokenConstraint> constraint;
  if (params.grammar) {
    constraint = std::make_unique<TokenConstraint>(std::move(params.grammar->clone()).value(),
                                                   tokenizer, end_tokens, 64, worker);
  }
  const int room = kMaxPositions - static_cast<int>(request.prompt.size());
  const int most = std::min(room, params.max_tokens.value_or(room));
  TextStream stream(tokenizer, request.prompt, params.skip_special_tokens);
  std::string text;
  size_t unarmed = 0;
  for (;;) {
    auto logits = model.copy_after(tokens), scratch = logits;
    const auto position = static_cast<int64_t>(tokens.size());
    const int remaining = most - static_cast<int>(out.tokens.size()) - 1;
    TokenId token = constraint ? *constraint->choose(*sampler, scratch, position, remaining)
                               : sampler->sample(scratch, position, {});
    sampler->accept(token);
    if (params.logprobs) out.logprobs.push_back(compute_logprobs(logits, token, 0).chosen.logprob);
    tokens.push_back(token);
    out.tokens.push_back(token);
    auto count = static_cast<int>(out.tokens.size());
    bool stop = std::ranges::count(params.stop_tokens, token) > 0 ||
                (token == FakeTokenizer::kEnd && !params.ignore_eos);
    stop &= count >= params.min_tokens;
    if (!stop || params.include_stop_text) text += stream.push(token);
    if (count <= params.min_tokens) unarmed = text.size();
    out.text = text;
    if (stop) {
      out.text += stream.finish();
      out.reason = FinishReason::kStop;
      return out;
    }
    if (cut_at_stop(params, unarmed, &out.text)) {
      out.reason = FinishReason::kStop;
      return out;
    }
    if (constraint && constraint->complete()) {
      out.text += stream.finish();
      out.reason = constraint->closed_early() ? FinishReason::kLength : FinishReason::kStop;
      return out;
    }
    if (count == params.max_tokens || static_cast<int>(tokens.size()) == kMaxPositions) {
      out.text += stream.finish();
      out.reason = FinishReason::kLength;
      return out;
    }
  }
}

const Outcomes& plain_outcomes() {
  static const Outcomes kOutcomes = [] {
    FakeTokenizer tokenizer;
    Outcomes outcomes;
    for (const auto& request : random_requests(200)) {
      for (int k = 0; k < request.params.n; ++k) {
        outcomes[request.id].push_back(run_plainly(request, k, tokenizer));
      }
    }
    return outcomes;
  }();
  return kOutcomes;
}

void join(const RequestOutput& output, std::vector<Outcome>* joined) {
  ASSERT_FALSE(output.error) << output.error->message();
  for (const auto& news : output.sequences) {
    auto index = static_cast<size_t>(news.index);
    if (joined->size() <= index) joined->resize(index + 1);
    Outcome& all = (*joined)[index];
    all.text += news.text;
    all.tokens.insert(all.tokens.end(), news.tokens.begin(), news.tokens.end());
    for (const auto& logprobs : news.logprobs) all.logprobs.push_back(logprobs.chosen.logprob);
    all.reason = news.finish_reason;
  }
  for (size_t i = 1; i < output.prompt_logprobs.size(); ++i) {
    (*joined)[0].prompt_logprobs.push_back(output.prompt_logprobs[i]->chosen.logprob);
  }
}

struct Setting {
  std::string name;
  int max_num_seqs, max_num_batched_tokens, prefill_chunk, max_output_rows, num_blocks;
  bool caching;
  unsigned shuffle;  // 0 = in order, all at once
  bool must_preempt;
};

class Exactness : public ::testing::TestWithParam<Setting> {};

TEST_P(Exactness, EveryRequestComesOutAsIfItHadRunAlone) {
  const Setting& setting = GetParam();
  RunnerLimits limits = FakeRunner::small_limits();
  limits.max_positions = kMaxPositions;
  limits.num_blocks = setting.num_blocks;
  limits.max_output_rows = setting.max_output_rows;
  FakeRunner runner(limits);
  FakeTokenizer tokenizer;
  VirtualClock clock;
  EngineOptions options;
  options.max_num_seqs = setting.max_num_seqs;
  options.max_num_batched_tokens = setting.max_num_batched_tokens;
  options.prefill_chunk = setting.prefill_chunk;
  options.enable_prefix_caching = setting.caching;
  auto core = EngineCore::create(options, runner, tokenizer, {FakeTokenizer::kEnd}, clock, nullptr);
  ASSERT_TRUE(core.ok()) << core.error().message();

  auto requests = random_requests(200);
  std::mt19937 random(setting.shuffle);
  if (setting.shuffle != 0) std::ranges::shuffle(requests, random);
  Outcomes outcomes;
  size_t next = 0, finished = 0;
  while (finished < requests.size()) {
    while (next < requests.size() &&
           (setting.shuffle == 0 || random() % 3 == 0 || !(*core)->has_work())) {
      ASSERT_TRUE((*core)->check(requests[next]).ok());
      (*core)->add(requests[next++], clock.now());
    }
    clock.advance(std::chrono::milliseconds(20));
    for (const auto& output : (*core)->step()) {
      ASSERT_NO_FATAL_FAILURE(join(output, &outcomes[output.request_id]));
      finished += output.finished;
    }
  }
  for (const auto& request : requests) {
    EXPECT_EQ(outcomes.at(request.id), plain_outcomes().at(request.id)) << request.id;
  }
  EXPECT_FALSE((*core)->has_work());
  EngineStats stats = (*core)->stats();
  EXPECT_EQ(stats.kv_blocks_free, setting.num_blocks);
  EXPECT_EQ(stats.prefix_hits_tokens > 0, setting.caching);
  EXPECT_TRUE(stats.preemptions > 0 || !setting.must_preempt);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, Exactness,
    ::testing::Values(Setting{"alone", 1, 64, 64, 4, 256, false, 0, false},
                      Setting{"batched", 16, 64, 64, 4, 2000, false, 0, false},
                      Setting{"cached", 16, 64, 32, 4, 2000, true, 0, false},
                      Setting{"small_chunks", 8, 16, 3, 1, 2000, true, 0, false},
                      Setting{"shuffled", 8, 32, 16, 32, 2000, true, 1, false},
                      Setting{"evicting", 4, 32, 16, 4, 90, true, 2, true},
                      Setting{"tiny_pool", 16, 32, 8, 2, 44, true, 3, true},
                      Setting{"tiny_pool_without_cache", 16, 32, 8, 2, 44, false, 4, true},
                      Setting{"row_by_row", 4, 4, 1, 1, 2000, true, 5, false}),
    [](const auto& info) { return info.param.name; });

TEST(ExactnessOracle, AnswersWithAGrammarAreComplete) {
  int whole = 0, closed = 0;
  for (const auto& request : random_requests(200)) {
    if (!request.params.grammar) continue;
    for (const auto& outcome : plain_outcomes().at(request.id)) {
      auto grammar = std::move(request.params.grammar->clone()).value();
      std::vector<TokenId> tokens = outcome.tokens;
      if (!tokens.empty() && tokens.back() == FakeTokenizer::kEnd) tokens.pop_back();
      ASSERT_EQ(*grammar->accept(tokens), tokens.size()) << request.id;
      const bool may_end_anywhere =
          !request.params.stop.empty() || !request.params.stop_tokens.empty();
      const int least = static_cast<int>((*request.params.grammar->clone())->closing()->size());
      if (may_end_anywhere || request.params.max_tokens.value_or(99) < least) continue;
      EXPECT_TRUE(*grammar->is_accepting()) << request.id << ": " << outcome.text;
      ++(outcome.reason == FinishReason::kLength ? closed : whole);
    }
  }
  EXPECT_GT(whole, 5);
  EXPECT_GT(closed, 5);
}

TEST(ExactnessOracle, SeesEveryWayToEnd) {
  std::map<FinishReason, int> reasons;
  int choices = 0;
  for (const auto& [id, outcomes] : plain_outcomes()) {
    for (const auto& outcome : outcomes) {
      ++reasons[outcome.reason];
      ++choices;
    }
  }
  EXPECT_GT(reasons[FinishReason::kStop], 40);
  EXPECT_GT(reasons[FinishReason::kLength], 40);
  EXPECT_GT(choices, 250);
}

}  // namespace
}  // namespace trivet
