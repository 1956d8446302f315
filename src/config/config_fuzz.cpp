// Any bytes as a configuration file: options that are set, or an error with file and line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config_file.h"
#include "config/option_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto entries = trivet::parse_config(text, "f");
  if (!entries) {
    if (!entries.error().message().starts_with("f:")) __builtin_trap();
    return 0;
  }
  std::string word;
  int number = 0;
  double share = 0;
  bool flag = false;
  std::vector<std::string> list;
  trivet::OptionTable table;
  table.begin_section("Any");
  table.add("word", &word, "A word");
  table.add("number", &number, "A number").range(0, 100);
  table.add("share", &share, "A share");
  table.add("flag", &flag, "A flag");
  table.add("list", &list, "A list");
  const auto applied = trivet::apply_config(table, *entries, "f");
  if (!applied && !applied.error().message().starts_with("f:")) __builtin_trap();
  return 0;
}
