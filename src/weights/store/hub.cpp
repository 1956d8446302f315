#include "weights/store/hub.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "weights/json_document.h"

namespace trivet {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswerBytes = size_t{16} << 20;
constexpr size_t kMaxFiles = 100000;
constexpr std::array<std::string_view, 7> kCompanions = {"config.json",
                                                         "generation_config.json",
                                                         "tokenizer.json",
                                                         "tokenizer_config.json",
                                                         "chat_template.jinja",
                                                         "chat_template.json",
                                                         "model.safetensors.index.json"};

bool is_hex(std::string_view text, size_t size) {
  return text.size() == size && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Relative, without "." and ".." parts, backslashes and control characters.
bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 1000 || path.front() == '/' || path.back() == '/') return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 32 || c == '\\' || c == 127) return false;
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

std::string text_or_empty(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<HubFile> parse_file(const json& entry, const std::string& id) {
  HubFile file;
  if (entry.is_object()) file.name = text_or_empty(entry, "rfilename");
  if (!is_safe_path(file.name)) {
    return Error(ErrorCode::kDataLoss, id + ": the hub lists a file with an unusable name");
  }
  const auto size = entry.find("size");
  if (size != entry.end() && size->is_number_unsigned()) file.bytes = size->get<uint64_t>();
  const std::string blob = text_or_empty(entry, "blobId");
  const auto lfs = entry.find("lfs");
  if (lfs != entry.end() && lfs->is_object()) {
    const std::string sha256 = text_or_empty(*lfs, "sha256");
    if (is_hex(sha256, 64)) file.sha256 = sha256;
  } else if (is_hex(blob, 40)) {
    file.git_blob_id = blob;
  }
  return file;
}

std::string licence_of(const json& document) {
  const auto tags = document.find("tags");
  if (tags == document.end() || !tags->is_array()) return "";
  for (const json& tag : *tags) {
    if (tag.is_string() && tag.get_ref<const std::string&>().starts_with("license:")) {
      return tag.get<std::string>().substr(8);
    }
  }
  return "";
}

// "m-00001-of-00003.gguf" -> "m-*-of-00003.gguf"; other names as they are.
std::string part_pattern(const std::string& name) {
  const size_t of = name.rfind("-of-");
  if (of == std::string::npos || of < 6 || name[of - 6] != '-') return name;
  return name.substr(0, of - 5) + "*" + name.substr(of);
}

bool in_folder(const std::string& name) { return name.find('/') != std::string::npos; }

Result<std::vector<HubFile>> select_named(const HubRepository& repository,
                                          const std::string& name) {
  std::vector<HubFile> files;
  for (const HubFile& file : repository.files) {
    if (part_pattern(file.name) == part_pattern(name)) files.push_back(file);
  }
  if (!files.empty()) return files;
  return Error(ErrorCode::kNotFound, repository.id + ": has no file \"" + name + "\"");
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// The GGUF models, parts of one as one pattern.
std::vector<std::string> gguf_models(const HubRepository& repository) {
  std::vector<std::string> models;
  for (const HubFile& file : repository.files) {
    const std::string pattern = part_pattern(file.name);
    if (file.name.ends_with(".gguf") && std::ranges::find(models, pattern) == models.end()) {
      models.push_back(pattern);
    }
  }
  return models;
}

Error has_several(const HubRepository& repository, const std::vector<std::string>& models) {
  std::string choice;
  for (const std::string& model : models) choice += "\n  " + model;
  return Error(ErrorCode::kInvalidArgument,
               repository.id + ": has several models; add one to the name, as in hf:" +
                   repository.id + "/FILE:" + choice);
}

// "Q4_K_M" means "m-Q4_K_M.gguf" if no other name holds it.
Result<std::vector<HubFile>> select_by_part(const HubRepository& repository,
                                            const std::string& part) {
  auto models = gguf_models(repository);
  std::erase_if(models, [&](const std::string& model) {
    return lower_case(model).find(lower_case(part)) == std::string::npos;
  });
  if (models.size() > 1) return has_several(repository, models);
  return select_named(repository, models.empty() ? part : models[0]);
}

std::vector<HubFile> select_safetensors(const HubRepository& repository) {
  const auto has = [&](std::string_view name) {
    return std::ranges::find(repository.files, name, &HubFile::name) != repository.files.end();
  };
  const bool sharded = has("model.safetensors.index.json"), whole = has("model.safetensors");
  std::vector<HubFile> files;
  for (const HubFile& file : repository.files) {
    if (in_folder(file.name)) continue;
    const bool companion = std::ranges::find(kCompanions, file.name) != kCompanions.end();
    bool weights = file.name.ends_with(".safetensors");
    if (sharded) {
      weights = weights && file.name.find("-of-") != std::string::npos;
    } else if (whole) {
      weights = file.name == "model.safetensors";
    }
    if (companion || weights) files.push_back(file);
  }
  return files;
}

}  // namespace

Result<HubRepository> parse_hub_repository(const std::string& text, const std::string& id,
                                           const std::string& revision) {
  TRIVET_ASSIGN_OR_RETURN(const json document,
                          parse_json_object(text, "the hub's answer about " + id,
                                            {.max_bytes = kMaxAnswerBytes, .max_depth = 64}));
  HubRepository repository;
  repository.id = id;
  repository.commit = text_or_empty(document, "sha");
  if (!is_hex(repository.commit, 40)) repository.commit = revision;
  repository.licence = licence_of(document);
  const auto siblings = document.find("siblings");
  if (siblings == document.end() || !siblings->is_array() || siblings->size() > kMaxFiles) {
    return Error(ErrorCode::kDataLoss, id + ": the hub's answer lists no files");
  }
  for (const json& entry : *siblings) {
    TRIVET_ASSIGN_OR_RETURN(HubFile file, parse_file(entry, id));
    repository.files.push_back(std::move(file));
  }
  return repository;
}

Result<HubRepository> read_hub_repository(HttpClient& client, const StoreOptions& options,
                                          const std::string& id, const std::string& revision,
                                          const std::function<bool()>& keep_going) {
  HttpRequest request;
  request.url = options.hub_endpoint + "/api/models/" + url_encode(id, true) + "/revision/" +
                url_encode(revision, false) + "?blobs=true";
  request.bearer_token = options.hub_token;
  TRIVET_ASSIGN_OR_RETURN(const std::string answer,
                          client.get_text(request, kMaxAnswerBytes, keep_going));
  return parse_hub_repository(answer, id, revision);
}

Result<std::vector<HubFile>> select_hub_files(const HubRepository& repository,
                                              const std::string& file) {
  if (!file.empty()) {
    const auto named = select_named(repository, file);
    return named ? named : select_by_part(repository, file);
  }
  const bool has_safetensors = std::ranges::any_of(repository.files, [](const HubFile& candidate) {
    return !in_folder(candidate.name) && candidate.name.ends_with(".safetensors");
  });
  if (has_safetensors) return select_safetensors(repository);
  const std::vector<std::string> models = gguf_models(repository);
  if (models.size() == 1) return select_named(repository, models[0]);
  if (models.empty()) {
    return Error(ErrorCode::kNotFound,
                 repository.id + ": has neither .safetensors nor .gguf files");
  }
  return has_several(repository, models);
}

std::string hub_file_url(const StoreOptions& options, const HubRepository& repository,
                         const HubFile& file) {
  return options.hub_endpoint + "/" + url_encode(repository.id, true) + "/resolve/" +
         url_encode(repository.commit, false) + "/" + url_encode(file.name, true);
}

}  // namespace trivet
