#ifndef TRIVET_API_OLLAMA_CHAT_MESSAGES_H_
#define TRIVET_API_OLLAMA_CHAT_MESSAGES_H_

#include "api/json_fields.h"

namespace trivet {

// Writes the member "messages" of an OpenAI chat, and whether the answer continues the last one.
void write_ollama_messages(simdjson::dom::array messages, Fields& fields, JsonWriter& writer);

}  // namespace trivet

#endif  // TRIVET_API_OLLAMA_CHAT_MESSAGES_H_
