// Who may use the server.
#ifndef TRIVET_SERVER_KEY_RING_H_
#define TRIVET_SERVER_KEY_RING_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/message.h"
#include "server/server.h"

namespace trivet {

// SHA-256 of every key; the keys themselves are not kept. Immutable, thread-safe.
class KeyRing {
 public:
  // kInvalidArgument for an empty, repeated or unprintable secret.
  static Result<KeyRing> create(const std::vector<ApiKey>& keys);

  bool open() const { return entries_.empty(); }  // no keys: everyone may
  // The tenant of the key in "Authorization: Bearer KEY" or "x-api-key: KEY"; absent = no valid
  // key. Takes the same time whichever key matches.
  std::optional<std::string> tenant_of(const HttpHead& head) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Entry {
    Digest digest;
    std::string tenant;
  };
  static Digest digest_of(std::string_view secret);

  std::vector<Entry> entries_;
};

// 32 random hexadecimal digits.
std::string random_id();

}  // namespace trivet

#endif  // TRIVET_SERVER_KEY_RING_H_
