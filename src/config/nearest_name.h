// What a mistyped name probably meant.
#ifndef TRIVET_CONFIG_NEAREST_NAME_H_
#define TRIVET_CONFIG_NEAREST_NAME_H_

#include <string>
#include <string_view>
#include <vector>

namespace trivet {

// The candidate with the smallest edit distance (a swap of neighbours counts as one edit), or empty
// if none is closer than about a third of the name. A candidate that begins with the name, or is
// begun by it, counts as close. Earlier candidates win ties.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace trivet

#endif  // TRIVET_CONFIG_NEAREST_NAME_H_
