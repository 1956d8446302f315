#include "telemetry/access_log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <iterator>

#include "base/clock.h"

namespace trivet {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
}

struct CodePoint {
  uint32_t value;
  size_t bytes;
};

// Of text that is not empty. What is not UTF-8 counts as one byte, U+FFFD.
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr uint32_t kInvalid = 0xFFFD;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {kInvalid, 1};
  uint32_t value = lead & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kInvalid, 1};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  const bool is_surrogate = value >= 0xD800 && value < 0xE000;
  const bool is_overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  if (is_surrogate || is_overlong || value > 0x10FFFF) return {kInvalid, 1};
  return {value, bytes};
}

void append_escaped(std::string& out, const CodePoint& point) {
  auto end = std::back_inserter(out);
  if (point.value == '"' || point.value == '\\') {
    fmt::format_to(end, "\\{}", static_cast<char>(point.value));
  } else if (point.value >= 0x20 && point.value < 0x7f) {
    out += static_cast<char>(point.value);
  } else if (point.value < 0x10000) {
    fmt::format_to(end, "\\u{:04x}", point.value);
  } else {
    const uint32_t rest = point.value - 0x10000;
    fmt::format_to(end, "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
  }
}

void add_text(std::string& out, std::string_view key, std::string_view value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":\"", key);
  append_escaped(out, value);
  out += '"';
}

// Text of people: as it is where it is valid UTF-8, in \u escapes, so that the line stays ASCII.
// Cut where it gets long.
void add_utf8(std::string& out, std::string_view key, std::string_view value) {
  constexpr size_t kMaxBytes = 64 << 10;
  fmt::format_to(std::back_inserter(out), ",\"{}\":\"", key);
  std::string_view rest = value.substr(0, kMaxBytes);
  while (!rest.empty()) {
    const CodePoint point = first_code_point(rest);
    append_escaped(out, point);
    rest.remove_prefix(point.bytes);
  }
  if (value.size() > kMaxBytes) out += "...";
  out += '"';
}

template <class Number>
void add_number(std::string& out, std::string_view key, Number value) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, value);
}

void add_milliseconds(std::string& out, std::string_view key, double seconds) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":{:.3f}", key, seconds * 1e3);
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("access", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::info);
  logger->flush_on(spdlog::level::info);
  return logger;
}

}  // namespace

std::string format_access_line(const AccessRecord& record, int64_t unix_milliseconds) {
  std::string out = fmt::format("{{\"time_ms\":{}", unix_milliseconds);
  add_text(out, "request_id", record.request_id);
  add_text(out, "peer", record.peer);
  add_text(out, "method", record.method);
  add_text(out, "path", record.path);
  add_number(out, "status", record.status);
  add_text(out, "tenant", record.tenant);
  if (!record.finish.empty()) add_text(out, "finish", record.finish);
  add_number(out, "streamed", record.streamed);
  add_number(out, "prompt_tokens", record.prompt_tokens);
  add_number(out, "cached_tokens", record.cached_tokens);
  add_number(out, "completion_tokens", record.completion_tokens);
  if (record.first_token_seconds) add_milliseconds(out, "ttft_ms", *record.first_token_seconds);
  if (record.per_token_seconds) add_milliseconds(out, "tpot_ms", *record.per_token_seconds);
  add_milliseconds(out, "total_ms", record.total_seconds);
  add_number(out, "bytes", record.bytes);
  if (!record.prompt.empty()) add_utf8(out, "prompt", record.prompt);
  if (!record.answer.empty()) add_utf8(out, "answer", record.answer);
  if (!record.ignored_fields.empty()) add_text(out, "ignored_fields", record.ignored_fields);
  out += '}';
  return out;
}

AccessLog::AccessLog(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}
AccessLog::~AccessLog() = default;

std::unique_ptr<AccessLog> AccessLog::to_stdout() {
  return std::unique_ptr<AccessLog>(
      new AccessLog(make_logger(std::make_shared<spdlog::sinks::stdout_sink_mt>())));
}

Result<std::unique_ptr<AccessLog>> AccessLog::to_file(const std::string& path) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    return std::unique_ptr<AccessLog>(new AccessLog(make_logger(std::move(sink))));
  } catch (const spdlog::spdlog_ex& failure) {
    return Error(ErrorCode::kInvalidArgument, "cannot write the access log " + path + " (" +
                                                  failure.what() +
                                                  "); give a path that can be written");
  }
}

std::unique_ptr<AccessLog> AccessLog::to_stream(std::ostream& stream) {
  return std::unique_ptr<AccessLog>(
      new AccessLog(make_logger(std::make_shared<spdlog::sinks::ostream_sink_mt>(stream))));
}

void AccessLog::write(const AccessRecord& record) {
  // The line goes in as an argument: braces in it are not formatting.
  logger_->log(spdlog::level::info, "{}",
               format_access_line(record, unix_time<std::chrono::milliseconds>()));
}

void AccessLog::flush() { logger_->flush(); }

}  // namespace trivet
