#include "server/guard/key_ring.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <optional>
#include <span>

#include "base/hex.h"

namespace trivet {
namespace {

std::optional<std::string_view> presented_key(const HttpHead& head) {
  constexpr std::string_view kScheme = "Bearer ";
  if (const std::string* value = head.find("authorization")) {
    const std::string_view text = *value;
    if (text.size() > kScheme.size() &&
        equal_ignoring_case(text.substr(0, kScheme.size()), kScheme)) {
      return text.substr(std::min(text.find_first_not_of(' ', kScheme.size()), text.size()));
    }
  }
  for (const char* name : {"x-api-key", "api-key"}) {
    if (const std::string* value = head.find(name)) return *value;
  }
  return std::nullopt;
}

Error refusal(const std::string& label, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, label + " " + what);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<Sha256> from_hex(std::string_view text) {
  Sha256 digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

Result<Sha256> digest_of_key(const ApiKey& key, const std::string& label) {
  if (!key.sha256.empty()) {
    if (!key.secret.empty()) return refusal(label, "has both a secret and a sha256; keep one");
    const std::optional<Sha256> digest = from_hex(key.sha256);
    if (digest) return *digest;
    return refusal(label, "has a sha256 that is not 64 hexadecimal digits");
  }
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (key.secret.empty() || !std::all_of(key.secret.begin(), key.secret.end(), printable)) {
    return refusal(
        label, "is empty or has characters other than printable ASCII; clients could not send it");
  }
  return sha256_of(key.secret);
}

Result<void> check_limits(const ApiKey& key, const std::string& label) {
  for (const int64_t limit :
       {key.limits.requests_per_minute, key.limits.tokens_per_minute, key.limits.concurrency}) {
    if (limit >= 0 && limit <= int64_t{1} << 40) continue;
    return refusal(label, "has a limit of " + std::to_string(limit) + "; give 0 for none");
  }
  return {};
}

}  // namespace

Sha256 sha256_of(std::string_view text) {
  Sha256 digest{};
  TRIVET_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

std::vector<std::string> KeyPolicy::allowed_of(const std::vector<std::string>& names) const {
  if (models.empty()) return names;
  std::vector<std::string> allowed;
  for (const std::string& name : names) {
    if (std::find(models.begin(), models.end(), name) != models.end()) allowed.push_back(name);
  }
  return allowed;
}

Result<KeyRing> KeyRing::create(const std::vector<ApiKey>& keys) {
  KeyRing ring;
  for (const ApiKey& key : keys) {
    const std::string label = key.name.empty() ? "an API key" : "the API key \"" + key.name + "\"";
    TRIVET_RETURN_IF_ERROR(check_limits(key, label));
    auto policy = std::make_shared<KeyPolicy>();
    TRIVET_ASSIGN_OR_RETURN(policy->digest, digest_of_key(key, label));
    policy->name =
        key.name.empty() ? "key-" + to_hex(std::span(policy->digest).first(4)) : key.name;
    for (const auto& other : ring.keys_) {
      if (other->digest == policy->digest)
        return refusal(label, "is given twice; give each tenant its own key");
      if (other->name == policy->name)
        return refusal(label, "has the name of another one; names must differ");
    }
    policy->limits = key.limits;
    policy->priority = key.priority;
    policy->models = key.models;
    policy->admin = key.admin;
    ring.keys_.push_back(std::move(policy));
  }
  return ring;
}

std::shared_ptr<const KeyPolicy> KeyRing::find(const HttpHead& head) const {
  const std::optional<std::string_view> key = presented_key(head);
  if (!key) return nullptr;
  const Sha256 digest = sha256_of(*key);
  const std::shared_ptr<const KeyPolicy>* match = nullptr;
  for (const auto& policy : keys_) {
    if (CRYPTO_memcmp(policy->digest.data(), digest.data(), digest.size()) == 0) match = &policy;
  }
  return match == nullptr ? nullptr : *match;
}

std::shared_ptr<const KeyPolicy> KeyRing::named(std::string_view name) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const auto& policy) { return policy->name == name; });
  return found == keys_.end() ? nullptr : *found;
}

std::string random_id() {
  unsigned char bytes[16];
  TRIVET_CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
  return to_hex(bytes);
}

}  // namespace trivet
