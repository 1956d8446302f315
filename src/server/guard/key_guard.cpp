#include "server/guard/key_guard.h"

#include "server/guard/key_file.h"

namespace trivet {

Result<std::unique_ptr<KeyGuard>> KeyGuard::create(Options options, Metrics& metrics,
                                                   const Clock* clock) {
  std::unique_ptr<KeyGuard> guard(new KeyGuard(std::move(options), metrics, clock));
  TRIVET_RETURN_IF_ERROR(guard->reload());
  return guard;
}

std::shared_ptr<const KeyRing> KeyGuard::ring() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

Result<void> KeyGuard::reload() {
  std::vector<ApiKey> keys = options_.keys;
  if (!options_.key_file.empty()) {
    TRIVET_ASSIGN_OR_RETURN(std::vector<ApiKey> more, read_key_file(options_.key_file));
    keys.insert(keys.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
  auto made = KeyRing::create(keys);
  if (!made.ok()) {
    const std::string where = options_.key_file.empty() ? "" : options_.key_file + ": ";
    return Error(made.error().code(), where + made.error().message());
  }
  auto ring = std::make_shared<const KeyRing>(*std::move(made));
  const std::lock_guard lock(mutex_);
  ring_ = std::move(ring);
  std::erase_if(meters_, [&](const auto& entry) { return ring_->named(entry.first) == nullptr; });
  return {};
}

std::shared_ptr<KeyMeter> KeyGuard::meter_of(const KeyPolicy& policy) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<KeyMeter>& meter = meters_[policy.name];
  if (meter == nullptr) meter = std::make_shared<KeyMeter>();
  return meter;
}

KeyGuard::Entry KeyGuard::enter(const std::shared_ptr<const KeyPolicy>& policy) {
  std::shared_ptr<KeyMeter> meter = meter_of(*policy);
  if (std::optional<LimitRefusal> refusal = meter->enter(*policy, clock_.now())) {
    count_refusal(*policy, refusal->reason);
    return *std::move(refusal);
  }
  return std::make_unique<KeyTicket>(policy, std::move(meter), clock_);
}

std::unique_ptr<KeyTicket> KeyGuard::reenter(std::string_view tenant) {
  const std::shared_ptr<const KeyPolicy> policy = ring()->named(tenant);
  if (policy == nullptr) return nullptr;
  std::shared_ptr<KeyMeter> meter = meter_of(*policy);
  meter->admit();
  return std::make_unique<KeyTicket>(policy, std::move(meter), clock_);
}

HeaderFields KeyGuard::fields(const KeyPolicy& policy) {
  return meter_of(policy)->fields(policy, clock_.now());
}

std::vector<std::pair<std::string, KeyTotals>> KeyGuard::totals() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, KeyTotals>> totals;
  for (const auto& [name, meter] : meters_) totals.emplace_back(name, meter->totals());
  return totals;
}

}  // namespace trivet
