// The options of commands as rows: the one place where a flag, its key, range and help are written.
#ifndef TRIVET_APPS_SERVE_OPTIONS_H_
#define TRIVET_APPS_SERVE_OPTIONS_H_

#include <span>

#include "commands.h"
#include "config/option_table.h"

namespace trivet {

// What every command that runs a model takes.
void describe_model_options(OptionTable& table, ModelOptions& options);
// All of `trivet serve`, with the flags of other servers.
void describe_serve_options(OptionTable& table, ServeOptions& options);

// Every option with its value and where that came from, in the shape of vLLM's /server_info.
std::string options_json(const OptionTable& table);

// Flags of `vllm serve` and `llama-server` that are understood but not followed.
std::span<const ForeignFlag> vllm_flags();
std::span<const ForeignFlag> llama_flags();

}  // namespace trivet

#endif  // TRIVET_APPS_SERVE_OPTIONS_H_
