#include <gtest/gtest.h>

#include "api/call.h"

namespace trivet {
namespace {

TEST(ToApiError, MapsEveryCodeToItsStatusAndType) {
  const struct {
    ErrorCode code;
    int status;
    const char* type;
    bool retry;
  } kMap[] = {
      {ErrorCode::kInvalidArgument, 400, "BadRequestError", false},
      {ErrorCode::kNotFound, 404, "NotFoundError", false},
      {ErrorCode::kAlreadyExists, 409, "ConflictError", false},
      {ErrorCode::kPermissionDenied, 403, "PermissionDeniedError", false},
      {ErrorCode::kUnauthenticated, 401, "authentication_error", false},
      {ErrorCode::kResourceExhausted, 429, "RateLimitError", true},
      {ErrorCode::kUnavailable, 503, "ServiceUnavailable", true},
      {ErrorCode::kDeadlineExceeded, 504, "DeadlineExceededError", false},
      {ErrorCode::kCancelled, 499, "RequestCancelledError", false},
      {ErrorCode::kUnimplemented, 501, "NotImplementedError", false},
      {ErrorCode::kDataLoss, 500, "InternalServerError", false},
      {ErrorCode::kInternal, 500, "InternalServerError", false},
  };
  for (const auto& expected : kMap) {
    const ApiError error = to_api_error(Error(expected.code, "why"));
    EXPECT_EQ(error.http_status, expected.status);
    EXPECT_EQ(error.type, expected.type);
    EXPECT_EQ(error.message, "why");
    EXPECT_EQ(error.retry_after_seconds.has_value(), expected.retry) << expected.status;
  }
}

TEST(EncodeError, HasTheShapeOfTheOpenAiApi) {
  ApiError error{404, "NotFoundError", "The model `x` does not exist.", "model", std::nullopt};
  EXPECT_EQ(encode_error(error),
            R"({"error":{"message":"The model `x` does not exist.","type":"NotFoundError",)"
            R"("param":"model","code":404}})");
  error = {429, "RateLimitError", "full", std::nullopt, 1};
  EXPECT_EQ(encode_error(error),
            R"({"error":{"message":"full","type":"RateLimitError","param":null,"code":429,)"
            R"("retry_after":1}})");
}

}  // namespace
}  // namespace trivet
