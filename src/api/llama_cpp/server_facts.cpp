// The endpoints of llama.cpp's API that need no engine.
#include <algorithm>

#include "api/llama_cpp/llama_cpp_api.h"
#include "api/llama_cpp/native_call.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/request_fields.h"

namespace trivet {
namespace {

std::string_view llama_error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

GenerationParams default_params(const ServedModel& model) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object("{}", error);
  std::vector<std::string> ignored;
  if (!object) return {};
  Fields fields(*object, error);
  return read_native_request(fields, model, ignored).params;
}

void write_slot(JsonWriter& writer, const ServedModel& model, const GenerationParams& params,
                int id, bool busy) {
  writer.begin_object().key("id").integer(id).key("n_ctx").integer(model.max_model_len);
  writer.key("speculative").boolean(false).key("is_processing").boolean(busy);
  writer.key("params");
  write_generation_settings(writer, params, false);
  writer.end_object();
}

}  // namespace

std::string encode_llama_cpp_error(const ApiError& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").begin_object();
  writer.key("code").integer(error.http_status);
  writer.key("message").string(error.message);
  writer.key("type").string(llama_error_type(error.http_status)).end_object().end_object();
  return out;
}

PlainAnswer answer_apply_template(std::string_view body, const ServedModel& model) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return {{}, error.take()};
  Fields fields(*object, error);
  check_model(fields, model);
  if (error) return {{}, error.take()};
  const ChatPrompt prompt = read_chat_prompt(fields, model);
  if (error) return {{}, error.take()};
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("prompt").string(prompt.text).end_object();
  return answer;
}

PlainAnswer answer_props(const ServedModel& model) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("default_generation_settings").begin_object();
  writer.key("params");
  write_generation_settings(writer, default_params(model), false);
  writer.key("n_ctx").integer(model.max_model_len).end_object();
  writer.key("total_slots").integer(std::max(model.max_running, 1));
  writer.key("model_alias").string(model.names.front()).key("model_path").string(model.root);
  writer.key("modalities").begin_object();
  writer.key("vision").boolean(false).key("audio").boolean(false).end_object();
  writer.key("chat_template")
      .string(model.chat_template == nullptr ? "" : model.chat_template->source());
  writer.key("bos_token").string(model.bos_token).key("eos_token").string(model.eos_token);
  writer.key("build_info").string("trivet " TRIVET_VERSION);
  writer.key("is_sleeping").boolean(false).end_object();
  return answer;
}

PlainAnswer answer_slots(const ServedModel& model, int running, bool fail_if_busy) {
  PlainAnswer answer;
  const int slots = std::max(model.max_running, 1);
  if (fail_if_busy && running >= slots) {
    answer.error = to_api_error(Error(ErrorCode::kUnavailable, "no slot available"));
    return answer;
  }
  const GenerationParams params = default_params(model);
  JsonWriter writer(answer.body);
  writer.begin_array();
  for (int id = 0; id < slots; ++id) write_slot(writer, model, params, id, id < running);
  writer.end_array();
  return answer;
}

}  // namespace trivet
