// GET /v1/models, /v1/models/{id}, /version.
#include <algorithm>

#include "api/call.h"
#include "api/json_writer.h"
#include "api/timestamp.h"

namespace trivet {
namespace {

// Clients of the older API look for it; everything is allowed but tuning.
void write_permission(JsonWriter& writer, std::string_view name, int64_t created) {
  writer.begin_object();
  writer.key("id").string("modelperm-" + std::string(name));
  writer.key("object").string("model_permission");
  writer.key("created").integer(created);
  writer.key("allow_create_engine").boolean(false);
  writer.key("allow_sampling").boolean(true);
  writer.key("allow_logprobs").boolean(true);
  writer.key("allow_search_indices").boolean(false);
  writer.key("allow_view").boolean(true);
  writer.key("allow_fine_tuning").boolean(false);
  writer.key("organization").string("*");
  writer.key("group").null();
  writer.key("is_blocking").boolean(false);
  writer.end_object();
}

void write_model(JsonWriter& writer, std::string_view name, const ServedModel& model) {
  writer.begin_object();
  writer.key("id").string(name);
  writer.key("object").string("model");
  writer.key("created").integer(model.created);
  writer.key("owned_by").string("trivet");
  writer.key("root").string(model.root);
  writer.key("parent").null();
  writer.key("max_model_len").integer(model.max_model_len);
  writer.key("permission").begin_array();
  write_permission(writer, name, model.created);
  writer.end_array();
  // The Anthropic API has its list at the same path.
  writer.key("type").string("model").key("display_name").string(name);
  writer.key("created_at").string(rfc3339(model.created)).key("lifecycle").string("active");
  writer.key("max_input_tokens").integer(model.max_model_len).end_object();
}

}  // namespace

PlainAnswer answer_models(const ServedModel& model) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("object").string("list").key("data").begin_array();
  for (const std::string& name : model.names) write_model(writer, name, model);
  writer.end_array().key("has_more").boolean(false);
  writer.key("first_id").string(model.names.front());
  writer.key("last_id").string(model.names.back()).end_object();
  return answer;
}

PlainAnswer answer_model(std::string_view id, const ServedModel& model) {
  PlainAnswer answer;
  if (std::find(model.names.begin(), model.names.end(), id) == model.names.end()) {
    answer.error = to_api_error(
        Error(ErrorCode::kNotFound, "The model `" + std::string(id) + "` does not exist."));
    answer.error->param = "model";
    return answer;
  }
  JsonWriter writer(answer.body);
  write_model(writer, id, model);
  return answer;
}

PlainAnswer answer_version() {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("version").string(TRIVET_VERSION).end_object();
  return answer;
}

}  // namespace trivet
