#include "api/responses/response_request.h"

#include "api/responses/input_items.h"
#include "api/responses/metadata.h"
#include "api/responses/response_tools.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class RequestReader {
 public:
  RequestReader(object body, FirstError& error, ResponseHistory& history)
      : fields_(body, error), error_(error), history_(history) {}

  ResponseRequest read(std::string_view suffix) {
    JsonWriter writer(request_.chat_body);
    writer.begin_object();
    read_modes(writer);
    read_messages(writer, suffix);
    read_generation(writer);
    read_text_format(writer);
    read_reasoning(writer);
    ResponseTools tools = read_response_tools(fields_, writer);
    move_to(request_.ignored_fields, tools.ignored);
    read_metadata();
    refuse_unsupported();
    // What this API does not know, the chat may: seed, top_k, chat_template_kwargs, ...
    fields_.write_unread(writer);
    writer.end_object();
    echo("tools", std::move(tools.echoed_tools));
    echo("tool_choice", std::move(tools.echoed_choice));
    echo("parallel_tool_calls", tools.parallel ? "true" : "false");
    return std::move(request_);
  }

 private:
  static void move_to(std::vector<std::string>& to, std::vector<std::string>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  void echo(std::string name, std::string json) {
    request_.echoed.emplace_back(std::move(name), std::move(json));
  }

  // Repeats the field as it came, or as `absent`.
  void echo_field(const std::string& name, const std::string& absent = "null") {
    const auto value = fields_.find(name);
    echo(name, value ? to_json(*value) : absent);
  }

  void read_modes(JsonWriter& writer) {
    fields_.read("stream", request_.stream);
    fields_.read("store", request_.store);
    fields_.read("background", request_.background);
    if (request_.background && !request_.store) {
      error_.bad_request("`background` needs `store`: the answer could not be asked for.",
                         "background");
    }
    fields_.read("previous_response_id", request_.previous_id);
    read_conversation();
    std::string model;
    fields_.read("model", model);
    if (!model.empty()) writer.key("model").string(model);
    writer.key("stream").boolean(request_.stream);
    if (const auto options = fields_.read_object("stream_options")) {
      Fields inner(*options, error_, "stream_options.");
      bool ignored = false;
      inner.read("include_obfuscation", ignored);
    }
  }

  // An id, or an object with an id.
  void read_conversation() {
    const auto value = fields_.find("conversation");
    if (!value) return;
    std::string id;
    if (value->is_string()) {
      fields_.read("conversation", id);
    } else if (const auto inner = fields_.read_object("conversation")) {
      Fields(*inner, error_, "conversation.").read("id", id);
    }
    if (id.empty()) return error_.bad_request("`conversation` must be an id.", "conversation");
    if (request_.previous_id) {
      error_.bad_request("`conversation` and `previous_response_id` exclude each other.",
                         "conversation");
    }
    if (!request_.store) {
      error_.bad_request("`conversation` needs `store`: the answer becomes part of it.",
                         "conversation");
    }
    std::string repeated;
    JsonWriter(repeated).begin_object().key("id").string(id).end_object();
    echo("conversation", std::move(repeated));
    request_.conversation = std::move(id);
  }

  void read_messages(JsonWriter& writer, std::string_view suffix) {
    std::string instructions;
    fields_.read("instructions", instructions);
    echo_field("instructions");
    std::string messages;
    if (!instructions.empty()) {
      ChatMessageBuilder chat;
      chat.add_message("system", instructions);
      messages = chat.take();
    }
    add_earlier_turns(messages);
    add_conversation(messages);
    InputItems input = read_input(fields_, suffix, history_);
    append(messages, input.messages);
    move_to(request_.ignored_fields, input.ignored);
    request_.input_items = std::move(input.items);
    request_.turn = std::move(input.messages);
    writer.key("messages").raw("[" + messages + "]");
  }

  static void append(std::string& messages, std::string_view more) {
    if (!messages.empty() && !more.empty()) messages += ',';
    messages += more;
  }

  void add_earlier_turns(std::string& messages) {
    if (!request_.previous_id) return;
    const auto turns = history_.turns(*request_.previous_id);
    if (!turns) {
      ApiError refusal = to_api_error(turns.error());
      refusal.param = "previous_response_id";
      return error_.add(std::move(refusal));
    }
    for (const std::string& turn : *turns) {
      if (messages.size() + turn.size() > JsonDocument::kMaxBytes) {
        return error_.bad_request("The conversation is too long; begin a new one.",
                                  "previous_response_id");
      }
      append(messages, std::string_view(turn).substr(1, turn.size() - 2));
    }
  }

  void add_conversation(std::string& messages) {
    if (!request_.conversation || error_) return;
    const auto items = history_.conversation(*request_.conversation);
    if (!items) {
      ApiError refusal = to_api_error(items.error());
      refusal.param = "conversation";
      return error_.add(std::move(refusal));
    }
    append(messages, messages_of_items(*items, error_));
  }

  void read_generation(JsonWriter& writer) {
    std::optional<int> max_tokens;
    fields_.read("max_output_tokens", max_tokens);
    if (max_tokens) writer.key("max_completion_tokens").integer(*max_tokens);
    echo_field("max_output_tokens");
    std::vector<std::string> include;
    fields_.read("include", include);
    int top_logprobs = 0;
    fields_.read("top_logprobs", top_logprobs);
    for (const std::string& name : include) {
      request_.wants_logprobs = request_.wants_logprobs || name == "message.output_text.logprobs";
    }
    if (top_logprobs > 0) request_.wants_logprobs = true;
    if (request_.wants_logprobs) {
      writer.key("logprobs").boolean(true);
      writer.key("top_logprobs").integer(top_logprobs);
    }
    echo("top_logprobs", std::to_string(top_logprobs));
    for (const char* name : {"max_tool_calls", "truncation", "service_tier", "prompt_cache_key",
                             "prompt_cache_retention", "safety_identifier"}) {
      if (fields_.has(name)) request_.ignored_fields.emplace_back(name);
    }
    echo_field("truncation", "\"disabled\"");
    echo_field("service_tier", "\"default\"");
    echo_field("prompt_cache_key");
    echo_field("safety_identifier");
    echo_field("max_tool_calls");
    echo_field("user");
  }

  void read_text_format(JsonWriter& writer) {
    const auto text = fields_.read_object("text");
    if (!text) return echo("text", R"({"format":{"type":"text"}})");
    Fields inner(*text, error_, "text.");
    std::string verbosity;
    inner.read("verbosity", verbosity);
    const auto format = inner.read_object("format");
    if (!format) return echo("text", R"({"format":{"type":"text"}})");
    echo("text", to_json(*fields_.find("text")));
    Fields of_format(*format, error_, "text.format.");
    std::string type;
    of_format.read("type", type);
    if (type == "text") return;
    if (type == "json_object") {
      writer.key("response_format").begin_object().key("type").string(type).end_object();
    } else if (type == "json_schema") {
      write_schema(of_format, writer);
    } else {
      error_.bad_request(
          "`text.format.type` must be text, json_object or json_schema, got \"" + type + "\".",
          "text.format.type");
    }
  }

  // Flat here, nested there.
  void write_schema(Fields& format, JsonWriter& writer) {
    if (!format.read_object("schema")) {
      return error_.bad_request("`text.format.schema` is missing.", "text.format.schema");
    }
    writer.key("response_format").begin_object();
    writer.key("type").string("json_schema");
    writer.key("json_schema").begin_object();
    format.write_unread(writer);
    writer.key("schema").raw(to_json(*format.find("schema")));
    writer.end_object().end_object();
  }

  void read_reasoning(JsonWriter& writer) {
    const auto reasoning = fields_.read_object("reasoning");
    echo("reasoning",
         reasoning ? to_json(*fields_.find("reasoning")) : R"({"effort":null,"summary":null})");
    if (!reasoning) return;
    Fields inner(*reasoning, error_, "reasoning.");
    std::string effort, summary;
    inner.read("effort", effort);
    inner.read("summary", summary);
    if (!effort.empty()) writer.key("reasoning_effort").string(effort);
  }

  void read_metadata() {
    echo_field("metadata", "{}");
    (void)::trivet::read_metadata(fields_);
  }

  void refuse_unsupported() {
    if (fields_.has("prompt")) {
      error_.not_implemented(
          "`prompt` is not supported; send `previous_response_id` or `conversation`, and `input`.",
          "prompt");
    }
    for (const char* name :
         {"messages", "n", "response_format", "max_tokens", "max_completion_tokens", "logprobs",
          "echo", "continue_final_message"}) {
      if (fields_.has(name)) {
        error_.bad_request(
            std::string("`") + name + "` belongs to chat completions, not to responses.", name);
      }
    }
  }

  Fields fields_;
  FirstError& error_;
  ResponseHistory& history_;
  ResponseRequest request_;
};

}  // namespace

std::optional<ResponseRequest> read_response_request(std::string_view body, std::string_view suffix,
                                                     ResponseHistory& history, FirstError& error) {
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return std::nullopt;
  ResponseRequest request = RequestReader(*object, error, history).read(suffix);
  if (error) return std::nullopt;
  return request;
}

}  // namespace trivet
