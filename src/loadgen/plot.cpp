#include "loadgen/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/markup.h"
#include "loadgen/report_page.h"

namespace trivet {
namespace {

constexpr double kWidth = 640, kHeight = 280;
constexpr double kLeft = 62, kRight = 16, kTop = 34, kBottom = 44;

// One axis: values to pixels.
struct Axis {
  double low = 0, high = 1;
  double first_pixel = 0, last_pixel = 1;
  bool logarithmic = false;

  double position(double value) const { return logarithmic ? std::log10(value) : value; }
  double pixel(double value) const {
    value = std::max(value, low);
    const double part = (position(value) - position(low)) / (position(high) - position(low));
    return first_pixel + part * (last_pixel - first_pixel);
  }
  std::vector<double> ticks() const {
    if (!logarithmic) return axis_ticks(low, high, 8);
    std::vector<double> ticks;
    for (double power = std::floor(std::log10(low)); power <= std::log10(high) + 1e-9; ++power) {
      for (const double step : {1.0, 2.0, 5.0}) {
        if (step > 1 && high > low * 1000) continue;  // no room for more than the decades
        const double tick = step * std::pow(10.0, power);
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push_back(tick);
      }
    }
    return ticks;
  }
};

bool is_shown(const Plot& plot, const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second) &&
         (!plot.log_x || point.first > 0);
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

Axis x_axis(const Plot& plot) {
  Range range;
  for (const PlotSeries& series : plot.series) {
    for (const auto& point : series.points) {
      if (is_shown(plot, point)) range.take(point.first);
    }
  }
  if (plot.x_limit && *plot.x_limit > 0) range.take(*plot.x_limit);
  Axis axis{range.low, range.high, kLeft, kWidth - kRight, plot.log_x};
  constexpr double kMostDecades = 1e5;  // single outliers below are cut off
  axis.low = plot.log_x ? std::max(axis.low, axis.high / kMostDecades) : std::min(axis.low, 0.0);
  if (!(axis.high > axis.low)) {
    axis.low = plot.log_x ? 0.1 : 0;
    axis.high = std::max(1.0, std::isfinite(range.high) ? range.high : 1.0);
  }
  return axis;
}

Axis y_axis(const Plot& plot) {
  Range range;
  range.take(0);
  for (const PlotSeries& series : plot.series) {
    for (const auto& point : series.points) {
      if (is_shown(plot, point)) range.take(point.second);
    }
  }
  if (plot.y_limit) range.take(*plot.y_limit);
  const double top = range.high > 0 ? range.high * 1.05 : 1;
  return {0, top, kHeight - kBottom, kTop, false};
}

std::string number(double value) { return fmt::format("{:g}", value == 0 ? 0.0 : value); }

void draw_frame(std::string& svg, const Plot& plot, const Axis& x, const Axis& y) {
  for (const double tick : x.ticks()) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>",
        x.pixel(tick), kTop, kHeight - kBottom, kHeight - kBottom + 15, number(tick));
  }
  for (const double tick : axis_ticks(y.low, y.high, 6)) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{1}\" x2=\"{2}\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>",
        y.pixel(tick), kLeft, kWidth - kRight, kLeft - 6, y.pixel(tick) + 4, number(tick));
  }
  svg += fmt::format("<text class=\"title\" x=\"{}\" y=\"18\">{}</text>", kLeft,
                     escape_markup(plot.title));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                     (kLeft + kWidth - kRight) / 2, kHeight - 8, escape_markup(plot.x_label));
  svg += fmt::format(
      "<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
      (kTop + kHeight - kBottom) / 2, escape_markup(plot.y_label));
}

void draw_series(std::string& svg, const Plot& plot, const PlotSeries& series, size_t colour,
                 const Axis& x, const Axis& y) {
  std::string points;
  for (const auto& point : series.points) {
    if (!is_shown(plot, point)) continue;
    if (series.line) {
      points += fmt::format("{:.1f},{:.1f} ", x.pixel(point.first), y.pixel(point.second));
    }
    if (!series.line || series.dots) {
      svg += fmt::format("<circle class=\"s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.2\"/>", colour,
                         x.pixel(point.first), y.pixel(point.second));
    }
  }
  if (series.line) {
    svg += fmt::format("<polyline class=\"s{}\" points=\"{}\"/>", colour, points);
  }
}

void draw_limits(std::string& svg, const Plot& plot, const Axis& x, const Axis& y) {
  if (plot.x_limit) {
    svg +=
        fmt::format("<line class=\"limit\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>",
                    x.pixel(*plot.x_limit), kTop, kHeight - kBottom);
  }
  if (plot.y_limit) {
    svg +=
        fmt::format("<line class=\"limit\" x1=\"{1}\" x2=\"{2}\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>",
                    y.pixel(*plot.y_limit), kLeft, kWidth - kRight);
  }
}

void draw_legend(std::string& svg, const Plot& plot) {
  if (plot.series.size() < 2) return;
  double at = kWidth - kRight;
  for (size_t i = plot.series.size(); i-- > 0;) {
    const std::string& name = plot.series[i].name;
    svg += fmt::format("<text class=\"name s{}\" x=\"{}\" y=\"18\" text-anchor=\"end\">{}</text>",
                       i, at, escape_markup(name));
    at -= 7.0 * static_cast<double>(name.size()) + 14;
  }
}

std::string plot_with(const Plot& plot, std::string_view attributes, std::string_view style) {
  const Axis x = x_axis(plot), y = y_axis(plot);
  std::string svg = fmt::format("<svg {}viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}",
                                attributes, kWidth, kHeight, escape_markup(plot.title), style);
  draw_frame(svg, plot, x, y);
  for (size_t i = 0; i < plot.series.size(); ++i) {
    draw_series(svg, plot, plot.series[i], i, x, y);
  }
  draw_limits(svg, plot, x, y);
  draw_legend(svg, plot);
  return svg + "</svg>";
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int most) {
  if (!(high > low) || most < 1) return {};
  const double least = (high - low) / most;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) {
    ticks.push_back(i * step);
  }
  return ticks;
}

std::string plot_svg(const Plot& plot) { return plot_with(plot, "", ""); }

std::string plot_file(const Plot& plot) {
  return plot_with(plot, "xmlns=\"http://www.w3.org/2000/svg\" ",
                   "<style>" + std::string(kReportColours) + std::string(kPlotStyle) + "</style>") +
         "\n";
}

}  // namespace trivet
