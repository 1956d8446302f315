// Tables from the tensor names of a file format to the project's own.
#ifndef TRIVET_WEIGHTS_TENSOR_NAMES_H_
#define TRIVET_WEIGHTS_TENSOR_NAMES_H_

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace trivet {

// The file's name, the project's name.
using NamePair = std::pair<std::string_view, std::string_view>;

// The project's name; empty where the table lacks `name`.
template <size_t N>
std::string_view find_name(const std::array<NamePair, N>& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &NamePair::first);
  return found == table.end() ? std::string_view() : found->second;
}

// Only the shortest form of the number: "blk.07" must not become the same name as "blk.7".
inline bool is_layer_number(std::string_view text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits && !text.empty() && text.size() <= 5 && (text.size() == 1 || text[0] != '0');
}

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_TENSOR_NAMES_H_
