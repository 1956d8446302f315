#include "server/openapi.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "server/route.h"

namespace trivet {
namespace {

// "get /v1/models/{id}", as the document has it: it cannot say that a parameter matches slashes
// too.
std::string operation_of(const Route& route) {
  std::string operation;
  for (const char c : route.method) {
    operation += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  operation.append(" ").append(route.path);
  const size_t dots = operation.find("...}");
  if (dots != std::string::npos) operation.erase(dots, 3);
  return operation;
}

}  // namespace

std::string describe_routes(std::span<const Route> routes) {
  std::set<std::string> served;
  for (const Route& route : routes) served.insert(operation_of(route));
  auto document = nlohmann::ordered_json::parse(openapi_document());
  auto paths = nlohmann::ordered_json::object();
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (served.contains(method + " " + path)) paths[path][method] = operation;
    }
  }
  document["paths"] = std::move(paths);
  return document.dump();
}

}  // namespace trivet
