// Decodes the primitives of a GGUF file, each checked against the end of the bytes.
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_DECODER_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_DECODER_H_

#include <optional>
#include <string_view>

#include "weights/byte_reader.h"
#include "weights/gguf/gguf_header.h"

namespace trivet {

// Bytes of a value of fixed size; 0 for strings and arrays.
uint64_t gguf_fixed_bytes(GgufType type);

class GgufDecoder {
 public:
  GgufDecoder(std::span<const std::byte> bytes, std::string_view file)
      : reader_(bytes), file_(file) {}

  uint64_t offset() const { return reader_.offset(); }
  uint64_t remaining() const { return reader_.remaining(); }

  template <class T>
  Result<T> number(std::string_view field) {
    if (const auto value = reader_.read<T>()) return *value;
    return cut_off(field, sizeof(T));
  }

  // A 64-bit length and that many bytes.
  Result<std::string_view> string(std::string_view field);
  Result<GgufType> type(std::string_view field);
  Result<GgufValue> value(GgufType type, std::string_view field);

  Error error(std::string_view field, uint64_t offset, std::string_view problem) const {
    return damaged(file_, field, offset, problem);
  }

 private:
  Error cut_off(std::string_view field, uint64_t needed) const;
  Result<GgufScalar> scalar(GgufType type, std::string_view field);
  Result<GgufArray> array(std::string_view field, int depth);
  // Moves past `count` values of a type without a fixed size.
  Result<void> skip_elements(GgufType type, uint64_t count, std::string_view field, int depth);

  ByteReader reader_;
  std::string_view file_;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_DECODER_H_
