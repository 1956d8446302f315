#include "api/files/multipart.h"

#include <algorithm>

namespace trivet {
namespace {

constexpr size_t kMaxBoundary = 70;  // RFC 2046
constexpr size_t kMaxPartHead = 8 << 10;

Error wrong_form(const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "the body is not multipart/form-data: " + what);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

// The value of `; name=value` or `; name="value"` in a header; \" and \\ in quotes.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos) {
    at = header.find_first_not_of("; \t", at);
    if (at == std::string_view::npos) break;
    const size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) break;
    const bool wanted =
        equals - at == name.size() && starts_with_ignoring_case(header.substr(at), name);
    size_t end = equals + 1;
    std::string value;
    if (end < header.size() && header[end] == '"') {
      for (++end; end < header.size() && header[end] != '"'; ++end) {
        const bool escaped = header[end] == '\\' && end + 1 < header.size() &&
                             (header[end + 1] == '"' || header[end + 1] == '\\');
        if (escaped) ++end;
        value += header[end];
      }
      if (end >= header.size()) break;
    } else {
      const size_t stop = std::min(header.find_first_of("; \t", end), header.size());
      value = header.substr(end, stop - end);
      end = stop;
    }
    if (wanted) return value;
    at = header.find(';', end);
  }
  return std::nullopt;
}

// The Content-Disposition in the head of a part.
std::optional<std::string_view> disposition(std::string_view head) {
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    constexpr std::string_view kName = "content-disposition:";
    if (starts_with_ignoring_case(line, kName)) return line.substr(kName.size());
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return std::nullopt;
}

// Browsers write %22 for a quote in a filename, and escape nothing else that may be in one.
std::string with_quotes(std::string text) {
  for (size_t at = text.find("%22"); at != std::string::npos; at = text.find("%22", at + 1)) {
    text.replace(at, 3, "\"");
  }
  return text;
}

Result<FormPart> read_part(std::string_view part) {
  const size_t head_end = part.starts_with("\r\n") ? 0 : part.find("\r\n\r\n");
  if (head_end == std::string_view::npos || head_end > kMaxPartHead) {
    return wrong_form("a part has no end of its headers");
  }
  const auto header = disposition(part.substr(0, head_end));
  const auto name = header ? parameter(*header, "name") : std::nullopt;
  if (!name) return wrong_form("a part has no Content-Disposition with a name");
  FormPart form{.name = *name, .filename = parameter(*header, "filename")};
  if (form.filename) form.filename = with_quotes(*form.filename);
  form.content = part.substr(head_end == 0 ? 2 : head_end + 4);
  return form;
}

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                              std::string_view body) {
  if (!starts_with_ignoring_case(content_type, "multipart/form-data")) {
    return Error(ErrorCode::kInvalidArgument,
                 "the Content-Type must be multipart/form-data with a boundary");
  }
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary) {
    return wrong_form("the Content-Type names no boundary of 1 to 70 characters");
  }
  const std::string first = "--" + *boundary, next = "\r\n" + first;
  size_t at = body.starts_with(first) ? 0 : body.find(next);
  if (at == std::string_view::npos) return wrong_form("the boundary is not in it");
  at += at == 0 && body.starts_with(first) ? first.size() : next.size();
  std::vector<FormPart> parts;
  for (;;) {
    if (body.substr(at).starts_with("--")) return parts;
    if (!body.substr(at).starts_with("\r\n"))
      return wrong_form("a boundary is not followed by a line end");
    at += 2;
    const size_t end = body.find(next, at - 2);
    if (end == std::string_view::npos) return wrong_form("the last boundary is missing");
    if (parts.size() == kMaxFormParts) return wrong_form("it has too many parts");
    if (end < at) return wrong_form("a part is empty");
    TRIVET_ASSIGN_OR_RETURN(FormPart part, read_part(body.substr(at, end - at)));
    parts.push_back(std::move(part));
    at = end + next.size();
  }
}

}  // namespace trivet
