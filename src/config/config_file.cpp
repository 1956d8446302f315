#include "config/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace trivet {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxNodes = 10000;  // of one value: anchors can make a short file endless
constexpr int kMaxDepth = 32;

Error bad(const std::string& file, int line, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", file, line, what));
}

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

// A plain scalar means what JSON means by it; everything else is text.
nlohmann::json scalar_to_json(const YAML::Node& node) {
  const bool is_quoted = node.Tag() == "!";
  if (!is_quoted) {
    const auto value = nlohmann::json::parse(node.Scalar(), nullptr, false);
    if (value.is_number() || value.is_boolean()) return value;
  }
  return node.Scalar();
}

// False if it is too deep or too large.
bool to_json(const YAML::Node& node, int depth, size_t& nodes, nlohmann::json& out) {
  if (depth > kMaxDepth || ++nodes > kMaxNodes) return false;
  if (node.IsScalar()) {
    out = scalar_to_json(node);
  } else if (node.IsSequence()) {
    out = nlohmann::json::array();
    for (const YAML::Node& item : node) {
      if (!to_json(item, depth + 1, nodes, out.emplace_back())) return false;
    }
  } else if (node.IsMap()) {
    out = nlohmann::json::object();
    for (const auto& item : node) {
      if (!item.first.IsScalar()) return false;
      if (!to_json(item.second, depth + 1, nodes, out[item.first.Scalar()])) return false;
    }
  }
  return true;
}

Result<ConfigEntry> read_entry(const YAML::Node& name, const YAML::Node& value,
                               const std::string& file) {
  if (!name.IsScalar()) return bad(file, line_of(name), "a key must be a word");
  ConfigEntry entry{.key = name.Scalar(), .line = line_of(name)};
  if (value.IsNull()) {
    entry.is_empty = true;
  } else if (value.IsScalar()) {
    entry.values = {value.Scalar()};
  } else if (value.IsSequence() && std::all_of(value.begin(), value.end(),
                                               [](const YAML::Node& n) { return n.IsScalar(); })) {
    for (const YAML::Node& item : value) entry.values.push_back(item.Scalar());
  } else {
    nlohmann::json json;
    size_t nodes = 0;
    if (!to_json(value, 0, nodes, json)) {
      return bad(file, entry.line, entry.key + ": the value is too large or too deep");
    }
    entry.values = {json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  }
  return entry;
}

Result<std::vector<ConfigEntry>> read_entries(const YAML::Node& root, const std::string& file) {
  std::vector<ConfigEntry> entries;
  if (root.IsNull()) return entries;
  if (!root.IsMap()) return bad(file, line_of(root), "the file must hold `key: value` lines");
  std::set<std::string> seen;
  for (const auto& item : root) {
    TRIVET_ASSIGN_OR_RETURN(ConfigEntry entry, read_entry(item.first, item.second, file));
    if (!seen.insert(entry.key).second) {
      return bad(file, entry.line, entry.key + ": the key is there twice; remove one");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<std::vector<ConfigEntry>> parse_config(const std::string& text, const std::string& file) {
  if (text.size() > kMaxBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 file + ": is larger than 1 MiB, which no configuration is");
  }
  try {
    return read_entries(YAML::Load(text), file);
  } catch (const YAML::Exception& error) {
    return bad(file, error.mark.line + 1, error.msg);
  }
}

Result<std::vector<ConfigEntry>> read_config_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  if (!stream) return Error(ErrorCode::kNotFound, "cannot read the configuration file " + file);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad())
    return Error(ErrorCode::kNotFound, "cannot read the configuration file " + file);
  text.resize(static_cast<size_t>(stream.gcount()));
  return parse_config(text, file);
}

Result<void> apply_config(OptionTable& table, const std::vector<ConfigEntry>& entries,
                          const std::string& file) {
  for (const ConfigEntry& entry : entries) {
    const std::string where = fmt::format("{}:{}", file, entry.line);
    if (const ForeignFlag* foreign = table.find_foreign(entry.key)) {
      const auto noted = table.note_foreign(*foreign, where + ": " + entry.key);
      if (!noted) return noted;
      continue;
    }
    Option* option = table.find(entry.key);
    if (option == nullptr) {
      const std::string nearest = table.nearest_key(entry.key);
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: there is no option {}{}", where, entry.key,
                               nearest.empty() ? "; `trivet config explain` lists all"
                                               : ", did you mean " + nearest + "?"));
    }
    if (entry.is_empty) continue;
    const auto set = option->set(entry.values, ValueSource::kFile, where);
    if (!set) return set.error().with_context(where + ": " + entry.key);
  }
  return {};
}

}  // namespace trivet
