// How the answer to one request is to be read.
#ifndef TRIVET_DIALECTS_MESSAGE_FORMAT_H_
#define TRIVET_DIALECTS_MESSAGE_FORMAT_H_

#include <memory>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/message.h"
#include "dialects/tool_signature.h"

namespace trivet {

// Immutable, shared by the choices of a request; outlives their parsers.
struct MessageFormat {
  const Dialect* dialect = nullptr;    // null = plain text
  ReasoningTags reasoning;             // empty: reasoning is not separated from the content
  bool begins_with_reasoning = false;  // the prompt ended with the tag that begins it
  bool drop_reasoning = false;         // read, but not reported
  std::vector<ToolSignature> tools;    // empty: calls are not read, their text is content
  bool parallel_calls = true;          // false: calls after the first are dropped

  // `id_seed` decides the ids of tool calls: unique per choice of a request.
  std::unique_ptr<MessageParser> make_parser(std::string_view id_seed) const;
};

// Whether a prompt ends with the begin tag, so that the answer starts inside the reasoning.
bool opens_reasoning(std::string_view prompt, const ReasoningTags& tags);

// Each kind of text has its own.
std::unique_ptr<MessageParser> make_tagged_parser(const MessageFormat& format,
                                                  std::string_view id_seed);
std::unique_ptr<MessageParser> make_harmony_parser(const MessageFormat& format,
                                                   std::string_view id_seed);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_MESSAGE_FORMAT_H_
