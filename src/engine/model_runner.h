// What the engine needs of a model: forward passes over batches of rows.
#ifndef TRIVET_ENGINE_MODEL_RUNNER_H_
#define TRIVET_ENGINE_MODEL_RUNNER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace trivet {

// Layers that share block tables. A pool page holds `layers` layers of one block of positions.
struct KvGroup {
  int layers = 0;
  int window = 0;  // 0 = needs all positions
};

struct RunnerLimits {
  int vocab_size = 0;
  int max_rows = 0;         // tokens per step
  int max_sequences = 0;    // sequences per step
  int max_output_rows = 0;  // rows per logits() call
  int max_positions = 0;    // longest sequence (max_model_len)
  int block_tokens = 0;
  int num_blocks = 0;  // of the key/value pool, shared by all groups
  std::vector<KvGroup> kv_groups;
};

// One forward pass. Rows of a sequence are adjacent and in order of position.
struct StepBatch {
  std::vector<int32_t> tokens;     // [rows]
  std::vector<int32_t> positions;  // [rows]
  std::vector<int32_t> row_begin;  // [sequences + 1]
  // [group][sequence * block_table_stride + position / block_tokens]; kNoBlock behind a window.
  std::vector<std::vector<BlockId>> block_tables;
  int block_table_stride = 0;
};

// Used by the engine thread only.
class ModelRunner {
 public:
  virtual ~ModelRunner() = default;
  virtual const RunnerLimits& limits() const = 0;
  // Computes the batch and writes its keys and values. The batch must live until the last logits()
  // call for it.
  virtual Result<void> forward(const StepBatch& batch) = 0;
  // Logits of some rows of the last forward pass, [rows.size()][vocab_size]; at most
  // max_output_rows rows. The span is valid, and may be overwritten by the caller, until the next
  // call of either function.
  virtual Result<std::span<float>> logits(std::span<const int32_t> rows) = 0;
  // Copies all layers of a block (copy-on-write).
  virtual Result<void> copy_block(BlockId from, BlockId to) = 0;
  // Gives the key/value memory back to the system; between the two nothing but acquire is called.
  // All contents are lost. A runner without memory of its own does nothing.
  virtual void release_kv_memory() {}
  // kResourceExhausted if it is not there any more; may be tried again.
  virtual Result<void> acquire_kv_memory() { return {}; }
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_MODEL_RUNNER_H_
