#include "device/conformance/attention_rig.h"
#include "device/conformance/session.h"

namespace trivet::conformance {
namespace {

// A float16 cache rounds keys and values by 2^-11 of their size.
constexpr Tolerance kAttentionTolerance{ConformanceMeasure::kRms, 2e-3};

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

Result<Deviation> against_reference(Session& session, const AttentionShape& shape,
                                    AttentionForm form) {
  TRIVET_ASSIGN_OR_RETURN(const Matrix actual, run_whole(session.candidate(), shape, form));
  TRIVET_ASSIGN_OR_RETURN(const Matrix expected,
                          run_whole(session.reference(), shape, AttentionForm::kFused));
  return deviation(kAttentionTolerance.measure, expected, actual);
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

Result<Deviation> chunked_is_whole(Session& session, const AttentionShape& shape,
                                   AttentionForm form) {
  TRIVET_ASSIGN_OR_RETURN(auto rig,
                          AttentionRig::create(session.candidate(), shape, form, shape.blocks()));
  TRIVET_ASSIGN_OR_RETURN(const auto outputs,
                          rig->run_steps({random_prompt(shape, 1)}, consecutive_placement(shape, 1),
                                         chunks(shape.length)));
  return bits_between(run_whole(session.candidate(), shape, form), outputs[0]);
}

Result<Deviation> any_blocks(Session& session, const AttentionShape& shape, AttentionForm form) {
  const int32_t num_blocks = shape.blocks() + 3;
  TRIVET_ASSIGN_OR_RETURN(auto rig,
                          AttentionRig::create(session.candidate(), shape, form, num_blocks));
  return bits_between(
      run_whole(session.candidate(), shape, form),
      rig->run_step({random_prompt(shape, 1)}, shuffled_placement(shape, 1, num_blocks, 70),
                    {{0, 0, shape.length}}));
}

// The prompt in two chunks beside another prompt that is decoded, and one that is read in.
Result<Deviation> any_company(Session& session, const AttentionShape& shape, AttentionForm form) {
  const int32_t length = shape.length, half = length / 2, num_blocks = 3 * shape.blocks();
  TRIVET_ASSIGN_OR_RETURN(auto rig,
                          AttentionRig::create(session.candidate(), shape, form, num_blocks));
  const std::vector<Prompt> prompts = {random_prompt(shape, 1), random_prompt(shape, 2),
                                       random_prompt(shape, 3)};
  const std::vector<std::vector<Slice>> steps = {
      {{1, 0, half}},
      {{1, half, 1}, {0, 0, half}, {2, 0, 9}},
      {{2, 9, 20}, {0, half, length - half}, {1, half + 1, 1}}};
  TRIVET_ASSIGN_OR_RETURN(
      const auto outputs,
      rig->run_steps(prompts, shuffled_placement(shape, 3, num_blocks, 71), steps));
  return bits_between(run_whole(session.candidate(), shape, form), outputs[0]);
}

Result<Deviation> any_threads(Session& session, const AttentionShape& shape, AttentionForm form) {
  TRIVET_ASSIGN_OR_RETURN(Device * one, session.candidate_with_threads(1));
  TRIVET_ASSIGN_OR_RETURN(Device * two, session.candidate_with_threads(2));
  return bits_between(run_whole(*one, shape, form), run_whole(*two, shape, form));
}

// The second half, after all blocks of the first were copied elsewhere and overwritten.
Result<Deviation> copied_blocks(Session& session, const AttentionShape& shape, AttentionForm form) {
  const int32_t num_blocks = 2 * shape.blocks(), half = shape.length / 2;
  TRIVET_ASSIGN_OR_RETURN(auto rig,
                          AttentionRig::create(session.candidate(), shape, form, num_blocks));
  const std::vector<Prompt> prompts = {random_prompt(shape, 1)};
  Placement placement = consecutive_placement(shape, 1);
  TRIVET_RETURN_IF_ERROR(rig->run_step(prompts, placement, {{0, 0, half}}));
  for (int32_t& block : placement[0]) {
    TRIVET_RETURN_IF_ERROR(rig->cache().copy_block(block, block + shape.blocks()));
    TRIVET_RETURN_IF_ERROR(rig->cache().poison_block(block));
    block += shape.blocks();
  }
  TRIVET_ASSIGN_OR_RETURN(const Matrix rest,
                          rig->run_step(prompts, placement, {{0, half, shape.length - half}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix whole, run_whole(session.candidate(), shape, form));
  return bits_between(whole.slice(half, shape.length - half), rest);
}

// Another layer of the same blocks is written and read between the two halves.
Result<Deviation> separate_layers(Session& session, const AttentionShape& shape,
                                  AttentionForm form) {
  const int32_t half = shape.length / 2;
  TRIVET_ASSIGN_OR_RETURN(
      auto rig, AttentionRig::create(session.candidate(), shape, form, shape.blocks(), 1));
  TRIVET_ASSIGN_OR_RETURN(
      auto other, AttentionRig::create(session.candidate(), shape, form, shape.blocks(), 0));
  other->use_cache_of(*rig);
  const std::vector<Prompt> prompts = {random_prompt(shape, 1)},
                            foreign = {random_prompt(shape, 9)};
  const Placement placement = consecutive_placement(shape, 1);
  TRIVET_RETURN_IF_ERROR(rig->run_step(prompts, placement, {{0, 0, half}}));
  TRIVET_RETURN_IF_ERROR(other->run_step(foreign, placement, {{0, 0, shape.length}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix rest,
                          rig->run_step(prompts, placement, {{0, half, shape.length - half}}));
  TRIVET_ASSIGN_OR_RETURN(const Matrix whole, run_whole(session.candidate(), shape, form));
  return bits_between(whole.slice(half, shape.length - half), rest);
}

// Blocks are taken away and overwritten as soon as the window has passed them.
Result<Deviation> freed_blocks(Session& session, const AttentionShape& shape, AttentionForm form) {
  TRIVET_ASSIGN_OR_RETURN(auto rig,
                          AttentionRig::create(session.candidate(), shape, form, shape.blocks()));
  const std::vector<Prompt> prompts = {random_prompt(shape, 1)};
  Placement placement = consecutive_placement(shape, 1);
  Matrix outputs{0, shape.heads * shape.head_dim, {}};
  for (const auto& slices : chunks(shape.length)) {
    const int32_t first_needed = slices[0].first - shape.window + 1;
    for (int32_t b = 0; (b + 1) * shape.block_tokens <= first_needed; ++b) {
      if (placement[0][b] < 0) continue;
      TRIVET_RETURN_IF_ERROR(rig->cache().poison_block(placement[0][b]));
      placement[0][b] = -1;
    }
    TRIVET_ASSIGN_OR_RETURN(const Matrix rows, rig->run_step(prompts, placement, slices));
    outputs.values.insert(outputs.values.end(), rows.values.begin(), rows.values.end());
    outputs.rows += rows.rows;
  }
  return bits_between(run_whole(session.candidate(), shape, form), outputs);
}

void check_form(Session& session, const AttentionShape& shape, AttentionForm form) {
  using Check = Result<Deviation> (*)(Session&, const AttentionShape&, AttentionForm);
  const std::string name = shape.name + (form == AttentionForm::kFused ? ", fused" : ", in pieces");
  session.check(name, kAttentionTolerance, [&] { return against_reference(session, shape, form); });
  const auto check = [&](const char* what, Check body) {
    session.check(name + ": " + what, kSameBits, [&] { return body(session, shape, form); });
  };
  check("chunked = whole", chunked_is_whole);
  check("any blocks", any_blocks);
  check("any company", any_company);
  check("1 and 2 threads", any_threads);
  check("blocks copied as bytes", copied_blocks);
  check("layers are separate", separate_layers);
  if (shape.window > 0) check("blocks behind the window freed", freed_blocks);
}

}  // namespace

void check_attention(Session& session) {
  session.begin_group("attention");
  for (const AttentionShape& shape : shapes()) {
    check_form(session, shape, AttentionForm::kFused);
    check_form(session, shape, AttentionForm::kPieces);
    session.check(shape.name + ": fused = in pieces", kSameBits, [&] {
      return bits_between(run_whole(session.candidate(), shape, AttentionForm::kPieces),
                          run_whole(session.candidate(), shape, AttentionForm::kFused));
    });
  }
}

}  // namespace trivet::conformance
