// Small line and scatter plots as SVG, in the colours of the page around them (CSS classes s0..s3).
#ifndef TRIVET_LOADGEN_PLOT_H_
#define TRIVET_LOADGEN_PLOT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace trivet {

struct PlotSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y
  bool line = true;                               // else dots
  bool dots = false;                              // dots on the line too
};

struct Plot {
  std::string title, x_label, y_label;
  std::vector<PlotSeries> series;
  std::optional<double> x_limit, y_limit;  // an objective, drawn as a dashed line
  bool log_x = false;                      // points with x <= 0 are left out
};

std::string plot_svg(const Plot& plot);
// The same as a file of its own, with its colours, for light and dark pages.
std::string plot_file(const Plot& plot);

// Steps of 1, 2 or 5 times a power of ten that cut [low, high] into at most `most` parts.
std::vector<double> axis_ticks(double low, double high, int most);

}  // namespace trivet

#endif  // TRIVET_LOADGEN_PLOT_H_
