// The Ollama API: /api/*.
#ifndef TRIVET_API_OLLAMA_OLLAMA_API_H_
#define TRIVET_API_OLLAMA_OLLAMA_API_H_

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "api/call.h"

namespace trivet {

// A request without a prompt only asks to load the model: it is answered at once.
using OllamaAnswer = std::variant<ParsedCall, PlainAnswer>;
OllamaAnswer answer_ollama_generate(std::string_view body, const ServedModel& model,
                                    const CallContext& context);
OllamaAnswer answer_ollama_chat(std::string_view body, const ServedModel& model,
                                const CallContext& context);

// A model on disk that does not serve.
struct StoredModel {
  std::string name;
  uint64_t bytes = 0;
  int64_t modified = 0;  // Unix seconds
};
PlainAnswer answer_ollama_tags(const ServedModel* model, std::span<const StoredModel> stored);
PlainAnswer answer_ollama_ps(const ServedModel& model);
PlainAnswer answer_ollama_show(std::string_view body, const ServedModel& model);
PlainAnswer answer_ollama_version();

// {"error": text}
std::string encode_ollama_error(const ApiError& error);

// The name of a body: "model", or "name" from before it. Reports a missing one.
struct OllamaModelName {
  std::string name;
  bool stream = true;
};
std::optional<OllamaModelName> read_ollama_name(std::string_view body,
                                                std::optional<ApiError>& error);

// The served name that a client means by `name`: ":latest" is the tag of names without one, and
// case does not matter. Empty = not served.
std::string served_name(std::string_view name, const ServedModel& model);
ApiError ollama_not_found(std::string_view name, const ServedModel* model);

}  // namespace trivet

#endif  // TRIVET_API_OLLAMA_OLLAMA_API_H_
