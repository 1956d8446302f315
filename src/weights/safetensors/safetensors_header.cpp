#include "weights/safetensors/safetensors_header.h"

#include <algorithm>
#include <optional>

#include "weights/byte_reader.h"
#include "weights/json_document.h"

namespace trivet {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = uint64_t{32} << 20;
constexpr size_t kMaxRank = 8;
constexpr const char* kMetadataKey = "__metadata__";

Error wrong(const std::string& path, const std::string& name, const std::string& problem,
            ErrorCode code = ErrorCode::kDataLoss) {
  return Error(code, path + ": tensor \"" + name.substr(0, 200) + "\": " + problem);
}

std::optional<DType> dtype_of(std::string_view name) {
  if (name == "F32") return DType::kF32;
  if (name == "F16") return DType::kF16;
  if (name == "BF16") return DType::kBF16;
  if (name == "I32") return DType::kI32;
  return std::nullopt;
}

struct Extent {
  uint64_t begin, end;  // from the start of the data
};

// A list of whole numbers from 0, or nothing.
std::optional<std::vector<uint64_t>> whole_numbers(const json& object, const char* key,
                                                   size_t max_count) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array() || found->size() > max_count) {
    return std::nullopt;
  }
  std::vector<uint64_t> numbers;
  for (const json& element : *found) {
    if (!element.is_number_unsigned()) return std::nullopt;
    numbers.push_back(element.get<uint64_t>());
  }
  return numbers;
}

Result<std::vector<int64_t>> read_shape(const std::string& path, const std::string& name,
                                        const json& entry, uint64_t& elements) {
  const auto numbers = whole_numbers(entry, "shape", kMaxRank);
  if (!numbers) return wrong(path, name, "shape is not a list of at most 8 whole numbers");
  std::vector<int64_t> shape;
  elements = 1;
  for (const uint64_t size : *numbers) {
    if (size > (uint64_t{1} << 56) || __builtin_mul_overflow(elements, size, &elements) ||
        elements > (uint64_t{1} << 56)) {
      return wrong(path, name, "the product of its shape is not a possible size");
    }
    shape.push_back(static_cast<int64_t>(size));
  }
  return shape;
}

struct Placed {
  SafeTensor tensor;
  Extent extent;
};

Result<Placed> read_entry(const std::string& path, const std::string& name, const json& entry,
                          std::span<const std::byte> data) {
  if (!entry.is_object()) return wrong(path, name, "is not an object");
  const auto type = entry.find("dtype");
  if (type == entry.end() || !type->is_string()) return wrong(path, name, "lacks its dtype");
  const auto dtype = dtype_of(type->get_ref<const std::string&>());
  if (!dtype) {
    return wrong(path, name,
                 "dtype " + type->get<std::string>().substr(0, 40) +
                     " is not supported; use a model in F32, F16 or BF16",
                 ErrorCode::kUnimplemented);
  }
  uint64_t elements = 1;
  TRIVET_ASSIGN_OR_RETURN(auto shape, read_shape(path, name, entry, elements));
  const auto offsets = whole_numbers(entry, "data_offsets", 2);
  if (!offsets || offsets->size() != 2) {
    return wrong(path, name, "data_offsets is not a list of two whole numbers");
  }
  const Extent extent{(*offsets)[0], (*offsets)[1]};
  const std::string shown =
      "data_offsets [" + std::to_string(extent.begin) + ", " + std::to_string(extent.end) + "]";
  if (extent.begin > extent.end || extent.end > data.size()) {
    return wrong(path, name,
                 shown + " lie outside the " + std::to_string(data.size()) +
                     " bytes of data; the file is cut off or damaged: download it again");
  }
  if (extent.end - extent.begin != elements * block_shape(*dtype).bytes) {
    return wrong(path, name,
                 shown + " are not the " + std::to_string(elements * block_shape(*dtype).bytes) +
                     " bytes of its shape");
  }
  const auto piece = data.subspan(extent.begin, extent.end - extent.begin);
  return Placed{{name, *dtype, std::move(shape), piece}, extent};
}

Result<void> check_cover(const std::string& path, std::span<const Placed> placed, uint64_t size) {
  uint64_t end = 0;
  for (const Placed& entry : placed) {
    if (entry.extent.begin != end) {
      return wrong(path, entry.tensor.name,
                   "begins at " + std::to_string(entry.extent.begin) +
                       " of the data, but the one before ends at " + std::to_string(end));
    }
    end = entry.extent.end;
  }
  if (end == size) return {};
  return damaged(path, "data", end,
                 std::to_string(size - end) + " bytes belong to no tensor; the file is damaged");
}

Result<std::span<const std::byte>> read_header_bytes(ByteReader& in, const std::string& path) {
  const auto size = in.read<uint64_t>();
  if (!size) return damaged(path, "header length", 0, "the file is shorter than 8 bytes");
  if (*size > kMaxHeaderBytes) {
    return damaged(path, "header length", 0,
                   std::to_string(*size) +
                       " is more than the 32 MiB allowed: this is not a "
                       "safetensors file, or it is damaged");
  }
  const auto bytes = in.read_bytes(*size);
  if (!bytes) {
    return damaged(path, "header length", 0,
                   std::to_string(*size) + " bytes of header, but only " +
                       std::to_string(in.remaining()) +
                       " are left; the file is cut off: download it again");
  }
  if (bytes->empty() || as_text(*bytes).front() != '{') {
    return damaged(path, "header", 8, "does not begin with '{'");
  }
  return *bytes;
}

Result<std::map<std::string, std::string>> read_metadata(const std::string& path,
                                                         const json& document) {
  std::map<std::string, std::string> metadata;
  const auto found = document.find(kMetadataKey);
  if (found == document.end()) return metadata;
  if (!found->is_object()) return wrong(path, kMetadataKey, "is not an object");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) return wrong(path, kMetadataKey, "\"" + key + "\" is not a string");
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file,
                                            const std::string& path) {
  ByteReader in(file);
  TRIVET_ASSIGN_OR_RETURN(const auto text, read_header_bytes(in, path));
  TRIVET_ASSIGN_OR_RETURN(const json document,
                          parse_json_object(as_text(text), path + ": header",
                                            {.max_bytes = kMaxHeaderBytes, .max_depth = 4}));
  SafetensorsHeader header;
  header.header = file.first(in.offset());
  TRIVET_ASSIGN_OR_RETURN(header.metadata, read_metadata(path, document));
  const auto data = file.subspan(in.offset());
  std::vector<Placed> placed;
  for (const auto& [name, entry] : document.items()) {
    if (name == kMetadataKey) continue;
    TRIVET_ASSIGN_OR_RETURN(Placed tensor, read_entry(path, name, entry, data));
    placed.push_back(std::move(tensor));
  }
  // Empty tensors sort before the one that begins where they do.
  std::ranges::sort(placed, [](const Placed& a, const Placed& b) {
    return std::pair(a.extent.begin, a.extent.end) < std::pair(b.extent.begin, b.extent.end);
  });
  TRIVET_RETURN_IF_ERROR(check_cover(path, placed, data.size()));
  for (Placed& entry : placed) header.tensors.push_back(std::move(entry.tensor));
  return header;
}

}  // namespace trivet
