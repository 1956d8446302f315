// How models mark reasoning and tool calls in their text: one row of data per family.
#ifndef TRIVET_DIALECTS_DIALECT_H_
#define TRIVET_DIALECTS_DIALECT_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace trivet {

// Texts around the reasoning; empty = the family has none.
struct ReasoningTags {
  std::string_view begin, end;
};

struct ReasoningStyle {
  std::string_view name;
  std::string_view also_named;  // names that vLLM gives to the same, separated by spaces
  ReasoningTags tags;
  std::string_view evidence;  // stands in the chat templates of the family
};

// How one call is written between its markers.
enum class CallSyntax : uint8_t {
  kNone,
  kJson,        // {"name": "f", "arguments": {...}}, or a list of them
  kNameJson,    // f, a separator, {...}
  kParameters,  // f, then each parameter's name and value between tags
  kPythonic,    // [f(a=1, b="x"), g()]
  kKeyValue,    // f{a:1,b:"x"}, with quotes of its own
  kHarmony,     // messages with channels and recipients
};

// What begins a call or a section of calls.
struct CallOpener {
  std::string_view text;
  std::string_view close;  // what may follow its calls, as an alternative to CallFormat's
  bool tentative = false;  // also ordinary text: a call only if the name of a tool follows
  bool at_start = false;   // only as the first text of the content
};

enum class CallIdStyle : uint8_t {
  kLong,       // chatcmpl-tool-0123456789abcdef0123456789abcdef
  kNineChars,  // what Mistral's templates insist on
  kNumbered,   // functions.f:0, as Kimi's templates write them back
};

// The parts of the text of several calls:
//   section_begin call_begin CALL call_end (between call_begin CALL call_end)* section_end
// White space at the ends of a part may be missing or longer when it is read.
struct CallFormat {
  CallSyntax syntax = CallSyntax::kNone;
  std::string_view section_begin, section_end, between;
  std::string_view call_begin, call_end;
  std::string_view name_begin, name_end;  // around the name, where it stands alone
  std::string_view call_id_begin;         // before an id between the two; empty = none
  // Names of the members of a kJson call.
  std::string_view name_key = "name", arguments_key = "arguments";
  // kParameters: key_begin KEY key_end value_begin VALUE value_end for each, then body_end.
  std::string_view key_begin, key_end, value_begin, value_end, body_end;
  bool newline_around_values = false;
  bool kinds_after_keys = false;  // KEY" string="true or KEY" string="false
  std::string_view quote;         // kKeyValue: on both sides of strings
  std::array<CallOpener, 5> openers;
  CallIdStyle ids = CallIdStyle::kLong;
};

struct Dialect {
  std::string_view name;
  std::string_view also_named;
  CallFormat calls;
  // Marks that are no part of the content.
  std::array<std::string_view, 3> hidden;
  // Names of tokens that end the answer after a call, where the vocabulary has them.
  std::array<std::string_view, 2> ends;
  // Texts that all stand in the chat templates of the family; none = found only by name.
  std::array<std::string_view, 2> evidence;

  bool has_calls() const { return calls.syntax != CallSyntax::kNone; }
};

// The dialect whose marks stand in the source of the chat template; plain text if none does.
const Dialect& find_dialect(std::string_view chat_template_source);
// The same for reasoning; null if the template shows none.
const ReasoningStyle* find_reasoning(std::string_view chat_template_source);

// By the name of a row, or by a name that vLLM uses for it; null if there is none.
const Dialect* dialect_named(std::string_view name);
const ReasoningStyle* reasoning_named(std::string_view name);

// All rows, for messages and tests.
std::span<const Dialect> all_dialects();
std::span<const ReasoningStyle> all_reasoning_styles();

// What tools are asked for and called with when the template knows nothing of tools.
const Dialect& generic_dialect();

}  // namespace trivet

#endif  // TRIVET_DIALECTS_DIALECT_H_
