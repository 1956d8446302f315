// Configuration files: YAML, or JSON as a part of it.
#ifndef TRIVET_CONFIG_CONFIG_FILE_H_
#define TRIVET_CONFIG_CONFIG_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/option_table.h"

namespace trivet {

struct ConfigEntry {
  std::string key;
  std::vector<std::string> values;  // one, or those of a list; a nested map is one value, as JSON
  bool is_empty = false;            // "key:" without a value: leaves the default
  int line = 0;                     // from 1
};

// One map of keys to scalars, lists of scalars, or maps. kInvalidArgument with the line for
// anything else, for a key that comes twice and for files above 1 MiB; kNotFound for a file that
// cannot be read.
Result<std::vector<ConfigEntry>> parse_config(const std::string& text, const std::string& file);
Result<std::vector<ConfigEntry>> read_config_file(const std::string& file);

// Sets the options of the table. Keys are written with underscores or dashes. kInvalidArgument
// "FILE:LINE: key: ..." for the first one that is unknown or wrong.
Result<void> apply_config(OptionTable& table, const std::vector<ConfigEntry>& entries,
                          const std::string& file);

}  // namespace trivet

#endif  // TRIVET_CONFIG_CONFIG_FILE_H_
