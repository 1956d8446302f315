#include "server/key_ring.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

namespace trivet {
namespace {

std::string hex(const unsigned char* bytes, size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

std::optional<std::string_view> presented_key(const HttpHead& head) {
  constexpr std::string_view kScheme = "Bearer ";
  if (const std::string* value = head.find("authorization")) {
    const std::string_view text = *value;
    if (text.size() > kScheme.size() &&
        equal_ignoring_case(text.substr(0, kScheme.size()), kScheme)) {
      return text.substr(std::min(text.find_first_not_of(' ', kScheme.size()), text.size()));
    }
  }
  if (const std::string* value = head.find("x-api-key")) return *value;
  return std::nullopt;
}

}  // namespace

KeyRing::Digest KeyRing::digest_of(std::string_view secret) {
  Digest digest{};
  TRIVET_CHECK(
      EVP_Digest(secret.data(), secret.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

Result<KeyRing> KeyRing::create(const std::vector<ApiKey>& keys) {
  KeyRing ring;
  for (const ApiKey& key : keys) {
    const std::string label = key.name.empty() ? "an API key" : "the API key \"" + key.name + "\"";
    const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
    if (key.secret.empty() || !std::all_of(key.secret.begin(), key.secret.end(), printable)) {
      return Error(
          ErrorCode::kInvalidArgument,
          label +
              " is empty or has characters other than printable ASCII; clients could not send it");
    }
    Entry entry{digest_of(key.secret), key.name};
    for (const Entry& other : ring.entries_) {
      if (other.digest == entry.digest) {
        return Error(ErrorCode::kInvalidArgument,
                     label + " is given twice; give each tenant its own key");
      }
    }
    if (entry.tenant.empty()) entry.tenant = "key-" + hex(entry.digest.data(), 4);
    ring.entries_.push_back(std::move(entry));
  }
  return ring;
}

std::optional<std::string> KeyRing::tenant_of(const HttpHead& head) const {
  const std::optional<std::string_view> key = presented_key(head);
  if (!key) return std::nullopt;
  const Digest digest = digest_of(*key);
  const Entry* match = nullptr;
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0) match = &entry;
  }
  if (match == nullptr) return std::nullopt;
  return match->tenant;
}

std::string random_id() {
  unsigned char bytes[16];
  TRIVET_CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
  return hex(bytes, sizeof bytes);
}

}  // namespace trivet
