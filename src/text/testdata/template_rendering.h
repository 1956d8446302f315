// Rendering for the tests of chat templates.
#ifndef TRIVET_TEXT_TESTDATA_TEMPLATE_RENDERING_H_
#define TRIVET_TEXT_TESTDATA_TEMPLATE_RENDERING_H_

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/chat_template.h"

namespace trivet {

inline constexpr std::string_view kOneMessage = R"([{"role": "user", "content": "hi"}])";

// The goldens' moment: Saturday, 6 July 2024, 15:04:09.
inline std::tm golden_time() {
  std::tm time{};
  time.tm_year = 124, time.tm_mon = 6, time.tm_mday = 6;
  time.tm_hour = 15, time.tm_min = 4, time.tm_sec = 9;
  time.tm_wday = 6, time.tm_yday = 187;
  return time;
}

inline Result<std::string> render_text(std::string_view source, const ChatInput& input) {
  const auto compiled = ChatTemplate::compile(source, "<BOS>", "<EOS>");
  if (!compiled.ok()) return compiled.error();
  return (*compiled)->render(input);
}

// `values` are the arguments of apply_chat_template.
inline Result<std::string> render_golden_input(const std::string& source,
                                               const nlohmann::ordered_json& values) {
  const auto dumped = [&](const char* name) {
    return values.contains(name) ? values[name].dump() : std::string();
  };
  const std::string messages = dumped("messages"), tools = dumped("tools");
  const std::string documents = dumped("documents"), extra = dumped("extra");
  ChatInput input{.messages_json = messages,
                  .tools_json = tools,
                  .documents_json = documents,
                  .extra_json = extra};
  input.add_generation_prompt = values.value("add_generation_prompt", true);
  input.continue_final_message = values.value("continue_final_message", false);
  input.now = golden_time();
  return render_text(source, input);
}

// The message of the error, or "" after a failure: text, or not at once.
inline std::string quick_error(std::string_view source, const ChatInput& input = {kOneMessage}) {
  const auto start = std::chrono::steady_clock::now();
  const auto text = render_text(source, input);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 10) << source.substr(0, 200);
  EXPECT_FALSE(text.ok()) << source.substr(0, 200) << ": " << text->size() << " bytes";
  if (text.ok()) return "";
  EXPECT_EQ(text.error().code(), ErrorCode::kInvalidArgument) << source.substr(0, 200);
  return text.error().message();
}

inline std::string repeat(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

}  // namespace trivet

#endif  // TRIVET_TEXT_TESTDATA_TEMPLATE_RENDERING_H_
