#include "text/tokenizer.h"

#include "text/tokenizer_kinds.h"
#include "text/vocabulary_reading.h"

namespace trivet {

Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_json(std::string_view tokenizer_json) {
  return make_json_tokenizer(tokenizer_json);
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_vocabulary(const Vocabulary& vocabulary) {
  TRIVET_RETURN_IF_ERROR(check_vocabulary(vocabulary));
  if (vocabulary.model == "gpt2" || vocabulary.model == "gemma4") {
    return make_byte_pair_tokenizer(vocabulary);
  }
  if (vocabulary.model == "llama") return make_sentence_piece_tokenizer(vocabulary);
  return Error(ErrorCode::kUnimplemented, "tokenizer model '" + vocabulary.model +
                                              "' is not supported; gpt2, gemma4 and llama are. "
                                              "Give a tokenizer.json beside the model instead");
}

}  // namespace trivet
