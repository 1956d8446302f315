#include "measure/probed.h"

namespace trivet {
namespace {

// 0 where the device does not know it.
double limit_of(Device& device, trivet_machine_limit limit, double seconds) {
  double value = 0;
  if (device.table().measure_limit == nullptr ||
      device.table().measure_limit(device.handle(), limit, seconds, &value) != TRIVET_OK) {
    return 0;
  }
  return value;
}

}  // namespace

Result<OperationRate> measure_probed(Device& device, trivet_machine_limit operations_limit,
                                     const CallWork& work, const BenchSeconds& seconds,
                                     const std::function<Result<void>()>& call) {
  const double operations_before = limit_of(device, operations_limit, seconds.probe);
  const double bytes_before = limit_of(device, TRIVET_LIMIT_READ_BYTES, seconds.probe);
  OperationRate rate;
  TRIVET_ASSIGN_OR_RETURN(rate.timing,
                          time_calls(device.info().num_threads, seconds.measure, call));
  rate.operations_per_second = work.operations / rate.timing.seconds;
  rate.bytes_per_second = work.bytes / rate.timing.seconds;
  rate.operations_limit =
      (operations_before + limit_of(device, operations_limit, seconds.probe)) / 2;
  rate.bytes_limit = (bytes_before + limit_of(device, TRIVET_LIMIT_READ_BYTES, seconds.probe)) / 2;
  return rate;
}

}  // namespace trivet
