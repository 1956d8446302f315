// `trivet config`: what every option is, what a file sets, and the reference in docs/options.md.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "config/config_file.h"
#include "serve_options.h"
#include "terminal.h"
#include "version.h"

namespace trivet {
namespace {

// The options of `trivet serve` as the file sets them.
struct ServeSettings {
  ServeSettings() { describe_serve_options(table, options); }
  Result<void> read(const std::string& file) {
    TRIVET_ASSIGN_OR_RETURN(const auto entries, read_config_file(file));
    return apply_config(table, entries, file);
  }
  ServeOptions options;
  OptionTable table;
};

void explain_one(const Option& option) {
  fmt::print("{}  ({})\n  {}\n", styled(Style::kBold, option.key(), 1), option.flag(),
             option.help());
  fmt::print("  value:    {}\n  default:  {}\n", option.type_text(), option.default_text());
  if (option.source() != ValueSource::kDefault) {
    fmt::print("  set to:   {} by {}\n", option.value_text(), option.source_text());
  }
  for (const std::string& alias : option.aliases()) fmt::print("  also:     {}\n", alias);
  if (!option.note().empty()) fmt::print("  others:   {}\n", option.note());
}

void explain_all(const OptionTable& table) {
  Table rows({"KEY", "VALUE", "FROM", "WHAT"});
  for (const Option& option : table.options()) {
    const bool is_default = option.source() == ValueSource::kDefault;
    rows.add({option.key(), is_default ? option.default_text() : option.value_text(),
              option.source_text(), option.help()});
  }
  fmt::print("{}", rows.text());
}

Result<void> explain_key(const OptionTable& table, const std::string& key) {
  if (const Option* option = table.find(key)) {
    explain_one(*option);
    return {};
  }
  if (const ForeignFlag* foreign = table.find_foreign(key)) {
    const bool refused = foreign->verdict == ForeignFlag::Verdict::kRefused;
    fmt::print("--{} of other servers {}: {}\n", foreign->name,
               refused ? "is refused" : "has no effect", foreign->why);
    return {};
  }
  const std::string nearest = table.nearest_key(key);
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("there is no option {}{}", key,
                           nearest.empty() ? "; `trivet config explain` lists all"
                                           : ", did you mean " + nearest + "?"));
}

Result<void> run_explain(const ConfigCommandOptions& options) {
  ServeSettings settings;
  if (!options.file.empty()) TRIVET_RETURN_IF_ERROR(settings.read(options.file));
  if (!options.key.empty()) return explain_key(settings.table, options.key);
  explain_all(settings.table);
  return {};
}

Result<void> run_check(const ConfigCommandOptions& options) {
  ServeSettings settings;
  TRIVET_RETURN_IF_ERROR(settings.read(options.file));
  for (const std::string& notice : settings.table.notices()) print_notice(notice);
  Table rows({"KEY", "VALUE", "FROM"});
  for (const Option& option : settings.table.options()) {
    if (option.source() == ValueSource::kDefault) continue;
    rows.add({option.key(), option.value_text(), option.source_text()});
  }
  fmt::print("{}", rows.text());
  return {};
}

std::string escaped(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, "\\");
  return text;
}

void print_row(const Option& option) {
  std::string flag = "`" + option.flag() + "`";
  if (option.is_flag()) flag += ", `--no-" + option.name() + "`";
  for (const std::string& alias : option.aliases()) flag += ", `" + alias + "`";
  std::string what = option.help() + ".";
  if (!option.note().empty()) what += " " + option.note();
  fmt::print("| {} | `{}` | {} | {} | {} |\n", flag, option.key(), escaped(option.type_text()),
             escaped(option.default_text()), escaped(what));
}

}  // namespace

std::string options_json(const OptionTable& table) {
  std::string values, sources;
  for (const Option& option : table.options()) {
    const char* comma = values.empty() ? "" : ",";
    values += fmt::format("{}\"{}\":{}", comma, option.key(), option.value_json());
    sources += fmt::format("{}\"{}\":{}", comma, option.key(),
                           nlohmann::json(option.source_text()).dump());
  }
  return fmt::format(
      R"({{"vllm_config":{{{}}},"sources":{{{}}},"vllm_env":{{}},"system_env":{{"version":"{}"}}}})",
      values, sources, kVersion);
}

int config_explain(const ConfigCommandOptions& options) {
  const auto done = run_explain(options);
  return done ? 0 : report_error(done.error());
}

int config_check(const ConfigCommandOptions& options) {
  const auto done = run_check(options);
  return done ? 0 : report_error(done.error());
}

int config_docs() {
  const ServeSettings settings;
  fmt::print(
      "# Options of `trivet serve`\n\n"
      "Written by `trivet config docs`. A flag wins over the file of `--config FILE` (YAML or "
      "JSON, "
      "keys as below), the file over the default. `trivet config explain [KEY]` shows one or all, "
      "`trivet config check FILE` a file. Nothing is set by the environment.\n");
  std::string section;
  for (const Option& option : settings.table.options()) {
    if (option.section() != section) {
      section = option.section();
      fmt::print("\n## {}\n\n| flag | key | value | default | what |\n|---|---|---|---|---|\n",
                 section);
    }
    print_row(option);
  }
  fmt::print(
      "\n## Flags of other servers\n\nTaken, so that command lines work as they are; one line on "
      "standard error says why they do nothing. Those marked **refused** end with an error, as "
      "leaving them out would change answers or weaken security.\n\n| flag | why |\n|---|---|\n");
  for (const auto& flags : settings.table.foreign()) {
    for (const ForeignFlag& flag : flags) {
      const bool refused = flag.verdict == ForeignFlag::Verdict::kRefused;
      fmt::print("| `--{}`{} | {}{} |\n", flag.name,
                 flag.short_flag.empty() ? "" : fmt::format(", `{}`", flag.short_flag),
                 refused ? "**refused**: " : "", escaped(std::string(flag.why)));
    }
  }
  return 0;
}

}  // namespace trivet
