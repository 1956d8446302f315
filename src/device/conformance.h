// Whether a backend does what the ABI says: every operation against a reference, over shapes,
// number types and edge cases, and the exactness contract by equality of bits on the backend
// itself.
#ifndef TRIVET_DEVICE_CONFORMANCE_H_
#define TRIVET_DEVICE_CONFORMANCE_H_

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "device/device.h"

namespace trivet {

enum class ConformanceStatus {
  kPass,
  kFail,
  kUnsupported,  // the backend declines: allowed, the host falls back
};

// What `error` counts. kMax: largest deviation in a row, relative to the row's largest value. kRms:
// root mean square of a row's deviations relative to that of its values. kBits: values that differ
// at all.
enum class ConformanceMeasure { kMax, kRms, kBits };

struct ConformanceCase {
  std::string group;  // "linear"
  std::string name;   // "q4_K 129 x 512"
  ConformanceStatus status;
  ConformanceMeasure measure;
  double error;  // the worst row's; NaN where nothing could be compared
  double tolerance;
  std::string message;  // where it fails, or why it could not be compared
};

struct ConformanceOptions {
  std::string filter;  // run only cases whose "group: name" contains this
};

struct ConformanceReport {
  std::vector<ConformanceCase> cases;
  int count(ConformanceStatus status) const;
  bool conforms() const { return count(ConformanceStatus::kFail) == 0; }
};

// Called after each case.
using ConformanceSink = std::function<void(const ConformanceCase&)>;

// Takes up to a minute or so. All inputs are generated from fixed seeds. Opens further devices of
// the candidate's backend (same index and instruction level, 1 and 2 threads). Errors that the
// backend returns are failures of the case; only a backend that crashes ends the run.
ConformanceReport run_conformance(Device& candidate, Device& reference,
                                  const ConformanceOptions& options = {},
                                  const ConformanceSink& sink = {});

// One line per case, then the sums.
void print_conformance_case(const ConformanceCase& conformance_case, std::ostream& out);
void print_conformance_summary(const ConformanceReport& report, std::ostream& out);

}  // namespace trivet

#endif  // TRIVET_DEVICE_CONFORMANCE_H_
