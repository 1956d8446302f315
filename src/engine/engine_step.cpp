// One step: plan, batch, forward pass, tokens.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/engine_core.h"

namespace trivet {

std::vector<RequestOutput> EngineCore::step() {
  TimePoint start = clock_->now();
  end_expired(start);
  counters_.mask_delay_seconds = 0;
  StepPlan plan = scheduler_.plan(start);
  note_plan(plan, start);
  if (!plan.sequences.empty()) {
    run(plan);
    scheduler_.observe(plan.rows, clock_->now() - start);
    ++counters_.steps;
  } else if (!sequences_.empty()) {
    abort_all(Error(ErrorCode::kInternal, "The scheduler found nothing to run."));
  }
  if (observer_ != nullptr) {
    observer_->on_step(stats(), plan.rows, seconds_between(start, clock_->now()));
  }
  return take_outputs();
}

void EngineCore::note_plan(const StepPlan& plan, TimePoint now) {
  counters_.preemptions += plan.preempted.size();
  for (SequenceKey key : plan.admitted) {
    auto [live, choice] = sequences_.at(key);
    if (std::exchange(live->scheduled, true)) continue;
    (void)choice->start_constraint();  // what fails here fails again when its first token is drawn
    live->timing.scheduled = now;
    live->cached_tokens = choice->kv.computed();
    counters_.prompt_tokens += live->request.prompt.size();
    if (!options_.enable_prefix_caching) continue;
    counters_.prefix_queries_tokens += live->request.prompt.size();
    counters_.prefix_hits_tokens += static_cast<uint64_t>(live->cached_tokens);
  }
}

void EngineCore::run(const StepPlan& plan) {
  Result<void> done = forward(plan);
  if (done) {
    commit_rows();
    done = read_logits();
  }
  if (!done) fail_step(done.error());
}

Result<void> EngineCore::forward(const StepPlan& plan) {
  rows_.clear();
  stepped_.clear();
  for (const auto& [key, computed, rows] : plan.sequences) {
    stepped_.push_back(sequences_.at(key));
    rows_.push_back({stepped_.back().choice, computed, rows});
  }
  return runner_->forward(builder_.build(rows_));
}

void EngineCore::commit_rows() {
  wanted_.clear();
  int32_t row = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    auto [live, choice] = stepped_[i];
    int end = rows_[i].computed + rows_[i].rows;
    choice->kv.commit(choice->tokens(), end);
    scheduler_.advance(choice->key(), end, choice->length());
    for (int position = rows_[i].computed; position < end; ++position, ++row) {
      bool next_token = position == choice->length() - 1 && live->rules.max_generated > 0;
      bool of_prompt = !live->prompt_logprobs_complete() && position < live->prompt_length() - 1 &&
                       position >= live->prompt_logprobs_done;
      if (next_token || of_prompt) wanted_.push_back({row, position, stepped_[i], next_token});
    }
  }
}

Result<void> EngineCore::read_logits() {
  auto most = static_cast<size_t>(runner_->limits().max_output_rows);
  for (size_t begin = 0; begin < wanted_.size(); begin += most) {
    size_t count = std::min(most, wanted_.size() - begin);
    wanted_rows_.clear();
    for (size_t i = 0; i < count; ++i) wanted_rows_.push_back(wanted_[begin + i].row);
    TRIVET_ASSIGN_OR_RETURN(std::span<float> logits, runner_->logits(wanted_rows_));
    for (size_t i = 0; i < count; ++i) {
      read_row(wanted_[begin + i], logits.subspan(i * static_cast<size_t>(vocab_size_),
                                                  static_cast<size_t>(vocab_size_)));
    }
  }
  // Prompts that were all that was wanted.
  for (auto [live, choice] : stepped_) {
    if (live->ended || live->rules.max_generated > 0) continue;
    if (choice->kv.computed() == choice->length()) split_choices(*live, {});
  }
  return {};
}

void EngineCore::read_row(const WantedRow& wanted, std::span<float> logits) {
  auto [live, choice] = wanted.sequence;
  if (live->ended) return;
  if (!wanted.next_token) {
    auto next = static_cast<size_t>(wanted.position) + 1;
    live->prompt_logprobs[next] =
        compute_logprobs(logits, live->request.prompt[next], *live->request.params.prompt_logprobs);
    live->prompt_logprobs_done = wanted.position + 1;
  } else if (!live->split) {
    split_choices(*live, logits);
  } else if (auto taken = take_token(wanted.sequence, logits, false); !taken) {
    end_request(*live, taken.error());
  } else {
    settle(wanted.sequence);
  }
}

Result<void> EngineCore::take_token(Sequence sequence, std::span<float> logits, bool keep_logits) {
  auto [live, choice] = sequence;
  const auto& top = live->request.params.logprobs;
  std::span<float> consumed = logits;
  if (top || keep_logits) {
    std::ranges::copy(logits, scratch_.begin());
    consumed = scratch_;
  }
  const Duration before = choice->constraint_delay();
  TRIVET_ASSIGN_OR_RETURN(const TokenId token, choice->sample(consumed));
  std::optional<PositionLogprobs> logprobs;
  if (top) logprobs = compute_logprobs(logits, token, *top);
  append(sequence, token, std::move(logprobs));
  TRIVET_RETURN_IF_ERROR(take_forced_tokens(sequence));
  counters_.mask_delay_seconds +=
      std::chrono::duration<double>(choice->constraint_delay() - before).count();
  return {};
}

// Tokens without a choice are computed together in the next step, like a prompt. Their
// log-probabilities would need the logits between them.
Result<void> EngineCore::take_forced_tokens(Sequence sequence) {
  auto [live, choice] = sequence;
  if (live->request.params.logprobs) return {};
  while (!choice->finished()) {
    TRIVET_ASSIGN_OR_RETURN(const auto token, choice->take_forced());
    if (!token) break;
    append(sequence, *token, std::nullopt);
  }
  return {};
}

void EngineCore::append(Sequence sequence, TokenId token,
                        std::optional<PositionLogprobs> logprobs) {
  auto [live, choice] = sequence;
  choice->append(token, std::move(logprobs));
  if (live->completion_tokens++ == 0) live->timing.first_token = clock_->now();
  ++counters_.generated_tokens;
  note_news(*live);
}

Result<void> EngineCore::draw_first_tokens(LiveRequest& live, std::span<float> logits) {
  for (auto& choice : live.choices) {
    if (live.rules.max_generated == 0) {
      choice->finish(FinishReason::kLength);
      continue;
    }
    TRIVET_RETURN_IF_ERROR(choice->start_constraint());
    TRIVET_RETURN_IF_ERROR(take_token({&live, choice.get()}, logits, live.choices.size() > 1));
  }
  return {};
}

void EngineCore::split_choices(LiveRequest& live, std::span<float> logits) {
  live.split = true;
  for (int index = 1; index < live.request.params.n; ++index) {
    live.choices.push_back(std::make_unique<Choice>(live.rules, index, next_key_++,
                                                    KvSequence(cache_, live.request.cache_salt)));
  }
  if (auto drawn = draw_first_tokens(live, logits); !drawn) {
    end_request(live, drawn.error());
    return;
  }
  note_news(live);
  Choice& first = *live.choices[0];
  for (size_t i = 1; i < live.choices.size(); ++i) {
    Choice& choice = *live.choices[i];
    if (choice.finished()) continue;
    Result<bool> has_blocks = fork_blocks(live, choice);
    if (!has_blocks) {
      end_request(live, has_blocks.error());
      return;
    }
    sequences_.emplace(choice.key(), Sequence{&live, &choice});
    scheduler_.split(first.key(), choice.key(), *has_blocks);
    scheduler_.advance(choice.key(), choice.kv.computed(), choice.length());
  }
  settle({&live, &first});
}

Result<bool> EngineCore::fork_blocks(LiveRequest& live, Choice& choice) {
  const Choice& first = *live.choices[0];
  if (!scheduler_.can_split(first.key())) return false;
  copies_.clear();
  auto twin = first.kv.fork(&copies_);
  if (!twin) return false;
  for (auto [from, to] : copies_) TRIVET_RETURN_IF_ERROR(runner_->copy_block(from, to));
  choice.kv = std::move(*twin);
  return true;
}

void EngineCore::settle(Sequence sequence) {
  auto [live, choice] = sequence;
  if (choice->finished()) {
    remove_sequence(*choice);
    live->ended = live->finished();
  } else {
    scheduler_.advance(choice->key(), choice->kv.computed(), choice->length());
  }
}

void EngineCore::fail_step(const Error& error) {
  for (auto [live, choice] : stepped_) end_request(*live, error);
}

}  // namespace trivet
