#include "terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/memory_plan.h"

namespace trivet {
namespace {

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

const char* escape_code(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kYellow:
      return "\x1b[33m";
    case Style::kCyan:
      return "\x1b[36m";
  }
  return "";
}

bool looks_like_number(std::string_view text) {
  return !text.empty() &&
         (std::isdigit(static_cast<unsigned char>(text.front())) || text.front() == '-');
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::string styled(Style style, std::string_view text, int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  if (style == Style::kPlain || !is_terminal(fd) || (no_color != nullptr && *no_color != '\0')) {
    return std::string(text);
  }
  return fmt::format("{}{}\x1b[0m", escape_code(style), text);
}

int terminal_columns() {
  winsize size{};
  if (::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

int report_error(const Error& error) {
  fmt::print(stderr, "{} {}\n", styled(Style::kRed, "error:"), error.message());
  return error.code() == ErrorCode::kInvalidArgument ? 2 : 1;
}

void print_notice(std::string_view text) {
  fmt::print(stderr, "{} {}\n", styled(Style::kYellow, "note:"), text);
}

ProgressBar::ProgressBar(std::string name, Unit unit) : name_(std::move(name)), unit_(unit) {}

std::string ProgressBar::amount(uint64_t count) const {
  return unit_ == Unit::kBytes ? format_bytes(count) : std::to_string(count);
}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!started_) {
    started_ = true;
    begin_ = now;
    first_done_ = done;
  }
  done_ = done;
  total_ = total;
  if (!is_terminal(2) || now - drawn_ < kRedrawInterval) return;
  drawn_ = now;
  draw();
}

void ProgressBar::draw() {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - first_done_) / seconds : 0;
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0;
  std::string tail =
      total_ > 0 ? fmt::format(" {:3.0f} %  {} of {}", share * 100, amount(done_), amount(total_))
                 : fmt::format("  {}", amount(done_));
  tail += unit_ == Unit::kBytes ? fmt::format("  {}/s", format_bytes(static_cast<uint64_t>(rate)))
                                : fmt::format("  {:.2f}/s", rate);
  if (total_ > done_ && rate > 0) {
    const auto left = static_cast<int>(static_cast<double>(total_ - done_) / rate);
    tail += fmt::format("  {}:{:02} left", left / 60, left % 60);
  }
  const int room = terminal_columns() - static_cast<int>(name_.size() + tail.size()) - 6;
  std::string bar;
  if (room >= 10) {
    const int width = std::min(room, 40);
    const int full = static_cast<int>(share * width + 0.5);
    bar = " [" + std::string(static_cast<size_t>(full), '#') +
          std::string(static_cast<size_t>(width - full), '.') + "]";
  }
  fmt::print(stderr, "\r\x1b[K{}{}{}", styled(Style::kCyan, name_), bar, tail);
  std::fflush(stderr);
}

void ProgressBar::finish() {
  if (finished_ || !started_) return;
  finished_ = true;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  fmt::print(stderr, "{}{}: {} in {:.1f} s\n", is_terminal(2) ? "\r\x1b[K" : "", name_,
             amount(done_ - first_done_) + (unit_ == Unit::kRequests ? " requests" : ""), seconds);
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows_[r].size(); ++i) {
      const std::string& cell = rows_[r][i];
      // A header stands over its numbers.
      const bool right =
          looks_like_number(rows_.size() > 1 && r == 0 && i < rows_[1].size() ? rows_[1][i] : cell);
      line += right ? fmt::format("{:>{}}  ", cell, widths[i])
                    : fmt::format("{:<{}}  ", cell, widths[i]);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += (r == 0 ? styled(Style::kBold, line, 1) : line) + "\n";
  }
  return out;
}

}  // namespace trivet
