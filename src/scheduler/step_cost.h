// What a step takes, as a function of its rows.
#ifndef TRIVET_SCHEDULER_STEP_COST_H_
#define TRIVET_SCHEDULER_STEP_COST_H_

#include <array>
#include <utility>

#include "base/clock.h"

namespace trivet {

// Learned from the steps themselves, so that it holds for this machine, this model, the contexts of
// the traffic and whoever else computes here now. One running mean for each power of two of rows,
// straight lines between them. Before the first step it knows nothing, and everything takes no
// time. No clock.
class StepCost {
 public:
  void observe(int rows, Duration time);
  Duration of(int rows) const;
  // The most rows, up to `most`, whose step takes at most `limit`; at least 1.
  int rows_within(Duration limit, int most) const;

 private:
  struct Point {
    double rows = 0;     // mean
    double seconds = 0;  // mean; 0 = never seen
  };
  // The points beside `rows`: seen ones, null where there is none.
  std::pair<const Point*, const Point*> around(int rows) const;

  std::array<Point, 20> points_;  // [i]: steps of 2^i to 2^(i + 1) - 1 rows, the last all above
};

}  // namespace trivet

#endif  // TRIVET_SCHEDULER_STEP_COST_H_
