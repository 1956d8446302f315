#include "server/engine_bridge.h"

#include <algorithm>

#include "server/lane.h"

namespace trivet {

void EngineBridge::deliver(std::vector<RequestOutput> outputs) {
  const TimePoint now = SteadyClock().now();
  std::vector<std::pair<std::shared_ptr<Lane>, std::vector<RequestOutput>>> parts;
  {
    const std::lock_guard lock(mutex_);
    for (RequestOutput& output : outputs) {
      const auto found = lanes_.find(output.request_id);
      if (found == lanes_.end()) continue;
      auto part = std::find_if(parts.begin(), parts.end(),
                               [&](const auto& p) { return p.first == found->second; });
      if (part == parts.end()) part = parts.insert(part, {found->second, {}});
      if (output.finished) lanes_.erase(found);
      part->second.push_back(std::move(output));
    }
  }
  for (auto& [lane, part] : parts) lane->post_outputs(std::move(part), now);
}

bool EngineBridge::claim(const std::string& request_id, std::shared_ptr<Lane> lane) {
  const std::lock_guard lock(mutex_);
  return lanes_.try_emplace(request_id, std::move(lane)).second;
}

void EngineBridge::release(const std::string& request_id) {
  const std::lock_guard lock(mutex_);
  lanes_.erase(request_id);
}

size_t EngineBridge::live_requests() const {
  const std::lock_guard lock(mutex_);
  return lanes_.size();
}

}  // namespace trivet
