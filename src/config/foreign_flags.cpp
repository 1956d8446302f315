#include "config/foreign_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace trivet {
namespace {

bool is_flag(const std::string& argument) {
  if (argument.size() < 2 || argument[0] != '-') return false;
  return std::isalpha(static_cast<unsigned char>(argument[argument[1] == '-' ? 2 : 1])) != 0;
}

// One flag of the command line in its parts.
struct Written {
  explicit Written(const std::string& argument) {
    const size_t equals = argument.find('=');
    name = argument.substr(0, equals);
    if (equals != std::string::npos) value = argument.substr(equals);
    if (name.starts_with("--")) std::replace(name.begin() + 2, name.end(), '_', '-');
  }
  std::string name;   // "--max-model-len", "-tp"
  std::string value;  // "=8" or empty
};

class Rewriter {
 public:
  Rewriter(const std::vector<std::string>& arguments, OptionTable& table,
           const std::vector<std::string>& also_known)
      : arguments_(arguments), table_(table), also_known_(also_known) {}

  Result<std::vector<std::string>> run() {
    for (at_ = 0; at_ < arguments_.size(); ++at_) {
      if (arguments_[at_] == "--") {
        out_.insert(out_.end(), arguments_.begin() + static_cast<ptrdiff_t>(at_), arguments_.end());
        break;
      }
      if (!is_flag(arguments_[at_])) {
        out_.push_back(arguments_[at_]);
        continue;
      }
      TRIVET_RETURN_IF_ERROR(take(Written(arguments_[at_])));
    }
    return std::move(out_);
  }

 private:
  Result<void> take(const Written& flag) {
    if (std::find(also_known_.begin(), also_known_.end(), flag.name) != also_known_.end()) {
      out_.push_back(flag.name + flag.value);
      return {};
    }
    if (const Option* option = table_.find(flag.name)) {
      out_.push_back(option->flag() + flag.value);
      return {};
    }
    const bool negated = flag.name.starts_with("--no-");
    const std::string positive = negated ? "--" + flag.name.substr(5) : flag.name;
    if (const Option* option = table_.find(positive); negated && option && option->is_flag()) {
      out_.push_back("--no-" + option->name() + flag.value);
      return {};
    }
    const ForeignFlag* foreign = table_.find_foreign(positive);
    const bool is_whole = foreign != nullptr;  // else perhaps with something attached
    if (!is_whole) foreign = find_by_stem(positive);
    if (foreign == nullptr) return unknown(flag.name);
    const bool has_value = !flag.value.empty() || negated || (!is_whole && flag.name[1] != '-');
    if (!has_value) skip_values(*foreign);
    return table_.note_foreign(*foreign, flag.name);
  }

  // "--compilation-config.level", and short flags with their value attached, as in "-O3".
  const ForeignFlag* find_by_stem(const std::string& name) const {
    if (name.starts_with("--")) return table_.find_foreign(name.substr(0, name.find('.')));
    const size_t digits = name.find_first_of("0123456789.");
    return digits == std::string::npos ? nullptr : table_.find_foreign(name.substr(0, digits));
  }

  void skip_values(const ForeignFlag& flag) {
    size_t most = 0;
    switch (flag.values) {
      case ForeignFlag::Values::kNone:
        most = 0;
        break;
      case ForeignFlag::Values::kOne:
      case ForeignFlag::Values::kMaybeOne:
        most = 1;
        break;
      case ForeignFlag::Values::kMany:
        most = arguments_.size();
        break;
    }
    for (; most > 0 && at_ + 1 < arguments_.size(); --most) {
      if (is_flag(arguments_[at_ + 1]) || arguments_[at_ + 1] == "--") return;
      ++at_;
    }
  }

  Result<void> unknown(const std::string& name) const {
    const std::string nearest = table_.nearest_flag(name);
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("there is no flag {}{}", name.substr(0, 80),
                    nearest.empty() ? "; --help lists all" : ", did you mean " + nearest + "?"));
  }

  const std::vector<std::string>& arguments_;
  OptionTable& table_;
  const std::vector<std::string>& also_known_;
  std::vector<std::string> out_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<std::string>> rewrite_flags(const std::vector<std::string>& arguments,
                                               OptionTable& table,
                                               const std::vector<std::string>& also_known) {
  return Rewriter(arguments, table, also_known).run();
}

}  // namespace trivet
