// Typed reading of GGUF metadata that remembers the first thing that is wrong.
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_KEYS_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/gguf/gguf_header.h"

namespace trivet {

// Absent keys give nothing; a value of the wrong type or range gives nothing and is remembered, so
// that a caller reads all it needs and asks for `status` once.
class GgufKeys {
 public:
  explicit GgufKeys(const GgufHeader& header) : header_(&header) {}

  bool has(const std::string& key) const { return header_->find(key) != nullptr; }
  // From 0 to 2^31 - 1. A list with one value repeated (some files give one per layer) counts as
  // that value; a list of different values is remembered as unsupported.
  std::optional<int> count(const std::string& key);
  std::optional<double> real(const std::string& key);  // finite
  std::optional<bool> flag(const std::string& key);
  std::optional<std::string> text(const std::string& key);
  std::optional<std::vector<std::string>> texts(const std::string& key);
  std::optional<std::vector<float>> reals(const std::string& key);
  std::optional<std::vector<int>> counts(const std::string& key);

  void fail(const std::string& key, const std::string& problem,
            ErrorCode code = ErrorCode::kDataLoss);
  Result<void> status() const;

 private:
  const GgufArray* array(const std::string& key);

  const GgufHeader* header_;
  std::optional<Error> error_;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_KEYS_H_
