#include "server/http_server.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "server/connection.h"
#include "server/guard/reloader.h"
#include "server/parse_workers.h"
#include "server/services/services.h"

namespace trivet {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kListenBacklog = 4096;
constexpr int kConnectionReserve = 128;  // above the limit, for health checks and polite refusals
constexpr Duration kCloseGrace = std::chrono::seconds(2);

class IoLane final : public Lane {
 public:
  explicit IoLane(asio::io_context& io) : io_(io) {}

 private:
  void wake() override {
    asio::post(io_, [this] { run_inbox(); });  // the thread owns the lane and outlives its handlers
  }
  asio::io_context& io_;
};

// A thread with its connections.
class IoThread {
 public:
  IoThread(ServerState& server, Duration tick)
      : home_{server, nullptr},
        io_(1),
        guard_(io_.get_executor()),
        lane_(std::make_shared<IoLane>(io_)) {
    home_.lane = lane_;
    asio::co_spawn(io_, tick_forever(this, tick), asio::detached);
  }
  ~IoThread() { lane_->close(); }

  void start() {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "trivet-io");
      io_.run();
    });
  }

  // Any thread: cuts all connections and ends the loop once their operations have ended.
  void stop() {
    asio::post(io_, [this] {
      stopping_ = true;
      for (Connection* connection :
           std::vector(home_.connections.begin(), home_.connections.end())) {
        connection->cut();
      }
      guard_.reset();
    });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
    lane_->close();
  }

  asio::io_context& io() { return io_; }
  ConnectionHome& home() { return home_; }

 private:
  static asio::awaitable<void> tick_forever(IoThread* self, Duration interval) {
    asio::steady_timer timer(self->io_);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    while (!self->stopping_) {
      timer.expires_after(interval);
      co_await timer.async_wait(token);
      self->home_.server.watch_engine();
      for (Connection* connection : self->home_.connections) connection->tick();
    }
  }

  ConnectionHome home_;  // outlives the connections, which die with io_ at the latest
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::shared_ptr<IoLane> lane_;
  bool stopping_ = false;  // I/O thread
  std::thread thread_;
};

// Often enough for the shortest time limit.
Duration tick_interval(const ServerOptions& options) {
  const Duration shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                options.write_timeout, options.ping_interval});
  return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(10),
                              std::chrono::milliseconds(250));
}

void raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

using TlsContext = std::shared_ptr<asio::ssl::context>;

Result<TlsContext> make_tls_context(const ServerOptions& options) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "TLS needs both a certificate file and a key file; one is missing");
  }
  if (options.tls_certificate_file.empty()) return TlsContext();
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  boost::system::error_code error;
  using Context = asio::ssl::context;
  context->set_options(Context::default_workarounds | Context::no_sslv2 | Context::no_sslv3 |
                           Context::no_tlsv1 | Context::no_tlsv1_1 | Context::no_compression |
                           SSL_OP_NO_RENEGOTIATION,
                       error);
  if (!error) context->use_certificate_chain_file(options.tls_certificate_file, error);
  if (error) {
    return Error(ErrorCode::kInvalidArgument, "cannot use the TLS certificate " +
                                                  options.tls_certificate_file + " (" +
                                                  error.message() + ")");
  }
  context->use_private_key_file(options.tls_key_file, Context::pem, error);
  if (error) {
    return Error(ErrorCode::kInvalidArgument,
                 "cannot use the TLS key " + options.tls_key_file + " (" + error.message() + ")");
  }
  return context;
}

std::vector<std::unique_ptr<IoThread>> make_threads(ServerState& server) {
  std::vector<std::unique_ptr<IoThread>> threads;
  for (int i = 0; i < server.options().io_threads; ++i) {
    threads.push_back(std::make_unique<IoThread>(server, tick_interval(server.options())));
  }
  return threads;
}

class BoostServer final : public HttpServer {
 public:
  BoostServer(const ServerOptions& options, std::unique_ptr<KeyGuard> keys, TlsContext tls,
              std::span<const Route> routes, EngineBridge& bridge, Metrics& metrics,
              AccessLog* access_log)
      : workers_(options.parse_threads),
        state_(options, std::move(keys), routes, bridge, metrics, access_log, workers_, clock_),
        tls_(std::move(tls)),
        threads_(make_threads(state_)),
        acceptor_(acceptor_io()),
        reloader_(reloaded_items(), options.notice, options.reload_interval) {}

  ~BoostServer() override { stop(clock_.now()); }

  Result<void> start() override {
    TRIVET_RETURN_IF_ERROR(bind());
    raise_open_file_limit();
    asio::co_spawn(acceptor_io(), accept_forever(this), asio::detached);
    for (const auto& thread : threads_) thread->start();
    reloader_.start();
    started_ = true;
    return {};
  }

  uint16_t port() const override { return port_; }

  void attach(Engine& engine, ServedModel model) override {
    state_.attach(engine, std::move(model));
  }

  void reload() override { reloader_.poke(); }

  int stop(TimePoint deadline) override {
    const std::lock_guard lock(stop_mutex_);
    if (std::exchange(stopped_, true)) return 0;
    reloader_.stop();
    state_.begin_drain();
    int aborted = 0;
    if (started_) {
      close_acceptor();
      state_.services().suspend();
      if (Engine* engine = state_.engine()) aborted = engine->drain(deadline);
      // The last answers are on their way.
      state_.wait_for_no_connections(std::max(deadline, clock_.now() + kCloseGrace));
    }
    workers_.stop();
    state_.services().stop();
    for (const auto& thread : threads_) thread->stop();
    for (const auto& thread : threads_) thread->join();
    return aborted;
  }

 private:
  // One acceptor deals the sockets out in turn: even, and a second server on the port is noticed,
  // which SO_REUSEPORT would hide.
  static asio::awaitable<void> accept_forever(BoostServer* self) {
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    asio::steady_timer pause(self->acceptor_io());
    for (size_t turn = 0; self->acceptor_.is_open(); ++turn) {
      IoThread& thread = *self->threads_[turn % self->threads_.size()];
      tcp::socket socket = co_await self->acceptor_.async_accept(thread.io(), token);
      if (!error) {
        self->serve(thread, std::move(socket));
      } else if (self->acceptor_.is_open()) {
        // Out of file descriptors, or the client was gone already.
        pause.expires_after(std::chrono::milliseconds(50));
        co_await pause.async_wait(token);
      }
    }
  }

  void serve(IoThread& thread, tcp::socket socket) {
    const int open = state_.connections();
    const int limit = state_.options().max_connections;
    if (open >= limit + kConnectionReserve) return;  // closes it
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto shared = std::make_shared<tcp::socket>(std::move(socket));
    asio::post(thread.io(), [&thread, shared, tls = tls(), over_limit = open >= limit] {
      if (tls) {
        start_tls_connection(std::move(*shared), *tls, thread.home(), over_limit);
      } else {
        start_plain_connection(std::move(*shared), thread.home(), over_limit);
      }
    });
  }

  std::vector<Reloader::Item> reloaded_items() {
    const ServerOptions& options = state_.options();
    std::vector<Reloader::Item> items;
    if (!options.api_key_file.empty()) {
      items.push_back(
          {"API keys", {options.api_key_file}, [this] { return state_.keys().reload(); }});
    }
    if (!options.tls_certificate_file.empty()) {
      items.push_back({"TLS certificate",
                       {options.tls_certificate_file, options.tls_key_file},
                       [this] { return reload_tls(); }});
    }
    return items;
  }

  // Connections hold what they began with; new ones get the new certificate.
  Result<void> reload_tls() {
    TRIVET_ASSIGN_OR_RETURN(TlsContext tls, make_tls_context(state_.options()));
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(tls);
    return {};
  }

  TlsContext tls() {
    const std::lock_guard lock(tls_mutex_);
    return tls_;
  }

  Result<void> bind() {
    const ServerOptions& options = state_.options();
    boost::system::error_code error;
    const auto address =
        asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
    if (error) {
      return Error(ErrorCode::kInvalidArgument,
                   "cannot listen on \"" + options.host +
                       "\": give an IP address, such as 127.0.0.1 or 0.0.0.0");
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kListenBacklog, error);
    if (error) {
      return Error(ErrorCode::kUnavailable,
                   "cannot listen on " + options.host + ":" + std::to_string(options.port) + " (" +
                       error.message() + "); choose another port or stop what uses it");
    }
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  // Afterwards every accepted socket is in the queue of its thread.
  void close_acceptor() {
    std::promise<void> closed;
    asio::post(acceptor_io(), [this, &closed] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      closed.set_value();
    });
    closed.get_future().wait();
  }

  asio::io_context& acceptor_io() { return threads_.front()->io(); }

  SteadyClock clock_;
  ParseWorkers workers_;
  ServerState state_;
  std::mutex tls_mutex_;
  TlsContext tls_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  tcp::acceptor acceptor_;
  Reloader reloader_;
  uint16_t port_ = 0;
  bool started_ = false;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

Result<void> check_options(const ServerOptions& options) {
  const auto refuse = [](const std::string& message) {
    return Error(ErrorCode::kInvalidArgument, message);
  };
  if (options.io_threads < 1 || options.io_threads > 64) {
    return refuse("io_threads is " + std::to_string(options.io_threads) + "; it must be 1 to 64");
  }
  if (options.parse_threads < 1 || options.parse_threads > 64) {
    return refuse("parse_threads is " + std::to_string(options.parse_threads) +
                  "; it must be 1 to 64");
  }
  if (options.max_connections < 1) {
    return refuse("max_connections is " + std::to_string(options.max_connections) +
                  "; it must be at least 1");
  }
  if (options.max_header_bytes < 1024 || options.max_header_bytes > (32 << 10)) {
    return refuse("max_header_bytes is " + std::to_string(options.max_header_bytes) +
                  "; it must be 1024 to 32768");
  }
  if (options.max_bodies_bytes < options.max_body_bytes) {
    return refuse(
        "max_bodies_bytes is below max_body_bytes: no request of that size could ever be taken");
  }
  for (const Duration limit :
       {options.header_timeout, options.body_timeout, options.idle_timeout, options.write_timeout,
        options.request_timeout, options.ping_interval}) {
    if (limit <= Duration::zero()) return refuse("a time limit of the server is zero or negative");
  }
  for (const std::string& origin : options.cors_origins) {
    if (origin.find_first_of("\r\n ,") != std::string::npos || origin.empty()) {
      return refuse("the CORS origin \"" + origin +
                    "\" is not one; give e.g. https://example.org or *");
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> create_http_server(const ServerOptions& options,
                                                       std::span<const Route> routes,
                                                       EngineBridge& bridge, Metrics& metrics,
                                                       AccessLog* access_log) {
  TRIVET_RETURN_IF_ERROR(check_options(options));
  TRIVET_ASSIGN_OR_RETURN(auto keys,
                          KeyGuard::create({options.api_keys, options.api_key_file}, metrics));
  TRIVET_ASSIGN_OR_RETURN(auto tls, make_tls_context(options));
  for (const Route& route : routes) metrics.add_handler(route.path);
  return std::unique_ptr<HttpServer>(std::make_unique<BoostServer>(
      options, std::move(keys), std::move(tls), routes, bridge, metrics, access_log));
}

}  // namespace trivet
