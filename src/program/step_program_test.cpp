#include "program/step_program.h"

#include <gmock/gmock.h>

#include "graph/passes/pass_list.h"
#include "graph/testing/tiny_decoder.h"
#include "program/testing/allocation_counter.h"
#include "program/testing/paged_runner.h"
#include "program/testing/picky_backend.h"

namespace trivet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr trivet_limits kLimits = {sizeof(trivet_limits), 48, 3, 48, 64};
constexpr int kVocabulary = 40;

Graph fused_decoder(TinyDecoderOptions options = {}) {
  options.bias = options.head_norms = true;
  return apply_passes(tiny_decoder(options)).value();
}

std::unique_ptr<PagedRunner> open_runner(const Graph& graph, Device& device) {
  auto runner = PagedRunner::create(graph, device, kLimits);
  if (!runner) check_failed(runner.error().message());
  return std::move(runner).value();
}

const std::vector<int32_t> kPrompt = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5,
                                      8, 9, 7, 9, 3, 2, 3, 8, 4, 6};

std::vector<int32_t> part(size_t begin, size_t end) {
  return {kPrompt.begin() + static_cast<std::ptrdiff_t>(begin),
          kPrompt.begin() + static_cast<std::ptrdiff_t>(end)};
}

std::vector<float> row(const std::vector<float>& logits, size_t index) {
  const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(index * kVocabulary);
  return {begin, begin + kVocabulary};
}

std::vector<float> prompt_logits(const Graph& graph, Device& device) {
  return open_runner(graph, device)->run({{0, 0, kPrompt}}).value();
}

TEST(StepProgramTest, ChunksOfAnySizeGiveTheBitsOfTheWholePrompt) {
  const auto device = open_device(reference_backend());
  const Graph graph = fused_decoder({.num_layers = 4, .window = 8});
  const std::vector<float> whole = prompt_logits(graph, *device);
  for (size_t chunk : {1u, 5u, 16u}) {
    const auto runner = open_runner(graph, *device);
    std::vector<float> chunked;
    for (size_t begin = 0; begin < kPrompt.size(); begin += chunk) {
      const size_t end = std::min(begin + chunk, kPrompt.size());
      const auto logits = runner->run({{2, static_cast<int>(begin), part(begin, end)}}).value();
      chunked.insert(chunked.end(), logits.begin(), logits.end());
    }
    EXPECT_EQ(chunked, whole) << "chunks of " << chunk;
  }
}

TEST(StepProgramTest, BatchMatesDoNotChangeASequence) {
  const auto device = open_device(reference_backend());
  const Graph graph = fused_decoder();
  const std::vector<float> alone = prompt_logits(graph, *device);
  const auto together =
      open_runner(graph, *device)->run({{1, 0, {7, 7, 7}}, {0, 0, kPrompt}, {2, 0, {0}}}).value();
  for (size_t i = 0; i < kPrompt.size(); ++i) EXPECT_EQ(row(together, i + 3), row(alone, i));
}

TEST(StepProgramTest, TheHeadMayRunAgainForOtherRows) {
  const auto device = open_device(reference_backend());
  for (bool head_last : {true, false}) {
    const std::vector<std::string> off =
        head_last ? std::vector<std::string>{} : std::vector<std::string>{"last-token-head"};
    const Graph graph = apply_passes(tiny_decoder({.softcap = 5}), {.disabled = off}).value();
    const std::vector<float> all = prompt_logits(graph, *device);
    const auto runner = open_runner(graph, *device);
    ASSERT_TRUE(runner->run_body({{0, 0, kPrompt}}).ok());
    for (int32_t i : {20, 0, 7}) {
      EXPECT_EQ(runner->run_head({i}).value(), row(all, static_cast<size_t>(i)));
    }
  }
}

TEST(StepProgramTest, MemoryDoesNotGrowWithTheNumberOfLayers) {
  const auto device = open_device(reference_backend());
  const auto two = StepProgram::plan(fused_decoder({.num_layers = 2}), *device, kLimits).value();
  const auto eight = StepProgram::plan(fused_decoder({.num_layers = 8}), *device, kLimits).value();
  EXPECT_EQ(two.activation_bytes, eight.activation_bytes);
}

TEST(StepProgramTest, ThePlanIsAnUpperBoundOfWhatTheProgramTakes) {
  for (bool packs : {false, true}) {
    const auto device = open_picky_device({.packs_linear_weights = packs});
    for (const Graph& graph : {tiny_decoder(), fused_decoder({.num_layers = 4, .window = 8})}) {
      const ProgramMemory plan = StepProgram::plan(graph, *device, kLimits).value();
      const ProgramMemory real = StepProgram::lower(graph, *device, kLimits).value()->memory();
      EXPECT_EQ(plan.weight_bytes, real.weight_bytes);
      EXPECT_EQ(plan.in_place_bytes, real.in_place_bytes);
      EXPECT_EQ(plan.kv_block_bytes, real.kv_block_bytes);
      EXPECT_GE(plan.activation_bytes, real.activation_bytes);
      EXPECT_EQ(real.weight_bytes > 0, packs);
    }
  }
}

TEST(StepProgramTest, RunsWithoutAllocating) {
  const auto device = open_picky_device({.runs_nothing = true});
  const auto runner = open_runner(tiny_decoder(), *device);
  ASSERT_TRUE(runner->run_body({{0, 0, kPrompt}}).ok());
  const std::vector<int32_t> rows = {1};
  runner->step().num_output_rows = 1;
  runner->step().output_rows = rows.data();
  const long before = count_allocations();
  ASSERT_TRUE(runner->program().run_body(runner->step()).ok());
  ASSERT_TRUE(runner->program().run_head(runner->step()).ok());
  EXPECT_EQ(count_allocations(), before);
}

TEST(StepProgramTest, OutlivesTheGraph) {
  const auto device = open_device(reference_backend());
  std::vector<float> expected;
  std::unique_ptr<PagedRunner> runner;
  {
    const Graph graph = fused_decoder();
    expected = prompt_logits(graph, *device);
    runner = open_runner(graph, *device);
  }
  EXPECT_EQ(runner->run({{0, 0, kPrompt}}).value(), expected);
}

TEST(StepProgramTest, PacksWeightsInOrderAndDropsTheirSources) {
  const auto device = open_picky_device({.packs_linear_weights = true});
  Graph graph = fused_decoder();
  std::vector<std::string> dropped;
  for (GraphWeight& weight : graph.weights) {
    weight.drop = [&dropped, name = weight.name] { dropped.push_back(name); };
  }
  std::vector<uint64_t> done;
  uint64_t total = 0;
  const auto program = StepProgram::lower(graph, *device, kLimits, [&](uint64_t d, uint64_t t) {
    done.push_back(d);
    total = t;
  });
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(dropped.size(), graph.weights.size() - 1);  // all but the embedding, used in place
  EXPECT_THAT(dropped, ::testing::Not(::testing::Contains("token_embedding")));
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), total);
  EXPECT_EQ((*program)->memory().in_place_bytes, 40u * 32 * 4);
}

TEST(StepProgramTest, KeepsPagesThatAnotherWeightUsesInPlace) {
  const auto device = open_picky_device({.packs_linear_weights = true});
  Graph graph = fused_decoder();
  // Tied embeddings: the head is packed from the bytes that look-ups read.
  for (GraphWeight& weight : graph.weights) {
    if (weight.name != "output") continue;
    weight.data = graph.weights[0].data;
    weight.drop = [] { FAIL() << "pages in use were dropped"; };
  }
  EXPECT_TRUE(StepProgram::lower(graph, *device, kLimits).ok());
}

// ---- operations that a device declines

struct Declined {
  const char* name;
  std::function<bool(const trivet_op_desc&)> declines;
  int extra_operations;  // per model of two layers, against everything fused
  bool warns;
};

const trivet_linear_params* linear_of(const trivet_op_desc& desc) {
  if (desc.kind != TRIVET_OP_LINEAR) return nullptr;
  return static_cast<const trivet_linear_params*>(desc.params);
}

std::vector<Declined> declined_cases() {
  const auto fused_attention = [](const trivet_op_desc& d) {
    return d.kind == TRIVET_OP_ATTENTION &&
           static_cast<const trivet_attention_params*>(d.params)->fused_rope_write;
  };
  const auto norm = [](const trivet_op_desc& d) {
    return linear_of(d) && linear_of(d)->norm_weight;
  };
  const auto activation = [](const trivet_op_desc& d) {
    return linear_of(d) && linear_of(d)->activation != TRIVET_ACT_NONE;
  };
  const auto residual = [](const trivet_op_desc& d) {
    return linear_of(d) && linear_of(d)->add_residual;
  };
  const auto segments = [](const trivet_op_desc& d) { return linear_of(d) && d.num_weights > 1; };
  const auto any_fusion = [=](const trivet_op_desc& d) {
    return fused_attention(d) || norm(d) || activation(d) || residual(d) || segments(d);
  };
  return {
      {"FusedAttention", fused_attention, 2 * 5, false},
      {"NormPrologue", norm, 2 * 2 + 1, false},
      {"Activation", activation, 2, false},
      {"Residual", residual, 2 * 2, false},
      // q, k, v and a join; gate, up, a join and the activation; their norms apart.
      {"Segments", segments, 2 * (1 + 3) + 2 * (1 + 3), false},
      {"AnyFusion", any_fusion, 2 * (5 + 4 + 4 + 2) + 1, false},
      {"EveryLinear", [](const auto& d) { return d.kind == TRIVET_OP_LINEAR; }, 0, true},
      {"CacheWrites",
       [=](const auto& d) { return fused_attention(d) || d.kind == TRIVET_OP_KV_WRITE; }, 0, true},
      {"Everything", [](const auto&) { return true; }, 0, true},
  };
}

class DecliningDeviceTest : public ::testing::TestWithParam<Declined> {};

TEST_P(DecliningDeviceTest, GetsPiecesWithTheSameBits) {
  const Graph graph = fused_decoder();
  const auto reference = open_device(reference_backend());
  const std::vector<float> expected = prompt_logits(graph, *reference);
  const int fused_operations =
      StepProgram::lower(graph, *reference, kLimits).value()->num_operations();

  const auto device = open_picky_device({.declines = GetParam().declines});
  const auto runner = open_runner(graph, *device);
  EXPECT_EQ(runner->run({{0, 0, kPrompt}}).value(), expected);
  EXPECT_EQ(runner->program().num_operations(), fused_operations + GetParam().extra_operations);
  EXPECT_EQ(!runner->program().warnings().empty(), GetParam().warns);
}

INSTANTIATE_TEST_SUITE_P(All, DecliningDeviceTest, ::testing::ValuesIn(declined_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(DecliningDeviceTest, WarnsOncePerKindWithTheFirstNode) {
  const auto device =
      open_picky_device({.declines = [](const auto& d) { return d.kind == TRIVET_OP_LINEAR; }});
  const auto program = StepProgram::lower(fused_decoder(), *device, kLimits).value();
  EXPECT_THAT(program->warnings(),
              ElementsAre(AllOf(HasSubstr("9 linear operations"), HasSubstr("layer.0.attn_qkv"))));
}

TEST(DecliningDeviceTest, CopiesAValueThatAnInPlaceOperationWouldSpoil) {
  // A second reader of the joint queries, keys and values after the rotation: its norm, added
  // later.
  Graph graph = tiny_decoder({.num_layers = 1});
  ValueId qkv = kNoValue;
  for (const GraphNode& node : graph.nodes) {
    if (node.name == "layer.0.attn_qkv") qkv = node.output;
  }
  GraphNode scale{.name = "late_reader", .params = make_params<trivet_scale_params>()};
  scale.as<trivet_scale_params>()->factor = 2;
  scale.inputs = {qkv};
  scale.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"late_reader", 64, RowDomain::kTokens});
  GraphNode gather{.name = "late_rows", .params = GatherRowsParams{}, .inputs = {scale.output}};
  gather.output = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({"late_rows", 64, RowDomain::kOutputs});
  graph.output = gather.output;
  graph.nodes.push_back(scale);
  graph.nodes.push_back(gather);
  Graph without_rotation = graph;
  std::erase_if(without_rotation.nodes, [](const GraphNode& node) {
    return node.layer == 0 && !node.name.starts_with("layer.0.attn_q") &&
           !node.name.starts_with("layer.0.attn_k") && !node.name.starts_with("layer.0.attn_v") &&
           node.name != "layer.0.attn_norm";
  });
  std::erase_if(without_rotation.nodes, [](const GraphNode& node) {
    return node.name.ends_with("_rope") || node.name.ends_with("kv_write") ||
           node.name.starts_with("output") || node.name == "logit_rows";
  });
  const auto device = open_device(reference_backend());
  EXPECT_EQ(open_runner(graph, *device)->run({{0, 0, kPrompt}}).value(),
            open_runner(without_rotation, *device)->run({{0, 0, kPrompt}}).value());
}

// ---- steps that must not reach a backend

class StepCheckTest : public ::testing::Test {
 protected:
  StepCheckTest()
      : device_(open_device(reference_backend())), runner_(open_runner(fused_decoder(), *device_)) {
    EXPECT_TRUE(runner_->run_body({{0, 0, kPrompt}}).ok());
  }
  std::string error() {
    const Result<void> result = runner_->program().run_body(runner_->step());
    return result ? "" : result.error().message();
  }
  std::unique_ptr<Device> device_;
  std::unique_ptr<PagedRunner> runner_;
};

TEST_F(StepCheckTest, AcceptsTheUnbentStep) { EXPECT_THAT(error(), IsEmpty()); }

TEST_F(StepCheckTest, RefusesTokensOutsideTheVocabulary) {
  runner_->tokens()[3] = kVocabulary;
  EXPECT_THAT(error(), HasSubstr("token 40 in row 3"));
  runner_->tokens()[3] = -1;
  EXPECT_THAT(error(), HasSubstr("token -1 in row 3"));
}

TEST_F(StepCheckTest, RefusesPositionsBeyondTheLimitAndGaps) {
  for (int32_t& position : runner_->positions()) position += 44;
  EXPECT_THAT(error(), HasSubstr("position 64 in row 20"));
  for (int32_t& position : runner_->positions()) position -= 44;
  runner_->positions()[5] = 9;
  EXPECT_THAT(error(), HasSubstr("position 9 in row 5 does not follow 4"));
}

TEST_F(StepCheckTest, RefusesBlocksThatTheCacheDoesNotHave) {
  runner_->table(0)[1] = runner_->step().num_kv_blocks;
  EXPECT_THAT(error(), HasSubstr("block 1 of sequence 0 in group 0 is 12"));
  runner_->table(0)[1] = -1;
  EXPECT_THAT(error(), HasSubstr("is -1"));
}

TEST_F(StepCheckTest, RefusesMoreRowsThanTheLimit) {
  runner_->step().num_rows = kLimits.max_rows + 1;
  EXPECT_THAT(error(), HasSubstr("49 rows, the program takes 1 to 48"));
}

TEST_F(StepCheckTest, RefusesOutputRowsOutsideTheStep) {
  EXPECT_FALSE(runner_->run_head({21}).ok());
  EXPECT_FALSE(runner_->run_head({-1}).ok());
  EXPECT_FALSE(runner_->run_head({}).ok());
  EXPECT_TRUE(runner_->run_head({20}).ok());
}

TEST_F(StepCheckTest, RefusesAHeadWithoutItsBody) {
  runner_->tokens()[0] = -1;
  EXPECT_FALSE(error().empty());
  EXPECT_FALSE(runner_->run_head({0}).ok());
}

}  // namespace
}  // namespace trivet
