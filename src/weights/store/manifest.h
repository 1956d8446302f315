// What a model in the store says about itself.
#ifndef TRIVET_WEIGHTS_STORE_MANIFEST_H_
#define TRIVET_WEIGHTS_STORE_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace trivet {

struct ManifestFile {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;
};

// The file trivet-model.json in a model's folder, written last: a folder without it is not a model.
struct Manifest {
  std::string name;
  std::string source;
  std::string licence;
  std::string main;  // file to open; empty = the folder
  std::vector<ManifestFile> files;
};

Result<Manifest> read_manifest(const std::string& folder);
Result<void> write_manifest(const std::string& folder, const Manifest& manifest);

// All files are there with their sizes.
bool is_complete(const std::string& folder, const Manifest& manifest);

// What ModelSource::open takes.
std::string main_path(const std::string& folder, const Manifest& manifest);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_MANIFEST_H_
