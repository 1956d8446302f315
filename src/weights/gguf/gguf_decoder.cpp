#include "weights/gguf/gguf_decoder.h"

#include <algorithm>

namespace trivet {
namespace {

constexpr int kMaxArrayDepth = 4;
constexpr uint64_t kArrayHeadBytes = 12;  // element type, count
constexpr uint64_t kStringHeadBytes = 8;  // length

}  // namespace

uint64_t gguf_fixed_bytes(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

std::string_view gguf_type_name(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
      return "uint8";
    case GgufType::kInt8:
      return "int8";
    case GgufType::kUint16:
      return "uint16";
    case GgufType::kInt16:
      return "int16";
    case GgufType::kUint32:
      return "uint32";
    case GgufType::kInt32:
      return "int32";
    case GgufType::kFloat32:
      return "float32";
    case GgufType::kBool:
      return "bool";
    case GgufType::kString:
      return "string";
    case GgufType::kArray:
      return "array";
    case GgufType::kUint64:
      return "uint64";
    case GgufType::kInt64:
      return "int64";
    case GgufType::kFloat64:
      return "float64";
  }
  return "unknown";
}

Error GgufDecoder::cut_off(std::string_view field, uint64_t needed) const {
  return error(field, offset(),
               "needs " + std::to_string(needed) + " bytes but the file ends after " +
                   std::to_string(remaining()) + "; it is cut off or damaged: download it again");
}

Result<std::string_view> GgufDecoder::string(std::string_view field) {
  TRIVET_ASSIGN_OR_RETURN(const uint64_t size, number<uint64_t>(field));
  if (const auto bytes = reader_.read_bytes(size)) return as_text(*bytes);
  return cut_off(field, size);
}

Result<GgufType> GgufDecoder::type(std::string_view field) {
  const uint64_t at = offset();
  TRIVET_ASSIGN_OR_RETURN(const uint32_t type, number<uint32_t>(field));
  if (type > static_cast<uint32_t>(GgufType::kFloat64)) {
    return error(field, at, "has the unknown value type " + std::to_string(type));
  }
  return static_cast<GgufType>(type);
}

Result<GgufScalar> GgufDecoder::scalar(GgufType type, std::string_view field) {
  const auto widen = [](auto result, auto as) -> Result<GgufScalar> {
    if (!result.ok()) return result.error();
    return GgufScalar(static_cast<decltype(as)>(*result));
  };
  switch (type) {
    case GgufType::kUint8:
      return widen(number<uint8_t>(field), uint64_t{});
    case GgufType::kUint16:
      return widen(number<uint16_t>(field), uint64_t{});
    case GgufType::kUint32:
      return widen(number<uint32_t>(field), uint64_t{});
    case GgufType::kUint64:
      return widen(number<uint64_t>(field), uint64_t{});
    case GgufType::kInt8:
      return widen(number<int8_t>(field), int64_t{});
    case GgufType::kInt16:
      return widen(number<int16_t>(field), int64_t{});
    case GgufType::kInt32:
      return widen(number<int32_t>(field), int64_t{});
    case GgufType::kInt64:
      return widen(number<int64_t>(field), int64_t{});
    case GgufType::kFloat32:
      return widen(number<float>(field), double{});
    case GgufType::kFloat64:
      return widen(number<double>(field), double{});
    case GgufType::kString:
      return widen(string(field), std::string_view{});
    case GgufType::kBool:
      break;
    case GgufType::kArray:
      return error(field, offset(), "is an array inside a list of values");
  }
  const uint64_t at = offset();
  TRIVET_ASSIGN_OR_RETURN(const uint8_t flag, number<uint8_t>(field));
  if (flag > 1) return error(field, at, "bool is " + std::to_string(flag) + ", not 0 or 1");
  return GgufScalar(flag == 1);
}

Result<GgufValue> GgufDecoder::value(GgufType type, std::string_view field) {
  if (type == GgufType::kArray) {
    TRIVET_ASSIGN_OR_RETURN(GgufArray elements, array(field, 1));
    return GgufValue(elements);
  }
  TRIVET_ASSIGN_OR_RETURN(const GgufScalar scalar_value, scalar(type, field));
  return std::visit([](auto plain) { return GgufValue(plain); }, scalar_value);
}

Result<GgufArray> GgufDecoder::array(std::string_view field, int depth) {
  const uint64_t at = offset();
  if (depth > kMaxArrayDepth) return error(field, at, "nests arrays too deeply");
  TRIVET_ASSIGN_OR_RETURN(const GgufType element, type(field));
  TRIVET_ASSIGN_OR_RETURN(const uint64_t count, number<uint64_t>(field));
  uint64_t least = gguf_fixed_bytes(element);
  if (element == GgufType::kString) least = kStringHeadBytes;
  if (element == GgufType::kArray) least = kArrayHeadBytes;
  if (count > remaining() / least) {
    return error(field, at,
                 "array of " + std::to_string(count) + " " + std::string(gguf_type_name(element)) +
                     " does not fit into the " + std::to_string(remaining()) +
                     " bytes that are left");
  }
  // Reading past and cutting the piece out afterwards keeps one walk for all element types.
  ByteReader begin = reader_;
  if (gguf_fixed_bytes(element) != 0) {
    (void)reader_.read_bytes(count * gguf_fixed_bytes(element));
  } else {
    TRIVET_RETURN_IF_ERROR(skip_elements(element, count, field, depth));
  }
  return GgufArray{element, count, *begin.read_bytes(reader_.offset() - begin.offset())};
}

Result<void> GgufDecoder::skip_elements(GgufType type, uint64_t count, std::string_view field,
                                        int depth) {
  for (uint64_t i = 0; i < count; ++i) {
    if (type == GgufType::kString) {
      TRIVET_RETURN_IF_ERROR(string(field));
    } else {
      TRIVET_RETURN_IF_ERROR(array(field, depth + 1));
    }
  }
  return {};
}

std::vector<GgufScalar> decode_elements(const GgufArray& array, uint64_t limit) {
  std::vector<GgufScalar> elements;
  if (array.type == GgufType::kArray) return elements;
  GgufDecoder decoder(array.data, "");
  for (uint64_t i = 0; i < std::min(array.count, limit); ++i) {
    auto value = decoder.value(array.type, "");
    if (!value.ok()) break;  // only a bool that is neither 0 nor 1
    std::visit(
        [&](auto plain) {
          if constexpr (!std::is_same_v<decltype(plain), GgufArray>) elements.emplace_back(plain);
        },
        *value);
  }
  return elements;
}

}  // namespace trivet
