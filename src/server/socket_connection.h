// The coroutines that move bytes between a stream and its session; one instance per kind of stream.
//
// Rules for coroutines here, because g++ 12 destroys temporaries of co_await expressions twice:
// they are named functions, never capturing lambdas; what is spawned takes its parameters by value;
// tokens and buffers are named locals.
#ifndef TRIVET_SERVER_SOCKET_CONNECTION_H_
#define TRIVET_SERVER_SOCKET_CONNECTION_H_

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "server/connection.h"
#include "server/session.h"

namespace trivet {

namespace asio = boost::asio;

// Stream: PlainStream or TlsStream, with
//   tcp::socket& socket();
//   awaitable<void> open(error_code&);                             handshake
//   awaitable<string_view> read(ConnectionHome&, error_code&);     at least one byte; valid until
//   the next read void write_some(const_buffer, done(error_code, size_t)); void
//   close_output(done());                                     tells the peer that nothing follows
//   static constexpr bool kReadsAfterClose;                        read() still works after
//   close_output()
template <class Stream>
class SocketConnection final : public Connection,
                               public Session::Transport,
                               public std::enable_shared_from_this<SocketConnection<Stream>> {
 public:
  using Ptr = std::shared_ptr<SocketConnection>;

  SocketConnection(Stream stream, ConnectionHome& home, std::string peer, bool over_limit)
      : stream_(std::move(stream)),
        resume_(stream_.socket().get_executor()),
        home_(home),
        opened_at_(now()),
        session_(home.server, home.lane, *this, std::move(peer), over_limit) {
    home_.connections.insert(this);
    home_.server.connection_opened();
  }

  ~SocketConnection() override {
    home_.connections.erase(this);
    home_.server.connection_closed();
  }

  static void start(Ptr self) {
    const auto executor = self->stream_.socket().get_executor();
    asio::co_spawn(executor, serve(std::move(self)), asio::detached);
  }

  void tick() override {
    if (cut_) return;
    const TimePoint time = now();
    const ServerOptions& options = home_.server.options();
    if (!open_) {
      if (time - opened_at_ >= options.header_timeout) cut();
      return;
    }
    if (writing_ && time - written_at_ >= options.write_timeout) {
      session_.drop("slow_reader");
      return cut();
    }
    if (closing_ && time - closing_at_ >= kLingerTime) return finish_closing();
    if (!session_.wants_read() && peer_has_closed()) session_.receive_end();
    session_.tick();
  }

  void cut() override {
    if (cut_) return;
    cut_ = true;
    // A reset, so that the kernel does not keep unsent bytes for a peer that takes none.
    const asio::socket_base::linger at_once(true, 0);
    boost::system::error_code ignored;
    stream_.socket().set_option(at_once, ignored);
    stream_.socket().close(ignored);
    resume_.cancel();
  }

  void flush() override {
    if (cut_ || !open_) return;
    if (session_.wants_read()) resume_.cancel();
    if (writing_ || closing_) return;
    out_ = session_.take_pending();
    if (out_.empty()) {
      if (session_.closing()) close_output();
      return;
    }
    writing_ = true;
    written_ = 0;
    written_at_ = now();
    write_more();
  }

 private:
  static constexpr Duration kLingerTime = std::chrono::seconds(2);

  static asio::awaitable<void> serve(Ptr self) {
    boost::system::error_code error;
    co_await self->stream_.open(error);
    if (error) {
      self->cut();
      co_return;
    }
    self->open_ = true;
    self->flush();
    while (!self->cut_) {
      if (!self->session_.wants_read()) {
        auto token = asio::redirect_error(asio::use_awaitable, error);
        self->resume_.expires_at(asio::steady_timer::time_point::max());
        co_await self->resume_.async_wait(token);
        continue;
      }
      error = {};
      const std::string_view bytes = co_await self->stream_.read(self->home_, error);
      if (error || self->cut_) break;
      self->session_.receive(bytes);
    }
    const bool was_closing = self->closing_;
    self->reading_ended();
    if (self->cut_ || !was_closing) co_return;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    self->resume_.expires_after(kLingerTime);
    co_await self->resume_.async_wait(token);
    self->finish_closing();
  }

  void reading_ended() {
    if (cut_) return session_.drop("disconnect");
    peer_closed_ = Stream::kReadsAfterClose || !closing_;
    session_.receive_end();
    if (closing_ && peer_closed_) finish_closing();
  }

  void write_more() {
    const asio::const_buffer rest = asio::buffer(out_) + written_;
    stream_.write_some(
        rest, [self = this->shared_from_this()](boost::system::error_code error, size_t count) {
          self->on_written(error, count);
        });
  }

  void on_written(boost::system::error_code error, size_t count) {
    if (cut_) return;
    if (error) {
      session_.drop("disconnect");
      return cut();
    }
    written_ += count;
    written_at_ = now();
    if (written_ < out_.size()) return write_more();
    writing_ = false;
    out_ = {};
    session_.output_written();  // flushes
  }

  void close_output() {
    closing_ = true;
    closing_at_ = now();
    stream_.close_output([self = this->shared_from_this()] {
      if (!self->session_.lingers() || self->peer_closed_) self->finish_closing();
    });
  }

  // Everything has been handed to the kernel, which delivers it and then the end of the stream.
  void finish_closing() {
    if (cut_) return;
    cut_ = true;
    boost::system::error_code ignored;
    stream_.socket().close(ignored);
    resume_.cancel();
  }

  // Sees the end of the peer's stream behind bytes that are not read yet.
  bool peer_has_closed() {
    pollfd poll_entry{stream_.socket().native_handle(), POLLRDHUP, 0};
    return poll(&poll_entry, 1, 0) > 0 &&
           (poll_entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

  TimePoint now() const { return home_.server.clock().now(); }

  Stream stream_;
  asio::steady_timer resume_;
  ConnectionHome& home_;
  TimePoint opened_at_;
  Session session_;

  bool open_ = false;     // handshake done
  bool writing_ = false;  // out_ is being written
  bool closing_ = false;  // the output was closed
  bool peer_closed_ = false;
  bool cut_ = false;  // the socket is closed
  std::string out_;
  size_t written_ = 0;
  TimePoint written_at_{}, closing_at_{};
};

inline std::string peer_name(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

}  // namespace trivet

#endif  // TRIVET_SERVER_SOCKET_CONNECTION_H_
