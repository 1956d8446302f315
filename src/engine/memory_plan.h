// The byte budget: what every part of a serving process takes, and what is left for the key/value
// cache.
#ifndef TRIVET_ENGINE_MEMORY_PLAN_H_
#define TRIVET_ENGINE_MEMORY_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_runner.h"

namespace trivet {

// One line of the plan.
struct MemoryItem {
  std::string name;
  uint64_t bytes = 0;
};

struct MemoryRequest {
  uint64_t budget_bytes = 0;  // the whole process; 0 = choose (see default_budget)
  std::vector<MemoryItem>
      fixed_items;  // everything but the cache: weights, activations, tokenizer, ...
  uint64_t kv_block_bytes = 0;
  int block_tokens = 0;
  std::vector<KvGroup> kv_groups;
  int max_positions = 0;  // longest sequence that shall be possible
  int max_sequences = 0;
  int chunk_rows = 0;  // rows of one sequence per step: a window holds that much more
};

struct MemoryPlan {
  uint64_t budget_bytes = 0;
  std::vector<MemoryItem> items;  // the fixed items and the cache, in order
  uint64_t kv_bytes = 0;
  int num_blocks = 0;
  int max_positions = 0;  // as requested, or what one sequence can have at most
};

// Blocks that one sequence of `positions` tokens holds at its largest.
int blocks_of_sequence(const MemoryRequest& request, int positions);

// How many sequences of `positions` tokens the planned cache holds at once.
int sequences_that_fit(const MemoryRequest& request, const MemoryPlan& plan, int positions);

// Shares out the budget. kResourceExhausted if not even one sequence of kMinimumPositions tokens
// fits: the message says what each part takes, and the smallest budget that works.
inline constexpr int kMinimumPositions = 256;
Result<MemoryPlan> plan_memory(const MemoryRequest& request, uint64_t available_bytes);

// Memory that this process may still take: the machine's available memory and the cgroup's limit.
uint64_t available_memory_bytes();

// "1.5 GiB", "400 MiB"; exact multiples without a fraction.
std::string format_bytes(uint64_t bytes);
// "2GiB", "400 MiB", "1.5G", "1073741824"; binary units only (K, M, G, T with or without iB or B).
Result<uint64_t> parse_bytes(std::string_view text);

}  // namespace trivet

#endif  // TRIVET_ENGINE_MEMORY_PLAN_H_
