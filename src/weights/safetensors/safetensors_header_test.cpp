#include "weights/safetensors/safetensors_header.h"

#include <gmock/gmock.h>

#include "weights/safetensors/safetensors_test_file.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using namespace testing_safetensors;

std::string safetensors_problem(const std::string& file) {
  const auto header = parse_safetensors(bytes_of(file), "m.safetensors");
  return header.ok() ? "opened" : header.error().message();
}

TEST(SafetensorsHeader, ReadsTensorsInOrderOfTheirData) {
  const std::string file = tiny_tensors().build();
  const auto header = parse_safetensors(bytes_of(file), "m");
  ASSERT_TRUE(header.ok()) << header.error().message();
  EXPECT_EQ(header->tensors.size(), 13u);
  EXPECT_EQ(header->tensors[0].name, "model.embed_tokens.weight");
  EXPECT_EQ(header->tensors[2].dtype, DType::kF16);
  EXPECT_EQ(header->tensors[2].data.size(), 512u);
  EXPECT_EQ(header->metadata.at("format"), "pt");
}

TEST(SafetensorsHeader, TakesPaddingScalarsAndEmptyTensors) {
  EXPECT_EQ(
      safetensors_problem(raw_file(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                                   R"("b":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},)"
                                   R"("c":{"dtype":"F16","shape":[2],"data_offsets":[4,8]}}    )",
                                   8)),
      "opened");
  EXPECT_EQ(safetensors_problem(raw_file("{}", 0)), "opened");
}

TEST(SafetensorsHeader, RefusesHeadersThatDoNotFit) {
  EXPECT_THAT(safetensors_problem("abc"), HasSubstr("shorter than 8 bytes"));
  EXPECT_THAT(safetensors_problem(raw_file("{}", 0).substr(0, 9)),
              HasSubstr("but only 1 are left"));
  EXPECT_THAT(safetensors_problem(std::string(8, '\xff')), HasSubstr("more than the 32 MiB"));
  EXPECT_THAT(safetensors_problem(raw_file(" {}", 0)), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(safetensors_problem(raw_file("{\"a\":", 0)), HasSubstr("is not JSON at offset"));
  EXPECT_THAT(safetensors_problem(raw_file("{\"a\":" + std::string(100000, '['), 0)),
              HasSubstr("is not JSON"));
}

TEST(SafetensorsHeader, RefusesHolesOverlapsAndLeftovers) {
  const auto two = [](const std::string& first, const std::string& second, size_t bytes) {
    return safetensors_problem(
        raw_file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                     R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                 bytes));
  };
  EXPECT_EQ(two("[0,4]", "[4,8]", 8), "opened");
  EXPECT_EQ(two("[4,8]", "[0,4]", 8), "opened");
  EXPECT_THAT(two("[0,4]", "[8,12]", 12), HasSubstr("begins at 8 of the data, but the one before"));
  EXPECT_THAT(two("[0,4]", "[2,6]", 6), HasSubstr("\"b\": begins at 2"));
  EXPECT_THAT(two("[0,4]", "[0,4]", 4), HasSubstr("begins at 0"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 12), HasSubstr("4 bytes belong to no tensor"));
  EXPECT_THAT(two("[0,4]", "[4,8]", 7), HasSubstr("lie outside the 7 bytes of data"));
  EXPECT_THAT(two("[4,0]", "[4,8]", 8), HasSubstr("lie outside"));
}

TEST(SafetensorsHeader, RefusesEntriesThatContradictThemselves) {
  const auto one = [](const std::string& entry) {
    return safetensors_problem(raw_file("{\"a\":" + entry + "}", 8));
  };
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
              HasSubstr("are not the 12 bytes of its shape"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
              HasSubstr("not a possible size"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,8]})"),
              HasSubstr("not a possible size"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
              HasSubstr("shape is not"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"),
              HasSubstr("shape is not"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), HasSubstr("data_offsets"));
  EXPECT_THAT(one(R"({"shape":[2],"data_offsets":[0,8]})"), HasSubstr("lacks its dtype"));
  EXPECT_THAT(one("7"), HasSubstr("is not an object"));
  EXPECT_THAT(one(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"),
              HasSubstr("F8_E4M3 is not supported; use a model in F32, F16 or BF16"));
}

TEST(SafetensorsHeader, RefusesTheSameNameTwice) {
  const std::string entry = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(safetensors_problem(raw_file("{\"a\":" + entry + ",\"a\":" + entry + "}", 4)),
              HasSubstr("the key \"a\" appears twice"));
}

TEST(SafetensorsHeader, SurvivesEveryTruncationAndFlippedBit) {
  std::string file = tiny_tensors().build();
  const size_t header_end = 1400;
  for (size_t size = 0; size < file.size(); size += 7) {
    ASSERT_NE(safetensors_problem(file.substr(0, size)), "opened") << size;
  }
  for (size_t bit = 0; bit < header_end * 8; ++bit) {
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << (bit % 8)));
    (void)safetensors_problem(file);
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << (bit % 8)));
  }
  EXPECT_EQ(safetensors_problem(file), "opened");
}

}  // namespace
}  // namespace trivet
