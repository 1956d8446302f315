#include "weights/digest.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "base/hex.h"

namespace trivet {

struct Digest::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Digest::Digest(const char* algorithm) : context_(std::make_unique<Context>()) {
  TRIVET_CHECK(context_->state != nullptr);
  TRIVET_CHECK(EVP_DigestInit_ex(context_->state.get(), EVP_get_digestbyname(algorithm), nullptr) ==
               1);
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::add(std::span<const std::byte> bytes) {
  TRIVET_CHECK(EVP_DigestUpdate(context_->state.get(), bytes.data(), bytes.size()) == 1);
}

void Digest::add(std::string_view text) { add(std::as_bytes(std::span(text))); }

std::string Digest::finish_hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TRIVET_CHECK(EVP_DigestFinal_ex(context_->state.get(), bytes, &size) == 1);
  return to_hex({bytes, size});
}

std::string sha256_hex(std::string_view text) {
  Digest digest = Digest::sha256();
  digest.add(text);
  return digest.finish_hex();
}

}  // namespace trivet
