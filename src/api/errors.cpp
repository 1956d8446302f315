#include "api/call.h"
#include "api/json_writer.h"

namespace trivet {
namespace {

struct HttpError {
  int status;
  const char* type;
};

HttpError http_error(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return {400, "BadRequestError"};
    case ErrorCode::kNotFound:
      return {404, "NotFoundError"};
    case ErrorCode::kAlreadyExists:
      return {409, "ConflictError"};
    case ErrorCode::kPermissionDenied:
      return {403, "PermissionDeniedError"};
    case ErrorCode::kUnauthenticated:
      return {401, "authentication_error"};
    case ErrorCode::kResourceExhausted:
      return {429, "RateLimitError"};
    case ErrorCode::kUnavailable:
      return {503, "ServiceUnavailable"};
    case ErrorCode::kDeadlineExceeded:
      return {504, "DeadlineExceededError"};
    case ErrorCode::kCancelled:
      return {499, "RequestCancelledError"};
    case ErrorCode::kUnimplemented:
      return {501, "NotImplementedError"};
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
      break;
  }
  return {500, "InternalServerError"};
}

}  // namespace

ApiError to_api_error(const Error& error) {
  const HttpError http = http_error(error.code());
  ApiError result;
  result.http_status = http.status;
  result.type = http.type;
  result.message = error.message();
  if (http.status == 429 || http.status == 503) result.retry_after_seconds = 1;
  return result;
}

std::string encode_error(const ApiError& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object();
  writer.key("message").string(error.message);
  writer.key("type").string(error.type);
  writer.key("param");
  error.param ? writer.string(*error.param) : writer.null();
  writer.key("code").integer(error.http_status);
  if (error.retry_after_seconds) writer.key("retry_after").integer(*error.retry_after_seconds);
  writer.end_object().end_object();
  return out;
}

std::string_view GenerationCall::stream_content_type() const {
  return "text/event-stream; charset=utf-8";
}

std::string_view GenerationCall::stream_ping() const { return ": ping\n\n"; }

std::string GenerationCall::encode_error_body(const ApiError& error) const {
  return encode_error(error);
}

std::string GenerationCall::encode_error_event(const ApiError& error) const {
  return "data: " + encode_error(error) + "\n\ndata: [DONE]\n\n";
}

}  // namespace trivet
