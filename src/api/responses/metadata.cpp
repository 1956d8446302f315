#include "api/responses/metadata.h"

namespace trivet {
namespace {

constexpr size_t kMaxMetadataEntries = 16, kMaxMetadataNameBytes = 64, kMaxMetadataTextBytes = 512;

}  // namespace

std::optional<std::string> read_metadata(Fields& fields) {
  const auto metadata = fields.read_object("metadata");
  if (!metadata) return std::nullopt;
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  size_t count = 0;
  for (const auto field : *metadata) {
    std::string_view text;
    if (field.value.get(text) || field.key.size() > kMaxMetadataNameBytes ||
        text.size() > kMaxMetadataTextBytes || ++count > kMaxMetadataEntries) {
      fields.error().bad_request(
          "`metadata` must hold at most 16 strings of at most 512 bytes, with names of at most 64.",
          "metadata");
      return std::nullopt;
    }
    writer.key(field.key).string(text);
  }
  writer.end_object();
  return json;
}

}  // namespace trivet
