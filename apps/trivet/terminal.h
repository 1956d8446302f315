// What people see: colours and progress bars on a terminal, plain lines everywhere else.
#ifndef TRIVET_APPS_TERMINAL_H_
#define TRIVET_APPS_TERMINAL_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow, kCyan };

// The text in the style if standard error (or output) is a terminal and NO_COLOR is not set.
std::string styled(Style style, std::string_view text, int fd = 2);

bool is_terminal(int fd);
int terminal_columns();

// "error: ..." on standard error; returns the exit code that fits the error (2 for a wrong request,
// else 1).
int report_error(const Error& error);
void print_notice(std::string_view text);

// A line on standard error that redraws itself: name, bar, amounts, rate, time left. On anything
// but a terminal it prints one line at the end. Finishes when it dies.
class ProgressBar {
 public:
  enum class Unit { kBytes, kRequests };
  explicit ProgressBar(std::string name, Unit unit = Unit::kBytes);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(uint64_t done, uint64_t total);
  void finish();

 private:
  void draw();
  std::string amount(uint64_t count) const;
  std::string name_;
  const Unit unit_;
  uint64_t done_ = 0, total_ = 0;
  uint64_t first_done_ = 0;  // where this run began, for the rate of a resumed download
  bool started_ = false, finished_ = false;
  std::chrono::steady_clock::time_point begin_, drawn_;
};

// Columns padded to their widest cell; numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace trivet

#endif  // TRIVET_APPS_TERMINAL_H_
