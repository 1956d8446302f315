#include "weights/store/pull_spec.h"

#include <cctype>
#include <filesystem>

#include "weights/store/http_client.h"

namespace trivet {
namespace {

// A store name out of a file name: what the name may not contain becomes '-'.
std::string name_of_file(const std::string& file) {
  std::string name;
  for (const char c : file) {
    const bool keep = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_';
    if (keep) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && (name.back() == '-')) name.pop_back();
  return name;
}

Error wrong(const std::string& spec, const std::string& problem) {
  return Error(ErrorCode::kInvalidArgument, "\"" + spec + "\": " + problem);
}

// OWNER/REPO[@REVISION][/FILE]
Result<PullSpec> parse_hub(const std::string& spec, std::string_view rest) {
  PullSpec parsed;
  parsed.kind = PullKind::kHub;
  const size_t owner = rest.find('/');
  if (owner == std::string_view::npos) {
    return wrong(spec, "is not of the form hf:OWNER/REPO[@REVISION][/FILE]");
  }
  const size_t end = std::min(rest.find('/', owner + 1), rest.size());
  std::string_view repository = rest.substr(0, end);
  if (end < rest.size()) parsed.file = std::string(rest.substr(end + 1));
  const size_t at = repository.find('@');
  parsed.revision = "main";
  if (at != std::string_view::npos) {
    parsed.revision = std::string(repository.substr(at + 1));
    repository = repository.substr(0, at);
  }
  parsed.repository = std::string(repository);
  parsed.name = std::string(rest);
  const bool complete = !parsed.revision.empty() && (end == rest.size() || !parsed.file.empty());
  if (!complete || !is_store_name(parsed.name) || parsed.repository.ends_with('/')) {
    return wrong(spec, "is not of the form hf:OWNER/REPO[@REVISION][/FILE]");
  }
  return parsed;
}

Result<PullSpec> parse_url(const std::string& spec) {
  PullSpec parsed;
  parsed.kind = PullKind::kUrl;
  parsed.location = spec;
  const std::string path = spec.substr(0, spec.find_first_of("?#"));
  parsed.file = path.substr(path.rfind('/') + 1);
  if (!parsed.file.ends_with(".gguf")) {
    return wrong(spec, "must end in a .gguf file; whole folders come from hf: or path:");
  }
  parsed.name = name_of_file(parsed.file.substr(0, parsed.file.size() - 5));
  if (!is_store_name(parsed.name)) return wrong(spec, "has no usable file name");
  return parsed;
}

Result<PullSpec> parse_path(const std::string& spec, const std::string& location) {
  PullSpec parsed;
  parsed.kind = PullKind::kPath;
  std::error_code error;
  const auto absolute = std::filesystem::canonical(location, error);
  if (error) return Error(ErrorCode::kNotFound, location + ": " + error.message());
  parsed.location = absolute.string();
  parsed.name = name_of_file(absolute.extension() == ".gguf" ? absolute.stem().string()
                                                             : absolute.filename().string());
  if (!is_store_name(parsed.name)) return wrong(spec, "has no usable file name");
  return parsed;
}

}  // namespace

std::string source_of(const PullSpec& spec) {
  switch (spec.kind) {
    case PullKind::kCatalog:
      return package_source(*spec.catalog);
    case PullKind::kHub:
      return "hf:" + spec.repository + "@" + spec.revision;
    case PullKind::kUrl:
      return shown_url(spec.location);
    case PullKind::kPath:
      break;
  }
  return "path:" + spec.location;
}

bool comes_from(const PullSpec& spec, const std::string& source) {
  // A newer catalogue may name another version, and a branch of the hub moves: still the same
  // model.
  if (spec.kind == PullKind::kCatalog) return source.starts_with("package:");
  if (spec.kind == PullKind::kHub) return source.starts_with("hf:" + spec.repository + "@");
  return source == source_of(spec);
}

bool is_store_name(std::string_view name) {
  if (name.empty() || name.size() > 200 || name.find("--") != std::string_view::npos) return false;
  bool part_begins = true;
  for (const char c : name) {
    const bool allowed = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                         c == '_' || c == '@' || c == '/';
    if (!allowed || (part_begins && (c == '.' || c == '/' || c == '-'))) return false;
    part_begins = c == '/';
  }
  return !part_begins;
}

std::string store_folder(std::string_view name) {
  std::string folder;
  for (const char c : name) folder += c == '/' ? std::string("--") : std::string(1, c);
  return folder;
}

Result<PullSpec> parse_pull_spec(const std::string& spec) {
  if (spec.starts_with("hf:")) return parse_hub(spec, std::string_view(spec).substr(3));
  if (spec.starts_with("https://") || spec.starts_with("http://")) return parse_url(spec);
  if (spec.starts_with("path:")) return parse_path(spec, spec.substr(5));
  if (const CatalogModel* model = find_in_catalog(spec)) {
    PullSpec parsed;
    parsed.name = spec;
    parsed.catalog = model;
    return parsed;
  }
  if (spec.starts_with('/') || spec.starts_with("./") || spec.starts_with("../")) {
    return parse_path(spec, spec);
  }
  if (spec.find("://") != std::string::npos) {
    return wrong(spec, "models come over http:// and https:// only; from this machine, path:FILE");
  }
  std::string known;
  for (const CatalogModel& model : catalog()) known += "\n  " + std::string(model.name);
  return Error(ErrorCode::kNotFound,
               "\"" + spec +
                   "\" is not in the catalog; name a model of the hub as "
                   "hf:OWNER/REPO, an https:// address of a .gguf file, or one of:" +
                   known);
}

}  // namespace trivet
