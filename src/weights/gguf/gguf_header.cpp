#include "weights/gguf/gguf_header.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "weights/gguf/gguf_decoder.h"

namespace trivet {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr uint64_t kMaxKeyBytes = 65535;
constexpr uint64_t kMaxNameBytes = 1024;
constexpr uint64_t kLeastEntryBytes = 8 + 4 + 1;  // key length, type, value
constexpr uint64_t kLeastTensorBytes =
    8 + 4 + 8 + 4 + 8;  // name length, rank, one dimension, type, offset

struct TensorType {
  std::string_view name;
  std::optional<DType> dtype;  // empty: known to the format, but not read here
};

// Types by the numbers of the format.
std::optional<TensorType> tensor_type(uint32_t number) {
  switch (number) {
    case 0:
      return TensorType{"F32", DType::kF32};
    case 1:
      return TensorType{"F16", DType::kF16};
    case 2:
      return TensorType{"Q4_0", DType::kQ4_0};
    case 3:
      return TensorType{"Q4_1", DType::kQ4_1};
    case 6:
      return TensorType{"Q5_0", DType::kQ5_0};
    case 7:
      return TensorType{"Q5_1", DType::kQ5_1};
    case 8:
      return TensorType{"Q8_0", DType::kQ8_0};
    case 12:
      return TensorType{"Q4_K", DType::kQ4_K};
    case 13:
      return TensorType{"Q5_K", DType::kQ5_K};
    case 14:
      return TensorType{"Q6_K", DType::kQ6_K};
    case 26:
      return TensorType{"I32", DType::kI32};
    case 30:
      return TensorType{"BF16", DType::kBF16};
    case 9:
      return TensorType{"Q8_1", {}};
    case 10:
      return TensorType{"Q2_K", {}};
    case 11:
      return TensorType{"Q3_K", {}};
    case 15:
      return TensorType{"Q8_K", {}};
    case 16:
      return TensorType{"IQ2_XXS", {}};
    case 17:
      return TensorType{"IQ2_XS", {}};
    case 18:
      return TensorType{"IQ3_XXS", {}};
    case 19:
      return TensorType{"IQ1_S", {}};
    case 20:
      return TensorType{"IQ4_NL", {}};
    case 21:
      return TensorType{"IQ3_S", {}};
    case 22:
      return TensorType{"IQ2_S", {}};
    case 23:
      return TensorType{"IQ4_XS", {}};
    case 24:
      return TensorType{"I8", {}};
    case 25:
      return TensorType{"I16", {}};
    case 27:
      return TensorType{"I64", {}};
    case 28:
      return TensorType{"F64", {}};
    case 29:
      return TensorType{"IQ1_M", {}};
    case 34:
      return TensorType{"TQ1_0", {}};
    case 35:
      return TensorType{"TQ2_0", {}};
    case 39:
      return TensorType{"MXFP4", {}};
    default:
      return std::nullopt;
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 80)) {
    out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  }
  return out + (text.size() > 80 ? "...\"" : "\"");
}

struct Counts {
  uint32_t version;
  uint64_t tensors, entries;
};

Result<Counts> read_counts(GgufDecoder& in) {
  TRIVET_ASSIGN_OR_RETURN(const uint32_t magic, in.number<uint32_t>("magic"));
  if (magic != kMagic) return in.error("magic", 0, "is not \"GGUF\": this is not a GGUF file");
  TRIVET_ASSIGN_OR_RETURN(const uint32_t version, in.number<uint32_t>("version"));
  if (version != 0 && (version & 0xffff) == 0) {
    return in.error("version", 4, "the file is big-endian; convert it to little endian");
  }
  if (version != 2 && version != 3) {
    return in.error("version", 4,
                    "GGUF version " + std::to_string(version) +
                        " cannot be read, only 2 and 3; convert the model again");
  }
  TRIVET_ASSIGN_OR_RETURN(const uint64_t tensors, in.number<uint64_t>("tensor count"));
  TRIVET_ASSIGN_OR_RETURN(const uint64_t entries, in.number<uint64_t>("metadata count"));
  if (entries > in.remaining() / kLeastEntryBytes) {
    return in.error("metadata count", 16,
                    std::to_string(entries) + " entries do not fit into the file");
  }
  if (tensors > in.remaining() / kLeastTensorBytes) {
    return in.error("tensor count", 8,
                    std::to_string(tensors) + " tensors do not fit into the file");
  }
  return Counts{version, tensors, entries};
}

Result<GgufEntry> read_entry(GgufDecoder& in, uint64_t number) {
  const std::string field = "metadata entry " + std::to_string(number);
  const uint64_t at = in.offset();
  TRIVET_ASSIGN_OR_RETURN(const std::string_view key, in.string(field + " key"));
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return in.error(field + " key", at,
                    "has " + std::to_string(key.size()) + " bytes, not 1 to 65535");
  }
  const std::string name = "metadata " + quoted(key);
  TRIVET_ASSIGN_OR_RETURN(const GgufType type, in.type(name));
  const uint64_t value_at = in.offset();
  TRIVET_ASSIGN_OR_RETURN(const GgufValue value, in.value(type, name));
  return GgufEntry{key, type, value, value_at};
}

Result<uint64_t> read_alignment(const GgufDecoder& in, const GgufEntry* entry) {
  if (entry == nullptr) return kDefaultAlignment;
  const auto* alignment = std::get_if<uint64_t>(&entry->value);
  if (alignment == nullptr || !std::has_single_bit(*alignment) || *alignment < 8 ||
      *alignment > kMaxAlignment) {
    return in.error("metadata \"general.alignment\"", entry->offset,
                    "is not a power of two from 8 to 1048576");
  }
  return *alignment;
}

Result<DType> read_tensor_type(GgufDecoder& in, const std::string& field) {
  const uint64_t at = in.offset();
  TRIVET_ASSIGN_OR_RETURN(const uint32_t number, in.number<uint32_t>(field + " type"));
  const auto type = tensor_type(number);
  if (!type) return in.error(field + " type", at, "is unknown: " + std::to_string(number));
  if (type->dtype) return *type->dtype;
  return Error(ErrorCode::kUnimplemented,
               in.error(field + " type", at,
                        std::string(type->name) +
                            " is not supported; use a file quantized as Q4_0, Q4_1, Q5_0, Q5_1, "
                            "Q8_0, Q4_K, Q5_K or Q6_K")
                   .message());
}

// Shape of the tensor and the bytes it needs; the data offset is still relative.
Result<GgufTensor> read_tensor(GgufDecoder& in, uint64_t number) {
  GgufTensor tensor{};
  tensor.entry_offset = in.offset();
  std::string field = "tensor " + std::to_string(number);
  TRIVET_ASSIGN_OR_RETURN(tensor.name, in.string(field + " name"));
  if (tensor.name.empty() || tensor.name.size() > kMaxNameBytes) {
    return in.error(field + " name", tensor.entry_offset,
                    "has " + std::to_string(tensor.name.size()) + " bytes, not 1 to 1024");
  }
  field = "tensor " + quoted(tensor.name);
  uint64_t at = in.offset();
  TRIVET_ASSIGN_OR_RETURN(const uint32_t rank, in.number<uint32_t>(field + " rank"));
  if (rank < 1 || rank > 4) {
    return in.error(field + " rank", at, "is " + std::to_string(rank) + ", not 1 to 4");
  }
  tensor.num_dimensions = static_cast<int>(rank);
  tensor.dimensions.fill(1);
  at = in.offset();
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    TRIVET_ASSIGN_OR_RETURN(const int64_t size, in.number<int64_t>(field + " dimensions"));
    if (size < 1 || __builtin_mul_overflow(elements, size, &elements) ||
        elements > (int64_t{1} << 56)) {
      return in.error(field + " dimensions", at,
                      "dimension " + std::to_string(i) + " is " + std::to_string(size) +
                          "; the product is not a possible size");
    }
    tensor.dimensions[i] = size;
  }
  TRIVET_ASSIGN_OR_RETURN(tensor.dtype, read_tensor_type(in, field));
  const BlockShape block = block_shape(tensor.dtype);
  if (tensor.dimensions[0] % block.columns != 0) {
    return in.error(field + " dimensions", at,
                    std::to_string(tensor.dimensions[0]) + " columns are not whole blocks of " +
                        std::to_string(block.columns) + " (" +
                        std::string(dtype_name(tensor.dtype)) + ")");
  }
  tensor.data_bytes = static_cast<uint64_t>(elements / block.columns) * block.bytes;
  TRIVET_ASSIGN_OR_RETURN(tensor.data_begin, in.number<uint64_t>(field + " offset"));
  return tensor;
}

// Makes the tensor's offset absolute.
Result<void> place_tensor(const GgufDecoder& in, GgufTensor& tensor, uint64_t data_begin,
                          uint64_t file_bytes, uint64_t alignment) {
  const std::string field = "tensor " + quoted(tensor.name) + " offset";
  if (tensor.data_begin % alignment != 0) {
    return in.error(field, tensor.entry_offset,
                    std::to_string(tensor.data_begin) + " is not a multiple of the alignment " +
                        std::to_string(alignment));
  }
  const uint64_t room = file_bytes - data_begin;
  if (tensor.data_begin > room || tensor.data_bytes > room - tensor.data_begin) {
    return in.error(field, tensor.entry_offset,
                    "its " + std::to_string(tensor.data_bytes) + " bytes at " +
                        std::to_string(tensor.data_begin) + " of the data end beyond the file (" +
                        std::to_string(file_bytes) +
                        " bytes); the file is cut off or damaged: download it again");
  }
  tensor.data_begin += data_begin;
  return {};
}

Result<void> check_no_overlap(const GgufDecoder& in, std::span<const GgufTensor> tensors) {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, {}, &GgufTensor::data_begin);
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->data_begin + order[i - 1]->data_bytes > order[i]->data_begin) {
      return in.error("tensor " + quoted(order[i]->name) + " offset", order[i]->entry_offset,
                      "its data overlaps that of " + quoted(order[i - 1]->name));
    }
  }
  return {};
}

}  // namespace

Result<GgufHeader> GgufHeader::parse(std::span<const std::byte> file, std::string path) {
  GgufHeader header;
  header.path_ = std::move(path);
  GgufDecoder in(file, header.path_);
  TRIVET_ASSIGN_OR_RETURN(const Counts counts, read_counts(in));
  header.version_ = counts.version;
  for (uint64_t i = 0; i < counts.entries; ++i) {
    const uint64_t at = in.offset();
    TRIVET_ASSIGN_OR_RETURN(const GgufEntry entry, read_entry(in, i));
    if (!header.entry_index_.emplace(entry.key, header.entries_.size()).second) {
      return in.error("metadata " + quoted(entry.key), at, "appears twice");
    }
    header.entries_.push_back(entry);
  }
  for (uint64_t i = 0; i < counts.tensors; ++i) {
    TRIVET_ASSIGN_OR_RETURN(const GgufTensor tensor, read_tensor(in, i));
    if (!header.tensor_index_.emplace(tensor.name, header.tensors_.size()).second) {
      return in.error("tensor " + quoted(tensor.name), tensor.entry_offset, "appears twice");
    }
    header.tensors_.push_back(tensor);
  }
  TRIVET_ASSIGN_OR_RETURN(const uint64_t alignment,
                          read_alignment(in, header.find("general.alignment")));
  // A file without tensors (a vocabulary) may end before the padding.
  header.header_bytes_ =
      std::min<uint64_t>((in.offset() + alignment - 1) / alignment * alignment, file.size());
  for (GgufTensor& tensor : header.tensors_) {
    TRIVET_RETURN_IF_ERROR(place_tensor(in, tensor, header.header_bytes_, file.size(), alignment));
  }
  TRIVET_RETURN_IF_ERROR(check_no_overlap(in, header.tensors_));
  return header;
}

const GgufEntry* GgufHeader::find(std::string_view key) const {
  const auto found = entry_index_.find(key);
  return found == entry_index_.end() ? nullptr : &entries_[found->second];
}

const GgufTensor* GgufHeader::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace trivet
