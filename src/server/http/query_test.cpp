#include "server/http/query.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(QueryValue, FindsTheFirstOfThatNameDecoded) {
  EXPECT_EQ(query_value("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(query_value("a=1&b=x%20y+z", "b"), "x y z");
  EXPECT_EQ(query_value("%61=1", "a"), "1");
  EXPECT_EQ(query_value("flag", "flag"), "");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
}

TEST(QueryValue, IsAbsentForMissingNamesAndBrokenEscapes) {
  for (const char* query : {"", "&&", "ab=1", "b=a", "=1"}) {
    EXPECT_EQ(query_value(query, "a"), std::nullopt) << query;
  }
  EXPECT_EQ(query_value("a=%zz", "a"), std::nullopt);
  EXPECT_EQ(query_value("a=%00", "a"), std::nullopt);
}

}  // namespace
}  // namespace trivet
