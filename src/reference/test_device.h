// For the tests of this module: the reference on a device, and comparisons.
#ifndef TRIVET_REFERENCE_TEST_DEVICE_H_
#define TRIVET_REFERENCE_TEST_DEVICE_H_

#include <gtest/gtest.h>

#include <cmath>

#include "device/conformance/op_runner.h"
#include "reference/reference_backend.h"

namespace trivet::reference {

using conformance::KvCache;
using conformance::Matrix;
using conformance::OpRunner;
using conformance::OpSpec;
using conformance::random_matrix;
using conformance::random_vector;
using conformance::random_weight;
using conformance::simple_step;
using conformance::StepData;
using conformance::WeightData;

inline std::unique_ptr<Device> open_reference(int num_threads = 2) {
  auto device =
      Device::create(*Backend::from_table(reference_backend()), {.num_threads = num_threads});
  return std::move(*device);
}

// Prepares and runs; a failure ends the process with the message.
inline Matrix run_op(Device& device, const OpSpec& spec, const std::vector<Matrix>& inputs,
                     const StepData& step, KvCache* kv = nullptr) {
  auto runner = OpRunner::create(device, spec);
  return std::move(*(*runner)->run(inputs, step, kv));
}

// Every value within `tolerance` of the exact one, relative to the largest exact magnitude.
inline void expect_close(const std::vector<float>& values, const std::vector<double>& exact,
                         double tolerance) {
  ASSERT_EQ(values.size(), exact.size());
  double scale = 0.0;
  for (double e : exact) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < exact.size(); ++i)
    ASSERT_NEAR(values[i], exact[i], tolerance * scale) << "at " << i;
}

}  // namespace trivet::reference

#endif  // TRIVET_REFERENCE_TEST_DEVICE_H_
