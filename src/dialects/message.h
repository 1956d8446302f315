// What a model wrote, taken apart: reasoning, content, tool calls.
#ifndef TRIVET_DIALECTS_MESSAGE_H_
#define TRIVET_DIALECTS_MESSAGE_H_

#include <string>
#include <string_view>
#include <vector>

namespace trivet {

// News of one tool call. The first delta of a call has its id and name, and only that one; the
// arguments of all of them, concatenated, are JSON text.
struct ToolCallDelta {
  int index = 0;  // of the call in the message, from 0
  std::string id, name;
  std::string arguments;
};

struct MessageDelta {
  std::string reasoning, content;
  std::vector<ToolCallDelta> tool_calls;

  bool empty() const { return reasoning.empty() && content.empty() && tool_calls.empty(); }
};

// Takes the text of one choice apart as it comes. However the text is cut into pieces, the
// concatenation of all deltas is the same. Used by one thread at a time.
class MessageParser {
 public:
  virtual ~MessageParser() = default;
  // What is now certain; text that may be the start of a marker waits for the next piece.
  virtual MessageDelta feed(std::string_view text) = 0;
  // The text has ended: what was held back. Call once.
  virtual MessageDelta finish() = 0;
  // At least one call has begun.
  virtual bool called_tools() const = 0;
};

}  // namespace trivet

#endif  // TRIVET_DIALECTS_MESSAGE_H_
