#include "pack.h"

#include <gtest/gtest.h>

#include "fixture.h"

namespace trivet::cpu::testing {
namespace {

TEST(Pack, PackedBytesAreThoseOfTheSourceButForPaddingAndWidenedScales) {
  TestDevice device = make_device(nullptr, 1);
  struct Expected {
    DType type;
    double ratio;
  };
  for (const Expected& e : {Expected{DType::kQ4_0, 1},
                            {DType::kQ4_1, 1},
                            {DType::kQ5_0, 1},
                            {DType::kQ5_1, 1},
                            {DType::kQ8_0, 1},
                            {DType::kQ4_K, 148.0 / 144},
                            {DType::kQ5_K, 180.0 / 176},
                            {DType::kQ6_K, 1},
                            {DType::kF32, 1},
                            {DType::kF16, 1},
                            {DType::kBF16, 1}}) {
    trivet_weight_desc d = {sizeof d, TRIVET_WEIGHT_LINEAR, static_cast<uint32_t>(e.type), 96, 512,
                            nullptr};
    EXPECT_DOUBLE_EQ(static_cast<double>(table().weight_bytes(device.get(), &d)),
                     static_cast<double>(row_bytes(e.type, 512) * 96) * e.ratio)
        << dtype_name(e.type);
    d.rows = 70;
    EXPECT_DOUBLE_EQ(static_cast<double>(table().weight_bytes(device.get(), &d)),
                     static_cast<double>(row_bytes(e.type, 512) * 96) * e.ratio)
        << "padded to 32 rows";
  }
}

TEST(Pack, ReadsExactlyTheSourceRows) {
  // A source that ends at the end of its allocation: a sanitizer sees any read beyond.
  Random random(1);
  for (DType type : {DType::kQ4_0, DType::kQ5_1, DType::kQ6_K, DType::kQ5_K}) {
    const auto data = random_weight(type, 33, 256, random);
    const PackedFormat format = *packed_format_of(static_cast<uint32_t>(type));
    std::vector<uint8_t> out(
        static_cast<size_t>(units_of(format, 256) * layout_of(format).unit_bytes), 0xEE);
    pack_super_panel(format, reinterpret_cast<const uint8_t*>(data.data()), 33, 256, 1, out.data());
    // Row 1 of the second super-panel is padding: its dword of the first vector is zero.
    EXPECT_EQ(out[4] | out[5] | out[6] | out[7], 0);
  }
}

}  // namespace
}  // namespace trivet::cpu::testing
