#include "api/responses/stored_response.h"

#include <algorithm>
#include <vector>

#include "api/json_fields.h"

namespace trivet {
namespace {

using simdjson::dom::element;

std::string_view id_of(element item) {
  std::string_view id;
  return item["id"].get(id) ? std::string_view() : id;
}

void write_id(JsonWriter& writer, std::string_view name, const std::vector<element>& page,
              bool last) {
  writer.key(name);
  page.empty() ? writer.null() : writer.string(id_of(last ? page.back() : page.front()));
}

}  // namespace

std::string page_of_items(std::string_view items, std::string_view after, int limit,
                          bool newest_first) {
  JsonDocument document;
  const auto root = document.parse(items);
  std::vector<element> all;
  simdjson::dom::array array;
  if (root && !root->get(array)) {
    for (const element item : array) all.push_back(item);
  }
  if (newest_first) std::reverse(all.begin(), all.end());
  auto begin = all.begin();
  if (!after.empty()) {
    begin =
        std::find_if(all.begin(), all.end(), [&](element item) { return id_of(item) == after; });
    if (begin != all.end()) ++begin;
  }
  const auto end = begin + std::min<std::ptrdiff_t>(limit, all.end() - begin);
  const std::vector<element> page(begin, end);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("object").string("list");
  writer.key("data").begin_array();
  for (const element item : page) write_element(writer, item);
  writer.end_array();
  write_id(writer, "first_id", page, false);
  write_id(writer, "last_id", page, true);
  writer.key("has_more").boolean(end != all.end());
  writer.end_object();
  return out;
}

std::string output_items(std::string_view object) {
  JsonDocument document;
  const auto root = document.parse(object);
  element output;
  if (!root || (*root)["output"].get(output)) return "[]";
  return to_json(output);
}

std::optional<std::string> find_stored_item(std::string_view object, std::string_view input,
                                            std::string_view id) {
  for (const std::string& items : {output_items(object), std::string(input)}) {
    JsonDocument document;
    const auto root = document.parse(items);
    simdjson::dom::array array;
    if (!root || root->get(array)) continue;
    for (const element item : array) {
      if (id_of(item) == id) return to_json(item);
    }
  }
  return std::nullopt;
}

std::string with_failure(std::string_view object, std::string_view message) {
  JsonDocument document;
  const auto root = document.parse(object);
  simdjson::dom::object fields;
  if (!root || root->get(fields)) return std::string(object);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const auto field : fields) {
    writer.key(field.key);
    if (field.key == "status") {
      writer.string("failed");
    } else if (field.key == "error") {
      writer.begin_object().key("code").string("server_error");
      writer.key("message").string(message).end_object();
    } else {
      write_element(writer, field.value);
    }
  }
  writer.end_object();
  return out;
}

}  // namespace trivet
