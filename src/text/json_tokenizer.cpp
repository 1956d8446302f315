#include <string>
#include <vector>

#include "text/rust_text.h"
#include "text/tokenizer_kinds.h"

namespace trivet {
namespace {

using TokenizerHandle = std::unique_ptr<TrivetTextTokenizer, RustFree<trivet_text_tokenizer_free>>;

std::vector<uint32_t> to_rust_tokens(std::span<const TokenId> tokens) {
  return std::vector<uint32_t>(tokens.begin(), tokens.end());
}

class JsonTokenizer final : public TableTokenizer {
 public:
  explicit JsonTokenizer(TokenizerHandle handle) : handle_(std::move(handle)) {}

  Result<void> read_tokens() {
    TrivetTextTokenTable table{};
    TrivetTextBytes error{};
    if (const int32_t status = trivet_text_tokenizer_tokens(handle_.get(), &table, &error);
        status != 0) {
      return rust_error(status, error);
    }
    const std::string names = take_bytes(table.names), pieces = take_bytes(table.pieces);
    const std::string flags = take_bytes(table.flags);
    const std::vector<uint32_t> name_ends = take_ids(table.name_ends);
    const std::vector<uint32_t> piece_ends = take_ids(table.piece_ends);
    by_piece_ = table.by_piece != 0;
    strips_leading_space_ = table.strips_leading_space != 0;
    table_.reserve(flags.size());
    for (size_t i = 0, name = 0, piece = 0; i < flags.size(); ++i) {
      table_.add(std::string_view(names).substr(name, name_ends[i] - name),
                 std::string_view(pieces).substr(piece, piece_ends[i] - piece),
                 (flags[i] & TRIVET_TEXT_TOKEN_SPECIAL) != 0);
      name = name_ends[i], piece = piece_ends[i];
    }
    table_.index();
    return {};
  }

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    TrivetTextIds ids{};
    TrivetTextBytes error{};
    const int32_t status =
        trivet_text_tokenizer_encode(handle_.get(), rust_slice(text), options.add_special_tokens,
                                     options.parse_special_tokens, &ids, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    const std::vector<uint32_t> tokens = take_ids(ids);
    // A post-processor names the ids that it adds itself; the library believes it.
    for (const uint32_t token : tokens) {
      if (token >= static_cast<uint32_t>(vocab_size())) {
        return Error(ErrorCode::kInvalidArgument,
                     "tokenizer.json: the post-processor adds token " + std::to_string(token) +
                         ", but the vocabulary has " + std::to_string(vocab_size()) + " tokens");
      }
    }
    return std::vector<TokenId>(tokens.begin(), tokens.end());
  }

  Result<std::string> decode(std::span<const TokenId> tokens,
                             bool skip_special_tokens) const override {
    if (by_piece_) return TableTokenizer::decode(tokens, skip_special_tokens);
    const std::vector<uint32_t> ids = to_rust_tokens(tokens);
    TrivetTextBytes text{}, error{};
    const int32_t status = trivet_text_tokenizer_decode(handle_.get(), ids.data(), ids.size(),
                                                        skip_special_tokens, &text, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return take_bytes(text);
  }

  bool strips_leading_space() const override { return strips_leading_space_; }

  // About one merge for each token; reading JSON leaves gaps in the heap: a quarter more, as
  // measured.
  size_t memory_bytes() const override {
    const size_t library = library_bytes(static_cast<size_t>(table_.size()));
    return sizeof(*this) + table_.memory_bytes() + library + library / 4;
  }

 private:
  TokenizerHandle handle_;
  bool by_piece_ = true;
  bool strips_leading_space_ = false;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_json_tokenizer(std::string_view tokenizer_json) {
  TrivetTextTokenizer* handle = nullptr;
  TrivetTextBytes error{};
  const int32_t status =
      trivet_text_tokenizer_from_json(rust_slice(tokenizer_json), &handle, &error);
  if (status != TRIVET_TEXT_OK) return rust_error(status, error);
  auto tokenizer = std::make_unique<JsonTokenizer>(TokenizerHandle(handle));
  TRIVET_RETURN_IF_ERROR(tokenizer->read_tokens());
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace trivet
