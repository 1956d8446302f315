#include <cmath>

#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

std::vector<float> inverse_frequencies(int32_t rotary_dim, double base) {
  std::vector<float> values;
  for (int32_t i = 0; i < rotary_dim / 2; ++i)
    values.push_back(static_cast<float>(1.0 / std::pow(base, 2.0 * i / rotary_dim)));
  return values;
}

// Consecutive positions near `first`, as in a long sequence.
StepData step_from(int32_t first) {
  StepData step;
  step.add_sequence(first, kMostRows);
  return step;
}

void check_tables(Session& session) {
  for (const int32_t first : {0, 4000, 131000}) {
    for (const int32_t rotary_dim : {64, 128, 20}) {
      const auto inv_freq = inverse_frequencies(rotary_dim, 10000.0);
      const trivet_rope_table_params params{sizeof params, rotary_dim, inv_freq.data(), 1.25f};
      const RowOperation table{
          .name =
              "table of " + std::to_string(rotary_dim) + " from position " + std::to_string(first),
          .spec = {.kind = TRIVET_OP_ROPE_TABLE, .params = &params, .output_cols = rotary_dim},
          .tolerance = {ConformanceMeasure::kMax, 2e-6},
          .step = step_from(first)};
      check_accuracy(session, table);
      if (first == 4000 && rotary_dim == 64) check_invariance(session, table);
    }
  }
}

void check_rotation(Session& session) {
  struct Shape {
    int32_t head_dim, rotary_dim;
  };
  for (const uint32_t style : {TRIVET_ROPE_HALF, TRIVET_ROPE_INTERLEAVED}) {
    for (const Shape& shape : {Shape{64, 64}, {128, 128}, {256, 256}, {80, 20}}) {
      const trivet_rope_params params{sizeof params,  shape.head_dim,   3,
                                      shape.head_dim, shape.rotary_dim, style};
      const int64_t cols = int64_t{shape.head_dim} * 5;
      const std::string style_name = style == TRIVET_ROPE_HALF ? "half, " : "interleaved, ";
      RowOperation rope{.name = "rotate " + style_name + std::to_string(shape.rotary_dim) + " of " +
                                std::to_string(shape.head_dim),
                        .spec = {.kind = TRIVET_OP_ROPE,
                                 .params = &params,
                                 .input_cols = {cols, shape.rotary_dim},
                                 .output_cols = cols,
                                 .output_is_input = 0},
                        .tolerance = {ConformanceMeasure::kMax, 1e-6}};
      check_accuracy(session, rope);
      if (shape.head_dim == 64) check_invariance(session, rope);
    }
  }
}

}  // namespace

void check_rope(Session& session) {
  session.begin_group("rope");
  check_tables(session);
  check_rotation(session);
}

}  // namespace trivet::conformance
