#include "api/responses/responses.h"

namespace trivet {
namespace {

// FNV-1a: the same everywhere and always.
uint64_t seed_of(std::string_view id) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// The chat's names for what the client called otherwise.
std::string param_of(const std::string& param) {
  if (param == "messages") return "input";
  if (param == "max_tokens" || param == "max_completion_tokens") return "max_output_tokens";
  if (param.starts_with("response_format")) return "text.format";
  if (param == "reasoning_effort") return "reasoning.effort";
  return param;
}

ApiError translated(ApiError error) {
  if (error.param) error.param = param_of(*error.param);
  return error;
}

Error nothing_stored(std::string_view what, std::string_view id) {
  return Error(ErrorCode::kNotFound, "there is no " + std::string(what) + " " + std::string(id) +
                                         ": none are stored here");
}

}  // namespace

ParsedResponse parse_response(std::string_view body, const ServedModel& model,
                              const CallContext& context, const std::string& id,
                              ResponseHistory& history) {
  FirstError error;
  auto request = read_response_request(body, id.substr(id.find('_') + 1), history, error);
  if (!request) return {nullptr, error.take(), {}};
  std::vector<std::string> ignored = request->ignored_fields, ignored_by_chat;
  auto chat = read_chat_request(request->chat_body, model, error, ignored_by_chat);
  if (!chat) return {nullptr, translated(error.take()), {}};
  ignored.insert(ignored.end(), ignored_by_chat.begin(), ignored_by_chat.end());
  if (!chat->common.params.seed) chat->common.params.seed = seed_of(id);
  return {std::make_unique<ResponseCall>(id, context.unix_seconds, *std::move(request),
                                         *std::move(chat), model, context),
          std::nullopt, std::move(ignored)};
}

Result<std::vector<std::string>> NoHistory::turns(std::string_view response) {
  return nothing_stored("response", response);
}

Result<std::vector<std::string>> NoHistory::conversation(std::string_view id) {
  return nothing_stored("conversation", id);
}

Result<std::string> NoHistory::item(std::string_view id) { return nothing_stored("item", id); }

}  // namespace trivet
