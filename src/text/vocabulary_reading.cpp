#include "text/vocabulary_reading.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "text/utf8.h"

namespace trivet {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

constexpr auto kControlNames = std::to_array<std::string_view>({
    // end of a turn or a text
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
    // fill in the middle
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<｜fim▁begin｜>",
    "<PRE>",
    "▁<PRE>",
    "<|code_prefix|>",
    "<|prefix|>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<｜fim▁hole｜>",
    "<SUF>",
    "▁<SUF>",
    "<|code_suffix|>",
    "<|suffix|>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<｜fim▁end｜>",
    "<MID>",
    "▁<MID>",
    "<|code_middle|>",
    "<|middle|>",
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
});

bool has_control_name(std::string_view name) {
  return !name.empty() && name.size() <= 24 &&
         std::ranges::find(kControlNames, name) != kControlNames.end();
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  result.reserve(text.size() + text.size() / 4);
  for (size_t at = 0;;) {
    const size_t next = text.find(from, at);
    result.append(text.substr(at, next - at));
    if (next == std::string_view::npos) return result;
    result.append(to);
    at = next + from.size();
  }
}

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Result<void> check_id(const std::optional<TokenId>& id, const char* what, size_t count) {
  if (id && (*id < 0 || static_cast<size_t>(*id) >= count)) {
    return invalid(std::string("vocabulary: ") + what + " token " + std::to_string(*id) +
                   " is not among the " + std::to_string(count) + " tokens");
  }
  return {};
}

}  // namespace

Result<void> check_vocabulary(const Vocabulary& vocabulary) {
  const size_t count = vocabulary.tokens.size();
  if (count == 0) return invalid("vocabulary: no tokens");
  if (count > TokenTable::kMaxTokens) {
    return invalid("vocabulary: " + std::to_string(count) + " tokens, at most " +
                   std::to_string(TokenTable::kMaxTokens) + " are supported");
  }
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += vocabulary.tokens[i].size();
    if (find_invalid_utf8(vocabulary.tokens[i])) {
      return invalid("vocabulary: the name of token " + std::to_string(i) + " is not UTF-8");
    }
  }
  if (bytes > size_t{1} << 30) return invalid("vocabulary: the names of the tokens exceed 1 GiB");
  const auto fits = [&](size_t size) { return size == 0 || size == count; };
  if (!fits(vocabulary.types.size()) || !fits(vocabulary.scores.size())) {
    return invalid("vocabulary: " + std::to_string(count) + " tokens, but " +
                   std::to_string(vocabulary.types.size()) + " types and " +
                   std::to_string(vocabulary.scores.size()) + " scores");
  }
  const auto not_number =
      std::ranges::find_if(vocabulary.scores, [](float s) { return std::isnan(s); });
  if (not_number != vocabulary.scores.end()) {
    return invalid("vocabulary: the score of token " +
                   std::to_string(not_number - vocabulary.scores.begin()) + " is not a number");
  }
  TRIVET_RETURN_IF_ERROR(check_id(vocabulary.bos, "BOS", count));
  TRIVET_RETURN_IF_ERROR(check_id(vocabulary.eos, "EOS", count));
  TRIVET_RETURN_IF_ERROR(check_id(vocabulary.unknown, "unknown", count));
  return {};
}

TokenType token_type(const Vocabulary& vocabulary, TokenId id) {
  const auto i = static_cast<size_t>(id);
  // Gemma 4 has "</s>" as plain text, a closing HTML tag.
  const bool plain = vocabulary.model == "gemma4" && vocabulary.tokens[i] == "</s>";
  if (!plain && has_control_name(vocabulary.tokens[i])) return TokenType::kControl;
  return vocabulary.types.empty() ? TokenType::kNormal : vocabulary.types[i];
}

bool is_special_type(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

std::optional<unsigned char> parse_byte_token(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name.back() != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : name.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'A' && c <= 'F') && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return static_cast<unsigned char>(value);
}

std::string spaces_from_marks(std::string_view text) { return replaced(text, kSpaceMark, " "); }

std::string marks_from_spaces(std::string_view text) { return replaced(text, " ", kSpaceMark); }

namespace {

bool is_phi3(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower.find("phi-3") != std::string::npos || lower.find("phi3") != std::string::npos;
}

}  // namespace

SpecialTokens collect_special_tokens(const Vocabulary& vocabulary) {
  SpecialTokens tokens;
  const bool strips = is_phi3(vocabulary.name);
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const TokenType type = token_type(vocabulary, id);
    const std::string& name = vocabulary.tokens[i];
    const bool strips_right = strips && name != "<unk>" && name != "<s>" && name != "<|endoftext|>";
    if (is_special_type(type)) tokens.add(name, id, false, strips_right);
    if (type == TokenType::kUserDefined) tokens.add(name, id, true, strips_right);
  }
  return tokens;
}

TextEnds read_text_ends(const Vocabulary& vocabulary, bool add_bos) {
  TextEnds ends;
  if (vocabulary.add_bos.value_or(add_bos)) ends.bos = vocabulary.bos;
  if (vocabulary.add_eos.value_or(false)) ends.eos = vocabulary.eos;
  return ends;
}

}  // namespace trivet
