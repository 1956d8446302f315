// What is inside a model, for `trivet inspect`.
#ifndef TRIVET_WEIGHTS_INSPECT_H_
#define TRIVET_WEIGHTS_INSPECT_H_

#include <string>

#include "weights/model_source.h"

namespace trivet {

// For a terminal: configuration, text side, defaults for sampling, metadata, parameters and bytes
// per number type, one line per tensor (canonical and file name, type, shape). Control characters
// of the file are replaced.
std::string describe_text(const ModelSource& source);
// The same as one JSON object: {"path", "format", "fingerprint", "config", "text", "generation",
// "metadata", "totals", "tensors"}.
std::string describe_json(const ModelSource& source);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_INSPECT_H_
