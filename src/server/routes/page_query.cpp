#include "server/routes/page_query.h"

#include <charconv>

#include "server/http/query.h"

namespace trivet {

std::optional<uint64_t> read_number(std::string_view query, std::string_view name,
                                    std::optional<HttpResponse>& refusal) {
  const auto text = query_value(query, name);
  if (!text) return std::nullopt;
  uint64_t value = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && !text->empty()) return value;
  refusal = error_response(400, "BadRequestError",
                           "`" + std::string(name) + "` must be a number that is not negative");
  return std::nullopt;
}

std::optional<PageQuery> read_page_query(std::string_view query, int default_limit, int max_limit,
                                         HttpResponse& refusal) {
  PageQuery page;
  page.after = query_value(query, "after").value_or("");
  std::optional<HttpResponse> wrong;
  const uint64_t limit = read_number(query, "limit", wrong).value_or(default_limit);
  if (!wrong && (limit < 1 || limit > static_cast<uint64_t>(max_limit))) {
    wrong =
        error_response(400, "BadRequestError", "`limit` must be 1 to " + std::to_string(max_limit));
  }
  const std::string order = query_value(query, "order").value_or("desc");
  if (!wrong && order != "asc" && order != "desc") {
    wrong = error_response(400, "BadRequestError", "`order` must be asc or desc");
  }
  if (wrong) {
    refusal = *std::move(wrong);
    return std::nullopt;
  }
  page.limit = static_cast<int>(limit);
  page.newest_first = order == "desc";
  return page;
}

}  // namespace trivet
