// Changing a keys file without touching what people wrote around the keys.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/json_writer.h"
#include "server/guard/key_file.h"

namespace trivet {
namespace {

std::string json_of(const ApiKey& key) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("name").string(key.name);
  writer.key("sha256").string(key.sha256);
  const auto limit = [&](const char* name, int64_t value) {
    if (value != 0) writer.key(name).integer(value);
  };
  limit("requests_per_minute", key.limits.requests_per_minute);
  limit("tokens_per_minute", key.limits.tokens_per_minute);
  limit("concurrency", key.limits.concurrency);
  limit("priority", key.priority);
  if (!key.models.empty()) {
    writer.key("models").begin_array();
    for (const std::string& model : key.models) writer.string(model);
    writer.end_array();
  }
  if (key.admin) writer.key("admin").boolean(true);
  writer.end_object();
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

bool says_nothing(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || line[first] == '#';
}

Error broken(const Error& error) {
  return Error(error.code(), "the keys file is broken, " + error.message());
}

}  // namespace

Result<std::string> with_key_added(std::string_view text, const ApiKey& key) {
  auto keys = parse_key_file(text);
  if (!keys.ok()) return broken(keys.error());
  for (const ApiKey& other : *keys) {
    if (other.name != key.name) continue;
    return Error(ErrorCode::kAlreadyExists, "there is a key named \"" + key.name +
                                                "\"; revoke it first or choose another name");
  }
  std::string out(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  const std::string entry = json_of(key);
  if (keys->empty()) {
    return out + entry + "\n";
  }
  // As the last key begins: "{", or "- " at its depth.
  const std::string_view last = split_lines(text)[static_cast<size_t>(keys->back().line)];
  const size_t first = last.find_first_not_of(" \t");
  if (last[first] == '{') return out + entry + "\n";
  if (last[first] == '-') return out + std::string(last.substr(0, first)) + "- " + entry + "\n";
  return Error(ErrorCode::kInvalidArgument,
               "the keys file has one secret a line, which leaves no room for a hash; start a new "
               "file");
}

Result<std::string> with_key_removed(std::string_view text, const std::string& name) {
  auto keys = parse_key_file(text);
  if (!keys.ok()) return broken(keys.error());
  const auto found =
      std::find_if(keys->begin(), keys->end(), [&](const ApiKey& key) { return key.name == name; });
  if (found == keys->end()) {
    return Error(ErrorCode::kNotFound,
                 "there is no key named \"" + name + "\"; `trivet keys list` shows the names");
  }
  const std::vector<std::string_view> lines = split_lines(text);
  const auto begin = static_cast<size_t>(found->line);
  size_t end =
      std::next(found) == keys->end() ? lines.size() : static_cast<size_t>(std::next(found)->line);
  while (end > begin + 1 && says_nothing(lines[end - 1])) --end;  // belongs to what follows
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i < begin || i >= end) out += lines[i];
  }
  return out;
}

Result<void> write_key_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::kUnavailable, "cannot write " + path + ": " + what);
  };
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) {
    return fail(temporary + " exists: another change is under way; if none is, remove it");
  }
  if (file < 0) return fail(std::strerror(errno));
  struct stat old{};
  if (stat(path.c_str(), &old) == 0) {  // who could read it before still can
    if (fchown(file, old.st_uid, old.st_gid) == 0) fchmod(file, old.st_mode & 0777);
  }
  bool ok = true;
  for (std::string_view rest = text; ok && !rest.empty();) {
    const ssize_t count = ::write(file, rest.data(), rest.size());
    ok = count > 0;
    if (ok) rest.remove_prefix(static_cast<size_t>(count));
  }
  ok = ok && fsync(file) == 0;
  const std::string why = ok ? "" : std::strerror(errno);
  close(file);
  if (ok && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const std::string reason = ok ? std::strerror(errno) : why;
  unlink(temporary.c_str());
  return fail(reason);
}

}  // namespace trivet
