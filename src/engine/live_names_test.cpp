#include "engine/live_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class LiveNamesTest : public testing::Test {
 protected:
  LiveNamesTest() {
    add("chatcmpl-42-0", "chatcmpl-mine", "ann");
    add("cmpl-7-a-0", "", "ann");
    add("cmpl-7-a-1", "", "ann");
    add("msg_9-0", "", "bob");
  }
  void add(const char* id, const char* label, const char* tenant) {
    EngineRequest request;
    request.id = id;
    request.label = label;
    request.tenant = tenant;
    names_.insert(request);
  }
  LiveNames names_;
};

TEST_F(LiveNamesTest, ACallIsMeantByItsIdItsLabelOrItsBareName) {
  for (const char* call : {"chatcmpl-42-0", "chatcmpl-42", "42", "chatcmpl-mine"}) {
    EXPECT_THAT(names_.of_calls({call}, nullptr), UnorderedElementsAre("chatcmpl-42-0")) << call;
  }
  EXPECT_THAT(names_.of_calls({"7-a"}, nullptr), UnorderedElementsAre("cmpl-7-a-0", "cmpl-7-a-1"));
  EXPECT_THAT(names_.of_calls({"9", "42"}, nullptr),
              UnorderedElementsAre("msg_9-0", "chatcmpl-42-0"));
}

TEST_F(LiveNamesTest, PartsOfNamesMeanNothing) {
  for (const char* call : {"", "a", "7", "4", "chatcmpl", "mine", "-42"}) {
    EXPECT_THAT(names_.of_calls({call}, nullptr), IsEmpty()) << call;
  }
}

TEST_F(LiveNamesTest, ATenantReachesOnlyItsOwn) {
  const std::string bob = "bob";
  EXPECT_THAT(names_.of_calls({"42"}, &bob), IsEmpty());
  EXPECT_THAT(names_.of_calls({}, &bob), UnorderedElementsAre("msg_9-0"));
  EXPECT_EQ(names_.of_calls({}, nullptr).size(), 4u);
  names_.erase("msg_9-0");
  EXPECT_THAT(names_.of_calls({}, &bob), IsEmpty());
}

}  // namespace
}  // namespace trivet
