#include <gtest/gtest.h>

#include "dialects/message_format.h"

namespace trivet {
namespace {

struct Parts {
  std::string reasoning, content;
  bool operator==(const Parts&) const = default;
};

void add(Parts& parts, const MessageDelta& delta) {
  parts.reasoning += delta.reasoning;
  parts.content += delta.content;
}

// Reads `text` in pieces of `size` bytes.
Parts read(const MessageFormat& format, std::string_view text, size_t size) {
  const auto parser = format.make_parser("1");
  Parts parts;
  for (size_t at = 0; at < text.size(); at += size) add(parts, parser->feed(text.substr(at, size)));
  add(parts, parser->finish());
  return parts;
}

void expect_parts(const MessageFormat& format, std::string_view text, const Parts& parts) {
  for (size_t size = 1; size <= text.size() + 1; ++size) {
    const Parts got = read(format, text, size);
    EXPECT_EQ(got.reasoning, parts.reasoning) << text << " in pieces of " << size;
    EXPECT_EQ(got.content, parts.content) << text << " in pieces of " << size;
  }
}

MessageFormat thinking() {
  MessageFormat format;
  format.reasoning = reasoning_named("think")->tags;
  return format;
}

TEST(MessageParser, LeavesPlainTextAsItIs) {
  expect_parts(MessageFormat{}, " <think>a</think>\n\n", {"", " <think>a</think>\n\n"});
}

TEST(MessageParser, SeparatesReasoningFromContent) {
  expect_parts(thinking(), "<think>\nI see.\n\nSo é\n</think>\n\nYes. \n",
               {"I see.\n\nSo é", "Yes. \n"});
  expect_parts(thinking(), "\n <think></think>x", {"", "x"});
  expect_parts(thinking(), "<think>a < b </ c</think></think>", {"a < b </ c", "</think>"});
}

TEST(MessageParser, KeepsTextThatOnlyLooksLikeReasoning) {
  expect_parts(thinking(), " <thin", {"", " <thin"});
  expect_parts(thinking(), "say <think>x</think>", {"", "say <think>x</think>"});
  expect_parts(thinking(), "</think>", {"", "</think>"});
}

TEST(MessageParser, KeepsReasoningThatWasCutOff) {
  expect_parts(thinking(), "<think>a\n</thi", {"a\n</thi", ""});
  expect_parts(thinking(), "<think>a\n\n", {"a", ""});
}

TEST(MessageParser, GoesOnWithReasoningThatThePromptBegan) {
  MessageFormat format = thinking();
  format.begins_with_reasoning = true;
  expect_parts(format, "\na\n</think>\nb", {"a", "b"});
  format.drop_reasoning = true;
  expect_parts(format, "\na\n</think>\nb", {"", "b"});
}

TEST(MessageParser, GivesReasoningAsSoonAsItIsCertain) {
  const MessageFormat format = thinking();
  const auto parser = format.make_parser("1");
  EXPECT_EQ(parser->feed("<think>ab").reasoning, "ab");
  EXPECT_EQ(parser->feed("c d </").reasoning, "c d");
  EXPECT_EQ(parser->feed("x").reasoning, " </x");
}

TEST(OpensReasoning, LooksAtTheEndOfThePrompt) {
  const ReasoningTags tags = reasoning_named("think")->tags;
  EXPECT_TRUE(opens_reasoning("<|assistant|><think>\n", tags));
  EXPECT_FALSE(opens_reasoning("<|assistant|><think>\n\n</think>\n\n", tags));
  EXPECT_FALSE(opens_reasoning("<think> what is that?<|assistant|>\n", tags));
  EXPECT_FALSE(opens_reasoning("<think>", {}));
}

TEST(FindDialect, KnowsTemplatesThatThink) {
  EXPECT_EQ(find_reasoning("{{ content.split('</think>')[-1] }}")->name, "think");
  EXPECT_EQ(find_reasoning("{{ messages }}"), nullptr);
}

}  // namespace
}  // namespace trivet
