// Who may use the server.
#ifndef TRIVET_SERVER_GUARD_KEY_RING_H_
#define TRIVET_SERVER_GUARD_KEY_RING_H_

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/guard/api_key.h"
#include "server/http/message.h"

namespace trivet {

using Sha256 = std::array<unsigned char, 32>;
Sha256 sha256_of(std::string_view text);

// What a key allows.
struct KeyPolicy {
  std::string name;
  Sha256 digest{};
  KeyLimits limits;
  int priority = 0;
  std::vector<std::string> models;
  bool admin = false;

  // Those of the names that a request of this key may use.
  std::vector<std::string> allowed_of(const std::vector<std::string>& names) const;
  // Whether it may use a model that is served under these names: under one of them at least.
  bool allows_model(const std::vector<std::string>& names) const {
    return models.empty() || !allowed_of(names).empty();
  }
};

// SHA-256 of every key; the keys themselves are not kept. Immutable, thread-safe.
class KeyRing {
 public:
  // kInvalidArgument for an empty, repeated or unprintable secret, a broken hash or a repeated
  // name.
  static Result<KeyRing> create(const std::vector<ApiKey>& keys);

  bool open() const { return keys_.empty(); }  // no keys: everyone may
  // Of the key in "Authorization: Bearer KEY", "x-api-key: KEY" or "api-key: KEY"; null = no valid
  // key. Takes the same time whichever key matches.
  std::shared_ptr<const KeyPolicy> find(const HttpHead& head) const;
  std::shared_ptr<const KeyPolicy> named(std::string_view name) const;  // null = none
  const std::vector<std::shared_ptr<const KeyPolicy>>& keys() const { return keys_; }

 private:
  std::vector<std::shared_ptr<const KeyPolicy>> keys_;
};

// 32 random hexadecimal digits.
std::string random_id();

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_KEY_RING_H_
