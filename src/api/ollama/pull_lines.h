// The answer of /api/pull: one JSON object per line.
#ifndef TRIVET_API_OLLAMA_PULL_LINES_H_
#define TRIVET_API_OLLAMA_PULL_LINES_H_

#include <string>
#include <string_view>

#include "base/clock.h"
#include "weights/model_store.h"

namespace trivet {

// {"status": text} and a line break.
std::string ollama_status_line(std::string_view status);

// What has happened becomes lines: "pulling manifest", for each file "pulling ABC" with digest,
// total and completed (at the end of the file: all of it), "verifying sha256 digest", and at last
// "writing manifest" and "success". One thread at a time.
class OllamaPullLines {
 public:
  static constexpr Duration kInterval = std::chrono::milliseconds(200);  // between two of a file

  // The lines, or nothing if there is no news worth a line.
  std::string take(const PullProgress& progress, TimePoint now);
  static std::string success();
  // What a client that joins should see at once.
  std::string newest() const;

 private:
  struct File {
    std::string name, sha256;
    uint64_t completed = 0, total = 0;
  };
  std::string line_of(const File& file) const;
  std::string end_file();

  File file_;               // that is being pulled; no name: none
  std::string last_phase_;  // that a line was written for
  TimePoint last_line_{};
};

}  // namespace trivet

#endif  // TRIVET_API_OLLAMA_PULL_LINES_H_
