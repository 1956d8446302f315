#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "server/socket_connection.h"

namespace trivet {
namespace {

class TlsStream {
 public:
  static constexpr bool kReadsAfterClose = false;

  TlsStream(asio::ip::tcp::socket socket, asio::ssl::context& tls)
      : stream_(std::make_unique<Ssl>(std::move(socket), tls)) {
    // An idle connection gives its record buffers back.
    SSL_set_mode(stream_->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  }

  asio::ip::tcp::socket& socket() { return stream_->next_layer(); }

  asio::awaitable<void> open(boost::system::error_code& error) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await stream_->async_handshake(asio::ssl::stream_base::server, token);
  }

  asio::awaitable<std::string_view> read(ConnectionHome&, boost::system::error_code& error) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::mutable_buffer buffer(buffer_.data(), buffer_.size());
    const size_t count = co_await stream_->async_read_some(buffer, token);
    co_return std::string_view(buffer_.data(), count);
  }

  template <class Done>
  void write_some(asio::const_buffer bytes, Done done) {
    stream_->async_write_some(bytes, std::move(done));
  }

  // Sends close_notify; whether the peer answers it does not matter.
  template <class Done>
  void close_output(Done done) {
    SSL_set_shutdown(stream_->native_handle(), SSL_RECEIVED_SHUTDOWN);
    stream_->async_shutdown([this, done = std::move(done)](boost::system::error_code) mutable {
      boost::system::error_code ignored;
      socket().shutdown(asio::socket_base::shutdown_send, ignored);
      done();
    });
  }

 private:
  using Ssl = asio::ssl::stream<asio::ip::tcp::socket>;
  static constexpr size_t kReadBytes = 4 << 10;

  std::unique_ptr<Ssl> stream_;
  std::string buffer_ = std::string(kReadBytes, '\0');
};

}  // namespace

void start_tls_connection(asio::ip::tcp::socket socket, asio::ssl::context& tls,
                          ConnectionHome& home, bool over_limit) {
  using Tls = SocketConnection<TlsStream>;
  std::string peer = peer_name(socket);
  Tls::start(
      std::make_shared<Tls>(TlsStream(std::move(socket), tls), home, std::move(peer), over_limit));
}

}  // namespace trivet
