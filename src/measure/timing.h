// Timing of one call, over and over, with the samples that others disturbed left out.
#ifndef TRIVET_MEASURE_TIMING_H_
#define TRIVET_MEASURE_TIMING_H_

#include <functional>

#include "base/result.h"

namespace trivet {

struct Timing {
  double seconds = 0;          // of one call, median of the samples that count
  int clean = 0, samples = 0;  // samples with the processors to themselves, and all
};

// Repeats the call for about `seconds`, at least five times after one that does not count. A sample
// is as many calls as take 3 ms. `threads` is how many processors a call keeps busy. Returns the
// first failure.
Result<Timing> time_calls(int threads, double seconds, const std::function<Result<void>()>& call);

}  // namespace trivet

#endif  // TRIVET_MEASURE_TIMING_H_
