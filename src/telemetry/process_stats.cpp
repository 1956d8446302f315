#include "telemetry/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace trivet {
namespace {

int count_open_fds() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int count = 0;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(folder);
  return count - 1;  // without the one that lists
}

double boot_unix_seconds() {
  std::ifstream file("/proc/stat");
  std::string key;
  double value = 0.0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    if (fields >> key && key == "btime" && fields >> value) return value;
  }
  return 0.0;
}

// Field 22 of /proc/self/stat: clock ticks from boot to the start of the process. The name of the
// process (field 2) may contain spaces, so fields are counted from its closing parenthesis.
double start_ticks() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0.0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int index = 3; index <= 22 && fields >> field;) ++index;
  return std::strtod(field.c_str(), nullptr);
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream statm("/proc/self/statm");
  double virtual_pages = 0.0, resident_pages = 0.0;
  if (statm >> virtual_pages >> resident_pages) {
    stats.virtual_bytes = static_cast<int64_t>(virtual_pages * page);
    stats.resident_bytes = static_cast<int64_t>(resident_pages * page);
  }
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = static_cast<int64_t>(limit.rlim_cur);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    stats.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  }
  stats.start_unix_seconds = boot_unix_seconds() + start_ticks() / ticks;
  return stats;
}

int64_t read_resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t virtual_pages = 0, resident_pages = 0;
  if (!(statm >> virtual_pages >> resident_pages)) return 0;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

}  // namespace trivet
