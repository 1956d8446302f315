#include "dialects/lark_writer.h"

#include "dialects/value_text.h"

namespace trivet {

std::vector<LarkWriter::Piece> LarkWriter::split(std::string_view text) const {
  std::vector<Piece> pieces;
  const auto tokens = tokenizer_.encode(text, {.add_special_tokens = false});
  size_t begin = 0;
  for (const TokenId token : tokens ? *tokens : std::vector<TokenId>()) {
    if (!tokenizer_.is_special(token)) continue;
    const std::string_view name = tokenizer_.token_bytes(token);
    const size_t at = name.empty() ? std::string_view::npos : text.find(name, begin);
    if (at == std::string_view::npos) continue;
    if (at > begin) pieces.push_back({text.substr(begin, at - begin)});
    pieces.push_back({text.substr(at, name.size()), true, token});
    begin = at + name.size();
  }
  if (begin < text.size()) pieces.push_back({text.substr(begin)});
  return pieces;
}

std::string LarkWriter::joined(const Piece* begin, const Piece* end) {
  std::string body;
  for (const Piece* piece = begin; piece != end; ++piece) {
    if (!body.empty()) body += ' ';
    body += piece->is_token ? "<[" + std::to_string(piece->token) + "]>" : json_quoted(piece->text);
  }
  return body;
}

std::string LarkWriter::literal(std::string_view text) const {
  const std::vector<Piece> pieces = split(text);
  return pieces.empty() ? "\"\"" : joined(pieces.data(), pieces.data() + pieces.size());
}

std::string LarkWriter::until(std::string_view mark) {
  const std::vector<Piece> pieces = split(mark);
  if (pieces.empty()) return any_text();
  const Piece* end = pieces.data() + pieces.size();
  if (pieces[0].is_token) return any_text() + " " + joined(pieces.data(), end);
  const std::string name = "until_" + std::to_string(++count_);
  rules_ += name + "[lazy]: ANY_TEXT " + joined(pieces.data(), pieces.data() + 1) + "\n";
  const std::string rest = joined(pieces.data() + 1, end);
  return rest.empty() ? name : name + " " + rest;
}

std::string LarkWriter::add(std::string_view body) {
  const std::string name = "rule_" + std::to_string(++count_);
  add_named(name, body);
  return name;
}

void LarkWriter::add_named(std::string_view name, std::string_view body) {
  rules_.append(name).append(": ").append(body).append("\n");
}

bool LarkWriter::has(std::string_view name) const {
  return ("\n" + rules_).find("\n" + std::string(name) + ":") != std::string::npos;
}

std::string LarkWriter::source(std::string_view start) const {
  return "start: " + std::string(start) + "\n" + rules_ + "ANY_TEXT: /(?s:.*)/\n";
}

}  // namespace trivet
