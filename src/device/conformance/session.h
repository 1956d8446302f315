// What all groups of cases work with: the two devices, and the record of the cases.
#ifndef TRIVET_DEVICE_CONFORMANCE_SESSION_H_
#define TRIVET_DEVICE_CONFORMANCE_SESSION_H_

#include <functional>
#include <memory>
#include <string>

#include "device/conformance.h"
#include "device/conformance/compare.h"

namespace trivet::conformance {

struct Tolerance {
  ConformanceMeasure measure;
  double value;
};

inline constexpr Tolerance kSameBits{ConformanceMeasure::kBits, 0.0};

class Session {
 public:
  Session(Device& candidate, Device& reference, const ConformanceOptions& options,
          const ConformanceSink& sink)
      : candidate_(candidate), reference_(reference), options_(options), sink_(sink) {}

  Device& candidate() { return candidate_; }
  Device& reference() { return reference_; }
  // Another device of the candidate's backend; opened when first asked for.
  Result<Device*> candidate_with_threads(int num_threads);

  void begin_group(std::string group) { group_ = std::move(group); }

  // Runs one case. The body compares and returns the deviation; ErrorCode::kUnimplemented means
  // that the candidate declines, any other error that it failed.
  using Body = std::function<Result<Deviation>()>;
  void check(const std::string& name, Tolerance tolerance, const Body& body);

  ConformanceReport take_report() { return std::move(report_); }

 private:
  Device& candidate_;
  Device& reference_;
  const ConformanceOptions& options_;
  const ConformanceSink& sink_;
  std::string group_;
  ConformanceReport report_;
  std::unique_ptr<Device> with_threads_[2];
};

// The groups; each adds its cases to the session.
void check_arguments(Session& session);
void check_small_operations(Session& session);
void check_norms(Session& session);
void check_rope(Session& session);
void check_embedding(Session& session);
void check_linear(Session& session);
void check_linear_fusion(Session& session);
void check_attention(Session& session);

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_SESSION_H_
