// JSON from files and servers: bounded, and errors as values.
#ifndef TRIVET_WEIGHTS_JSON_DOCUMENT_H_
#define TRIVET_WEIGHTS_JSON_DOCUMENT_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

struct JsonLimits {
  size_t max_bytes = size_t{16} << 20;
  int max_depth = 32;
};

// An object. Too large, too deep, a key twice in one object, not JSON or not an object: kDataLoss,
// naming `file` and the offset.
Result<nlohmann::json> parse_json_object(std::string_view text, std::string_view file,
                                         JsonLimits limits = {});

// Typed reading of an object that remembers the first thing that is wrong. A key that is absent or
// null gives nothing. The object must outlive this.
class JsonKeys {
 public:
  JsonKeys(const nlohmann::json& object, std::string file)
      : object_(&object), file_(std::move(file)) {}

  const nlohmann::json* find(const std::string& key) const;  // nullptr = absent or null
  std::optional<int> count(const std::string& key);          // 0 to 2^31 - 1
  std::optional<double> real(const std::string& key);        // finite
  std::optional<bool> flag(const std::string& key);
  std::optional<std::string> text(const std::string& key);
  // One number or a list of them.
  std::vector<int> counts(const std::string& key);

  void fail(const std::string& key, const std::string& problem,
            ErrorCode code = ErrorCode::kDataLoss);
  Result<void> status() const;
  const std::string& file() const { return file_; }

 private:
  const nlohmann::json* object_;
  std::string file_;
  std::optional<Error> error_;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_JSON_DOCUMENT_H_
