#include "server/guard/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hex.h"

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
  EXPECT_THAT(message({{"a", "x"}, {"a", "y"}}), testing::HasSubstr("names must differ"));
  EXPECT_THAT(message({{"a", "", std::string(63, '0')}}), testing::HasSubstr("64 hexadecimal"));
  EXPECT_THAT(message({{"a", "", std::string(64, 'g')}}), testing::HasSubstr("64 hexadecimal"));
  EXPECT_THAT(message({{"a", "x", std::string(64, '0')}}), testing::HasSubstr("keep one"));
  EXPECT_THAT(message({{"a", "x", "", {.concurrency = -1}}}), testing::HasSubstr("limit of -1"));
  EXPECT_EQ(message({{"a", "x"}, {"", "y"}}), "");
}

TEST(KeyRing, FindsTheKeyInEveryHeaderThatClientsUse) {
  const Sha256 digest = sha256_of("secret-three");
  const KeyRing ring =
      KeyRing::create({{"first", "secret-one"}, {"", "secret-two"}, {"third", "", to_hex(digest)}})
          .value();
  HttpHead head;
  const auto name = [&] {
    const auto key = ring.find(head);
    return key == nullptr ? "nobody" : key->name;
  };
  EXPECT_EQ(name(), "nobody");
  head.fields = {{"AUTHORIZATION", "Bearer secret-one"}};
  EXPECT_EQ(name(), "first");
  head.fields = {{"x-api-key", "secret-two"}};
  EXPECT_THAT(name(), testing::MatchesRegex("key-[0-9a-f]{8}"));
  head.fields = {{"api-key", "secret-three"}};
  EXPECT_EQ(name(), "third");
  head.fields = {{"x-api-key", "secret-tw"}};
  EXPECT_EQ(name(), "nobody");
  head.fields = {{"x-api-key", to_hex(digest)}};  // the hash is not the key
  EXPECT_EQ(name(), "nobody");
}

TEST(KeyPolicy, AllowsAModelUnderAnyOfItsNames) {
  KeyPolicy policy;
  EXPECT_TRUE(policy.allows_model({"any"}));
  policy.models = {"small", "large"};
  EXPECT_TRUE(policy.allows_model({"alias", "large"}));
  EXPECT_FALSE(policy.allows_model({"alias"}));
  EXPECT_EQ(policy.allowed_of({"alias", "large", "small"}),
            (std::vector<std::string>{"large", "small"}));
}

TEST(RandomId, DiffersEachTimeAndIsAValidRequestId) {
  const std::string id = random_id();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_NE(id, random_id());
  EXPECT_TRUE(is_valid_request_id(id));
}

}  // namespace
}  // namespace trivet
