#include "config/option.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace trivet {
namespace {

constexpr size_t kMaxShown = 80;

std::string shortened(const std::string& text) {
  return text.size() <= kMaxShown ? text : text.substr(0, kMaxShown) + "...";
}

std::string joined(const std::vector<std::string>& words, std::string_view between,
                   std::string_view last) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? last : between;
    out += words[i];
  }
  return out;
}

std::string number_text(double value) {
  return value == static_cast<double>(static_cast<int64_t>(value))
             ? std::to_string(static_cast<int64_t>(value))
             : fmt::format("{}", value);
}

// 1000 or 1024 to the power that the letter says; 0 = not a suffix.
double suffix_factor(char suffix) {
  switch (suffix) {
    case 'k':
      return 1e3;
    case 'm':
      return 1e6;
    case 'g':
      return 1e9;
    case 'K':
      return 1024.0;
    case 'M':
      return 1024.0 * 1024;
    case 'G':
      return 1024.0 * 1024 * 1024;
    default:
      return 0;
  }
}

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

nlohmann::json json_of(const Option::Target& target) {
  return std::visit([](const auto* value) { return nlohmann::json(*value); }, target);
}

std::string text_of(const Option::Target& target) {
  if (const auto* text = std::get_if<std::string*>(&target)) return **text;
  if (const auto* list = std::get_if<std::vector<std::string>*>(&target)) {
    return joined(**list, ", ", ", ");
  }
  return json_of(target).dump();
}

}  // namespace

Option::Option(std::string name, Target target, std::string help)
    : name_(std::move(name)),
      target_(target),
      help_(std::move(help)),
      default_text_(text_of(target)) {}

Option& Option::range(double least, double most) { return range_ = {least, most}, *this; }
Option& Option::choices(std::vector<std::string> words) {
  return choices_ = std::move(words), *this;
}
Option& Option::word(std::string word, std::string value) {
  if (default_text_ == value) default_text_ = word;
  words_.emplace_back(std::move(word), std::move(value));
  return *this;
}
Option& Option::counts() { return counts_ = true, *this; }
Option& Option::value_name(std::string name) { return value_name_ = std::move(name), *this; }
Option& Option::existing_file() {
  existing_file_ = true;
  return value_name("FILE");
}
Option& Option::secret() { return secret_ = true, *this; }
Option& Option::shown_default(std::string text) { return default_text_ = std::move(text), *this; }
Option& Option::alias(std::string flag) { return aliases_.push_back(std::move(flag)), *this; }
Option& Option::elsewhere(std::string note) { return note_ = std::move(note), *this; }
Option& Option::positional() { return positional_ = true, *this; }

std::string Option::key() const {
  std::string key = name_;
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string Option::value_text() const {
  const std::string text = text_of(target_);
  if (secret_ && !text.empty()) return "***";
  for (const auto& [word, value] : words_) {
    if (text == value) return word;
  }
  return text;
}

std::string Option::value_json() const {
  if (secret_ && !text_of(target_).empty()) return "\"***\"";
  return json_of(target_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Option::type_text() const {
  if (is_flag()) return "true or false";
  std::vector<std::string> forms;
  for (const auto& [word, value] : words_) forms.push_back(word);
  forms.insert(forms.end(), choices_.begin(), choices_.end());
  if (range_) {
    forms.push_back(number_text(range_->first) + " to " + number_text(range_->second));
  } else if (choices_.empty()) {
    const bool is_text = std::holds_alternative<std::string*>(target_);
    forms.push_back(existing_file_ ? "a file"
                    : is_text      ? "text"
                    : is_list()    ? "a list"
                                   : "a number");
  }
  return joined(forms, ", ", " or ");
}

std::string Option::placeholder() const {
  if (is_flag()) return "";
  if (!value_name_.empty()) return value_name_;
  if (!choices_.empty() && !range_) return joined(choices_, "|", "|");
  return std::holds_alternative<std::string*>(target_) || is_list() ? "TEXT" : "N";
}

std::string Option::source_text() const {
  return source_ == ValueSource::kDefault ? "default" : where_;
}

Error Option::refuse(const std::string& value) const {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("\"{}\" is not possible; give {}", secret_ ? "***" : shortened(value),
                           type_text()));
}

Result<void> Option::set(const std::vector<std::string>& values, ValueSource source,
                         std::string where) {
  if (auto* list = std::get_if<std::vector<std::string>*>(&target_)) {
    TRIVET_RETURN_IF_ERROR(set_list(*list, values));
  } else if (values.size() != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("takes one value, not {}; give {}", values.size(), type_text()));
  } else {
    std::string value = values.front();
    for (const auto& [word, meaning] : words_) {
      if (value == word) value = meaning;
    }
    TRIVET_RETURN_IF_ERROR(std::visit(
        [&](auto* target) -> Result<void> {
          if constexpr (std::is_same_v<decltype(target), std::vector<std::string>*>)
            return {};
          else
            return store(target, value);
        },
        target_));
  }
  source_ = source;
  where_ = std::move(where);
  return {};
}

Result<void> Option::set_list(std::vector<std::string>* target,
                              const std::vector<std::string>& values) {
  std::vector<std::string> list = values;
  if (values.size() == 1 && values.front().starts_with("[")) {
    const auto json = nlohmann::json::parse(values.front(), nullptr, false);
    if (!json.is_array()) return refuse(values.front());
    list.clear();
    for (const auto& item : json) {
      if (!item.is_string()) return refuse(values.front());
      list.push_back(item.get<std::string>());
    }
  }
  for (const std::string& item : list) TRIVET_RETURN_IF_ERROR(check_word(item));
  *target = std::move(list);
  return {};
}

Result<void> Option::check_word(const std::string& value) const {
  const bool known = choices_.empty() || range_ ||
                     std::find(choices_.begin(), choices_.end(), value) != choices_.end();
  if (!known) return refuse(value);
  if (existing_file_ && !value.empty() && !std::filesystem::exists(value)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("there is no file \"{}\"", shortened(value)));
  }
  return {};
}

Result<void> Option::store(bool* target, const std::string& value) {
  std::string lower = value;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower != "true" && lower != "false" && lower != "1" && lower != "0") return refuse(value);
  *target = lower == "true" || lower == "1";
  return {};
}

Result<int64_t> Option::parse_integer(const std::string& text) const {
  int64_t whole = 0;
  if (!parse_whole(text, whole)) {
    double number = 0;
    const double factor = counts_ && !text.empty() ? suffix_factor(text.back()) : 0;
    if (factor == 0 || !parse_whole(std::string_view(text).substr(0, text.size() - 1), number)) {
      return refuse(text);
    }
    number *= factor;
    if (!(number >= -9e15 && number <= 9e15) ||
        number != static_cast<double>(static_cast<int64_t>(number))) {
      return refuse(text);
    }
    whole = static_cast<int64_t>(number);
  }
  const auto as_double = static_cast<double>(whole);
  if (range_ && (as_double < range_->first || as_double > range_->second)) return refuse(text);
  if (!range_ && !choices_.empty()) TRIVET_RETURN_IF_ERROR(check_word(std::to_string(whole)));
  return whole;
}

Result<void> Option::store(int* target, const std::string& value) {
  TRIVET_ASSIGN_OR_RETURN(const int64_t whole, parse_integer(value));
  if (whole != static_cast<int>(whole)) return refuse(value);
  *target = static_cast<int>(whole);
  return {};
}

Result<void> Option::store(uint64_t* target, const std::string& value) {
  uint64_t whole = 0;
  if (!parse_whole(std::string_view(value), whole)) return refuse(value);
  if (range_ &&
      (static_cast<double>(whole) < range_->first || static_cast<double>(whole) > range_->second)) {
    return refuse(value);
  }
  *target = whole;
  return {};
}

Result<void> Option::store(double* target, const std::string& value) {
  double number = 0;
  if (!parse_whole(std::string_view(value), number) || !(number == number)) return refuse(value);
  if (range_ && (number < range_->first || number > range_->second)) return refuse(value);
  *target = number;
  return {};
}

Result<void> Option::store(std::string* target, const std::string& value) {
  TRIVET_RETURN_IF_ERROR(check_word(value));
  *target = value;
  return {};
}

}  // namespace trivet
