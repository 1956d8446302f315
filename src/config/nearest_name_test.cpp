#include "config/nearest_name.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

const std::vector<std::string> kNames = {"max-model-len", "max-num-seqs", "memory", "port",
                                         "served-model-name"};

TEST(NearestName, FindsTyposSwapsAndShortForms) {
  EXPECT_EQ(nearest_name("max-model-length", kNames), "max-model-len");
  EXPECT_EQ(nearest_name("max-num-seq", kNames), "max-num-seqs");
  EXPECT_EQ(nearest_name("prot", kNames), "port");
  EXPECT_EQ(nearest_name("serve-model-names", kNames), "served-model-name");
  EXPECT_EQ(nearest_name("served", kNames), "served-model-name");
}

TEST(NearestName, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("colour", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), kNames), "");
}

}  // namespace
}  // namespace trivet
