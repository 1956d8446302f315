// The part of a target after "?".
#ifndef TRIVET_SERVER_HTTP_QUERY_H_
#define TRIVET_SERVER_HTTP_QUERY_H_

#include <optional>
#include <string>
#include <string_view>

namespace trivet {

// The decoded value of the first parameter of that name ("+" is a space, "name" alone has the value
// ""); absent if there is none or its escapes are broken.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace trivet

#endif  // TRIVET_SERVER_HTTP_QUERY_H_
