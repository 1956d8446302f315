// Any text in any dialect: nothing crashes, and pieces say the same as the whole.
// The first byte chooses the dialect, the second the switches, the third the size of the pieces.
#include <cstdlib>
#include <string>

#include "dialects/message_format.h"

namespace trivet {
namespace {

struct Message {
  std::string reasoning, content;
  std::string calls;  // index, id, name, arguments of all deltas, those of a call joined
  int last_call = -1;

  bool operator==(const Message&) const = default;
};

void add(Message& message, const MessageDelta& delta) {
  message.reasoning += delta.reasoning;
  message.content += delta.content;
  for (const ToolCallDelta& call : delta.tool_calls) {
    if (call.index != message.last_call) {
      if (call.index != message.last_call + 1 || call.id.empty() || call.name.empty()) std::abort();
      message.calls += "\n" + call.id + " " + call.name + " ";
      message.last_call = call.index;
    }
    message.calls += call.arguments;
  }
}

Message read(const MessageFormat& format, std::string_view text, size_t piece) {
  const auto parser = format.make_parser("seed");
  Message message;
  for (size_t at = 0; at < text.size(); at += piece) {
    add(message, parser->feed(text.substr(at, piece)));
  }
  add(message, parser->finish());
  if (parser->called_tools() != (message.last_call >= 0)) std::abort();
  return message;
}

MessageFormat format_of(uint8_t dialect, uint8_t switches) {
  MessageFormat format;
  format.dialect = &all_dialects()[dialect % all_dialects().size()];
  const auto styles = all_reasoning_styles();
  if (switches & 1) format.reasoning = styles[(switches >> 4) % styles.size()].tags;
  format.begins_with_reasoning = switches & 2;
  format.parallel_calls = !(switches & 4);
  if (switches & 8) return format;
  format.tools.push_back(read_signature(
      "f", R"({"properties":{"a":{"type":"string"},"b":{"type":"integer"},"c":{}}})", false));
  format.tools.push_back(read_signature("get_weather", "", false));
  return format;
}

}  // namespace
}  // namespace trivet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const trivet::MessageFormat format = trivet::format_of(data[0], data[1]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  const trivet::Message whole = trivet::read(format, text, text.size() + 1);
  if (trivet::read(format, text, data[2] % 32 + 1) != whole) std::abort();
  if (trivet::read(format, text, 1) != whole) std::abort();
  return 0;
}
