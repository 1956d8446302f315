#include "weights/store/download.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "weights/digest.h"
#include "weights/store/output_file.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct ContentRange {
  uint64_t begin;
  std::optional<uint64_t> total;
};

// "bytes 100-199/1000"
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
  const auto begin = parse_number(text.substr(0, dash));
  if (!begin) return std::nullopt;
  return ContentRange{*begin, parse_number(text.substr(slash + 1))};
}

// An entity tag that is a SHA-256, as the hub gives for large files.
std::optional<std::string> sha256_of_tag(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  const bool hex = std::ranges::all_of(
      tag, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex && tag.size() == 64 ? std::optional(std::string(tag)) : std::nullopt;
}

// State of one download over all its attempts.
class Download {
 public:
  Download(HttpClient& client, DownloadRequest request, const StoreOptions& options,
           PullReport& report)
      : client_(client),
        request_(std::move(request)),
        options_(options),
        report_(report),
        partial_path_(request_.path + ".partial"),
        tag_path_(request_.path + ".partial.etag") {}

  Result<DownloadedFile> run() {
    show_file();
    if (fs::exists(request_.path)) {
      auto present = check(request_.path);
      if (present.ok() || present.error().code() == ErrorCode::kCancelled) return present;
    }
    report_.start_phase("downloading " + fs::path(request_.path).filename().string());
    TRIVET_RETURN_IF_ERROR(fetch_all());
    auto checked = check(partial_path_);
    if (!checked.ok()) {
      if (checked.error().code() == ErrorCode::kDataLoss) forget_partial();
      return checked;
    }
    std::error_code error;
    fs::rename(partial_path_, request_.path, error);
    if (error) {
      return Error(ErrorCode::kInternal,
                   request_.path + ": cannot put in place: " + error.message());
    }
    fs::remove(tag_path_, error);
    return checked;
  }

 private:
  void show_file() {
    report_.set_file(fs::path(request_.path).filename().string(), request_.sha256.value_or(""),
                     request_.bytes.value_or(0));
  }

  // Attempts until all bytes are there.
  Result<void> fetch_all() {
    int failures = 0;
    int pause_ms = options_.first_pause_ms;
    while (true) {
      const uint64_t before = partial_bytes();
      if (request_.bytes && before == *request_.bytes) return {};
      if (request_.bytes && before > *request_.bytes) forget_partial();
      const Result<void> attempt = fetch_once();
      if (attempt.ok()) return {};
      const ErrorCode code = attempt.error().code();
      if (code == ErrorCode::kInvalidArgument && before > 0) {
        forget_partial();  // the server does not take the range
      } else if (code != ErrorCode::kUnavailable || local_problem_) {
        return attempt;
      }
      if (partial_bytes() > before) {
        failures = 0;
        pause_ms = options_.first_pause_ms;
      }
      if (++failures >= options_.max_attempts) {
        return Error(code, attempt.error().message() + "; gave up after " +
                               std::to_string(failures) +
                               " attempts; pull again to go on where it stopped");
      }
      TRIVET_RETURN_IF_ERROR(pause(pause_ms));
      pause_ms = std::min(pause_ms * 2, 30000);
    }
  }

  // Asks now and then whether the pull is still wanted.
  Result<void> pause(int milliseconds) {
    constexpr int kSliceMs = 200;
    const uint64_t done = partial_bytes();
    for (int left = milliseconds; left > 0; left -= kSliceMs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(left, kSliceMs)));
      if (!report_.show(done)) return pull_stopped();
    }
    return {};
  }

  Result<void> fetch_once() {
    TRIVET_ASSIGN_OR_RETURN(OutputFile file, OutputFile::open(partial_path_));
    HttpRequest request{request_.url, request_.bearer_token, file.size(), ""};
    if (file.size() > 0) request.if_range = read_tag();
    HttpSink sink;
    sink.begin = [&](const HttpReply& response) { return begin(response, file); };
    sink.body = [&](std::span<const std::byte> piece) -> Result<void> {
      if (request_.bytes && piece.size() > *request_.bytes - file.size()) {
        local_problem_ = true;
        return Error(ErrorCode::kDataLoss, shown_url(request_.url) +
                                               ": the server sent more than the " +
                                               std::to_string(*request_.bytes) + " bytes expected");
      }
      Result<void> written = file.append(piece);
      if (!written.ok()) local_problem_ = true;
      if (written.ok() && !report_.show(file.size())) return pull_stopped();
      return written;
    };
    sink.keep_going = [&] { return report_.show(file.size()); };
    const auto reply = client_.get(request, sink);
    if (!reply && reply.error().code() == ErrorCode::kCancelled) return pull_stopped();
    TRIVET_RETURN_IF_ERROR(reply);
    if (request_.bytes && file.size() < *request_.bytes) {
      return Error(ErrorCode::kUnavailable, shown_url(request_.url) +
                                                ": the transfer ended after " +
                                                std::to_string(file.size()) + " of " +
                                                std::to_string(*request_.bytes) + " bytes");
    }
    return file.sync();
  }

  // Learns size and checksum from the answer, and makes the file end where its body begins.
  Result<void> begin(const HttpReply& response, OutputFile& file) {
    std::optional<uint64_t> total;
    if (response.status == 206) {
      const auto range = parse_content_range(response.header("content-range").value_or(""));
      if (!range || range->begin != file.size()) {
        return Error(ErrorCode::kInvalidArgument,
                     shown_url(request_.url) + ": the server sent another range than asked for");
      }
      total = range->total;
    } else {
      TRIVET_RETURN_IF_ERROR(file.truncate(0));
      total = parse_number(response.header("content-length").value_or(""));
    }
    if (const auto linked = response.header("x-linked-size")) total = parse_number(*linked);
    if (total && request_.bytes && *total != *request_.bytes) {
      return Error(ErrorCode::kDataLoss, shown_url(request_.url) + ": has " +
                                             std::to_string(*total) + " bytes, not the " +
                                             std::to_string(*request_.bytes) + " expected");
    }
    if (!request_.bytes) request_.bytes = total;
    if (report_.total() == 0 && total) report_.set_total(*total);
    if (!request_.sha256) {
      request_.sha256 = sha256_of_tag(response.header("x-linked-etag").value_or(""));
    }
    show_file();
    const std::string tag = response.header("etag").value_or("");
    if (!tag.empty() && !tag.starts_with("W/")) std::ofstream(tag_path_) << tag;
    if (request_.bytes && *request_.bytes > file.size()) {
      return check_free_space(fs::path(request_.path).parent_path().string(),
                              *request_.bytes - file.size());
    }
    return {};
  }

  // Size and checksum of the file at `path`; kDataLoss if they are not those expected.
  Result<DownloadedFile> check(const std::string& path) {
    report_.start_phase("checking " + fs::path(request_.path).filename().string());
    if (!report_.show(0)) return pull_stopped();
    Digest sha256 = Digest::sha256();
    TRIVET_ASSIGN_OR_RETURN(const uint64_t bytes, digest_file(path, sha256, [&](uint64_t done) {
                              return report_.show(done);
                            }));
    DownloadedFile file{bytes, sha256.finish_hex()};
    const auto mismatch = [&](const std::string& what) {
      return Error(ErrorCode::kDataLoss, shown_url(request_.url) + ": " + what +
                                             "; the damaged download was deleted, pull again");
    };
    if (request_.bytes && bytes != *request_.bytes) {
      return mismatch("has " + std::to_string(bytes) + " bytes, not " +
                      std::to_string(*request_.bytes));
    }
    if (request_.sha256 && file.sha256 != *request_.sha256) {
      return mismatch("its sha256 is " + file.sha256 + ", not " + *request_.sha256);
    }
    if (!request_.sha256 && request_.git_blob_id) {
      Digest blob = Digest::sha1();
      blob.add("blob " + std::to_string(bytes) + std::string(1, '\0'));
      TRIVET_RETURN_IF_ERROR(digest_file(path, blob, {}));
      const std::string id = blob.finish_hex();
      if (id != *request_.git_blob_id) {
        return mismatch("its git id is " + id + ", not " + *request_.git_blob_id);
      }
    }
    return file;
  }

  uint64_t partial_bytes() const {
    std::error_code error;
    const auto size = fs::file_size(partial_path_, error);
    return error ? 0 : size;
  }

  void forget_partial() const {
    std::error_code ignored;
    fs::remove(partial_path_, ignored);
    fs::remove(tag_path_, ignored);
  }

  std::string read_tag() const {
    std::ifstream file(tag_path_);
    std::string tag;
    std::getline(file, tag);
    return tag.size() < 256 ? tag : "";
  }

  HttpClient& client_;
  DownloadRequest request_;
  const StoreOptions& options_;
  PullReport& report_;
  std::string partial_path_, tag_path_;
  bool local_problem_ = false;  // another attempt would not help
};

}  // namespace

Error pull_stopped() {
  return Error(ErrorCode::kCancelled, "the pull was stopped; pull again to go on where it stopped");
}

Result<DownloadedFile> download(HttpClient& client, const DownloadRequest& request,
                                const StoreOptions& options, PullReport& report) {
  return Download(client, request, options, report).run();
}

}  // namespace trivet
