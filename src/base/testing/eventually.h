// For tests: waits for what another thread does.
#ifndef TRIVET_BASE_TESTING_EVENTUALLY_H_
#define TRIVET_BASE_TESTING_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace trivet {

// Whether the condition becomes true within 20 seconds.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace trivet

#endif  // TRIVET_BASE_TESTING_EVENTUALLY_H_
