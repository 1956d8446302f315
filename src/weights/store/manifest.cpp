#include "weights/store/manifest.h"

#include <algorithm>
#include <filesystem>

#include "base/mapped_file.h"
#include "weights/byte_reader.h"
#include "weights/json_document.h"
#include "weights/store/output_file.h"

namespace trivet {
namespace {

using nlohmann::json;

constexpr const char* kFileName = "/trivet-model.json";

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name[0] != '.';
}

}  // namespace

Result<Manifest> read_manifest(const std::string& folder) {
  const std::string path = folder + kFileName;
  TRIVET_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  TRIVET_ASSIGN_OR_RETURN(const json document, parse_json_object(as_text(file.bytes()), path));
  JsonKeys keys(document, path);
  Manifest manifest;
  manifest.name = keys.text("name").value_or("");
  manifest.source = keys.text("source").value_or("");
  manifest.licence = keys.text("licence").value_or("");
  manifest.main = keys.text("main").value_or("");
  TRIVET_RETURN_IF_ERROR(keys.status());
  const json* files = keys.find("files");
  if (files == nullptr || !files->is_array()) {
    return Error(ErrorCode::kDataLoss, path + ": \"files\": is not a list");
  }
  for (const json& entry : *files) {
    const json object = entry.is_object() ? entry : json::object();
    JsonKeys in(object, path);
    ManifestFile listed{in.text("name").value_or(""), 0, in.text("sha256").value_or("")};
    const json* bytes = in.find("bytes");
    if (!is_plain_name(listed.name) || bytes == nullptr || !bytes->is_number_unsigned()) {
      return Error(ErrorCode::kDataLoss, path + ": \"files\": has an unusable entry");
    }
    listed.bytes = bytes->get<uint64_t>();
    manifest.files.push_back(std::move(listed));
  }
  const bool main_listed =
      manifest.main.empty() ||
      std::ranges::find(manifest.files, manifest.main, &ManifestFile::name) != manifest.files.end();
  if (!main_listed) return Error(ErrorCode::kDataLoss, path + ": \"main\": is not among the files");
  return manifest;
}

Result<void> write_manifest(const std::string& folder, const Manifest& manifest) {
  json files = json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  const json document = {{"name", manifest.name},
                         {"source", manifest.source},
                         {"licence", manifest.licence},
                         {"main", manifest.main},
                         {"files", files}};
  return write_file_atomically(folder + kFileName,
                               document.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

bool is_complete(const std::string& folder, const Manifest& manifest) {
  return std::ranges::all_of(manifest.files, [&](const ManifestFile& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(folder + "/" + file.name, error);
    return !error && size == file.bytes;
  });
}

std::string main_path(const std::string& folder, const Manifest& manifest) {
  return manifest.main.empty() ? folder : folder + "/" + manifest.main;
}

}  // namespace trivet
