#include "api/fim_prompt.h"

#include <algorithm>

namespace trivet {
namespace {

struct MarkNames {
  std::string_view prefix, suffix, middle, repository, file;
  bool suffix_first;
};

// Of Qwen and CodeGemma, StarCoder and Granite, DeepSeek, Code Llama, Codestral.
constexpr MarkNames kMarks[] = {
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>", false},
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>", false},
    {"<fim-prefix>", "<fim-suffix>", "<fim-middle>", "<reponame>", "<filename>", false},
    {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "", "", false},
    {"▁<PRE>", "▁<SUF>", "▁<MID>", "", "", false},
    {"[PREFIX]", "[SUFFIX]", "[MIDDLE]", "", "", true},
};

constexpr std::string_view kEndNames[] = {"<|fim_pad|>",  "<fim_pad>",     "<|repo_name|>",
                                          "<|file_sep|>", "<|endoftext|>", "<|file_separator|>",
                                          "▁<EOT>"};

class PromptBuilder {
 public:
  PromptBuilder(const FimTokens& marks, const ServedModel& model)
      : marks_(marks),
        tokenizer_(*model.tokenizer),
        room_(static_cast<size_t>(std::max(model.max_model_len, 0))) {}

  Result<std::vector<TokenId>> build(const FimText& text, int answer_tokens) {
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> prompt, tokenizer_.encode("", {true, false}));
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> prefix, tokens_of(text.prefix));
    TRIVET_ASSIGN_OR_RETURN(const std::vector<TokenId> start, tokens_of(text.start_of_answer));
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> suffix, tokens_of(text.suffix));
    prefix.insert(prefix.end(), start.begin(), start.end());
    constexpr size_t kMarkTokens = 3;
    const size_t answer = std::min(static_cast<size_t>(std::max(answer_tokens, 1)), room_ / 2);
    room_ -= std::min(room_, prompt.size() + kMarkTokens + answer);
    cut(prefix, suffix);
    TRIVET_ASSIGN_OR_RETURN(const std::vector<TokenId> files, files_within_room(text.files));
    append(prompt, files);
    prefix.insert(prefix.begin(), marks_.prefix);
    suffix.insert(suffix.begin(), marks_.suffix);
    append(prompt, marks_.suffix_first ? suffix : prefix);
    append(prompt, marks_.suffix_first ? prefix : suffix);
    prompt.push_back(marks_.middle);
    return prompt;
  }

 private:
  Result<std::vector<TokenId>> tokens_of(std::string_view text) const {
    return tokenizer_.encode(text, {false, false});
  }

  static void append(std::vector<TokenId>& to, const std::vector<TokenId>& tokens) {
    to.insert(to.end(), tokens.begin(), tokens.end());
  }

  void cut(std::vector<TokenId>& prefix, std::vector<TokenId>& suffix) {
    const size_t suffix_room = std::max(room_ / 4, room_ - std::min(room_, prefix.size()));
    suffix.resize(std::min(suffix.size(), suffix_room));
    const size_t prefix_room = room_ - suffix.size();
    if (prefix.size() > prefix_room) {
      prefix.erase(prefix.begin(), prefix.end() - static_cast<long>(prefix_room));
    }
    room_ -= prefix.size() + suffix.size();
  }

  // "<repo>NAME\n", then "<file>NAME\nTEXT" for each; models without these marks get the texts.
  Result<std::vector<TokenId>> files_within_room(const std::vector<FimFile>& files) {
    std::vector<TokenId> all;
    if (files.empty()) return all;
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> head, head_of_repository());
    TRIVET_ASSIGN_OR_RETURN(const std::vector<TokenId> own, head_of_file("file"));
    const size_t frame = head.size() + own.size();
    if (frame > room_) return all;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> tokens, head_of_file(file->name));
      TRIVET_ASSIGN_OR_RETURN(const std::vector<TokenId> text, tokens_of(file->text));
      append(tokens, text);
      if (all.size() + tokens.size() + frame > room_) break;
      all.insert(all.begin(), tokens.begin(), tokens.end());
    }
    if (all.empty()) return all;
    append(head, all);
    append(head, own);
    return head;
  }

  Result<std::vector<TokenId>> head_of_repository() const {
    if (!marks_.repository) return std::vector<TokenId>();
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> tokens, tokens_of("project\n"));
    tokens.insert(tokens.begin(), *marks_.repository);
    return tokens;
  }

  Result<std::vector<TokenId>> head_of_file(const std::string& name) const {
    if (!marks_.file) return tokens_of("\n\n");
    TRIVET_ASSIGN_OR_RETURN(std::vector<TokenId> tokens, tokens_of(name + "\n"));
    tokens.insert(tokens.begin(), *marks_.file);
    return tokens;
  }

  const FimTokens& marks_;
  const Tokenizer& tokenizer_;
  size_t room_;
};

}  // namespace

std::optional<FimTokens> find_fim_tokens(const Tokenizer& tokenizer) {
  for (const MarkNames& names : kMarks) {
    const auto prefix = tokenizer.find(names.prefix), suffix = tokenizer.find(names.suffix),
               middle = tokenizer.find(names.middle);
    if (!prefix || !suffix || !middle) continue;
    FimTokens marks{*prefix, *suffix, *middle, std::nullopt, std::nullopt, names.suffix_first, {}};
    if (!names.repository.empty()) marks.repository = tokenizer.find(names.repository);
    if (!names.file.empty()) marks.file = tokenizer.find(names.file);
    for (const std::string_view end : kEndNames) {
      if (const auto token = tokenizer.find(end)) marks.ends.push_back(*token);
    }
    return marks;
  }
  return std::nullopt;
}

Result<std::vector<TokenId>> fim_prompt(const FimText& text, const FimTokens& marks,
                                        int answer_tokens, const ServedModel& model) {
  return PromptBuilder(marks, model).build(text, answer_tokens);
}

}  // namespace trivet
