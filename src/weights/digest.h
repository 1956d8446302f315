// SHA-256 and SHA-1 (FIPS 180-4) over pieces.
#ifndef TRIVET_WEIGHTS_DIGEST_H_
#define TRIVET_WEIGHTS_DIGEST_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace trivet {

// Not thread-safe. Movable.
class Digest {
 public:
  static Digest sha256() { return Digest("SHA256"); }
  // SHA-1, only to compare with what git calls a blob.
  static Digest sha1() { return Digest("SHA1"); }

  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  // Lower-case hexadecimal of everything added. Call it once.
  std::string finish_hex();

 private:
  explicit Digest(const char* algorithm);

  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view text);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_DIGEST_H_
