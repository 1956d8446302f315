#include "server/socket_connection.h"

namespace trivet {
namespace {

class PlainStream {
 public:
  static constexpr bool kReadsAfterClose = true;

  explicit PlainStream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  asio::ip::tcp::socket& socket() { return socket_; }

  asio::awaitable<void> open(boost::system::error_code& error) {
    socket_.non_blocking(true, error);
    co_return;
  }

  // Waits without a buffer, then reads into the thread's.
  asio::awaitable<std::string_view> read(ConnectionHome& home, boost::system::error_code& error) {
    for (;;) {
      auto token = asio::redirect_error(asio::use_awaitable, error);
      co_await socket_.async_wait(asio::socket_base::wait_read, token);
      if (error) co_return std::string_view();
      const asio::mutable_buffer scratch = asio::buffer(home.scratch);
      const size_t count = socket_.read_some(scratch, error);
      if (error == asio::error::would_block) continue;
      co_return std::string_view(home.scratch.data(), count);
    }
  }

  template <class Done>
  void write_some(asio::const_buffer bytes, Done done) {
    socket_.async_write_some(bytes, std::move(done));
  }

  template <class Done>
  void close_output(Done done) {
    boost::system::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    done();
  }

 private:
  asio::ip::tcp::socket socket_;
};

}  // namespace

void start_plain_connection(asio::ip::tcp::socket socket, ConnectionHome& home, bool over_limit) {
  using Plain = SocketConnection<PlainStream>;
  std::string peer = peer_name(socket);
  Plain::start(
      std::make_shared<Plain>(PlainStream(std::move(socket)), home, std::move(peer), over_limit));
}

}  // namespace trivet
