// The conformance checks themselves: the reference passes against itself, and backends with a
// planted fault do not.
#include "device/conformance.h"

#include <gmock/gmock.h>

#include <iostream>
#include <sstream>

#include "reference/test_device.h"

namespace trivet::reference {
namespace {

using ::testing::HasSubstr;

const trivet_backend& sound() { return *reference_backend(); }

ConformanceReport judge(const trivet_backend& table, const std::string& filter,
                        int num_threads = 2) {
  auto candidate =
      std::move(*Device::create(*Backend::from_table(&table), {.num_threads = num_threads}));
  auto reference = open_reference();
  return run_conformance(*candidate, *reference, {.filter = filter}, [](const ConformanceCase& c) {
    if (c.status == ConformanceStatus::kFail) print_conformance_case(c, std::cout);
  });
}

TEST(Conformance, TheReferencePassesEverything) {
  const ConformanceReport report = judge(sound(), "");
  EXPECT_EQ(report.count(ConformanceStatus::kFail), 0);
  EXPECT_EQ(report.count(ConformanceStatus::kUnsupported), 0);
  EXPECT_GT(report.count(ConformanceStatus::kPass), 250);
}

TEST(Conformance, FindsWrongValues) {
  trivet_backend table = sound();
  table.op_run = [](trivet_op* op, const trivet_run* run) {
    const trivet_status status = sound().op_run(op, run);
    if (run->output && run->num_rows > 0) run->output[0] += 0.5f;
    return status;
  };
  for (const char* filter : {"linear: q4_K 129", "rope: rotate half, 64", "norm: rms_norm 576",
                             "gated silu 576", "embedding: f16 301 x 512"})
    EXPECT_FALSE(judge(table, filter).conforms()) << filter;
}

TEST(Conformance, FindsARowThatDependsOnItsCompany) {
  trivet_backend table = sound();
  table.op_run = [](trivet_op* op, const trivet_run* run) {
    const trivet_status status = sound().op_run(op, run);
    if (run->output && run->num_rows > 4) run->output[0] *= 1.0f + 0x1p-22f;
    return status;
  };
  EXPECT_FALSE(judge(table, "linear: f32 192 x 576, in parts").conforms());
  EXPECT_FALSE(judge(table, "attention: 4/4 heads of 64, fused: chunked").conforms());
}

TEST(Conformance, FindsAnIgnoredWindow) {
  trivet_backend table = sound();
  table.op_create = [](trivet_device* device, const trivet_op_desc* desc,
                       const trivet_limits* limits, trivet_op** out, trivet_error* error) {
    if (desc->kind != TRIVET_OP_ATTENTION)
      return sound().op_create(device, desc, limits, out, error);
    auto params = *static_cast<const trivet_attention_params*>(desc->params);
    params.window = 0;
    trivet_op_desc changed = *desc;
    changed.params = &params;
    return sound().op_create(device, &changed, limits, out, error);
  };
  EXPECT_FALSE(judge(table, "window 100, fused").conforms());
}

TEST(Conformance, FindsMemoryThatIsWrittenOutOfBounds) {
  trivet_backend table = sound();
  table.op_run = [](trivet_op* op, const trivet_run* run) {
    const trivet_status status = sound().op_run(op, run);
    if (run->output) run->output[run->num_rows * 576] = 1.0f;
    return status;
  };
  const ConformanceReport report = judge(table, "element-wise: add 576");
  ASSERT_FALSE(report.conforms());
  EXPECT_THAT(report.cases[0].message, HasSubstr("behind the end"));
}

TEST(Conformance, FindsAWeightThatIsReadAfterItWasPacked) {
  trivet_backend table = sound();
  table.weight_bytes = [](trivet_device*, const trivet_weight_desc*) -> uint64_t { return 64; };
  EXPECT_FALSE(judge(table, "linear: f32 192 x 576").conforms());
}

TEST(Conformance, ReportsErrorsOfTheBackendAndGoesOn) {
  trivet_backend table = sound();
  table.op_run = [](trivet_op*, const trivet_run*) { return TRIVET_DEVICE_LOST; };
  const ConformanceReport lost = judge(table, "norm: rms_norm 896");
  EXPECT_FALSE(lost.conforms());
  EXPECT_THAT(lost.cases.back().message, HasSubstr("device lost"));

  table = sound();
  table.memory_allocate = [](trivet_device*, size_t) -> void* { return nullptr; };
  EXPECT_FALSE(judge(table, "norm: rms_norm 896").conforms());

  table = sound();
  table.op_create = [](trivet_device*, const trivet_op_desc*, const trivet_limits*, trivet_op**,
                       trivet_error*) { return TRIVET_INTERNAL; };
  EXPECT_FALSE(judge(table, "norm: rms_norm 896").conforms());
}

TEST(Conformance, WhatIsDeclinedIsNoFailure) {
  trivet_backend table = sound();
  table.op_supported = [](trivet_device*, const trivet_op_desc*) { return 0; };
  const ConformanceReport report = judge(table, "rope:");
  EXPECT_TRUE(report.conforms());
  EXPECT_EQ(report.count(ConformanceStatus::kUnsupported), static_cast<int>(report.cases.size()));
}

TEST(Conformance, PrintsALineForEachCase) {
  std::ostringstream out;
  print_conformance_case({"linear", "q4_K 129 x 256", ConformanceStatus::kFail,
                          ConformanceMeasure::kRms, 0.5, 0.015, "row 3"},
                         out);
  EXPECT_THAT(out.str(), HasSubstr("FAIL  linear         q4_K 129 x 256"));
  EXPECT_THAT(out.str(), HasSubstr("0.5 <= 0.015"));
  EXPECT_THAT(out.str(), HasSubstr("row 3\n"));
}

}  // namespace
}  // namespace trivet::reference
