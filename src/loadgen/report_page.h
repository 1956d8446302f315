// The page around figures and plots: one look for all reports, light and dark, nothing fetched.
#ifndef TRIVET_LOADGEN_REPORT_PAGE_H_
#define TRIVET_LOADGEN_REPORT_PAGE_H_

#include <string>
#include <string_view>

namespace trivet {

// Colours as CSS variables, and the classes that plots use: also for SVG files of their own.
extern const std::string_view kReportColours, kPlotStyle;

// `title` and `about` are plain text, `body` is markup.
std::string report_page(std::string_view title, std::string_view about, std::string_view body);

// One figure with its name, both plain text; goes into <div class="tiles">.
std::string report_tile(std::string_view figure, std::string_view name);

}  // namespace trivet

#endif  // TRIVET_LOADGEN_REPORT_PAGE_H_
