// The model families that the readers of weights know: one row each in families.cpp.
#ifndef TRIVET_WEIGHTS_FAMILIES_H_
#define TRIVET_WEIGHTS_FAMILIES_H_

#include <string_view>

namespace trivet {

// `model_type` of config.json to an architecture, with what the family's configuration class of
// transformers assumes where the file says nothing.
struct Family {
  std::string_view model_type;
  std::string_view architecture;  // the name in models/catalog.cpp and in GGUF files
  int head_dim = 0;               // 0 = hidden size / heads
  int num_heads = 0;
  int num_kv_heads = 0;  // 0 = num_heads
  int vocab_size = 0;
  int context_length = 0;
  bool tied_embeddings = false;
};

// A family that is not in the table is its own architecture, without defaults.
Family family_of(std::string_view model_type);

// True for the families of the table: their tensors are checked against the configuration when
// opened.
bool is_known_architecture(std::string_view architecture);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_FAMILIES_H_
