#include "api/ollama/request_options.h"

#include "api/ollama/ollama_api.h"

namespace trivet {
namespace {

using simdjson::dom::element;

void copy(Fields& fields, std::string_view name, std::string_view as, JsonWriter& writer) {
  const auto value = fields.find(name);
  if (!value) return;
  writer.key(as);
  write_element(writer, *value);
}

// Options that are missing have Ollama's defaults, where the model has none of its own.
void write_sampling(Fields* options, const GenerationDefaults& defaults, JsonWriter& writer) {
  struct Default {
    std::string_view name, value;
    bool model_has_own;
  };
  const Default all[] = {{"temperature", "0.8", defaults.temperature.has_value()},
                         {"top_k", "40", defaults.top_k.has_value()},
                         {"top_p", "0.9", defaults.top_p.has_value()}};
  for (const Default& option : all) {
    if (options != nullptr && options->has(option.name)) {
      copy(*options, option.name, option.name, writer);
    } else if (!option.model_has_own) {
      writer.key(option.name).raw(option.value);
    }
  }
}

class OptionsWriter {
 public:
  OptionsWriter(Fields& fields, const ServedModel& model, JsonWriter& writer,
                OllamaRequest& request)
      : fields_(fields), model_(model), writer_(writer), request_(request) {}

  void write() {
    write_sampling(&fields_, model_.defaults, writer_);
    for (const char* name :
         {"seed", "stop", "min_p", "typical_p", "presence_penalty", "frequency_penalty"}) {
      copy(fields_, name, name, writer_);
    }
    write_repetition();
    refuse_unsupported();
    int predict = -1;
    fields_.read("num_predict", predict);
    if (predict > 0) request_.max_tokens = predict;
    note_context();
    for (std::string& name : fields_.unread()) {
      request_.ignored.push_back("options." + std::move(name));
    }
  }

 private:
  // The window of the penalty is always the whole sequence, or nothing.
  void write_repetition() {
    int window = -1;
    fields_.read("repeat_last_n", window);
    if (window == 0) {
      fields_.find("repeat_penalty");
      return;
    }
    if (window > 0) request_.ignored.emplace_back("options.repeat_last_n");
    copy(fields_, "repeat_penalty", "repeat_penalty", writer_);
  }

  void refuse_unsupported() {
    int mirostat = 0;
    fields_.read("mirostat", mirostat);
    if (mirostat != 0) {
      fields_.error().not_implemented("`options.mirostat` is not supported; leave it out.",
                                      "options.mirostat");
    }
    // About how a model is loaded, or part of what has just been refused.
    for (const char* name : {"mirostat_tau", "mirostat_eta", "num_keep", "num_batch", "num_gpu",
                             "main_gpu", "low_vram", "f16_kv", "vocab_only", "use_mmap",
                             "use_mlock", "num_thread", "numa", "penalize_newline"}) {
      fields_.find(name);
    }
  }

  void note_context() {
    int context = 0;
    fields_.read("num_ctx", context);
    if (context > model_.max_model_len) request_.ignored.emplace_back("options.num_ctx");
  }

  Fields& fields_;
  const ServedModel& model_;
  JsonWriter& writer_;
  OllamaRequest& request_;
};

void write_format(Fields& fields, JsonWriter& writer) {
  const auto format = fields.find("format");
  if (!format) return;
  std::string_view name;
  if (!format->get(name) && (name.empty() || name == "json")) {
    if (name.empty()) return;
    writer.key("response_format").begin_object().key("type").string("json_object").end_object();
  } else if (format->is_object()) {
    writer.key("response_format").begin_object().key("type").string("json_schema");
    writer.key("json_schema").begin_object().key("name").string("format").key("schema");
    write_element(writer, *format);
    writer.key("strict").boolean(true).end_object().end_object();
  } else {
    fields.error().bad_request(
        "`format` must be \"json\" or a JSON schema, got " +
            (format->is_string() ? to_json(*format) : std::string(type_name(*format))) + ".",
        "format");
  }
}

// true, false, or an effort, which also means true.
void write_think(Fields& fields, JsonWriter& writer) {
  const auto think = fields.find("think");
  if (!think) return;
  bool wanted = true;
  std::string_view effort;
  const bool is_effort =
      !think->get(effort) && (effort == "low" || effort == "medium" || effort == "high");
  if (!is_effort && think->get(wanted)) {
    return fields.error().bad_request(
        "`think` must be true, false, \"low\", \"medium\" or \"high\".", "think");
  }
  if (is_effort) writer.key("reasoning_effort").string(effort);
  writer.key("chat_template_kwargs").begin_object();
  writer.key("enable_thinking").boolean(wanted).end_object();
  writer.key("include_reasoning").boolean(wanted);
}

bool is_zero_duration(element value) {
  double number = 1;
  std::string_view text;
  if (value.is_number() && !value.get(number)) return number == 0;
  if (value.get(text)) return false;
  return text == "0" || text == "0s" || text == "0m" || text == "0h";
}

}  // namespace

OllamaRequest write_common_options(Fields& fields, const ServedModel& model, JsonWriter& writer) {
  OllamaRequest request;
  fields.read("model", request.asked_name);
  if (request.asked_name.empty()) fields.error().bad_request("`model` is missing.", "model");
  request.model = served_name(request.asked_name, model);
  if (request.model.empty()) fields.error().add(ollama_not_found(request.asked_name, &model));
  writer.key("model").string(request.model);
  fields.read("stream", request.stream);
  writer.key("stream").boolean(request.stream);
  if (const auto options = fields.read_object("options")) {
    Fields inner(*options, fields.error(), "options.");
    OptionsWriter(inner, model, writer, request).write();
  } else {
    write_sampling(nullptr, model.defaults, writer);
  }
  write_format(fields, writer);
  write_think(fields, writer);
  if (const auto keep = fields.find("keep_alive")) request.unloads = is_zero_duration(*keep);
  fields.read("logprobs", request.logprobs);
  fields.read("top_logprobs", request.top_logprobs);
  return request;
}

}  // namespace trivet
