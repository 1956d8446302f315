// Parsing of POST /api/chat.
#include "api/ollama/chat_messages.h"
#include "api/ollama/ollama_api.h"
#include "api/ollama/ollama_call.h"
#include "api/openai/chat_request.h"
#include "api/timestamp.h"

namespace trivet {
namespace {

PlainAnswer chat_loaded(const OllamaRequest& request, const CallContext& context) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("model").string(request.asked_name);
  writer.key("created_at").string(rfc3339(context.unix_seconds));
  writer.key("message").begin_object().key("role").string("assistant");
  writer.key("content").string("").end_object();
  writer.key("done").boolean(true);
  writer.key("done_reason").string(request.unloads ? "unload" : "load").end_object();
  answer.body += '\n';
  return answer;
}

void copy_tools(Fields& fields, JsonWriter& writer) {
  for (const char* name : {"tools", "tool_choice", "parallel_tool_calls"}) {
    const auto value = fields.find(name);
    if (!value) continue;
    writer.key(name);
    write_element(writer, *value);
  }
}

void write_logprobs(const OllamaRequest& request, JsonWriter& writer) {
  if (!request.logprobs) return;
  writer.key("logprobs").boolean(true).key("top_logprobs").integer(request.top_logprobs);
}

}  // namespace

OllamaAnswer answer_ollama_chat(std::string_view body, const ServedModel& model,
                                const CallContext& context) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return PlainAnswer{{}, error.take()};
  Fields fields(*object, error);
  std::string chat;
  JsonWriter writer(chat);
  writer.begin_object();
  const OllamaRequest request = write_common_options(fields, model, writer);
  const auto messages = fields.read_array("messages");
  if (!error && (!messages || messages->size() == 0)) return chat_loaded(request, context);
  if (!error) write_ollama_messages(*messages, fields, writer);
  copy_tools(fields, writer);
  write_logprobs(request, writer);
  writer.end_object();
  if (error) return PlainAnswer{{}, error.take()};

  ParsedCall parsed;
  auto chat_request = read_chat_request(chat, model, error, parsed.ignored_fields);
  if (!chat_request) return PlainAnswer{{}, error.take()};
  EngineRequest engine_request;
  engine_request.params = std::move(chat_request->common.params);
  engine_request.params.max_tokens =
      fitting_tokens(request.max_tokens, chat_request->prompt.size(), model);
  engine_request.prompt = std::move(chat_request->prompt);
  parsed.call = std::make_unique<OllamaCall>(OllamaKind::kChat, request, std::move(engine_request),
                                             chat_request->format, model, context);
  parsed.ignored_fields = request.ignored;
  for (std::string& name : fields.unread()) parsed.ignored_fields.push_back(std::move(name));
  return parsed;
}

}  // namespace trivet
