#ifndef TRIVET_API_TIMESTAMP_H_
#define TRIVET_API_TIMESTAMP_H_

#include <cstdint>
#include <ctime>
#include <string>

namespace trivet {

// "1970-01-01T00:00:01Z"
inline std::string rfc3339(int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace trivet

#endif  // TRIVET_API_TIMESTAMP_H_
