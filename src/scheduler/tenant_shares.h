// Who has had how much: virtual token counters per tenant.
#ifndef TRIVET_SCHEDULER_TENANT_SHARES_H_
#define TRIVET_SCHEDULER_TENANT_SHARES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace trivet {

// The tenant with the lowest counter is served next. A tenant that comes back from a pause is
// lifted to the lowest counter of those present: pausing saves up nothing (virtual token counter
// with counter lift; Sheng et al., "Fairness in Serving Large Language Models"). One thread.
class TenantShares {
 public:
  // A request of the tenant arrives, or ends. Calls are balanced. enter() returns the tenant's
  // counter, which stays where it is until the last of its requests leaves.
  const int64_t* enter(std::string_view tenant);
  void leave(std::string_view tenant);
  // The tenant, which is present, got service worth this many tokens.
  void charge(std::string_view tenant, int64_t tokens);
  int64_t served(std::string_view tenant) const;

  int num_known() const { return static_cast<int>(tenants_.size()); }

 private:
  struct Tenant {
    int64_t served = 0;
    int present = 0;  // its requests
  };
  // Lowest counter of the tenants present; only if there are any.
  int64_t floor() const;
  void forget_lifted();

  std::unordered_map<std::string, Tenant> tenants_;
  int num_present_ = 0;  // tenants with requests
};

}  // namespace trivet

#endif  // TRIVET_SCHEDULER_TENANT_SHARES_H_
