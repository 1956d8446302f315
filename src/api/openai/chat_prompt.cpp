#include "api/openai/chat_prompt.h"

#include "api/openai/messages.h"
#include "api/openai/tool_prompt.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// What the template is given, as JSON texts.
struct TemplateInput {
  ChatMessages messages;
  std::string tools, documents, extra;
  bool add_generation_prompt = true;
  bool continue_final_message = false;

  ChatInput view() const {
    return {messages.json, tools, documents, extra, add_generation_prompt, continue_final_message};
  }
};

std::string array_json(Fields& fields, std::string_view name) {
  const auto array = fields.read_array(name);
  return array && array->size() > 0 ? to_json(*fields.find(name)) : std::string();
}

// Variables for the template that have fields of their own.
struct TemplateSwitches {
  std::string reasoning_effort;
  std::optional<bool> enable_thinking;

  bool any() const { return !reasoning_effort.empty() || enable_thinking; }
};

TemplateSwitches read_switches(Fields& fields) {
  TemplateSwitches switches;
  fields.read("reasoning_effort", switches.reasoning_effort);
  fields.read("enable_thinking", switches.enable_thinking);
  if (switches.reasoning_effort == "none" && !switches.enable_thinking) {
    switches.enable_thinking = false;
  }
  return switches;
}

// Members that `kwargs` does not have.
void write_switches(JsonWriter& writer, const TemplateSwitches& switches, const object* kwargs) {
  const auto is_free = [&](std::string_view name) {
    return kwargs == nullptr || kwargs->at_key(name).error();
  };
  if (!switches.reasoning_effort.empty() && is_free("reasoning_effort")) {
    writer.key("reasoning_effort").string(switches.reasoning_effort);
  }
  if (!switches.enable_thinking) return;
  for (const char* name : {"enable_thinking", "thinking"}) {  // families differ in the name
    if (is_free(name)) writer.key(name).boolean(*switches.enable_thinking);
  }
}

// Members of the server's defaults that the request leaves free.
void write_defaults(JsonWriter& writer, const std::string& defaults,
                    const TemplateSwitches& switches, const object* kwargs) {
  JsonDocument document;
  const auto parsed = document.parse(defaults);
  object members;
  if (!parsed || parsed->get(members)) return;
  for (const auto field : members) {
    const bool is_effort = field.key == "reasoning_effort" && !switches.reasoning_effort.empty();
    const bool is_thinking = (field.key == "enable_thinking" || field.key == "thinking") &&
                             switches.enable_thinking.has_value();
    if (is_effort || is_thinking || (kwargs != nullptr && !kwargs->at_key(field.key).error())) {
      continue;
    }
    writer.key(field.key);
    write_element(writer, field.value);
  }
}

// chat_template_kwargs, with the switches and what the server sets.
std::string extra_json(Fields& fields, const ServedModel& model) {
  const bool trusted = model.trust_request_chat_template;
  const std::string& defaults = model.default_template_kwargs;
  std::string extra;
  const TemplateSwitches switches = read_switches(fields);
  const auto kwargs = fields.read_object("chat_template_kwargs");
  if (!kwargs && !switches.any() && defaults.empty()) return extra;
  JsonWriter writer(extra);
  writer.begin_object();
  if (kwargs) {
    for (const auto field : *kwargs) {
      if (field.key == "chat_template" || field.key == "tokenize") {
        fields.error().bad_request("`chat_template_kwargs` must not hold `" +
                                       std::string(field.key) + "`" +
                                       (trusted ? "; use the field of that name." : "."),
                                   "chat_template_kwargs");
      }
      writer.key(field.key);
      write_element(writer, field.value);
    }
  }
  write_switches(writer, switches, kwargs ? &*kwargs : nullptr);
  if (!defaults.empty()) write_defaults(writer, defaults, switches, kwargs ? &*kwargs : nullptr);
  writer.end_object();
  return extra;
}

void read_ends(Fields& fields, TemplateInput& input) {
  fields.read("continue_final_message", input.continue_final_message);
  input.add_generation_prompt = !input.continue_final_message;
  fields.read("add_generation_prompt", input.add_generation_prompt);
  if (input.continue_final_message && input.add_generation_prompt) {
    fields.error().bad_request(
        "`continue_final_message` and `add_generation_prompt` cannot both be true.",
        "continue_final_message");
  }
}

Result<std::string> render_own(const std::string& source, const ServedModel& model,
                               const ChatInput& input) {
  TRIVET_ASSIGN_OR_RETURN(auto compiled,
                          ChatTemplate::compile(source, model.bos_token, model.eos_token));
  return compiled->render(input);
}

Result<std::string> render(Fields& fields, const ServedModel& model, const ChatInput& input) {
  std::string source;
  fields.read("chat_template", source);
  if (!source.empty()) {
    if (model.trust_request_chat_template) return render_own(source, model, input);
    return Error(ErrorCode::kInvalidArgument,
                 "A `chat_template` in a request is refused: the server was started without "
                 "--trust-request-chat-template.");
  }
  if (model.chat_template == nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 "The model has no chat template; start the server with --chat-template, or use "
                 "/v1/completions.");
  }
  return model.chat_template->render(input);
}

}  // namespace

ChatPrompt read_chat_prompt(Fields& fields, const ServedModel& model, const PromptRules& rules) {
  ChatPrompt prompt;
  TemplateInput input;
  input.messages = read_messages(fields);
  input.tools = array_json(fields, "tools");
  if (!rules.show_tools) input.tools.clear();
  input.documents = array_json(fields, "documents");
  input.extra = extra_json(fields, model);
  read_ends(fields, input);
  bool add_special_tokens = false;
  fields.read("add_special_tokens", add_special_tokens);
  if (fields.error()) return prompt;
  const bool knows_tools = model.chat_template == nullptr || fields.has("chat_template") ||
                           template_shows_tools(model.chat_template->source());
  if (!knows_tools && (!input.tools.empty() || input.messages.speaks_of_tools)) {
    input.messages.json = messages_with_tools(input.messages.json, input.tools, rules.must_call);
    input.tools.clear();
  }
  auto text = render(fields, model, input.view());
  if (!text) {
    fields.error().add(to_api_error(text.error()));
    return prompt;
  }
  auto tokens = model.tokenizer->encode(*text, {add_special_tokens, true});
  if (!tokens) {
    fields.error().add(to_api_error(tokens.error()));
    return prompt;
  }
  prompt.text = std::move(*text);
  prompt.tokens = std::move(*tokens);
  prompt.last_role = std::move(input.messages.last_role);
  prompt.last_text = std::move(input.messages.last_text);
  prompt.add_generation_prompt = input.add_generation_prompt;
  return prompt;
}

}  // namespace trivet
