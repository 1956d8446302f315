// Finds the end of a value that is written with brackets and quotes, as it comes.
#ifndef TRIVET_DIALECTS_VALUE_SCANNER_H_
#define TRIVET_DIALECTS_VALUE_SCANNER_H_

#include <string>
#include <string_view>

namespace trivet {

// A value is a string, something in brackets, or a word that ends before a comma, a closing bracket
// or white space.
class ValueScanner {
 public:
  // `quotes`: each of its characters begins and ends strings in which a backslash escapes.
  // `quote_marker`: a text that does the same, without escapes; empty = none.
  explicit ValueScanner(std::string_view quotes, std::string_view quote_marker = {})
      : quotes_(quotes), quote_marker_(quote_marker) {}

  // Takes bytes of the value from the start of `text` and returns how many. Fewer than all, while
  // not done(), means that the rest may be the start of a marker and must come again.
  size_t scan(std::string_view text);
  // The value is complete. A word at the very end of the input never is.
  bool done() const { return done_; }
  bool started() const { return started_; }

 private:
  size_t take_quote(std::string_view text, bool& undecided);
  void scan_char(char c);

  std::string_view quotes_;
  std::string_view quote_marker_;
  int depth_ = 0;
  char quote_ = 0;          // of the string that is open
  bool in_marked_ = false;  // inside a string between markers
  bool escaped_ = false;
  bool started_ = false;
  bool done_ = false;
};

}  // namespace trivet

#endif  // TRIVET_DIALECTS_VALUE_SCANNER_H_
