// What the formats must agree on about each architecture.
#ifndef TRIVET_WEIGHTS_ARCHITECTURE_H_
#define TRIVET_WEIGHTS_ARCHITECTURE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/families.h"
#include "weights/model_config.h"
#include "weights/model_source.h"

namespace trivet {

// Layer i of Gemma 3 sees everything when i + 1 is a multiple of `period`, else only the window.
std::vector<bool> every_nth_layer_is_global(int num_layers, int period);

// Bounds and consistency of the numbers of a known architecture. `file` is for messages.
Result<void> check_config(const ModelConfig& config, std::string_view file);

// Shapes of all tensors that have a canonical name against the configuration.
Result<void> check_shapes(const ModelConfig& config, std::span<const TensorView> tensors,
                          std::string_view file);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_ARCHITECTURE_H_
