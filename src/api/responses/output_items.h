// The items of a response as they grow, and the events that tell of it.
#ifndef TRIVET_API_RESPONSES_OUTPUT_ITEMS_H_
#define TRIVET_API_RESPONSES_OUTPUT_ITEMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_writer.h"
#include "api/responses/input_items.h"
#include "dialects/message.h"

namespace trivet {

// Server-sent events with a running number.
class ResponseEvents {
 public:
  // Opens {"type", "sequence_number"; the caller goes on and ends the object with end().
  JsonWriter& begin(std::string_view type);
  void end();
  int64_t count() const { return number_; }
  std::string take() { return std::exchange(out_, {}); }

 private:
  std::string out_;
  std::optional<JsonWriter> writer_;
  int64_t number_ = 0;
};

struct OutputItem {
  enum class Kind { kReasoning, kMessage, kCall };
  Kind kind = Kind::kMessage;
  std::string id;
  std::string text;           // content, reasoning or arguments
  std::string call_id, name;  // of a call
  std::string logprobs;       // JSON entries, "a,b"; of a message
  std::string status = "in_progress";
};

class OutputItems {
 public:
  // `suffix` makes the ids; `events` may be null (nobody reads along).
  OutputItems(std::string suffix, ResponseEvents* events)
      : suffix_(std::move(suffix)), events_(events) {}

  // `logprobs`: JSON entries of the tokens in the delta, "a,b", or empty.
  void add(const MessageDelta& delta, std::string_view logprobs);
  // The end of the last item; `status` "completed" or "incomplete".
  void close(std::string_view status);

  bool in_reasoning() const;
  void write(JsonWriter& writer) const;                 // "[...]"
  void write_messages(ChatMessageBuilder& chat) const;  // as the next turn sees them
  bool empty() const { return items_.empty(); }

 private:
  OutputItem& item_for(OutputItem::Kind kind);
  void open(OutputItem item);
  void add_text(OutputItem::Kind kind, std::string_view text, std::string_view logprobs);
  void add_call(const ToolCallDelta& call);
  void tell_opened(const OutputItem& item);
  void tell_delta(const OutputItem& item, std::string_view delta, std::string_view logprobs);
  void tell_closed(const OutputItem& item);
  JsonWriter& begin_part_event(std::string_view type, const OutputItem& item);
  int64_t last_index() const { return static_cast<int64_t>(items_.size()) - 1; }

  const std::string suffix_;
  ResponseEvents* const events_;
  std::vector<OutputItem> items_;
  bool open_ = false;  // the last one
  int call_ = -1;      // index of the call that is open
};

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_OUTPUT_ITEMS_H_
