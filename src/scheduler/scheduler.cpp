#include "scheduler/scheduler.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace trivet {

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
  rows_left_ = options_.max_batched_tokens;
  for (Entry* entry : running_) {
    entry->rows = 0;
    entry->fresh = false;
  }
  schedule_running(&plan);
  // Who has just been displaced must not come straight back.
  if (plan.preempted.empty()) admit(now, &plan);
  for (bool decoding : {true, false}) {
    for (const Entry* entry : running_) {
      if (entry->rows == 0 || decoding != (entry->pending() == 1)) continue;
      plan.sequences.push_back({entry->info.key, entry->computed, entry->rows});
      plan.rows += entry->rows;
    }
  }
  return plan;
}

void Scheduler::schedule_running(StepPlan* plan) {
  for (bool decoding : {true, false}) {
    for (size_t i = 0; i < running_.size(); ++i) {  // schedule() may shorten the list, behind i
      if (decoding == (running_[i]->pending() == 1) && rows_left_ > 0) schedule(*running_[i], plan);
    }
  }
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

void Scheduler::admit(TimePoint now, StepPlan* plan) {
  while (rows_left_ > 0 && !waiting_.empty()) {
    Entry& candidate = *first_waiting(now);
    candidate.admitted_class = class_of(candidate, now);
    while (!try_admit(candidate, plan)) {
      if (!displace_for(candidate, plan)) return;
    }
    if (!plan->preempted.empty()) return;
  }
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
  plan->preempted.push_back(victim.info.key);
}

Scheduler::Entry* Scheduler::first_waiting(TimePoint now) {
  auto rank = [&](const Entry& entry) {
    return std::tuple(class_of(entry, now), !entry.started, *entry.tenant_served,
                      entry.info.deadline.value_or(TimePoint::max()), entry.info.arrival,
                      entry.info.key);
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
