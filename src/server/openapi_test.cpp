#include "server/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "server/route.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using testing::Not;

const nlohmann::json& document() {
  static const nlohmann::json kDocument = nlohmann::json::parse(describe_routes(all_routes()));
  return kDocument;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// "/v1/models/{id...}" matches slashes too, which OpenAPI cannot say.
std::string template_of(std::string_view path) {
  std::string text(path);
  const size_t dots = text.find("...}");
  if (dots != std::string::npos) text.erase(dots, 3);
  return text;
}

std::set<std::string> described() {
  std::set<std::string> operations;
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [method, operation] : item.items())
      operations.insert(upper(method) + " " + path);
  }
  return operations;
}

std::set<std::string> served() {
  std::set<std::string> operations;
  for (const Route& route : all_routes()) {
    operations.insert(std::string(route.method) + " " + template_of(route.path));
  }
  return operations;
}

// A new endpoint is described in docs/openapi/.
TEST(OpenApi, DescribesExactlyTheEndpointsThatAreServed) { EXPECT_EQ(described(), served()); }

TEST(OpenApi, LeavesOutWhatIsNotServed) {
  const auto routes = all_routes();
  const auto part = nlohmann::json::parse(describe_routes(routes.first(1)));
  EXPECT_EQ(part["paths"].size(), 1u);
  EXPECT_TRUE(part["paths"].contains(std::string(routes[0].path)));
}

TEST(OpenApi, SaysWhichEndpointsNeedNoKey) {
  for (const Route& route : all_routes()) {
    std::string method(route.method);
    std::transform(method.begin(), method.end(), method.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto& path = document()["paths"][template_of(route.path)];
    if (!path.contains(method)) continue;
    const bool is_open = path[method].contains("security") && path[method]["security"].empty();
    EXPECT_EQ(is_open, route.is_open) << route.method << " " << route.path;
    EXPECT_EQ(path[method]["responses"].contains("401"), !route.is_open)
        << route.method << " " << route.path;
  }
}

TEST(OpenApi, NamesEachOperationOnceAndDeclaresEachPathParameter) {
  std::set<std::string> names;
  for (const auto& [path, item] : document()["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      EXPECT_TRUE(names.insert(operation["operationId"]).second) << path;
      const auto parameters = operation.value("parameters", nlohmann::json::array());
      for (size_t begin = path.find('{'); begin != std::string::npos;
           begin = path.find('{', begin + 1)) {
        const std::string name = path.substr(begin + 1, path.find('}', begin) - begin - 1);
        EXPECT_TRUE(
            std::any_of(parameters.begin(), parameters.end(),
                        [&](const auto& p) { return p["name"] == name && p["in"] == "path"; }))
            << method << " " << path;
      }
    }
  }
}

TEST(OpenApi, ThePageListsEveryPathAndLoadsNothingElse) {
  const std::string page(openapi_page());
  for (const auto& [path, item] : document()["paths"].items()) EXPECT_THAT(page, HasSubstr(path));
  for (const char* forbidden : {"<script", "src=", "<link", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(forbidden)));
  }
}

}  // namespace
}  // namespace trivet
