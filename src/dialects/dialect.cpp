#include "dialects/dialect.h"

#include <algorithm>

namespace trivet {
namespace {

bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

template <class Row>
const Row* row_named(std::span<const Row> rows, std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name || (!name.empty() && lists(row.also_named, name))) return &row;
  }
  return nullptr;
}

bool shows(std::string_view source, const Dialect& dialect) {
  const auto stands = [&](std::string_view text) { return source.find(text) != source.npos; };
  return !dialect.evidence[0].empty() && std::ranges::all_of(dialect.evidence, stands);
}

}  // namespace

const Dialect& find_dialect(std::string_view chat_template_source) {
  for (const Dialect& dialect : all_dialects()) {
    if (shows(chat_template_source, dialect)) return dialect;
  }
  return *dialect_named("plain");
}

const ReasoningStyle* find_reasoning(std::string_view chat_template_source) {
  for (const ReasoningStyle& style : all_reasoning_styles()) {
    if (chat_template_source.find(style.evidence) != std::string_view::npos) return &style;
  }
  return nullptr;
}

const Dialect* dialect_named(std::string_view name) { return row_named(all_dialects(), name); }

const ReasoningStyle* reasoning_named(std::string_view name) {
  return row_named(all_reasoning_styles(), name);
}

const Dialect& generic_dialect() { return *dialect_named("generic"); }

}  // namespace trivet
