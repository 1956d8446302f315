#include "dialects/value_scanner.h"

#include "dialects/held_text.h"

namespace trivet {
namespace {

bool opens(char c) { return c == '{' || c == '[' || c == '('; }
bool closes(char c) { return c == '}' || c == ']' || c == ')'; }

}  // namespace

size_t ValueScanner::scan(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && !done_) {
    bool undecided = false;
    if (const size_t size = take_quote(text.substr(at), undecided); size > 0) {
      at += size;
      continue;
    }
    if (undecided) break;
    const char c = text[at];
    const bool inside = quote_ != 0 || in_marked_ || depth_ > 0;
    if (!inside && started_ && (is_space(c) || c == ',' || closes(c))) {
      done_ = true;  // the end of a word
      break;
    }
    if (!inside && !started_ && closes(c)) {
      done_ = true;  // there is no value
      break;
    }
    scan_char(c);
    ++at;
  }
  return at;
}

// The size of the quote marker that `text` begins with, or 0.
size_t ValueScanner::take_quote(std::string_view text, bool& undecided) {
  if (quote_marker_.empty() || quote_ != 0) return 0;
  if (!text.starts_with(quote_marker_)) {
    undecided = quote_marker_.starts_with(text);
    return 0;
  }
  in_marked_ = !in_marked_;
  started_ = true;
  if (!in_marked_ && depth_ == 0) done_ = true;
  return quote_marker_.size();
}

void ValueScanner::scan_char(char c) {
  started_ = started_ || !is_space(c);
  if (in_marked_) return;
  if (quote_ != 0) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == quote_) {
      quote_ = 0;
      done_ = depth_ == 0;
    }
    return;
  }
  if (quotes_.find(c) != std::string_view::npos) {
    quote_ = c;
  } else if (opens(c)) {
    ++depth_;
  } else if (closes(c)) {
    done_ = --depth_ == 0;
  }
}

}  // namespace trivet
