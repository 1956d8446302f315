#include "text/chat_template.h"

#include <ctime>

#include "text/rust_text.h"

namespace trivet {

ChatTemplate::~ChatTemplate() = default;

namespace {

using TemplateHandle = std::unique_ptr<TrivetTextTemplate, RustFree<trivet_text_template_free>>;

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

TrivetTextTime rust_time(const std::tm& time) {
  return {time.tm_year + 1900, time.tm_mon + 1, time.tm_mday,
          time.tm_hour,        time.tm_min,     time.tm_sec,
          time.tm_wday,        time.tm_yday,    static_cast<int32_t>(time.tm_gmtoff)};
}

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(TemplateHandle handle, std::string_view source)
      : handle_(std::move(handle)), source_(source) {}

  Result<std::string> render(const ChatInput& input) const override {
    const TrivetTextChat chat = {rust_slice(input.messages_json),
                                 rust_slice(input.tools_json),
                                 rust_slice(input.documents_json),
                                 rust_slice(input.extra_json),
                                 input.add_generation_prompt,
                                 input.continue_final_message,
                                 rust_time(input.now ? *input.now : local_time())};
    TrivetTextBytes text{}, error{};
    const int32_t status = trivet_text_template_render(handle_.get(), &chat, &text, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return take_bytes(text);
  }

  const std::string& source() const override { return source_; }

 private:
  TemplateHandle handle_;
  std::string source_;
};

}  // namespace

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::compile(std::string_view source,
                                                            std::string_view bos_token,
                                                            std::string_view eos_token) {
  TrivetTextTemplate* handle = nullptr;
  TrivetTextBytes error{};
  const int32_t status = trivet_text_template_compile(rust_slice(source), rust_slice(bos_token),
                                                      rust_slice(eos_token), &handle, &error);
  if (status != TRIVET_TEXT_OK) return rust_error(status, error);
  return std::unique_ptr<ChatTemplate>(
      std::make_unique<JinjaTemplate>(TemplateHandle(handle), source));
}

}  // namespace trivet
