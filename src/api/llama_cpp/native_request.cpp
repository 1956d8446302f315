#include "api/llama_cpp/native_request.h"

#include <algorithm>

#include "api/openai/request_fields.h"

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kRandomSeed = 0xFFFFFFFF;  // llama.cpp's way to say "any"

void copy(Fields& fields, std::string_view name, JsonWriter& writer) {
  const auto value = fields.find(name);
  if (!value) return;
  writer.key(name);
  write_element(writer, *value);
}

// A sampler of the chain: its field, llama.cpp's default, and the value that turns it off.
struct SamplerField {
  std::string_view sampler, field, default_value, off;
};

constexpr SamplerField kSamplers[] = {{"temperature", "temperature", "0.8", "1.0"},
                                      {"top_k", "top_k", "40", "0"},
                                      {"top_p", "top_p", "0.95", "1.0"},
                                      {"min_p", "min_p", "0.05", "0.0"},
                                      {"typ_p", "typical_p", "1.0", "1.0"}};

// What would change the answer and is not there, with the value that means "off".
struct AbsentSampler {
  std::string_view field;
  float off;
};

constexpr AbsentSampler kAbsent[] = {{"mirostat", 0},        {"dry_multiplier", 0},
                                     {"xtc_probability", 0}, {"dynatemp_range", 0},
                                     {"top_n_sigma", -1},    {"adaptive_target", -1}};

class NativeReader {
 public:
  NativeReader(Fields& fields, const ServedModel& model, std::vector<std::string>& ignored)
      : fields_(fields), model_(model), ignored_(ignored), writer_(body_) {}

  NativeRequest read() {
    writer_.begin_object();
    write_samplers();
    for (const char* name : {"presence_penalty", "frequency_penalty", "stop", "ignore_eos",
                             "json_schema", "grammar", "stream"}) {
      copy(fields_, name, writer_);
    }
    write_repetition();
    write_seed();
    writer_.end_object();
    NativeRequest request = read_common_fields();
    read_logit_bias(request.params);
    read_rest(request);
    refuse_absent();
    note_ignored();
    return request;
  }

 private:
  // A sampler that the client's chain does not have is off; the order of the chain is fixed.
  void write_samplers() {
    const auto chain = fields_.find("samplers");
    std::vector<std::string> names;
    if (chain && chain->is_array()) fields_.read("samplers", names);
    const auto in_chain = [&](const SamplerField& sampler) {
      return !chain || !chain->is_array() ||
             std::find(names.begin(), names.end(), sampler.sampler) != names.end();
    };
    const GenerationDefaults& defaults = model_.defaults;
    for (const SamplerField& sampler : kSamplers) {
      const bool has_own = (sampler.field == "temperature" && defaults.temperature) ||
                           (sampler.field == "top_k" && defaults.top_k) ||
                           (sampler.field == "top_p" && defaults.top_p) ||
                           (sampler.field == "min_p" && defaults.min_p);
      const auto value = fields_.find(sampler.field);
      if (!in_chain(sampler)) {
        writer_.key(sampler.field).raw(sampler.off);
      } else if (value) {
        write_value(sampler, *value);
      } else if (!has_own) {
        writer_.key(sampler.field).raw(sampler.default_value);
      }
    }
  }

  // Values below the range mean "off", as there.
  void write_value(const SamplerField& sampler, element value) {
    double number = 0;
    const bool is_number = value.is_number() && !value.get(number);
    writer_.key(sampler.field);
    if (is_number && number < 0) {
      writer_.raw(sampler.field == "temperature" ? "0" : sampler.off);
    } else if (is_number && number == 0 && sampler.field == "top_p") {
      writer_.raw("1e-6");  // only the best token
    } else {
      write_element(writer_, value);
    }
  }

  // The window of the penalty is always the whole sequence, or nothing.
  void write_repetition() {
    int window = -1;
    fields_.read("repeat_last_n", window);
    if (window > 0) ignored_.emplace_back("repeat_last_n");
    if (window != 0) return copy(fields_, "repeat_penalty", writer_);
    fields_.find("repeat_penalty");
  }

  void write_seed() {
    int64_t seed = -1;
    fields_.read("seed", seed);
    if (seed >= 0 && seed != kRandomSeed) writer_.key("seed").integer(seed);
  }

  NativeRequest read_common_fields() {
    NativeRequest request;
    JsonDocument document;
    const auto object = document.parse_object(body_, fields_.error());
    if (!object) return request;
    Fields common_fields(*object, fields_.error());
    CommonRequest common = read_common(common_fields, model_);
    request.params = std::move(common.params);
    if (common.output_format && !fields_.error()) {
      request.params.grammar = compile_format(*common.output_format, model_, fields_.error());
    }
    request.stream = common.stream;
    return request;
  }

  // [[token or text, bias], ...] or an object; the bias false bans.
  void read_logit_bias(GenerationParams& params) {
    const auto bias = fields_.find("logit_bias");
    if (!bias) return;
    object by_name;
    if (!bias->get(by_name)) {
      for (const auto field : by_name) {
        const bool is_id = !field.key.empty() && field.key.size() < 9 &&
                           field.key.find_first_not_of("0123456789") == std::string_view::npos;
        if (is_id) {
          add_bias(std::stoi(std::string(field.key)), field.value, params);
        } else {
          add_text_bias(field.key, field.value, params);
        }
      }
      return;
    }
    array pairs;
    if (bias->get(pairs)) return wrong_bias(*bias);
    for (const element item : pairs) {
      array pair;
      if (item.get(pair) || pair.size() != 2) return wrong_bias(item);
      const element what = pair.at(0).value_unsafe(), value = pair.at(1).value_unsafe();
      std::string_view text;
      if (!what.get(text)) {
        add_text_bias(text, value, params);
      } else if (const auto token = as_int(what)) {
        add_bias(*token, value, params);
      } else {
        return wrong_bias(what);
      }
    }
  }

  void wrong_bias(element got) {
    fields_.wrong_type("logit_bias", "an array of [token, bias] or an object", got);
  }

  void add_text_bias(std::string_view text, element value, GenerationParams& params) {
    const auto tokens = model_.tokenizer->encode(text, {false, false});
    if (!tokens) return fields_.error().add(to_api_error(tokens.error()));
    for (const TokenId token : *tokens) add_bias(token, value, params);
  }

  void add_bias(TokenId token, element value, GenerationParams& params) {
    double number = 0;
    bool flag = false;
    if (!value.get(flag)) {
      if (!flag) params.banned_tokens.push_back(token);
    } else if (value.is_number() && !value.get(number)) {
      params.logit_bias.emplace_back(token, static_cast<float>(std::clamp(number, -100.0, 100.0)));
    } else {
      wrong_bias(value);
    }
  }

  void read_rest(NativeRequest& request) {
    int predict = -1, probabilities = 0;
    fields_.read("n_predict", predict);
    fields_.read("max_tokens", predict);  // the newer name
    fields_.read("n_probs", probabilities);
    fields_.read("return_tokens", request.return_tokens);
    fields_.read("response_fields", request.response_fields);
    if (predict >= 0) request.max_tokens = predict;
    if (probabilities > 0) request.params.logprobs = probabilities;
    bool after_sampling = false;
    fields_.read("post_sampling_probs", after_sampling);
    if (after_sampling && probabilities > 0) {
      fields_.error().not_implemented(
          "`post_sampling_probs` is not supported: leave it out for the probabilities before "
          "sampling.",
          "post_sampling_probs");
    }
    // Where an answer is computed and what is kept of it is decided here.
    for (const char* name : {"cache_prompt", "id_slot", "n_keep", "n_discard", "n_cache_reuse",
                             "min_keep", "model", "repeat_last_n", "mirostat_tau", "mirostat_eta",
                             "xtc_threshold", "dry_base", "dry_allowed_length",
                             "dry_penalty_last_n", "dry_sequence_breakers", "dynatemp_exponent"}) {
      fields_.find(name);
    }
  }

  void refuse_absent() {
    for (const AbsentSampler& sampler : kAbsent) {
      float value = sampler.off;
      fields_.read(sampler.field, value);
      if (value <= sampler.off || value == 0) continue;
      fields_.error().not_implemented(
          "`" + std::string(sampler.field) + "` is not supported; leave it out.",
          std::string(sampler.field));
    }
    const auto adapters = fields_.read_array("lora");
    if (adapters && adapters->size() > 0) {
      fields_.error().not_implemented("`lora` is not supported; leave it out.", "lora");
    }
  }

  void note_ignored() {
    for (const char* name : {"t_max_predict_ms", "t_max_prompt_ms", "timings_per_token",
                             "return_progress", "n_indent"}) {
      if (fields_.has(name)) ignored_.emplace_back(name);
    }
  }

  Fields& fields_;
  const ServedModel& model_;
  std::vector<std::string>& ignored_;
  std::string body_;  // in OpenAI's terms
  JsonWriter writer_;
};

}  // namespace

NativeRequest read_native_request(Fields& fields, const ServedModel& model,
                                  std::vector<std::string>& ignored) {
  return NativeReader(fields, model, ignored).read();
}

}  // namespace trivet
