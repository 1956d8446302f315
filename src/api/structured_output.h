// What a request says about the form of its answer, in the words of OpenAI, vLLM and llama.cpp.
#ifndef TRIVET_API_STRUCTURED_OUTPUT_H_
#define TRIVET_API_STRUCTURED_OUTPUT_H_

#include <memory>
#include <optional>
#include <string>

#include "api/json_fields.h"
#include "text/grammar.h"

namespace trivet {

struct OutputFormat {
  GrammarKind kind = GrammarKind::kJsonSchema;
  std::string source;
  std::string param;  // the field that asked for it, for errors
};

// Reads `response_format`, `structured_outputs`, `guided_json`, `guided_regex`, `guided_choice`,
// `guided_grammar`, `json_schema` and `grammar`. Nothing: the text is free, or there is an error in
// `fields`. At most one of them may ask for a form.
std::optional<OutputFormat> read_output_format(Fields& fields);

// Null and an error if the grammar cannot be used, or the model has no compiler.
std::shared_ptr<const Grammar> compile_format(const OutputFormat& format, const ServedModel& model,
                                              FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_STRUCTURED_OUTPUT_H_
