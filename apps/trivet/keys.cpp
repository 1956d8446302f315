#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/hex.h"
#include "commands.h"
#include "server/guard/key_file.h"
#include "server/guard/key_ring.h"
#include "terminal.h"

namespace trivet {
namespace {

// 32 random bytes in hexadecimal, recognisable as a key of Trivet.
Result<std::string> make_secret() {
  unsigned char bytes[32];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return Error(ErrorCode::kInternal, "the system gives no random numbers");
  return "sk-trivet-" + to_hex(bytes);
}

// Errors if the keys of the text could not be used together.
Result<void> check(const std::string& text) {
  TRIVET_ASSIGN_OR_RETURN(const std::vector<ApiKey> keys, parse_key_file(text));
  const auto ring = KeyRing::create(keys);
  if (!ring.ok()) return ring.error();
  return {};
}

Result<std::string> add(const KeysOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const std::string text, load_key_text(options.file));
  TRIVET_ASSIGN_OR_RETURN(const std::string secret, make_secret());
  const Sha256 digest = sha256_of(secret);
  ApiKey key;
  key.name = options.name;
  key.sha256 = to_hex(digest);
  key.limits = {options.requests_per_minute, options.tokens_per_minute, options.concurrency};
  key.priority = options.priority;
  key.models = options.models;
  key.admin = options.admin;
  TRIVET_ASSIGN_OR_RETURN(const std::string more, with_key_added(text, key));
  TRIVET_RETURN_IF_ERROR(check(more));
  TRIVET_RETURN_IF_ERROR(write_key_file(options.file, more));
  return secret;
}

Result<void> revoke(const KeysOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const std::string text, load_key_text(options.file));
  TRIVET_ASSIGN_OR_RETURN(const std::string less, with_key_removed(text, options.name));
  return write_key_file(options.file, less);
}

std::string limit_text(int64_t limit) { return limit == 0 ? "-" : std::to_string(limit); }

std::string model_names(const std::vector<std::string>& names) {
  return names.empty() ? "all" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

int add_key(const KeysOptions& options) {
  const auto secret = add(options);
  if (!secret.ok()) return report_error(secret.error());
  print_notice(fmt::format("{} has the key of \"{}\" as a hash; this is the only time it is shown:",
                           options.file, options.name));
  fmt::print("{}\n", *secret);
  return 0;
}

int list_keys(const KeysOptions& options) {
  const auto keys = read_key_file(options.file);
  if (!keys.ok()) return report_error(keys.error());
  const auto ring = KeyRing::create(*keys);
  if (!ring.ok()) return report_error(ring.error());
  Table table({"name", "requests/min", "tokens/min", "at once", "priority", "models", "admin"});
  for (const auto& key : ring->keys()) {
    table.add({key->name, limit_text(key->limits.requests_per_minute),
               limit_text(key->limits.tokens_per_minute), limit_text(key->limits.concurrency),
               std::to_string(key->priority), model_names(key->models), key->admin ? "yes" : "no"});
  }
  fmt::print("{}", table.text());
  return 0;
}

int revoke_key(const KeysOptions& options) {
  const auto revoked = revoke(options);
  if (!revoked.ok()) return report_error(revoked.error());
  print_notice(fmt::format("\"{}\" is no longer in {}; a running server notices within seconds",
                           options.name, options.file));
  return 0;
}

}  // namespace trivet
