#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

StepData random_tokens(int64_t vocabulary) {
  StepData step = simple_step(kMostRows);
  Random random(21);
  for (int32_t& token : step.tokens) token = static_cast<int32_t>(random.below(vocabulary));
  step.tokens.front() = 0;
  step.tokens.back() = static_cast<int32_t>(vocabulary - 1);
  return step;
}

}  // namespace

void check_embedding(Session& session) {
  session.begin_group("embedding");
  const int64_t vocabulary = 301;
  const trivet_embedding_params params{sizeof params, 25.25f};
  for (const DType dtype : weight_dtypes()) {
    for (const int64_t cols : {int64_t{512}, int64_t{576}}) {
      if (cols % block_shape(dtype).columns != 0) continue;
      const WeightData weight = random_weight(dtype, vocabulary, cols, 20);
      const RowOperation embedding{.name = std::string(dtype_name(dtype)) + " " +
                                           std::to_string(vocabulary) + " x " +
                                           std::to_string(cols),
                                   .spec = {.kind = TRIVET_OP_EMBEDDING,
                                            .params = &params,
                                            .output_cols = cols,
                                            .weights = {&weight}},
                                   .tolerance = {ConformanceMeasure::kMax, 1e-6},
                                   .step = random_tokens(vocabulary)};
      check_accuracy(session, embedding);
      if (dtype == DType::kQ8_0 && cols == 512) check_invariance(session, embedding);
    }
  }
}

}  // namespace trivet::conformance
