// Values as models write them, made into JSON.
#ifndef TRIVET_DIALECTS_VALUE_TEXT_H_
#define TRIVET_DIALECTS_VALUE_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

namespace trivet {

// Appends the inside of a JSON string, without its quotes. `text` is UTF-8.
void append_json_chars(std::string& out, std::string_view text);
std::string json_quoted(std::string_view text);

// The text of a JSON string, quotes included; nothing if it is not one.
std::optional<std::string> unquote_json(std::string_view text);

bool is_json(std::string_view text);

// A Python literal: strings in either quotes, True, False, None, numbers, lists, tuples and dicts;
// the words of JSON too. Nothing if it is none of these, or nested too deep.
std::optional<std::string> python_to_json(std::string_view text);

// A value of Gemma's calls: strings between `quote`s, numbers, true, false, null, [..] and {k:..}.
std::optional<std::string> key_value_to_json(std::string_view text, std::string_view quote);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_VALUE_TEXT_H_
