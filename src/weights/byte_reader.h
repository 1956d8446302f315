// Reads a file's bytes in order and never past their end.
#ifndef TRIVET_WEIGHTS_BYTE_READER_H_
#define TRIVET_WEIGHTS_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trivet {

// "FILE: FIELD at offset N: PROBLEM", as kDataLoss.
inline Error damaged(std::string_view file, std::string_view field, uint64_t offset,
                     std::string_view problem) {
  std::string message(file);
  message.append(": ").append(field).append(" at offset ").append(std::to_string(offset));
  message.append(": ").append(problem);
  return Error(ErrorCode::kDataLoss, std::move(message));
}

// Little endian. Reads give nothing where too few bytes are left, and then move nothing.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  template <class T>
  std::optional<T> read() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof value);
    offset_ += sizeof value;
    return value;
  }

  std::optional<std::span<const std::byte>> read_bytes(uint64_t size) {
    if (remaining() < size) return std::nullopt;
    const auto piece = bytes_.subspan(offset_, size);
    offset_ += size;
    return piece;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_BYTE_READER_H_
