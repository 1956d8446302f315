#include "weights/families.h"

#include <algorithm>
#include <array>

namespace trivet {
namespace {

// type, architecture, head size, heads, key/value heads, vocabulary, context, tied embeddings
constexpr std::array kFamilies = {
    Family{"llama", "llama", 0, 0, 0, 32000, 2048, false},
    // Mistral is a llama whose layers all have a window.
    Family{"mistral", "llama", 0, 0, 8, 32000, 131072, false},
    Family{"qwen2", "qwen2", 0, 0, 0, 151936, 32768, false},
    Family{"gemma3", "gemma3", 256, 8, 4, 262208, 131072, true},
    Family{"gemma3_text", "gemma3", 256, 8, 4, 262208, 131072, true},
};

}  // namespace

Family family_of(std::string_view model_type) {
  const auto found = std::ranges::find(kFamilies, model_type, &Family::model_type);
  return found != kFamilies.end() ? *found
                                  : Family{.model_type = model_type, .architecture = model_type};
}

bool is_known_architecture(std::string_view architecture) {
  return std::ranges::find(kFamilies, architecture, &Family::architecture) != kFamilies.end();
}

}  // namespace trivet
