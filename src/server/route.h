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

class EventLog;
class KeyTicket;
class ServerState;

// What an endpoint sees of a request.
struct RouteCall {
  const ServerState& server;
  const ServedModel* model;  // null while loading; never null if the route needs the model
  std::string_view body;
  // What "{...}" of the path matched, decoded; of several, with slashes in between.
  std::string_view path_parameter;
  std::string_view query;  // after "?", as sent
  const HttpHead& head = HttpHead::none();
  const CallContext& context;
  // Of a route that generates, where there are keys: for one who runs the work without the client.
  std::unique_ptr<KeyTicket>* ticket = nullptr;
};

// A call for the engine.
struct EngineCall {
  std::unique_ptr<GenerationCall> call;
  std::vector<std::string> ignored_fields = {};  // of the body, for the log
};

// An answer that is written elsewhere, to be read along.
struct FeedCall {
  std::shared_ptr<EventLog> log;
  uint64_t from = 0;              // number of the first event
  bool ends_with_client = false;  // the work behind it is cancelled when this client leaves
  HeaderFields fields = {};
  bool takes_any_time = false;  // the server's limit for an answer does not count
};

// The whole answer, a call for the engine, or an answer to read along.
using Answer = std::variant<HttpResponse, EngineCall, FeedCall>;

// Called on an I/O thread; on a parse thread for large bodies and if the route blocks.
using AnswerFunction = Answer (*)(const RouteCall&);

struct Route {
  std::string_view method;  // GET also answers HEAD
  // A part, between slashes or at the end, may be "{name}", which matches any such part, or at the
  // end "{name...}", which matches the rest, slashes included.
  std::string_view path;
  AnswerFunction answer;
  bool is_open = false;      // no API key needed
  bool needs_model = false;  // 503 while the model loads
  bool generates = false;  // goes to the engine: 503 also while draining and when the queue is full
  ErrorEncoder error_body = encode_error;  // of every error on this path, those of the server too
  bool blocks = false;                     // may wait or takes milliseconds: runs on a parse thread
  size_t max_body_bytes = 0;               // 0 = the server's limit
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
