// One who may use the server, as the operator writes it down.
#ifndef TRIVET_SERVER_GUARD_API_KEY_H_
#define TRIVET_SERVER_GUARD_API_KEY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace trivet {

// 0 = no limit.
struct KeyLimits {
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;  // prompt and answer
  int64_t concurrency = 0;        // requests at once
};

// Secrets are kept in memory as SHA-256 only.
struct ApiKey {
  std::string name;  // tenant id in logs and for fairness; empty = "key-" and 8 digits of the hash
  std::string secret;       // as the client sends it, or
  std::string sha256 = {};  // its hash: 64 hexadecimal digits
  KeyLimits limits = {};
  int priority = 0;                      // of its requests, lower = sooner; they may ask for less
  std::vector<std::string> models = {};  // that it may use; empty = all
  bool admin = false;                    // may pause, load, abort ... what belongs to others
  int line = 0;                          // of the keys file where it begins, from 0
};

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_API_KEY_H_
