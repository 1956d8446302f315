// CHECK: for mistakes of our own, never for anything a user, file, network or device can cause.
#ifndef TRIVET_BASE_CHECK_H_
#define TRIVET_BASE_CHECK_H_

#include <string>

namespace trivet {

// Prints the message and ends the process.
[[noreturn]] void check_failed(const std::string& message);

}  // namespace trivet

#define TRIVET_CHECK(condition)                                                       \
  do {                                                                                \
    if (!(condition)) [[unlikely]]                                                    \
      ::trivet::check_failed(std::string(__FILE__) + ":" + std::to_string(__LINE__) + \
                             ": " #condition);                                        \
  } while (false)

#endif  // TRIVET_BASE_CHECK_H_
