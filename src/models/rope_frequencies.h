// Frequencies of rotary position embeddings.
#ifndef TRIVET_MODELS_ROPE_FREQUENCIES_H_
#define TRIVET_MODELS_ROPE_FREQUENCIES_H_

#include <span>
#include <vector>

#include "weights/model_config.h"

namespace trivet {

struct RopeFrequencies {
  std::vector<float> inv_freq;  // [rotary_dim / 2]: angle per position
  float magnitude = 1.0f;       // of cosines and sines
};

// theta^(-2 i / rotary_dim), changed by the scaling of the configuration (formulas: Hugging Face
// modeling_rope_utils; llama3: Llama 3.1; yarn: arXiv 2309.00071). `factors`: divisors from the
// file, of each frequency, or empty. Rounded to float32 as Hugging Face does.
RopeFrequencies rope_frequencies(const RopeConfig& config, std::span<const float> factors);

}  // namespace trivet

#endif  // TRIVET_MODELS_ROPE_FREQUENCIES_H_
