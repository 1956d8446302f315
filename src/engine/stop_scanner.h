// Stop strings in text that comes in pieces.
#ifndef TRIVET_ENGINE_STOP_SCANNER_H_
#define TRIVET_ENGINE_STOP_SCANNER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trivet {

// The stop strings of a request, none of them empty. Immutable; shared by its choices.
class StopPatterns {
 public:
  explicit StopPatterns(const std::vector<std::string>& stops);

 private:
  friend class StopScanner;
  struct Pattern {
    std::string text;
    std::vector<int32_t> fallback;  // [length + 1] longest proper border of the first i bytes
  };
  std::vector<Pattern> patterns_;
};

// Finds the stop string that is complete first, of those that end at the same byte the longest; so
// the outcome does not depend on how the text was cut into pieces. Text that may be the beginning
// of one is held back. Constant work per byte and stop string (Knuth, Morris, Pratt).
class StopScanner {
 public:
  // `patterns` must outlive it.
  explicit StopScanner(const StopPatterns& patterns);

  // Returns the text that is now certain to be output. `armed` false: a stop string that ends in
  // this piece does not count. After a match all further text is dropped.
  std::string feed(std::string_view piece, bool armed);
  // What is still held: the text ended without a match.
  std::string finish();

  // The stop string that was found, or null. It is not part of the text that feed() returned.
  const std::string* match() const { return match_; }

 private:
  const StopPatterns* patterns_;
  std::vector<int32_t> progress_;  // per pattern: bytes of it that the text ends with
  std::string held_;
  const std::string* match_ = nullptr;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_STOP_SCANNER_H_
