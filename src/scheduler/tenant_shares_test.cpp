#include "scheduler/tenant_shares.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(TenantShares, CountsServicePerTenant) {
  TenantShares shares;
  shares.enter("a");
  shares.enter("b");
  shares.charge("a", 5);
  shares.charge("a", 2);
  EXPECT_EQ(shares.served("a"), 7);
  EXPECT_EQ(shares.served("b"), 0);
}

TEST(TenantShares, ANewcomerStartsAtTheLowestCounterOfThosePresent) {
  TenantShares shares;
  shares.enter("a");
  shares.enter("b");
  shares.charge("a", 100);
  shares.charge("b", 60);
  shares.enter("c");
  EXPECT_EQ(shares.served("c"), 60);
}

TEST(TenantShares, APauseNeitherSavesUpNorForgives) {
  TenantShares shares;
  shares.enter("busy");
  shares.enter("idler");
  shares.enter("glutton");
  shares.charge("glutton", 500);
  shares.leave("idler");
  shares.leave("glutton");
  shares.charge("busy", 100);
  shares.enter("idler");
  shares.enter("glutton");
  EXPECT_EQ(shares.served("idler"), 100);
  EXPECT_EQ(shares.served("glutton"), 500);
}

TEST(TenantShares, StartsAfreshWhenNobodyIsPresent) {
  TenantShares shares;
  shares.enter("a");
  shares.charge("a", 100);
  shares.leave("a");
  shares.enter("a");
  EXPECT_EQ(shares.served("a"), 0);
}

TEST(TenantShares, DoesNotRememberEveryTenantForEver) {
  TenantShares shares;
  shares.enter("always");
  for (int i = 0; i < 10000; ++i) {
    std::string name = std::to_string(i);
    shares.enter(name);
    shares.charge(name, 3);
    shares.charge("always", 3);
    shares.leave(name);
  }
  EXPECT_LT(shares.num_known(), 100);
}

}  // namespace
}  // namespace trivet
