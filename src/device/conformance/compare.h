// How far two results are apart.
#ifndef TRIVET_DEVICE_CONFORMANCE_COMPARE_H_
#define TRIVET_DEVICE_CONFORMANCE_COMPARE_H_

#include <string>

#include "device/conformance.h"
#include "device/conformance/random_data.h"

namespace trivet::conformance {

struct Deviation {
  double error = 0.0;
  std::string where;  // of the worst

  // Keeps the worse of the two.
  void merge(const Deviation& other, const std::string& context);
};

// Infinite where a value is no number or the shapes differ.
Deviation deviation(ConformanceMeasure measure, const Matrix& expected, const Matrix& actual);

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_COMPARE_H_
