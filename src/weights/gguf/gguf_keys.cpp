#include "weights/gguf/gguf_keys.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "weights/byte_reader.h"

namespace trivet {
namespace {

constexpr uint64_t kMaxInt = std::numeric_limits<int>::max();

template <class Value>
std::optional<int> to_count(const Value& value) {
  if (const auto* u = std::get_if<uint64_t>(&value); u != nullptr && *u <= kMaxInt) {
    return static_cast<int>(*u);
  }
  if (const auto* i = std::get_if<int64_t>(&value);
      i != nullptr && *i >= 0 && *i <= static_cast<int64_t>(kMaxInt)) {
    return static_cast<int>(*i);
  }
  return std::nullopt;
}

template <class Value>
std::optional<double> to_real(const Value& value) {
  if (const auto* d = std::get_if<double>(&value); d != nullptr && std::isfinite(*d)) return *d;
  if (const auto* u = std::get_if<uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<double>(*i);
  return std::nullopt;
}

}  // namespace

void GgufKeys::fail(const std::string& key, const std::string& problem, ErrorCode code) {
  if (error_) return;
  const GgufEntry* entry = header_->find(key);
  const uint64_t offset = entry != nullptr ? entry->offset : 0;
  error_ =
      Error(code, damaged(header_->path(), "metadata \"" + key + "\"", offset, problem).message());
}

Result<void> GgufKeys::status() const {
  if (error_) return *error_;
  return {};
}

const GgufArray* GgufKeys::array(const std::string& key) {
  const GgufEntry* entry = header_->find(key);
  if (entry == nullptr) return nullptr;
  const auto* array = std::get_if<GgufArray>(&entry->value);
  if (array == nullptr) fail(key, "is not an array");
  return array;
}

std::optional<int> GgufKeys::count(const std::string& key) {
  const GgufEntry* entry = header_->find(key);
  if (entry == nullptr) return std::nullopt;
  if (std::holds_alternative<GgufArray>(entry->value)) {
    const auto list = counts(key);
    if (!list) return std::nullopt;
    if (list->empty() || std::ranges::adjacent_find(*list, std::not_equal_to<>()) != list->end()) {
      fail(key, "differs from layer to layer, which is not supported", ErrorCode::kUnimplemented);
      return std::nullopt;
    }
    return list->front();
  }
  const auto value = to_count(entry->value);
  if (!value) fail(key, "is not a whole number from 0 to 2147483647");
  return value;
}

std::optional<double> GgufKeys::real(const std::string& key) {
  const GgufEntry* entry = header_->find(key);
  if (entry == nullptr) return std::nullopt;
  const auto value = to_real(entry->value);
  if (!value) fail(key, "is not a finite number");
  return value;
}

std::optional<bool> GgufKeys::flag(const std::string& key) {
  const GgufEntry* entry = header_->find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<bool>(&entry->value)) return *value;
  fail(key, "is not a bool");
  return std::nullopt;
}

std::optional<std::string> GgufKeys::text(const std::string& key) {
  const GgufEntry* entry = header_->find(key);
  if (entry == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<std::string_view>(&entry->value)) return std::string(*value);
  fail(key, "is not a string");
  return std::nullopt;
}

std::optional<std::vector<std::string>> GgufKeys::texts(const std::string& key) {
  const GgufArray* list = array(key);
  if (list == nullptr) return std::nullopt;
  if (list->type != GgufType::kString) {
    fail(key, "is not an array of strings");
    return std::nullopt;
  }
  std::vector<std::string> values;
  for (const GgufScalar& element : decode_elements(*list, list->count)) {
    values.emplace_back(std::get<std::string_view>(element));
  }
  return values;
}

std::optional<std::vector<float>> GgufKeys::reals(const std::string& key) {
  const GgufArray* list = array(key);
  if (list == nullptr) return std::nullopt;
  std::vector<float> values;
  for (const GgufScalar& element : decode_elements(*list, list->count)) {
    const auto value = to_real(element);
    if (!value) {
      fail(key, "element " + std::to_string(values.size()) + " is not a finite number");
      return std::nullopt;
    }
    values.push_back(static_cast<float>(*value));
  }
  return values;
}

std::optional<std::vector<int>> GgufKeys::counts(const std::string& key) {
  const GgufArray* list = array(key);
  if (list == nullptr) return std::nullopt;
  std::vector<int> values;
  for (const GgufScalar& element : decode_elements(*list, list->count)) {
    const auto* flag = std::get_if<bool>(&element);
    const auto value = flag != nullptr ? std::optional<int>(*flag) : to_count(element);
    if (!value) {
      fail(key, "element " + std::to_string(values.size()) + " is not a whole number from 0");
      return std::nullopt;
    }
    values.push_back(*value);
  }
  return values;
}

}  // namespace trivet
