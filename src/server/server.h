// The HTTP server: HTTP/1.1 with keep-alive, TLS and server-sent events over one engine.
//
// Order of creation; each outlives all that come after it:
//
//   Metrics metrics({model_name, max_model_len});
//   EngineBridge bridge;                       // the engine's sink
//   EngineTelemetry telemetry(metrics);        // the engine's observer
//   auto server = HttpServer::create(options, bridge, metrics, access_log);
//   server->start();                           // answers /health; /ready and generation are 503
//   "loading" auto engine = Engine::create(..., bridge, &telemetry); server->attach(*engine,
//   model);            // now it serves
//   ... wait for SIGTERM ...
//   server->stop(now + grace);                 // drains the engine; must come before the engine
//   dies
//
// The engine may as well be created before the server; only attach() needs it.
#ifndef TRIVET_SERVER_SERVER_H_
#define TRIVET_SERVER_SERVER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/call.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "server/engine_bridge.h"
#include "server/engine_telemetry.h"
#include "server/guard/api_key.h"
#include "telemetry/access_log.h"
#include "telemetry/metrics.h"
#include "weights/model_store.h"

namespace trivet {

class TraceExporter;

struct ServerOptions {
  std::string host = "127.0.0.1";                  // address; "0.0.0.0" or "::" = every interface
  uint16_t port = 8000;                            // 0 = any free one
  std::string tls_certificate_file, tls_key_file;  // PEM; both or none
  std::vector<ApiKey> api_keys;  // none here and in the file = open to everyone who can connect
  std::string api_key_file;      // further keys (guard/key_file.h); read again when it changes
  bool enable_admin = false;     // endpoints that change the server for everyone
  bool enable_docs = true;       // /docs and /openapi.json
  std::string info_json = "{}";  // the answer of /server_info
  std::vector<std::string> cors_origins;  // exact origins, or "*"; empty = no CORS headers
  int io_threads = 1;
  int parse_threads =
      1;  // for bodies above 32 KiB, so that a huge prompt does not hold up the streams

  size_t max_header_bytes = 16 << 10;
  size_t max_body_bytes = 8 << 20;
  size_t max_bodies_bytes = 256 << 20;  // of all requests being received or parsed
  int max_connections = 4096;           // beyond: open routes only, else 503
  size_t max_pending_bytes = 1 << 20;   // unsent bytes of a stream; beyond: cut as a slow reader
  int max_waiting_requests =
      0;  // engine queue length that is answered 503 before parsing; 0 = the engine decides

  bool log_prompts = false;  // bodies and answers go into the access log

  TraceExporter* traces = nullptr;  // where requests leave their spans; may be null

  // Is told, on a thread of the server, what the operator should know; may be empty.
  std::function<void(const std::string&)> notice = {};
  Duration reload_interval = std::chrono::seconds(1);  // between looks at key and certificate files

  // Stored responses, files, batches; empty = these are not available.
  std::string state_dir;
  int batch_concurrency = 16;  // lines of batches with the engine at once

  StoreOptions model_store;  // where administrators pull to and delete from; no root = nowhere
  std::string served_path;   // of the model being served; it is not deleted

  Duration header_timeout = std::chrono::seconds(10);  // first byte (or connection) to end of head
  Duration body_timeout = std::chrono::seconds(60);    // head to end of body
  Duration idle_timeout = std::chrono::seconds(75);    // between two requests
  Duration write_timeout = std::chrono::seconds(30);   // without any byte taken by the client
  Duration request_timeout =
      std::chrono::hours(1);  // head to end of the answer; generation ends with 504
  Duration ping_interval =
      std::chrono::seconds(15);  // silence on a stream until a comment line is sent
  Duration stall_timeout =
      std::chrono::minutes(5);  // engine with work but without a step: /health is 503
};

// All members are thread-safe, except that none may be called on an I/O thread of the server.
class HttpServer {
 public:
  // kInvalidArgument names the option that is wrong (key without secret, certificate that cannot be
  // read, ...). `access_log` may be null. Everything referred to must outlive the server.
  static Result<std::unique_ptr<HttpServer>> create(const ServerOptions& options,
                                                    EngineBridge& bridge, Metrics& metrics,
                                                    AccessLog* access_log);
  // Stops at once if stop() was not called.
  virtual ~HttpServer() = default;

  // Binds and starts the I/O threads. kUnavailable if the address cannot be bound. Once. Raises the
  // soft limit of open files of the process to the hard one.
  virtual Result<void> start() = 0;
  virtual uint16_t port() const = 0;  // the bound one, after start()

  // From now on requests go to `engine`, whose sink must be the bridge. Once.
  virtual void attach(Engine& engine, ServedModel model) = 0;

  // Reads the keys file and the TLS certificate again soon; what is broken stays as it was, and
  // `notice` says so. They are also read when their files change. Connections go on undisturbed.
  virtual void reload() = 0;

  // Closes the listening socket, turns /ready to 503, lets live requests run until `deadline`,
  // aborts the rest, closes all connections and joins the threads. Returns how many requests were
  // aborted. Later calls do nothing.
  virtual int stop(TimePoint deadline) = 0;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVER_H_
