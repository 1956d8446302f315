#include "dialects/message_format.h"

#include "dialects/held_text.h"

namespace trivet {

std::unique_ptr<MessageParser> MessageFormat::make_parser(std::string_view id_seed) const {
  const bool harmony = dialect != nullptr && dialect->calls.syntax == CallSyntax::kHarmony;
  return harmony ? make_harmony_parser(*this, id_seed) : make_tagged_parser(*this, id_seed);
}

bool opens_reasoning(std::string_view prompt, const ReasoningTags& tags) {
  if (tags.begin.empty()) return false;
  prompt.remove_suffix(with_space_before(prompt, 0));
  return prompt.ends_with(trimmed(tags.begin));
}

}  // namespace trivet
