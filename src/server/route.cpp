#include "server/route.h"

namespace trivet {
namespace {

// The decoded "{...}" parts, "" for exact matches; absent = no match.
std::optional<std::string> match_path(std::string_view pattern, std::string_view path) {
  const size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) {
    if (path != pattern) return std::nullopt;
    return std::string();
  }
  const size_t end = pattern.find('}', brace);
  const bool takes_all = pattern.substr(brace, end - brace).ends_with("...");
  if (path.size() <= brace || path.substr(0, brace) != pattern.substr(0, brace)) {
    return std::nullopt;
  }
  path.remove_prefix(brace);
  const std::string_view part = takes_all ? path : path.substr(0, path.find('/'));
  if (part.empty()) return std::nullopt;
  std::optional<std::string> decoded = percent_decode(part);
  const std::optional<std::string> rest =
      match_path(pattern.substr(end + 1), path.substr(part.size()));
  if (!decoded || !rest) return std::nullopt;
  if (!rest->empty()) decoded->append("/").append(*rest);
  return decoded;
}

}  // namespace

RouteMatch match_route(std::span<const Route> routes, std::string_view method,
                       std::string_view path) {
  RouteMatch match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes) {
    std::optional<std::string> parameter = match_path(route.path, path);
    if (!parameter) continue;
    match.pattern = route.path;
    match.error_body = route.error_body;
    match.allowed_methods +=
        route.method == "GET" ? "GET, HEAD, " : std::string(route.method) + ", ";
    if (route.method != wanted || match.route != nullptr) continue;
    match.route = &route;
    match.path_parameter = std::move(*parameter);
  }
  if (!match.allowed_methods.empty()) match.allowed_methods += "OPTIONS";
  return match;
}

}  // namespace trivet
