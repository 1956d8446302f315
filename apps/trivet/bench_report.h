// What `trivet bench MODEL` found, for programs (JSON) and people (a page, a plot).
#ifndef TRIVET_APPS_BENCH_REPORT_H_
#define TRIVET_APPS_BENCH_REPORT_H_

#include <string>
#include <vector>

#include "measure/roofline.h"

namespace trivet {

struct BenchReport;

struct BenchResult {
  enum class Kind { kPrompt, kBatch };
  Kind kind = Kind::kPrompt;
  int size = 0;  // tokens of the prompt, or sequences
  double tokens_per_second = 0, lowest = 0, highest = 0;
  double limit = 0;  // tokens per second; 0 = unknown

  std::string test(const BenchReport& report) const;  // "batch 8 at 128"
};

struct BenchReport {
  std::string name, path, device;
  StepWork work;
  int depth = 0;    // context before the first measured decode step
  int context = 0;  // in the middle of them
  double cache_bytes_per_element = 2;
  MachineRates rates;  // probed before and after; 0 = unknown
  std::vector<BenchResult> results;
};

std::string bench_report_json(const BenchReport& report);
// One page that fetches nothing.
std::string bench_report_html(const BenchReport& report);
// Tokens per second over the number of sequences, with the limit drawn in: a file of its own.
std::string bench_plot_svg(const BenchReport& report);

}  // namespace trivet

#endif  // TRIVET_APPS_BENCH_REPORT_H_
