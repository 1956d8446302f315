// Messages with reasoning between tags at their start, and calls between markers in the content.
#include "dialects/call_output.h"
#include "dialects/call_reader.h"
#include "dialects/held_text.h"
#include "dialects/message_format.h"

namespace trivet {
namespace {

// White space around tags and markers belongs to neither content nor reasoning.
class TaggedParser final : public MessageParser {
 public:
  TaggedParser(const MessageFormat& format, std::string_view id_seed)
      : format_(format), calls_(format, id_seed) {
    if (format.reasoning.end.empty()) {
      place_ = Place::kContent;
    } else if (format.begins_with_reasoning) {
      place_ = Place::kReasoningStart;
    }
  }

  MessageDelta feed(std::string_view text) override {
    held_ += text;
    return advance(false);
  }
  MessageDelta finish() override { return advance(true); }
  bool called_tools() const override { return calls_.any(); }

 private:
  enum class Place {
    kStart,
    kReasoningStart,
    kReasoning,
    kContentStart,
    kContent,
    kArguments,
    kTail,
    kNextHead
  };
  // A marker in the content.
  struct Found {
    size_t at = std::string_view::npos;
    const CallOpener* opener = nullptr;
    std::string_view hidden;
  };

  MessageDelta advance(bool ended) {
    MessageDelta delta;
    while (step(delta, ended)) {
    }
    return delta;
  }

  // Whether there is more to do with what is held.
  bool step(MessageDelta& delta, bool ended) {
    switch (place_) {
      case Place::kStart:
        return find_reasoning(ended);
      case Place::kReasoningStart:
        return start_reasoning(ended);
      case Place::kReasoning:
        return read_reasoning(delta, ended);
      case Place::kContentStart:
        return skip_space(Place::kContent);
      case Place::kContent:
        return read_content(delta, ended);
      case Place::kArguments:
        return read_arguments(delta, ended);
      case Place::kTail:
        return read_tail(ended);
      case Place::kNextHead:
        return read_next_head(delta, ended);
    }
    return false;
  }

  bool find_reasoning(bool ended) {
    const std::string_view begin = format_.reasoning.begin;
    const size_t space = leading_space(held_);
    const std::string_view rest = std::string_view(held_).substr(space);
    if (!begin.empty() && space <= kMaxHeldSpace && rest.starts_with(begin)) {
      held_.erase(0, held_.size() - rest.size() + begin.size());
      place_ = Place::kReasoningStart;
      return true;
    }
    const bool waits = space <= kMaxHeldSpace && begin.starts_with(rest);
    if (!ended && waits) return false;
    place_ = Place::kContent;
    return true;
  }

  // Some models repeat the tag that the prompt ended with.
  bool start_reasoning(bool ended) {
    const std::string_view begin = format_.reasoning.begin;
    held_.erase(0, leading_space(held_));
    if (format_.begins_with_reasoning && !begin.empty()) {
      if (!ended && begin.starts_with(held_)) return false;
      if (held_.starts_with(begin)) held_.erase(0, begin.size());
    }
    return skip_space(Place::kReasoning);
  }

  bool skip_space(Place next) {
    held_.erase(0, leading_space(held_));
    if (held_.empty()) return false;
    place_ = next;
    return true;
  }

  bool read_reasoning(MessageDelta& delta, bool ended) {
    const std::string_view tag = format_.reasoning.end;
    const size_t end = held_.find(tag);
    const bool found = end != std::string::npos;
    const std::string_view text = std::string_view(held_).substr(0, found ? end : held_.size());
    const size_t held = with_space_before(text, found || ended ? 0 : partial_match(text, tag));
    const size_t size = text.size() - held;
    if (!format_.drop_reasoning) delta.reasoning += text.substr(0, size);
    held_.erase(0, found ? end + tag.size() : size);
    if (found) place_ = Place::kContentStart;
    return found;
  }

  bool reads_calls() const {
    return !format_.tools.empty() && format_.dialect != nullptr && format_.dialect->has_calls();
  }

  // The first marker of the text; equal places go to the longer one.
  Found find_marker() const {
    Found found;
    if (format_.dialect == nullptr) return found;
    const auto note = [&](size_t at, const CallOpener* opener, std::string_view hidden) {
      if (at < found.at) found = {at, opener, hidden};
    };
    for (const std::string_view mark : format_.dialect->hidden) {
      if (!mark.empty()) note(held_.find(mark), nullptr, mark);
    }
    if (!reads_calls()) return found;
    for (const CallOpener& opener : format_.dialect->calls.openers) {
      if (opener.at_start) {
        const size_t start = leading_space(held_);
        const bool here = !start_passed_ && held_.substr(start).starts_with(opener.text);
        if (here && (!opener.text.empty() || start < held_.size())) note(start, &opener, {});
      } else if (!opener.text.empty()) {
        note(held_.find(opener.text), &opener, {});
      }
    }
    return found;
  }

  // Bytes at the end that may be the start of a marker.
  size_t undecided() const {
    if (format_.dialect == nullptr) return 0;
    size_t held = 0;
    for (const std::string_view mark : format_.dialect->hidden) {
      held = std::max(held, partial_match(held_, mark));
    }
    if (!reads_calls()) return held;
    for (const CallOpener& opener : format_.dialect->calls.openers) {
      const size_t size = partial_match(held_, opener.text);
      const bool at_start = leading_space(held_) + size == held_.size();
      if (!opener.at_start || (!start_passed_ && at_start)) held = std::max(held, size);
    }
    return with_space_before(held_, held);
  }

  // Gives out the first `size` bytes and drops `more`.
  void emit_content(MessageDelta& delta, size_t size, size_t more = 0) {
    const std::string_view text = std::string_view(held_).substr(0, size);
    const bool shows = leading_space(text) < text.size();
    if (shows && content_began_ && after_call_) delta.content += '\n';
    if (shows) after_call_ = false;
    content_began_ = content_began_ || shows;
    start_passed_ = start_passed_ || shows;
    delta.content += text;
    held_.erase(0, size + more);
  }

  bool read_content(MessageDelta& delta, bool ended) {
    const Found found = find_marker();
    if (found.at == std::string_view::npos) {
      emit_content(delta, held_.size() - (ended ? 0 : undecided()));
      return false;
    }
    if (found.opener == nullptr) {
      emit_content(delta, found.at, found.hidden.size());
      return true;
    }
    return try_call(delta, found, ended);
  }

  bool try_call(MessageDelta& delta, const Found& found, bool ended) {
    const std::string_view before = std::string_view(held_).substr(0, found.at);
    const size_t kept = before.size() - with_space_before(before, 0);
    // What is only found at the start is a part of the call.
    const size_t start = found.at + (found.opener->at_start ? 0 : found.opener->text.size());
    reader_ = make_call_reader(format_.dialect->calls, *found.opener, format_.tools);
    Cursor cursor(std::string_view(held_).substr(start), ended);
    CallHead head;
    Progress progress = reader_->read_head(cursor, head);
    if (progress == Progress::kYes && found.opener->tentative && !is_tool(head.name)) {
      progress = Progress::kNo;
    }
    if (progress == Progress::kMore && !ended) {
      emit_content(delta, kept);
      return false;
    }
    if (progress != Progress::kYes) {
      if (!found.opener->at_start) emit_content(delta, found.at + 1);
      start_passed_ = true;
      return true;
    }
    const size_t end = start + cursor.at();
    emit_content(delta, kept, end - kept);
    begin_call(delta, head);
    return true;
  }

  bool is_tool(std::string_view name) const {
    return std::any_of(format_.tools.begin(), format_.tools.end(),
                       [&](const ToolSignature& tool) { return tool.name == name; });
  }

  void begin_call(MessageDelta& delta, const CallHead& head) {
    calls_.begin(delta, head.name);
    if (head.arguments) calls_.add(delta, *head.arguments);
    place_ = head.arguments ? Place::kTail : Place::kArguments;
    after_call_ = start_passed_ = true;
  }

  bool read_arguments(MessageDelta& delta, bool ended) {
    Cursor cursor(held_, ended);
    std::string json;
    const Progress progress = reader_->read_arguments(cursor, json);
    calls_.add(delta, json);
    held_.erase(0, cursor.at());
    if (progress == Progress::kMore) return false;
    place_ = progress == Progress::kYes ? Place::kTail : Place::kContentStart;
    return true;
  }

  bool read_tail(bool ended) {
    Cursor cursor(held_, ended);
    const Progress progress = reader_->read_tail(cursor);
    if (progress == Progress::kMore && !ended) return false;
    if (progress != Progress::kMore) held_.erase(0, cursor.at());
    place_ = progress == Progress::kYes ? Place::kNextHead : Place::kContentStart;
    return true;
  }

  bool read_next_head(MessageDelta& delta, bool ended) {
    Cursor cursor(held_, ended);
    CallHead head;
    const Progress progress = reader_->read_head(cursor, head);
    if (progress == Progress::kMore && !ended) return false;
    if (progress != Progress::kYes) {
      place_ = Place::kContentStart;
      return true;
    }
    held_.erase(0, cursor.at());
    begin_call(delta, head);
    return true;
  }

  const MessageFormat& format_;
  CallOutput calls_;
  Place place_ = Place::kStart;
  std::string held_;
  bool content_began_ = false;  // other than by white space
  bool start_passed_ = false;   // what is only looked for at the start is not to come
  bool after_call_ = false;     // no content has come since
  std::unique_ptr<CallReader> reader_;
};

}  // namespace

std::unique_ptr<MessageParser> make_tagged_parser(const MessageFormat& format,
                                                  std::string_view id_seed) {
  return std::make_unique<TaggedParser>(format, id_seed);
}

}  // namespace trivet
