// From an opened model to the graph of its architecture.
#ifndef TRIVET_MODELS_CATALOG_H_
#define TRIVET_MODELS_CATALOG_H_

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "graph/graph.h"
#include "weights/model_source.h"

namespace trivet {

struct ModelGraphOptions {
  int block_tokens = 64;  // positions per block of the key/value cache, a multiple of 16
  trivet_kv_dtype kv_dtype = TRIVET_KV_AUTO;
  // Held by every weight of the graph: for programs that use weights in place and shall not depend
  // on the life of the source. Usually the source itself.
  std::shared_ptr<const void> keepalive;
};

struct CatalogEntry {
  std::string_view architecture;  // ModelConfig::architecture
  Result<Graph> (*build)(const ModelSource& source, const ModelGraphOptions& options);
};

// A new architecture = its file and one line here.
std::span<const CatalogEntry> model_catalog();

// The graph as the architecture describes it, before any pass. The source must outlive it, and
// programs that use weights in place (see keepalive). kUnimplemented: an unknown architecture,
// listing the known ones, or tensors that the architecture has no use for. kDataLoss: tensors
// missing or of the wrong shape.
Result<Graph> build_model_graph(const ModelSource& source, const ModelGraphOptions& options = {});

}  // namespace trivet

#endif  // TRIVET_MODELS_CATALOG_H_
