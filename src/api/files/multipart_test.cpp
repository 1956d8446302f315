#include "api/files/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::HasSubstr;

constexpr const char* kType = "multipart/form-data; boundary=XyZ";

std::string part(const std::string& disposition, const std::string& content) {
  return "--XyZ\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
}

std::string fault(const std::string& body, const std::string& type = kType) {
  const auto parts = parse_multipart(type, body);
  EXPECT_FALSE(parts.ok()) << body;
  return parts.ok() ? "" : parts.error().message();
}

TEST(Multipart, GivesPartsWithTheirBytes) {
  const std::string content("\r\n--Xy\0\r\n", 9);
  const std::string body = "preamble\r\n" + part("name=\"purpose\"", "batch") +
                           part("name=file; filename=\"a \\\"b\\\".txt\"", content) +
                           "--XyZ--\r\nepilogue";
  const auto parts = parse_multipart("Multipart/Form-Data; charset=x; boundary=\"XyZ\"", body);
  ASSERT_TRUE(parts) << parts.error().message();
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "purpose");
  EXPECT_EQ((*parts)[0].content, "batch");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ((*parts)[1].filename, "a \"b\".txt");
  EXPECT_EQ((*parts)[1].content, content);
}

TEST(Multipart, TakesEmptyContentAndOtherHeaders) {
  const auto parts = parse_multipart(kType,
                                     "--XyZ\r\nContent-Type: text/plain\r\ncontent-disposition: "
                                     "form-data; name=a\r\n\r\n\r\n--XyZ--");
  ASSERT_TRUE(parts) << parts.error().message();
  EXPECT_EQ((*parts)[0].content, "");
}

TEST(Multipart, ReadsQuotesAsBrowsersWriteThem) {
  const auto parts =
      parse_multipart(kType, part("name=file; filename=\"%22a%22 %41.txt\"", "x") + "--XyZ--");
  ASSERT_TRUE(parts) << parts.error().message();
  EXPECT_EQ((*parts)[0].filename, "\"a\" %41.txt");
}

TEST(Multipart, SaysWhatIsWrong) {
  EXPECT_THAT(fault("", "application/json"), HasSubstr("multipart/form-data with a boundary"));
  EXPECT_THAT(fault("", "multipart/form-data"), HasSubstr("names no boundary"));
  EXPECT_THAT(fault("", "multipart/form-data; boundary=" + std::string(71, 'a')), HasSubstr("70"));
  EXPECT_THAT(fault("nothing"), HasSubstr("not in it"));
  EXPECT_THAT(fault(part("name=a", "x")), HasSubstr("last boundary"));
  EXPECT_THAT(fault("--XyZ\r\n\r\nx\r\n--XyZ--"), HasSubstr("no Content-Disposition"));
  EXPECT_THAT(fault(part("filename=a", "x") + "--XyZ--"), HasSubstr("with a name"));
  EXPECT_THAT(fault("--XyZa"), HasSubstr("line end"));
  std::string many;
  for (size_t i = 0; i <= kMaxFormParts; ++i) many += part("name=a", "x");
  EXPECT_THAT(fault(many + "--XyZ--"), HasSubstr("too many"));
}

}  // namespace
}  // namespace trivet
