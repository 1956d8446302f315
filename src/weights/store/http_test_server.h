// A small HTTP/1.1 server for tests: one connection at a time, one request per connection.
#ifndef TRIVET_WEIGHTS_STORE_HTTP_TEST_SERVER_H_
#define TRIVET_WEIGHTS_STORE_HTTP_TEST_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace trivet::testing_http {

struct Request {
  std::string target;
  std::map<std::string, std::string> headers;  // lower-case names

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct Reply {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  size_t cut_after = std::string::npos;  // bytes of the body before the connection breaks
};

// Answers a range request as the hub's storage does.
inline Reply serve_bytes(const Request& request, const std::string& content) {
  Reply reply;
  const std::string range = request.header("range");
  if (range.empty()) {
    reply.body = content;
    return reply;
  }
  const size_t begin = std::stoul(range.substr(6));
  if (begin >= content.size()) return Reply{416, {}, "", std::string::npos};
  reply.status = 206;
  reply.body = content.substr(begin);
  reply.headers["Content-Range"] = "bytes " + std::to_string(begin) + "-" +
                                   std::to_string(content.size() - 1) + "/" +
                                   std::to_string(content.size());
  return reply;
}

class Server {
 public:
  using Answer = std::function<Reply(const Request&)>;

  explicit Server(Answer answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 16);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The same server under another origin.
  std::string other_url() const { return "http://localhost:" + std::to_string(port_); }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      serve(connection);
      ::close(connection);
    }
  }

  void serve(int connection) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<size_t>(got));
    }
    Request request;
    const size_t begin = text.find(' ') + 1;
    request.target = text.substr(begin, text.find(' ', begin) - begin);
    for (size_t line = text.find("\r\n") + 2; text.compare(line, 2, "\r\n") != 0;) {
      const size_t colon = text.find(':', line), end = text.find("\r\n", line);
      std::string name = text.substr(line, colon - line);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
      line = end + 2;
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    send_reply(connection, answer_(request));
  }

  static void send_reply(int connection, const Reply& reply) {
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nConnection: close\r\n";
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
    text += "\r\n" + reply.body.substr(0, reply.cut_after);
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t got = ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (got <= 0) return;
      sent += static_cast<size_t>(got);
    }
  }

  Answer answer_;
  int listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace trivet::testing_http

#endif  // TRIVET_WEIGHTS_STORE_HTTP_TEST_SERVER_H_
