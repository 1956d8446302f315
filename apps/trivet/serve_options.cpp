#include "serve_options.h"

namespace trivet {
namespace {

void describe_memory(OptionTable& table, ModelOptions& options) {
  table
      .add("memory", &options.memory,
           "Budget of the whole process: weights, cache, buffers; e.g. 2GiB")
      .value_name("SIZE")
      .shown_default("what the machine has, less a reserve")
      .elsewhere("In place of vLLM's --gpu-memory-utilization, which counts a share of a device.");
  table.add("max-model-len", &options.max_model_len, "Longest prompt + answer in tokens")
      .range(0, 1 << 24)
      .word("auto", "0")
      .word("-1", "0")
      .shown_default("the model's, or what fits")
      .counts()
      .alias("--ctx-size")
      .alias("-c")
      .elsewhere("vLLM: the same. llama.cpp: -c, --ctx-size, there for all slots together.");
  table.add("max-num-seqs", &options.max_num_seqs, "Sequences that run at once")
      .range(1, 4096)
      .alias("--parallel")
      .alias("-np")
      .elsewhere("vLLM: the same. llama.cpp: -np, --parallel.");
  table
      .add("max-num-batched-tokens", &options.max_num_batched_tokens,
           "Tokens per step, all sequences together")
      .range(1, 65536)
      .counts()
      .alias("--ubatch-size")
      .alias("-ub")
      .elsewhere("vLLM: the same. llama.cpp: -ub, --ubatch-size.");
  table
      .add("block-size", &options.block_size,
           "Tokens per block of the key/value cache, a multiple of 16")
      .choices({"16", "32", "64", "128"})
      .elsewhere("vLLM: the same.");
  table
      .add("kv-dtype", &options.kv_dtype,
           "As what keys and values are kept: auto = bf16 where the processor multiplies it, else "
           "f16; int8 takes about half the memory (docs/kv_cache.md has the quality of each)")
      .choices({"auto", "f16", "bf16", "int8", "float16", "bfloat16"})
      .value_name("auto|f16|bf16|int8")
      .alias("--kv-cache-dtype")
      .elsewhere("vLLM: --kv-cache-dtype, with fp8 types in place of int8. llama.cpp: -ctk, -ctv.");
}

void describe_machine(OptionTable& table, ModelOptions& options) {
  table.add("threads", &options.threads, "Threads that compute")
      .range(0, 1024)
      .word("auto", "0")
      .shown_default("all that the process may use")
      .alias("-t")
      .elsewhere("llama.cpp: -t, --threads. vLLM: VLLM_CPU_OMP_THREADS_BIND.");
  table
      .add("precision", &options.precision,
           "auto: int8 activations on quantised weights; reference: float32 throughout, slow")
      .choices({"auto", "reference"})
      .elsewhere("In place of vLLM's --dtype.");
  table.add("backend", &options.backend, "Backend plugin by name")
      .value_name("NAME")
      .shown_default("the best that runs here");
  table.add("isa", &options.isa, "Instruction level of the backend, e.g. avx2")
      .value_name("NAME")
      .shown_default("the best");
  table
      .add("disable-pass", &options.disabled_passes,
           "Graph pass to leave out; `trivet graph --list-passes` names them")
      .value_name("NAME");
}

void describe_network(OptionTable& table, ServeOptions& options) {
  table.begin_section("Network");
  table.add("host", &options.host, "Address to listen on; 0.0.0.0 for all")
      .value_name("ADDRESS")
      .elsewhere("vLLM listens on all addresses unless told otherwise.");
  table.add("port", &options.port, "Port to listen on; 0 = any free one")
      .range(0, 65535)
      .elsewhere("vLLM: the same. llama.cpp: the same, 8080 by default.");
  table.add("ssl-certfile", &options.ssl_certfile, "Certificate chain (PEM): serve HTTPS")
      .existing_file()
      .alias("--ssl-cert-file")
      .elsewhere("vLLM: the same. llama.cpp: --ssl-cert-file.");
  table.add("ssl-keyfile", &options.ssl_keyfile, "Private key (PEM)")
      .existing_file()
      .alias("--ssl-key-file")
      .elsewhere("vLLM: the same. llama.cpp: --ssl-key-file.");
  table.add("max-connections", &options.max_connections, "Open connections at once")
      .range(1, 1 << 20);
  table
      .add(
          "state-dir", &options.state_dir,
          "Folder for stored responses, files and batches; nothing is written before they are used")
      .value_name("DIR")
      .shown_default("$XDG_STATE_HOME/trivet or ~/.local/state/trivet");
  table
      .add("drain-seconds", &options.drain_seconds,
           "How long running answers may go on after SIGTERM")
      .range(0, 86400)
      .alias("--shutdown-timeout")
      .elsewhere("vLLM: --shutdown-timeout, 0 by default.");
}

void describe_access(OptionTable& table, ServeOptions& options) {
  table.begin_section("Access");
  table.add("api-key", &options.api_keys, "Key that clients must send; may be given more than once")
      .value_name("KEY")
      .secret()
      .elsewhere("vLLM: the same, but there it guards some paths only.");
  table
      .add("admin-api-key", &options.admin_api_keys,
           "Key that may also use the admin endpoints and see what all keys use")
      .value_name("KEY")
      .secret();
  table
      .add(
          "api-key-file", &options.api_key_file,
          "File of keys with their limits (docs/keys.md), read again when it changes and on SIGHUP")
      .existing_file()
      .elsewhere("llama.cpp: the same, one key a line.");
  table
      .add("allowed-origins", &options.allowed_origins,
           "Origins that browsers may call from; * for any")
      .value_name("ORIGIN")
      .elsewhere("vLLM: the same, * by default.");
  table
      .add("enable-admin", &options.enable_admin,
           "Let clients pause, resume, put to sleep, abort requests of others, pull and delete "
           "models and read the settings")
      .alias("--enable-sleep-mode")
      .elsewhere("vLLM: --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1.");
  table.add("disable-docs", &options.disable_docs, "Do not serve /docs and /openapi.json")
      .alias("--disable-fastapi-docs")
      .elsewhere("vLLM: --disable-fastapi-docs.");
  table
      .add("trust-request-chat-template", &options.trust_request_chat_template,
           "Let requests bring their own template")
      .elsewhere("vLLM: the same.");
}

void describe_answers(OptionTable& table, ServeOptions& options) {
  table.begin_section("Answers");
  table
      .add("served-model-name", &options.served_model_names,
           "Names that clients may use; the first is the one reported")
      .value_name("NAME")
      .shown_default("the model's")
      .alias("--alias")
      .alias("-a")
      .elsewhere("vLLM: the same. llama.cpp: -a, --alias.");
  table
      .add("tool-call-parser", &options.tool_call_parser,
           "How the model writes tool calls: hermes, mistral, ...; auto = as its template shows")
      .value_name("NAME")
      .elsewhere("vLLM: the same, with --enable-auto-tool-choice.");
  table
      .add("reasoning-parser", &options.reasoning_parser,
           "How the model marks its reasoning: think, mistral, ...; auto = as its template shows")
      .value_name("NAME")
      .elsewhere("vLLM: the same.");
  table
      .add("generation-config", &options.generation_config,
           "auto: sampling defaults of the model; vllm: neutral ones")
      .choices({"auto", "vllm"})
      .elsewhere("vLLM: the same, which also takes a folder.");
  table
      .add("override-generation-config", &options.override_generation_config,
           "Sampling defaults that win over the model's: temperature, top_p, top_k, min_p, "
           "repetition_penalty")
      .value_name("JSON")
      .elsewhere("vLLM: the same.");
  table
      .add("default-chat-template-kwargs", &options.default_chat_template_kwargs,
           "Variables for the chat template that requests do not set, e.g. {\"enable_thinking\": "
           "false}")
      .value_name("JSON")
      .elsewhere("vLLM: the same.");
  table
      .add("enable-force-include-usage", &options.force_include_usage,
           "End every stream with its usage, asked for or not")
      .elsewhere("vLLM: the same.");
  table.add("seed", &options.seed, "Of requests that bring none")
      .alias("-s")
      .elsewhere("vLLM: the same.");
  table
      .add("max-logprobs", &options.max_logprobs,
           "Most alternatives per token; -1 = the whole vocabulary (above 20, 256 MiB of --memory "
           "are "
           "set aside for them)")
      .range(-1, 1 << 20)
      .elsewhere("vLLM: the same.");
}

void describe_scheduling(OptionTable& table, ServeOptions& options) {
  table.begin_section("Scheduling");
  table
      .add("enable-prefix-caching", &options.enable_prefix_caching,
           "Reuse the cache of equal beginnings of prompts")
      .elsewhere("vLLM: the same.");
  table.add("prefill-chunk", &options.prefill_chunk, "Prompt tokens of one sequence per step")
      .range(1, 65536)
      .counts();
  table
      .add("tpot-target", &options.tpot_target_ms,
           "Milliseconds between the tokens of an answer that new prompts may cause, as far as 16 "
           "prompt tokens a step allow; 0: no limit")
      .range(0, 60000)
      .counts();
  table
      .add("max-num-queued-reqs", &options.max_queued_requests,
           "Requests that may wait; more are answered 429")
      .range(1, 1 << 20)
      .counts()
      .elsewhere("vLLM: the same, unbounded by default, and answers 503.");
}

void describe_logging(OptionTable& table, ServeOptions& options) {
  table.begin_section("Logging");
  table
      .add("access-log", &options.access_log,
           "Where the access log goes: - (standard output), off, or a file")
      .value_name("FILE");
  table
      .add("log-prompts", &options.log_prompts,
           "Write request bodies and answers into the access log")
      .elsewhere("vLLM: --enable-log-requests and --enable-log-outputs.");
  table.add("disable-access-log", &options.disable_access_log, "The same as --access-log off")
      .alias("--disable-uvicorn-access-log")
      .elsewhere("vLLM: --disable-uvicorn-access-log.");
}

void describe_telemetry(OptionTable& table, ServeOptions& options) {
  table.begin_section("Telemetry");
  table
      .add("slo-ttft-ms", &options.slo_ttft_ms,
           "Time to first token that is good enough; /metrics shows how often it is kept")
      .range(1, 1 << 24);
  table.add("slo-tpot-ms", &options.slo_tpot_ms, "Mean time per output token that is good enough")
      .range(1, 1 << 24);
  table
      .add("otlp-endpoint", &options.otlp_endpoint,
           "OpenTelemetry collector that gets traces over HTTP, e.g. http://127.0.0.1:4318")
      .value_name("URL")
      .alias("--otlp-traces-endpoint")
      .elsewhere("vLLM: --otlp-traces-endpoint, which speaks gRPC by default.");
  table.add("otlp-service-name", &options.otlp_service_name, "Name of this server in traces")
      .value_name("NAME");
}

}  // namespace

void describe_model_options(OptionTable& table, ModelOptions& options) {
  table.begin_section("Model");
  table
      .add("model", &options.model,
           "Name from `trivet list`, a .gguf file, or a folder with safetensors")
      .value_name("MODEL")
      .positional()
      .alias("-m")
      .elsewhere("vLLM: the same. llama.cpp: -m.");
  table.add("store", &options.store, "Folder of pulled models")
      .value_name("DIR")
      .shown_default("~/.cache/trivet")
      .alias("--download-dir")
      .elsewhere("vLLM: --download-dir.");
  table
      .add("chat-template", &options.chat_template,
           "Jinja file that replaces the model's chat template")
      .existing_file()
      .alias("--chat-template-file")
      .elsewhere("vLLM: the same. llama.cpp: --chat-template-file.");
  table.begin_section("Memory and batches");
  describe_memory(table, options);
  table.begin_section("Machine");
  describe_machine(table, options);
}

void describe_serve_options(OptionTable& table, ServeOptions& options) {
  describe_model_options(table, options.model);
  describe_network(table, options);
  describe_access(table, options);
  describe_answers(table, options);
  describe_scheduling(table, options);
  describe_logging(table, options);
  describe_telemetry(table, options);
  table.add_foreign(vllm_flags());
  table.add_foreign(llama_flags());
}

}  // namespace trivet
