// One option: how it is written, what it may be, and the variable that it sets.
#ifndef TRIVET_CONFIG_OPTION_H_
#define TRIVET_CONFIG_OPTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace trivet {

enum class ValueSource { kDefault, kFile, kFlag };

// A row of an OptionTable. The value that the variable has when the row is made is the default.
class Option {
 public:
  using Target =
      std::variant<bool*, int*, uint64_t*, double*, std::string*, std::vector<std::string>*>;
  // `name` as in the flag, without dashes: "max-model-len" is --max-model-len and max_model_len.
  Option(std::string name, Target target, std::string help);

  // --- describing it ---
  Option& range(double least, double most);
  Option& choices(std::vector<std::string> words);
  // A word that stands for a value: "auto" for "0".
  Option& word(std::string word, std::string value);
  // Integers may end in k, m, g (1000s) or K, M, G (1024s): "32k".
  Option& counts();
  Option& value_name(std::string name);     // "FILE"; default by type
  Option& existing_file();                  // the value must name a file
  Option& secret();                         // never shown
  Option& shown_default(std::string text);  // instead of the variable's value
  Option& alias(std::string flag);          // another flag, with its dashes: "--ctx-size", "-c"
  Option& elsewhere(std::string note);      // how other servers call it, or how it differs
  Option& positional();                     // also the first argument without a flag

  const std::string& name() const { return name_; }
  std::string flag() const { return "--" + name_; }
  std::string key() const;  // of configuration files: max_model_len
  const std::string& help() const { return help_; }
  const std::string& section() const { return section_; }
  const std::string& note() const { return note_; }
  const std::vector<std::string>& aliases() const { return aliases_; }
  bool is_flag() const { return std::holds_alternative<bool*>(target_); }
  bool is_list() const { return std::holds_alternative<std::vector<std::string>*>(target_); }
  bool is_positional() const { return positional_; }
  std::string value_text() const;  // "***" for a secret that is set
  std::string default_text() const { return default_text_; }
  std::string type_text() const;    // "true or false", "0 to 65535", "auto or reference", ...
  std::string placeholder() const;  // what stands for the value in help: "N", "FILE"
  // The value as JSON.
  std::string value_json() const;

  ValueSource source() const { return source_; }
  std::string source_text() const;  // "default", "FILE:3", "--port"

  // Checks and stores. One value, or for lists any number; a list also takes one JSON array.
  // kInvalidArgument without a name: the caller knows how the user wrote it. Nothing changes then.
  Result<void> set(const std::vector<std::string>& values, ValueSource source, std::string where);

 private:
  friend class OptionTable;
  Result<void> store(bool* target, const std::string& value);
  Result<void> store(int* target, const std::string& value);
  Result<void> store(uint64_t* target, const std::string& value);
  Result<void> store(double* target, const std::string& value);
  Result<void> store(std::string* target, const std::string& value);
  Result<void> set_list(std::vector<std::string>* target, const std::vector<std::string>& values);
  Result<int64_t> parse_integer(const std::string& text) const;
  Result<void> check_word(const std::string& value) const;
  Error refuse(const std::string& value) const;

  std::string name_;
  Target target_;
  std::string help_, section_, note_, value_name_, default_text_;
  std::vector<std::string> aliases_, choices_;
  std::vector<std::pair<std::string, std::string>> words_;
  std::optional<std::pair<double, double>> range_;
  bool counts_ = false, existing_file_ = false, secret_ = false, positional_ = false;
  ValueSource source_ = ValueSource::kDefault;
  std::string where_;
};

}  // namespace trivet

#endif  // TRIVET_CONFIG_OPTION_H_
