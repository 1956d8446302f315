// The header of a GGUF file: key/value metadata and the table of tensors.
// Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_HEADER_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_HEADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace trivet {

enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

std::string_view gguf_type_name(GgufType type);  // "uint32"

// Elements stay encoded; all of them have been checked to lie inside the file.
struct GgufArray {
  GgufType type;
  uint64_t count;
  std::span<const std::byte> data;
};

using GgufScalar = std::variant<uint64_t, int64_t, double, bool, std::string_view>;
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

struct GgufEntry {
  std::string_view key;
  GgufType type;
  GgufValue value;
  uint64_t offset;  // of the value in the file
};

struct GgufTensor {
  std::string_view name;
  DType dtype;
  int num_dimensions;
  std::array<int64_t, 4> dimensions;  // columns first; 1 beyond num_dimensions
  uint64_t data_begin;                // in the file
  uint64_t data_bytes;
  uint64_t entry_offset;  // of its entry in the table
};

// A view: everything points into the bytes that were parsed. Immutable and thread-safe.
class GgufHeader {
 public:
  // Checks every length, count, type and offset against the file; nothing is trusted and nothing is
  // allocated in proportion to a number that the bytes do not back. `path` is for messages.
  static Result<GgufHeader> parse(std::span<const std::byte> file, std::string path);

  const std::string& path() const { return path_; }
  uint32_t version() const { return version_; }
  std::span<const GgufEntry> entries() const { return entries_; }
  std::span<const GgufTensor> tensors() const { return tensors_; }
  // Bytes from the start of the file to the first tensor.
  uint64_t header_bytes() const { return header_bytes_; }

  const GgufEntry* find(std::string_view key) const;  // nullptr = absent
  const GgufTensor* find_tensor(std::string_view name) const;

 private:
  std::string path_;
  uint32_t version_ = 0;
  uint64_t header_bytes_ = 0;
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, size_t> entry_index_;
  std::unordered_map<std::string_view, size_t> tensor_index_;
};

// The first `limit` elements, for display. Elements that are arrays themselves are left out.
std::vector<GgufScalar> decode_elements(const GgufArray& array, uint64_t limit);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_HEADER_H_
