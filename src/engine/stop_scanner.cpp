#include "engine/stop_scanner.h"

#include <algorithm>
#include <utility>

namespace trivet {

StopPatterns::StopPatterns(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    Pattern pattern{stop, {}};
    auto& fallback = pattern.fallback;
    fallback.assign(stop.size() + 1, 0);
    for (size_t i = 1; i < stop.size(); ++i) {
      int32_t border = fallback[i];
      while (border > 0 && stop[static_cast<size_t>(border)] != stop[i]) {
        border = fallback[static_cast<size_t>(border)];
      }
      fallback[i + 1] = stop[static_cast<size_t>(border)] == stop[i] ? border + 1 : 0;
    }
    patterns_.push_back(std::move(pattern));
  }
}

StopScanner::StopScanner(const StopPatterns& patterns)
    : patterns_(&patterns), progress_(patterns.patterns_.size(), 0) {}

std::string StopScanner::feed(std::string_view piece, bool armed) {
  if (match_ != nullptr) return {};
  if (progress_.empty()) return std::string(piece);
  for (char byte : piece) {
    held_.push_back(byte);
    for (size_t i = 0; i < progress_.size(); ++i) {
      const auto& pattern = patterns_->patterns_[i];
      int32_t& done = progress_[i];
      while (done > 0 && (done == static_cast<int32_t>(pattern.text.size()) ||
                          pattern.text[static_cast<size_t>(done)] != byte)) {
        done = pattern.fallback[static_cast<size_t>(done)];
      }
      if (pattern.text[static_cast<size_t>(done)] == byte) ++done;
      bool complete = armed && done == static_cast<int32_t>(pattern.text.size());
      if (complete && (match_ == nullptr || pattern.text.size() > match_->size())) {
        match_ = &pattern.text;
      }
    }
    if (match_ == nullptr) continue;
    held_.resize(held_.size() - match_->size());
    return std::exchange(held_, {});
  }
  // A string that is complete but did not count can no longer begin a match as a whole.
  size_t keep = 0;
  for (size_t i = 0; i < progress_.size(); ++i) {
    const auto& pattern = patterns_->patterns_[i];
    int32_t done = progress_[i];
    if (done == static_cast<int32_t>(pattern.text.size())) {
      done = pattern.fallback[static_cast<size_t>(done)];
    }
    keep = std::max(keep, static_cast<size_t>(done));
  }
  std::string certain = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return certain;
}

std::string StopScanner::finish() { return std::exchange(held_, {}); }

}  // namespace trivet
