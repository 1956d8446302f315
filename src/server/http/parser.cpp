#include "server/http/parser.h"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace trivet {

namespace http = boost::beast::http;

struct HttpRequestParser::Beast {
  http::request_parser<http::string_body> parser;
};

namespace {

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

// What is wrong beyond Beast's own rules; null = nothing.
const char* find_fault(const http::request_parser<http::string_body>& parser) {
  const auto& request = parser.get();
  if (request.version() == 11 && request.count(http::field::host) != 1) {
    return "an HTTP/1.1 request needs exactly one Host header";
  }
  const auto codings = request.count(http::field::transfer_encoding);
  if (codings == 0) return nullptr;
  if (request.count(http::field::content_length) != 0) {
    return "Content-Length and Transfer-Encoding exclude each other; send one of them";
  }
  if (!parser.chunked() || codings != 1 ||
      !equal_ignoring_case(to_string(request[http::field::transfer_encoding]), "chunked") ||
      request.version() != 11) {
    return "the only supported Transfer-Encoding is chunked, in HTTP/1.1";
  }
  return nullptr;
}

// "http://host/path?query" and "/path?query" alike.
void split_target(std::string_view target, HttpHead& head) {
  const size_t scheme = target.find("://");
  if (scheme != std::string_view::npos && target.front() != '/') {
    const size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const size_t question = target.find('?');
  head.path = target.substr(0, question);
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
}

}  // namespace

HttpRequestParser::HttpRequestParser(const Limits& limits) : limits_(limits) { reset(); }
HttpRequestParser::~HttpRequestParser() = default;

void HttpRequestParser::reset() {
  beast_ = std::make_unique<Beast>();
  beast_->parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
  limit_body(limits_.body_bytes);
  stage_ = Stage::kHead;
  started_ = false;
  head_ = {};
  raw_body_bytes_ = 0;
  failure_.reset();
}

void HttpRequestParser::limit_body(size_t bytes) {
  body_limit_ = bytes;
  beast_->parser.body_limit(bytes);
}

size_t HttpRequestParser::body_size() const { return beast_->parser.get().body().size(); }

std::string HttpRequestParser::take_body() { return std::move(beast_->parser.get().body()); }

size_t HttpRequestParser::consume(std::string_view bytes) {
  if (stage_ == Stage::kDone || stage_ == Stage::kFailed || bytes.empty()) return 0;
  boost::system::error_code error;
  const boost::asio::const_buffer buffer(bytes.data(), bytes.size());
  const size_t used = beast_->parser.put(buffer, error);
  if (error == http::error::need_more) error = {};
  started_ |= used > 0;
  if (stage_ == Stage::kBody) raw_body_bytes_ += used;
  if (error == http::error::header_limit) {
    fail(431, "the request head is larger than " + std::to_string(limits_.head_bytes) + " bytes");
  } else if (error == http::error::body_limit) {
    if (stage_ == Stage::kHead) read_request_line();
    fail(413, "the request body is larger than " + std::to_string(body_limit_) + " bytes");
  } else if (error == http::error::bad_version) {
    fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  } else if (error) {
    fail(400, "malformed HTTP request (" + error.message() + ")");
  } else if (stage_ == Stage::kHead && beast_->parser.is_header_done()) {
    finish_head();
  } else if (used == 0 && bytes.size() > limits_.head_bytes) {
    fail(stage_ == Stage::kHead ? 431 : 400,
         "a line of the request is longer than " + std::to_string(limits_.head_bytes) + " bytes");
  } else if (raw_body_bytes_ > 2 * body_limit_ + limits_.head_bytes) {
    // Tiny chunks with long extensions would otherwise be unbounded work.
    fail(413, "the framing of the request body is larger than the body may be");
  }
  if (stage_ == Stage::kBody && beast_->parser.is_done()) stage_ = Stage::kDone;
  return used;
}

void HttpRequestParser::read_request_line() {
  const auto& request = beast_->parser.get();
  head_.method = to_string(request.method_string());
  split_target(to_string(request.target()), head_);
}

void HttpRequestParser::finish_head() {
  const auto& parser = beast_->parser;
  const auto& request = parser.get();
  if (request.version() != 11 && request.version() != 10) {
    return fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (const char* fault = find_fault(parser)) return fail(400, fault);
  read_request_line();
  head_.http_1_0 = request.version() == 10;
  head_.keep_alive = request.keep_alive();
  head_.expects_continue =
      equal_ignoring_case(to_string(request[http::field::expect]), "100-continue");
  if (parser.content_length()) head_.content_length = *parser.content_length();
  head_.has_body = parser.chunked() || head_.content_length.value_or(0) > 0;
  for (const auto& field : request) {
    head_.fields.emplace_back(to_string(field.name_string()), to_string(field.value()));
  }
  stage_ = Stage::kBody;
}

void HttpRequestParser::fail(int status, std::string message) {
  const char* type = status == 413   ? "PayloadTooLargeError"
                     : status == 431 ? "RequestHeaderFieldsTooLargeError"
                     : status == 505 ? "NotImplementedError"
                                     : "BadRequestError";
  failure_ = error_response(status, type, std::move(message));
  stage_ = Stage::kFailed;
}

}  // namespace trivet
