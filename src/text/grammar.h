// Grammars that constrain what a model writes: JSON schemas, regular expressions, Lark grammars.
#ifndef TRIVET_TEXT_GRAMMAR_H_
#define TRIVET_TEXT_GRAMMAR_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace trivet {

enum class GrammarKind { kJsonSchema, kRegex, kLark };

// The state of one sequence inside a grammar. One thread at a time. A grammar that runs into one of
// its limits fails from then on, with kInvalidArgument; end the sequence then.
class Grammar {
 public:
  virtual ~Grammar();

  // Bit t % 32 of mask[t / 32] says whether token t may come next; bits beyond the vocabulary are
  // 0. Where nothing but the end may follow, the end tokens are allowed.
  virtual Result<void> fill_mask(std::span<uint32_t> mask) = 0;

  // Takes the tokens up to the first that is not allowed and returns how many that were.
  virtual Result<size_t> accept(std::span<const TokenId> tokens) = 0;

  // Undoes the last `count` accepted tokens, as after rejected speculation.
  virtual Result<void> rollback(size_t count) = 0;

  // An independent copy in the same state, for another thread too.
  virtual Result<std::unique_ptr<Grammar>> clone() const = 0;

  // The text may end here.
  virtual Result<bool> is_accepting() = 0;

  // Nothing may follow, or an end token was accepted.
  virtual Result<bool> is_terminated() const = 0;

  // The bytes that must come next whatever the model says; empty where there is a choice.
  virtual Result<std::string> forced_bytes() = 0;

  // Takes the token if the text can then be completed within `remaining` more tokens, the end token
  // not counted. Else the state is as it was. A grammar that cannot close never says kTooLong.
  enum class Offer { kForbidden, kAccepted, kTooLong };
  virtual Result<Offer> accept_within(TokenId token, int remaining) = 0;

  // A few tokens that complete the text, without the end token; kUnimplemented if none are known.
  virtual Result<std::vector<TokenId>> closing() = 0;

  // Whether completions are known at all. Not for Lark grammars with lookaheads, parameters, or
  // limits and temperatures of their own.
  virtual bool can_close() const = 0;
};

// Compiles grammars for one vocabulary. Made once per model (it walks the vocabulary: about a
// second for 150,000 tokens), thread-safe afterwards; grammars may outlive it.
class GrammarCompiler {
 public:
  // `end_tokens`: what ends a sequence, at least one.
  static Result<std::unique_ptr<GrammarCompiler>> create(const Tokenizer& tokenizer,
                                                         std::span<const TokenId> end_tokens);
  virtual ~GrammarCompiler();

  // The grammar at the start of a sequence. Grammars are hostile input: their size and the work per
  // token are bounded. What is wrong with one is said in kInvalidArgument.
  virtual Result<std::unique_ptr<Grammar>> compile(GrammarKind kind,
                                                   std::string_view source) const = 0;

  // The same, kept for the next request with the same grammar; clone() it for a sequence.
  virtual Result<std::shared_ptr<const Grammar>> compile_shared(GrammarKind kind,
                                                                std::string_view source) const = 0;
};

}  // namespace trivet

#endif  // TRIVET_TEXT_GRAMMAR_H_
