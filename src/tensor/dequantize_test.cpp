#include "tensor/dequantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace trivet {
namespace {

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return bytes;
}

struct Golden {
  std::vector<std::byte> row;
  std::vector<float> values;
};

Golden load_golden(const std::string& name) {
  std::ifstream file(std::string(TRIVET_SOURCE_DIR) + "/src/tensor/dequantize_golden.json");
  const auto json = nlohmann::json::parse(file);
  Golden golden;
  golden.row = from_hex(json.at(name).at("row").get<std::string>());
  const auto values = from_hex(json.at(name).at("values").get<std::string>());
  golden.values.resize(values.size() / sizeof(float));
  std::memcpy(golden.values.data(), values.data(), values.size());
  return golden;
}

class DequantizeRow : public testing::TestWithParam<DType> {};

TEST_P(DequantizeRow, EqualsThePythonReferenceBitForBit) {
  const Golden golden = load_golden(std::string(dtype_name(GetParam())));
  ASSERT_EQ(golden.row.size(), row_bytes(GetParam(), golden.values.size()));
  std::vector<float> values(golden.values.size());
  dequantize_row(GetParam(), golden.row.data(), values);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(golden.values[i]))
        << "column " << i << ": " << values[i] << " instead of " << golden.values[i];
  }
}

// Mapped rows start at any address: GGUF blocks are 18, 22 or 210 bytes long.
TEST_P(DequantizeRow, GivesTheSameFromAnOddAddress) {
  const Golden golden = load_golden(std::string(dtype_name(GetParam())));
  std::vector<std::byte> shifted(golden.row.size() + 1);
  std::memcpy(shifted.data() + 1, golden.row.data(), golden.row.size());
  std::vector<float> values(golden.values.size());
  dequantize_row(GetParam(), shifted.data() + 1, values);
  EXPECT_EQ(std::memcmp(values.data(), golden.values.data(), values.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, DequantizeRow,
                         testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_0,
                                         DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                                         DType::kQ4_K, DType::kQ5_K, DType::kQ6_K),
                         [](const auto& info) { return std::string(dtype_name(info.param)); });

TEST(Dequantize, Q4_0HoldsColumnsJAndJPlus16InOneByte) {
  std::vector<std::byte> block(18);
  const uint16_t d = f32_to_f16(0.5f);
  std::memcpy(block.data(), &d, 2);
  for (int j = 0; j < 16; ++j) block[2 + j] = static_cast<std::byte>(j | ((15 - j) << 4));
  std::vector<float> values(32);
  dequantize_row(DType::kQ4_0, block.data(), values);
  for (int j = 0; j < 16; ++j) {
    EXPECT_EQ(values[j], 0.5f * (j - 8));
    EXPECT_EQ(values[j + 16], 0.5f * (7 - j));
  }
}

TEST(Dequantize, I32BecomesItsNumber) {
  const int32_t numbers[] = {-3, 0, 1 << 20};
  float values[3];
  dequantize_row(DType::kI32, reinterpret_cast<const std::byte*>(numbers), values);
  EXPECT_EQ(values[0], -3.0f);
  EXPECT_EQ(values[2], 1048576.0f);
}

TEST(Dequantize, NothingIsReadForAnEmptyRow) { dequantize_row(DType::kQ6_K, nullptr, {}); }

}  // namespace
}  // namespace trivet
