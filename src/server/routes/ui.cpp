#include <algorithm>

#include "server/page_files.h"
#include "server/route.h"

namespace trivet::routes {
namespace {

// Nothing but the page's own files runs or shows; it may talk to other servers, as a chat can
// compare several of them.
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' http: https:; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// Always compressed: every browser takes it, and the plain form is not in the program.
HttpResponse file_response(const PageFile& file) {
  HttpResponse response;
  response.content_type = file.content_type;
  response.body = file.bytes;
  response.fields = {
      {"Content-Encoding", "gzip"},
      {"ETag", std::string(file.etag)},
      {"Cache-Control",
       file.is_permanent ? "public, max-age=31536000, immutable" : "public, no-cache"},
      {"Content-Security-Policy", std::string(kPagePolicy)},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Referrer-Policy", "no-referrer"},
  };
  return response;
}

Answer answer_file(std::string_view path) {
  const std::span<const PageFile> files = page_files();
  const auto file = std::ranges::find(files, path, &PageFile::path);
  if (file != files.end()) return file_response(*file);
  return error_response(404, "NotFoundError", "the page has no such file");
}

Answer answer_page(const RouteCall&) { return answer_file(""); }

Answer answer_part(const RouteCall& call) {
  if (call.path_parameter.empty()) return error_response(404, "NotFoundError", "the page is at /");
  return answer_file(call.path_parameter);
}

}  // namespace

Route page_route() {
  return {.method = "GET", .path = "/", .answer = answer_page, .is_open = true};
}

Route page_file_route() {
  return {.method = "GET", .path = "/ui/{file}", .answer = answer_part, .is_open = true};
}

}  // namespace trivet::routes
