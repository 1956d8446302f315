#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

constexpr Tolerance kNormTolerance{ConformanceMeasure::kMax, 1e-5};

// Rows from tiny to large, and one of zeros.
Matrix rows_of_many_magnitudes(int64_t cols) {
  Matrix x = random_matrix(kMostRows, cols, 10);
  const float factors[] = {1.0f, 1e-6f, 1e-3f, 0.0f, 100.0f, 1e4f};
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < cols; ++c) x.values[r * cols + c] *= factors[r % 6];
  return x;
}

void check_rms_norm(Session& session) {
  for (const int64_t cols : {64, 576, 896, 1003}) {
    const auto weight = random_vector(cols, 11, 0.2f, 2.0f);
    trivet_rms_norm_params params{sizeof params, weight.data(), 1e-6f, 0};
    const std::string name = "rms_norm " + std::to_string(cols);
    RowOperation norm{.name = name,
                      .spec = {.kind = TRIVET_OP_RMS_NORM,
                               .params = &params,
                               .input_cols = {cols},
                               .output_cols = cols},
                      .tolerance = kNormTolerance,
                      .inputs = {rows_of_many_magnitudes(cols)}};
    check_accuracy(session, norm);
    if (cols == 576) check_invariance(session, norm);

    params.add_residual = 1;
    norm.name = name + " + residual";
    norm.spec.input_cols = {cols, cols};
    norm.inputs.push_back(random_matrix(kMostRows, cols, 12));
    check_accuracy(session, norm);
    if (cols != 576) continue;
    check_invariance(session, norm);
    check_in_place(session, norm, 1);
  }
}

void check_residual_fusion(Session& session) {
  session.check("rms_norm + residual = rms_norm, add", kSameBits, [&]() -> Result<Deviation> {
    const int64_t cols = 896;
    const auto weight = random_vector(cols, 11, 0.2f, 2.0f);
    const trivet_rms_norm_params fused{sizeof fused, weight.data(), 1e-6f, 1};
    const trivet_rms_norm_params plain{sizeof plain, weight.data(), 1e-6f, 0};
    const StepData step = simple_step(7);
    const Matrix x = random_matrix(7, cols, 1), residual = random_matrix(7, cols, 2);
    Device& device = session.candidate();
    TRIVET_ASSIGN_OR_RETURN(const Matrix whole, run_once(device,
                                                         {.kind = TRIVET_OP_RMS_NORM,
                                                          .params = &fused,
                                                          .input_cols = {cols, cols},
                                                          .output_cols = cols},
                                                         {x, residual}, step));
    TRIVET_ASSIGN_OR_RETURN(const Matrix normal, run_once(device,
                                                          {.kind = TRIVET_OP_RMS_NORM,
                                                           .params = &plain,
                                                           .input_cols = {cols},
                                                           .output_cols = cols},
                                                          {x}, step));
    TRIVET_ASSIGN_OR_RETURN(
        const Matrix pieces,
        run_once(device, {.kind = TRIVET_OP_ADD, .input_cols = {cols, cols}, .output_cols = cols},
                 {residual, normal}, step));
    return deviation(ConformanceMeasure::kBits, pieces, whole);
  });
}

void check_head_norm(Session& session) {
  for (const int32_t head_dim : {64, 128, 256, 80}) {
    const int64_t cols = int64_t{head_dim} * 5;
    const auto weight = random_vector(head_dim, 13, 0.2f, 2.0f);
    const trivet_head_norm_params params{sizeof params, head_dim,      3,
                                         head_dim,      weight.data(), 1e-6f};
    const RowOperation norm{.name = "head_norm 3 of 5 heads of " + std::to_string(head_dim),
                            .spec = {.kind = TRIVET_OP_HEAD_NORM,
                                     .params = &params,
                                     .input_cols = {cols},
                                     .output_cols = cols,
                                     .output_is_input = 0},
                            .tolerance = kNormTolerance};
    check_accuracy(session, norm);
    if (head_dim == 64) check_invariance(session, norm);
  }
}

}  // namespace

void check_norms(Session& session) {
  session.begin_group("norm");
  check_rms_norm(session);
  check_residual_fusion(session);
  check_head_norm(session);
}

}  // namespace trivet::conformance
