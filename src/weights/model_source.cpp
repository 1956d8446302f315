#include "weights/model_source.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "base/mapped_file.h"
#include "weights/gguf/gguf_model.h"
#include "weights/json_document.h"
#include "weights/opened_model.h"
#include "weights/safetensors/hf_folder.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::array<std::string_view, 7> kTextNames = {
    "config.json",         "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "chat_template.json",     kIndexName};
constexpr size_t kMaxShards = 2000;

Result<std::unique_ptr<ModelSource>> open_gguf(MappedFile first) {
  TRIVET_ASSIGN_OR_RETURN(const auto paths, gguf_part_paths({first.path(), first.bytes()}));
  std::vector<MappedFile> mappings;
  mappings.push_back(std::move(first));
  for (size_t i = 1; i < paths.size(); ++i) {
    auto part = MappedFile::open(paths[i]);
    if (!part.ok()) {
      return part.error().with_context("part " + std::to_string(i + 1) + " of " +
                                       std::to_string(paths.size()));
    }
    mappings.push_back(std::move(*part));
  }
  std::vector<FileBytes> files;
  for (const MappedFile& mapping : mappings) files.push_back({mapping.path(), mapping.bytes()});
  TRIVET_ASSIGN_OR_RETURN(ModelParts parts, read_gguf_model(files));
  return make_model_source(std::move(parts), std::move(mappings));
}

// The texts of a model folder that exist.
Result<std::map<std::string, std::string>> read_texts(const fs::path& folder) {
  constexpr size_t kMaxTextBytes = size_t{256} << 20;
  std::map<std::string, std::string> texts;
  for (const std::string_view name : kTextNames) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    TRIVET_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path.string()));
    if (file.bytes().size() > kMaxTextBytes) {
      return Error(ErrorCode::kDataLoss, path.string() + ": is larger than 256 MiB");
    }
    texts.emplace(
        name, std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()));
  }
  return texts;
}

// File names in a sharded model's index, each once. Only plain names: an index must not lead
// elsewhere.
Result<std::vector<std::string>> shards_of_index(const std::string& text, const std::string& file) {
  TRIVET_ASSIGN_OR_RETURN(const auto index, parse_json_object(text, file));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    return Error(ErrorCode::kDataLoss, file + ": \"weight_map\": is missing or not an object");
  }
  std::vector<std::string> names;
  for (const auto& [tensor, shard] : map->items()) {
    const bool plain = shard.is_string() && !shard.get_ref<const std::string&>().empty() &&
                       shard.get_ref<const std::string&>().find('/') == std::string::npos;
    if (!plain) {
      return Error(ErrorCode::kDataLoss,
                   file + ": \"weight_map\": \"" + tensor + "\" is not in a file of the folder");
    }
    names.push_back(shard.get<std::string>());
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  if (names.empty() || names.size() > kMaxShards) {
    return Error(ErrorCode::kDataLoss,
                 file + ": \"weight_map\": names " + std::to_string(names.size()) + " files");
  }
  return names;
}

std::vector<std::string> files_ending_in(const fs::path& folder, std::string_view ending) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(ending)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> shard_names(const fs::path& folder,
                                             const std::map<std::string, std::string>& texts) {
  std::error_code ignored;
  if (const auto index = texts.find(std::string(kIndexName)); index != texts.end()) {
    return shards_of_index(index->second, (folder / kIndexName).string());
  }
  if (fs::exists(folder / "model.safetensors", ignored)) {
    return std::vector<std::string>{"model.safetensors"};
  }
  auto names = files_ending_in(folder, ".safetensors");
  if (names.size() == 1) return names;
  return Error(ErrorCode::kNotFound, folder.string() + ": has " + std::to_string(names.size()) +
                                         " .safetensors files and no " + std::string(kIndexName) +
                                         "; name the file to open");
}

// `only`: one file of the folder, or empty for all that belong to the model.
Result<std::unique_ptr<ModelSource>> open_safetensors(const fs::path& folder,
                                                      const std::string& only) {
  HfFolder hf;
  hf.path = folder.string();
  TRIVET_ASSIGN_OR_RETURN(hf.texts, read_texts(folder));
  std::vector<std::string> names = {only};
  const bool is_shard = only.find("-of-") != std::string::npos;
  if (only.empty() || (is_shard && hf.texts.contains(std::string(kIndexName)))) {
    TRIVET_ASSIGN_OR_RETURN(names, shard_names(folder, hf.texts));
  } else {
    hf.texts.erase(std::string(kIndexName));
  }
  std::vector<MappedFile> mappings;
  for (const std::string& name : names) {
    TRIVET_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open((folder / name).string()));
    mappings.push_back(std::move(file));
  }
  for (const MappedFile& mapping : mappings) {
    hf.shards.push_back({mapping.path(), mapping.bytes()});
  }
  TRIVET_ASSIGN_OR_RETURN(ModelParts parts, read_safetensors_model(hf));
  return make_model_source(std::move(parts), std::move(mappings));
}

// The one GGUF model of a folder: a whole file or the first part.
Result<std::string> gguf_in_folder(const fs::path& folder) {
  std::vector<std::string> first_parts;
  for (const std::string& name : files_ending_in(folder, ".gguf")) {
    const bool later_part =
        name.find("-of-") != std::string::npos && name.find("-00001-of-") == std::string::npos;
    if (!later_part) first_parts.push_back(name);
  }
  if (first_parts.size() == 1) return (folder / first_parts[0]).string();
  return Error(ErrorCode::kNotFound, folder.string() + ": has no config.json and " +
                                         std::to_string(first_parts.size()) +
                                         " .gguf models; name the file to open");
}

}  // namespace

Result<std::unique_ptr<ModelSource>> ModelSource::open(const std::string& path) {
  std::error_code ignored;
  const fs::path location(path);
  if (fs::is_directory(location, ignored)) {
    if (fs::exists(location / "config.json", ignored)) return open_safetensors(location, "");
    TRIVET_ASSIGN_OR_RETURN(const std::string gguf, gguf_in_folder(location));
    TRIVET_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(gguf));
    return open_gguf(std::move(file));
  }
  if (location.extension() == ".safetensors") {
    const fs::path folder = location.has_parent_path() ? location.parent_path() : fs::path(".");
    return open_safetensors(folder, location.filename().string());
  }
  TRIVET_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  return open_gguf(std::move(file));
}

}  // namespace trivet
