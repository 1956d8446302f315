// The bytes of HTTP requests.
#ifndef TRIVET_SERVER_FAKES_RAW_REQUESTS_H_
#define TRIVET_SERVER_FAKES_RAW_REQUESTS_H_

#include <string>
#include <string_view>

namespace trivet {

// "POST /path" with a body; `fields` are whole header lines.
inline std::string post(std::string_view path, std::string_view body,
                        std::string_view fields = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

// Calls of routes that FakeEngine serves.
inline const std::string kOpenCall = get("/open");
inline const std::string kStreamCall = post("/generate", "stream", "X-Request-Id: r\r\n");

}  // namespace trivet

#endif  // TRIVET_SERVER_FAKES_RAW_REQUESTS_H_
