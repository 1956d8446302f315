#include "command_docs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "version.h"

namespace trivet {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

std::vector<std::string> long_flags(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return joined(names);
}

std::string bash_completion(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(),
                         joined(long_flags(*command)) + " " + command_names(*command));
  }
  return fmt::format(R"SH(# Source this file, or put it into /etc/bash_completion.d/trivet.
_trivet() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words
  case "${{COMP_WORDS[1]}}" in
{}    *) words="{}" ;;
  esac
  [[ $COMP_CWORD -eq 1 ]] && words="{}"
  COMPREPLY=($(compgen -W "$words $(trivet list --names 2>/dev/null)" -- "$current"))
  [[ ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$current"))
}}
complete -F _trivet trivet
)SH",
                     cases, command_names(app), command_names(app) + " --help --version");
}

std::string zsh_completion(const CLI::App& app) {
  return "#compdef trivet\nautoload -U +X bashcompinit && bashcompinit\n" + bash_completion(app);
}

// Inside single quotes of a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("\\'") : std::string(1, c);
  return out + "'";
}

std::string fish_completion(const CLI::App& app) {
  std::string out = "# Put this into ~/.config/fish/completions/trivet.fish.\n";
  for (const CLI::App* command : commands_of(app)) {
    out += fmt::format(
        "complete -c trivet -n __fish_use_subcommand -f -a {} -d {}\n", command->get_name(),
        quoted(command->get_description().substr(0, command->get_description().find('\n'))));
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        out += fmt::format("complete -c trivet -n '__fish_seen_subcommand_from {}' -l {} -d {}\n",
                           command->get_name(), name, quoted(option->get_description()));
      }
    }
  }
  return out;
}

// Text for roff: a leading dot and backslashes mean something there.
std::string roff(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string man_options(const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option : command.get_options()) {
    std::string value = option->get_items_expected_max() > 0 ? " " + option->get_type_name() : "";
    if (!option->get_default_str().empty()) value += " (" + option->get_default_str() + ")";
    out += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(option->get_name(false, true)), roff(value),
                       roff(option->get_description()));
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "zsh") return zsh_completion(app);
  if (shell == "fish") return fish_completion(app);
  return bash_completion(app);
}

std::string man_page(const CLI::App& app) {
  std::string out = fmt::format(
      ".TH TRIVET 1 \"\" \"trivet {}\" \"Trivet\"\n.SH NAME\ntrivet \\- run and serve large "
      "models\n"
      ".SH SYNOPSIS\n.B trivet\n.I command\n.RI [ options ]\n.SH DESCRIPTION\n{}\n",
      kVersion, roff(app.get_description()));
  for (const CLI::App* command : commands_of(app)) {
    out +=
        fmt::format(".SH TRIVET {}\n{}\n", command->get_name(), roff(command->get_description()));
    out += man_options(*command);
    for (const CLI::App* inner : commands_of(*command)) {
      out += fmt::format(".SS {} {}\n{}\n", command->get_name(), inner->get_name(),
                         roff(inner->get_description()));
      out += man_options(*inner);
    }
    if (!command->get_footer().empty())
      out += ".PP\n.nf\n" + roff(command->get_footer()) + "\n.fi\n";
  }
  return out;
}

}  // namespace trivet
