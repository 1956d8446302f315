// Chat messages of a request, made into what templates expect.
#ifndef TRIVET_API_OPENAI_MESSAGES_H_
#define TRIVET_API_OPENAI_MESSAGES_H_

#include <string>

#include "api/json_fields.h"

namespace trivet {

struct ChatMessages {
  std::string json;  // array of messages: content is a string in each
  std::string last_role;
  std::string last_text;
  bool speaks_of_tools = false;  // holds earlier calls or results of them
};

// Reads the field "messages". Parts of type text are joined by newlines, as in vLLM; other parts
// are refused by name. Arguments of earlier tool calls, which the API carries as JSON in a string,
// become objects; "reasoning" and "reasoning_content" are given under both names.
ChatMessages read_messages(Fields& fields);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_MESSAGES_H_
