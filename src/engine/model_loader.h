// From a path to a model that runs: files, tokenizer, graph, memory plan, device, packed weights.
#ifndef TRIVET_ENGINE_MODEL_LOADER_H_
#define TRIVET_ENGINE_MODEL_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/device.h"
#include "engine/engine.h"
#include "engine/memory_plan.h"
#include "engine/model_runner.h"
#include "graph/graph.h"
#include "program/step_program.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "weights/model_source.h"

namespace trivet {

struct LoadOptions {
  std::string model_path;
  std::string plugin_folder;         // where libtrivet_backend_*.so lie
  std::string backend;               // by name; empty = the best of the folder
  bool reference_precision = false;  // run the float32 reference operations instead of a backend
  int num_threads = 0;               // 0 = all that the process may use
  std::optional<std::string> isa;
  uint64_t memory_bytes = 0;  // budget of the process; 0 = chosen from what the machine has
  int max_model_len = 0;      // 0 = the model's, or as much of it as the budget holds
  int max_num_seqs = 32;
  int max_num_batched_tokens = 256;
  uint64_t answer_bytes = kDefaultAnswerBytes;  // EngineOptions::max_answer_bytes
  int block_tokens = 32;
  trivet_kv_dtype kv_dtype = TRIVET_KV_AUTO;
  std::vector<std::string> disabled_passes;
  std::string chat_template;  // replaces the model's; empty = the model's own
};

// What a model would take; made without packing a weight.
struct ModelPlan {
  MemoryRequest request;
  MemoryPlan memory;
  trivet_limits limits{};
};

// A model ready to run. Immutable but for the runner, which one thread (the engine's) uses.
class LoadedModel {
 public:
  const ModelSource& source() const { return *source_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ChatTemplate* chat_template() const { return chat_template_.get(); }  // null = none
  const Device& device() const { return *device_; }
  const StepProgram& program() const { return *program_; }
  const ModelPlan& plan() const { return plan_; }
  ModelRunner& runner() { return *runner_; }
  // Things the user should know: operations that fell to the reference, a shortened context.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  friend class ModelLoader;
  LoadedModel() = default;
  // Destroyed in reverse order: whatever uses something comes after it.
  std::shared_ptr<const ModelSource> source_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplate> chat_template_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<StepProgram> program_;
  std::unique_ptr<ModelRunner> runner_;
  ModelPlan plan_;
  std::vector<std::string> notices_;
};

// "auto", "f16", "bf16", "int8"; "float16" and "bfloat16" too.
Result<trivet_kv_dtype> parse_kv_dtype(std::string_view name);

// Refuses within a second what cannot fit, before it reads weights.
Result<std::unique_ptr<LoadedModel>> load_model(const LoadOptions& options,
                                                const LoadProgress& progress = {});
Result<ModelPlan> plan_model(const LoadOptions& options);

// The graph as the model file describes it, and as the passes leave it; for `trivet graph`.
struct GraphStages {
  Graph before, after;
};
Result<GraphStages> open_graph_stages(const std::string& model_path,
                                      const std::vector<std::string>& disabled_passes);

// The device that the options choose.
Result<std::unique_ptr<Device>> open_device(const LoadOptions& options);

// The model's own tokenizer and template.
Result<std::unique_ptr<Tokenizer>> open_tokenizer(const ModelSource& source);
Result<std::unique_ptr<ChatTemplate>> open_chat_template(const ModelSource& source,
                                                         const std::string& override_text);

}  // namespace trivet

#endif  // TRIVET_ENGINE_MODEL_LOADER_H_
