#include "device/conformance/compare.h"

#include <bit>
#include <cmath>
#include <limits>

namespace trivet::conformance {
namespace {

std::string place(int64_t row, int64_t col, double expected, double actual) {
  char text[160];
  std::snprintf(text, sizeof text, "row %lld column %lld is %.9g, expected %.9g",
                static_cast<long long>(row), static_cast<long long>(col), actual, expected);
  return text;
}

Deviation bit_deviation(const Matrix& expected, const Matrix& actual) {
  Deviation result;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    if (std::bit_cast<uint32_t>(expected.values[i]) == std::bit_cast<uint32_t>(actual.values[i]))
      continue;
    if (result.error == 0.0) {
      const int64_t at = static_cast<int64_t>(i);
      result.where =
          place(at / expected.cols, at % expected.cols, expected.values[i], actual.values[i]);
    }
    result.error += 1.0;
  }
  return result;
}

Deviation row_deviation(ConformanceMeasure measure, const Matrix& expected, const Matrix& actual,
                        int64_t row) {
  double scale = 0.0, squares = 0.0, error_squares = 0.0, worst = -1.0;
  int64_t worst_col = 0;
  for (int64_t c = 0; c < expected.cols; ++c) {
    const double e = expected.row(row)[c], difference = std::abs(actual.row(row)[c] - e);
    if (!std::isfinite(difference))
      return {std::numeric_limits<double>::infinity(), place(row, c, e, actual.row(row)[c])};
    scale = std::max(scale, std::abs(e));
    squares += e * e;
    error_squares += difference * difference;
    if (difference > worst) {
      worst = difference;
      worst_col = c;
    }
  }
  if (worst <= 0.0) return {};
  const double relative =
      measure == ConformanceMeasure::kMax ? worst / scale : std::sqrt(error_squares / squares);
  return {relative,
          place(row, worst_col, expected.row(row)[worst_col], actual.row(row)[worst_col])};
}

}  // namespace

void Deviation::merge(const Deviation& other, const std::string& context) {
  if (!(other.error > error)) return;
  error = other.error;
  where = context.empty() ? other.where : context + ": " + other.where;
}

Deviation deviation(ConformanceMeasure measure, const Matrix& expected, const Matrix& actual) {
  if (expected.rows != actual.rows || expected.cols != actual.cols)
    return {std::numeric_limits<double>::infinity(), "the shapes differ"};
  if (measure == ConformanceMeasure::kBits) return bit_deviation(expected, actual);
  Deviation result;
  for (int64_t r = 0; r < expected.rows; ++r)
    result.merge(row_deviation(measure, expected, actual, r), "");
  return result;
}

}  // namespace trivet::conformance
