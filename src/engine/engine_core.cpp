#include "engine/engine_core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mix.h"
#include "engine/answer_budget.h"

namespace trivet {
namespace {

KvLayout layout_of(const RunnerLimits& limits, int chunk) {
  KvLayout layout;
  layout.block_tokens = limits.block_tokens;
  layout.num_blocks = limits.num_blocks;
  layout.max_chunk_tokens = chunk;
  for (const KvGroup& group : limits.kv_groups) layout.windows.push_back(group.window);
  return layout;
}

Error bad_setting(const std::string& what) { return Error(ErrorCode::kInvalidArgument, what); }

Result<SchedulerOptions> scheduling_of(const EngineOptions& options, const RunnerLimits& limits) {
  SchedulerOptions scheduling;
  if (options.max_num_seqs < 1 || options.prefill_chunk < 1 || options.max_queued_requests < 1) {
    return bad_setting("max_num_seqs, prefill_chunk and max_queued_requests must be at least 1.");
  }
  scheduling.max_sequences = std::min(options.max_num_seqs, limits.max_sequences);
  scheduling.max_batched_tokens = std::min(options.max_num_batched_tokens, limits.max_rows);
  scheduling.prefill_chunk = std::min(options.prefill_chunk, scheduling.max_batched_tokens);
  scheduling.tpot_target = options.tpot_target;
  if (scheduling.max_batched_tokens < scheduling.max_sequences) {
    return bad_setting("max_num_batched_tokens (" + std::to_string(scheduling.max_batched_tokens) +
                       ") must be at least max_num_seqs (" +
                       std::to_string(scheduling.max_sequences) +
                       "): every running sequence needs a row. Raise the one or lower the other.");
  }
  return scheduling;
}

Result<void> check_limits(const RunnerLimits& limits) {
  if (limits.vocab_size < 1 || limits.max_output_rows < 1 || limits.block_tokens < 1 ||
      limits.max_sequences < 1 || limits.kv_groups.empty()) {
    return Error(ErrorCode::kInternal, "The model's limits are incomplete.");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<EngineCore>> EngineCore::create(
    const EngineOptions& options, ModelRunner& runner, const Tokenizer& tokenizer,
    std::vector<TokenId> end_tokens, const Clock& clock, EngineObserver* observer) {
  const RunnerLimits& limits = runner.limits();
  TRIVET_RETURN_IF_ERROR(check_limits(limits));
  TRIVET_ASSIGN_OR_RETURN(SchedulerOptions scheduling, scheduling_of(options, limits));
  KvLayout layout = layout_of(limits, scheduling.prefill_chunk);
  if (max_positions_that_fit(layout, limits.max_positions) < 1) {
    return bad_setting("The key/value pool of " + std::to_string(limits.num_blocks) +
                       " blocks cannot hold a single token. Give it more memory.");
  }
  return std::unique_ptr<EngineCore>(new EngineCore(options, scheduling, std::move(layout), runner,
                                                    tokenizer, std::move(end_tokens), clock,
                                                    observer));
}

EngineCore::EngineCore(const EngineOptions& options, const SchedulerOptions& scheduling,
                       KvLayout layout, ModelRunner& runner, const Tokenizer& tokenizer,
                       std::vector<TokenId> end_tokens, const Clock& clock,
                       EngineObserver* observer)
    : options_(options),
      runner_(&runner),
      tokenizer_(&tokenizer),
      end_tokens_(std::move(end_tokens)),
      clock_(&clock),
      observer_(observer),
      vocab_size_(runner.limits().vocab_size),
      cache_(std::move(layout), options.enable_prefix_caching),
      context_limit_(max_positions_that_fit(cache_.layout(), runner.limits().max_positions)),
      scheduler_(scheduling, *this),
      builder_(cache_.num_groups()),
      scratch_(static_cast<size_t>(vocab_size_)) {}

Result<void> EngineCore::check(const EngineRequest& request) const {
  GenerationLimits limits;
  limits.vocab_size = vocab_size_;
  limits.max_logprobs = kAllLogprobs;
  TRIVET_RETURN_IF_ERROR(validate(request.params, limits));
  if (request.prompt.empty()) return bad_setting("The prompt is empty; give at least one token.");
  for (TokenId token : request.prompt) {
    if (token >= 0 && token < vocab_size_) continue;
    return bad_setting("The prompt holds token id " + std::to_string(token) +
                       ", which is outside the vocabulary of " + std::to_string(vocab_size_) +
                       " tokens.");
  }
  bool prompt_only = request.params.max_tokens == 0;
  size_t longest = static_cast<size_t>(context_limit_ - (prompt_only ? 0 : 1));
  if (request.prompt.size() > longest) {
    return bad_setting("The prompt has " + std::to_string(request.prompt.size()) +
                       " tokens; at most " + std::to_string(longest) +
                       " fit the context. Shorten it or start with a longer context.");
  }
  int64_t wanted = int64_t(request.prompt.size()) + request.params.max_tokens.value_or(0);
  int64_t length = std::min<int64_t>(wanted, runner_->limits().max_positions);
  if (length > context_limit_) {
    return bad_setting("The prompt's " + std::to_string(request.prompt.size()) +
                       " tokens and max_tokens = " + std::to_string(*request.params.max_tokens) +
                       " need more than the key/value memory can ever hold (" +
                       std::to_string(context_limit_) + " tokens). Lower max_tokens.");
  }
  return {};
}

uint64_t EngineCore::worst_answer_bytes(const EngineRequest& request) const {
  return trivet::worst_answer_bytes(request, vocab_size_, context_limit_);
}

void EngineCore::add(EngineRequest taken, TimePoint arrived) {
  auto owned = std::make_unique<LiveRequest>();
  LiveRequest& live = *owned;
  live.request = std::move(taken);
  const EngineRequest& request = live.request;
  live.timing.arrived = arrived;
  live.stops = StopPatterns(request.params.stop);
  ++num_requests_;
  live.rules = {.request = &request,
                .tokenizer = tokenizer_,
                .end_tokens = end_tokens_,
                .stops = &live.stops,
                .seed = request.params.seed.value_or(mix(options_.seed ^ mix(num_requests_))),
                .vocab_size = vocab_size_,
                .max_generated = max_generated(request),
                .mask_worker = &mask_worker_};
  if (live.wants_prompt_logprobs()) live.prompt_logprobs.resize(request.prompt.size());
  SequenceKey key = next_key_++;
  live.choices.push_back(
      std::make_unique<Choice>(live.rules, 0, key, KvSequence(cache_, request.cache_salt)));
  sequences_.emplace(key, Sequence{&live, live.choices[0].get()});
  scheduler_.add(describe(live));
  bool inserted = live_.emplace(request.id, std::move(owned)).second;
  TRIVET_CHECK(inserted);
}

int EngineCore::max_generated(const EngineRequest& request) const {
  int room = context_limit_ - static_cast<int>(request.prompt.size());
  return std::min(room, request.params.max_tokens.value_or(room));
}

SequenceInfo EngineCore::describe(const LiveRequest& live) const {
  const EngineRequest& request = live.request;
  SequenceInfo info;
  info.key = live.choices[0]->key();
  info.priority = request.priority;
  info.arrival = live.timing.arrived;
  info.deadline = request.deadline;
  info.tenant = request.tenant;
  info.prompt_tokens = info.length = live.prompt_length();
  // The last token needs no position: nothing follows it.
  info.final_positions = live.prompt_length() + std::max(0, live.rules.max_generated - 1);
  info.bounded = request.params.max_tokens.has_value();
  info.width = request.params.n;
  return info;
}

void EngineCore::cancel(const std::string& id) {
  auto found = live_.find(id);
  if (found != live_.end()) end_request(*found->second, std::nullopt);
}

int EngineCore::abort_all(const Error& why) {
  int aborted = 0;
  for (auto& [id, live] : live_) {
    if (live->ended) continue;
    end_request(*live, why);
    ++aborted;
  }
  return aborted;
}

void EngineCore::cancel_all() {
  for (auto& [id, live] : live_) end_request(*live, std::nullopt);
}

std::vector<RequestOutput> EngineCore::rest() {
  end_expired(clock_->now());
  return take_outputs();
}

void EngineCore::release_memory() {
  counters_.preemptions += static_cast<uint64_t>(scheduler_.preempt_all());
  cache_.forget_prefixes();
  runner_->release_kv_memory();
}

void EngineCore::end_request(LiveRequest& live, std::optional<Error> error) {
  if (live.ended) return;
  live.ended = true;
  live.error = std::move(error);
  for (auto& choice : live.choices) {
    choice->finish(FinishReason::kAbort);
    remove_sequence(*choice);
  }
  note_news(live);
}

void EngineCore::remove_sequence(Choice& choice) {
  choice.kv.release();
  if (sequences_.erase(choice.key()) > 0) scheduler_.remove(choice.key());
}

void EngineCore::end_expired(TimePoint now) {
  for (SequenceKey key : scheduler_.expired(now)) {
    auto found = sequences_.find(key);
    if (found == sequences_.end()) continue;  // a sister sequence ended the request
    end_request(*found->second.request,
                Error(ErrorCode::kDeadlineExceeded, "The request's deadline has passed."));
  }
}

void EngineCore::note_news(LiveRequest& live) {
  if (std::exchange(live.has_news, true)) return;
  news_.push_back(&live);
}

std::vector<RequestOutput> EngineCore::take_outputs() {
  std::vector<RequestOutput> outputs;
  for (LiveRequest* live : news_) {
    live->has_news = false;
    if (!live->ended && !live->request.stream) continue;
    outputs.push_back(make_output(*live));
    if (!live->ended) continue;
    if (observer_ != nullptr) observer_->on_finish(outputs.back(), live->request);
    live_.erase(live_.find(live->request.id));
  }
  news_.clear();
  return outputs;
}

RequestOutput EngineCore::make_output(LiveRequest& live) {
  RequestOutput output;
  output.request_id = live.request.id;
  for (auto& choice : live.choices) {
    if (choice->has_news()) output.sequences.push_back(choice->take_news());
  }
  // Ended before the prompt was done: the other choices never came to be.
  for (int index = static_cast<int>(live.choices.size());
       live.ended && index < live.request.params.n; ++index) {
    output.sequences.emplace_back().index = index;
    output.sequences.back().finish_reason = FinishReason::kAbort;
  }
  if (live.split) output.prompt_logprobs = std::exchange(live.prompt_logprobs, {});
  output.finished = live.ended;
  output.error = live.error;
  if (live.ended) live.timing.finished = clock_->now();
  output.usage = {live.prompt_length(), live.cached_tokens, live.completion_tokens};
  output.timing = live.timing;
  return output;
}

EngineStats EngineCore::stats() const {
  EngineStats stats = counters_;
  stats.running = scheduler_.num_running();
  stats.waiting = scheduler_.num_waiting();
  stats.kv_blocks_total = cache_.layout().num_blocks;
  stats.kv_blocks_free = cache_.num_free_blocks();
  return stats;
}

int EngineCore::attach(SequenceKey key) {
  const auto& [live, choice] = sequences_.at(key);
  int most = choice->length() - 1;  // the last token is computed: its logits are wanted
  if (!live->prompt_logprobs_complete()) most = std::min(most, live->prompt_logprobs_done);
  return choice->kv.attach_prefix(choice->tokens(), most);
}

bool EngineCore::grow(SequenceKey key, int positions) {
  return sequences_.at(key).choice->kv.grow(positions);
}

void EngineCore::release(SequenceKey key) { sequences_.at(key).choice->kv.release(); }

int EngineCore::missing(SequenceKey key, int positions, int width) const {
  const auto& [live, choice] = sequences_.at(key);
  return choice->kv.missing_blocks(live->prompt_length(), positions, width);
}

}  // namespace trivet
