#include "engine/live_names.h"

#include <algorithm>

namespace trivet {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// "chatcmpl-42-0" -> "chatcmpl-42": a call numbers its requests.
std::string_view without_number(std::string_view id) {
  const size_t dash = id.rfind('-');
  if (dash == std::string_view::npos || dash + 1 == id.size()) return id;
  const std::string_view number = id.substr(dash + 1);
  return std::all_of(number.begin(), number.end(), is_digit) ? id.substr(0, dash) : id;
}

// "chatcmpl-42" -> "42", "msg_42" -> "42".
std::string_view without_prefix(std::string_view id) {
  const auto end = std::find_if_not(id.begin(), id.end(), is_letter);
  if (end == id.begin() || end == id.end() || (*end != '-' && *end != '_')) return id;
  return id.substr(static_cast<size_t>(end - id.begin()) + 1);
}

}  // namespace

void LiveNames::insert(const EngineRequest& request) {
  names_.emplace(request.id, Names{request.label, request.tenant});
}

bool LiveNames::means(std::string_view call, std::string_view id, const Names& names) {
  if (call.empty()) return false;
  const std::string_view base = without_number(id);
  return call == id || call == base || call == without_prefix(base) || call == names.label;
}

std::vector<std::string> LiveNames::of_calls(const std::vector<std::string>& calls,
                                             const std::string* tenant) const {
  std::vector<std::string> ids;
  for (const auto& [id, names] : names_) {
    if (tenant != nullptr && *tenant != names.tenant) continue;
    const bool meant =
        calls.empty() || std::any_of(calls.begin(), calls.end(),
                                     [&](const auto& call) { return means(call, id, names); });
    if (meant) ids.push_back(id);
  }
  return ids;
}

}  // namespace trivet
