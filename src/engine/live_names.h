// The names of live requests, and which of them someone means.
#ifndef TRIVET_ENGINE_LIVE_NAMES_H_
#define TRIVET_ENGINE_LIVE_NAMES_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace trivet {

// Not thread-safe.
class LiveNames {
 public:
  void insert(const EngineRequest& request);
  void erase(const std::string& id) { names_.erase(id); }
  bool contains(const std::string& id) const { return names_.contains(id); }
  size_t size() const { return names_.size(); }

  // The ids of requests that belong to a call of one of the names: the id of a request, the label
  // of its answer, or the name behind the prefix of its wire format ("42" for "chatcmpl-42-0"). No
  // names: all. `tenant`: only that one's; null = of anyone.
  std::vector<std::string> of_calls(const std::vector<std::string>& calls,
                                    const std::string* tenant) const;

 private:
  struct Names {
    std::string label, tenant;
  };
  static bool means(std::string_view call, std::string_view id, const Names& names);
  std::unordered_map<std::string, Names> names_;  // by id
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_LIVE_NAMES_H_
