#include "scheduler/tenant_shares.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace trivet {

const int64_t* TenantShares::enter(std::string_view name) {
  Tenant& tenant = tenants_[std::string(name)];
  if (tenant.present++ > 0) return &tenant.served;
  if (num_present_ > 0) {
    tenant.present = 0;  // the floor is that of the others
    tenant.served = std::max(tenant.served, floor());
    tenant.present = 1;
  }
  ++num_present_;
  return &tenant.served;
}

void TenantShares::leave(std::string_view name) {
  auto found = tenants_.find(std::string(name));
  TRIVET_CHECK(found != tenants_.end() && found->second.present > 0);
  if (--found->second.present > 0) return;
  if (--num_present_ == 0) {
    tenants_.clear();  // everybody has got all that they asked for
  } else {
    forget_lifted();
  }
}

void TenantShares::charge(std::string_view name, int64_t tokens) {
  auto found = tenants_.find(std::string(name));
  TRIVET_CHECK(found != tenants_.end());
  found->second.served += tokens;
}

int64_t TenantShares::served(std::string_view name) const {
  auto found = tenants_.find(std::string(name));
  return found == tenants_.end() ? 0 : found->second.served;
}

int64_t TenantShares::floor() const {
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const auto& [name, tenant] : tenants_) {
    if (tenant.present > 0) lowest = std::min(lowest, tenant.served);
  }
  return lowest;
}

void TenantShares::forget_lifted() {
  // The counter of an absent tenant matters only above the floor. Cleaning up once in a while is
  // enough.
  if (tenants_.size() < 2 * static_cast<size_t>(num_present_) + 64) return;
  int64_t lowest = floor();
  std::erase_if(tenants_, [lowest](const auto& entry) {
    return entry.second.present == 0 && entry.second.served <= lowest;
  });
}

}  // namespace trivet
