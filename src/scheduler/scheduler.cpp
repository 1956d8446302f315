#include "scheduler/scheduler.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "base/check.h"

namespace trivet {
namespace {

// Below this a chunk computes at half of the machine's rate.
constexpr int kLeastPrefillRows = 16;
constexpr int kPatience = 4;

}  // namespace

struct Scheduler::Entry {
  SequenceInfo info;
  const int64_t* tenant_served = nullptr;
  bool running = false;
  bool started = false;  // has been admitted before
  bool fresh = false;    // admitted in this plan
  int64_t admitted_class = 0;
  int computed = 0;
  int rows = 0;  // planned for this step

  int pending() const { return info.length - computed; }
  auto seniority() const { return std::tuple(admitted_class, info.arrival, info.key); }
};

Scheduler::Scheduler(const SchedulerOptions& options, SequenceBlocks& blocks)
    : options_(options), blocks_(&blocks) {
  TRIVET_CHECK(options.max_sequences > 0 && options.prefill_chunk > 0);
  TRIVET_CHECK(options.max_batched_tokens >= options.max_sequences);
  TRIVET_CHECK(options.ageing > Duration::zero());
}

Scheduler::~Scheduler() = default;

void Scheduler::add(const SequenceInfo& info) {
  TRIVET_CHECK(info.length > 0 && !entries_.contains(info.key));
  auto entry = std::make_unique<Entry>();
  entry->info = info;
  entry->info.width = std::min(info.width, options_.max_sequences);
  entry->tenant_served = shares_.enter(info.tenant);
  waiting_.push_back(entry.get());
  entries_.emplace(info.key, std::move(entry));
}

void Scheduler::split(SequenceKey parent_key, SequenceKey key, bool has_blocks) {
  Entry& parent = at(parent_key);
  parent.info.width = 1;
  auto entry = std::make_unique<Entry>(parent);
  entry->info.key = key;
  entry->rows = 0;
  entry->running = has_blocks;
  shares_.enter(parent.info.tenant);
  if (has_blocks) {
    insert_running(*entry);
  } else {
    entry->computed = 0;
    waiting_.push_back(entry.get());
  }
  entries_.emplace(key, std::move(entry));
}

void Scheduler::remove(SequenceKey key) {
  Entry& entry = at(key);
  std::erase(entry.running ? running_ : waiting_, &entry);
  shares_.leave(entry.info.tenant);
  entries_.erase(key);
}

void Scheduler::advance(SequenceKey key, int computed, int length) {
  Entry& entry = at(key);
  TRIVET_CHECK(computed <= length && length >= entry.info.length);
  shares_.charge(entry.info.tenant, int64_t{length - entry.info.length} * options_.decode_weight);
  entry.computed = computed;
  entry.info.length = length;
}

int Scheduler::preempt_all() {
  StepPlan plan;
  while (!running_.empty()) preempt_most_junior(&plan);
  return static_cast<int>(plan.preempted.size());
}

std::vector<SequenceKey> Scheduler::expired(TimePoint now) const {
  std::vector<SequenceKey> keys;
  for (const auto* list : {&running_, &waiting_}) {
    for (const Entry* entry : *list) {
      if (entry->info.deadline && *entry->info.deadline <= now) keys.push_back(entry->info.key);
    }
  }
  return keys;
}

StepPlan Scheduler::plan(TimePoint now) {
  StepPlan plan;
  rows_left_ = row_budget();
  prompt_token_time_ = cost_.of(options_.prefill_chunk) / options_.prefill_chunk;
  for (Entry* entry : running_) {
    entry->rows = 0;
    entry->fresh = false;
  }
  schedule_decoders(&plan);
  schedule_prompts(now, &plan);
  for (bool decoding : {true, false}) {
    for (const Entry* entry : running_) {
      if (entry->rows == 0 || decoding != (entry->pending() == 1)) continue;
      plan.sequences.push_back({entry->info.key, entry->computed, entry->rows});
      plan.rows += entry->rows;
    }
  }
  return plan;
}

int Scheduler::row_budget() const {
  const auto decoding = static_cast<int>(
      std::ranges::count_if(running_, [](const Entry* entry) { return entry->pending() == 1; }));
  const int most = options_.max_batched_tokens;
  if (decoding == 0 || options_.tpot_target == Duration::zero()) return most;
  return std::clamp(cost_.rows_within(options_.tpot_target, most),
                    std::min(decoding + kLeastPrefillRows, most), most);
}

TimePoint Scheduler::place_in_line(const Entry& entry) const {
  return entry.info.arrival + kPatience * prompt_token_time_ * entry.pending();
}

void Scheduler::schedule_decoders(StepPlan* plan) {
  for (size_t i = 0; i < running_.size(); ++i) {  // schedule() may shorten the list, behind i
    if (running_[i]->pending() == 1 && rows_left_ > 0) schedule(*running_[i], plan);
  }
}

// Running and new ones in one line.
void Scheduler::schedule_prompts(TimePoint now, StepPlan* plan) {
  std::vector<Entry*> prompts;
  std::ranges::copy_if(running_, std::back_inserter(prompts),
                       [](const Entry* entry) { return entry->pending() > 1; });
  auto place = [&](const Entry& entry) {
    return std::tuple(entry.admitted_class, place_in_line(entry));
  };
  std::ranges::stable_sort(prompts, {}, [&](const Entry* entry) { return place(*entry); });
  bool room = true;
  for (Entry* entry : prompts) {
    auto is_next = [&](const Entry& candidate) { return place(candidate) < place(*entry); };
    if (room) room = admit(now, plan, is_next);
    if (rows_left_ > 0 && entry->running) schedule(*entry, plan);  // it may have been preempted
  }
  if (room) admit(now, plan, [](const Entry&) { return true; });
}

bool Scheduler::schedule(Entry& entry, StepPlan* plan) {
  int rows = std::min({entry.pending(), options_.prefill_chunk, rows_left_});
  while (!blocks_->grow(entry.info.key, entry.computed + rows)) {
    if (running_.back() == &entry) return false;
    preempt_most_junior(plan);
  }
  entry.rows = rows;
  rows_left_ -= rows;
  return true;
}

// Admits as long as `is_next` holds for the first one that waits. False if there is no room for it:
// the rest of the plan only takes more.
template <class IsNext>
bool Scheduler::admit(TimePoint now, StepPlan* plan, IsNext is_next) {
  // Who has just been displaced must not come straight back.
  while (plan->preempted.empty() && rows_left_ > 0 && !waiting_.empty()) {
    Entry& candidate = *first_waiting(now);
    candidate.admitted_class = class_of(candidate, now);
    if (!is_next(candidate)) return true;
    while (!try_admit(candidate, plan)) {
      if (!displace_for(candidate, plan)) return false;
    }
  }
  return true;
}

bool Scheduler::try_admit(Entry& entry, StepPlan* plan) {
  bool alone = running_.empty();
  if (!alone && width_running() + entry.info.width > options_.max_sequences) return false;
  int computed = blocks_->attach(entry.info.key);
  entry.computed = computed;
  int64_t reserved = missing(entry);
  for (const Entry* other : running_) reserved += missing(*other);
  int rows = std::min({entry.pending(), options_.prefill_chunk, rows_left_});
  if ((!alone && reserved > blocks_->free_blocks()) ||
      !blocks_->grow(entry.info.key, computed + rows)) {
    blocks_->release(entry.info.key);
    entry.computed = 0;
    return false;
  }
  if (!entry.started) {
    shares_.charge(entry.info.tenant, std::max(0, entry.info.prompt_tokens - computed));
  }
  entry.rows = rows;
  rows_left_ -= rows;
  entry.running = entry.started = entry.fresh = true;
  std::erase(waiting_, &entry);
  insert_running(entry);
  plan->admitted.push_back(entry.info.key);
  return true;
}

bool Scheduler::displace_for(const Entry& candidate, StepPlan* plan) {
  if (running_.empty()) return false;
  const Entry& junior = *running_.back();
  if (junior.fresh || junior.admitted_class <= candidate.info.priority) return false;
  preempt_most_junior(plan);
  return true;
}

void Scheduler::preempt_most_junior(StepPlan* plan) {
  Entry& victim = *running_.back();
  running_.pop_back();
  blocks_->release(victim.info.key);
  rows_left_ += victim.rows;
  victim.rows = 0;
  victim.computed = 0;
  victim.running = false;
  waiting_.push_back(&victim);
  if (victim.fresh) std::erase(plan->admitted, victim.info.key);
  plan->preempted.push_back(victim.info.key);
}

Scheduler::Entry* Scheduler::first_waiting(TimePoint now) {
  auto rank = [&](const Entry& entry) {
    return std::tuple(class_of(entry, now), !entry.started, *entry.tenant_served,
                      entry.info.deadline.value_or(TimePoint::max()), place_in_line(entry),
                      entry.info.arrival, entry.info.key);
  };
  Entry* first = waiting_[0];
  auto best = rank(*first);
  for (Entry* entry : waiting_) {
    auto candidate = rank(*entry);
    if (candidate < best) std::tie(first, best) = std::tie(entry, candidate);
  }
  return first;
}

int64_t Scheduler::class_of(const Entry& entry, TimePoint now) const {
  int64_t aged = std::max<int64_t>(0, (now - entry.info.arrival) / options_.ageing);
  int64_t level = entry.info.priority - aged;
  return entry.started ? std::min(level, entry.admitted_class) : level;
}

int Scheduler::missing(const Entry& entry) const {
  int target = entry.info.final_positions;
  if (!entry.info.bounded) {
    target = std::min(target, entry.info.length + options_.optimistic_tokens);
  }
  return blocks_->missing(entry.info.key, target, entry.info.width);
}

int Scheduler::width_running() const {
  int width = 0;
  for (const Entry* entry : running_) width += entry->info.width;
  return width;
}

bool Scheduler::can_split(SequenceKey parent) const {
  return width_running() - at(parent).info.width + 2 <= options_.max_sequences;
}

void Scheduler::insert_running(Entry& entry) {
  auto place = std::ranges::upper_bound(running_, entry.seniority(), {}, &Entry::seniority);
  running_.insert(place, &entry);
}

Scheduler::Entry& Scheduler::at(SequenceKey key) const {
  auto found = entries_.find(key);
  TRIVET_CHECK(found != entries_.end());
  return *found->second;
}

}  // namespace trivet
