#include "table_flags.h"

#include <CLI/CLI.hpp>

#include "config/config_file.h"
#include "config/nearest_name.h"
#include "terminal.h"

namespace trivet {
namespace {

void add_switch(CLI::App& command, Option& option, GivenFlags& given) {
  command
      .add_flag_function(
          option.flag() + ",!--no-" + option.name(),
          [&option, &given](int64_t count) {
            given.values.emplace_back(&option,
                                      std::vector<std::string>{count > 0 ? "true" : "false"});
          },
          option.help())
      ->default_str(option.default_text());
}

void add_valued(CLI::App& command, Option& option, GivenFlags& given) {
  const std::string names =
      option.is_positional() ? option.name() + "," + option.flag() : option.flag();
  CLI::Option* flag = command.add_option_function<std::vector<std::string>>(
      names,
      [&option, &given](const std::vector<std::string>& values) {
        given.values.emplace_back(&option, values);
      },
      option.help());
  flag->type_name(option.placeholder())->default_str(option.default_text());
  if (!option.is_list()) {
    flag->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeLast);
  }
}

}  // namespace

void add_flags(CLI::App& command, OptionTable& table, GivenFlags& given) {
  for (const Option& row : table.options()) {
    Option& option = *table.find(row.name());
    if (option.is_flag()) {
      add_switch(command, option, given);
    } else {
      add_valued(command, option, given);
    }
  }
}

Result<void> apply_flags(OptionTable& table, const GivenFlags& given,
                         const std::string& config_file) {
  if (!config_file.empty()) {
    TRIVET_ASSIGN_OR_RETURN(const auto entries, read_config_file(config_file));
    TRIVET_RETURN_IF_ERROR(apply_config(table, entries, config_file));
  }
  for (const auto& [option, values] : given.values) {
    const auto set = option->set(values, ValueSource::kFlag, option->flag());
    if (!set) return set.error().with_context(option->flag());
  }
  return {};
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

void suggest_flags(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) {
    std::vector<std::string> candidates = flags_of(*command);
    for (const CLI::App* inner : command->get_subcommands()) {
      for (std::string& flag : flags_of(*inner)) candidates.push_back(std::move(flag));
    }
    for (const std::string& left : app.remaining(true)) {
      if (!left.starts_with("--")) continue;
      const std::string nearest = nearest_name(left, candidates);
      if (!nearest.empty()) print_notice("did you mean " + nearest + "?");
    }
  }
}

}  // namespace trivet
