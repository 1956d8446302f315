#include "server/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(KeyRing, RefusesKeysThatNobodyCouldSendOrThatMeanTwoTenants) {
  const auto message = [](const std::vector<ApiKey>& keys) {
    const auto ring = KeyRing::create(keys);
    return ring.ok() ? std::string() : ring.error().message();
  };
  EXPECT_THAT(message({{"team", ""}}), testing::HasSubstr("\"team\""));
  EXPECT_THAT(message({{"team", "a b"}}), testing::HasSubstr("printable"));
  EXPECT_THAT(message({{"a", "x"}, {"b", "x"}}), testing::HasSubstr("given twice"));
  EXPECT_THAT(message({{"a", "hidden x"}}), testing::Not(testing::HasSubstr("hidden")));
  EXPECT_EQ(message({{"a", "x"}, {"", "y"}}), "");
}

TEST(KeyRing, NamesTheTenantOfTheKeyAndNeverTheKey) {
  const KeyRing ring = KeyRing::create({{"first", "secret-one"}, {"", "secret-two"}}).value();
  HttpHead head;
  EXPECT_EQ(ring.tenant_of(head), std::nullopt);
  head.fields = {{"AUTHORIZATION", "Bearer secret-one"}};
  EXPECT_EQ(ring.tenant_of(head), "first");
  head.fields = {{"x-api-key", "secret-two"}};
  EXPECT_THAT(ring.tenant_of(head).value(), testing::MatchesRegex("key-[0-9a-f]{8}"));
  head.fields = {{"x-api-key", "secret-tw"}};
  EXPECT_EQ(ring.tenant_of(head), std::nullopt);
}

TEST(RandomId, DiffersEachTimeAndIsAValidRequestId) {
  const std::string id = random_id();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_NE(id, random_id());
  EXPECT_TRUE(is_valid_request_id(id));
}

}  // namespace
}  // namespace trivet
