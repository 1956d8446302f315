#include "scheduler/step_cost.h"

#include <algorithm>
#include <bit>

namespace trivet {
namespace {

// Weight of a new step in the mean: the last dozen count.
constexpr double kNew = 0.15;
// A step that took longer than this many times the mean was held up; it counts as this much.
constexpr double kMostSurprise = 3;

size_t index_of(int rows, size_t points) {
  const auto width = static_cast<size_t>(std::bit_width(static_cast<unsigned>(std::max(rows, 1))));
  return std::min(width - 1, points - 1);
}

}  // namespace

void StepCost::observe(int rows, Duration time) {
  if (rows < 1) return;
  Point& point = points_[index_of(rows, points_.size())];
  double seconds = std::chrono::duration<double>(time).count();
  if (point.seconds == 0) {
    point = {static_cast<double>(rows), seconds};
    return;
  }
  seconds = std::min(seconds, kMostSurprise * point.seconds);
  point.rows += kNew * (rows - point.rows);
  point.seconds += kNew * (seconds - point.seconds);
}

std::pair<const StepCost::Point*, const StepCost::Point*> StepCost::around(int rows) const {
  std::pair<const Point*, const Point*> beside = {nullptr, nullptr};
  for (const Point& point : points_) {
    if (point.seconds == 0) continue;
    if (point.rows <= rows) {
      beside.first = &point;
    } else if (beside.second == nullptr) {
      beside.second = &point;
    }
  }
  return beside;
}

Duration StepCost::of(int rows) const {
  const auto [below, above] = around(rows);
  double seconds = 0;
  if (below != nullptr && above != nullptr) {
    const double share = (rows - below->rows) / (above->rows - below->rows);
    seconds = below->seconds + share * (above->seconds - below->seconds);
  } else if (below != nullptr) {  // rows above all that was seen cost as the last ones
    seconds = below->seconds * rows / below->rows;
  } else if (above != nullptr) {  // a smaller step reads the same weights
    seconds = above->seconds;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

int StepCost::rows_within(Duration limit, int most) const {
  int low = 1, high = std::max(most, 1);
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (of(middle) <= limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace trivet
