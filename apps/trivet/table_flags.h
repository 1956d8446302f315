// Options of a table as flags of a command, and the order in which values win.
#ifndef TRIVET_APPS_TABLE_FLAGS_H_
#define TRIVET_APPS_TABLE_FLAGS_H_

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/option_table.h"

namespace CLI {
class App;
}

namespace trivet {

// The values that flags gave, in order; they count only when apply_flags() is called.
struct GivenFlags {
  std::vector<std::pair<Option*, std::vector<std::string>>> values;
};

// Adds a flag for each row. All three must outlive the parsing.
void add_flags(CLI::App& command, OptionTable& table, GivenFlags& given);

// Sets the options: the file's first, if one is named, then the flags. Errors name the flag or the
// line.
Result<void> apply_flags(OptionTable& table, const GivenFlags& given,
                         const std::string& config_file);

// The flags of the command, with their dashes.
std::vector<std::string> flags_of(const CLI::App& command);
// For each flag that a parsed command line left over: a note with the one that was probably meant.
void suggest_flags(const CLI::App& app);

}  // namespace trivet

#endif  // TRIVET_APPS_TABLE_FLAGS_H_
