#include "api/batches/batch_line.h"

#include <array>

#include "api/json_fields.h"
#include "api/responses/responses.h"

namespace trivet {
namespace {

using ParseFunction = ParsedCall (*)(std::string_view, const ServedModel&, const CallContext&);

ParsedCall parse_batch_response(std::string_view body, const ServedModel& model,
                                const CallContext& context) {
  NoHistory nothing;
  ParsedResponse parsed =
      parse_response(body, model, context, "resp_" + context.request_id, nothing);
  return {std::move(parsed.call), std::move(parsed.error), std::move(parsed.ignored_fields)};
}

struct Endpoint {
  std::string_view url;
  ParseFunction parse;
};
constexpr std::array<Endpoint, 3> kEndpoints = {{{"/v1/chat/completions", parse_chat_completion},
                                                 {"/v1/completions", parse_completion},
                                                 {"/v1/responses", parse_batch_response}}};

const Endpoint* find_endpoint(std::string_view url) {
  for (const Endpoint& endpoint : kEndpoints) {
    if (endpoint.url == url) return &endpoint;
  }
  return nullptr;
}

Error wrong(const std::string& what) { return Error(ErrorCode::kInvalidArgument, what); }

std::string without_stream(simdjson::dom::object body) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const auto field : body) {
    if (field.key == "stream" || field.key == "stream_options" || field.key == "background")
      continue;
    writer.key(field.key);
    write_element(writer, field.value);
  }
  writer.end_object();
  return out;
}

void begin_line(JsonWriter& writer, std::string_view id, std::string_view custom_id) {
  writer.begin_object();
  writer.key("id").string(id);
  writer.key("custom_id").string(custom_id);
}

}  // namespace

bool is_batch_endpoint(std::string_view url) { return find_endpoint(url) != nullptr; }

std::string batch_endpoints() {
  std::string names;
  for (const Endpoint& endpoint : kEndpoints) {
    if (!names.empty()) names += ", ";
    names += endpoint.url;
  }
  return names;
}

Result<BatchLine> read_batch_line(std::string_view text) {
  FirstError error;
  JsonDocument document;
  const auto root = document.parse_object(text, error);
  if (!root) return wrong(error.take().message);
  Fields fields(*root, error);
  BatchLine line;
  std::string method = "POST";
  fields.read("custom_id", line.custom_id);
  fields.read("method", method);
  fields.read("url", line.url);
  const auto body = fields.read_object("body");
  if (error) return wrong(error.take().message);
  if (line.custom_id.empty() || line.custom_id.size() > BatchLine::kMaxCustomIdBytes) {
    return wrong("`custom_id` must have 1 to " + std::to_string(BatchLine::kMaxCustomIdBytes) +
                 " bytes");
  }
  if (method != "POST") return wrong("`method` must be POST");
  if (!is_batch_endpoint(line.url)) return wrong("`url` must be one of " + batch_endpoints());
  if (!body) return wrong("`body` must be an object");
  line.body = without_stream(*body);
  return line;
}

ParsedCall parse_batch_call(const BatchLine& line, const ServedModel& model,
                            const CallContext& context) {
  const Endpoint* endpoint = find_endpoint(line.url);
  TRIVET_CHECK(endpoint != nullptr);
  return endpoint->parse(line.body, model, context);
}

std::string answer_line(std::string_view id, std::string_view custom_id, int status,
                        std::string_view request_id, std::string_view body) {
  std::string out;
  JsonWriter writer(out);
  begin_line(writer, id, custom_id);
  writer.key("response").begin_object();
  writer.key("status_code").integer(status);
  writer.key("request_id").string(request_id);
  writer.key("body").raw(body).end_object();
  writer.key("error").null().end_object();
  return out + "\n";
}

std::string failure_line(std::string_view id, std::string_view custom_id, std::string_view code,
                         std::string_view message) {
  std::string out;
  JsonWriter writer(out);
  begin_line(writer, id, custom_id);
  writer.key("response").null();
  writer.key("error").begin_object();
  writer.key("code").string(code);
  writer.key("message").string(message).end_object().end_object();
  return out + "\n";
}

}  // namespace trivet
