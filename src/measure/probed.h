// A timing between two probes of the limits that it is compared with.
#ifndef TRIVET_MEASURE_PROBED_H_
#define TRIVET_MEASURE_PROBED_H_

#include <functional>

#include "measure/operation_bench.h"

namespace trivet {

// What one call does.
struct CallWork {
  double operations = 0, bytes = 0;
};

Result<OperationRate> measure_probed(Device& device, trivet_machine_limit operations_limit,
                                     const CallWork& work, const BenchSeconds& seconds,
                                     const std::function<Result<void>()>& call);

}  // namespace trivet

#endif  // TRIVET_MEASURE_PROBED_H_
