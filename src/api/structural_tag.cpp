#include "api/structural_tag.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/json_fields.h"
#include "text/grammars/gbnf.h"
#include "text/grammars/gbnf_parser.h"
#include "text/grammars/lark.h"

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kMaxDepth = 32;
constexpr size_t kMaxTags = 1'000;

// What a tag must hold between its ends, as a Lark expression.
struct Tag {
  std::string begin, content, end;
};

Error bad_tag(const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "The structural tag " + what + ".");
}

Result<std::string> text_field(object from, const char* name) {
  std::string_view text;
  if (from.at_key(name).get(text)) return bad_tag(std::string("needs the string `") + name + "`");
  return std::string(text);
}

Result<array> array_field(object from, const char* name) {
  array items;
  if (from.at_key(name).get(items)) return bad_tag(std::string("needs the array `") + name + "`");
  if (items.size() > kMaxTags) {
    return bad_tag(std::string("has more than 1000 entries in `") + name + "`");
  }
  return items;
}

bool flag_field(object from, const char* name) {
  bool value = false;
  return !from.at_key(name).get(value) && value;
}

Result<std::string> schema_field(object from, const char* name) {
  element schema;
  if (from.at_key(name).get(schema)) return bad_tag(std::string("needs `") + name + "`");
  if (!schema.is_object() && !schema.is_bool()) {
    return bad_tag(std::string("needs a JSON schema in `") + name + "`");
  }
  return lark_json(to_json(schema));
}

// Rules are named in the order in which they are written.
class LarkWriter {
 public:
  Result<std::string> legacy(object tag) {
    TRIVET_ASSIGN_OR_RETURN(const array structures, array_field(tag, "structures"));
    TRIVET_ASSIGN_OR_RETURN(const auto triggers, read_triggers(tag));
    std::vector<Tag> tags;
    for (const element item : structures) {
      object structure;
      if (item.get(structure)) return bad_tag("needs objects in `structures`");
      Tag made;
      TRIVET_ASSIGN_OR_RETURN(made.begin, text_field(structure, "begin"));
      TRIVET_ASSIGN_OR_RETURN(made.end, text_field(structure, "end"));
      TRIVET_ASSIGN_OR_RETURN(const std::string schema, schema_field(structure, "schema"));
      made.content = add_rule(schema);
      tags.push_back(std::move(made));
    }
    TRIVET_ASSIGN_OR_RETURN(const std::string body, triggered(triggers, tags, false, false));
    return finish(body);
  }

  Result<std::string> with_format(element format) {
    TRIVET_ASSIGN_OR_RETURN(const std::string body, expression(format, 0));
    return finish(body);
  }

 private:
  std::string finish(const std::string& body) { return "start: " + body + "\n" + rules_; }

  std::string add_rule(const std::string& body) {
    const std::string name = "part" + std::to_string(count_++);
    rules_ += name + ": " + body + "\n";
    return name;
  }

  std::string add_terminal(const std::string& regex, bool lazy) {
    // Only rules have attributes.
    const std::string name = (lazy ? "until" : "T") + std::to_string(count_++);
    rules_ += name + (lazy ? "[lazy]" : "") + ": /" + regex + "/\n";
    return name;
  }

  Result<std::vector<std::string>> read_triggers(object tag) {
    TRIVET_ASSIGN_OR_RETURN(const array items, array_field(tag, "triggers"));
    std::vector<std::string> triggers;
    for (const element item : items) {
      std::string_view text;
      if (item.get(text) || text.empty()) return bad_tag("needs texts in `triggers`");
      triggers.emplace_back(text);
    }
    if (triggers.empty()) return bad_tag("needs at least one trigger");
    return triggers;
  }

  // Free text up to and with a trigger, and what then must follow; any number of times.
  Result<std::string> triggered(const std::vector<std::string>& triggers,
                                const std::vector<Tag>& tags, bool at_least_one, bool only_one) {
    std::string parts;
    for (const std::string& trigger : triggers) {
      std::string rest;
      for (const Tag& tag : tags) {
        if (!tag.begin.starts_with(trigger)) continue;
        rest += (rest.empty() ? "" : " | ") +
                ("(" + lark_literal(tag.begin.substr(trigger.size()))) + " " + tag.content + " " +
                lark_literal(tag.end) + ")";
      }
      if (rest.empty())
        return bad_tag("has the trigger \"" + trigger + "\", with which no tag begins");
      const std::string until = add_terminal("(.|\\n)*" + regex_of_literal(trigger), true);
      parts += (parts.empty() ? "" : " | ") + ("(" + until + " (" + rest + "))");
    }
    const char* times = at_least_one ? (only_one ? "" : "+") : (only_one ? "?" : "*");
    std::string body = "(" + parts + ")" + times;
    if (!only_one) body += " " + add_terminal("(.|\\n)*", false) + "?";
    return add_rule(body);
  }

  Result<Tag> read_tag(element from, int depth) {
    object tag;
    if (from.get(tag)) return bad_tag("needs objects as tags");
    Tag made;
    TRIVET_ASSIGN_OR_RETURN(made.begin, text_field(tag, "begin"));
    TRIVET_ASSIGN_OR_RETURN(made.end, text_field(tag, "end"));
    element content;
    if (tag.at_key("content").get(content)) return bad_tag("needs `content` in its tags");
    if (is_any_text(content)) {
      // The first end is the end.
      made.content = add_terminal("(.|\\n)*" + regex_of_literal(made.end), true);
      made.end.clear();
      return made;
    }
    TRIVET_ASSIGN_OR_RETURN(made.content, expression(content, depth + 1));
    return made;
  }

  static bool is_any_text(element content) {
    std::string_view type;
    return !content.at_key("type").get(type) && type == "any_text";
  }

  Result<std::vector<Tag>> read_tags(object from, int depth) {
    TRIVET_ASSIGN_OR_RETURN(const array items, array_field(from, "tags"));
    std::vector<Tag> tags;
    for (const element item : items) {
      TRIVET_ASSIGN_OR_RETURN(Tag tag, read_tag(item, depth));
      tags.push_back(std::move(tag));
    }
    if (tags.empty()) return bad_tag("needs at least one tag");
    return tags;
  }

  static std::string whole(const Tag& tag) {
    return lark_literal(tag.begin) + " " + tag.content + " " + lark_literal(tag.end);
  }

  Result<std::string> expression(element from, int depth) {
    object format;
    std::string_view type;
    if (from.get(format) || format.at_key("type").get(type)) {
      return bad_tag("needs objects with a `type`");
    }
    if (depth > kMaxDepth) return bad_tag("is nested more than 32 deep");
    if (type == "const_string") {
      TRIVET_ASSIGN_OR_RETURN(const std::string text, text_field(format, "value"));
      return add_rule(lark_literal(text));
    }
    if (type == "json_schema") {
      TRIVET_ASSIGN_OR_RETURN(const std::string schema, schema_field(format, "json_schema"));
      return add_rule(schema);
    }
    if (type == "any_text") return add_rule(add_terminal("(.|\\n)*", false) + "?");
    if (type == "regex") return regex(format);
    if (type == "grammar") return grammar(format);
    if (type == "sequence" || type == "or") return list(format, type == "or", depth);
    if (type == "tag") {
      TRIVET_ASSIGN_OR_RETURN(const Tag tag, read_tag(from, depth));
      return add_rule(whole(tag));
    }
    if (type == "triggered_tags") {
      TRIVET_ASSIGN_OR_RETURN(const auto triggers, read_triggers(format));
      TRIVET_ASSIGN_OR_RETURN(const auto tags, read_tags(format, depth));
      return triggered(triggers, tags, flag_field(format, "at_least_one"),
                       flag_field(format, "stop_after_first"));
    }
    if (type == "tags_with_separator") return separated(format, depth);
    return bad_tag("has a part of the unknown type \"" + std::string(type) + "\"");
  }

  Result<std::string> regex(object format) {
    TRIVET_ASSIGN_OR_RETURN(std::string pattern, text_field(format, "pattern"));
    return add_rule(lark_regex(pattern));
  }

  Result<std::string> grammar(object format) {
    TRIVET_ASSIGN_OR_RETURN(const std::string source, text_field(format, "grammar"));
    TRIVET_ASSIGN_OR_RETURN(const TranslatedGrammar made, translate_gbnf(source));
    return add_rule(lark_rule(made.kind, made.source));
  }

  Result<std::string> list(object format, bool alternatives, int depth) {
    TRIVET_ASSIGN_OR_RETURN(const array elements, array_field(format, "elements"));
    std::string body;
    for (const element item : elements) {
      TRIVET_ASSIGN_OR_RETURN(const std::string part, expression(item, depth + 1));
      body += (body.empty() ? "" : alternatives ? " | " : " ") + part;
    }
    if (body.empty()) return bad_tag("needs entries in `elements`");
    return add_rule(body);
  }

  Result<std::string> separated(object format, int depth) {
    TRIVET_ASSIGN_OR_RETURN(const auto tags, read_tags(format, depth));
    TRIVET_ASSIGN_OR_RETURN(const std::string separator, text_field(format, "separator"));
    std::string one;
    for (const Tag& tag : tags) one += (one.empty() ? "(" : " | (") + whole(tag) + ")";
    const std::string item = add_rule(one);
    std::string body = item;
    if (!flag_field(format, "stop_after_first")) {
      body += " (" + lark_literal(separator) + " " + item + ")*";
    }
    if (!flag_field(format, "at_least_one")) body = "(" + body + ")?";
    return add_rule(body);
  }

  std::string rules_;
  int count_ = 0;
};

}  // namespace

Result<std::string> translate_structural_tag(element tag) {
  JsonDocument document;  // of a tag that came as its text
  if (tag.is_string()) {
    const auto parsed = document.parse(tag.get_string().value_unsafe());
    if (!parsed) return bad_tag("is not JSON");
    tag = *parsed;
  }
  object body;
  if (tag.get(body)) return bad_tag("must be an object");
  element format;
  if (!body.at_key("format").get(format)) return LarkWriter().with_format(format);
  return LarkWriter().legacy(body);
}

}  // namespace trivet
