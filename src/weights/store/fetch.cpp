#include "weights/store/fetch.h"

#include <algorithm>
#include <filesystem>

#include "base/mapped_file.h"
#include "weights/model_source.h"
#include "weights/store/download.h"
#include "weights/store/hub.h"
#include "weights/store/output_file.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

HttpClient make_client(const StoreOptions& options) {
  return HttpClient(
      {.connect_seconds = 30, .stall_seconds = options.stall_seconds, .max_redirects = 10});
}

// The file to open: the only or first part of a GGUF model, or nothing for a folder of safetensors.
std::string main_file(std::vector<ManifestFile> files) {
  std::ranges::sort(files, {}, &ManifestFile::name);
  for (const ManifestFile& file : files) {
    if (file.name.ends_with(".gguf")) return file.name;
  }
  return "";
}

std::string base_name(const HubFile& file) { return fs::path(file.name).filename().string(); }

// Of a file that an earlier attempt finished or began.
uint64_t bytes_present(const std::string& path) {
  for (const std::string& candidate : {path, path + ".partial"}) {
    std::error_code error;
    const uint64_t size = fs::file_size(candidate, error);
    if (!error) return size;
  }
  return 0;
}

Result<Manifest> fetch_hub(const PullSpec& spec, const std::string& folder,
                           const StoreOptions& options, const PullObserver& observer) {
  HttpClient client = make_client(options);
  PullReport report(observer, 0);
  report.start_phase("asking the hub");
  auto asked = read_hub_repository(client, options, spec.repository, spec.revision,
                                   [&] { return report.show(0); });
  if (!asked && asked.error().code() == ErrorCode::kCancelled) return pull_stopped();
  TRIVET_ASSIGN_OR_RETURN(const HubRepository repository, std::move(asked));
  TRIVET_ASSIGN_OR_RETURN(const auto files, select_hub_files(repository, spec.file));
  uint64_t total = 0, missing = 0;
  for (const HubFile& file : files) {
    const uint64_t bytes = file.bytes.value_or(0);
    total += bytes;
    missing += bytes - std::min(bytes, bytes_present(folder + "/" + base_name(file)));
  }
  TRIVET_RETURN_IF_ERROR(check_free_space(folder, missing));
  report.set_total(total);
  Manifest manifest;
  manifest.name = spec.name;
  manifest.source = "hf:" + repository.id + "@" + repository.commit;
  manifest.licence = repository.licence;
  for (const HubFile& file : files) {
    const std::string name = base_name(file);
    DownloadRequest request{.url = hub_file_url(options, repository, file),
                            .bearer_token = options.hub_token,
                            .path = folder + "/" + name,
                            .bytes = file.bytes,
                            .sha256 = file.sha256,
                            .git_blob_id = file.git_blob_id};
    TRIVET_ASSIGN_OR_RETURN(const DownloadedFile got, download(client, request, options, report));
    report.add_done(got.bytes);
    manifest.files.push_back({name, got.bytes, got.sha256});
  }
  manifest.main = main_file(manifest.files);
  return manifest;
}

Result<Manifest> fetch_url(const PullSpec& spec, const std::string& folder,
                           const StoreOptions& options, const PullObserver& observer) {
  HttpClient client = make_client(options);
  PullReport report(observer, 0);
  DownloadRequest request;
  request.url = spec.location;
  request.path = folder + "/model.gguf";
  TRIVET_ASSIGN_OR_RETURN(const DownloadedFile got, download(client, request, options, report));
  // No checksum is known: at least it must be a model.
  if (auto model = ModelSource::open(request.path); !model.ok()) {
    std::error_code ignored;
    fs::remove(request.path, ignored);
    return model.error().with_context("what came from " + source_of(spec) + " is not usable");
  }
  return Manifest{
      spec.name, source_of(spec), "", "model.gguf", {{"model.gguf", got.bytes, got.sha256}}};
}

Result<ManifestFile> copy_file(const fs::path& from, const std::string& folder,
                               PullReport& report) {
  const std::string name = from.filename().string();
  report.start_phase("copying " + name);
  TRIVET_ASSIGN_OR_RETURN(const MappedFile source, MappedFile::open(from.string()));
  TRIVET_ASSIGN_OR_RETURN(OutputFile copy, OutputFile::open(folder + "/" + name));
  TRIVET_RETURN_IF_ERROR(copy.truncate(0));
  Digest digest = Digest::sha256();
  constexpr size_t kPiece = size_t{4} << 20;
  for (auto rest = source.bytes(); !rest.empty();) {
    const auto piece = rest.first(std::min(kPiece, rest.size()));
    digest.add(piece);
    TRIVET_RETURN_IF_ERROR(copy.append(piece));
    source.drop(piece);
    rest = rest.subspan(piece.size());
    if (!report.show(copy.size())) return pull_stopped();
  }
  TRIVET_RETURN_IF_ERROR(copy.sync());
  report.add_done(copy.size());
  return ManifestFile{name, copy.size(), digest.finish_hex()};
}

bool belongs_to_a_model(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".safetensors" || extension == ".gguf" || extension == ".json" ||
         extension == ".jinja";
}

Result<Manifest> fetch_path(const PullSpec& spec, const std::string& folder,
                            const PullObserver& observer) {
  // Refuses what cannot be opened before anything is copied.
  TRIVET_ASSIGN_OR_RETURN(const auto model, ModelSource::open(spec.location));
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(spec.location, error)) {
    for (fs::directory_iterator entry(spec.location, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code ignored;
      if (entry->is_regular_file(ignored) && belongs_to_a_model(entry->path())) {
        files.push_back(entry->path());
      }
    }
  } else if (model->format() == "gguf") {
    files.push_back(spec.location);
  } else {
    return Error(ErrorCode::kInvalidArgument,
                 spec.location + ": name the folder of a safetensors model, not one of its files");
  }
  uint64_t total = 0;
  for (const fs::path& file : files) total += fs::file_size(file, error);
  TRIVET_RETURN_IF_ERROR(check_free_space(folder, total));
  PullReport report(observer, total);
  Manifest manifest{spec.name, source_of(spec), "", "", {}};
  for (const fs::path& file : files) {
    TRIVET_ASSIGN_OR_RETURN(ManifestFile copied, copy_file(file, folder, report));
    manifest.files.push_back(std::move(copied));
  }
  if (model->format() == "gguf") manifest.main = main_file(manifest.files);
  return manifest;
}

}  // namespace

Result<Manifest> fetch_model(const PullSpec& spec, const std::string& folder,
                             const StoreOptions& options, const PullObserver& observer) {
  switch (spec.kind) {
    case PullKind::kCatalog:
      return fetch_packages(*spec.catalog, folder, options, observer);
    case PullKind::kHub:
      return fetch_hub(spec, folder, options, observer);
    case PullKind::kUrl:
      return fetch_url(spec, folder, options, observer);
    case PullKind::kPath:
      return fetch_path(spec, folder, observer);
  }
  return Error(ErrorCode::kInternal, "unknown kind of source");
}

}  // namespace trivet
