// The architecture files' one function each.
#ifndef TRIVET_MODELS_ARCHITECTURES_H_
#define TRIVET_MODELS_ARCHITECTURES_H_

#include "models/catalog.h"

namespace trivet {

Result<Graph> build_llama(const ModelSource& source, const ModelGraphOptions& options);
Result<Graph> build_qwen2(const ModelSource& source, const ModelGraphOptions& options);
Result<Graph> build_gemma3(const ModelSource& source, const ModelGraphOptions& options);

}  // namespace trivet

#endif  // TRIVET_MODELS_ARCHITECTURES_H_
