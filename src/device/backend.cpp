#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "device/device.h"

namespace trivet {
namespace {

constexpr std::string_view kPluginPrefix = "libtrivet_backend_";
constexpr std::string_view kPluginSuffix = ".so";

// What a backend of ABI 1.0 must at least have written: everything before the optional entries at
// the end.
constexpr size_t kMandatoryBytes = offsetof(trivet_backend, measure_limit);

Error bad_table(const std::string& what) {
  return Error(ErrorCode::kUnimplemented,
               what + "; rebuild the backend against this version's trivet/backend.h");
}

struct Entry {
  const char* name;
  bool present;
};

Result<void> check_entries(const trivet_backend& t) {
  const Entry mandatory[] = {
      {"name", t.name != nullptr},
      {"version", t.version != nullptr},
      {"score", t.score != nullptr},
      {"device_create", t.device_create != nullptr},
      {"device_destroy", t.device_destroy != nullptr},
      {"device_info", t.device_info != nullptr},
      {"memory_allocate", t.memory_allocate != nullptr},
      {"memory_free", t.memory_free != nullptr},
      {"memory_copy", t.memory_copy != nullptr},
      {"weight_bytes", t.weight_bytes != nullptr},
      {"weight_create", t.weight_create != nullptr},
      {"weight_destroy", t.weight_destroy != nullptr},
      {"kv_block_bytes", t.kv_block_bytes != nullptr},
      {"op_supported", t.op_supported != nullptr},
      {"op_create", t.op_create != nullptr},
      {"op_workspace_bytes", t.op_workspace_bytes != nullptr},
      {"op_run", t.op_run != nullptr},
      {"op_destroy", t.op_destroy != nullptr},
  };
  for (const Entry& entry : mandatory)
    if (!entry.present)
      return bad_table("the backend's table has no entry '" + std::string(entry.name) + "'");
  const bool streams[] = {t.stream_create != nullptr,      t.stream_destroy != nullptr,
                          t.stream_synchronize != nullptr, t.event_create != nullptr,
                          t.event_destroy != nullptr,      t.event_record != nullptr,
                          t.event_wait != nullptr};
  const auto given = std::count(std::begin(streams), std::end(streams), true);
  if (given != 0 && given != std::ssize(streams))
    return bad_table("the backend's table has only some of the stream and event entries (" +
                     std::to_string(given) + " of " + std::to_string(std::size(streams)) +
                     "); give all or none");
  return {};
}

// Copies what both sides know, after checking that it may be read.
Result<trivet_backend> read_table(const trivet_backend* table) {
  if (table == nullptr)
    return bad_table("the backend cannot serve host version " +
                     std::to_string(TRIVET_BACKEND_ABI_MAJOR) + "." +
                     std::to_string(TRIVET_BACKEND_ABI_MINOR));
  const size_t version_bytes = offsetof(trivet_backend, abi_minor) + sizeof(uint32_t);
  if (table->size < version_bytes)
    return bad_table("the backend's table has a size of " + std::to_string(table->size) + " bytes");
  if (table->abi_major != TRIVET_BACKEND_ABI_MAJOR)
    return bad_table("the backend has ABI " + std::to_string(table->abi_major) + "." +
                     std::to_string(table->abi_minor) + ", this host needs major version " +
                     std::to_string(TRIVET_BACKEND_ABI_MAJOR));
  if (table->size < kMandatoryBytes)
    return bad_table("the backend's table has a size of " + std::to_string(table->size) +
                     " bytes, at least " + std::to_string(kMandatoryBytes) + " are needed");
  trivet_backend copy{};
  std::memcpy(&copy, table, std::min(table->size, sizeof copy));
  copy.size = sizeof copy;
  TRIVET_RETURN_IF_ERROR(check_entries(copy));
  return copy;
}

bool is_plugin_name(std::string_view name) {
  return name.size() > kPluginPrefix.size() + kPluginSuffix.size() &&
         name.starts_with(kPluginPrefix) && name.ends_with(kPluginSuffix);
}

std::vector<std::string> plugin_paths(const std::string& folder,
                                      std::vector<std::string>* warnings) {
  std::vector<std::string> paths;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error), end;
  while (!error && entry != end) {
    if (is_plugin_name(entry->path().filename().string())) paths.push_back(entry->path().string());
    entry.increment(error);
  }
  if (error && warnings)
    warnings->push_back("cannot list the backend folder '" + folder + "': " + error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<std::shared_ptr<Backend>> Backend::adopt(const trivet_backend* table, void* library) {
  TRIVET_ASSIGN_OR_RETURN(trivet_backend copy, read_table(table));
  return std::shared_ptr<Backend>(new Backend(copy, library));
}

Result<std::shared_ptr<Backend>> Backend::from_table(const trivet_backend* table) {
  return adopt(table, nullptr);
}

Result<std::shared_ptr<Backend>> Backend::load(const std::string& path) {
  // A path without '/' would be searched for in the system's library folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  const std::string context = "backend '" + path + "'";
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Error(ErrorCode::kNotFound,
                 context + " cannot be loaded: " + (reason ? reason : "unknown reason"));
  }
  auto get = reinterpret_cast<trivet_backend_get_fn>(dlsym(library, "trivet_backend_get"));
  if (get == nullptr) {
    dlclose(library);
    return Error(ErrorCode::kUnimplemented,
                 context + " does not export 'trivet_backend_get': it is no Trivet backend");
  }
  auto backend = adopt(get(TRIVET_BACKEND_ABI_MAJOR, TRIVET_BACKEND_ABI_MINOR), library);
  if (!backend) {
    dlclose(library);
    return backend.error().with_context(context);
  }
  return backend;
}

std::vector<std::shared_ptr<Backend>> Backend::discover(const std::string& folder,
                                                        std::vector<std::string>* warnings) {
  struct Scored {
    int32_t score;
    std::shared_ptr<Backend> backend;
  };
  std::vector<Scored> found;
  for (const std::string& path : plugin_paths(folder, warnings)) {
    auto backend = load(path);
    if (!backend) {
      if (warnings) warnings->push_back(backend.error().message());
      continue;
    }
    const int32_t score = (*backend)->table().score();
    if (score > 0) found.push_back({score, std::move(*backend)});
  }
  std::sort(found.begin(), found.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.backend->name() < b.backend->name();
  });
  std::vector<std::shared_ptr<Backend>> backends;
  for (Scored& scored : found) backends.push_back(std::move(scored.backend));
  return backends;
}

Backend::~Backend() {
  if (library_ != nullptr) dlclose(library_);
}

}  // namespace trivet
