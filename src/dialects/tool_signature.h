// What is known about a tool when its calls are read and constrained.
#ifndef TRIVET_DIALECTS_TOOL_SIGNATURE_H_
#define TRIVET_DIALECTS_TOOL_SIGNATURE_H_

#include <string>
#include <string_view>
#include <vector>

namespace trivet {

struct ToolParameter {
  std::string name;
  std::string schema;  // JSON
  bool required = false;
  bool takes_string = false;  // a string is allowed
  bool takes_other = false;   // something else is allowed
  bool takes_null = false;
  std::string type;                 // where the schema names one type
  std::vector<std::string> values;  // JSON: the only ones allowed; empty = any
};

struct ToolSignature {
  std::string name;
  // Of the arguments, JSON; {"type": "object"} where none was given. Properties that are not
  // declared are not allowed unless the schema speaks of them.
  std::string schema;
  bool strict = false;
  std::vector<ToolParameter> parameters;  // the properties of the schema

  const ToolParameter* find(std::string_view parameter) const;
};

// `schema` may be empty, and need not be valid: what is not understood has no parameters.
ToolSignature read_signature(std::string name, std::string schema, bool strict);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_TOOL_SIGNATURE_H_
