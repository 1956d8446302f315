#include <unordered_set>

#include "weights/architecture.h"
#include "weights/json_document.h"
#include "weights/safetensors/hf_folder.h"
#include "weights/safetensors/safetensors_header.h"

namespace trivet {
namespace {

TensorView view_of(const SafeTensor& tensor, std::string_view architecture) {
  TensorView view;
  view.name = canonical_hf_name(tensor.name, architecture);
  view.file_name = tensor.name;
  view.dtype = tensor.dtype;
  view.data = tensor.data;
  view.cols = tensor.shape.empty() ? 1 : tensor.shape.back();
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) view.rows *= tensor.shape[i];
  return view;
}

// Appends the shard's tensors; a tied model's copy of its embedding is left out.
Result<void> add_tensors(const SafetensorsHeader& shard, const std::string& path, ModelParts& parts,
                         std::unordered_set<std::string>& names) {
  for (const SafeTensor& tensor : shard.tensors) {
    TensorView view = view_of(tensor, parts.config.architecture);
    if (view.name == "output" && parts.config.tied_embeddings) continue;
    if (!names.insert(view.name).second) {
      return Error(ErrorCode::kDataLoss,
                   path + ": tensor \"" + tensor.name + "\": is in another file too");
    }
    parts.tensors.push_back(std::move(view));
  }
  return {};
}

void add_metadata(const HfFolder& folder, std::span<const SafetensorsHeader> shards,
                  ModelParts& parts) {
  const auto document = parse_json_object(folder.texts.at("config.json"), "config.json");
  if (document.ok()) {
    for (const auto& [key, value] : document->items()) {
      std::string shown = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      if (shown.size() > 4096) shown = json_text(shown);
      parts.metadata.push_back({"config." + key, "json", std::move(shown)});
    }
  }
  for (const SafetensorsHeader& shard : shards) {
    for (const auto& [key, value] : shard.metadata) {
      parts.metadata.push_back({"safetensors." + key, "string", json_text(value)});
    }
  }
}

// Every tensor that the index names must have come with the shards.
Result<void> check_index(const HfFolder& folder, const ModelParts& parts) {
  const auto found = folder.texts.find("model.safetensors.index.json");
  if (found == folder.texts.end()) return {};
  const std::string file = folder.path + "/" + found->first;
  TRIVET_ASSIGN_OR_RETURN(const auto index, parse_json_object(found->second, file));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) return {};
  std::unordered_set<std::string_view> present;
  for (const TensorView& tensor : parts.tensors) present.insert(tensor.file_name);
  for (const auto& [name, shard] : map->items()) {
    const bool left_out = parts.config.tied_embeddings &&
                          canonical_hf_name(name, parts.config.architecture) == "output";
    if (!left_out && !present.contains(name)) {
      return Error(ErrorCode::kDataLoss, file + ": \"weight_map\": no file holds the tensor \"" +
                                             name + "\"; download the model again");
    }
  }
  return {};
}

}  // namespace

Result<ModelParts> read_safetensors_model(const HfFolder& folder) {
  const auto config = folder.texts.find("config.json");
  if (config == folder.texts.end()) {
    return Error(ErrorCode::kNotFound,
                 folder.path + ": there is no config.json beside the weights");
  }
  ModelParts parts;
  parts.path = folder.path;
  parts.format = "safetensors";
  TRIVET_ASSIGN_OR_RETURN(parts.config,
                          read_hf_config(config->second, folder.path + "/config.json"));
  TRIVET_ASSIGN_OR_RETURN(parts.text, read_hf_text(folder));
  if (const auto found = folder.texts.find("generation_config.json"); found != folder.texts.end()) {
    TRIVET_ASSIGN_OR_RETURN(
        parts.generation,
        read_hf_generation(found->second, folder.path + "/generation_config.json"));
  }
  std::vector<SafetensorsHeader> shards;
  std::unordered_set<std::string> names;
  for (const FileBytes& file : folder.shards) {
    TRIVET_ASSIGN_OR_RETURN(SafetensorsHeader shard, parse_safetensors(file.bytes, file.path));
    TRIVET_RETURN_IF_ERROR(add_tensors(shard, file.path, parts, names));
    shards.push_back(std::move(shard));
  }
  TRIVET_RETURN_IF_ERROR(check_index(folder, parts));
  if (!names.contains("output")) parts.config.tied_embeddings = true;
  if (is_known_architecture(parts.config.architecture)) {
    TRIVET_RETURN_IF_ERROR(check_config(parts.config, config->first));
    TRIVET_RETURN_IF_ERROR(check_shapes(parts.config, parts.tensors, folder.path));
  }
  add_metadata(folder, shards, parts);
  std::vector<std::span<const std::byte>> headers = {std::as_bytes(std::span(config->second))};
  for (const SafetensorsHeader& shard : shards) headers.push_back(shard.header);
  parts.fingerprint = model_fingerprint(headers, folder.shards, parts.tensors);
  return parts;
}

}  // namespace trivet
