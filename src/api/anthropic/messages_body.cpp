#include "api/anthropic/messages_body.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class BodyTranslator {
 public:
  BodyTranslator(Fields& fields, FirstError& error, MessagesBody& result)
      : fields_(fields), error_(error), result_(result), writer_(result.chat) {}

  void translate(bool for_counting) {
    writer_.begin_object();
    copy("model");
    copy("stream");
    write_chat_messages(fields_, writer_);
    write_tools();
    write_tool_choice();
    write_thinking();
    write_format();
    read_max_tokens(for_counting);
    for (const char* name : {"temperature", "top_p", "top_k", "cache_salt", "seed"}) copy(name);
    if (const auto stop = fields_.find("stop_sequences")) {
      writer_.key("stop");
      write_element(writer_, *stop);
    }
    writer_.end_object();
    // About the account, not about the answer.
    for (const char* name :
         {"metadata", "service_tier", "container", "betas", "cache_control", "context_management",
          "inference_geo", "diagnostics", "speed", "user_profile_id", "workspace_id"}) {
      fields_.find(name);
    }
    for (std::string& name : fields_.unread()) result_.ignored.push_back(std::move(name));
  }

 private:
  void copy(std::string_view name) {
    const auto value = fields_.find(name);
    if (!value) return;
    writer_.key(name);
    write_element(writer_, *value);
  }

  void read_max_tokens(bool for_counting) {
    fields_.read("max_tokens", result_.max_tokens);
    if (!result_.max_tokens) {
      if (!for_counting) error_.bad_request("`max_tokens` is missing.", "max_tokens");
    } else if (*result_.max_tokens < 1) {
      error_.bad_request(
          "`max_tokens` must be at least 1, got " + std::to_string(*result_.max_tokens) + ".",
          "max_tokens");
    }
  }

  // Tools without a schema run on Anthropic's servers or belong to its own models.
  void write_tools() {
    const auto tools = fields_.read_array("tools");
    if (!tools) return;
    std::string list;
    JsonWriter writer(list);
    writer.begin_array();
    size_t index = 0;
    for (const element item : *tools) {
      object tool;
      if (item.get(tool)) return fields_.wrong_type("tools", "an array of objects", item);
      write_tool(tool, "tools[" + std::to_string(index++) + "].", writer);
    }
    writer.end_array();
    if (has_tools_) writer_.key("tools").raw(list);
  }

  void write_tool(object tool, const std::string& path, JsonWriter& writer) {
    Fields fields(tool, error_, path);
    std::string type = "custom", name, description;
    bool strict = false;
    fields.read("type", type);
    fields.read("name", name);
    fields.read("description", description);
    fields.read("strict", strict);
    const auto schema =
        fields.read_object("input_schema") ? fields.find("input_schema") : std::nullopt;
    if (type != "custom") {
      result_.ignored.push_back("tools:" + type);
      return;
    }
    if (!schema) error_.bad_request("`" + path + "input_schema` is missing.", "tools");
    if (error_) return;
    has_tools_ = true;
    writer.begin_object().key("type").string("function").key("function").begin_object();
    writer.key("name").string(name);
    if (!description.empty()) writer.key("description").string(description);
    writer.key("parameters");
    write_element(writer, *schema);
    if (strict) writer.key("strict").boolean(true);
    writer.end_object().end_object();
  }

  void write_tool_choice() {
    const auto choice = fields_.read_object("tool_choice");
    if (!choice) return;
    Fields fields(*choice, error_, "tool_choice.");
    std::string type, name;
    bool one_at_a_time = false;
    fields.read("type", type);
    fields.read("name", name);
    fields.read("disable_parallel_tool_use", one_at_a_time);
    if (type != "auto" && type != "any" && type != "tool" && type != "none") {
      return error_.bad_request(
          "`tool_choice.type` must be \"auto\", \"any\", \"tool\" or \"none\", got \"" + type +
              "\".",
          "tool_choice");
    }
    if (!has_tools_ && type != "tool" && type != "any") return;
    writer_.key("tool_choice");
    if (type == "tool") {
      writer_.begin_object().key("type").string("function").key("function").begin_object();
      writer_.key("name").string(name).end_object().end_object();
    } else {
      writer_.string(type == "any" ? "required" : type);
    }
    if (one_at_a_time) writer_.key("parallel_tool_calls").boolean(false);
  }

  // A model that can think does so only if asked, as there.
  void write_thinking() {
    std::string type = "disabled";
    std::optional<int> budget;
    if (const auto thinking = fields_.read_object("thinking")) {
      Fields fields(*thinking, error_, "thinking.");
      fields.read("type", type);
      fields.read("budget_tokens", budget);
      fields.find("display");
    }
    const bool known =
        type == "enabled" || type == "adaptive" || type == "between_tools" || type == "disabled";
    if (!known) {
      return error_.bad_request(
          "`thinking.type` must be \"enabled\", \"adaptive\" or \"disabled\", got \"" + type +
              "\".",
          "thinking");
    }
    if (budget && *budget < 1) {
      return error_.bad_request(
          "`thinking.budget_tokens` must be at least 1, got " + std::to_string(*budget) + ".",
          "thinking");
    }
    const bool wanted = type != "disabled";
    writer_.key("chat_template_kwargs").begin_object();
    writer_.key("enable_thinking").boolean(wanted).end_object();
    writer_.key("include_reasoning").boolean(wanted);
    if (wanted && budget) writer_.key("thinking_token_budget").integer(*budget);
  }

  // "output_config" {"effort", "format"}, and "output_format" from before it.
  void write_format() {
    auto format = fields_.read_object("output_format");
    if (const auto config = fields_.read_object("output_config")) {
      Fields fields(*config, error_, "output_config.");
      std::string effort;
      fields.read("effort", effort);
      if (effort == "xhigh" || effort == "max") effort = "high";
      if (!effort.empty()) writer_.key("reasoning_effort").string(effort);
      if (const auto newer = fields.read_object("format")) format = newer;
    }
    if (!format) return;
    Fields fields(*format, error_, "output_config.format.");
    std::string type;
    fields.read("type", type);
    const auto schema = fields.read_object("schema") ? fields.find("schema") : std::nullopt;
    if (type != "json_schema" || !schema) {
      return error_.bad_request(
          "`output_config.format` must be {\"type\": \"json_schema\", \"schema\": {...}}.",
          "output_config");
    }
    writer_.key("response_format").begin_object().key("type").string("json_schema");
    writer_.key("json_schema").begin_object().key("name").string("output").key("schema");
    write_element(writer_, *schema);
    writer_.key("strict").boolean(true).end_object().end_object();
  }

  Fields& fields_;
  FirstError& error_;
  MessagesBody& result_;
  JsonWriter writer_;
  bool has_tools_ = false;
};

}  // namespace

std::optional<MessagesBody> read_messages_body(std::string_view body, bool for_counting,
                                               FirstError& error) {
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return std::nullopt;
  Fields fields(*object, error);
  MessagesBody result;
  BodyTranslator(fields, error, result).translate(for_counting);
  if (error) return std::nullopt;
  return result;
}

}  // namespace trivet
