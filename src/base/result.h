// Errors as values. A function that can fail because of a user, a file, the network or a device
// returns Result<T>; it never throws. CHECK (check.h) is only for mistakes of our own.
#ifndef TRIVET_BASE_RESULT_H_
#define TRIVET_BASE_RESULT_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace trivet {

// Mapped once to HTTP statuses and exit codes (api/http_status.h). Add none without need.
enum class ErrorCode {
  kInvalidArgument,  // the request itself is wrong; repeating it will not help
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kUnauthenticated,
  kResourceExhausted,  // a bounded queue, quota or budget is full; try again later
  kUnavailable,        // not serving now (starting, draining)
  kDeadlineExceeded,
  kCancelled,
  kUnimplemented,  // valid, but this build or device cannot do it
  kDataLoss,       // a file or message is damaged
  kInternal,       // our own mistake, or the device failed
};

std::string_view error_code_name(ErrorCode code);

// What went wrong, for a person: the message names the offending value and what to do about it.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error, with `context` and ": " before the message.
  Error with_context(std::string_view context) const {
    return Error(code_, std::string(context) + ": " + message_);
  }

 private:
  ErrorCode code_;
  std::string message_;
};

// A value or an error. Result<void> is success or an error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // The value; only if ok().
  T& value() & { return checked(); }
  const T& value() const& { return checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  // The error; only if not ok().
  const Error& error() const {
    TRIVET_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  void check_ok() const {
    if (!ok()) check_failed("Result::value on an error: " + std::get<1>(state_).message());
  }
  T& checked() { return check_ok(), std::get<0>(state_); }
  const T& checked() const { return check_ok(), std::get<0>(state_); }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    TRIVET_CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace trivet

#define TRIVET_CONCAT_(a, b) a##b
#define TRIVET_CONCAT(a, b) TRIVET_CONCAT_(a, b)

// Returns the error of a Result<void> (or of any Result whose value is not needed).
#define TRIVET_RETURN_IF_ERROR(expr)                                                  \
  do {                                                                                \
    if (auto trivet_result_ = (expr); !trivet_result_) return trivet_result_.error(); \
  } while (false)

// TRIVET_ASSIGN_OR_RETURN(auto x, f()): binds the value or returns the error.
#define TRIVET_ASSIGN_OR_RETURN(lhs, expr) \
  TRIVET_ASSIGN_OR_RETURN_(TRIVET_CONCAT(trivet_result_, __LINE__), lhs, expr)
#define TRIVET_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp) return tmp.error();                  \
  lhs = std::move(tmp).value()

#endif  // TRIVET_BASE_RESULT_H_
