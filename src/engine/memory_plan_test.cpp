#include "engine/memory_plan.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

constexpr uint64_t kMiB = 1 << 20;

MemoryRequest small_model() {
  MemoryRequest request;
  request.fixed_items = {{"weights", 100 * kMiB}, {"runtime", 20 * kMiB}};
  request.kv_block_bytes = kMiB;
  request.block_tokens = 32;
  request.kv_groups = {{30, 0}};
  request.max_positions = 8192;
  request.max_sequences = 4;
  request.chunk_rows = 64;
  return request;
}

TEST(MemoryPlan, PartsNeverExceedTheBudget) {
  MemoryRequest request = small_model();
  for (const uint64_t budget : {129 * kMiB, 200 * kMiB, 1000 * kMiB, 5000 * kMiB}) {
    request.budget_bytes = budget;
    const auto plan = plan_memory(request, 64ull << 30);
    ASSERT_TRUE(plan.ok()) << plan.error().message();
    uint64_t sum = 0;
    for (const MemoryItem& item : plan->items) sum += item.bytes;
    EXPECT_LE(sum, budget);
  }
}

TEST(MemoryPlan, RefusalNamesTheSmallestBudgetAndThatBudgetWorks) {
  MemoryRequest request = small_model();
  request.budget_bytes = 127 * kMiB;
  const auto refused = plan_memory(request, 64ull << 30);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_NE(refused.error().message().find("128 MiB"), std::string::npos)
      << refused.error().message();
  request.budget_bytes = 128 * kMiB;
  const auto plan = plan_memory(request, 64ull << 30);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->max_positions, kMinimumPositions);
}

TEST(MemoryPlan, RefusesMoreThanTheMachineHas) {
  MemoryRequest request = small_model();
  request.budget_bytes = 2000 * kMiB;
  EXPECT_FALSE(plan_memory(request, 1000 * kMiB).ok());
}

TEST(MemoryPlan, WindowGroupsStopGrowing) {
  MemoryRequest request = small_model();
  request.kv_groups = {{3, 0}, {3, 512}};
  EXPECT_EQ(blocks_of_sequence(request, 512), 16 + 16);
  EXPECT_EQ(blocks_of_sequence(request, 8192), 256 + 19);
}

TEST(MemoryPlan, CountsUsersAtAContext) {
  MemoryRequest request = small_model();
  request.budget_bytes = (120 + 512) * kMiB;
  const auto plan = plan_memory(request, 64ull << 30);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->num_blocks, 512);
  EXPECT_EQ(sequences_that_fit(request, *plan, 8192), 2);
  EXPECT_EQ(sequences_that_fit(request, *plan, 1024), 16);
}

TEST(ParseBytes, ReadsBinaryUnitsAndRefusesTheRest) {
  EXPECT_EQ(*parse_bytes("400MiB"), 400 * kMiB);
  EXPECT_EQ(*parse_bytes("1.5 GiB"), 1536 * kMiB);
  EXPECT_EQ(*parse_bytes("2g"), 2048 * kMiB);
  EXPECT_EQ(*parse_bytes("1048576"), kMiB);
  for (const char* bad : {"", "MiB", "-1GiB", "1GiBs", "1Q", "1e30GiB", "nan"}) {
    EXPECT_FALSE(parse_bytes(bad).ok()) << bad;
  }
}

TEST(FormatBytes, IsWhatAPersonWouldWrite) {
  EXPECT_EQ(format_bytes(400 * kMiB), "400 MiB");
  EXPECT_EQ(format_bytes(1536 * kMiB), "1.5 GiB");
  EXPECT_EQ(format_bytes(0), "0 B");
}

}  // namespace
}  // namespace trivet
