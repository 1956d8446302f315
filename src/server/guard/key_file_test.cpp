#include "server/guard/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string why_not(std::string_view text) {
  const auto keys = parse_key_file(text);
  return keys.ok() ? "accepted" : keys.error().message();
}

TEST(KeyFile, ReadsJsonLinesYamlAndPlainLinesAlike) {
  const std::string json =
      "# made by hand\n\n"
      R"({"name": "a", "secret": "s\u0031", "requests_per_minute": 60, "tokens_per_minute": 9000,)"
      R"( "concurrency": 2, "priority": 5, "models": ["m", "n"], "admin": true})"
      "\n";
  const std::string yaml =
      "keys:\n  - name: a\n    secret: s1\n    requests_per_minute: 60\n    tokens_per_minute: "
      "9000\n    concurrency: 2\n    priority: 5\n    models: [m, n]\n    admin: true\n";
  for (const std::string& text : {json, yaml}) {
    const auto keys = parse_key_file(text);
    ASSERT_TRUE(keys.ok()) << keys.error().message();
    ASSERT_EQ(keys->size(), 1u);
    const ApiKey& key = keys->front();
    EXPECT_EQ(key.name, "a");
    EXPECT_EQ(key.secret, "s1");
    EXPECT_EQ(key.limits.requests_per_minute, 60);
    EXPECT_EQ(key.limits.tokens_per_minute, 9000);
    EXPECT_EQ(key.limits.concurrency, 2);
    EXPECT_EQ(key.priority, 5);
    EXPECT_THAT(key.models, ElementsAre("m", "n"));
    EXPECT_TRUE(key.admin);
  }
  const auto plain = parse_key_file("# x\na:s1\nonly-a-secret\n");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->at(0).name, "a");
  EXPECT_EQ(plain->at(0).secret, "s1");
  EXPECT_EQ(plain->at(1).secret, "only-a-secret");
}

TEST(KeyFile, SaysInWhichLineWhatIsWrong) {
  EXPECT_THAT(why_not("{\"name\": \"a\", \"secret\": \"x\"}\n{\"name\": \"b\", \"rpm\": 3}\n"),
              testing::AllOf(HasSubstr("line 2"), HasSubstr("\"rpm\""), HasSubstr("priority")));
  EXPECT_THAT(why_not("{\"name\": \"a\"\n"), HasSubstr("line 1"));
  EXPECT_THAT(why_not("- name: a\n  concurrency: many\n"), HasSubstr("line 2"));
  EXPECT_THAT(why_not("keys: 3\n"), HasSubstr("list"));
  EXPECT_THAT(why_not("- - a\n"), HasSubstr("fields"));
}

TEST(KeyFile, AFileWithoutKeysWouldOpenTheServerAndIsRefused) {
  const std::string path = testing::TempDir() + "empty_keys";
  std::ofstream(path) << "# nothing\n";
  EXPECT_THAT(read_key_file(path).error().message(), HasSubstr("open to everyone"));
  EXPECT_EQ(read_key_file(path + ".absent").error().code(), ErrorCode::kNotFound);
}

ApiKey hashed(const std::string& name) {
  ApiKey key;
  key.name = name;
  key.sha256 = std::string(64, 'a');
  return key;
}

TEST(KeyFile, AddedKeysFollowTheStyleOfTheFileAndReadBack) {
  for (const std::string& text :
       {std::string(), std::string("{\"name\": \"a\", \"secret\": \"x\"}"),
        std::string("- name: a\n  secret: x\n"),
        std::string("# first\nkeys:\n  - name: a\n    secret: x\n# last\n")}) {
    ApiKey key = hashed("new \"one\"");
    key.limits.tokens_per_minute = 7;
    key.models = {"m"};
    const auto more = with_key_added(text, key);
    ASSERT_TRUE(more.ok()) << more.error().message();
    EXPECT_TRUE(more->starts_with(text));
    const auto keys = parse_key_file(*more);
    ASSERT_TRUE(keys.ok()) << *more;
    EXPECT_EQ(keys->back().name, "new \"one\"");
    EXPECT_EQ(keys->back().sha256, key.sha256);
    EXPECT_EQ(keys->back().limits.tokens_per_minute, 7);
    EXPECT_THAT(keys->back().models, ElementsAre("m"));
    EXPECT_EQ(with_key_added(*more, key).error().code(), ErrorCode::kAlreadyExists);
  }
  EXPECT_THAT(with_key_added("a:secret\n", hashed("b")).error().message(), HasSubstr("new file"));
}

TEST(KeyFile, ARemovedKeyLeavesTheRestUntouched) {
  const std::string text =
      "# team keys\nkeys:\n  - name: a\n    secret: x\n    # of a\n    priority: 1\n\n  # about "
      "b\n  - {name: b, secret: y}\n  - name: c\n    secret: z\n# end\n";
  const auto without_a = with_key_removed(text, "a");
  ASSERT_TRUE(without_a.ok());
  EXPECT_THAT(*without_a, Not(HasSubstr("secret: x")));
  EXPECT_THAT(*without_a, HasSubstr("# about b\n  - {name: b"));
  const auto without_c = with_key_removed(*without_a, "c");
  EXPECT_EQ(*without_c, "# team keys\nkeys:\n\n  # about b\n  - {name: b, secret: y}\n# end\n");
  EXPECT_EQ(with_key_removed(text, "d").error().code(), ErrorCode::kNotFound);
}

TEST(KeyFile, IsWrittenWholeAndPrivate) {
  const std::string path = testing::TempDir() + "private_keys";
  ::remove(path.c_str());
  ASSERT_TRUE(write_key_file(path, "text\n").ok());
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_EQ(*load_key_text(path), "text\n");
  std::ofstream(path + ".new") << "left over";
  EXPECT_THAT(write_key_file(path, "other").error().message(), HasSubstr("under way"));
  EXPECT_EQ(*load_key_text(path), "text\n");
  ::remove((path + ".new").c_str());
}

}  // namespace
}  // namespace trivet
