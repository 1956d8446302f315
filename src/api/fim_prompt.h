// Fill in the middle: prompts for models that learned to write between a prefix and a suffix.
#ifndef TRIVET_API_FIM_PROMPT_H_
#define TRIVET_API_FIM_PROMPT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace trivet {

// The marks of such a model, found by name in its vocabulary.
struct FimTokens {
  TokenId prefix, suffix, middle;
  std::optional<TokenId> repository, file;  // for further files before the one that is filled in
  bool suffix_first = false;                // the suffix comes before the prefix
  std::vector<TokenId> ends;  // besides the model's own: an answer ends at any of them
};

// Absent: the model did not learn it.
std::optional<FimTokens> find_fim_tokens(const Tokenizer& tokenizer);

struct FimFile {
  std::string name = "file";
  std::string text;
};

struct FimText {
  std::string prefix, suffix;
  std::string start_of_answer;  // goes behind the prefix
  std::vector<FimFile> files;   // context from the rest of the project, the most important last
};

// The prompt for an answer of up to `answer_tokens`, but at most half of the context. What does not
// fit the context is left out: the start of the prefix, the end of the suffix (the prefix gets
// three quarters of the room), and the first files.
Result<std::vector<TokenId>> fim_prompt(const FimText& text, const FimTokens& marks,
                                        int answer_tokens, const ServedModel& model);

}  // namespace trivet

#endif  // TRIVET_API_FIM_PROMPT_H_
