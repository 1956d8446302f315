#include "config/nearest_name.h"

#include <algorithm>

namespace trivet {
namespace {

constexpr size_t kMaxCompared = 128;  // longer names are cut: the cost is quadratic

// Optimal string alignment: insert, delete, replace, swap neighbours.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t kMinPrefix = 4;
  name = name.substr(0, kMaxCompared);
  size_t best = name.size() / 3 + 2;
  std::string nearest;
  for (const std::string& full : candidates) {
    const std::string_view candidate = std::string_view(full).substr(0, kMaxCompared);
    size_t distance = edit_distance(name, candidate);
    const size_t shorter = std::min(name.size(), candidate.size());
    if (shorter >= kMinPrefix && name.substr(0, shorter) == candidate.substr(0, shorter)) {
      distance = std::min<size_t>(distance, 2);
    }
    if (distance >= best) continue;
    best = distance;
    nearest = full;
  }
  return nearest;
}

}  // namespace trivet
