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

// Where the model comes from, without what is secret in it. Of the hub it tells the revision, where
// a manifest has the commit.
std::string source_of(const PullSpec& spec);

// Whether a model whose manifest names `source` is the one the spec means.
bool comes_from(const PullSpec& spec, const std::string& source);

// Forms as in ModelStore::pull.
Result<PullSpec> parse_pull_spec(const std::string& spec);

// Letters, digits and ".-_@" in parts joined by '/'; no part begins with '.', none contains "--".
bool is_store_name(std::string_view name);

// One folder name for each store name: '/' becomes "--".
std::string store_folder(std::string_view name);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_PULL_SPEC_H_
