#include "api/batches/batch_json.h"

#include <charconv>

#include "api/batches/batch_line.h"

namespace trivet {
namespace {

constexpr int64_t kMaxWindowSeconds = int64_t{14} * 24 * 3600;

// "24h", "7d"
std::optional<int64_t> seconds_of(std::string_view window) {
  int64_t count = 0;
  const char* end = window.data() + window.size();
  const auto parsed = std::from_chars(window.data(), end, count);
  if (parsed.ec != std::errc() || parsed.ptr + 1 != end || count < 1 || count > 10000)
    return std::nullopt;
  const int64_t seconds = *parsed.ptr == 'h'   ? count * 3600
                          : *parsed.ptr == 'd' ? count * 86400
                                               : 0;
  return seconds > 0 && seconds <= kMaxWindowSeconds ? std::optional(seconds) : std::nullopt;
}

void write_time(JsonWriter& writer, std::string_view name, const std::optional<int64_t>& time) {
  writer.key(name);
  time ? writer.integer(*time) : writer.null();
}

void write_text(JsonWriter& writer, std::string_view name, const std::optional<std::string>& text) {
  writer.key(name);
  text ? writer.string(*text) : writer.null();
}

void write_batch(JsonWriter& writer, const BatchRecord& batch) {
  writer.begin_object();
  writer.key("id").string(batch.id);
  writer.key("object").string("batch");
  writer.key("endpoint").string(batch.endpoint);
  writer.key("errors").raw(batch.errors);
  writer.key("input_file_id").string(batch.input_file);
  writer.key("completion_window").string(batch.completion_window);
  writer.key("status").string(batch.status);
  write_text(writer, "output_file_id", batch.output_file);
  write_text(writer, "error_file_id", batch.error_file);
  writer.key("created_at").integer(batch.created);
  write_time(writer, "in_progress_at", batch.times.in_progress);
  writer.key("expires_at").integer(batch.expires);
  write_time(writer, "finalizing_at", batch.times.finalizing);
  write_time(writer, "completed_at", batch.times.completed);
  write_time(writer, "failed_at", batch.times.failed);
  write_time(writer, "expired_at", batch.times.expired);
  write_time(writer, "cancelling_at", batch.times.cancelling);
  write_time(writer, "cancelled_at", batch.times.cancelled);
  writer.key("request_counts").begin_object();
  writer.key("total").integer(batch.total);
  writer.key("completed").integer(batch.completed);
  writer.key("failed").integer(batch.failed).end_object();
  writer.key("metadata").raw(batch.metadata);
  writer.end_object();
}

}  // namespace

std::optional<BatchRequest> read_batch_request(std::string_view body, FirstError& error) {
  JsonDocument document;
  const auto root = document.parse_object(body, error);
  if (!root) return std::nullopt;
  Fields fields(*root, error);
  BatchRequest request;
  fields.read("input_file_id", request.input_file);
  fields.read("endpoint", request.endpoint);
  fields.read("completion_window", request.completion_window);
  if (fields.read_object("metadata")) request.metadata = to_json(*fields.find("metadata"));
  if (request.metadata.size() > 16 << 10) {
    error.bad_request("`metadata` is larger than 16 KiB.", "metadata");
  }
  if (request.input_file.empty()) error.bad_request("`input_file_id` is missing.", "input_file_id");
  if (!is_batch_endpoint(request.endpoint)) {
    error.bad_request("`endpoint` must be one of " + batch_endpoints() + ".", "endpoint");
  }
  const auto seconds = seconds_of(request.completion_window);
  if (!seconds) {
    error.bad_request("`completion_window` must be hours or days, at most 14 days: 24h, 7d.",
                      "completion_window");
  }
  if (error) return std::nullopt;
  request.window_seconds = *seconds;
  return request;
}

std::string faults_json(const std::vector<BatchFault>& faults) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("object").string("list");
  writer.key("data").begin_array();
  for (const BatchFault& fault : faults) {
    writer.begin_object();
    writer.key("code").string(fault.code);
    writer.key("line");
    fault.line > 0 ? writer.integer(fault.line) : writer.null();
    writer.key("message").string(fault.message);
    writer.key("param").null().end_object();
  }
  writer.end_array().end_object();
  return out;
}

std::string batch_json(const BatchRecord& batch) {
  std::string out;
  JsonWriter writer(out);
  write_batch(writer, batch);
  return out;
}

std::string batch_list_json(const std::vector<BatchRecord>& batches, bool has_more) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("object").string("list");
  writer.key("data").begin_array();
  for (const BatchRecord& batch : batches) write_batch(writer, batch);
  writer.end_array();
  writer.key("first_id");
  batches.empty() ? writer.null() : writer.string(batches.front().id);
  writer.key("last_id");
  batches.empty() ? writer.null() : writer.string(batches.back().id);
  writer.key("has_more").boolean(has_more);
  writer.end_object();
  return out;
}

}  // namespace trivet
