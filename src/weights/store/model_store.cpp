#include "weights/model_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "weights/store/download.h"
#include "weights/store/fetch.h"
#include "weights/store/file_lock.h"
#include "weights/store/manifest.h"
#include "weights/store/output_file.h"
#include "weights/store/pull_spec.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

// Paths of one model. Folders of models and of unfinished pulls are on one file system, so that a
// rename moves a model in whole.
struct Places {
  fs::path root;
  std::string folder_name;

  fs::path model() const { return root / "models" / folder_name; }
  fs::path unfinished() const { return root / "unfinished" / folder_name; }
  fs::path source() const { return unfinished() / "trivet-source"; }  // of what is in unfinished()
  fs::path lock() const { return root / "locks" / (folder_name + ".lock"); }

  Result<void> make() const {
    for (const fs::path& folder : {model().parent_path(), unfinished(), lock().parent_path()}) {
      std::error_code error;
      fs::create_directories(folder, error);
      if (error) {
        return Error(ErrorCode::kPermissionDenied,
                     folder.string() + ": cannot make the folder: " + error.message());
      }
    }
    return {};
  }
};

Places places_of(const std::string& root, const std::string& name) {
  return {root, store_folder(name)};
}

// The path of the model that the spec means; nothing if its name is free.
Result<std::optional<std::string>> find_pulled(const Places& places, const PullSpec& spec) {
  const std::string folder = places.model().string();
  const auto manifest = read_manifest(folder);
  if (!manifest.ok() || !is_complete(folder, *manifest)) return std::optional<std::string>();
  if (comes_from(spec, manifest->source)) return std::optional(main_path(folder, *manifest));
  return Error(ErrorCode::kAlreadyExists,
               "\"" + spec.name + "\": the store has another model of this name, from " +
                   manifest->source + "; to replace it, first: trivet remove " + spec.name);
}

// What an earlier attempt left is of use only if it came from the same place.
Result<void> begin_unfinished(const Places& places, const PullSpec& spec) {
  std::string begun;
  std::getline(std::ifstream(places.source()), begun);
  const std::string source = source_of(spec);
  if (begun == source) return {};
  std::error_code error;
  fs::remove_all(places.unfinished(), error);
  TRIVET_RETURN_IF_ERROR(places.make());
  return write_file_atomically(places.source().string(), source);
}

std::optional<std::string> find_model(const std::string& root, const std::string& name) {
  if (!is_store_name(name)) return std::nullopt;
  const std::string folder = places_of(root, name).model().string();
  const auto manifest = read_manifest(folder);
  if (!manifest.ok() || !is_complete(folder, *manifest)) return std::nullopt;
  return main_path(folder, *manifest);
}

Result<void> move_in(const Places& places) {
  std::error_code error;
  fs::remove_all(places.model(), error);  // an incomplete one, or there would have been no pull
  fs::remove(places.source(), error);
  fs::rename(places.unfinished(), places.model(), error);
  if (!error) return {};
  return Error(ErrorCode::kInternal,
               places.model().string() + ": cannot put in place: " + error.message());
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

StoreOptions default_store_options() {
  StoreOptions options;
  const std::string cache = environment("XDG_CACHE_HOME"), home = environment("HOME");
  options.root =
      !cache.empty() ? cache + "/trivet" : (home.empty() ? "." : home) + "/.cache/trivet";
  if (std::string endpoint = environment("HF_ENDPOINT"); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    options.hub_endpoint = endpoint;
  }
  options.hub_token = environment("HF_TOKEN");
  return options;
}

Result<std::string> ModelStore::pull(const std::string& spec, const PullObserver& observer) const {
  TRIVET_ASSIGN_OR_RETURN(const PullSpec parsed, parse_pull_spec(spec));
  const Places places = places_of(options_.root, parsed.name);
  TRIVET_ASSIGN_OR_RETURN(auto present, find_pulled(places, parsed));
  if (present) return *present;
  TRIVET_RETURN_IF_ERROR(places.make());
  TRIVET_ASSIGN_OR_RETURN(const FileLock lock, FileLock::acquire(places.lock().string()));
  // Another pull may have ended while this one waited for nothing more than its lock.
  TRIVET_ASSIGN_OR_RETURN(present, find_pulled(places, parsed));
  if (present) return *present;
  TRIVET_RETURN_IF_ERROR(begin_unfinished(places, parsed));
  const std::string folder = places.unfinished().string();
  TRIVET_ASSIGN_OR_RETURN(const Manifest manifest, fetch_model(parsed, folder, options_, observer));
  TRIVET_RETURN_IF_ERROR(write_manifest(folder, manifest));
  TRIVET_RETURN_IF_ERROR(move_in(places));
  return main_path(places.model().string(), manifest);
}

Result<std::string> ModelStore::resolve(const std::string& name_or_path) const {
  const std::string name = name_or_path.starts_with("hf:") ? name_or_path.substr(3) : name_or_path;
  if (const auto present = find_model(options_.root, name)) return *present;
  std::error_code ignored;
  if (fs::exists(name_or_path, ignored)) return name_or_path;
  const bool known = name_or_path.starts_with("hf:") || find_in_catalog(name) != nullptr;
  if (known) {
    return Error(ErrorCode::kNotFound, "the model \"" + name_or_path +
                                           "\" is not on this machine; get it with: trivet pull " +
                                           name_or_path);
  }
  return Error(ErrorCode::kNotFound,
               "\"" + name_or_path + "\" is neither a path nor a model in " + options_.root +
                   "; get one with: trivet pull NAME (trivet list shows the names)");
}

std::vector<StoreEntry> ModelStore::list() const {
  std::vector<StoreEntry> entries;
  std::error_code error;
  for (fs::directory_iterator folder(fs::path(options_.root) / "models", error), end;
       !error && folder != end; folder.increment(error)) {
    const std::string path = folder->path().string();
    const auto manifest = read_manifest(path);
    if (!manifest.ok() || !is_complete(path, *manifest)) continue;
    StoreEntry entry{manifest->name, main_path(path, *manifest), 0, manifest->source,
                     manifest->licence};
    for (const ManifestFile& file : manifest->files) entry.bytes += file.bytes;
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, &StoreEntry::name);
  return entries;
}

Result<void> ModelStore::remove(const std::string& name_given) const {
  const std::string name = name_given.starts_with("hf:") ? name_given.substr(3) : name_given;
  if (!is_store_name(name)) {
    return Error(ErrorCode::kInvalidArgument, "\"" + name_given + "\" is not the name of a model");
  }
  const Places places = places_of(options_.root, name);
  std::error_code error;
  if (!fs::exists(places.model(), error) && !fs::exists(places.unfinished(), error)) {
    return Error(ErrorCode::kNotFound,
                 "the model \"" + name_given + "\" is not in " + options_.root);
  }
  TRIVET_RETURN_IF_ERROR(places.make());
  TRIVET_ASSIGN_OR_RETURN(const FileLock lock, FileLock::acquire(places.lock().string()));
  // The model vanishes at once; deleting its files takes longer and may be interrupted.
  fs::remove_all(places.unfinished(), error);
  if (fs::exists(places.model(), error)) fs::rename(places.model(), places.unfinished(), error);
  if (!error) fs::remove_all(places.unfinished(), error);
  if (!error) return {};
  return Error(ErrorCode::kInternal,
               places.model().string() + ": cannot remove: " + error.message());
}

}  // namespace trivet
