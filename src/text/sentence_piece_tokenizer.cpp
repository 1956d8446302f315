// SentencePiece's byte-pair model: pairs of neighbours that form a token are joined, highest score
// first, leftmost first among equals; characters that are no token become bytes. (Kudo & Richardson
// 2018.)

#include <array>
#include <limits>
#include <queue>

#include "text/tokenizer_kinds.h"
#include "text/utf8.h"
#include "text/vocabulary_reading.h"

namespace trivet {
namespace {

// The text as a list of symbols that grow together.
class Merger {
 public:
  Merger(std::string_view text, const TokenTable& table, const std::vector<float>& scores)
      : text_(text), table_(table), scores_(scores) {}

  // Calls emit(symbol text, its token or nothing) for each symbol of the result.
  template <class Emit>
  void run(Emit emit) {
    split_characters();
    for (int32_t i = 1; i < static_cast<int32_t>(symbols_.size()); ++i) add_pair(i - 1, i);
    while (!pairs_.empty()) {
      const Pair pair = pairs_.top();
      pairs_.pop();
      join(pair);
    }
    for (int32_t i = symbols_.empty() ? -1 : 0; i >= 0; i = symbols_[index(i)].next) {
      const Symbol& symbol = symbols_[index(i)];
      emit(text_.substr(symbol.begin, symbol.size), symbol.token);
    }
  }

 private:
  struct Symbol {
    size_t begin, size;      // size 0 = joined to its left neighbour
    int32_t previous, next;  // -1 = none
    TokenId token;
  };
  struct Pair {
    float score;
    int32_t left, right;
    size_t size;
    TokenId token;
    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  static size_t index(int32_t i) { return static_cast<size_t>(i); }

  TokenId find(std::string_view name) const {
    const auto id = table_.find(name);
    return id && scores_[index(*id)] != kNeverMerged ? *id : -1;
  }

  void split_characters() {
    for (size_t at = 0; at < text_.size();) {
      const size_t size =
          std::min(utf8_length(static_cast<unsigned char>(text_[at])), text_.size() - at);
      const auto i = static_cast<int32_t>(symbols_.size());
      const bool last = at + size == text_.size();
      symbols_.push_back({at, size, i - 1, last ? -1 : i + 1, find(text_.substr(at, size))});
      at += size;
    }
  }

  void add_pair(int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    const Symbol &a = symbols_[index(left)], &b = symbols_[index(right)];
    const TokenId token = find(text_.substr(a.begin, a.size + b.size));
    if (token >= 0) pairs_.push({scores_[index(token)], left, right, a.size + b.size, token});
  }

  void join(const Pair& pair) {
    Symbol &left = symbols_[index(pair.left)], &right = symbols_[index(pair.right)];
    // Symbols only grow: a pair with another size is one that is gone.
    if (left.size == 0 || right.size == 0 || left.size + right.size != pair.size) return;
    left.size = pair.size;
    left.token = pair.token;
    left.next = right.next;
    right.size = 0;
    if (left.next >= 0) symbols_[index(left.next)].previous = pair.left;
    add_pair(left.previous, pair.left);
    add_pair(pair.left, left.next);
  }

 public:
  // The score of tokens that no text may become: control tokens and bytes.
  static constexpr float kNeverMerged = -std::numeric_limits<float>::infinity();

 private:
  std::string_view text_;
  const TokenTable& table_;
  const std::vector<float>& scores_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Pair> pairs_;
};

std::string token_text(std::string_view name, TokenType type) {
  switch (type) {
    case TokenType::kUnused:
      return {};
    case TokenType::kByte:
      if (const auto byte = parse_byte_token(name)) return std::string(1, static_cast<char>(*byte));
      return std::string(name);
    case TokenType::kNormal:
      return spaces_from_marks(name);
    default:
      return std::string(name);
  }
}

class SentencePieceTokenizer final : public TableTokenizer {
 public:
  explicit SentencePieceTokenizer(const Vocabulary& vocabulary)
      : special_tokens_(collect_special_tokens(vocabulary)),
        ends_(read_text_ends(vocabulary, true)),
        unknown_(vocabulary.unknown.value_or(-1)),
        add_space_prefix_(vocabulary.add_space_prefix.value_or(true)) {
    const size_t count = vocabulary.tokens.size();
    scores_ = vocabulary.scores;
    scores_.resize(count, 0.0f);
    table_.reserve(count);
    for (size_t i = 0; i < count; ++i) add_token(vocabulary, static_cast<TokenId>(i));
    table_.index();
    for (unsigned byte = 0; byte < 256; ++byte) byte_tokens_[byte] = find_byte(byte);
  }

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    if (const auto bad = find_invalid_utf8(text)) {
      return Error(ErrorCode::kInvalidArgument,
                   "the text is not UTF-8: bad byte at offset " + std::to_string(*bad));
    }
    std::vector<TokenId> tokens;
    tokens.reserve(text.size() / 4 + 2);
    if (options.add_special_tokens && ends_.bos) tokens.push_back(*ends_.bos);
    bool after_special = true;
    for (const TextFragment& fragment :
         special_tokens_.split(text, !options.parse_special_tokens)) {
      if (fragment.token >= 0) {
        tokens.push_back(fragment.token);
      } else {
        encode_plain(fragment.text, add_space_prefix_ && after_special, tokens);
      }
      after_special = fragment.token >= 0;
    }
    if (options.add_special_tokens && ends_.eos) tokens.push_back(*ends_.eos);
    return tokens;
  }

  bool strips_leading_space() const override { return add_space_prefix_; }

  size_t memory_bytes() const override {
    return sizeof(*this) + table_.memory_bytes() + special_tokens_.memory_bytes() +
           scores_.capacity() * sizeof(float);
  }

 private:
  void add_token(const Vocabulary& vocabulary, TokenId id) {
    const auto i = static_cast<size_t>(id);
    const TokenType type = token_type(vocabulary, id);
    if (is_special_type(type) || type == TokenType::kByte) scores_[i] = Merger::kNeverMerged;
    table_.add(vocabulary.tokens[i], token_text(vocabulary.tokens[i], type), is_special_type(type));
  }

  TokenId find_byte(unsigned byte) const {
    constexpr char kHex[] = "0123456789ABCDEF";
    const char name[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    if (const auto id = table_.find(std::string_view(name, sizeof(name)))) return *id;
    const char raw = static_cast<char>(byte);
    return table_.find(std::string_view(&raw, 1)).value_or(unknown_);
  }

  void encode_plain(std::string_view text, bool prefix_space, std::vector<TokenId>& tokens) const {
    std::string marked = marks_from_spaces(text);
    if (prefix_space) marked.insert(0, marks_from_spaces(" "));
    Merger(marked, table_, scores_).run([&](std::string_view symbol, TokenId token) {
      if (token >= 0) {
        tokens.push_back(token);
        return;
      }
      for (const char byte : symbol) {
        const TokenId id = byte_tokens_[static_cast<unsigned char>(byte)];
        if (id >= 0) tokens.push_back(id);
      }
    });
  }

  SpecialTokens special_tokens_;
  TextEnds ends_;
  TokenId unknown_;
  bool add_space_prefix_;
  std::vector<float> scores_;  // by token; Merger::kNeverMerged for control tokens and bytes
  std::array<TokenId, 256> byte_tokens_{};  // -1 = the byte is lost
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_sentence_piece_tokenizer(const Vocabulary& vocabulary) {
  return std::unique_ptr<Tokenizer>(std::make_unique<SentencePieceTokenizer>(vocabulary));
}

}  // namespace trivet
