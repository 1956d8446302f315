#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/call.h"
#include "commands.h"
#include "dialects/dialect.h"
#include "engine/engine.h"
#include "model_access.h"
#include "server/server.h"
#include "serving_setup.h"
#include "state/state_folder.h"
#include "telemetry/trace_exporter.h"
#include "terminal.h"
#include "version.h"

namespace trivet {
namespace {

std::vector<ApiKey> keys_of(const ServeOptions& options) {
  std::vector<ApiKey> keys;
  for (const std::string& secret : options.api_keys) keys.push_back({"", secret});
  for (const std::string& secret : options.admin_api_keys) {
    keys.push_back({"", secret});
    keys.back().admin = true;
  }
  return keys;
}

Result<std::unique_ptr<AccessLog>> open_access_log(const std::string& where) {
  if (where == "off") return std::unique_ptr<AccessLog>();
  if (where == "-") return AccessLog::to_stdout();
  return AccessLog::to_file(where);
}

// "models/SmolLM2-135M-Instruct.Q4_1.gguf" -> "SmolLM2-135M-Instruct.Q4_1"; a name of the store as
// it is.
std::string default_name(const std::string& model) {
  const std::filesystem::path path(model);
  if (!std::filesystem::exists(path)) return model;
  std::string name =
      path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  for (const char* suffix : {".gguf", ".safetensors"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - std::string_view(suffix).size());
  }
  return name;
}

// A JSON object over the model's own sampling defaults.
Result<void> override_defaults(const std::string& json, GenerationDefaults& defaults) {
  if (json.empty()) return {};
  const auto refuse = [](const std::string& what) {
    return Error(ErrorCode::kInvalidArgument, "--override-generation-config: " + what);
  };
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) return refuse("give a JSON object, such as {\"temperature\": 0.5}");
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number()) return refuse(name + " must be a number");
    if (name == "temperature") {
      defaults.temperature = value.get<float>();
    } else if (name == "top_p") {
      defaults.top_p = value.get<float>();
    } else if (name == "min_p") {
      defaults.min_p = value.get<float>();
    } else if (name == "repetition_penalty") {
      defaults.repetition_penalty = value.get<float>();
    } else if (name == "top_k") {
      defaults.top_k = value.get<int>();
    } else {
      return refuse("there is no default named " + name +
                    "; give temperature, top_p, top_k, min_p or repetition_penalty");
    }
  }
  GenerationParams params;  // to see that a request without a word of its own would be valid
  params.temperature = defaults.temperature.value_or(params.temperature);
  params.top_p = defaults.top_p.value_or(params.top_p);
  params.min_p = defaults.min_p.value_or(params.min_p);
  params.repetition_penalty = defaults.repetition_penalty.value_or(params.repetition_penalty);
  params.top_k = defaults.top_k.value_or(params.top_k);
  const auto valid = validate(params, {.vocab_size = 1 << 30});
  return valid ? Result<void>() : refuse(valid.error().message());
}

Result<void> check_template_kwargs(const std::string& json) {
  if (json.empty() || nlohmann::json::parse(json, nullptr, false).is_object()) return {};
  return Error(ErrorCode::kInvalidArgument,
               "--default-chat-template-kwargs: give a JSON object, such as {\"enable_thinking\": "
               "false}");
}

// vLLM takes a key from its environment. Serving without one, where the user expects it to be asked
// for, would open the server to everyone.
Result<void> check_environment(const ServeOptions& options) {
  if (std::getenv("VLLM_API_KEY") == nullptr) return {};
  if (!options.api_keys.empty() || !options.api_key_file.empty()) return {};
  return Error(
      ErrorCode::kInvalidArgument,
      "VLLM_API_KEY is set, but keys are not taken from the environment, and none is given. "
      "Use --api-key or --api-key-file, or unset VLLM_API_KEY to serve everyone.");
}

// The names of the rows, for the message to a user who gave another one.
template <class Row>
std::string names_of(std::span<const Row> rows) {
  std::string names;
  for (const Row& row : rows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

// Null = as the chat template shows.
struct ChosenDialects {
  const Dialect* calls = nullptr;
  const ReasoningStyle* reasoning = nullptr;
};

Result<ChosenDialects> choose_dialects(const ServeOptions& options) {
  ChosenDialects chosen;
  if (options.tool_call_parser != "auto") {
    chosen.calls = dialect_named(options.tool_call_parser);
    if (chosen.calls == nullptr) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--tool-call-parser {}: there is no such parser; there are auto, {}",
                               options.tool_call_parser, names_of(all_dialects())));
    }
  }
  if (options.reasoning_parser != "auto") {
    chosen.reasoning = reasoning_named(options.reasoning_parser);
    if (chosen.reasoning == nullptr) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--reasoning-parser {}: there is no such parser; there are auto, {}",
                               options.reasoning_parser, names_of(all_reasoning_styles())));
    }
  }
  return chosen;
}

}  // namespace

ServedModel served_model(const ServeOptions& options, LoadedModel& model) {
  ServedModel served;
  served.names = options.served_model_names;
  if (served.names.empty()) served.names = {default_name(options.model.model)};
  served.root = options.model.model;
  served.created = std::time(nullptr);
  served.max_model_len = model.runner().limits().max_positions;
  served.tokenizer = &model.tokenizer();
  served.chat_template = model.chat_template();
  served.end_tokens = model.source().text().end_tokens;
  served.bos_token = model.source().text().bos_token;
  served.eos_token = model.source().text().eos_token;
  if (options.generation_config == "auto") served.defaults = model.source().generation_defaults();
  served.limits.vocab_size = model.runner().limits().vocab_size;
  served.limits.max_logprobs = options.max_logprobs;
  served.trust_request_chat_template = options.trust_request_chat_template;
  served.default_template_kwargs = options.default_chat_template_kwargs;
  served.force_include_usage = options.force_include_usage;
  served.facts = model_facts(model.source());
  served.max_running = options.model.max_num_seqs;
  return served;
}

namespace {

// Log-probabilities of the whole vocabulary need more room than those of a few tokens.
ModelOptions model_options(const ServeOptions& options) {
  constexpr uint64_t kWholeVocabularyBytes = 256 << 20;
  ModelOptions model = options.model;
  if (options.max_logprobs < 0 || options.max_logprobs > 20) {
    model.answer_bytes = kWholeVocabularyBytes;
  }
  return model;
}

}  // namespace

EngineOptions engine_options(const ServeOptions& options, const RunnerLimits& limits) {
  EngineOptions engine;
  engine.max_num_seqs = options.model.max_num_seqs;
  engine.max_num_batched_tokens = limits.max_rows;
  engine.prefill_chunk = std::min(options.prefill_chunk, limits.max_rows);
  engine.tpot_target = std::chrono::milliseconds(options.tpot_target_ms);
  engine.max_queued_requests = options.max_queued_requests;
  engine.enable_prefix_caching = options.enable_prefix_caching;
  engine.seed = options.seed;
  engine.max_answer_bytes = model_options(options).answer_bytes;
  return engine;
}

namespace {

ServerOptions server_options(const ServeOptions& options) {
  ServerOptions server;
  server.host = options.host;
  server.port = static_cast<uint16_t>(options.port);
  server.tls_certificate_file = options.ssl_certfile;
  server.tls_key_file = options.ssl_keyfile;
  server.cors_origins = options.allowed_origins;
  server.max_connections = options.max_connections;
  server.enable_admin = options.enable_admin;
  server.enable_docs = !options.disable_docs;
  server.info_json = options.info_json;
  server.api_keys = keys_of(options);
  server.api_key_file = options.api_key_file;
  server.log_prompts = options.log_prompts;
  server.notice = [](const std::string& text) { print_notice(text); };
  server.state_dir = options.state_dir.empty() ? StateFolder::default_path() : options.state_dir;
  server.batch_concurrency = options.model.max_num_seqs;
  server.model_store = store_options(options.model.store);
  return server;
}

// What a traced request and a dashboard should know about this server.
void describe(const ServeOptions& options, LoadedModel& model, Metrics& metrics) {
  const MemoryPlan& memory = model.plan().memory;
  Metrics::Memory purposes{memory.budget_bytes, {}};
  for (const MemoryItem& item : memory.items) purposes.purposes.emplace_back(item.name, item.bytes);
  metrics.set_memory(std::move(purposes));
  metrics.set_cache_config({
      {"block_size", std::to_string(options.model.block_size)},
      {"num_gpu_blocks", std::to_string(memory.num_blocks)},
      {"enable_prefix_caching", options.enable_prefix_caching ? "True" : "False"},
  });
}

// Null without an endpoint.
Result<std::unique_ptr<TraceExporter>> open_traces(const ServeOptions& options, Metrics& metrics) {
  if (options.otlp_endpoint.empty()) return std::unique_ptr<TraceExporter>();
  TraceExporter::Options traces;
  traces.endpoint = options.otlp_endpoint;
  traces.service_name = options.otlp_service_name;
  traces.service_version = kVersion;
  return TraceExporter::create(std::move(traces), metrics);
}

// Whether there is anything that SIGHUP could read again. Otherwise it ends the server, as it does
// when the terminal closes.
bool has_reloadable_files(const ServeOptions& options) {
  return !options.api_key_file.empty() || !options.ssl_certfile.empty();
}

// SIGINT, SIGTERM and SIGHUP are taken by sigwait alone: blocked here, before any thread starts.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

std::string address_of(const ServeOptions& options, const HttpServer& server) {
  const std::string host =
      options.host.find(':') != std::string::npos ? "[" + options.host + "]" : options.host;
  return fmt::format("{}://{}:{}", options.ssl_certfile.empty() ? "http" : "https", host,
                     server.port());
}

Result<void> serve_until_stopped(const ServeOptions& options) {
  TRIVET_RETURN_IF_ERROR(check_environment(options));
  TRIVET_RETURN_IF_ERROR(check_template_kwargs(options.default_chat_template_kwargs));
  GenerationDefaults overrides;  // wrong ones are refused before the model loads
  TRIVET_RETURN_IF_ERROR(override_defaults(options.override_generation_config, overrides));
  TRIVET_ASSIGN_OR_RETURN(const ChosenDialects dialects, choose_dialects(options));
  const sigset_t signals = block_stop_signals();
  ServerOptions server_settings = server_options(options);
  TRIVET_ASSIGN_OR_RETURN(const auto access_log,
                          open_access_log(options.disable_access_log ? "off" : options.access_log));
  TRIVET_ASSIGN_OR_RETURN(const auto model, load_with_progress(model_options(options)));
  TRIVET_ASSIGN_OR_RETURN(server_settings.served_path,
                          find_model(options.model.model, options.model.store));

  ServedModel served = served_model(options, *model);
  served.dialect = dialects.calls;
  served.reasoning = dialects.reasoning;
  TRIVET_RETURN_IF_ERROR(override_defaults(options.override_generation_config, served.defaults));
  TRIVET_ASSIGN_OR_RETURN(const auto grammars,
                          GrammarCompiler::create(model->tokenizer(), served.end_tokens));
  served.grammars = grammars.get();
  Metrics metrics({.model_name = served.names.front(),
                   .max_model_len = served.max_model_len,
                   .slo = {.first_token_seconds = options.slo_ttft_ms * 1e-3,
                           .per_output_token_seconds = options.slo_tpot_ms * 1e-3}});
  describe(options, *model, metrics);
  TRIVET_ASSIGN_OR_RETURN(const auto traces, open_traces(options, metrics));
  server_settings.traces = traces.get();
  EngineBridge bridge;
  EngineTelemetry telemetry(metrics);
  TRIVET_ASSIGN_OR_RETURN(const auto server,
                          HttpServer::create(server_settings, bridge, metrics, access_log.get()));
  TRIVET_ASSIGN_OR_RETURN(
      const auto engine,
      Engine::create(engine_options(options, model->runner().limits()), model->runner(),
                     model->tokenizer(), served.end_tokens, bridge, &telemetry));
  TRIVET_RETURN_IF_ERROR(server->start());
  server->attach(*engine, served);
  fmt::print(stderr, "{} serves {} on {}, {} within {}\n", styled(Style::kBold, "trivet"),
             served.names.front(), styled(Style::kCyan, address_of(options, *server)),
             model->device().info().description, format_bytes(model->plan().memory.budget_bytes));

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP && has_reloadable_files(options)) {
    server->reload();
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second signal ends the process at once
  print_notice(
      fmt::format("stopping: running answers may take up to {} s more", options.drain_seconds));
  const int aborted =
      server->stop(SteadyClock().now() + std::chrono::seconds(options.drain_seconds));
  if (aborted > 0) print_notice(fmt::format("{} requests were cut off", aborted));
  return {};
}

}  // namespace

int serve(const ServeOptions& options) {
  const auto served = serve_until_stopped(options);
  return served ? 0 : report_error(served.error());
}

}  // namespace trivet
