// Attention over the paged cache, alone or with what comes before it (head norms, rotation, cache
// write).
//
// A unit is (query tile, key/value head): all query heads that share the head, for a few tokens of
// one sequence, or of several that begin with the same blocks: what they share is then read once.
// Where there are fewer units than would keep the threads busy, a unit's parts of 512 positions
// become tasks of their own and the thread that ends the last of them merges all in order: the same
// operations, so the same bits.
#include <algorithm>
#include <atomic>

#include "attention_units.h"
#include "kv_layout.h"
#include "operations.h"

namespace trivet::cpu {
namespace {

constexpr int kUnitsPerThread = 3;  // fewer: units are split
constexpr int kMaxSplitUnits = 1024;
constexpr uint64_t kSplitBytes = uint64_t{4} << 20;  // for the states of split parts

class Attention final : public trivet_op {
 public:
  explicit Attention(const OpContext& context);
  trivet_status run(const trivet_run& run) override;

 private:
  template <class Body>
  void for_rows_of(const trivet_run& run, const QueryTile& tile, Body body) const;
  void prepare_row(const trivet_run& run, int sequence, int row, int kv_head) const;
  void prepare_all(const trivet_run& run);
  AttendParams load_unit(const trivet_run& run, const QueryTile& tile, int kv_head,
                         const UnitScratch& scratch) const;
  void clear(const AttendState& state, int rows) const;
  void run_unit(const trivet_run& run, const QueryTile& tile, int kv_head,
                const UnitScratch& scratch) const;
  void run_whole(const trivet_run& run, int64_t units, bool prepare);
  int split_parts(const trivet_run& run, int64_t units) const;
  void run_split(const trivet_run& run, int64_t units, int parts);
  UnitScratch scratch_of(const trivet_run& run, int thread) const {
    return UnitScratch(
        static_cast<uint8_t*>(run.workspace) + scratch_offset_ + thread * scratch_bytes_, shape_);
  }

  trivet_device& device_;
  const KernelTable& kernels_;
  trivet_attention_params params_;
  KvType type_;
  const AttentionKernels& attention_;
  AttentionShape shape_;
  KvLayout layout_;
  int64_t columns_;
  int32_t max_rows_, max_sequences_;
  uint64_t scratch_offset_, scratch_bytes_, counters_offset_, split_offset_, split_bytes_;
  TilePlan plan_{nullptr, 0};  // of the step that runs
};

uint64_t scratch_aligned(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

Attention::Attention(const OpContext& context)
    : device_(context.device),
      kernels_(*context.device.kernels),
      params_(context.params<trivet_attention_params>()),
      type_(kv_type(params_.kv, kernels_)),
      attention_(kernels_.attention[type_]),
      shape_(params_),
      layout_(params_.kv, type_, params_.kv_layer),
      columns_(context.desc.input_cols[0]),
      max_rows_(context.limits.max_rows),
      max_sequences_(context.limits.max_sequences) {
  const uint64_t parts =
      static_cast<uint64_t>(ceil_div(context.limits.max_positions, kAttentionPart));
  const uint64_t most_units = static_cast<uint64_t>(kUnitsPerThread) * device_.pool.num_threads();
  scratch_bytes_ = UnitScratch::bytes(shape_);
  counters_offset_ = scratch_aligned(TilePlan::bytes(max_rows_, max_sequences_));
  scratch_offset_ = counters_offset_ + scratch_aligned(4 * kMaxSplitUnits);
  split_offset_ = scratch_offset_ + scratch_bytes_ * device_.pool.num_threads();
  split_bytes_ = parts > 1
                     ? std::min(kSplitBytes, scratch_aligned(4 * most_units * parts *
                                                             UnitScratch::state_floats(shape_)))
                     : 0;
  workspace_bytes = split_offset_ + split_bytes_;
}

// Calls body(sequence, row_begin, row_end) for each sequence of a tile.
template <class Body>
void Attention::for_rows_of(const trivet_run& run, const QueryTile& tile, Body body) const {
  if (tile.num_sequences == 1)
    return body(plan_.sequence(tile.first_sequence), tile.row_begin, tile.row_end);
  for (int i = tile.first_sequence; i < tile.first_sequence + tile.num_sequences; ++i) {
    const int s = plan_.sequence(i);
    body(s, run.step->row_begin[s], run.step->row_begin[s + 1]);
  }
}

// Norms and rotations of one key/value head and its query heads, and the cache write, in place on
// x.
void Attention::prepare_row(const trivet_run& run, int sequence, int row, int kv_head) const {
  const int head_dim = shape_.head_dim;
  float* x = const_cast<float*>(run.inputs[0]) + row * columns_;
  float* key = x + (shape_.heads + kv_head) * head_dim;
  const float* value = key + shape_.kv_heads * head_dim;
  const float* table = run.inputs[1] + int64_t{row} * params_.rotary_dim;
  const RopeParams rope = {params_.rotary_dim, params_.rope_style == TRIVET_ROPE_INTERLEAVED};
  float* query = x + kv_head * shape_.group * head_dim;
  for (int h = 0; h < shape_.group; ++h, query += head_dim) {
    if (params_.query_norm)
      kernels_.rms_norm(query, params_.query_norm, params_.norm_eps, nullptr, head_dim, query);
    kernels_.rope(query, table, rope);
  }
  if (params_.key_norm)
    kernels_.rms_norm(key, params_.key_norm, params_.norm_eps, nullptr, head_dim, key);
  kernels_.rope(key, table, rope);
  const KvSlot slot =
      layout_.slot(*run.step, params_.kv_group, sequence, run.step->positions[row], kv_head);
  attention_.store_kv(slot.key_group, slot.value_group, slot.index, head_dim, key, value);
}

void Attention::prepare_all(const trivet_run& run) {
  const trivet_step& step = *run.step;
  // Head by head, so that two threads seldom write positions of one group.
  device_.pool.for_units(
      int64_t{shape_.kv_heads} * step.num_rows, 8, [&](int, int64_t begin, int64_t end) {
        for (int64_t u = begin; u < end; ++u) {
          const int row = static_cast<int>(u % step.num_rows);
          const int32_t* above =
              std::upper_bound(step.row_begin, step.row_begin + step.num_sequences + 1, row);
          prepare_row(run, static_cast<int>(above - step.row_begin) - 1, row,
                      static_cast<int>(u / step.num_rows));
        }
      });
}

AttendParams Attention::load_unit(const trivet_run& run, const QueryTile& tile, int kv_head,
                                  const UnitScratch& scratch) const {
  const int group = shape_.group, head_dim = shape_.head_dim;
  int n = 0, sequences = 0;
  for_rows_of(run, tile, [&](int sequence, int begin, int end) {
    scratch.sequence_rows[sequences] = n;
    scratch.block_tables[sequences++] = layout_.table(*run.step, params_.kv_group, sequence);
    for (int row = begin; row < end; ++row) {
      const int position = run.step->positions[row];
      for (int h = 0; h < group; ++h, ++n) {
        const int64_t head = kv_head * group + h;
        scratch.query_rows[n] = run.inputs[0] + row * columns_ + head * head_dim;
        scratch.out_rows[n] = run.output + (int64_t{row} * shape_.heads + head) * head_dim;
        scratch.first[n] = params_.window > 0 ? std::max(0, position - params_.window + 1) : 0;
        scratch.last[n] = position;
      }
    }
    const int first = scratch.sequence_rows[sequences - 1];
    attention_.pack_queries(scratch.query_rows + first, n - first, head_dim,
                            scratch.queries + int64_t{first} * head_dim);
  });
  scratch.sequence_rows[sequences] = n;
  return {layout_.head(*run.step, kv_head),
          scratch.queries,
          n,
          sequences,
          scratch.block_tables,
          scratch.sequence_rows,
          scratch.first,
          scratch.last,
          params_.scale,
          params_.softcap};
}

void Attention::clear(const AttendState& state, int rows) const {
  std::fill_n(state.maximum, rows, -__builtin_inff());
  std::fill_n(state.sum, rows, 0.0f);
  std::fill_n(state.values, int64_t{rows} * shape_.head_dim, 0.0f);
}

void Attention::run_unit(const trivet_run& run, const QueryTile& tile, int kv_head,
                         const UnitScratch& scratch) const {
  const AttendParams a = load_unit(run, tile, kv_head, scratch);
  const PartRange parts = parts_of(a);
  // Merged into nothing, the first part is what it is.
  attention_.attend_part(a, parts.begin, scratch.state, scratch.tile);
  for (int p = parts.begin + 1; p < parts.end; ++p) {
    attention_.attend_part(a, p, scratch.part, scratch.tile);
    kernels_.merge_states(scratch.state, scratch.part, a.num_rows, shape_.head_dim);
  }
  kernels_.finish_state(scratch.state, a.num_rows, shape_.head_dim, scratch.out_rows);
}

void Attention::run_whole(const trivet_run& run, int64_t units, bool prepare) {
  device_.pool.for_units(units, 1, [&](int thread, int64_t begin, int64_t end) {
    const UnitScratch scratch = scratch_of(run, thread);
    for (int64_t u = begin; u < end; ++u) {
      const QueryTile& tile = plan_[u / shape_.kv_heads];
      const int kv_head = static_cast<int>(u % shape_.kv_heads);
      if (prepare) {
        for_rows_of(run, tile, [&](int sequence, int first, int last) {
          for (int row = first; row < last; ++row) prepare_row(run, sequence, row, kv_head);
        });
      }
      run_unit(run, tile, kv_head, scratch);
    }
  });
}

// In how many parts the units of this step are split; 1: not at all.
int Attention::split_parts(const trivet_run& run, int64_t units) const {
  const int threads = device_.pool.num_threads();
  if (threads == 1 || split_bytes_ == 0 || units >= int64_t{kUnitsPerThread} * threads ||
      units > kMaxSplitUnits)
    return 1;
  int parts = 1;
  for (int r = 0; r < run.step->num_rows; ++r) {
    parts = std::max(parts, run.step->positions[r] / kAttentionPart + 1);
  }
  const uint64_t bytes = 4 * UnitScratch::state_floats(shape_) * static_cast<uint64_t>(units) *
                         static_cast<uint64_t>(parts);
  return bytes <= split_bytes_ ? parts : 1;
}

void Attention::run_split(const trivet_run& run, int64_t units, int parts) {
  int32_t* done =
      reinterpret_cast<int32_t*>(static_cast<uint8_t*>(run.workspace) + counters_offset_);
  float* states = reinterpret_cast<float*>(static_cast<uint8_t*>(run.workspace) + split_offset_);
  const uint64_t state_floats = UnitScratch::state_floats(shape_);
  std::fill_n(done, units, 0);
  auto state_of = [&](int64_t unit, int part) {
    float* at = states + static_cast<uint64_t>(unit * parts + part) * state_floats;
    return UnitScratch::state_at(at, shape_);
  };
  device_.pool.for_units(units * parts, 1, [&](int thread, int64_t begin, int64_t end) {
    const UnitScratch scratch = scratch_of(run, thread);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t u = task / parts;
      const int part = static_cast<int>(task % parts);
      const AttendParams a = load_unit(run, plan_[u / shape_.kv_heads],
                                       static_cast<int>(u % shape_.kv_heads), scratch);
      const PartRange seen = parts_of(a);
      if (part >= seen.begin && part < seen.end)
        attention_.attend_part(a, part, state_of(u, part), scratch.tile);
      if (std::atomic_ref<int32_t>(done[u]).fetch_add(1, std::memory_order_acq_rel) != parts - 1)
        continue;
      clear(scratch.state, a.num_rows);
      for (int p = seen.begin; p < seen.end; ++p) {
        kernels_.merge_states(scratch.state, state_of(u, p), a.num_rows, shape_.head_dim);
      }
      kernels_.finish_state(scratch.state, a.num_rows, shape_.head_dim, scratch.out_rows);
    }
  });
}

trivet_status Attention::run(const trivet_run& run) {
  const trivet_step& step = *run.step;
  if (step.num_rows == 0) return TRIVET_OK;
  if (!run.inputs[0] || !run.output || (params_.fused_rope_write && !run.inputs[1]) ||
      step.num_rows > max_rows_ || step.num_sequences > max_sequences_ ||
      !valid_kv_step(step, params_.kv, params_.kv_group)) {
    return TRIVET_INVALID_ARGUMENT;
  }
  // Enough tiles that all threads have work.
  const int64_t wanted = int64_t{kUnitsPerThread} * device_.pool.num_threads();
  const int most =
      static_cast<int>(ceil_div(int64_t{step.num_sequences} * shape_.kv_heads, wanted));
  plan_ = TilePlan(run.workspace, max_rows_);
  plan_.make(step, params_, shape_.tile_tokens, most);
  const int64_t units = int64_t{plan_.size()} * shape_.kv_heads;
  const int parts = split_parts(run, units);
  const bool prepare_in_unit = params_.fused_rope_write && plan_.one_tile_each() && parts == 1;
  if (params_.fused_rope_write && !prepare_in_unit) prepare_all(run);
  if (parts > 1) {
    run_split(run, units, parts);
  } else {
    run_whole(run, units, prepare_in_unit);
  }
  return TRIVET_OK;
}

}  // namespace

std::string check_attention(const trivet_op_desc& desc) {
  const auto& p = *static_cast<const trivet_attention_params*>(desc.params);
  if (std::string problem = check_kv(p.kv); !problem.empty()) return problem;
  if (p.num_heads <= 0 || p.num_heads % p.kv.num_kv_heads != 0)
    return "num_heads must be a multiple of num_kv_heads";
  if (p.kv_group < 0 || p.kv_layer < 0 || p.kv_layer >= p.kv.layers_per_group)
    return "kv_group or kv_layer out of range";
  if (p.window < 0 || p.softcap < 0) return "window and softcap must not be negative";
  if (!(p.scale > 0)) return "scale must be positive";
  const int64_t queries = int64_t{p.num_heads} * p.kv.head_dim;
  if (desc.output_cols != queries) return "output columns must be num_heads * head_dim";
  if (desc.output_domain != 0) return "output_domain must be 0";
  if (!p.fused_rope_write)
    return desc.input_cols[0] >= queries ? "" : "the input is narrower than its query heads";
  if (desc.input_cols[0] != queries + int64_t{2} * p.kv.num_kv_heads * p.kv.head_dim)
    return "the input must be [q | k | v]";
  if (desc.num_inputs < 2 || p.rotary_dim <= 0 || p.rotary_dim % 2 != 0 ||
      p.rotary_dim > p.kv.head_dim || desc.input_cols[1] != p.rotary_dim) {
    return "fused_rope_write needs a table of rotary_dim columns, even and at most head_dim";
  }
  return p.rope_style <= TRIVET_ROPE_INTERLEAVED ? "" : "unknown rope style";
}

trivet_op* make_attention(const OpContext& context) { return new Attention(context); }

}  // namespace trivet::cpu
