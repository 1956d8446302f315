// Every dialect against messages that a generator writes: what is read is what was meant, whatever
// pieces the text comes in.
#include <gtest/gtest.h>

#include <random>

#include "dialects/message_format.h"
#include "dialects/testing/call_writer.h"

namespace trivet {
namespace {

constexpr uint32_t kCases = 200;

// Sanitizers slow the many runs that cut a text in two; the runs byte by byte are all made.
#ifndef __has_feature
#define __has_feature(name) 0
#endif
constexpr uint32_t kCutInTwoEvery =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ? 8 : 1;

class MessageGenerator {
 public:
  MessageGenerator(const Dialect& dialect, uint32_t seed) : dialect_(dialect), random_(seed) {}

  WrittenMessage message() {
    WrittenMessage message;
    const size_t count = pick(8) == 0 ? 0 : 1 + pick(3) * pick(2);
    for (size_t i = 0; i < count; ++i) message.calls.push_back(call());
    if (dialect_.name == "glm4") message.calls.resize(std::min<size_t>(count, 1));
    if (pick(2) == 0) message.reasoning = prose();
    if ((takes_text_before(dialect_) && pick(2) == 0) || count == 0) message.before = prose();
    if (takes_text_after(dialect_) && count > 0 && pick(3) == 0) message.after = prose();
    return message;
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  WrittenCall call() {
    static const std::vector<std::string> kNames = {"get_weather", "f", "run-code", "search.web",
                                                    "a_very_long_name_of_a_tool_42"};
    static const std::vector<std::string> kKeys = {"city", "x", "max_count", "text", "options"};
    WrittenCall call{kNames[pick(kNames.size())], OrderedJson::object()};
    for (const std::string& key : kKeys) {
      if (pick(2) == 0) call.arguments[key] = value(0);
    }
    return call;
  }

  OrderedJson value(int depth) {
    switch (pick(depth < 3 ? 9 : 6)) {
      case 0:
        return static_cast<int64_t>(random_()) - 1000;
      case 1:
        return 0.5 * static_cast<double>(pick(2000)) - 100.25;
      case 2:
        return pick(2) == 0;
      case 3:
        return depth == 0 ? OrderedJson(3) : OrderedJson(nullptr);
      case 6:
      case 7: {
        OrderedJson list = OrderedJson::array();
        for (size_t i = pick(4); i > 0; --i) list.push_back(value(depth + 1));
        return list;
      }
      case 8: {
        OrderedJson object = OrderedJson::object();
        for (size_t i = pick(4); i > 0; --i) object["k" + std::to_string(i)] = value(depth + 1);
        return object;
      }
      default:
        return text();
    }
  }

  std::string text() {
    static const std::vector<std::string> kPieces = {
        "Paris", " ",  "é",   "日本語", "🦊", "\"", "'", "\\",   "\n",    "\t",     "{",  "}",
        "[",     "]",  "<",   ">",      "</", ":",  ",", "=",    "(",     ")",      "//", "null",
        "12",    "<p", "\\n", "\\\"",   ";",  "`",  "#", "True", "\\u00", "\u2028", "%",  "x=1"};
    std::string text;
    for (size_t i = pick(9); i > 0; --i) text += kPieces[pick(kPieces.size())];
    return text;
  }

  // Words, so that no white space stands at the ends.
  std::string prose() {
    static const std::vector<std::string> kWords = {"Let me see",  "é日本🦊", "I <b>call</b> it:",
                                                    "{\"a\": 1}",  "a < b",   "f(x) = [1, 2]",
                                                    "```py\n1```", "</x>",    "To-do;"};
    std::string text = "Well";
    for (size_t i = pick(5); i > 0; --i)
      text += (pick(3) ? " " : "\n\n") + kWords[pick(kWords.size())];
    return text;
  }

  const Dialect& dialect_;
  std::mt19937 random_;
};

struct ReadCall {
  std::string id, name, arguments;
  bool operator==(const ReadCall&) const = default;
};

struct ReadMessage {
  std::string reasoning, content;
  std::vector<ReadCall> calls;
  bool operator==(const ReadMessage&) const = default;
};

void add(ReadMessage& message, const MessageDelta& delta) {
  message.reasoning += delta.reasoning;
  message.content += delta.content;
  for (const ToolCallDelta& call : delta.tool_calls) {
    const auto index = static_cast<size_t>(call.index);
    const bool first = index == message.calls.size();
    ASSERT_LE(index, message.calls.size());
    EXPECT_EQ(first, !call.id.empty()) << "the id comes once, first";
    EXPECT_EQ(first, !call.name.empty()) << "the name comes once, first";
    if (first) message.calls.push_back({call.id, call.name, ""});
    message.calls[index].arguments += call.arguments;
  }
}

ReadMessage read_pieces(const MessageFormat& format, const std::vector<std::string_view>& pieces) {
  const auto parser = format.make_parser("seed");
  ReadMessage message;
  for (const std::string_view piece : pieces) add(message, parser->feed(piece));
  add(message, parser->finish());
  EXPECT_EQ(parser->called_tools(), !message.calls.empty());
  return message;
}

class DialectTest : public testing::TestWithParam<const Dialect*> {
 protected:
  const Dialect& dialect() const { return *GetParam(); }

  MessageFormat format_for(const WrittenMessage& message) const {
    MessageFormat format;
    format.dialect = &dialect();
    format.reasoning = reasoning_named("think")->tags;
    for (const WrittenCall& call : message.calls) {
      format.tools.push_back(signature_of(call.name, call.arguments));
    }
    format.tools.push_back(read_signature("other", "", false));
    return format;
  }

  // Calls of the same name share one signature: that of the first.
  static void unify_types(WrittenMessage& message) {
    for (size_t i = 0; i < message.calls.size(); ++i) {
      message.calls[i].name += std::to_string(i);
    }
  }

  void expect_message(const WrittenMessage& written, const ReadMessage& read,
                      const std::string& text) const {
    EXPECT_EQ(read.reasoning, written.reasoning) << text;
    const std::string gap = written.before.empty() || written.after.empty() ? "" : "\n";
    EXPECT_EQ(read.content, written.before + gap + written.after) << text;
    ASSERT_EQ(read.calls.size(), written.calls.size()) << text;
    for (size_t i = 0; i < read.calls.size(); ++i) {
      EXPECT_EQ(read.calls[i].name, written.calls[i].name) << text;
      EXPECT_GT(read.calls[i].id.size(), 8u);
      const auto arguments = OrderedJson::parse(read.calls[i].arguments, nullptr, false);
      EXPECT_EQ(arguments, written.calls[i].arguments)
          << read.calls[i].arguments << "\nin " << text;
    }
  }
};

TEST_P(DialectTest, ReadsWhatWasMeantHoweverItIsCut) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    MessageGenerator generator(dialect(), seed);
    WrittenMessage written = generator.message();
    unify_types(written);
    const MessageFormat format = format_for(written);
    const std::string text = write_message(dialect(), format.reasoning, written);
    const ReadMessage whole = read_pieces(format, {text});
    expect_message(written, whole, text);
    for (size_t cut = 1; seed % kCutInTwoEvery == 0 && cut < text.size(); ++cut) {
      const std::string_view all = text;
      ASSERT_EQ(read_pieces(format, {all.substr(0, cut), all.substr(cut)}), whole)
          << text << "\ncut at " << cut;
    }
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
    ASSERT_EQ(read_pieces(format, bytes), whole) << text;
    if (HasFailure()) return;  // one example is enough
  }
}

// Whatever is cut off, nothing is invented and the pieces still agree.
TEST_P(DialectTest, ReadsTextThatEndsAnywhere) {
  MessageGenerator generator(dialect(), 4711);
  for (int i = 0; i < 5; ++i) {
    WrittenMessage written = generator.message();
    unify_types(written);
    const MessageFormat format = format_for(written);
    const std::string text = write_message(dialect(), format.reasoning, written);
    for (size_t size = 0; size < text.size(); ++size) {
      const std::string_view part = std::string_view(text).substr(0, size);
      const ReadMessage whole = read_pieces(format, {part});
      std::vector<std::string_view> bytes;
      for (size_t at = 0; at < size; ++at) bytes.push_back(part.substr(at, 1));
      ASSERT_EQ(read_pieces(format, bytes), whole) << part;
      ASSERT_LE(whole.calls.size(), written.calls.size()) << part;
    }
  }
}

TEST_P(DialectTest, KeepsTheFirstOfSeveralCallsWhereOnlyOneIsWanted) {
  if (dialect().name == "glm4") GTEST_SKIP() << "one call per message";
  const WrittenMessage written{"", "", "", {{"f", {{"a", 1}}}, {"g", {{"b", "x"}}}}};
  MessageFormat format = format_for(written);
  format.parallel_calls = false;
  const std::string text = write_message(dialect(), format.reasoning, written);
  const ReadMessage read = read_pieces(format, {text});
  ASSERT_EQ(read.calls.size(), 1u) << text;
  EXPECT_EQ(read.calls[0].name, "f");
  EXPECT_EQ(read.content, "");
}

TEST_P(DialectTest, LeavesCallsInTheTextWhereThereAreNoTools) {
  if (dialect().calls.syntax == CallSyntax::kHarmony) GTEST_SKIP() << "channels are always read";
  const WrittenMessage written{"", "", "", {{"f", {{"a", 1}}}}};
  MessageFormat format;
  format.dialect = &dialect();
  const std::string text = write_message(dialect(), {}, written);
  const ReadMessage read = read_pieces(format, {text});
  EXPECT_TRUE(read.calls.empty());
  EXPECT_EQ(read.content, text);
}

INSTANTIATE_TEST_SUITE_P(All, DialectTest, testing::ValuesIn(dialects_with_calls()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace trivet
