#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "model_access.h"
#include "terminal.h"
#include "weights/catalog.h"
#include "weights/inspect.h"
#include "weights/model_store.h"

namespace trivet {
namespace {

ModelStore store_of(const StoreCommandOptions& options) {
  auto store = default_store_options();
  if (!options.store.empty()) store.root = options.store;
  if (!options.token.empty()) store.hub_token = options.token;
  return ModelStore(std::move(store));
}

void list_text(const ModelStore& store, const std::vector<StoreEntry>& entries) {
  if (entries.empty()) {
    fmt::print("No models in {}.\n", store.root());
  } else {
    Table table({"model", "size", "licence", "source"});
    for (const StoreEntry& entry : entries) {
      table.add({entry.name, format_bytes(entry.bytes), entry.licence.empty() ? "-" : entry.licence,
                 entry.source});
    }
    fmt::print("{}", table.text());
  }
  Table more({"to pull", "size", "licence", "what it is"});
  bool any = false;
  for (const CatalogModel& model : catalog()) {
    const bool here = std::any_of(entries.begin(), entries.end(),
                                  [&](const StoreEntry& e) { return e.name == model.name; });
    if (here) continue;
    any = true;
    more.add({std::string(model.name), format_bytes(model.bytes), std::string(model.licence),
              std::string(model.description)});
  }
  if (any) fmt::print("\n{}", more.text());
}

void list_json(const std::vector<StoreEntry>& entries) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const StoreEntry& entry : entries) {
    out.push_back({{"name", entry.name},
                   {"path", entry.path},
                   {"bytes", entry.bytes},
                   {"licence", entry.licence},
                   {"source", entry.source}});
  }
  fmt::print("{}\n", out.dump(2));
}

Result<std::string> describe_model(const StoreCommandOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(const std::string path, store_of(options).resolve(options.name));
  TRIVET_ASSIGN_OR_RETURN(const auto source, ModelSource::open(path));
  return options.json ? describe_json(*source) : describe_text(*source);
}

}  // namespace

int pull(const StoreCommandOptions& options) {
  const ModelStore store = store_of(options);
  if (options.force) {
    const auto removed = store.remove(options.name);
    if (!removed && removed.error().code() != ErrorCode::kNotFound)
      return report_error(removed.error());
  }
  const auto path = pull_with_progress(store, options.name);
  if (!path) return report_error(path.error());
  fmt::print("{}\n", *path);
  return 0;
}

int list(const StoreCommandOptions& options) {
  const ModelStore store = store_of(options);
  const std::vector<StoreEntry> entries = store.list();
  if (options.names) {
    for (const StoreEntry& entry : entries) fmt::print("{}\n", entry.name);
  } else if (options.json) {
    list_json(entries);
  } else {
    list_text(store, entries);
  }
  return 0;
}

int print_path(const StoreCommandOptions& options) {
  const auto path = store_of(options).resolve(options.name);
  if (!path) return report_error(path.error());
  fmt::print("{}\n", std::filesystem::absolute(*path).string());
  return 0;
}

int remove_model(const StoreCommandOptions& options) {
  const auto removed = store_of(options).remove(options.name);
  return removed ? 0 : report_error(removed.error());
}

int inspect(const StoreCommandOptions& options) {
  const auto text = describe_model(options);
  if (!text) return report_error(text.error());
  fmt::print("{}\n", *text);
  return 0;
}

}  // namespace trivet
