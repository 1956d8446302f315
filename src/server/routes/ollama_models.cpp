// The endpoints of the Ollama API about models on disk.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "api/ollama/ollama_api.h"
#include "api/ollama/pull_lines.h"
#include "server/plain_answer.h"
#include "server/routes/admin.h"
#include "server/server_state.h"
#include "server/services/model_pulls.h"
#include "server/services/services.h"
#include "weights/catalog.h"

namespace trivet::routes {
namespace {

constexpr std::string_view kNoTag = ":latest";

int64_t modified_seconds(const std::string& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

// What lies on the disk is nobody's business but an administrator's.
Answer list_models(const RouteCall& call) {
  std::vector<StoredModel> stored;
  if (!call.server.options().model_store.root.empty() && !refuse_unless_admin(call)) {
    for (const StoreEntry& entry : call.server.services().pulls().store().list()) {
      stored.push_back({entry.name, entry.bytes, modified_seconds(entry.path)});
    }
  }
  return plain_answer(answer_ollama_tags(call.model, stored));
}

// What a client of Ollama means: a name of the catalogue, or "hf.co/OWNER/REPO:FILE", where FILE
// may be a part of a name, such as Q4_K_M. Nothing else: paths and addresses are for those who run
// the server. Empty = neither.
std::string spec_of_ollama(std::string name) {
  if (name.ends_with(kNoTag)) name.resize(name.size() - kNoTag.size());
  for (const std::string_view host : {"hf.co/", "huggingface.co/", "hf:"}) {
    if (!name.starts_with(host)) continue;
    std::string repository = name.substr(host.size());
    std::replace(repository.begin(), repository.end(), ':', '/');
    return "hf:" + repository;
  }
  return find_in_catalog(name) != nullptr ? name : std::string();
}

// Both as /api/tags lists it and as it was pulled.
const StoreEntry* find_stored(const std::vector<StoreEntry>& entries, std::string_view name) {
  const std::string spec = spec_of_ollama(std::string(name));
  if (name.ends_with(kNoTag)) name.remove_suffix(kNoTag.size());
  for (const StoreEntry& entry : entries) {
    if (entry.name == name || entry.name == spec || "hf:" + entry.name == spec) return &entry;
  }
  return nullptr;
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

HttpResponse pulled_already(bool streamed) {
  HttpResponse response;
  response.body = "{\"status\":\"success\"}";
  if (!streamed) return response;
  response.content_type = "application/x-ndjson";
  response.body = ollama_status_line("pulling manifest") + OllamaPullLines::success();
  return response;
}

Answer pull_model(const RouteCall& call) {
  std::optional<ApiError> error;
  const auto asked = read_ollama_name(call.body, error);
  if (!asked) return error_response(*error);
  if (call.model != nullptr && !served_name(asked->name, *call.model).empty()) {
    return pulled_already(asked->stream);
  }
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  const std::string spec = spec_of_ollama(asked->name);
  if (spec.empty()) {
    return error_response(404, "NotFoundError",
                          "pull model manifest: '" + asked->name +
                              "' is not known here; name a model that `trivet list` shows, or "
                              "hf.co/OWNER/REPO[:FILE]");
  }
  auto log = call.server.services().pulls().start(spec, asked->stream);
  if (!log) return error_response(to_api_error(log.error()));
  return FeedCall{.log = *std::move(log), .ends_with_client = true, .takes_any_time = true};
}

Answer delete_model(const RouteCall& call) {
  std::optional<ApiError> error;
  const auto asked = read_ollama_name(call.body, error);
  if (!asked) return error_response(*error);
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  const ModelStore& store = call.server.services().pulls().store();
  const std::vector<StoreEntry> entries =
      store.root().empty() ? std::vector<StoreEntry>() : store.list();
  const StoreEntry* const entry = find_stored(entries, asked->name);
  const bool served_by_name =
      call.model != nullptr && !served_name(asked->name, *call.model).empty();
  const std::string& served_path = call.server.options().served_path;
  if (served_by_name || (entry != nullptr && is_same_file(entry->path, served_path))) {
    return error_response(409, "ConflictError",
                          "model '" + asked->name +
                              "' is being served; stop this server or serve another model before "
                              "deleting it");
  }
  if (entry == nullptr) return error_response(ollama_not_found(asked->name, nullptr));
  const auto removed = store.remove(entry->name);
  if (!removed) return error_response(to_api_error(removed.error()));
  HttpResponse response;
  response.content_type.clear();
  return response;
}

Route about_disk(std::string_view method, std::string_view path, AnswerFunction answer) {
  return {.method = method,
          .path = path,
          .answer = answer,
          .error_body = encode_ollama_error,
          .blocks = true};
}

}  // namespace

Route ollama_tags_route() { return about_disk("GET", "/api/tags", list_models); }
Route ollama_pull_route() { return about_disk("POST", "/api/pull", pull_model); }
Route ollama_delete_route() { return about_disk("DELETE", "/api/delete", delete_model); }

}  // namespace trivet::routes
