// One endpoint, and the table of all.
#ifndef TRIVET_SERVER_ROUTE_H_
#define TRIVET_SERVER_ROUTE_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/call.h"
#include "server/http/message.h"

namespace trivet {

class ServerState;

// What an endpoint sees of a request.
struct RouteCall {
  const ServerState& server;
  const ServedModel* model;  // null while loading; never null if the route needs the model
  std::string_view body;
  std::string_view path_parameter;  // what "{...}" of the path matched, decoded
  std::string_view query;           // after "?", as sent
  const CallContext& context;
};

// A call for the engine.
struct EngineCall {
  std::unique_ptr<GenerationCall> call;
  std::vector<std::string> ignored_fields = {};  // of the body, for the log
};

// Either the whole answer or a call for the engine.
using Answer = std::variant<HttpResponse, EngineCall>;

// Called on an I/O thread, or for large bodies on a parse thread.
using AnswerFunction = Answer (*)(const RouteCall&);

struct Route {
  std::string_view method;  // GET also answers HEAD
  std::string_view path;    // may end in "{name}", which matches the rest, slashes included
  AnswerFunction answer;
  bool is_open = false;      // no API key needed
  bool needs_model = false;  // 503 while the model loads
  bool generates = false;  // goes to the engine: 503 also while draining and when the queue is full
  ErrorEncoder error_body = encode_error;  // of every error on this path, those of the server too
  bool blocks = false;                     // may wait or takes milliseconds: runs on a parse thread
};

// Every endpoint of the server (routes/table.cpp).
std::span<const Route> all_routes();

struct RouteMatch {
  const Route* route = nullptr;  // null: not found or wrong method
  std::string path_parameter;
  std::string_view pattern;  // of the path, known even if the method is wrong; empty = no such path
  std::string allowed_methods;             // "GET, HEAD, OPTIONS"; empty = no such path
  ErrorEncoder error_body = encode_error;  // known even if the method is wrong
};

RouteMatch match_route(std::span<const Route> routes, std::string_view method,
                       std::string_view path);

}  // namespace trivet

#endif  // TRIVET_SERVER_ROUTE_H_
