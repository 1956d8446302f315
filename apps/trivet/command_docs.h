// Shell completion and the man page, made from the same table of commands and options that parses
// them.
#ifndef TRIVET_APPS_COMMAND_DOCS_H_
#define TRIVET_APPS_COMMAND_DOCS_H_

#include <string>

namespace CLI {
class App;
}

namespace trivet {

// `shell`: "bash", "zsh" or "fish".
std::string completion_script(const CLI::App& app, const std::string& shell);
std::string man_page(const CLI::App& app);  // roff

}  // namespace trivet

#endif  // TRIVET_APPS_COMMAND_DOCS_H_
