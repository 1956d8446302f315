#include "server/http/message.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(PercentDecode, DecodesAndRefusesBrokenEscapesAndNul) {
  EXPECT_EQ(percent_decode("a%2Fb%20%41"), "a/b A");
  EXPECT_EQ(percent_decode("%e4%BD%a0"), "\xe4\xbd\xa0");
  EXPECT_EQ(percent_decode("100%"), std::nullopt);
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
  EXPECT_EQ(percent_decode("a%00b"), std::nullopt);
  EXPECT_EQ(percent_decode(""), "");
}

TEST(HttpDate, HasTheFormOfRfc9110) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(RequestId, AllowsOnlyShortHarmlessNames) {
  EXPECT_TRUE(is_valid_request_id("a-B_9.:"));
  EXPECT_TRUE(is_valid_request_id(std::string(128, 'a')));
  EXPECT_FALSE(is_valid_request_id(std::string(129, 'a')));
  EXPECT_FALSE(is_valid_request_id(""));
  EXPECT_FALSE(is_valid_request_id("a b"));
  EXPECT_FALSE(is_valid_request_id("a\nb"));
  EXPECT_FALSE(is_valid_request_id("\xc3\xa4"));
}

}  // namespace
}  // namespace trivet
