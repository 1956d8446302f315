// What a user asks for when pulling.
#ifndef TRIVET_WEIGHTS_STORE_PULL_SPEC_H_
#define TRIVET_WEIGHTS_STORE_PULL_SPEC_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "weights/catalog.h"

namespace trivet {

enum class PullKind { kCatalog, kHub, kUrl, kPath };

struct PullSpec {
  PullKind kind = PullKind::kCatalog;
  std::string name;                        // in the store
  const CatalogModel* catalog = nullptr;   // kCatalog
  std::string repository, revision, file;  // kHub; revision "main" unless given
  std::string location;                    // kUrl, kPath
};

// Forms as in ModelStore::pull.
Result<PullSpec> parse_pull_spec(const std::string& spec);

// Letters, digits and ".-_@" in parts joined by '/'; no part begins with '.', none contains "--".
bool is_store_name(std::string_view name);

// One folder name for each store name: '/' becomes "--".
std::string store_folder(std::string_view name);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_PULL_SPEC_H_
