#include <algorithm>
#include <optional>

#include "device/conformance/attention_rig.h"
#include "device/conformance/session.h"

namespace trivet::conformance {
namespace {

// The reference rounds keys and values to the type that is asked for, and nothing else. A backend
// may multiply bfloat16 by bfloat16, and may choose that by itself.
Tolerance tolerance_of(trivet_kv_dtype dtype) {
  const bool coarse = dtype == TRIVET_KV_AUTO || dtype == TRIVET_KV_BF16;
  return {ConformanceMeasure::kRms, coarse ? 1.2e-2 : 2e-3};
}

std::vector<AttentionShape> shapes() {
  return {
      {.name = "4/4 heads of 64", .heads = 4, .kv_heads = 4, .head_dim = 64, .block_tokens = 16},
      {.name = "9/3 heads of 64, interleaved",
       .heads = 9,
       .kv_heads = 3,
       .head_dim = 64,
       .style = TRIVET_ROPE_INTERLEAVED},
      {.name = "7/1 heads of 64, 1100 positions",
       .heads = 7,
       .kv_heads = 1,
       .head_dim = 64,
       .block_tokens = 64,
       .length = 1100},
      {.name = "14/2 heads of 128", .heads = 14, .kv_heads = 2, .head_dim = 128},
      {.name = "4/1 heads of 256, head norms, window 100",
       .heads = 4,
       .kv_heads = 1,
       .head_dim = 256,
       .window = 100,
       .head_norms = true,
       .length = 400},
      {.name = "4/2 heads of 64, window 512",
       .heads = 4,
       .kv_heads = 2,
       .head_dim = 64,
       .window = 512,
       .length = 700},
      {.name = "3/1 heads of 64, window 1", .heads = 3, .kv_heads = 1, .head_dim = 64, .window = 1},
      {.name = "6/2 heads of 128, softcap, partial rotation",
       .heads = 6,
       .kv_heads = 2,
       .head_dim = 128,
       .softcap = 2.0f,
       .rotary_dim = 64},
      {.name = "6/2 heads of 64, f16",
       .heads = 6,
       .kv_heads = 2,
       .head_dim = 64,
       .length = 100,
       .dtype = TRIVET_KV_F16},
      {.name = "5/1 heads of 80, bf16",
       .heads = 5,
       .kv_heads = 1,
       .head_dim = 80,
       .length = 100,
       .dtype = TRIVET_KV_BF16},
      {.name = "7/1 heads of 64, int8",
       .heads = 7,
       .kv_heads = 1,
       .head_dim = 64,
       .length = 130,
       .dtype = TRIVET_KV_INT8},
      {.name = "4/1 heads of 128, int8, window 100, head norms",
       .heads = 4,
       .kv_heads = 1,
       .head_dim = 128,
       .window = 100,
       .head_norms = true,
       .length = 300,
       .dtype = TRIVET_KV_INT8},
  };
}

// One prompt at once.
Result<Matrix> run_whole(Device& device, const AttentionShape& shape, AttentionForm form) {
  TRIVET_ASSIGN_OR_RETURN(auto rig, AttentionRig::create(device, shape, form, shape.blocks()));
  return rig->run_step({random_prompt(shape, 1)}, consecutive_placement(shape, 1),
                       {{0, 0, shape.length}});
}

Result<Deviation> bits_between(const Result<Matrix>& expected, const Result<Matrix>& actual) {
  if (!expected) return expected.error();
  if (!actual) return actual.error();
  return deviation(ConformanceMeasure::kBits, *expected, *actual);
}

// Steps of 1, 2, 5, 31, 64, 100 rows in turn: prefill chunks and decoding alike.
std::vector<std::vector<Slice>> chunks(int32_t length) {
  const int32_t sizes[] = {1, 2, 5, 31, 1, 64, 100, 1, 1};
  std::vector<std::vector<Slice>> steps;
  for (int32_t first = 0, i = 0; first < length; ++i) {
    const int32_t count = std::min(sizes[i % std::size(sizes)], length - first);
    steps.push_back({{0, first, count}});
    first += count;
  }
  return steps;
}

// The checks of one shape in one form.
class AttentionChecks {
 public:
  AttentionChecks(Session& session, const AttentionShape& shape, AttentionForm form)
      : session_(session), shape_(shape), form_(form) {}

  void check_all();
  // One prompt at once, on the candidate; run when first asked for.
  const Result<Matrix>& whole();

 private:
  Result<std::unique_ptr<AttentionRig>> make_rig(int32_t num_blocks, int32_t kv_layer = 1) const {
    return AttentionRig::create(session_.candidate(), shape_, form_, num_blocks, kv_layer);
  }

  Result<Deviation> against_reference();
  Result<Deviation> chunked_is_whole();
  Result<Deviation> any_blocks();
  Result<Deviation> any_company();
  Result<Deviation> any_threads();
  Result<Deviation> copied_blocks();
  Result<Deviation> separate_layers();
  Result<Deviation> stale_blocks();
  Result<Deviation> freed_blocks();

  Session& session_;
  const AttentionShape& shape_;
  AttentionForm form_;
  std::optional<Result<Matrix>> whole_;
};

const Result<Matrix>& AttentionChecks::whole() {
  if (!whole_) whole_ = run_whole(session_.candidate(), shape_, form_);
  return *whole_;
}

Result<Deviation> AttentionChecks::against_reference() {
  TRIVET_ASSIGN_OR_RETURN(const Matrix actual, whole());
  TRIVET_ASSIGN_OR_RETURN(const Matrix expected,
                          run_whole(session_.reference(), shape_, AttentionForm::kFused));
  return deviation(tolerance_of(shape_.dtype).measure, expected, actual);
}

Result<Deviation> AttentionChecks::chunked_is_whole() {
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(shape_.blocks()));
  TRIVET_ASSIGN_OR_RETURN(const auto outputs,
                          rig->run_steps({random_prompt(shape_, 1)},
                                         consecutive_placement(shape_, 1), chunks(shape_.length)));
  return bits_between(whole(), outputs[0]);
}

Result<Deviation> AttentionChecks::any_blocks() {
  const int32_t num_blocks = shape_.blocks() + 3;
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(num_blocks));
  return bits_between(whole(), rig->run_step({random_prompt(shape_, 1)},
                                             shuffled_placement(shape_, 1, num_blocks, 70),
                                             {{0, 0, shape_.length}}));
}

// The prompt in two chunks beside another prompt that is decoded, and one that is read in.
Result<Deviation> AttentionChecks::any_company() {
  const int32_t length = shape_.length, half = length / 2, num_blocks = 3 * shape_.blocks();
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(num_blocks));
  const std::vector<Prompt> prompts = {random_prompt(shape_, 1), random_prompt(shape_, 2),
                                       random_prompt(shape_, 3)};
  const std::vector<std::vector<Slice>> steps = {
      {{1, 0, half}},
      {{1, half, 1}, {0, 0, half}, {2, 0, 9}},
      {{2, 9, 20}, {0, half, length - half}, {1, half + 1, 1}}};
  TRIVET_ASSIGN_OR_RETURN(
      const auto outputs,
      rig->run_steps(prompts, shuffled_placement(shape_, 3, num_blocks, 71), steps));
  return bits_between(whole(), outputs[0]);
}

Result<Deviation> AttentionChecks::any_threads() {
  TRIVET_ASSIGN_OR_RETURN(Device * one, session_.candidate_with_threads(1));
  TRIVET_ASSIGN_OR_RETURN(Device * two, session_.candidate_with_threads(2));
  return bits_between(run_whole(*one, shape_, form_), run_whole(*two, shape_, form_));
}

// The second half, after all blocks of the first were copied elsewhere and overwritten.
Result<Deviation> AttentionChecks::copied_blocks() {
  const int32_t num_blocks = 2 * shape_.blocks(), half = shape_.length / 2;
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(num_blocks));
  const std::vector<Prompt> prompts = {random_prompt(shape_, 1)};
  Placement placement = consecutive_placement(shape_, 1);
  TRIVET_RETURN_IF_ERROR(rig->run_step(prompts, placement, {{0, 0, half}}));
  for (int32_t& block : placement[0]) {
    TRIVET_RETURN_IF_ERROR(rig->cache().copy_block(block, block + shape_.blocks()));
    TRIVET_RETURN_IF_ERROR(rig->cache().poison_block(block));
    block += shape_.blocks();
  }
  TRIVET_ASSIGN_OR_RETURN(const Matrix rest,
                          rig->run_step(prompts, placement, {{0, half, shape_.length - half}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix all, whole());
  return bits_between(all.slice(half, shape_.length - half), rest);
}

// Another layer of the same blocks is written and read between the two halves.
Result<Deviation> AttentionChecks::separate_layers() {
  const int32_t half = shape_.length / 2;
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(shape_.blocks(), 1));
  TRIVET_ASSIGN_OR_RETURN(auto other, make_rig(shape_.blocks(), 0));
  other->use_cache_of(*rig);
  const std::vector<Prompt> prompts = {random_prompt(shape_, 1)},
                            foreign = {random_prompt(shape_, 9)};
  const Placement placement = consecutive_placement(shape_, 1);
  TRIVET_RETURN_IF_ERROR(rig->run_step(prompts, placement, {{0, 0, half}}));
  TRIVET_RETURN_IF_ERROR(other->run_step(foreign, placement, {{0, 0, shape_.length}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix rest,
                          rig->run_step(prompts, placement, {{0, half, shape_.length - half}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix all, whole());
  return bits_between(all.slice(half, shape_.length - half), rest);
}

// In blocks that hold what another prompt has left.
Result<Deviation> AttentionChecks::stale_blocks() {
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(shape_.blocks()));
  const Placement placement = consecutive_placement(shape_, 1);
  TRIVET_RETURN_IF_ERROR(
      rig->run_step({random_prompt(shape_, 9)}, placement, {{0, 0, shape_.length}}));
  TRIVET_ASSIGN_OR_RETURN(const auto outputs, rig->run_steps({random_prompt(shape_, 1)}, placement,
                                                             chunks(shape_.length)));
  return bits_between(whole(), outputs[0]);
}

// Blocks are taken away and overwritten as soon as the window has passed them.
Result<Deviation> AttentionChecks::freed_blocks() {
  TRIVET_ASSIGN_OR_RETURN(auto rig, make_rig(shape_.blocks()));
  const std::vector<Prompt> prompts = {random_prompt(shape_, 1)};
  Placement placement = consecutive_placement(shape_, 1);
  Matrix outputs{0, shape_.heads * shape_.head_dim, {}};
  for (const auto& slices : chunks(shape_.length)) {
    const int32_t first_needed = slices[0].first - shape_.window + 1;
    for (int32_t b = 0; (b + 1) * shape_.block_tokens <= first_needed; ++b) {
      if (placement[0][b] < 0) continue;
      TRIVET_RETURN_IF_ERROR(rig->cache().poison_block(placement[0][b]));
      placement[0][b] = -1;
    }
    TRIVET_ASSIGN_OR_RETURN(const Matrix rows, rig->run_step(prompts, placement, slices));
    outputs.values.insert(outputs.values.end(), rows.values.begin(), rows.values.end());
    outputs.rows += rows.rows;
  }
  return bits_between(whole(), outputs);
}

void AttentionChecks::check_all() {
  const std::string name =
      shape_.name + (form_ == AttentionForm::kFused ? ", fused" : ", in pieces");
  session_.check(name, tolerance_of(shape_.dtype), [&] { return against_reference(); });
  const auto check = [&](const char* what, Result<Deviation> (AttentionChecks::*body)()) {
    session_.check(name + ": " + what, kSameBits, [&] { return (this->*body)(); });
  };
  check("chunked = whole", &AttentionChecks::chunked_is_whole);
  check("any blocks", &AttentionChecks::any_blocks);
  check("any company", &AttentionChecks::any_company);
  check("1 and 2 threads", &AttentionChecks::any_threads);
  check("blocks copied as bytes", &AttentionChecks::copied_blocks);
  check("used blocks", &AttentionChecks::stale_blocks);
  check("layers are separate", &AttentionChecks::separate_layers);
  if (shape_.window > 0) check("blocks behind the window freed", &AttentionChecks::freed_blocks);
}

}  // namespace

void check_attention(Session& session) {
  session.begin_group("attention");
  for (const AttentionShape& shape : shapes()) {
    AttentionChecks fused(session, shape, AttentionForm::kFused);
    AttentionChecks pieces(session, shape, AttentionForm::kPieces);
    fused.check_all();
    pieces.check_all();
    session.check(shape.name + ": fused = in pieces", kSameBits,
                  [&] { return bits_between(pieces.whole(), fused.whole()); });
  }
}

}  // namespace trivet::conformance
