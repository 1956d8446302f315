// Writes messages as models of a dialect do; it shares no code with what reads them.
#ifndef TRIVET_DIALECTS_TESTING_CALL_WRITER_H_
#define TRIVET_DIALECTS_TESTING_CALL_WRITER_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/tool_signature.h"

namespace trivet {

using OrderedJson = nlohmann::ordered_json;

struct WrittenCall {
  std::string name;
  OrderedJson arguments;  // an object
};

struct WrittenMessage {
  std::string reasoning, before, after;
  std::vector<WrittenCall> calls;
};

// Every dialect in which models can call tools.
std::vector<const Dialect*> dialects_with_calls();

// `tags`: around the reasoning, where there is some.
std::string write_message(const Dialect& dialect, const ReasoningTags& tags,
                          const WrittenMessage& message);

// Whether text may stand before calls, or after them.
bool takes_text_before(const Dialect& dialect);
bool takes_text_after(const Dialect& dialect);

// A tool whose schema declares the members of `arguments` with their types.
ToolSignature signature_of(const std::string& name, const OrderedJson& arguments);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_TESTING_CALL_WRITER_H_
