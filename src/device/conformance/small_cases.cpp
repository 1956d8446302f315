#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

constexpr int64_t kWidths[] = {1, 7, 576, 896};

RowOperation add_of(int64_t cols) {
  return {.name = "add " + std::to_string(cols),
          .spec = {.kind = TRIVET_OP_ADD, .input_cols = {cols, cols}, .output_cols = cols},
          .tolerance = kSameBits};
}

void check_add(Session& session) {
  for (const int64_t cols : kWidths) check_accuracy(session, add_of(cols));
  check_invariance(session, add_of(576));
  for (const int index : {0, 1}) check_in_place(session, add_of(576), index);
}

void check_scale(Session& session) {
  for (const int64_t cols : kWidths) {
    const trivet_scale_params params{sizeof params, 33.9411255f};
    const RowOperation scale{.name = "scale " + std::to_string(cols),
                             .spec = {.kind = TRIVET_OP_SCALE,
                                      .params = &params,
                                      .input_cols = {cols},
                                      .output_cols = cols},
                             .tolerance = kSameBits};
    check_accuracy(session, scale);
    if (cols != 576) continue;
    check_invariance(session, scale);
    check_in_place(session, scale, 0);
  }
}

void check_softcap(Session& session) {
  for (const int64_t cols : kWidths) {
    const trivet_softcap_params params{sizeof params, 30.0f};
    const RowOperation softcap{.name = "softcap " + std::to_string(cols),
                               .spec = {.kind = TRIVET_OP_SOFTCAP,
                                        .params = &params,
                                        .input_cols = {cols},
                                        .output_cols = cols},
                               .tolerance = {ConformanceMeasure::kMax, 1e-5},
                               .inputs = {random_matrix(kMostRows, cols, 1, 40.0f)}};
    check_accuracy(session, softcap);
    if (cols != 576) continue;
    check_invariance(session, softcap);
    check_in_place(session, softcap, 0);
  }
}

void check_gated_activation(Session& session) {
  for (const uint32_t activation : {TRIVET_ACT_SILU, TRIVET_ACT_GELU_TANH}) {
    const trivet_gated_activation_params params{sizeof params, activation};
    const std::string name = activation == TRIVET_ACT_SILU ? "silu " : "gelu_tanh ";
    for (const int64_t cols : kWidths) {
      const RowOperation gated{.name = "gated " + name + std::to_string(cols),
                               .spec = {.kind = TRIVET_OP_GATED_ACTIVATION,
                                        .params = &params,
                                        .input_cols = {2 * cols},
                                        .output_cols = cols},
                               .tolerance = {ConformanceMeasure::kMax, 1e-5},
                               .inputs = {random_matrix(kMostRows, 2 * cols, 2, 3.0f)}};
      check_accuracy(session, gated);
      if (cols == 576) check_invariance(session, gated);
    }
  }
}

// Gates far from 0, where exp() leaves the range of float32.
void check_extreme_gates(Session& session) {
  const trivet_gated_activation_params silu{sizeof silu, TRIVET_ACT_SILU},
      gelu{sizeof gelu, TRIVET_ACT_GELU_TANH};
  for (const auto* params : {&silu, &gelu}) {
    RowOperation gated{.name = std::string("gated ") + (params == &silu ? "silu" : "gelu_tanh") +
                               " of extreme gates",
                       .spec = {.kind = TRIVET_OP_GATED_ACTIVATION,
                                .params = params,
                                .input_cols = {16},
                                .output_cols = 8},
                       .tolerance = {ConformanceMeasure::kMax, 1e-5},
                       .inputs = {random_matrix(kMostRows, 16, 3)}};
    const float gates[8] = {0.0f, -0.0f, 100.0f, -100.0f, 1e4f, -1e4f, 1e-20f, -1e-20f};
    for (int64_t r = 0; r < kMostRows; ++r)
      std::copy(std::begin(gates), std::end(gates), gated.inputs[0].values.begin() + r * 16);
    check_accuracy(session, gated);
  }
}

void check_gather_rows(Session& session) {
  session.check("gather_rows 576", kSameBits, [&]() -> Result<Deviation> {
    const OpSpec spec{
        .kind = TRIVET_OP_GATHER_ROWS, .input_cols = {576}, .output_cols = 576, .output_domain = 1};
    StepData step = simple_step(kMostRows);
    const auto inputs = random_inputs(spec, kMostRows);
    Deviation worst;
    for (const auto& rows : {std::vector<int32_t>{32}, {0, 0, 31, 5}, {}}) {
      step.output_rows = rows;
      TRIVET_ASSIGN_OR_RETURN(const Matrix actual,
                              run_once(session.candidate(), spec, inputs, step));
      TRIVET_ASSIGN_OR_RETURN(const Matrix expected,
                              run_once(session.reference(), spec, inputs, step));
      worst.merge(deviation(ConformanceMeasure::kBits, expected, actual),
                  std::to_string(rows.size()) + " rows");
    }
    return worst;
  });
}

}  // namespace

void check_small_operations(Session& session) {
  session.begin_group("element-wise");
  check_add(session);
  check_scale(session);
  check_softcap(session);
  check_gated_activation(session);
  check_extreme_gates(session);
  check_gather_rows(session);
}

}  // namespace trivet::conformance
