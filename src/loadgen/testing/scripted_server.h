// An HTTP server for tests: answers every request as a function says, piece by piece.
#ifndef TRIVET_LOADGEN_TESTING_SCRIPTED_SERVER_H_
#define TRIVET_LOADGEN_TESTING_SCRIPTED_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace trivet {

class ScriptedServer {
 public:
  // Sends bytes of the raw answer; the connection closes when the script returns.
  using Send = std::function<void(const std::string&)>;
  using Script = std::function<void(const std::string& path, const std::string& body, Send send)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int most_at_once() const { return most_at_once_; }

  static std::string event_head() {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
  }

 private:
  void accept_all() {
    for (;;) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::string head;
    char buffer[65536];
    size_t end = std::string::npos;
    while ((end = head.find("\r\n\r\n")) == std::string::npos) {
      const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
      if (n <= 0) return void(::close(socket));
      head.append(buffer, static_cast<size_t>(n));
    }
    const size_t length_at = head.find("Content-Length: ");
    const size_t length = length_at == std::string::npos
                              ? 0
                              : std::strtoul(head.c_str() + length_at + 16, nullptr, 10);
    std::string body = head.substr(end + 4);
    while (body.size() < length) {
      const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      body.append(buffer, static_cast<size_t>(n));
    }
    const size_t path_at = head.find(' ') + 1;
    const int now = ++at_once_;
    for (int most = most_at_once_; now > most && !most_at_once_.compare_exchange_weak(most, now);) {
    }
    script_(head.substr(path_at, head.find(' ', path_at) - path_at), body,
            [socket](const std::string& bytes) {
              (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            });
    --at_once_;
    ::close(socket);
  }

  Script script_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> at_once_{0}, most_at_once_{0};
  std::vector<std::thread> threads_;  // the acceptor's until it has joined
  std::thread acceptor_;
};

}  // namespace trivet

#endif  // TRIVET_LOADGEN_TESTING_SCRIPTED_SERVER_H_
