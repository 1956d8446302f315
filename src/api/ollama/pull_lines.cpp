#include "api/ollama/pull_lines.h"

#include <utility>

#include "api/json_writer.h"

namespace trivet {
namespace {

constexpr std::string_view kManifestStatus = "pulling manifest";
constexpr std::string_view kCheckStatus = "verifying sha256 digest";
constexpr size_t kShownDigits = 12;  // of a digest, in the status

bool is_check(std::string_view phase) { return phase.starts_with("checking "); }

}  // namespace

std::string ollama_status_line(std::string_view status) {
  std::string line;
  JsonWriter(line).begin_object().key("status").string(status).end_object();
  return line + "\n";
}

std::string OllamaPullLines::success() {
  return ollama_status_line("writing manifest") + ollama_status_line("success");
}

std::string OllamaPullLines::line_of(const File& file) const {
  const std::string_view shown = file.sha256.empty()
                                     ? std::string_view(file.name)
                                     : std::string_view(file.sha256).substr(0, kShownDigits);
  std::string line;
  JsonWriter writer(line);
  writer.begin_object().key("status").string("pulling " + std::string(shown));
  if (!file.sha256.empty()) writer.key("digest").string("sha256:" + file.sha256);
  if (file.total > 0) writer.key("total").integer(static_cast<int64_t>(file.total));
  if (file.completed > 0) writer.key("completed").integer(static_cast<int64_t>(file.completed));
  writer.end_object();
  return line + "\n";
}

std::string OllamaPullLines::end_file() {
  File ended = std::exchange(file_, {});
  if (ended.name.empty() || ended.total == 0 || ended.completed == ended.total) return {};
  ended.completed = ended.total;
  return line_of(ended);
}

std::string OllamaPullLines::newest() const {
  return ollama_status_line(kManifestStatus) + (file_.name.empty() ? "" : line_of(file_));
}

std::string OllamaPullLines::take(const PullProgress& progress, TimePoint now) {
  const bool new_phase = progress.phase != last_phase_;
  if (!new_phase && now - last_line_ < kInterval) return {};
  last_line_ = now;
  if (new_phase) last_phase_ = progress.phase;
  if (is_check(progress.phase)) {
    return new_phase ? end_file() + ollama_status_line(kCheckStatus) : std::string();
  }
  if (progress.file.empty()) return {};  // said already: the manifest
  std::string lines;
  if (progress.file != file_.name) lines = end_file();
  file_ = {std::string(progress.file), std::string(progress.sha256), progress.file_done_bytes,
           progress.file_total_bytes};
  return lines + line_of(file_);
}

}  // namespace trivet
