#include "model_access.h"

#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "terminal.h"
#include "weights/catalog.h"

namespace trivet {
namespace {

constexpr size_t kMaxTemplateBytes = 1 << 20;

Result<std::string> read_template(const std::string& path) {
  TRIVET_ASSIGN_OR_RETURN(std::string text, read_text_file(path));
  if (text.size() > kMaxTemplateBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: {} bytes is too long for a chat template (at most {})", path,
                             text.size(), kMaxTemplateBytes));
  }
  return text;
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || text.empty()) {
    return Error(ErrorCode::kInvalidArgument, path + ": cannot be read, or is empty");
  }
  return text;
}

Result<void> write_text_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return Error(ErrorCode::kInvalidArgument, path +
                                                ": cannot be written; name a file in a folder "
                                                "that exists and that you may write");
}

std::string program_folder() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return ".";
  return std::filesystem::path(std::string(path, static_cast<size_t>(length)))
      .parent_path()
      .string();
}

StoreOptions store_options(const std::string& folder) {
  StoreOptions options = default_store_options();
  if (!folder.empty()) options.root = folder;
  return options;
}

ModelStore open_store(const std::string& folder) { return ModelStore(store_options(folder)); }

Result<std::string> pull_with_progress(const ModelStore& store, const std::string& spec) {
  std::optional<ProgressBar> bar;
  std::string phase;
  return store.pull(spec, [&](const PullProgress& progress) {
    if (!bar || progress.phase != phase) {
      phase = progress.phase;
      bar.emplace(phase);
    }
    bar->update(progress.done_bytes, progress.total_bytes);
    return true;
  });
}

Result<std::string> find_model(const std::string& model, const std::string& store_folder) {
  const ModelStore store = open_store(store_folder);
  auto path = store.resolve(model);
  const bool fetchable = find_in_catalog(model) != nullptr || model.starts_with("hf:");
  if (path || !fetchable || path.error().code() != ErrorCode::kNotFound) return path;
  return pull_with_progress(store, model);
}

Result<LoadOptions> to_load_options(const ModelOptions& options) {
  LoadOptions load;
  TRIVET_ASSIGN_OR_RETURN(load.model_path, find_model(options.model, options.store));
  if (!options.memory.empty()) {
    TRIVET_ASSIGN_OR_RETURN(load.memory_bytes, parse_bytes(options.memory));
  }
  if (!options.chat_template.empty()) {
    TRIVET_ASSIGN_OR_RETURN(load.chat_template, read_template(options.chat_template));
  }
  load.plugin_folder = program_folder();
  load.backend = options.backend;
  load.reference_precision = options.precision == "reference";
  load.num_threads = options.threads;
  if (!options.isa.empty()) load.isa = options.isa;
  load.max_model_len = options.max_model_len;
  load.max_num_seqs = options.max_num_seqs;
  load.answer_bytes = options.answer_bytes;
  load.max_num_batched_tokens = options.max_num_batched_tokens;
  load.block_tokens = options.block_size;
  TRIVET_ASSIGN_OR_RETURN(load.kv_dtype, parse_kv_dtype(options.kv_dtype));
  load.disabled_passes = options.disabled_passes;
  return load;
}

Result<std::unique_ptr<LoadedModel>> load_with_progress(const ModelOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const LoadOptions load, to_load_options(options));
  std::optional<ProgressBar> bar;
  if (is_terminal(2)) bar.emplace("loading weights");
  TRIVET_ASSIGN_OR_RETURN(auto model, load_model(load, [&](uint64_t done, uint64_t total) {
                            if (bar) bar->update(done, total);
                          }));
  bar.reset();
  for (const std::string& notice : model->notices()) print_notice(notice);
  return model;
}

}  // namespace trivet
