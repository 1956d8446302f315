#include "weights/gguf/gguf_header.h"

#include <gmock/gmock.h>

#include "weights/gguf/gguf_model.h"
#include "weights/gguf/gguf_test_file.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using namespace testing_gguf;

// The message of the error, or "opened".
std::string gguf_problem(const std::string& file) {
  const FileBytes bytes{"m.gguf", bytes_of(file)};
  const auto model = read_gguf_model({&bytes, 1});
  return model.ok() ? "opened" : model.error().message();
}

std::string gguf_problem(const GgufTestFile& file) { return gguf_problem(file.build()); }

TEST(GgufHeader, RefusesWhatIsNotGgufByName) {
  EXPECT_THAT(gguf_problem(std::string("")), HasSubstr("m.gguf: magic at offset 0: needs 4 bytes"));
  EXPECT_THAT(gguf_problem(std::string("PK\3\4 and so on")), HasSubstr("this is not a GGUF file"));
}

TEST(GgufHeader, RefusesOtherVersionsAndByteOrdersByName) {
  GgufTestFile file = tiny_llama();
  file.version = 1;
  EXPECT_THAT(gguf_problem(file), HasSubstr("version at offset 4: GGUF version 1 cannot be read"));
  file.version = 4;
  EXPECT_THAT(gguf_problem(file), HasSubstr("GGUF version 4"));
  file.version = 0x03000000;
  EXPECT_THAT(gguf_problem(file), HasSubstr("big-endian"));
  file.version = 2;
  EXPECT_EQ(gguf_problem(file), "opened");
}

TEST(GgufHeader, RefusesCountsThatTheFileCannotHold) {
  GgufTestFile file = tiny_llama();
  file.extra_tensors = 1ull << 40;
  EXPECT_THAT(gguf_problem(file),
              HasSubstr("tensor count at offset 8: 1099511627788 tensors do not fit"));
  file.extra_tensors = 0;
  file.extra_entries = 1ull << 60;
  EXPECT_THAT(gguf_problem(file), HasSubstr("metadata count at offset 16"));
}

TEST(GgufHeader, RefusesLengthsBeyondTheFile) {
  EXPECT_THAT(gguf_problem(tiny_llama().entry("x", GgufType::kString, raw(~uint64_t{0}))),
              HasSubstr("metadata \"x\" at offset"));
  EXPECT_THAT(gguf_problem(tiny_llama().array("x", GgufType::kUint64, 1ull << 61, "")),
              HasSubstr("array of 2305843009213693952 uint64 does not fit"));
  EXPECT_THAT(
      gguf_problem(tiny_llama().array("x", GgufType::kString, 2, text("a") + raw(1ull << 50))),
      HasSubstr("metadata \"x\" at offset"));
}

TEST(GgufHeader, RefusesUnknownValueTypesAndBadBools) {
  EXPECT_THAT(gguf_problem(tiny_llama().entry("x", static_cast<GgufType>(13), raw(1))),
              HasSubstr("unknown value type 13"));
  EXPECT_THAT(gguf_problem(tiny_llama().entry("x", GgufType::kBool, raw(uint8_t{2}))),
              HasSubstr("bool is 2"));
}

TEST(GgufHeader, ReadsNestedArraysOnlyToAFixedDepth) {
  const auto nest = [](int depth) {
    std::string value = raw(uint32_t{4}) + raw(uint64_t{1}) + raw(uint32_t{5});
    for (int i = 1; i < depth; ++i) value = raw(uint32_t{9}) + raw(uint64_t{1}) + value;
    return value;
  };
  EXPECT_EQ(gguf_problem(tiny_llama().entry("x", GgufType::kArray, nest(3))), "opened");
  EXPECT_THAT(gguf_problem(tiny_llama().entry("x", GgufType::kArray, nest(1000))),
              HasSubstr("nests arrays too deeply"));
}

TEST(GgufHeader, RefusesDuplicates) {
  EXPECT_THAT(gguf_problem(tiny_llama().u32("general.name", 1)),
              HasSubstr("metadata \"general.name\" at offset"));
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"output_norm.weight", {32}})),
              HasSubstr("tensor \"output_norm.weight\" at offset"));
}

TEST(GgufHeader, RefusesImpossibleShapes) {
  const auto with = [](std::vector<int64_t> dimensions, uint32_t type = 0) {
    return gguf_problem(tiny_llama().tensor({"x", std::move(dimensions), type, 64}));
  };
  EXPECT_THAT(with({1ll << 40, 1ll << 40}), HasSubstr("not a possible size"));
  EXPECT_THAT(with({-1}), HasSubstr("dimension 0 is -1"));
  EXPECT_THAT(with({32, 0}), HasSubstr("dimension 1 is 0"));
  EXPECT_THAT(with({}), HasSubstr("rank at offset"));
  EXPECT_THAT(with({1, 1, 1, 1, 1}), HasSubstr("is 5, not 1 to 4"));
  EXPECT_THAT(with({33}, 2), HasSubstr("33 columns are not whole blocks of 32 (q4_0)"));
}

TEST(GgufHeader, NamesTypesThatItCannotRead) {
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"x", {256}, 11, 64})),
              HasSubstr("Q3_K is not supported; use a file quantized as"));
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"x", {256}, 77, 64})), HasSubstr("is unknown: 77"));
}

TEST(GgufHeader, RefusesDataOutsideTheFileAndOverlaps) {
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"x", {32}, 0, 4, 1ll << 62})),
              HasSubstr("end beyond the file"));
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"x", {32}, 0, 4, 7})),
              HasSubstr("7 is not a multiple of the alignment 32"));
  EXPECT_THAT(gguf_problem(tiny_llama().tensor({"x", {32}, 0, 128, 32})), HasSubstr("overlaps"));
}

TEST(GgufHeader, TakesAnyAlignmentThatIsAPowerOfTwo) {
  GgufTestFile file = tiny_llama();
  file.u32("general.alignment", 256);
  file.alignment = 256;
  EXPECT_EQ(gguf_problem(file), "opened");
  EXPECT_THAT(gguf_problem(tiny_llama().u32("general.alignment", 24)), HasSubstr("power of two"));
  EXPECT_THAT(gguf_problem(tiny_llama().string("general.alignment", "32")),
              HasSubstr("power of two"));
}

TEST(GgufHeader, RefusesEveryTruncation) {
  const std::string whole = tiny_llama().build();
  ASSERT_EQ(gguf_problem(whole), "opened");
  // Only the padding behind the last tensor may be missing; here there is none.
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_NE(gguf_problem(whole.substr(0, size)), "opened") << size;
  }
}

TEST(GgufHeader, SurvivesEveryFlippedBitOfTheHeader) {
  std::string file = tiny_llama().build();
  const size_t header = file.size() - 32 * 8 * 4;
  for (size_t i = 0; i < std::min<size_t>(header, 2500) * 8; ++i) {
    file[i / 8] = static_cast<char>(file[i / 8] ^ (1 << (i % 8)));
    const std::string message = gguf_problem(file);
    ASSERT_TRUE(message == "opened" || message.starts_with("m.gguf: ")) << i << ": " << message;
    file[i / 8] = static_cast<char>(file[i / 8] ^ (1 << (i % 8)));
  }
}

}  // namespace
}  // namespace trivet
