// The commands of `trivet`. Each takes its parsed options and returns the exit code.
#ifndef TRIVET_APPS_COMMANDS_H_
#define TRIVET_APPS_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "loadgen/load_summary.h"

namespace trivet {

// What every command that runs a model understands.
struct ModelOptions {
  std::string model;  // a name of the store, a path, or a source that `trivet pull` takes
  std::string store;
  std::string memory;  // "2GiB"; empty = automatic
  std::string precision = "auto";
  std::string backend;
  std::string isa;
  int threads = 0;
  int max_model_len = 0;
  int max_num_seqs = 32;
  uint64_t answer_bytes = kDefaultAnswerBytes;  // for log-probabilities, within the budget
  int max_num_batched_tokens = 256;
  int block_size = 32;
  std::string kv_dtype = "auto";
  std::vector<std::string> disabled_passes;
  std::string chat_template;  // a file
};

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  int port = 8000;
  std::vector<std::string> served_model_names;
  std::vector<std::string> api_keys;
  std::vector<std::string> admin_api_keys;
  std::string api_key_file;
  std::string ssl_certfile, ssl_keyfile;
  std::vector<std::string> allowed_origins;
  bool enable_prefix_caching = true;
  int prefill_chunk = 64;
  int tpot_target_ms = 100;
  int max_queued_requests = 1024;
  int max_logprobs = 20;
  int max_connections = 4096;
  uint64_t seed = 0;
  bool trust_request_chat_template = false;
  std::string tool_call_parser = "auto", reasoning_parser = "auto";
  std::string generation_config = "auto";
  std::string override_generation_config;  // JSON object; empty = none
  int drain_seconds = 30;
  std::string otlp_endpoint;  // empty = no traces
  std::string otlp_service_name = "trivet";
  int slo_ttft_ms = 2000, slo_tpot_ms = 200;  // a request within both is good
  bool log_prompts = false;
  std::string access_log = "-";              // "-" = standard output, "off", or a file
  std::string default_chat_template_kwargs;  // JSON object; empty = none
  bool disable_access_log = false;
  bool force_include_usage = false;
  std::string state_dir;  // empty = the user's state folder
  bool enable_admin = false;
  bool disable_docs = false;
  std::string info_json = "{}";  // the options and where they come from, for /server_info
};

struct ConfigCommandOptions {
  std::string key;   // explain: empty = all
  std::string file;  // explain: empty = the defaults
};

struct KeysOptions {
  std::string file;
  std::string name;
  int64_t requests_per_minute = 0, tokens_per_minute = 0, concurrency = 0;  // 0 = no limit
  int priority = 0;
  std::vector<std::string> models;
  bool admin = false;
};

struct RunOptions {
  ModelOptions model;
  std::string prompt;  // empty = a chat
  std::string system;
  bool raw = false;         // no chat template: continue the text
  double temperature = -1;  // < 0 = the model's default
  double top_p = -1;
  int top_k = -1;
  std::optional<uint64_t> seed;
  int max_tokens = 0;  // 0 = until the context is full
  std::string json_schema_file, grammar_file;
  bool stats = false;
};

struct BatchOptions {
  ModelOptions model;
  std::string input, output;
  std::vector<std::string> served_model_names;
};

struct PlanOptions {
  ModelOptions model;
  bool json = false;
};

struct BenchOptions {
  ModelOptions model;
  std::vector<int> prompts = {128, 512};  // 0 = none
  std::vector<int> batches = {1, 8, 32};  // 0 = none
  int generate = 64;
  int depth = 128;  // context before the measured decode steps
  int repeats = 5;
  std::string report_file;  // HTML; empty = none
  std::string plot_file;    // SVG; empty = none
  bool json = false;
};

struct BenchServeOptions {
  LoadSettings load;
  LoadObjective objective;
  std::string report_file;  // HTML; empty = none
  bool json = false;
};

struct LimitsOptions {
  std::string backend, isa;
  int threads = 0;
  double seconds = 1.0;
  bool json = false;
};

struct KernelsOptions {
  std::string backend, isa;
  std::vector<int> threads = {0};  // each in turn; 0 = all
  std::vector<std::string> types = {"q4_0", "q4_1", "q5_0", "q8_0", "q4_K", "q6_K", "bf16"};
  std::vector<int> rows = {1, 4, 8, 16, 32, 128};
  int outputs = 4096, inputs = 1536;  // of each matrix
  bool linear = true, quantize = true, attention = true;
  double seconds = 0.4;
  bool json = false;
};

struct StoreCommandOptions {
  std::string store;
  std::string name;  // of what to pull, inspect or remove
  std::string token;
  bool force = false;
  bool names = false;  // list: only the names
  bool json = false;
};

struct GraphOptions {
  std::string model, store;
  std::string format = "text";  // text, json, svg
  std::string stage = "both";   // before, after, both
  std::vector<std::string> disabled_passes;
  bool list_passes = false;
};

struct ConformanceCommandOptions {
  std::string plugin;
  std::string isa;
  bool verbose = false;
};

int serve(const ServeOptions& options);
int add_key(const KeysOptions& options);
int list_keys(const KeysOptions& options);
int revoke_key(const KeysOptions& options);
int run(const RunOptions& options);
int batch(const BatchOptions& options);
int plan(const PlanOptions& options);
int bench(const BenchOptions& options);
int bench_serve(const BenchServeOptions& options);
int bench_limits(const LimitsOptions& options);
int bench_kernels(const KernelsOptions& options);
int pull(const StoreCommandOptions& options);
int list(const StoreCommandOptions& options);
int print_path(const StoreCommandOptions& options);
int remove_model(const StoreCommandOptions& options);
int inspect(const StoreCommandOptions& options);
int graph(const GraphOptions& options);
int conformance(const ConformanceCommandOptions& options);
int config_explain(const ConfigCommandOptions& options);
int config_check(const ConfigCommandOptions& options);
int config_docs();

}  // namespace trivet

#endif  // TRIVET_APPS_COMMANDS_H_
