#include "engine/model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/program_runner.h"
#include "graph/passes/pass_list.h"
#include "models/catalog.h"
#include "reference/reference_backend.h"

namespace trivet {
namespace {

// What the process takes before any model: code, libraries, thread stacks, sockets, allocator
// slack.
constexpr uint64_t kRuntimeBytes = 44ull << 20;
// Request state, pending output and parser buffers of one running sequence.
constexpr uint64_t kBytesPerSequence = 256ull << 10;
// A tokenizer keeps each token's text several times (vocabulary map, trie, byte table, merges).
constexpr uint64_t kTokenizerBytesPerToken = 700;
// What grammars know of each token (a tree of all texts, with its slices), and compiled grammars.
constexpr uint64_t kGrammarBytesPerToken = 450;
constexpr uint64_t kGrammarBytes = 8ull << 20;

int context_limit(const LoadOptions& options, const ModelConfig& config) {
  return options.max_model_len > 0 ? options.max_model_len : config.context_length;
}

Result<trivet_limits> make_limits(const LoadOptions& options, const ModelConfig& config) {
  const int positions = context_limit(options, config);
  if (config.context_length > 0 && positions > config.context_length) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--max-model-len {} is longer than the model's context of {} tokens",
                             positions, config.context_length));
  }
  if (positions < 2) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--max-model-len {} must be at least 2", positions));
  }
  trivet_limits limits{};
  limits.size = sizeof(limits);
  limits.max_positions = positions;
  limits.max_sequences = options.max_num_seqs;
  limits.max_rows = std::max(options.max_num_batched_tokens, options.max_num_seqs);
  // Logits are the widest rows by far; the engine asks for them in portions.
  limits.max_output_rows = std::min({options.max_num_seqs, limits.max_rows, 32});
  return limits;
}

std::vector<KvGroup> kv_groups(const Graph& graph) {
  std::vector<KvGroup> groups;
  for (const GraphKvGroup& group : graph.kv_groups) groups.push_back({group.layers, group.window});
  return groups;
}

Result<ModelPlan> make_plan(const LoadOptions& options, const ModelSource& source,
                            const Graph& graph, Device& device) {
  ModelPlan plan;
  TRIVET_ASSIGN_OR_RETURN(plan.limits, make_limits(options, source.config()));
  TRIVET_ASSIGN_OR_RETURN(const ProgramMemory program,
                          StepProgram::plan(graph, device, plan.limits));

  const auto vocabulary = static_cast<uint64_t>(source.config().vocab_size);
  MemoryRequest& request = plan.request;
  request.budget_bytes = options.memory_bytes;
  request.fixed_items = {
      {"program", kRuntimeBytes},
      {"tokenizer", vocabulary * kTokenizerBytesPerToken},
      {"grammars", vocabulary * kGrammarBytesPerToken + kGrammarBytes},
      {"packed weights", program.weight_bytes},
      {"weights used in the file", program.in_place_bytes},
      {"activations", program.activation_bytes},
      {"log-probabilities", options.answer_bytes},
      {"requests", static_cast<uint64_t>(options.max_num_seqs) * kBytesPerSequence},
  };
  request.kv_block_bytes = program.kv_block_bytes;
  request.block_tokens = options.block_tokens;
  request.kv_groups = kv_groups(graph);
  request.max_positions = plan.limits.max_positions;
  request.max_sequences = options.max_num_seqs;
  request.chunk_rows = plan.limits.max_rows;
  TRIVET_ASSIGN_OR_RETURN(plan.memory, plan_memory(request, available_memory_bytes()));

  if (options.max_model_len > 0 && plan.memory.max_positions < options.max_model_len) {
    return Error(
        ErrorCode::kResourceExhausted,
        fmt::format(
            "--max-model-len {} does not fit: within {} the cache holds one sequence of {} tokens; "
            "raise --memory or lower --max-model-len",
            options.max_model_len, format_bytes(plan.memory.budget_bytes),
            plan.memory.max_positions));
  }
  return plan;
}

Result<Graph> build_graph(const std::shared_ptr<const ModelSource>& source,
                          const LoadOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(Graph graph,
                          build_model_graph(*source, {.block_tokens = options.block_tokens,
                                                      .kv_dtype = options.kv_dtype,
                                                      .keepalive = source}));
  return apply_passes(std::move(graph), {.disabled = options.disabled_passes, .enabled = {}});
}

Result<std::shared_ptr<const ModelSource>> open_source(const std::string& path) {
  TRIVET_ASSIGN_OR_RETURN(std::unique_ptr<ModelSource> source, ModelSource::open(path));
  return std::shared_ptr<const ModelSource>(std::move(source));
}

}  // namespace

class ModelLoader {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const LoadOptions& options,
                                                   const LoadProgress& progress) {
    std::unique_ptr<LoadedModel> model(new LoadedModel);
    TRIVET_ASSIGN_OR_RETURN(model->source_, open_source(options.model_path));
    TRIVET_ASSIGN_OR_RETURN(const Graph graph, build_graph(model->source_, options));
    TRIVET_ASSIGN_OR_RETURN(model->device_, open_device(options));
    TRIVET_ASSIGN_OR_RETURN(model->plan_,
                            make_plan(options, *model->source_, graph, *model->device_));
    TRIVET_ASSIGN_OR_RETURN(model->tokenizer_, open_tokenizer(*model->source_));
    TRIVET_ASSIGN_OR_RETURN(model->chat_template_,
                            open_chat_template(*model->source_, options.chat_template));
    TRIVET_ASSIGN_OR_RETURN(
        model->program_, StepProgram::lower(graph, *model->device_, model->plan_.limits, progress));
    TRIVET_RETURN_IF_ERROR(make_runner(*model, options));
    add_notices(*model, options);
    return model;
  }

 private:
  static Result<void> make_runner(LoadedModel& model, const LoadOptions& options) {
    const ModelPlan& plan = model.plan_;
    RunnerLimits limits;
    limits.vocab_size = model.source_->config().vocab_size;
    limits.max_rows = plan.limits.max_rows;
    limits.max_sequences = plan.limits.max_sequences;
    limits.max_output_rows = plan.limits.max_output_rows;
    limits.max_positions = plan.memory.max_positions;
    limits.block_tokens = options.block_tokens;
    limits.num_blocks = plan.memory.num_blocks;
    limits.kv_groups = plan.request.kv_groups;
    TRIVET_ASSIGN_OR_RETURN(model.runner_,
                            ProgramRunner::create(*model.program_, *model.device_, limits));
    return {};
  }

  static void add_notices(LoadedModel& model, const LoadOptions& options) {
    const int wanted = context_limit(options, model.source_->config());
    if (model.plan_.memory.max_positions < wanted) {
      model.notices_.push_back(fmt::format("context shortened from {} to {} tokens to fit into {}",
                                           wanted, model.plan_.memory.max_positions,
                                           format_bytes(model.plan_.memory.budget_bytes)));
    }
    for (const std::string& warning : model.program_->warnings()) model.notices_.push_back(warning);
  }
};

Result<trivet_kv_dtype> parse_kv_dtype(std::string_view name) {
  if (name == "auto") return TRIVET_KV_AUTO;
  if (name == "f16" || name == "float16") return TRIVET_KV_F16;
  if (name == "bf16" || name == "bfloat16") return TRIVET_KV_BF16;
  if (name == "int8") return TRIVET_KV_INT8;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("keys and values cannot be kept as '{}'; use auto, f16, bf16 or int8{}",
                           name, name.starts_with("fp8") ? " (as many bytes as fp8)" : ""));
}

Result<std::unique_ptr<LoadedModel>> load_model(const LoadOptions& options,
                                                const LoadProgress& progress) {
  return ModelLoader::load(options, progress);
}

Result<ModelPlan> plan_model(const LoadOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const auto source, open_source(options.model_path));
  TRIVET_ASSIGN_OR_RETURN(const Graph graph, build_graph(source, options));
  TRIVET_ASSIGN_OR_RETURN(const auto device, open_device(options));
  return make_plan(options, *source, graph, *device);
}

Result<GraphStages> open_graph_stages(const std::string& model_path,
                                      const std::vector<std::string>& disabled_passes) {
  TRIVET_ASSIGN_OR_RETURN(const auto source, open_source(model_path));
  TRIVET_ASSIGN_OR_RETURN(Graph before,
                          build_model_graph(*source, {.block_tokens = LoadOptions{}.block_tokens,
                                                      .kv_dtype = LoadOptions{}.kv_dtype,
                                                      .keepalive = source}));
  TRIVET_ASSIGN_OR_RETURN(Graph after,
                          apply_passes(before, {.disabled = disabled_passes, .enabled = {}}));
  return GraphStages{std::move(before), std::move(after)};
}

Result<std::unique_ptr<Device>> open_device(const LoadOptions& options) {
  const DeviceOptions device_options{
      .index = 0, .num_threads = options.num_threads, .isa = options.isa};
  if (options.reference_precision) {
    TRIVET_ASSIGN_OR_RETURN(auto backend, Backend::from_table(reference_backend()));
    return Device::create(std::move(backend), device_options);
  }
  std::vector<std::string> warnings;
  for (auto& backend : Backend::discover(options.plugin_folder, &warnings)) {
    const bool chosen =
        options.backend.empty() ? backend->table().score() > 0 : backend->name() == options.backend;
    if (chosen) return Device::create(std::move(backend), device_options);
  }
  std::string tried;
  for (const std::string& warning : warnings) tried += "; " + warning;
  return Error(ErrorCode::kNotFound,
               fmt::format("no backend {}in {} can run here{}",
                           options.backend.empty() ? "" : "named '" + options.backend + "' ",
                           options.plugin_folder, tried));
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const ModelSource& source) {
  const TextSource& text = source.text();
  if (!text.tokenizer_json.empty()) return Tokenizer::from_json(text.tokenizer_json);
  if (text.vocabulary) return Tokenizer::from_vocabulary(*text.vocabulary);
  return Error(ErrorCode::kNotFound,
               source.path() + ": has no tokenizer (neither tokenizer.json nor a GGUF vocabulary)");
}

Result<std::unique_ptr<ChatTemplate>> open_chat_template(const ModelSource& source,
                                                         const std::string& override_text) {
  const TextSource& text = source.text();
  const std::string& chosen = override_text.empty() ? text.chat_template : override_text;
  if (chosen.empty()) return std::unique_ptr<ChatTemplate>();
  return ChatTemplate::compile(chosen, text.bos_token, text.eos_token);
}

}  // namespace trivet
