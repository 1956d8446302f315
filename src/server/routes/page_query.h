// Which part of a list a client asks for.
#ifndef TRIVET_SERVER_ROUTES_PAGE_QUERY_H_
#define TRIVET_SERVER_ROUTES_PAGE_QUERY_H_

#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace trivet {

struct PageQuery {
  std::string after;  // id; empty = from the start
  int limit = 0;
  bool newest_first = true;
};

// ?after=ID&limit=N&order=asc|desc. Absent and `refusal` set: something in it is wrong.
std::optional<PageQuery> read_page_query(std::string_view query, int default_limit, int max_limit,
                                         HttpResponse& refusal);

// A number in the query; absent: not there. `refusal` is set if it is no number.
std::optional<uint64_t> read_number(std::string_view query, std::string_view name,
                                    std::optional<HttpResponse>& refusal);

}  // namespace trivet

#endif  // TRIVET_SERVER_ROUTES_PAGE_QUERY_H_
