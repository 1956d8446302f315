// Matrix products of packed weights. Two parallel regions: activations are (normalised and) packed,
// then threads take super-panels, whose K chunks meet all row tiles while they lie in the
// first-level cache.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "activation_packer.h"
#include "operations.h"

namespace trivet::cpu {
namespace {

// Up to this many activations are packed by every thread for itself, which saves a region.
constexpr int64_t kPackPrivatelyValues = 4096;
constexpr int kPrefetchBytesAhead = 8192;
constexpr uint64_t kWideBytes = 23040;  // of the longest widened chunk
// From here on the output rows are requested before they are written.
constexpr int kPrefetchOutputRows = 8;

struct Segment {
  PackedFormat format;
  const uint8_t* packed;
  int64_t rows;
  int64_t first_column;  // of the output
};

class Linear final : public trivet_op {
 public:
  explicit Linear(const OpContext& context);
  trivet_status run(const trivet_run& run) override;

 private:
  void multiply(const Segment& segment, int64_t super_panel, const RowBlock& block,
                const PackedActivations& activations, const uint8_t* next, float* c,
                uint8_t* wide) const;
  void finish(const Segment& segment, int64_t super_panel, const RowBlock& block, const float* c,
              const float* up, const trivet_run& run) const;
  void join_parts(float* c, int rows) const;
  void prefetch_output(const Segment& segment, int64_t super_panel, const RowBlock& block,
                       const trivet_run& run) const;
  void run_unit(int64_t unit, const RowBlocks& blocks, const PackedActivations& activations,
                const trivet_run& run, float* c) const;
  uint8_t* thread_memory(const trivet_run& run, int thread) const {
    return static_cast<uint8_t*>(run.workspace) + threads_offset_ + thread * thread_bytes_;
  }
  float* scratch_of(const trivet_run& run, int thread) const {
    return reinterpret_cast<float*>(thread_memory(run, thread) + scratch_offset_);
  }

  trivet_device& device_;
  const KernelTable& kernels_;
  int64_t columns_;
  int64_t output_columns_;
  std::vector<Segment> segments_;
  ActivationPacker packer_;
  const float* bias_;
  uint32_t activation_;
  bool gated_;
  bool add_residual_;
  int64_t units_ = 0;  // super-panels (pairs of them if gated) of all segments
  int32_t max_rows_;
  int parts_;  // packed rows of one activation row
  int64_t private_rows_;
  // Workspace: packed rows of the step; then for each thread its own packed rows and its scratch (a
  // normalised row, sums of two super-panels, a widened chunk).
  uint64_t threads_offset_, thread_bytes_, scratch_offset_;
};

bool all_narrow(const uint32_t* narrow, int count, PackedFormat format) {
  uint32_t common = ~0u;
  for (int i = 0; i < count; ++i) common &= narrow[i];
  return (common >> static_cast<int>(format) & 1) != 0;
}

Linear::Linear(const OpContext& context)
    : device_(context.device),
      kernels_(*context.device.kernels),
      columns_(context.desc.input_cols[0]),
      output_columns_(context.desc.output_cols) {
  const auto& p = context.params<trivet_linear_params>();
  bias_ = p.bias;
  activation_ = p.activation;
  gated_ = p.activation != TRIVET_ACT_NONE;
  add_residual_ = p.add_residual != 0;
  max_rows_ = std::max(context.max_rows(), 1);
  std::array<bool, kActivationKinds> used = {};
  int64_t column = 0;
  for (int i = 0; i < context.desc.num_weights; ++i) {
    const trivet_weight& w = *context.desc.weights[i];
    segments_.push_back({w.format, w.data, w.rows, gated_ ? 0 : column});
    column += w.rows;
    used[static_cast<int>(layout_of(w.format).activation)] = true;
    if (!gated_ || i == 0) units_ += super_panels_of(w.rows);
  }
  // Rounding loses nothing of the rows that float weights read.
  parts_ = p.fine_activations != 0 && !used[static_cast<int>(ActivationKind::kFloat)] ? 2 : 1;
  const int32_t max_packed_rows = max_rows_ * parts_;
  private_rows_ = std::clamp<int64_t>(kPackPrivatelyValues / columns_, parts_, max_packed_rows);
  packer_ = ActivationPacker(kernels_, columns_, used, p.norm_weight, p.norm_eps);
  threads_offset_ = packer_.bytes(max_packed_rows);
  scratch_offset_ = packer_.bytes(private_rows_);
  const int64_t block_rows = std::min<int64_t>(max_packed_rows, kActivationBlockRows);
  const int64_t floats = packer_.scratch_floats() + 2 * kSuperPanelRows * block_rows;
  thread_bytes_ = scratch_offset_ + area_aligned(4 * static_cast<uint64_t>(floats) + kWideBytes);
  workspace_bytes = threads_offset_ + thread_bytes_ * device_.pool.num_threads();
}

// c[rows of the block][32] = activations x one super-panel. While a chunk is used, the tiles
// request the next one from memory in equal shares; a single tile requests a fixed distance ahead.
void Linear::multiply(const Segment& segment, int64_t super_panel, const RowBlock& block,
                      const PackedActivations& activations, const uint8_t* next, float* c,
                      uint8_t* wide) const {
  const FormatLayout& format = layout_of(segment.format);
  const FormatKernels& kernels = kernels_.formats[static_cast<int>(segment.format)];
  const ActivationLayout& layout = layout_of(format.activation);
  const int units = static_cast<int>(units_of(segment.format, columns_));
  const int tiles = block.tiles;
  const int chunk_units =
      tiles == 1 ? units : static_cast<int>(chunk_units_of(format.activation, units));
  const bool widen = kernels.widen && block.rows >= kernels.widen_from_rows;
  const uint8_t* w = segment.packed + super_panel * units * format.unit_bytes;
  const int32_t* a = packer_.block(activations, format.activation, block);
  const uint32_t* narrow = activations.narrow + block.begin;
  const int step_lines = static_cast<int>(ceil_div(format.unit_bytes, 64 * format.prefetch_steps));
  for (int u = 0; u < units; u += chunk_units) {
    const int n = std::min(chunk_units, units - u);
    const int64_t chunk_bytes = int64_t{n} * format.unit_bytes;
    const char* ahead = reinterpret_cast<const char*>(u + n < units ? w + chunk_bytes : next);
    const char* ahead_end = ahead + chunk_bytes;
    int lines = static_cast<int>(ceil_div(step_lines, tiles));
    if (tiles == 1) ahead = reinterpret_cast<const char*>(w) + kPrefetchBytesAhead;
    if (widen) kernels.widen(w, n, wide);
    for (int t = 0, first = 0, end = 0; t < tiles; ++t, first = end) {
      end = block.tile_begin(t + 1);
      const int count = end - first;
      if (tiles > 1 && ahead >= ahead_end) lines = 0;
      float* sums = c + kSuperPanelRows * first;
      if (u == 0) std::memset(sums, 0, sizeof(float) * kSuperPanelRows * count);
      const bool fits = all_narrow(narrow + first, count, segment.format);
      kernels.tiles[widen][fits][count](widen ? wide : w, a, n, sums, ahead, lines);
      a += int64_t{n} * layout.unit_dwords * count;
      ahead += int64_t{64} * lines * n * format.prefetch_steps;
    }
    w += chunk_bytes;
  }
}

void Linear::finish(const Segment& segment, int64_t super_panel, const RowBlock& block,
                    const float* c, const float* up, const trivet_run& run) const {
  const int64_t panel_row = super_panel * kSuperPanelRows;
  const int64_t column = segment.first_column + panel_row;
  const int64_t offset = block.begin / parts_ * output_columns_ + column;
  EpilogueParams e = {};
  e.c = c;
  e.up = up;
  e.bias = bias_ ? bias_ + column : nullptr;
  e.up_bias = bias_ && up ? bias_ + segment.rows + column : nullptr;
  e.residual = add_residual_ ? run.inputs[1] + offset : nullptr;
  e.out = run.output + offset;
  e.stride = output_columns_;
  e.rows = block.rows / parts_;
  e.columns = static_cast<int>(std::min<int64_t>(kSuperPanelRows, segment.rows - panel_row));
  e.activation = activation_;
  kernels_.finish_tile_rows(e);
}

// Sums of a row and of what its rounding lost become one.
void Linear::join_parts(float* c, int rows) const {
  for (int r = 0; r < rows; ++r) {
    const float* pair = c + 2 * kSuperPanelRows * r;
    kernels_.add(pair, pair + kSuperPanelRows, kSuperPanelRows, c + kSuperPanelRows * r);
  }
}

void Linear::prefetch_output(const Segment& segment, int64_t super_panel, const RowBlock& block,
                             const trivet_run& run) const {
  if (block.rows < kPrefetchOutputRows) return;
  const float* out = run.output + block.begin / parts_ * output_columns_ + segment.first_column +
                     super_panel * kSuperPanelRows;
  for (int r = 0; r < block.rows / parts_; ++r, out += output_columns_) {
    __builtin_prefetch(out, 1);
    __builtin_prefetch(out + 16, 1);
  }
}

void Linear::run_unit(int64_t unit, const RowBlocks& blocks, const PackedActivations& activations,
                      const trivet_run& run, float* c) const {
  size_t s = 0;
  while (!gated_ && unit >= super_panels_of(segments_[s].rows))
    unit -= super_panels_of(segments_[s++].rows);
  const Segment& segment = segments_[s];
  auto begin_of = [&](const Segment& x, int64_t panel) {
    return x.packed + panel * units_of(x.format, columns_) * layout_of(x.format).unit_bytes;
  };
  for (int b = 0; b < blocks.blocks; ++b) {
    const RowBlock block = blocks.block(b);
    float* up = c + kSuperPanelRows * block.rows;
    uint8_t* wide = reinterpret_cast<uint8_t*>(up + kSuperPanelRows * block.rows);
    prefetch_output(segment, unit, block, run);
    const Segment& second = gated_ ? segments_[1] : segment;
    multiply(segment, unit, block, activations, begin_of(second, gated_ ? unit : unit + 1), c,
             wide);
    if (gated_) {
      multiply(second, unit, block, activations, begin_of(segment, unit + 1), up, wide);
    }
    if (parts_ > 1) {
      join_parts(c, block.rows / parts_);
      if (gated_) join_parts(up, block.rows / parts_);
    }
    finish(segment, unit, block, c, gated_ ? up : nullptr, run);
  }
}

trivet_status Linear::run(const trivet_run& run) {
  if (run.num_rows == 0) return TRIVET_OK;
  if (run.num_rows > max_rows_ || !run.inputs[0] || !run.output ||
      (add_residual_ && !run.inputs[1])) {
    return TRIVET_INVALID_ARGUMENT;
  }
  const RowBlocks blocks(run.num_rows, kernels_.tile_rows, parts_);
  const bool pack_privately = blocks.rows <= private_rows_ && blocks.one_tile();
  const PackedActivations shared = packer_.area(run.workspace, int64_t{max_rows_} * parts_);
  if (!pack_privately) {
    packer_.pack_all(
        device_.pool, run.inputs[0], blocks, [&](int thread) { return scratch_of(run, thread); },
        shared);
  }
  const int64_t chunk = std::clamp<int64_t>(units_ / (8 * device_.pool.num_threads()), 1, 8);
  device_.pool.for_units(units_, chunk, [&](int thread, int64_t begin, int64_t end, bool first) {
    float* scratch = scratch_of(run, thread);
    PackedActivations activations = shared;
    if (pack_privately) {
      activations = packer_.area(thread_memory(run, thread), private_rows_);
      if (first) packer_.pack_tile(run.inputs[0], parts_, blocks.block(0), 0, scratch, activations);
    }
    for (int64_t u = begin; u < end; ++u) {
      run_unit(u, blocks, activations, run, scratch + packer_.scratch_floats());
    }
  });
  return TRIVET_OK;
}

}  // namespace

std::string check_linear(const trivet_op_desc& desc) {
  const auto& p = *static_cast<const trivet_linear_params*>(desc.params);
  if (p.activation > TRIVET_ACT_GELU_TANH) return "unknown activation";
  const bool gated = p.activation != TRIVET_ACT_NONE;
  if (gated && desc.num_weights != 2) return "an activation needs exactly two weights";
  int64_t columns = 0;
  for (int i = 0; i < desc.num_weights; ++i) {
    const trivet_weight_desc& w = desc.weight_descs[i];
    if (w.usage != TRIVET_WEIGHT_LINEAR || weight_bytes(w) == UINT64_MAX)
      return "a weight is of an unsupported type or shape";
    if (w.cols != desc.input_cols[0]) return "a weight's columns differ from the input's";
    if (gated && w.rows != desc.weight_descs[0].rows) return "gate and up must have equal rows";
    columns += w.rows;
  }
  if (gated) columns /= 2;
  if (columns != desc.output_cols) return "output columns differ from the weights' rows";
  if (p.add_residual && (desc.num_inputs < 2 || desc.input_cols[1] != desc.output_cols)) {
    return "add_residual needs a second input of the output's columns";
  }
  return "";
}

trivet_op* make_linear(const OpContext& context) { return new Linear(context); }

}  // namespace trivet::cpu
