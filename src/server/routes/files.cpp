// The OpenAI Files API.
#include "api/files/file_json.h"
#include "api/files/multipart.h"
#include "server/http/query.h"
#include "server/plain_answer.h"
#include "server/route.h"
#include "server/routes/page_query.h"
#include "server/server_state.h"
#include "server/services/services.h"

namespace trivet::routes {
namespace {

constexpr size_t kMaxUploadBytes = 100 << 20;
constexpr int64_t kMaxContentBytes = 256 << 20;  // in one answer, since it is in memory
constexpr int kMaxListed = 10000;
constexpr size_t kMaxNameBytes = 255;

HttpResponse failure(const Error& error) { return error_response(to_api_error(error)); }

HttpResponse no_such_file() {
  return error_response(404, "NotFoundError", "there is no file with this id");
}

// What the form says of a file.
struct Upload {
  FileRecord record;
  std::optional<std::string_view> content;
};

Result<Upload> read_upload(const RouteCall& call) {
  const std::string* type = call.head.find("content-type");
  TRIVET_ASSIGN_OR_RETURN(const auto parts,
                          parse_multipart(type == nullptr ? "" : *type, call.body));
  Upload upload;
  std::optional<HttpResponse> not_a_number;
  for (const FormPart& part : parts) {
    if (part.name == "purpose") upload.record.purpose = part.content;
    if (part.name == "expires_after[seconds]") {
      const auto seconds = read_number("s=" + std::string(part.content), "s", not_a_number);
      if (!seconds || *seconds < 3600 || *seconds > 2592000) {
        return Error(ErrorCode::kInvalidArgument,
                     "`expires_after[seconds]` must be 3600 to 2592000");
      }
      upload.record.expires = call.context.unix_seconds + static_cast<int64_t>(*seconds);
    }
    if (part.name != "file") continue;
    upload.content = part.content;
    upload.record.filename = part.filename.value_or("");
  }
  if (!upload.content) return Error(ErrorCode::kInvalidArgument, "the form has no part \"file\"");
  const std::string& purpose = upload.record.purpose;
  if (purpose != "batch" && purpose != "user_data") {
    return Error(ErrorCode::kInvalidArgument, "`purpose` must be \"batch\" or \"user_data\"");
  }
  if (upload.record.filename.empty()) upload.record.filename = "file";
  if (upload.record.filename.size() > kMaxNameBytes) {
    return Error(ErrorCode::kInvalidArgument, "the filename is longer than 255 bytes");
  }
  return upload;
}

Answer upload(const RouteCall& call) {
  auto form = read_upload(call);
  if (!form) return failure(form.error());
  const auto state = call.server.services().state();
  if (!state) return failure(state.error());
  const auto file = (*state)->files().begin();
  if (!file) return failure(file.error());
  const auto written = (*file)->append(*form->content);
  if (!written) return failure(written.error());
  form->record.tenant = call.context.tenant;
  form->record.created = call.context.unix_seconds;
  const auto added = (*state)->files().add(**file, form->record);
  return added ? json_response(file_json(*added)) : failure(added.error());
}

Answer list_files(const RouteCall& call) {
  HttpResponse refusal;
  const auto page = read_page_query(call.query, kMaxListed, kMaxListed, refusal);
  if (!page) return refusal;
  const auto state = call.server.services().state();
  if (!state) return failure(state.error());
  auto found = (*state)->files().list({.tenant = call.context.tenant,
                                       .purpose = query_value(call.query, "purpose").value_or(""),
                                       .after = page->after,
                                       .limit = page->limit + 1,
                                       .newest_first = page->newest_first});
  if (!found) return failure(found.error());
  const bool has_more = found->size() > static_cast<size_t>(page->limit);
  if (has_more) found->pop_back();
  return json_response(file_list_json(*found, has_more));
}

// The file that the path names, or the answer that there is none.
std::variant<FileRecord, HttpResponse> find_file(const RouteCall& call, StateFolder*& folder) {
  const auto state = call.server.services().state();
  if (!state) return failure(state.error());
  folder = *state;
  const auto found = folder->files().find(call.path_parameter, call.context.tenant);
  if (!found) return failure(found.error());
  if (!*found) return no_such_file();
  return **found;
}

Answer get_file(const RouteCall& call) {
  StateFolder* folder = nullptr;
  const auto found = find_file(call, folder);
  if (const auto* refusal = std::get_if<HttpResponse>(&found)) return *refusal;
  return json_response(file_json(std::get<FileRecord>(found)));
}

struct ByteRange {
  int64_t first, last;  // both included
};

// "bytes=FIRST-LAST" or "bytes=FIRST-"; anything else is as if it were not there (RFC 9110 14.2).
std::optional<ByteRange> read_range(const HttpHead& head, int64_t size) {
  const std::string* field = head.find("range");
  if (field == nullptr || !field->starts_with("bytes=")) return std::nullopt;
  const size_t dash = field->find('-');
  if (dash == std::string::npos) return std::nullopt;
  std::optional<HttpResponse> wrong;
  const auto first = read_number("n=" + field->substr(6, dash - 6), "n", wrong);
  const std::string end = field->substr(dash + 1);
  const auto last =
      end.empty() ? std::optional<uint64_t>(INT64_MAX) : read_number("n=" + end, "n", wrong);
  if (!first || !last || *first > *last || *first >= static_cast<uint64_t>(size))
    return std::nullopt;
  return ByteRange{static_cast<int64_t>(*first), static_cast<int64_t>(std::min<uint64_t>(
                                                     *last, static_cast<uint64_t>(size - 1)))};
}

Answer content(const RouteCall& call) {
  StateFolder* folder = nullptr;
  const auto found = find_file(call, folder);
  if (const auto* refusal = std::get_if<HttpResponse>(&found)) return *refusal;
  const FileRecord& record = std::get<FileRecord>(found);
  const auto range = read_range(call.head, record.bytes);
  const ByteRange part = range.value_or(ByteRange{0, record.bytes - 1});
  const int64_t size = part.last - part.first + 1;
  if (size > kMaxContentBytes) {
    return error_response(413, "PayloadTooLargeError",
                          "ask for at most " + std::to_string(kMaxContentBytes) +
                              " bytes at once, with a Range header");
  }
  auto bytes = folder->files().read(record, part.first, size);
  if (!bytes) return failure(bytes.error());
  HttpResponse response = json_response(std::move(*bytes));
  // Whatever it is: never a page that a browser would run.
  response.content_type = "application/octet-stream";
  response.fields.emplace_back("Content-Disposition", "attachment");
  response.fields.emplace_back("Accept-Ranges", "bytes");
  if (!range) return response;
  response.status = 206;
  response.fields.emplace_back("Content-Range", "bytes " + std::to_string(part.first) + "-" +
                                                    std::to_string(part.last) + "/" +
                                                    std::to_string(record.bytes));
  return response;
}

Answer erase_file(const RouteCall& call) {
  const auto state = call.server.services().state();
  if (!state) return failure(state.error());
  const auto erased = (*state)->files().erase(call.path_parameter, call.context.tenant);
  if (!erased) return failure(erased.error());
  return *erased ? json_response(deleted_json(call.path_parameter, "file")) : no_such_file();
}

}  // namespace

Route files_route() {
  return {.method = "GET", .path = "/v1/files", .answer = list_files, .blocks = true};
}

Route file_upload_route() {
  return {.method = "POST",
          .path = "/v1/files",
          .answer = upload,
          .blocks = true,
          .max_body_bytes = kMaxUploadBytes};
}

Route file_route() {
  return {.method = "GET", .path = "/v1/files/{id}", .answer = get_file, .blocks = true};
}

Route file_content_route() {
  return {.method = "GET", .path = "/v1/files/{id}/content", .answer = content, .blocks = true};
}

Route file_delete_route() {
  return {.method = "DELETE", .path = "/v1/files/{id}", .answer = erase_file, .blocks = true};
}

}  // namespace trivet::routes
