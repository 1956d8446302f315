// Bodies of every endpoint that takes one; parsed calls are also answered.
#include <cstddef>
#include <cstdint>

#include "api/anthropic/messages_api.h"
#include "api/batches/batch_json.h"
#include "api/batches/batch_line.h"
#include "api/call.h"
#include "api/conversations/conversation_json.h"
#include "api/fake_text.h"
#include "api/llama_cpp/llama_cpp_api.h"
#include "api/ollama/ollama_api.h"
#include "api/responses/responses.h"

namespace {

// Whatever is asked for is there.
class RichHistory final : public trivet::ResponseHistory {
 public:
  using Texts = trivet::Result<std::vector<std::string>>;
  Texts turns(std::string_view) override { return std::vector<std::string>{"[]"}; }
  Texts conversation(std::string_view) override { return std::vector<std::string>{kItem}; }
  trivet::Result<std::string> item(std::string_view) override { return std::string(kItem); }

 private:
  static constexpr const char* kItem =
      R"({"id":"m","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]})";
};

void answer(trivet::ParsedCall parsed) {
  if (!parsed.call) return;
  for (const trivet::EngineRequest& request : parsed.call->take_requests()) {
    trivet::RequestOutput output;
    output.request_id = request.id;
    output.usage = {1, 0, 1};
    trivet::PositionLogprobs logprobs{{65, -1.0f, 1}, {{66, -0.5f, 1}}};
    output.sequences.push_back({0, "A\xFF", {65}, {logprobs}, trivet::FinishReason::kStop, {}});
    output.finished = true;
    parsed.call->encode(output);
  }
  if (!parsed.call->streamed()) parsed.call->body();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const trivet::FakeModel model;
  const trivet::CallContext context{"1", "", 1};
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  answer(trivet::parse_completion(body, model.served, context));
  answer(trivet::parse_chat_completion(body, model.served, context));
  RichHistory history;
  trivet::ParsedResponse response =
      trivet::parse_response(body, model.served, context, "resp_1", history);
  answer({std::move(response.call), std::nullopt, {}});
  (void)trivet::read_batch_line(body);
  trivet::FirstError error;
  (void)trivet::read_batch_request(body, error);
  trivet::FirstError of_items;
  (void)trivet::read_conversation_body(body, "1", history, of_items);
  trivet::answer_tokenize(body, model.served);
  trivet::answer_detokenize(body, model.served);
  answer(trivet::parse_messages(body, model.served, context));
  trivet::answer_count_tokens(body, model.served);
  answer(trivet::parse_native_completion(body, model.served, context));
  answer(trivet::parse_infill(body, model.served, context));
  trivet::answer_apply_template(body, model.served);
  trivet::answer_ollama_show(body, model.served);
  for (const auto ollama : {trivet::answer_ollama_chat, trivet::answer_ollama_generate}) {
    trivet::OllamaAnswer parsed = ollama(body, model.served, context);
    if (auto* call = std::get_if<trivet::ParsedCall>(&parsed)) answer(std::move(*call));
  }
  return 0;
}
