#include "weights/json_document.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_set>

namespace trivet {
namespace {

using nlohmann::json;

// Watches a parse; the first thing against the rules is kept.
class Watcher {
 public:
  explicit Watcher(int max_depth) : max_depth_(max_depth) {}

  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) fail("the key \"" + key + "\" appears twice");
    }
    // Discarding what lies too deep keeps memory bounded; the parse is refused afterwards.
    if (depth > max_depth_) {
      fail("nested more than " + std::to_string(max_depth_) + " deep");
      return false;
    }
    return true;
  }

  const std::optional<std::string>& problem() const { return problem_; }

 private:
  void fail(std::string problem) {
    if (!problem_) problem_ = std::move(problem);
  }

  int max_depth_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::optional<std::string> problem_;
};

std::optional<int> to_count(const json& value) {
  constexpr int kMax = std::numeric_limits<int>::max();
  if (value.is_number_unsigned() && value.get<uint64_t>() <= kMax) {
    return static_cast<int>(value.get<uint64_t>());
  }
  return std::nullopt;
}

}  // namespace

Result<json> parse_json_object(std::string_view text, std::string_view file, JsonLimits limits) {
  const auto damaged = [&](const std::string& problem) {
    return Error(ErrorCode::kDataLoss, std::string(file) + ": " + problem);
  };
  if (text.size() > limits.max_bytes) {
    return damaged("has " + std::to_string(text.size()) + " bytes, more than the " +
                   std::to_string(limits.max_bytes) + " allowed");
  }
  Watcher watcher(limits.max_depth);
  json document;
  try {
    document = json::parse(text, [&](int depth, json::parse_event_t event, json& parsed) {
      return watcher(depth, event, parsed);
    });
  } catch (const json::parse_error& error) {
    return damaged("is not JSON at offset " + std::to_string(error.byte));
  } catch (const json::exception& error) {
    return damaged(std::string("is not usable JSON: ") + error.what());
  }
  if (watcher.problem()) return damaged(*watcher.problem());
  if (!document.is_object()) return damaged("is not a JSON object");
  return document;
}

const json* JsonKeys::find(const std::string& key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<int> JsonKeys::count(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = to_count(*value);
  if (!number) fail(key, "is not a whole number from 0 to 2147483647");
  return number;
}

std::optional<double> JsonKeys::real(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number() && std::isfinite(value->get<double>())) return value->get<double>();
  fail(key, "is not a finite number");
  return std::nullopt;
}

std::optional<bool> JsonKeys::flag(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fail(key, "is not true or false");
  return std::nullopt;
}

std::optional<std::string> JsonKeys::text(const std::string& key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  fail(key, "is not a string");
  return std::nullopt;
}

std::vector<int> JsonKeys::counts(const std::string& key) {
  const json* value = find(key);
  std::vector<int> numbers;
  if (value == nullptr) return numbers;
  const json list = value->is_array() ? *value : json::array({*value});
  for (const json& element : list) {
    const auto number = to_count(element);
    if (!number) {
      fail(key, "is not a whole number from 0, or a list of them");
      return {};
    }
    numbers.push_back(*number);
  }
  return numbers;
}

void JsonKeys::fail(const std::string& key, const std::string& problem, ErrorCode code) {
  if (!error_) error_ = Error(code, file_ + ": \"" + key + "\": " + problem);
}

Result<void> JsonKeys::status() const {
  if (error_) return *error_;
  return {};
}

}  // namespace trivet
