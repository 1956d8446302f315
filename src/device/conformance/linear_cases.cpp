#include <utility>

#include "device/conformance/linear_tolerance.h"
#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

struct Shape {
  int64_t rows, cols;
};

// Output features that fill no panel, and widths that are no multiple of 256 where the type allows
// it.
std::vector<Shape> shapes_of(DType dtype) {
  if (block_shape(dtype).columns == 256) return {{129, 256}, {64, 512}, {64, 768}, {100, 1536}};
  if (is_quantized(dtype)) return {{192, 576}, {129, 896}, {64, 32}, {50, 96}, {64, 1536}};
  return {{192, 576}, {129, 896}, {64, 32}, {50, 100}, {17, 577}};
}

std::string shape_name(DType dtype, const Shape& shape) {
  return std::string(dtype_name(dtype)) + " " + std::to_string(shape.rows) + " x " +
         std::to_string(shape.cols);
}

void check_shape(Session& session, DType dtype, const Shape& shape, bool with_invariance) {
  const WeightData weight = random_weight(dtype, shape.rows, shape.cols, 30);
  const auto bias = random_vector(shape.rows, 31, -0.5f, 0.5f);
  const trivet_linear_params params{.size = sizeof params, .bias = bias.data()};
  const RowOperation linear{.name = shape_name(dtype, shape),
                            .spec = {.kind = TRIVET_OP_LINEAR,
                                     .params = &params,
                                     .input_cols = {shape.cols},
                                     .output_cols = shape.rows,
                                     .weights = {&weight}},
                            .tolerance = linear_tolerance(dtype)};
  check_accuracy(session, linear);
  if (with_invariance) check_invariance(session, linear);
}

// One output feature. A single sum can come out near 0, so the deviations are judged by the values
// of all rows together.
void check_single_feature(Session& session, DType dtype) {
  const Shape shape{1, block_shape(dtype).columns == 256 ? 768 : 32};
  const Tolerance tolerance = linear_tolerance(dtype);
  session.check(shape_name(dtype, shape), tolerance, [&]() -> Result<Deviation> {
    const WeightData weight = random_weight(dtype, shape.rows, shape.cols, 34);
    const trivet_linear_params params{.size = sizeof params};
    const OpSpec spec{.kind = TRIVET_OP_LINEAR,
                      .params = &params,
                      .input_cols = {shape.cols},
                      .output_cols = 1,
                      .weights = {&weight}};
    const auto inputs = random_inputs(spec, kMostRows);
    const StepData step = simple_step(kMostRows);
    TRIVET_ASSIGN_OR_RETURN(Matrix actual, run_once(session.candidate(), spec, inputs, step));
    TRIVET_ASSIGN_OR_RETURN(Matrix expected, run_once(session.reference(), spec, inputs, step));
    for (Matrix* matrix : {&actual, &expected}) std::swap(matrix->rows, matrix->cols);
    return deviation(tolerance.measure, expected, actual);
  });
}

// Rows of zeros, of tiny and of large values: scales of quantised activations at their limits.
void check_magnitudes(Session& session, DType dtype) {
  const Shape shape{48, 512};
  const WeightData weight = random_weight(dtype, shape.rows, shape.cols, 32);
  const trivet_linear_params params{.size = sizeof params};
  Matrix x = random_matrix(kMostRows, shape.cols, 33);
  const float factors[] = {0.0f, 1e-8f, 1e-3f, 1e3f, 1e6f};
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c) x.values[r * x.cols + c] *= factors[r % 5];
  check_accuracy(session, {.name = shape_name(dtype, shape) + ", rows of 0 to 1e6",
                           .spec = {.kind = TRIVET_OP_LINEAR,
                                    .params = &params,
                                    .input_cols = {shape.cols},
                                    .output_cols = shape.rows,
                                    .weights = {&weight}},
                           .tolerance = linear_tolerance(dtype),
                           .inputs = {x}});
}

}  // namespace

Tolerance linear_tolerance(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return {ConformanceMeasure::kMax, 1e-5};
    case DType::kF16:
      return {ConformanceMeasure::kRms, 1e-3};
    case DType::kBF16:
      return {ConformanceMeasure::kRms, 4e-3};
    default:
      return {ConformanceMeasure::kRms, 0.015};
  }
}

void check_linear(Session& session) {
  session.begin_group("linear");
  for (const DType dtype : weight_dtypes()) {
    bool first = true;
    for (const Shape& shape : shapes_of(dtype)) {
      check_shape(session, dtype, shape, first);
      first = false;
    }
    check_single_feature(session, dtype);
    check_magnitudes(session, dtype);
  }
}

}  // namespace trivet::conformance
