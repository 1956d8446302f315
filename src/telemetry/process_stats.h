// What the kernel says about this process.
#ifndef TRIVET_TELEMETRY_PROCESS_STATS_H_
#define TRIVET_TELEMETRY_PROCESS_STATS_H_

#include <cstdint>

namespace trivet {

struct ProcessStats {
  int64_t resident_bytes = 0;
  int64_t virtual_bytes = 0;
  int open_fds = 0;
  int64_t max_fds = 0;
  double cpu_seconds = 0.0;  // user + system
  double start_unix_seconds = 0.0;
};

// Reads /proc/self; a value that cannot be read stays 0.
ProcessStats read_process_stats();
// The first of them alone, which is cheap.
int64_t read_resident_bytes();

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_PROCESS_STATS_H_
