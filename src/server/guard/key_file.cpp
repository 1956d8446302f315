#include "server/guard/key_file.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

namespace trivet {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

enum class Style { kJsonLines, kYaml, kPlainLines };

Error bad_line(int line, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "line " + std::to_string(line + 1) + ": " + what);
}

// Lines with their number, without those that say nothing.
struct Line {
  std::string text;
  int number = 0;
};

std::vector<Line> spoken_lines(std::string_view text) {
  std::vector<Line> lines;
  std::istringstream stream{std::string(text)};
  std::string line;
  for (int number = 0; std::getline(stream, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    lines.push_back({line, number});
  }
  return lines;
}

Style style_of(const std::vector<Line>& lines) {
  if (lines.empty()) return Style::kJsonLines;
  std::string first = lines.front().text;
  first.erase(0, first.find_first_not_of(" \t"));
  if (first.front() == '{') return Style::kJsonLines;
  const bool is_list = first == "-" || first.starts_with("- ") || first.starts_with("---");
  return is_list || first.starts_with("keys:") ? Style::kYaml : Style::kPlainLines;
}

// Throws YAML::Exception on values of a wrong type.
Result<ApiKey> key_of(const YAML::Node& node, int line) {
  if (!node.IsMap()) return bad_line(line, "a key is written as fields, such as name and sha256");
  ApiKey key;
  key.line = line;
  for (const auto& field : node) {
    const auto name = field.first.as<std::string>();
    const YAML::Node& value = field.second;
    if (name == "name") {
      key.name = value.as<std::string>();
    } else if (name == "secret") {
      key.secret = value.as<std::string>();
    } else if (name == "sha256") {
      key.sha256 = value.as<std::string>();
    } else if (name == "requests_per_minute") {
      key.limits.requests_per_minute = value.as<int64_t>();
    } else if (name == "tokens_per_minute") {
      key.limits.tokens_per_minute = value.as<int64_t>();
    } else if (name == "concurrency") {
      key.limits.concurrency = value.as<int64_t>();
    } else if (name == "priority") {
      key.priority = value.as<int>();
    } else if (name == "models") {
      key.models = value.as<std::vector<std::string>>();
    } else if (name == "admin") {
      key.admin = value.as<bool>();
    } else {
      return bad_line(line, "there is no field \"" + name +
                                "\"; the fields are name, sha256, secret, requests_per_minute, "
                                "tokens_per_minute, concurrency, priority, models and admin");
    }
  }
  return key;
}

Result<ApiKey> key_of_json_line(const Line& line) {
  try {
    return key_of(YAML::Load(line.text), line.number);
  } catch (const YAML::Exception& failure) {
    return bad_line(line.number, failure.msg);
  }
}

Result<std::vector<ApiKey>> parse_yaml(std::string_view text) {
  std::vector<ApiKey> keys;
  try {
    YAML::Node root = YAML::Load(std::string(text));
    if (root.IsMap()) root = root["keys"];
    if (!root || !root.IsSequence()) return bad_line(0, "the keys are not written as a list");
    for (const auto& node : root) {
      TRIVET_ASSIGN_OR_RETURN(ApiKey key, key_of(node, node.Mark().line));
      keys.push_back(std::move(key));
    }
  } catch (const YAML::Exception& failure) {
    return bad_line(std::max(failure.mark.line, 0), failure.msg);
  }
  return keys;
}

ApiKey key_of_plain_line(const Line& line) {
  ApiKey key;
  key.line = line.number;
  const size_t colon = line.text.find(':');
  if (colon != std::string::npos) key.name = line.text.substr(0, colon);
  key.secret = colon == std::string::npos ? line.text : line.text.substr(colon + 1);
  return key;
}

}  // namespace

Result<std::vector<ApiKey>> parse_key_file(std::string_view text) {
  const std::vector<Line> lines = spoken_lines(text);
  const Style style = style_of(lines);
  if (style == Style::kYaml) return parse_yaml(text);
  std::vector<ApiKey> keys;
  for (const Line& line : lines) {
    if (style == Style::kPlainLines) {
      keys.push_back(key_of_plain_line(line));
      continue;
    }
    TRIVET_ASSIGN_OR_RETURN(ApiKey key, key_of_json_line(line));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<std::string> load_key_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::string();
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 path + ": is larger than " + std::to_string(kMaxFileBytes) + " bytes");
  }
  return text;
}

Result<std::vector<ApiKey>> read_key_file(const std::string& path) {
  if (!std::ifstream(path)) {
    return Error(ErrorCode::kNotFound, path + ": the keys file cannot be read");
  }
  TRIVET_ASSIGN_OR_RETURN(const std::string text, load_key_text(path));
  auto keys = parse_key_file(text);
  if (!keys.ok()) return Error(keys.error().code(), path + ": " + keys.error().message());
  if (keys->empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 path + ": holds no key; the server would be open to everyone");
  }
  return keys;
}

}  // namespace trivet
