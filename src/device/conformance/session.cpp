#include "device/conformance/session.h"

#include <limits>

namespace trivet::conformance {

Result<Device*> Session::candidate_with_threads(int num_threads) {
  TRIVET_CHECK(num_threads == 1 || num_threads == 2);
  std::unique_ptr<Device>& device = with_threads_[num_threads - 1];
  if (!device) {
    DeviceOptions options = candidate_.options();
    options.num_threads = num_threads;
    if (*candidate_.info().isa != '\0') options.isa = candidate_.info().isa;
    TRIVET_ASSIGN_OR_RETURN(device, Device::create(candidate_.shared_backend(), options));
  }
  return device.get();
}

void Session::check(const std::string& name, Tolerance tolerance, const Body& body) {
  if ((group_ + ": " + name).find(options_.filter) == std::string::npos) return;
  ConformanceCase result{group_,          name, ConformanceStatus::kPass, tolerance.measure, 0.0,
                         tolerance.value, ""};
  auto deviation = body();
  if (!deviation) {
    const bool declined = deviation.error().code() == ErrorCode::kUnimplemented;
    result.status = declined ? ConformanceStatus::kUnsupported : ConformanceStatus::kFail;
    result.error = std::numeric_limits<double>::quiet_NaN();
    result.message = deviation.error().message();
  } else {
    result.error = deviation->error;
    if (!(deviation->error <= tolerance.value)) {
      result.status = ConformanceStatus::kFail;
      result.message = deviation->where;
    }
  }
  if (sink_) sink_(result);
  report_.cases.push_back(std::move(result));
}

}  // namespace trivet::conformance
