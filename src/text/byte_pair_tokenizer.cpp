#include "text/byte_alphabet.h"
#include "text/pre_tokenizers.h"
#include "text/rust_text.h"
#include "text/tokenizer_kinds.h"
#include "text/vocabulary_reading.h"

namespace trivet {
namespace {

using EncoderHandle = std::unique_ptr<TrivetTextTokenizer, RustFree<trivet_text_tokenizer_free>>;

std::string token_text(std::string_view name, TokenType type, bool byte_level) {
  switch (type) {
    case TokenType::kUnused:
      return {};
    case TokenType::kByte:
      if (const auto byte = parse_byte_token(name)) return std::string(1, static_cast<char>(*byte));
      return std::string(name);
    case TokenType::kNormal:
      if (!byte_level) return spaces_from_marks(name);
      return bytes_from_alphabet(name).value_or(std::string(name));
    default:
      return std::string(name);
  }
}

class BytePairTokenizer final : public TableTokenizer {
 public:
  BytePairTokenizer(const Vocabulary& vocabulary, const PreTokenizer& pre, EncoderHandle handle)
      : handle_(std::move(handle)),
        special_tokens_(collect_special_tokens(vocabulary)),
        ends_(read_text_ends(vocabulary, pre.add_bos)),
        escape_spaces_(pre.escape_spaces),
        merge_count_(vocabulary.merges.size()) {
    table_.reserve(vocabulary.tokens.size());
    for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
      const std::string& name = vocabulary.tokens[i];
      const TokenType type = token_type(vocabulary, static_cast<TokenId>(i));
      table_.add(name, token_text(name, type, pre.byte_level), is_special_type(type));
    }
    table_.index();
  }

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    std::vector<TokenId> tokens;
    tokens.reserve(text.size() / 4 + 2);
    if (options.add_special_tokens && ends_.bos) tokens.push_back(*ends_.bos);
    for (const TextFragment& fragment :
         special_tokens_.split(text, !options.parse_special_tokens)) {
      if (fragment.token >= 0) {
        tokens.push_back(fragment.token);
      } else {
        TRIVET_RETURN_IF_ERROR(encode_plain(fragment.text, tokens));
      }
    }
    if (options.add_special_tokens && ends_.eos) tokens.push_back(*ends_.eos);
    return tokens;
  }

  size_t memory_bytes() const override {
    return sizeof(*this) + table_.memory_bytes() + special_tokens_.memory_bytes() +
           library_bytes(merge_count_);
  }

 private:
  Result<void> encode_plain(std::string_view text, std::vector<TokenId>& tokens) const {
    std::string escaped;
    if (escape_spaces_) text = escaped = marks_from_spaces(text);
    TrivetTextIds ids{};
    TrivetTextBytes error{};
    const int32_t status =
        trivet_text_tokenizer_encode(handle_.get(), rust_slice(text), false, false, &ids, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    tokens.insert(tokens.end(), ids.data, ids.data + ids.size);
    trivet_text_free_ids(ids);
    return {};
  }

  EncoderHandle handle_;
  SpecialTokens special_tokens_;
  TextEnds ends_;
  bool escape_spaces_;
  size_t merge_count_;
};

StringList string_list(const std::vector<std::string>& strings) {
  size_t bytes = 0;
  for (const std::string& string : strings) bytes += string.size();
  StringList list;
  list.reserve(strings.size(), bytes);
  for (const std::string& string : strings) list.add(string);
  return list;
}

Result<EncoderHandle> make_encoder(const Vocabulary& vocabulary, const PreTokenizer& pre) {
  const StringList tokens = string_list(vocabulary.tokens), merges = string_list(vocabulary.merges);
  StringList patterns;
  for (const char* pattern : pre.patterns) patterns.add(pattern);
  const TrivetTextBytePairs spec = {tokens.view(),  merges.view(),   patterns.view(),
                                    pre.byte_level, !pre.byte_level, pre.ignore_merges};
  TrivetTextTokenizer* handle = nullptr;
  TrivetTextBytes error{};
  const int32_t status = trivet_text_tokenizer_from_byte_pairs(&spec, &handle, &error);
  if (status != TRIVET_TEXT_OK) return rust_error(status, error).with_context("vocabulary");
  return EncoderHandle(handle);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_byte_pair_tokenizer(const Vocabulary& vocabulary) {
  const std::string& name = vocabulary.model == "gemma4" ? vocabulary.model : vocabulary.pre;
  const PreTokenizer* pre = find_pre_tokenizer(name);
  if (pre == nullptr) {
    return Error(ErrorCode::kUnimplemented,
                 "pre-tokenizer '" + name +
                     "' (tokenizer.ggml.pre) is not known. Give a tokenizer.json "
                     "beside the model instead");
  }
  size_t merge_bytes = 0;
  for (const std::string& merge : vocabulary.merges) merge_bytes += merge.size();
  if (merge_bytes > size_t{1} << 30) {
    return Error(ErrorCode::kInvalidArgument, "vocabulary: the merges exceed 1 GiB");
  }
  TRIVET_ASSIGN_OR_RETURN(EncoderHandle handle, make_encoder(vocabulary, *pre));
  return std::unique_ptr<Tokenizer>(
      std::make_unique<BytePairTokenizer>(vocabulary, *pre, std::move(handle)));
}

}  // namespace trivet
