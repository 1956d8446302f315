#include <algorithm>

#include "text/tokenizer.h"
#include "text/utf8.h"

namespace trivet {

TextStream::TextStream(const Tokenizer& tokenizer, std::span<const TokenId> context,
                       bool skip_special_tokens)
    : tokenizer_(&tokenizer),
      skip_special_tokens_(skip_special_tokens),
      strip_leading_space_(tokenizer.strips_leading_space()) {
  const auto gives_text = [&](TokenId token) {
    return !(skip_special_tokens_ && tokenizer.is_special(token)) &&
           !tokenizer.token_bytes(token).empty();
  };
  if (std::ranges::any_of(context, gives_text)) strip_leading_space_ = false;
}

std::string TextStream::push(TokenId token) {
  std::string text;
  if (skip_special_tokens_ && tokenizer_->is_special(token)) return text;
  pending_.append(tokenizer_->token_bytes(token));
  if (strip_leading_space_ && !pending_.empty()) {
    strip_leading_space_ = false;
    if (pending_.front() == ' ') pending_.erase(0, 1);
  }
  pending_.erase(0, append_utf8(pending_, false, text));
  return text;
}

std::string TextStream::finish() {
  std::string text;
  append_utf8(pending_, true, text);
  pending_.clear();
  return text;
}

}  // namespace trivet
