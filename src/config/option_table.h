// All options of a command.
#ifndef TRIVET_CONFIG_OPTION_TABLE_H_
#define TRIVET_CONFIG_OPTION_TABLE_H_

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/option.h"

namespace trivet {

// A flag of another server that is understood here but not followed.
struct ForeignFlag {
  enum class Values { kNone, kOne, kMaybeOne, kMany };
  enum class Verdict {
    kIgnored,  // makes no sense here: one line of explanation, and on
    kRefused,  // leaving it out would change answers or weaken security: an error
  };
  std::string_view name;  // without dashes
  Values values = Values::kOne;
  std::string_view why;              // a sentence without its subject: "has one device."
  std::string_view short_flag = {};  // "-tp"
  Verdict verdict = Verdict::kIgnored;
};

class OptionTable {
 public:
  OptionTable() = default;
  OptionTable(const OptionTable&) = delete;
  OptionTable& operator=(const OptionTable&) = delete;

  // Later rows belong to the section.
  void begin_section(std::string title) { section_ = std::move(title); }
  // The target must outlive the table. The row stays where it is.
  Option& add(std::string name, Option::Target target, std::string help);
  // The flags must outlive the table.
  void add_foreign(std::span<const ForeignFlag> flags);

  const std::deque<Option>& options() const { return options_; }
  const std::vector<std::span<const ForeignFlag>>& foreign() const { return foreign_; }

  // By name, key, flag or alias; dashes and underscores are the same. Null = none.
  Option* find(std::string_view name);
  const Option* find(std::string_view name) const;
  const ForeignFlag* find_foreign(std::string_view name) const;
  // The best guess for a name that nothing has, as a flag or a key; empty = no idea.
  std::string nearest_flag(std::string_view name) const;
  std::string nearest_key(std::string_view name) const;

  // An error for a refused flag, else a line for the user in notices().
  Result<void> note_foreign(const ForeignFlag& flag, const std::string& as_written);
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  std::vector<std::string> names() const;
  std::deque<Option> options_;
  std::vector<std::span<const ForeignFlag>> foreign_;
  std::vector<std::string> notices_;
  std::string section_;
};

}  // namespace trivet

#endif  // TRIVET_CONFIG_OPTION_TABLE_H_
