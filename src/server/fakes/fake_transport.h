// For tests: a session without a socket, under a clock that stands still.
#ifndef TRIVET_SERVER_FAKES_FAKE_TRANSPORT_H_
#define TRIVET_SERVER_FAKES_FAKE_TRANSPORT_H_

#include <memory>
#include <sstream>
#include <string>

#include "server/fakes/fake_engine.h"
#include "server/fakes/raw_requests.h"
#include "server/parse_workers.h"
#include "server/session.h"

namespace trivet {

// Takes what the session has to say, unless it is told to be slow.
class FakeTransport final : public Session::Transport {
 public:
  void flush() override {
    if (slow || session == nullptr) return;
    sent += session->take_pending();
    if (session->closing()) closed = true;
  }
  void cut() override { was_cut = true; }

  Session* session = nullptr;
  std::string sent;
  bool slow = false;    // takes nothing
  bool closed = false;  // the session wants to close
  bool was_cut = false;
};

// A lane that runs when the test says so.
class FakeLane final : public Lane {
 public:
  int wakes = 0;

 private:
  void wake() override { ++wakes; }
};

// Everything a session needs, and one session on top.
class SessionWorld {
 public:
  explicit SessionWorld(const ServerOptions& options = {}, bool attached = true,
                        bool over_limit = false, std::span<const Route> routes = fake_routes())
      : engine(bridge),
        state(options,
              KeyGuard::create({options.api_keys, options.api_key_file}, metrics, &clock).value(),
              routes, bridge, metrics, log.get(), workers, clock) {
    if (attached) state.attach(engine, ServedModel{});
    session = std::make_unique<Session>(state, lane, transport, "127.0.0.1", over_limit);
    transport.session = session.get();
  }
  ~SessionWorld() { end_session(); }

  // Sends bytes and returns what came back by now.
  std::string send(std::string_view bytes) {
    session->receive(bytes);
    return take();
  }
  std::string take() {
    lane->run_inbox();
    if (session && !transport.slow && session->wants_read()) session->output_written();
    return std::exchange(transport.sent, {});
  }
  std::string after(Duration time) {
    clock.advance(time);
    session->tick();
    return take();
  }
  void end_session() {
    transport.session = nullptr;
    session.reset();
  }
  std::string log_text() const { return log_stream.str(); }

  static VirtualClock late_clock() {  // an unset time is far away
    VirtualClock clock;
    clock.advance(std::chrono::hours(1));
    return clock;
  }
  VirtualClock clock = late_clock();
  EngineBridge bridge;
  FakeEngine engine;
  Metrics metrics{{.model_name = "m", .max_model_len = 100, .clock = &clock}};
  std::ostringstream log_stream;
  std::unique_ptr<AccessLog> log = AccessLog::to_stream(log_stream);
  ParseWorkers workers{1};
  ServerState state;
  std::shared_ptr<FakeLane> lane = std::make_shared<FakeLane>();
  FakeTransport transport;
  std::unique_ptr<Session> session;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_FAKES_FAKE_TRANSPORT_H_
