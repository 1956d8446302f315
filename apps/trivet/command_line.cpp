#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "command_docs.h"
#include "commands.h"
#include "config/foreign_flags.h"
#include "serve_options.h"
#include "table_flags.h"
#include "terminal.h"
#include "version.h"

namespace trivet {
namespace {

// Set by whichever command was named; run after parsing.
using Action = std::function<int()>;

void add_store_option(CLI::App& command, std::string& store) {
  command.add_option("--store", store, "Folder of pulled models (default: ~/.cache/trivet)")
      ->type_name("DIR");
}

// What a command with a model parses into: the options and the table that describes them.
template <class Options>
struct TableCommand {
  Options options;
  OptionTable table;
  GivenFlags given;
};

// Thrown to CLI11, which prints it and ends with the code of wrong usage.
void require(const Result<void>& done) {
  if (!done) throw CLI::ValidationError("error", done.error().message());
}

// Flags for the options of a model. `is_required`: the command makes no sense without one.
template <class Options>
std::shared_ptr<TableCommand<Options>> add_model_options(CLI::App& command,
                                                         bool is_required = true) {
  auto parsed = std::make_shared<TableCommand<Options>>();
  describe_model_options(parsed->table, parsed->options.model);
  add_flags(command, parsed->table, parsed->given);
  if (is_required) command.get_option("model")->required();
  return parsed;
}

// `file` of --config.
struct ServeCommand : TableCommand<ServeOptions> {
  std::string file;
};

void start_serving(ServeCommand& parsed, Action& action) {
  require(apply_flags(parsed.table, parsed.given, parsed.file));
  if (parsed.options.model.model.empty()) {
    throw CLI::RequiredError("MODEL (first argument, --model, or model in the file of --config)");
  }
  parsed.options.info_json = options_json(parsed.table);
  action = [options = parsed.options, table = &parsed.table] {
    for (const std::string& notice : table->notices()) print_notice(notice);
    return serve(options);
  };
}

void add_serve(CLI::App& app, ServeCommand& parsed, Action& action) {
  CLI::App* command = app.add_subcommand("serve", "Serve a model over HTTP to OpenAI clients");
  describe_serve_options(parsed.table, parsed.options);
  add_flags(*command, parsed.table, parsed.given);
  command
      ->add_option("--config", parsed.file,
                   "YAML or JSON file with options; flags win over it (trivet config explain)")
      ->type_name("FILE");
  command->footer(
      "Flags of vllm serve and llama-server are understood: docs/options.md.\n"
      "Examples:\n"
      "  trivet serve smollm2-135m-instruct\n"
      "  trivet serve model.gguf --memory 4GiB --port 8080 --api-key secret\n"
      "Then:\n"
      "  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\\n"
      "    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
  command->callback([&parsed, &action] { start_serving(parsed, action); });
}

void add_config(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("config", "Explain the options of `trivet serve`, check a file with them");
  command->require_subcommand(1);
  auto options = std::make_shared<ConfigCommandOptions>();
  CLI::App* explain = command->add_subcommand("explain", "Show all options, or one in full");
  explain->add_option("key", options->key, "Key, or a flag without its dashes")->type_name("KEY");
  explain->add_option("--config", options->file, "Show the values of this file")->type_name("FILE");
  explain->callback(
      [options, &action] { action = [options] { return config_explain(*options); }; });
  CLI::App* check = command->add_subcommand("check", "Read a file and show what it sets");
  check->add_option("file", options->file, "YAML or JSON file")->required()->type_name("FILE");
  check->callback([options, &action] { action = [options] { return config_check(*options); }; });
  CLI::App* docs = command->add_subcommand("docs", "Print the reference of all options (Markdown)");
  docs->callback([&action] { action = [] { return config_docs(); }; });
}

void add_keys(CLI::App& app, Action& action) {
  CLI::App* keys = app.add_subcommand("keys", "Add, list and revoke API keys of a keys file");
  keys->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*function)(const KeysOptions&),
                       bool needs_name) {
    auto options = std::make_shared<KeysOptions>();
    CLI::App* command = keys->add_subcommand(name, what);
    command->add_option("file", options->file, "The keys file")->required()->type_name("FILE");
    if (needs_name)
      command->add_option("name", options->name, "Of the key")->required()->type_name("NAME");
    command->callback([options, &action, function] {
      action = [options, function] { return function(*options); };
    });
    return std::pair(command, options);
  };
  auto [command, options] =
      add("add", "Make a key, print it once, and store its hash and limits", add_key, true);
  const auto most = CLI::Range(int64_t{0}, int64_t{1} << 40);
  command->add_option("--requests-per-minute", options->requests_per_minute, "0 = no limit")
      ->check(most);
  command
      ->add_option("--tokens-per-minute", options->tokens_per_minute,
                   "Prompt and answer together; 0 = no limit")
      ->check(most);
  command->add_option("--concurrency", options->concurrency, "Requests at once; 0 = no limit")
      ->check(most);
  command->add_option("--priority", options->priority, "Of its requests; lower = sooner");
  command->add_option("--model", options->models, "Model it may use; may be given more than once");
  command->add_flag("--admin", options->admin, "May use the admin endpoints");
  command->footer(
      "Example:\n  trivet keys add keys.jsonl alice --requests-per-minute 60\n"
      "  trivet serve MODEL --api-key-file keys.jsonl");
  add("list", "Show names and limits; keys themselves are not stored", list_keys, false);
  add("revoke", "Remove a key; running servers notice within seconds", revoke_key, true);
}

void add_run(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt, or chat in the terminal");
  auto parsed = add_model_options<RunOptions>(*command);
  RunOptions* options = &parsed->options;
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
  auto* schema = command->add_option("--json-schema", options->json_schema_file,
                                     "Answer with JSON that conforms to the schema in this file");
  schema->type_name("FILE")->check(CLI::ExistingFile);
  command
      ->add_option("--grammar", options->grammar_file,
                   "Answer with a text of the grammar in this file (Lark or GBNF)")
      ->type_name("FILE")
      ->check(CLI::ExistingFile)
      ->excludes(schema);
  command->add_flag("--stats", options->stats, "Print tokens and times after each answer");
  command->footer(
      "Examples:\n  trivet run smollm2-135m-instruct \"Why is the sky blue?\"\n  trivet run "
      "model.gguf --raw \"Once upon a time\" --max-tokens 50");
  command->callback([parsed, &action] {
    require(apply_flags(parsed->table, parsed->given, ""));
    action = [parsed] { return run(parsed->options); };
  });
}

void add_batch(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("batch", "Answer a file of requests (JSON lines) without a server");
  auto parsed = std::make_shared<TableCommand<BatchOptions>>();
  BatchOptions* options = &parsed->options;
  command->add_option("input", options->input, "Requests: {custom_id, method, url, body} a line")
      ->required()
      ->check(CLI::ExistingFile)
      ->type_name("IN.jsonl");
  command->add_option("output", options->output, "Answers; a partial one is gone on with")
      ->required()
      ->type_name("OUT.jsonl");
  describe_model_options(parsed->table, options->model);
  add_flags(*command, parsed->table, parsed->given);
  command->get_option("model")->required();
  command->add_option("--served-model-name", options->served_model_names,
                      "Names that the requests may use (default: the model's)");
  command->footer("Example:\n  trivet batch in.jsonl out.jsonl --model smollm2-135m-instruct");
  command->callback([parsed, &action] {
    require(apply_flags(parsed->table, parsed->given, ""));
    action = [parsed] { return batch(parsed->options); };
  });
}

void add_plan(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show where the memory goes and how many users fit, without loading");
  auto parsed = add_model_options<PlanOptions>(*command);
  command->add_flag("--json", parsed->options.json, "Print JSON");
  command->footer("Example:\n  trivet plan smollm2-135m-instruct --memory 2GiB");
  command->callback([parsed, &action] {
    require(apply_flags(parsed->table, parsed->given, ""));
    action = [parsed] { return plan(parsed->options); };
  });
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

CLI::App* add_bench_kernels(CLI::App& bench_command, Action& action) {
  auto kernels = std::make_shared<KernelsOptions>();
  CLI::App* command = bench_command.add_subcommand(
      "kernels",
      "Single operations of a backend, each beside the limits probed with it: linears by weight "
      "format and rows, quantising, attention");
  command->add_option("--threads", kernels->threads, "Threads, one pass for each (0 = all)")
      ->delimiter(',')
      ->check(CLI::Range(0, 1024));
  command->add_option("--backend", kernels->backend, "Backend plugin by name");
  command->add_option("--isa", kernels->isa, "Instruction level");
  command->add_option("--types", kernels->types, "Weight formats")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--rows", kernels->rows, "Rows in a step")
      ->delimiter(',')
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  command->add_option("--inputs", kernels->inputs, "Columns of a matrix")
      ->check(CLI::Range(32, 1 << 17))
      ->capture_default_str();
  command->add_option("--outputs", kernels->outputs, "Rows of a matrix")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_flag("!--no-linear", kernels->linear, "Leave the linears out");
  command->add_flag("!--no-quantize", kernels->quantize, "Leave quantising out");
  command->add_flag("!--no-attention", kernels->attention, "Leave attention out");
  command->add_option("--seconds", kernels->seconds, "Time for each measurement")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  command->add_flag("--json", kernels->json, "Print JSON");
  command->footer(
      "Example:\n  trivet bench kernels --threads 1,2 --types q4_K,q6_K --rows 1,8,128");
  command->callback([kernels, &action] { action = [kernels] { return bench_kernels(*kernels); }; });
  return command;
}

void add_load_shape(CLI::App& command, LoadSettings& load) {
  const CLI::Range count(1, 1 << 24);
  command.add_option("--requests", load.num_requests, "How many")
      ->check(count)
      ->capture_default_str();
  command
      .add_option("--concurrency", load.concurrency,
                  "Clients that ask again when their answer has ended; with --rate the most "
                  "requests at once")
      ->check(CLI::Range(1, 8192))
      ->capture_default_str();
  command
      .add_option("--rate", load.rate,
                  "Requests per second that begin whether others have ended or not")
      ->check(CLI::Range(0.001, 1e6));
  command
      .add_option("--burstiness", load.burstiness,
                  "Of --rate: 1 = Poisson, below 1 in bursts, above 1 more regular")
      ->check(CLI::Range(0.01, 1e6))
      ->capture_default_str();
  command.add_option("--max-seconds", load.max_seconds, "Begin no request after that");
  command.add_option("--timeout", load.timeout_seconds, "Seconds for one request")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
}

void add_load_content(CLI::App& command, LoadSettings& load) {
  WorkloadOptions& workload = load.workload;
  command.add_flag("--chat", load.chat, "Use /v1/chat/completions, not /v1/completions");
  command.add_option("--prompt-words", workload.prompt_words, "Random English words of a prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      .add_option("--shared-words", workload.shared_words,
                  "Of these, words that all prompts of a group begin with")
      ->check(CLI::Range(0, 1 << 20));
  command.add_option("--groups", workload.groups, "Different shared beginnings")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command.add_option("--output-tokens", load.output_tokens, "Tokens of an answer")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command.add_flag("!--stop-at-eos", load.ignore_eos, "Let answers end before --output-tokens");
  command.add_option("--temperature", load.temperature, "Sampling temperature")
      ->capture_default_str();
  command.add_option("--extra-body", load.extra_body, "JSON object of fields for every request");
  command.add_option("--seed", workload.seed, "Of prompts and arrivals")->capture_default_str();
}

CLI::App* add_bench_serve(CLI::App& bench_command, Action& action) {
  auto options = std::make_shared<BenchServeOptions>();
  CLI::App* command = bench_command.add_subcommand(
      "serve", "Load on a running server with the OpenAI API: rates, TTFT, TPOT, goodput");
  options->load.url = "http://127.0.0.1:8000";
  command->add_option("--url", options->load.url, "The server")->capture_default_str();
  command->add_option("--model", options->load.model, "Its model (default: the first it names)");
  command->add_option("--api-key", options->load.api_key, "Sent as a bearer token")
      ->envname("OPENAI_API_KEY");
  add_load_shape(*command, options->load);
  add_load_content(*command, options->load);
  command->add_option("--slo-ttft-ms", options->objective.ttft_ms,
                      "Objective: most milliseconds to the first token");
  command->add_option("--slo-tpot-ms", options->objective.tpot_ms,
                      "Objective: most milliseconds per token after it");
  command->add_option("--slo-e2e-ms", options->objective.e2e_ms,
                      "Objective: most milliseconds to the end");
  command->add_option("--report", options->report_file, "Write a page with plots to this file")
      ->type_name("FILE.html");
  command->add_flag("--json", options->json, "Print JSON with every request");
  command->footer(
      "Examples:\n"
      "  trivet bench serve --concurrency 16 --prompt-words 200 --output-tokens 64\n"
      "  trivet bench serve --rate 4 --requests 400 --slo-ttft-ms 500 --slo-tpot-ms 50 --report "
      "load.html\n"
      "  trivet bench serve --url http://other:8000 --shared-words 150");
  command->callback([options, &action] { action = [options] { return bench_serve(*options); }; });
  return command;
}

void add_bench(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "bench",
      "Tokens per second of a model, of a running server (`bench serve`), what this machine can "
      "do (`bench limits`), and how near single operations come to it (`bench kernels`)");
  auto parsed = add_model_options<BenchOptions>(*command, false);
  BenchOptions* options = &parsed->options;
  command->add_option("--prompts", options->prompts, "Prompt lengths (0 = none)")
      ->delimiter(',')
      ->check(CLI::Range(0, 1 << 20));
  command->add_option("--batches", options->batches, "Sequences decoded at once (0 = none)")
      ->delimiter(',')
      ->check(CLI::Range(0, 4096));
  command->add_option("--depth", options->depth, "Tokens of context before decoding")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--generate", options->generate, "Tokens decoded per sequence")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--repeats", options->repeats, "Rounds; the median is reported")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--report", options->report_file, "Write a page with a plot to this file")
      ->type_name("FILE.html");
  command
      ->add_option("--plot", options->plot_file,
                   "Write tokens per second over --batches, with the limit, to this file")
      ->type_name("FILE.svg");
  command->add_flag("--json", options->json, "Print JSON");
  CLI::App* limits = add_bench_limits(*command, action);
  CLI::App* kernels = add_bench_kernels(*command, action);
  CLI::App* serve = add_bench_serve(*command, action);
  command->footer(
      "Examples:\n  trivet bench smollm2-135m-instruct --prompts 512 --batches 1,8,32\n  trivet "
      "bench smollm2-135m-instruct --batches 1,2,4,8,16,32,64 --max-num-seqs 64 --report "
      "speed.html\n  trivet bench limits\n  trivet bench serve --help");
  command->callback([parsed, command, limits, kernels, serve, &action] {
    for (CLI::App* other : {limits, kernels, serve}) {
      if (command->got_subcommand(other)) return;
    }
    require(apply_flags(parsed->table, parsed->given, ""));
    if (parsed->options.model.model.empty())
      throw CLI::RequiredError("MODEL (or `limits`, `kernels`, `serve`)");
    action = [parsed] { return bench(parsed->options); };
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

// The arguments of `serve` in the form that its flags have; the others as they are.
Result<std::vector<std::string>> canonical_arguments(int argc, char** argv, const CLI::App& app,
                                                     OptionTable& serve_table) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty() || arguments.front() != "serve") return arguments;
  arguments.erase(arguments.begin());
  TRIVET_ASSIGN_OR_RETURN(auto rewritten, rewrite_flags(arguments, serve_table,
                                                        flags_of(*app.get_subcommand("serve"))));
  rewritten.insert(rewritten.begin(), "serve");
  return rewritten;
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
  ServeCommand serve_command;
  add_serve(app, serve_command, action);
  add_keys(app, action);
  add_run(app, action);
  add_batch(app, action);
  add_store_commands(app, action);
  add_plan(app, action);
  add_bench(app, action);
  add_graph(app, action);
  add_conformance(app, action);
  add_config(app, action);
  add_docs(app, action);
  auto arguments = canonical_arguments(argc, argv, app, serve_command.table);
  if (!arguments) return report_error(arguments.error());
  std::reverse(arguments->begin(), arguments->end());  // as CLI11 takes them
  try {
    app.parse(std::move(*arguments));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    if (code != 0) suggest_flags(app);
    return code == 0 ? 0 : 2;
  }
  return action ? action() : 2;
}

}  // namespace trivet
