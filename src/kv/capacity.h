// How many blocks sequences need: arithmetic for admission, without a pool.
#ifndef TRIVET_KV_CAPACITY_H_
#define TRIVET_KV_CAPACITY_H_

#include <vector>

namespace trivet {

// The shape of the key/value memory. Groups of layers have their own block tables over one pool of
// blocks of equal size.
struct KvLayout {
  int block_tokens = 0;      // positions per block
  int num_blocks = 0;        // of the pool
  std::vector<int> windows;  // per group: positions that it attends to, itself included; 0 = all
  int max_chunk_tokens = 1;  // rows that one sequence computes at once: a window group needs the
                             // blocks of the window and of the chunk at the same time
};

// Most blocks of group `group` that a sequence holds at any one time on its way to `positions`
// positions.
int peak_blocks(const KvLayout& layout, int group, int positions);

// Upper bound of the blocks that a request holds at any one time: a prompt, then `n` continuations
// of it with up to `max_tokens` tokens each, which share the prompt's full blocks in groups without
// a window. The last token of a continuation needs no position: nothing attends to it.
int blocks_needed(const KvLayout& layout, int prompt_tokens, int max_tokens, int n);

// The longest sequence that fits an otherwise empty pool, at most `max_positions`.
int max_positions_that_fit(const KvLayout& layout, int max_positions);

}  // namespace trivet

#endif  // TRIVET_KV_CAPACITY_H_
