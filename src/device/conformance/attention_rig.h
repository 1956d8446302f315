// Attention with its cache on one device: fused, or in the pieces that the ABI says are equal to
// it.
#ifndef TRIVET_DEVICE_CONFORMANCE_ATTENTION_RIG_H_
#define TRIVET_DEVICE_CONFORMANCE_ATTENTION_RIG_H_

#include <memory>
#include <string>
#include <vector>

#include "device/conformance/op_runner.h"

namespace trivet::conformance {

struct AttentionShape {
  std::string name;
  int32_t heads, kv_heads, head_dim;
  int32_t block_tokens = 32;
  int32_t window = 0;
  float softcap = 0.0f;
  int32_t rotary_dim = 0;  // 0 = head_dim
  uint32_t style = TRIVET_ROPE_HALF;
  bool head_norms = false;
  int32_t length = 200;  // of the prompts
  trivet_kv_dtype dtype = TRIVET_KV_AUTO;

  int32_t rotated() const { return rotary_dim > 0 ? rotary_dim : head_dim; }
  int32_t row_cols() const { return (heads + 2 * kv_heads) * head_dim; }
  int32_t blocks() const { return (length + block_tokens - 1) / block_tokens; }  // of one prompt
};

enum class AttentionForm { kFused, kPieces };

// A sequence: row p of each is its position p.
struct Prompt {
  Matrix x;      // [q | k | v]
  Matrix table;  // of ROPE_TABLE
};
Prompt random_prompt(const AttentionShape& shape, uint64_t seed);

// Positions [first, first + count) of a prompt.
struct Slice {
  int prompt;
  int32_t first, count;
};
// The block table of each prompt.
using Placement = std::vector<std::vector<int32_t>>;
// Prompt i in blocks i * blocks() and on, or in scattered blocks of the first `num_blocks`.
Placement consecutive_placement(const AttentionShape& shape, int num_prompts);
Placement shuffled_placement(const AttentionShape& shape, int num_prompts, int32_t num_blocks,
                             uint64_t seed);

class AttentionRig {
 public:
  // Works on one of two layers of the second of two groups.
  static Result<std::unique_ptr<AttentionRig>> create(Device& device, const AttentionShape& shape,
                                                      AttentionForm form, int32_t num_blocks,
                                                      int32_t kv_layer = 1);

  // Output rows of the slices, one behind the other, as one step.
  Result<Matrix> run_step(const std::vector<Prompt>& prompts, const Placement& placement,
                          const std::vector<Slice>& slices);
  // As many steps as there are lists; the result holds all rows of each prompt.
  Result<std::vector<Matrix>> run_steps(const std::vector<Prompt>& prompts,
                                        const Placement& placement,
                                        const std::vector<std::vector<Slice>>& steps);

  KvCache& cache() { return *cache_; }
  // For rigs that share a cache: other layers of the same blocks.
  void use_cache_of(AttentionRig& other) { cache_ = other.cache_; }

 private:
  explicit AttentionRig(const AttentionShape& shape) : shape_(shape) {}
  Result<void> prepare(Device& device, AttentionForm form, int32_t kv_layer);
  Result<void> prepare_pieces(Device& device, const trivet_kv_desc& kv, int32_t kv_layer);
  Result<Matrix> run_pieces(const Matrix& x, const Matrix& table, const StepData& step);

  AttentionShape shape_;
  std::vector<float> query_norm_, key_norm_;
  trivet_head_norm_params query_norm_params_{}, key_norm_params_{};
  trivet_rope_params rope_params_{};
  trivet_kv_write_params write_params_{};
  trivet_attention_params params_{};
  std::vector<std::unique_ptr<OpRunner>> norms_;
  std::unique_ptr<OpRunner> rope_, write_, attention_;
  std::shared_ptr<KvCache> cache_;
};

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_ATTENTION_RIG_H_
