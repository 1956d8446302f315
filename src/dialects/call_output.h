// Puts tool calls into deltas: ids, indices, and calls that are not wanted.
#ifndef TRIVET_DIALECTS_CALL_OUTPUT_H_
#define TRIVET_DIALECTS_CALL_OUTPUT_H_

#include <string>
#include <string_view>

#include "dialects/call_ids.h"
#include "dialects/message_format.h"

namespace trivet {

class CallOutput {
 public:
  CallOutput(const MessageFormat& format, std::string_view id_seed)
      : parallel_(format.parallel_calls), seed_(id_seed) {
    if (format.dialect != nullptr) ids_ = format.dialect->calls.ids;
  }

  bool any() const { return count_ > 0; }
  void begin(MessageDelta& delta, const std::string& name) {
    ++count_;
    if (!wanted()) return;
    delta.tool_calls.push_back({index(), make_call_id(ids_, seed_, index(), name), name, ""});
  }
  void add(MessageDelta& delta, std::string_view arguments) {
    if (!wanted() || arguments.empty()) return;
    if (delta.tool_calls.empty() || delta.tool_calls.back().index != index()) {
      delta.tool_calls.push_back({index(), "", "", ""});
    }
    delta.tool_calls.back().arguments += arguments;
  }

 private:
  int index() const { return count_ - 1; }
  bool wanted() const { return parallel_ || count_ == 1; }

  const bool parallel_;
  const std::string seed_;
  CallIdStyle ids_ = CallIdStyle::kLong;
  int count_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_DIALECTS_CALL_OUTPUT_H_
