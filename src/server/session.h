// One client connection, without its socket: bytes in, bytes out.
#ifndef TRIVET_SERVER_SESSION_H_
#define TRIVET_SERVER_SESSION_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/parser.h"
#include "server/lane.h"
#include "server/live_call.h"
#include "server/request_trace.h"
#include "server/server_state.h"
#include "server/services/services.h"

namespace trivet {

// Reads requests one after the other (pipelined ones wait), answers them and ends what they
// started. Belongs to one I/O thread; its state is driven by the entry points below and by the
// engine's outputs. Its destruction cancels what runs.
class Session final : public OutputReceiver {
 public:
  // Called from within the entry points; must not call back or destroy the session.
  class Transport {
   public:
    virtual ~Transport() = default;
    virtual void flush() = 0;  // pending output, reading or closing may be due
    virtual void cut() = 0;    // drop the connection now
  };

  // `over_limit`: there are too many connections, only open routes are answered.
  Session(ServerState& server, std::shared_ptr<Lane> lane, Transport& transport, std::string peer,
          bool over_limit);
  ~Session() override;

  // --- entry points of the transport ---
  void receive(std::string_view bytes);
  void receive_end();               // the peer closed or reset its side
  void tick();                      // a few times per second: timeouts, pings
  void output_written();            // everything taken has left
  void drop(std::string_view why);  // the transport gives up: ends what runs

  bool wants_read() const;
  std::string take_pending();                                 // bytes to send next
  bool closing() const { return state_ == State::kClosing; }  // close when all output has left
  // When closing: the peer may be in the middle of sending, so reads go on for a while; closing at
  // once would reset the connection before the peer has read the answer.
  bool lingers() const { return lingers_; }

  // --- OutputReceiver ---
  void take_output(const RequestOutput& output, TimePoint delivered) override;
  void end_batch() override;

 private:
  enum class State { kHead, kBody, kParsing, kGenerating, kClosing };

  // Bytes of a body that count against the server's limit.
  class BodyBudget {
   public:
    explicit BodyBudget(ServerState& server) : server_(&server) {}
    ~BodyBudget() { server_->release_body(bytes_); }
    BodyBudget(const BodyBudget&) = delete;
    BodyBudget& operator=(const BodyBudget&) = delete;
    bool grow_to(size_t bytes);

   private:
    ServerState* server_;
    size_t bytes_ = 0;
  };
  // Shared with the parse thread, so that the session may die meanwhile.
  struct Job {
    const Route* route = nullptr;
    std::string path_parameter;
    HttpHead head;
    std::string body;
    CallContext context;
    std::unique_ptr<KeyTicket> ticket;     // while the route may take it
    std::shared_ptr<const KeyPolicy> key;  // null = none is needed
    std::unique_ptr<BodyBudget> budget;
    // For those who send the same Idempotency-Key: they get the answer even if this session has
    // gone.
    std::unique_ptr<Services::KeyedAnswer> keyed;
  };
  // Reads along in a log while it exists.
  struct Feed {
    explicit Feed(FeedCall feed_call) : call(std::move(feed_call)) {}
    ~Feed() { call.log->unsubscribe(subscription); }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    FeedCall call;
    uint64_t subscription = 0;
  };
  // A request from the end of its head to the end of its answer.
  struct Exchange {
    TimePoint started{};
    std::string request_id;  // as the client knows it
    std::string tenant;
    std::shared_ptr<const KeyPolicy> key;  // null = none is needed here
    std::unique_ptr<KeyTicket> ticket;     // of a request that may generate
    std::string logged_body;               // if the server logs prompts
    std::optional<RequestTrace> trace;
    std::string cors_origin;  // to allow; empty = none
    RouteMatch match;
    bool keep_alive = true;
    std::optional<HttpResponse> refusal;  // the answer, whatever the body is
    std::unique_ptr<BodyBudget> budget;
    std::shared_ptr<Job> job;
    bool renamed = false;            // the engine knows it by another id, as the first was in use
    std::unique_ptr<LiveCall> live;  // this or a feed while it generates
    std::unique_ptr<Feed> feed;
    std::string ignored_fields;  // of the body: "a,b"
    bool stream_open = false;
    std::string chunk;  // stream bytes of this batch, not framed yet
    TimePoint last_sent{};
    int status = 0;
    uint64_t bytes = 0;
  };

  // Reading (session.cpp)
  void settle();
  void advance();
  bool reads_request() const { return state_ == State::kHead || state_ == State::kBody; }
  void begin_exchange();
  std::optional<HttpResponse> refuse_head();
  std::optional<HttpResponse> refuse_unless_serving(const Route& route);
  std::optional<HttpResponse> refuse_by_key(const Route& route);
  bool is_admin() const { return exchange_.key ? exchange_.key->admin : server_.keys().open(); }
  HttpResponse answer_options();
  void finish_body();
  void dispatch();
  void take_answer(Answer answer);
  void start_call(EngineCall answer);
  void refuse_call(const Error& error);
  size_t body_limit() const;

  // Answers that are kept or written elsewhere (session_feed.cpp)
  bool take_earlier_answer();
  std::optional<FeedCall> detach(EngineCall& answer);
  void start_feed(FeedCall feed);
  void watch(const std::shared_ptr<EventLog>& log);
  void read_feed();
  void end_feed_with(const HttpResponse& response, std::string_view last_bytes);
  bool sends_ping() const;

  // Answering (session_answer.cpp)
  void respond(const HttpResponse& response);
  bool has_unchanged(const HttpResponse& response) const;
  void respond_and_close(const HttpResponse& response);
  void append_head(int status, std::string_view content_type, const HeaderFields& fields,
                   std::optional<size_t> content_length);
  void append_common_fields(const HeaderFields& fields);
  void open_stream();
  void frame_chunk();
  void end_stream();
  void fail_call(const ApiError& error);
  void end_exchange(std::string_view finish);
  void settle_ticket();
  void export_trace(std::string_view finish);
  void log_exchange(std::string_view finish, double seconds);
  void append(std::string_view bytes);
  void close_after_output(bool lingers);
  void tick_generation(TimePoint now);
  TimePoint now() const { return server_.clock().now(); }

  ServerState& server_;
  std::shared_ptr<Lane> lane_;
  Transport& transport_;
  const std::string peer_;
  const bool over_limit_;
  // Parse threads hold this weakly: an answer for a session that is gone is dropped.
  std::shared_ptr<Session*> self_ = std::make_shared<Session*>(this);

  HttpRequestParser parser_;
  State state_ = State::kHead;
  bool lingers_ = false;
  bool peer_gone_ = false;
  std::string input_;                    // received, not parsed yet
  std::string pending_;                  // to be sent, not taken by the transport yet
  TimePoint waiting_since_;              // start of the idle time before a head
  std::optional<TimePoint> head_since_;  // first byte of the head
  bool served_any_ = false;
  Exchange exchange_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SESSION_H_
