#include "config/option_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "config/nearest_name.h"

namespace trivet {
namespace {

// "max_model_len" and "--max-model-len" -> "max-model-len".
std::string canonical(std::string_view name) {
  while (name.starts_with("-")) name.remove_prefix(1);
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

}  // namespace

Option& OptionTable::add(std::string name, Option::Target target, std::string help) {
  TRIVET_CHECK(find(name) == nullptr);
  Option& row = options_.emplace_back(std::move(name), target, std::move(help));
  row.section_ = section_;
  return row;
}

void OptionTable::add_foreign(std::span<const ForeignFlag> flags) { foreign_.push_back(flags); }

Option* OptionTable::find(std::string_view name) {
  return const_cast<Option*>(std::as_const(*this).find(name));
}

const Option* OptionTable::find(std::string_view name) const {
  const bool is_short = name.starts_with("-") && !name.starts_with("--");
  const std::string wanted = canonical(name);
  for (const Option& option : options_) {
    if (!is_short && option.name() == wanted) return &option;
    for (const std::string& alias : option.aliases()) {
      const bool alias_is_short = !alias.starts_with("--");
      if (is_short != alias_is_short) continue;
      if (is_short ? alias == name : canonical(alias) == wanted) return &option;
    }
  }
  return nullptr;
}

const ForeignFlag* OptionTable::find_foreign(std::string_view name) const {
  const bool is_short = name.starts_with("-") && !name.starts_with("--");
  const std::string wanted = canonical(name);
  for (const auto& flags : foreign_) {
    for (const ForeignFlag& flag : flags) {
      if (is_short ? flag.short_flag == name : flag.name == wanted) return &flag;
    }
  }
  return nullptr;
}

std::vector<std::string> OptionTable::names() const {
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back(option.name());
  for (const auto& flags : foreign_) {
    for (const ForeignFlag& flag : flags) names.emplace_back(flag.name);
  }
  return names;
}

std::string OptionTable::nearest_flag(std::string_view name) const {
  std::string wanted = canonical(name);
  const bool negated = wanted.starts_with("no-");
  if (negated) wanted.erase(0, 3);
  const std::string nearest = nearest_name(wanted, names());
  if (nearest.empty()) return nearest;
  const Option* option = find(nearest);
  return (negated && option != nullptr && option->is_flag() ? "--no-" : "--") + nearest;
}

std::string OptionTable::nearest_key(std::string_view name) const {
  std::string nearest = nearest_name(canonical(name), names());
  std::replace(nearest.begin(), nearest.end(), '-', '_');
  return nearest;
}

Result<void> OptionTable::note_foreign(const ForeignFlag& flag, const std::string& as_written) {
  if (flag.verdict == ForeignFlag::Verdict::kRefused) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", as_written, flag.why));
  }
  notices_.push_back(fmt::format("{} has no effect: {}", as_written, flag.why));
  return {};
}

}  // namespace trivet
