// gpt-oss: a message is a row of parts, each with a channel and perhaps a recipient:
//   <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...
#include <array>

#include "dialects/call_output.h"
#include "dialects/held_text.h"
#include "dialects/message_format.h"

namespace trivet {
namespace {

constexpr std::string_view kMessage = "<|message|>", kChannel = "<|channel|>";
constexpr std::array<std::string_view, 5> kPartEnds = {"<|end|>", "<|call|>", "<|return|>",
                                                       "<|start|>", kChannel};
constexpr std::array<std::string_view, 4> kHeaderStarts = {kChannel, "<|start|>", kMessage, "to="};

// The word after `mark`, up to a space or another mark.
std::string_view word_after(std::string_view header, std::string_view mark) {
  const size_t at = header.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + mark.size());
  return rest.substr(0, rest.find_first_of(" \n\t<"));
}

class HarmonyParser final : public MessageParser {
 public:
  HarmonyParser(const MessageFormat& format, std::string_view id_seed)
      : format_(format), calls_(format, id_seed) {}

  MessageDelta feed(std::string_view text) override {
    held_ += text;
    return advance(false);
  }
  MessageDelta finish() override { return advance(true); }
  bool called_tools() const override { return calls_.any(); }

 private:
  enum class Place { kStart, kHeader, kBody };
  enum class Part { kNone, kReasoning, kContent, kCall };

  MessageDelta advance(bool ended) {
    MessageDelta delta;
    while (step(delta, ended)) {
    }
    return delta;
  }

  bool step(MessageDelta& delta, bool ended) {
    switch (place_) {
      case Place::kStart:
        return find_header(ended);
      case Place::kHeader:
        return read_header(delta);
      case Place::kBody:
        return read_body(delta, ended);
    }
    return false;
  }

  // Text without a header is content.
  bool find_header(bool ended) {
    const std::string_view rest = std::string_view(held_).substr(leading_space(held_));
    bool undecided = rest.empty();
    for (const std::string_view start : kHeaderStarts) {
      if (rest.starts_with(start)) {
        place_ = Place::kHeader;
        return true;
      }
      undecided = undecided || start.starts_with(rest);
    }
    if (undecided && !ended) return false;
    part_ = Part::kContent;
    place_ = Place::kBody;
    return true;
  }

  bool read_header(MessageDelta& delta) {
    const size_t end = held_.find(kMessage);
    if (end == std::string::npos) return false;
    const std::string_view header = std::string_view(held_).substr(0, end);
    std::string_view recipient = word_after(header, "to=");
    constexpr std::string_view kFunctions = "functions.";
    if (recipient.starts_with(kFunctions)) recipient.remove_prefix(kFunctions.size());
    if (!recipient.empty() && !format_.tools.empty()) {
      calls_.begin(delta, std::string(recipient));
      begin_part(Part::kCall);
    } else if (word_after(header, kChannel) == "analysis") {
      begin_part(Part::kReasoning);
    } else {
      begin_part(Part::kContent);
    }
    held_.erase(0, end + kMessage.size());
    return true;
  }

  void begin_part(Part part) {
    part_ = part;
    place_ = Place::kBody;
    is_empty_ = true;
  }

  bool read_body(MessageDelta& delta, bool ended) {
    size_t end = held_.size(), mark_size = 0, undecided = 0;
    for (const std::string_view mark : kPartEnds) {
      const size_t at = held_.find(mark);
      if (at < end) {
        end = at;
        mark_size = mark == kChannel ? 0 : mark.size();  // it belongs to the next header
      }
      undecided = std::max(undecided, partial_match(held_, mark));
    }
    const bool found = end < held_.size();
    if (!found && !ended) end -= undecided;
    emit(delta, std::string_view(held_).substr(0, end));
    held_.erase(0, end + mark_size);
    if (!found) return false;
    if (part_ == Part::kCall && is_empty_) calls_.add(delta, "{}");
    place_ = Place::kHeader;
    return true;
  }

  void emit(MessageDelta& delta, std::string_view text) {
    if (text.empty()) return;
    if (part_ == Part::kCall) {
      calls_.add(delta, text);
    } else if (part_ == Part::kReasoning) {
      if (!format_.drop_reasoning) append(delta.reasoning, reasoned_, text);
    } else {
      append(delta.content, wrote_, text);
    }
    is_empty_ = false;
  }

  // Parts of the same kind are lines of their own.
  void append(std::string& out, bool& has_text, std::string_view text) const {
    if (has_text && is_empty_) out += '\n';
    has_text = true;
    out += text;
  }

  const MessageFormat& format_;
  CallOutput calls_;
  Place place_ = Place::kStart;
  Part part_ = Part::kNone;
  std::string held_;
  bool is_empty_ = true;  // nothing of this part has been given out
  bool reasoned_ = false, wrote_ = false;
};

}  // namespace

std::unique_ptr<MessageParser> make_harmony_parser(const MessageFormat& format,
                                                   std::string_view id_seed) {
  return std::make_unique<HarmonyParser>(format, id_seed);
}

}  // namespace trivet
