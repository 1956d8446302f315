#include "server/route.h"

namespace trivet {
namespace {

// The decoded "{...}" part, "" for exact matches; absent = no match.
std::optional<std::string> match_path(std::string_view pattern, std::string_view path) {
  const size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) {
    if (path != pattern) return std::nullopt;
    return std::string();
  }
  const size_t end = pattern.find('}', brace);
  const std::string_view tail = pattern.substr(end + 1);
  if (path.size() <= brace + tail.size() || path.substr(0, brace) != pattern.substr(0, brace) ||
      !path.ends_with(tail)) {
    return std::nullopt;
  }
  path.remove_prefix(brace);
  path.remove_suffix(tail.size());
  const bool takes_all = pattern.substr(brace, end - brace).ends_with("...");
  if (!takes_all && path.find('/') != std::string_view::npos) return std::nullopt;
  return percent_decode(path);
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
