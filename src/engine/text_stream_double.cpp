#include "text/tokenizer.h"

namespace trivet {

TextStream::TextStream(const Tokenizer& tokenizer, std::span<const TokenId>, bool skip)
    : tokenizer_(&tokenizer), skip_special_tokens_(skip), strip_leading_space_(false) {}

static size_t whole(const std::string& s) {
  size_t back = 0;
  while (back < s.size() && back < 4) {
    unsigned char c = static_cast<unsigned char>(s[s.size() - 1 - back]);
    ++back;
    if (c < 0x80) return s.size();
    if (c >= 0xc0) {
      size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      return back >= need ? s.size() : s.size() - back;
    }
  }
  return s.size();
}

static std::string repair(const std::string& s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    unsigned char c = static_cast<unsigned char>(s[i]);
    size_t need = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
    size_t have = 1;
    while (have < need && i + have < s.size() &&
           (static_cast<unsigned char>(s[i + have]) & 0xc0) == 0x80)
      ++have;
    if (need != 0 && have == need) {
      out += s.substr(i, need);
    } else {
      out += "\xef\xbf\xbd";
    }
    i += have;
  }
  return out;
}

std::string TextStream::push(TokenId token) {
  if (skip_special_tokens_ && tokenizer_->is_special(token)) return {};
  pending_ += tokenizer_->token_bytes(token);
  size_t end = whole(pending_);
  std::string text = repair(pending_.substr(0, end));
  pending_.erase(0, end);
  return text;
}

std::string TextStream::finish() {
  std::string text = repair(pending_);
  pending_.clear();
  return text;
}

}  // namespace trivet
