#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "command_docs.h"
#include "commands.h"
#include "version.h"

namespace trivet {
namespace {

// Set by whichever command was named; run after parsing.
using Action = std::function<int()>;

void add_store_option(CLI::App& command, std::string& store) {
  command.add_option("--store", store, "Folder of pulled models (default: ~/.cache/trivet)")
      ->type_name("DIR");
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option("model", options.model,
                  "Name from `trivet list`, a .gguf file, or a folder with safetensors")
      ->required()
      ->type_name("MODEL");
  add_store_option(command, options.store);
  command
      .add_option("--memory", options.memory,
                  "Budget of the whole process: weights, cache, buffers; e.g. 2GiB")
      ->type_name("SIZE");
  command
      .add_option("--threads", options.threads,
                  "Threads that compute (default: all this process may use)")
      ->check(CLI::Range(0, 1024));
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Longest prompt + answer in tokens (default: the model's)")
      ->check(CLI::Range(0, 1 << 24));
  command.add_option("--max-num-seqs", options.max_num_seqs, "Sequences that run at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command
      .add_option("--max-num-batched-tokens", options.max_num_batched_tokens,
                  "Tokens per step, all sequences together")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command
      .add_option("--block-size", options.block_size,
                  "Tokens per block of the key/value cache, a multiple of 16")
      ->check(CLI::IsMember({16, 32, 64, 128}))
      ->capture_default_str();
  command
      .add_option(
          "--precision", options.precision,
          "auto: int8 activations on quantised weights; reference: float32 throughout, slow")
      ->check(CLI::IsMember({"auto", "reference"}))
      ->capture_default_str();
  command.add_option("--backend", options.backend,
                     "Backend plugin by name (default: the best that runs here)");
  command.add_option("--isa", options.isa,
                     "Instruction level of the backend, e.g. avx2 (default: the best)");
  command
      .add_option("--disable-pass", options.disabled_passes,
                  "Graph pass to leave out; `trivet graph --list-passes` names them")
      ->type_name("NAME");
  command
      .add_option("--chat-template", options.chat_template,
                  "Jinja file that replaces the model's chat template")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
}

void add_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Serve a model over HTTP to OpenAI clients");
  add_model_options(*command, options->model);
  command->add_option("--host", options->host, "Address to listen on; 0.0.0.0 for all")
      ->capture_default_str();
  command->add_option("--port", options->port, "Port to listen on; 0 = any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--served-model-name", options->served_model_names,
                      "Names that clients may use (default: the model's)");
  command->add_option("--api-key", options->api_keys,
                      "Key that clients must send; may be given more than once");
  command->add_option("--api-key-file", options->api_key_file, "File with one key per line")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--ssl-certfile", options->ssl_certfile, "Certificate chain (PEM): serve HTTPS")
      ->check(CLI::ExistingFile);
  command->add_option("--ssl-keyfile", options->ssl_keyfile, "Private key (PEM)")
      ->check(CLI::ExistingFile);
  command->add_option("--allowed-origins", options->allowed_origins,
                      "Origins that browsers may call from; * for any");
  command
      ->add_flag("--enable-prefix-caching,!--no-enable-prefix-caching",
                 options->enable_prefix_caching, "Reuse the cache of equal beginnings of prompts")
      ->default_str("true");
  command
      ->add_option("--prefill-chunk", options->prefill_chunk,
                   "Prompt tokens of one sequence per step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command
      ->add_option("--max-num-queued-reqs", options->max_queued_requests,
                   "Requests that may wait; more are answered 429")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--max-connections", options->max_connections, "Open connections at once")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--max-logprobs", options->max_logprobs,
                   "Most alternatives per token; -1 = the whole vocabulary (above 20, 256 MiB "
                   "of --memory are set aside for them)")
      ->check(CLI::Range(-1, 1 << 20))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of requests that bring none")
      ->capture_default_str();
  command->add_flag("--trust-request-chat-template", options->trust_request_chat_template,
                    "Let requests bring their own template");
  command
      ->add_option("--generation-config", options->generation_config,
                   "auto: sampling defaults of the model; vllm: neutral ones")
      ->check(CLI::IsMember({"auto", "vllm"}))
      ->capture_default_str();
  command
      ->add_option("--drain-seconds", options->drain_seconds,
                   "How long running answers may go on after SIGTERM")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  command
      ->add_option("--access-log", options->access_log,
                   "Where the access log goes: - (standard output), off, or a file")
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  trivet serve smollm2-135m-instruct\n"
      "  trivet serve model.gguf --memory 4GiB --port 8080 --api-key secret\n"
      "Then:\n"
      "  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\\n"
      "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
  command->callback([options, &action] { action = [options] { return serve(*options); }; });
}

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Answer one prompt, or chat in the terminal");
  add_model_options(*command, options->model);
  command
      ->add_option("prompt", options->prompt,
                   "What to answer; without it, a chat (Ctrl-C stops an answer, Ctrl-D ends)")
      ->type_name("PROMPT");
  command->add_option("--system", options->system, "System message");
  command->add_flag("--raw", options->raw,
                    "Continue the text instead of answering it: no chat template");
  command
      ->add_option("--temperature", options->temperature,
                   "0 = always the most probable token (default: the model's)")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--top-p", options->top_p,
                   "Sample from the most probable tokens of this total probability")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--top-k", options->top_k, "Sample from this many most probable tokens")
      ->check(CLI::Range(0, 1 << 20));
  command->add_option("--seed", options->seed, "Makes sampling repeatable");
  command
      ->add_option("--max-tokens", options->max_tokens,
                   "Longest answer (default: until the context is full)")
      ->check(CLI::Range(0, 1 << 24));
  command->add_flag("--stats", options->stats, "Print tokens and times after each answer");
  command->footer(
      "Examples:\n  trivet run smollm2-135m-instruct \"Why is the sky blue?\"\n  trivet run "
      "model.gguf --raw \"Once upon a time\" --max-tokens 50");
  command->callback([options, &action] { action = [options] { return run(*options); }; });
}

void add_plan(CLI::App& app, Action& action) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand(
      "plan", "Show where the memory goes and how many users fit, without loading");
  add_model_options(*command, options->model);
  command->add_flag("--json", options->json, "Print JSON");
  command->footer("Example:\n  trivet plan smollm2-135m-instruct --memory 2GiB");
  command->callback([options, &action] { action = [options] { return plan(*options); }; });
}

CLI::App* add_bench_limits(CLI::App& bench_command, Action& action) {
  auto limits = std::make_shared<LimitsOptions>();
  CLI::App* command = bench_command.add_subcommand(
      "limits", "What this machine can do at most: int8, bf16, float32, memory, fork-join");
  command->add_option("--threads", limits->threads, "Threads (default: all)")
      ->check(CLI::Range(0, 1024));
  command->add_option("--backend", limits->backend, "Backend plugin by name");
  command->add_option("--isa", limits->isa, "Instruction level");
  command->add_option("--seconds", limits->seconds, "Time for each limit")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  command->add_flag("--json", limits->json, "Print JSON");
  command->callback([limits, &action] { action = [limits] { return bench_limits(*limits); }; });
  return command;
}

void add_bench(CLI::App& app, Action& action) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand(
      "bench", "Tokens per second of a model, or (`bench limits`) what this machine can do");
  add_model_options(*command, options->model);
  command->get_option("model")->required(false);
  command->add_option("--prompts", options->prompts, "Prompt lengths")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--batches", options->batches, "Sequences decoded at once")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  command->add_option("--depth", options->depth, "Tokens of context before decoding")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--generate", options->generate, "Tokens decoded per sequence")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--repeats", options->repeats, "Rounds; the median is reported")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print JSON");
  CLI::App* limits = add_bench_limits(*command, action);
  command->footer(
      "Examples:\n  trivet bench smollm2-135m-instruct --prompts 512 --batches 1,8,32\n  trivet "
      "bench limits");
  command->callback([options, command, limits, &action] {
    if (command->got_subcommand(limits)) return;
    if (options->model.model.empty()) throw CLI::RequiredError("MODEL (or `limits`)");
    action = [options] { return bench(*options); };
  });
}

void add_store_commands(CLI::App& app, Action& action) {
  const auto add = [&](const char* name, const char* what,
                       int (*function)(const StoreCommandOptions&), const char* argument) {
    auto options = std::make_shared<StoreCommandOptions>();
    CLI::App* command = app.add_subcommand(name, what);
    add_store_option(*command, options->store);
    if (argument != nullptr)
      command->add_option("name", options->name, argument)->required()->type_name("NAME");
    command->callback([options, &action, function] {
      action = [options, function] { return function(*options); };
    });
    return std::pair(command, options);
  };
  auto [pull_command, pull_options] =
      add("pull", "Fetch a model into the store", pull,
          "Catalogue name, hf:owner/repo[@revision][/file], path or URL");
  pull_command->add_option("--token", pull_options->token,
                           "Hugging Face token (default: HF_TOKEN)");
  pull_command->add_flag("--force", pull_options->force, "Fetch again what is there");
  pull_command->footer(
      "Examples:\n  trivet pull smollm2-135m-instruct\n  trivet pull "
      "hf:owner/repo@main/model.gguf");

  auto [list_command, list_options] =
      add("list", "Show the models of the store and the catalogue", list, nullptr);
  list_command->add_flag("--json", list_options->json, "Print JSON");
  list_command->add_flag("--names", list_options->names, "Print only names, for scripts");

  auto [inspect_command, inspect_options] =
      add("inspect", "Show what is inside a model: configuration, tensors, tokenizer", inspect,
          "Name or path");
  inspect_command->add_flag("--json", inspect_options->json, "Print JSON");

  add("path", "Print the file or folder of a model of the store, for scripts", print_path, "Name");
  add("remove", "Delete a model from the store", remove_model, "Name");
}

void add_graph(CLI::App& app, Action& action) {
  auto options = std::make_shared<GraphOptions>();
  CLI::App* command =
      app.add_subcommand("graph", "Show the operations of a model before and after the passes");
  command->add_option("model", options->model, "Name or path")->type_name("MODEL");
  add_store_option(*command, options->store);
  command->add_option("--format", options->format, "text, json or svg")
      ->check(CLI::IsMember({"text", "json", "svg"}))
      ->capture_default_str();
  command->add_option("--stage", options->stage, "before, after or both")
      ->check(CLI::IsMember({"before", "after", "both"}))
      ->capture_default_str();
  command->add_option("--disable-pass", options->disabled_passes, "Pass to leave out")
      ->type_name("NAME");
  command->add_flag("--list-passes", options->list_passes, "Name the passes and what they do");
  command->callback([options, &action] { action = [options] { return graph(*options); }; });
}

void add_conformance(CLI::App& app, Action& action) {
  auto options = std::make_shared<ConformanceCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "conformance", "Check every operation of a backend plugin against the reference");
  command
      ->add_option("plugin", options->plugin,
                   "Shared object, or the name of a plugin beside this program")
      ->required()
      ->type_name("PLUGIN");
  command->add_option("--isa", options->isa,
                      "Instruction level (default: all that this machine has)");
  command->add_flag("--verbose", options->verbose, "Print every case, not only the failures");
  command->callback([options, &action] { action = [options] { return conformance(*options); }; });
}

void add_docs(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example:\n  source <(trivet completion bash)");
  command->callback([&app, &action, shell] {
    action = [&app, shell] { return fmt::print("{}", completion_script(app, *shell)), 0; };
  });
  CLI::App* man = app.add_subcommand("man", "Print the manual page (roff): trivet man | man -l -");
  man->callback(
      [&app, &action] { action = [&app] { return fmt::print("{}", man_page(app)), 0; }; });
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app(
      "Trivet runs and serves large language models: pull a model, talk to it, serve it to OpenAI "
      "clients.\n"
      "Start with: trivet pull smollm2-135m-instruct; trivet run smollm2-135m-instruct \"Hello\"",
      "trivet");
  app.set_version_flag("--version", std::string("trivet ") + kVersion);
  app.require_subcommand(1);
  Action action;
  add_serve(app, action);
  add_run(app, action);
  add_store_commands(app, action);
  add_plan(app, action);
  add_bench(app, action);
  add_graph(app, action);
  add_conformance(app, action);
  add_docs(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return action ? action() : 2;
}

}  // namespace trivet
