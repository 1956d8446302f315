// A load run for programs (JSON) and for people (one HTML page with plots, nothing fetched).
#ifndef TRIVET_LOADGEN_LOAD_REPORT_H_
#define TRIVET_LOADGEN_LOAD_REPORT_H_

#include <string>

#include "loadgen/load_summary.h"

namespace trivet {

// Settings, summary and every request.
std::string load_report_json(const LoadRun& run, const LoadSummary& summary,
                             const LoadObjective& objective);

// Figures, then plots: throughput and running requests over time, time to the first token over
// time, distributions of all latencies; objectives are drawn in.
std::string load_report_html(const LoadRun& run, const LoadSummary& summary,
                             const LoadObjective& objective);

}  // namespace trivet

#endif  // TRIVET_LOADGEN_LOAD_REPORT_H_
