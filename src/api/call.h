// One API call after parsing: what to give the engine, and how its outputs become bytes. The server
// knows nothing about wire formats beyond this; a wire format knows nothing about sockets.
#ifndef TRIVET_API_CALL_H_
#define TRIVET_API_CALL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_facts.h"
#include "base/result.h"
#include "dialects/dialect.h"
#include "engine/engine.h"
#include "sampling/generation_params.h"
#include "text/chat_template.h"
#include "text/grammar.h"
#include "text/tokenizer.h"
#include "weights/model_config.h"

namespace trivet {

// A model as clients see it. Immutable while it serves; the pointers are owned elsewhere and
// outlive it.
struct ServedModel {
  std::vector<std::string> names;  // the first is the one reported
  std::string root;                // path or catalog name
  int64_t created = 0;             // Unix seconds
  int max_model_len = 0;           // prompt + answer, tokens
  const Tokenizer* tokenizer = nullptr;
  const ChatTemplate* chat_template = nullptr;  // null = the model has none: chat answers 400
  // How it writes tool calls and reasoning; null = found from the chat template.
  const Dialect* dialect = nullptr;
  const ReasoningStyle* reasoning = nullptr;
  std::string bos_token, eos_token;  // for templates that come with a request
  std::vector<TokenId> end_tokens;
  GenerationDefaults defaults;
  GenerationLimits limits;
  const GrammarCompiler* grammars = nullptr;  // null = constrained output is not available (501)
  bool trust_request_chat_template = false;
  bool force_include_usage = false;     // in every stream
  std::string default_template_kwargs;  // JSON object for the template; empty = none
  ModelFacts facts;
  int max_running = 0;  // requests that can run at once
};

// About the request around the body.
struct CallContext {
  std::string request_id;  // from X-Request-Id or made by the server; unique
  std::string tenant;      // API key id; empty = anonymous
  int64_t unix_seconds = 0;
  bool admin = false;      // may see and change what belongs to others
};

// An error as clients see it (vLLM's shape: {"error": {"message", "type", "param", "code"}}).
struct ApiError {
  int http_status = 500;
  std::string type;  // "BadRequestError", ...
  std::string message;
  std::optional<std::string> param;
  std::optional<int> retry_after_seconds;  // becomes the Retry-After header
};

ApiError to_api_error(const Error& error);        // the one mapping of ErrorCode to HTTP
std::string encode_error(const ApiError& error);  // the JSON body
// How a wire format writes the body of an error.
using ErrorEncoder = std::string (*)(const ApiError&);

// Used by one thread at a time.
class GenerationCall {
 public:
  virtual ~GenerationCall() = default;
  // What to submit, once: one request per prompt; ids are made from the context's request_id.
  virtual std::vector<EngineRequest> take_requests() = 0;
  virtual bool streamed() const = 0;
  // Takes one output. Streamed: returns the bytes to send now (whole SSE events, the last one
  // "[DONE]" after the last request finished; an error after the start becomes an error event).
  // Else: returns nothing.
  virtual std::string encode(const RequestOutput& output) = 0;
  // All requests have finished, or one failed: nothing more is expected, what still runs can be
  // cancelled.
  virtual bool done() const = 0;
  virtual const std::optional<ApiError>& error() const = 0;  // not streamed: the call failed
  virtual std::string body() const = 0;    // not streamed, done, no error: the JSON answer
  virtual RequestUsage usage() const = 0;  // so far, for the access log

  // The client asked that its stream outlive a lost connection.
  virtual bool wants_resumable_stream() const { return false; }

  // The wire format around the answer; what is here is OpenAI's.
  virtual std::string_view stream_content_type() const;
  // Sent into a stream that has been silent for long; empty = nothing.
  virtual std::string_view stream_ping() const;
  // An error that the server found, before the first byte of the answer.
  virtual std::string encode_error_body(const ApiError& error) const;
  // The same inside a stream: its last bytes.
  virtual std::string encode_error_event(const ApiError& error) const;
};

// POST /v1/completions, /v1/chat/completions. kNotFound for a model name that is not served; all
// else that is wrong with the body is kInvalidArgument. `param` of the error, where known, is in
// the ApiError.
struct ParsedCall {
  std::unique_ptr<GenerationCall> call;
  std::optional<ApiError> error;  // set when call is null
  std::vector<std::string>
      ignored_fields;  // fields of the body that have no meaning here, for a warning
};
ParsedCall parse_completion(std::string_view body, const ServedModel& model,
                            const CallContext& context);
ParsedCall parse_chat_completion(std::string_view body, const ServedModel& model,
                                 const CallContext& context);

// Calls that need no engine: the JSON answer or an error.
struct PlainAnswer {
  std::string body;
  std::optional<ApiError> error;
};
PlainAnswer answer_tokenize(std::string_view body, const ServedModel& model);
PlainAnswer answer_detokenize(std::string_view body, const ServedModel& model);
// POST .../render: the tokens and parameters that generation would get, without generating.
PlainAnswer answer_render_chat(std::string_view body, const ServedModel& model,
                               const CallContext& context);
PlainAnswer answer_render_completion(std::string_view body, const ServedModel& model,
                                     const CallContext& context);
PlainAnswer answer_models(const ServedModel& model);                      // GET /v1/models
PlainAnswer answer_model(std::string_view id, const ServedModel& model);  // GET /v1/models/{id}
PlainAnswer answer_version();                                             // GET /version

}  // namespace trivet

#endif  // TRIVET_API_CALL_H_
