// Looking at the start and the end of a text that is still growing.
#ifndef TRIVET_DIALECTS_HELD_TEXT_H_
#define TRIVET_DIALECTS_HELD_TEXT_H_

#include <algorithm>
#include <string_view>

namespace trivet {

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Bytes at the end of `text` that are a proper prefix of `marker`.
inline size_t partial_match(std::string_view text, std::string_view marker) {
  if (marker.empty()) return 0;
  for (size_t length = std::min(text.size(), marker.size() - 1); length > 0; --length) {
    if (marker.starts_with(text.substr(text.size() - length))) return length;
  }
  return 0;
}

// More white space than this before a marker is text like any other, so that what is held back is
// bounded.
inline constexpr size_t kMaxHeldSpace = 1024;

// `length` bytes at the end of `text`, and the white space before them.
inline size_t with_space_before(std::string_view text, size_t length) {
  const size_t most = std::min(text.size(), length + kMaxHeldSpace);
  while (length < most && is_space(text[text.size() - length - 1])) ++length;
  return length;
}

// Bytes of white space at the start.
inline size_t leading_space(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && is_space(text[length])) ++length;
  return length;
}

inline std::string_view trimmed(std::string_view text) {
  text.remove_prefix(leading_space(text));
  text.remove_suffix(with_space_before(text, 0));
  return text;
}

// What the start of a growing text is.
enum class Progress { kMore, kNo, kYes };

// A place in a text that may still grow. Members that read move it forward.
class Cursor {
 public:
  Cursor(std::string_view text, bool ended) : text_(text), ended_(ended) {}

  std::string_view rest() const { return text_.substr(at_); }
  size_t at() const { return at_; }
  bool ended() const { return ended_; }
  bool empty() const { return at_ == text_.size(); }
  char front() const { return text_[at_]; }
  void skip(size_t count) { at_ += count; }
  void skip_space() { at_ += leading_space(rest()); }

  // kNo and kMore leave the place as it is.
  Progress take(std::string_view marker) {
    if (rest().starts_with(marker)) {
      at_ += marker.size();
      return Progress::kYes;
    }
    return !ended_ && marker.starts_with(rest()) ? Progress::kMore : Progress::kNo;
  }
  // The same after white space, and without the white space around the marker.
  Progress take_spaced(std::string_view marker) {
    const size_t before = at_;
    skip_space();
    const Progress progress = take(trimmed(marker));
    if (progress != Progress::kYes) at_ = before;
    return progress;
  }

 private:
  std::string_view text_;
  bool ended_;
  size_t at_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_DIALECTS_HELD_TEXT_H_
