#include "device/conformance.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "device/conformance/session.h"

namespace trivet {
namespace {

const char* measure_name(ConformanceMeasure measure) {
  switch (measure) {
    case ConformanceMeasure::kMax:
      return "max ";
    case ConformanceMeasure::kRms:
      return "rms ";
    case ConformanceMeasure::kBits:
      return "bits";
  }
  return "";
}

std::string error_text(const ConformanceCase& c) {
  char text[64] = "";
  if (std::isnan(c.error)) return text;
  if (c.measure == ConformanceMeasure::kBits) {
    std::snprintf(text, sizeof text, "%8.0f differ", c.error);
  } else {
    std::snprintf(text, sizeof text, "%8.2g <= %.2g", c.error, c.tolerance);
  }
  return text;
}

}  // namespace

int ConformanceReport::count(ConformanceStatus status) const {
  return static_cast<int>(std::count_if(
      cases.begin(), cases.end(), [&](const ConformanceCase& c) { return c.status == status; }));
}

ConformanceReport run_conformance(Device& candidate, Device& reference,
                                  const ConformanceOptions& options, const ConformanceSink& sink) {
  conformance::Session session(candidate, reference, options, sink);
  conformance::check_arguments(session);
  conformance::check_small_operations(session);
  conformance::check_norms(session);
  conformance::check_rope(session);
  conformance::check_embedding(session);
  conformance::check_linear(session);
  conformance::check_linear_fusion(session);
  conformance::check_attention(session);
  return session.take_report();
}

void print_conformance_case(const ConformanceCase& c, std::ostream& out) {
  const char* status = c.status == ConformanceStatus::kPass   ? "pass"
                       : c.status == ConformanceStatus::kFail ? "FAIL"
                                                              : "  - ";
  char line[256];
  std::snprintf(line, sizeof line, "%s  %-13s  %-60s  %s %-18s", status, c.group.c_str(),
                c.name.c_str(), measure_name(c.measure), error_text(c).c_str());
  out << line;
  if (!c.message.empty()) out << "  " << c.message;
  out << '\n';
}

void print_conformance_summary(const ConformanceReport& report, std::ostream& out) {
  out << report.count(ConformanceStatus::kPass) << " passed, "
      << report.count(ConformanceStatus::kFail) << " failed, "
      << report.count(ConformanceStatus::kUnsupported) << " unsupported\n";
}

}  // namespace trivet
