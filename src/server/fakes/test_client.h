// For tests: a blocking HTTP client on raw sockets that can misbehave.
#ifndef TRIVET_SERVER_FAKES_TEST_CLIENT_H_
#define TRIVET_SERVER_FAKES_TEST_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace trivet {

// Reads give up after 20 s; whoever expected more then fails.
class TestClient {
 public:
  // `receive_buffer` bytes of the kernel; 0 = its default.
  explicit TestClient(uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval limit{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool connected() const { return connected_; }

  // False if the handshake fails. The certificate is not verified.
  bool start_tls() {
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_);
    return SSL_connect(ssl_) == 1;
  }

  // What the server showed in the handshake, as bytes to compare.
  std::string peer_certificate() {
    X509* certificate = SSL_get1_peer_certificate(ssl_);
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    const std::string result(reinterpret_cast<char*>(bytes),
                             static_cast<size_t>(std::max(size, 0)));
    OPENSSL_free(bytes);
    X509_free(certificate);
    return result;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const long count = ssl_ != nullptr
                             ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // Everything up to and with `mark`; what was read so far if the server closes before.
  std::string read_until(std::string_view mark) {
    size_t end;
    while ((end = received_.find(mark)) == std::string::npos) {
      if (!read_some()) return std::exchange(received_, {});
    }
    const std::string result = received_.substr(0, end + mark.size());
    received_.erase(0, result.size());
    return result;
  }
  // Until the server closes.
  std::string read_all() {
    while (read_some()) {
    }
    return std::exchange(received_, {});
  }
  // One answer with Content-Length, head and body.
  std::string read_answer() {
    std::string answer = read_until("\r\n\r\n");
    const size_t field = answer.find("Content-Length: ");
    size_t missing =
        field == std::string::npos ? 0 : std::strtoul(answer.c_str() + field + 16, nullptr, 10);
    while (received_.size() < missing && read_some()) {
    }
    missing = std::min(missing, received_.size());
    answer += received_.substr(0, missing);
    received_.erase(0, missing);
    return answer;
  }

  // With a FIN, or with a RST.
  void close(bool reset = false) {
    if (socket_ < 0) return;
    if (reset) {
      const linger at_once{1, 0};
      setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ssl_ = nullptr;
    context_ = nullptr;
    ::close(socket_);
    socket_ = -1;
  }

 private:
  bool read_some() {
    char buffer[16 << 10];
    const long count = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                       : ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    received_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string received_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_FAKES_TEST_CLIENT_H_
