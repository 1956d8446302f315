// Writes Lark grammars for one vocabulary.
#ifndef TRIVET_DIALECTS_LARK_WRITER_H_
#define TRIVET_DIALECTS_LARK_WRITER_H_

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace trivet {

class LarkWriter {
 public:
  explicit LarkWriter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // Exactly this text; marks that are control tokens of the vocabulary become these tokens.
  std::string literal(std::string_view text) const;
  // Any text up to and with `mark`.
  std::string until(std::string_view mark);
  // Any text without control tokens.
  static std::string any_text() { return "ANY_TEXT"; }

  // A rule with the body; returns its name. Rules without a name of their own are numbered.
  std::string add(std::string_view body);
  void add_named(std::string_view name, std::string_view body);
  bool has(std::string_view name) const;

  // The grammar that begins with the rule body `start`.
  std::string source(std::string_view start) const;

 private:
  struct Piece {
    std::string_view text;
    bool is_token = false;
    TokenId token = 0;
  };
  std::vector<Piece> split(std::string_view text) const;
  static std::string joined(const Piece* begin, const Piece* end);

  const Tokenizer& tokenizer_;
  std::string rules_;
  int count_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_DIALECTS_LARK_WRITER_H_
