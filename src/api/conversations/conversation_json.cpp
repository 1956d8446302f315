#include "api/conversations/conversation_json.h"

#include "api/json_fields.h"
#include "api/responses/input_items.h"
#include "api/responses/metadata.h"

namespace trivet {
namespace {

constexpr size_t kMaxItemsOfBody = 20;

}  // namespace

std::vector<ConversationItem> conversation_items(std::string_view array) {
  std::vector<ConversationItem> items;
  for (SplitItem& item : split_items(array)) {
    items.push_back({std::move(item.id), std::move(item.json)});
  }
  return items;
}

std::optional<ConversationBody> read_conversation_body(std::string_view body,
                                                       std::string_view suffix,
                                                       ResponseHistory& history,
                                                       FirstError& error) {
  ConversationBody read;
  if (body.empty()) return read;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return std::nullopt;
  Fields fields(*object, error);
  read.metadata = read_metadata(fields);
  const auto list = fields.read_array("items");
  if (list && list->size() > kMaxItemsOfBody) {
    error.bad_request("`items` must hold at most " + std::to_string(kMaxItemsOfBody) + " items.",
                      "items");
  }
  if (error) return std::nullopt;
  const InputItems items = read_item_list(fields, "items", suffix, history);
  if (!error && !items.ignored.empty()) {
    error.bad_request("`" + items.ignored.front() + "` is not supported.", "items");
  }
  if (error) return std::nullopt;
  read.items = conversation_items(items.items);
  return read;
}

std::string conversation_json(const ConversationRecord& conversation) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("id").string(conversation.id);
  writer.key("object").string("conversation");
  writer.key("created_at").integer(conversation.created);
  writer.key("metadata").raw(conversation.metadata).end_object();
  return out;
}

std::string item_array(std::span<const std::string> items) {
  std::string array = "[";
  for (const std::string& item : items) {
    if (array.size() > 1) array += ',';
    array += item;
  }
  return array + "]";
}

}  // namespace trivet
