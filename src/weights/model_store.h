// Models on this machine, and how they get there.
#ifndef TRIVET_WEIGHTS_MODEL_STORE_H_
#define TRIVET_WEIGHTS_MODEL_STORE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

struct PullProgress {
  std::string_view phase;  // "downloading model.safetensors", "checking ..."
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;  // of the whole pull; 0 = not known
  // The present file; empty and 0 = not known (yet).
  std::string_view file;
  std::string_view sha256;  // hex
  uint64_t file_done_bytes = 0;
  uint64_t file_total_bytes = 0;
};

// Called often, at least once a second, and from the pulling thread; false stops the pull
// (kCancelled), which can be taken up again.
using PullObserver = std::function<bool(const PullProgress&)>;

struct StoreOptions {
  std::string root;  // folder of the store; made when needed
  std::string hub_endpoint = "https://huggingface.co";
  std::string hub_token;  // sent to the endpoint only, never to where it redirects
  std::vector<std::string> package_command = {"python3", "-m", "pip"};
  int max_attempts = 6;       // of one file, counted anew after each attempt that got further
  int first_pause_ms = 1000;  // before the second attempt; doubles
  int stall_seconds = 60;  // a transfer without a byte for so long is given up and taken up again
};

// $XDG_CACHE_HOME/trivet or ~/.cache/trivet; HF_ENDPOINT and HF_TOKEN of the environment.
StoreOptions default_store_options();

struct StoreEntry {
  std::string name;
  std::string path;  // what ModelSource::open takes
  uint64_t bytes = 0;
  std::string source;
  std::string licence;  // empty = not known
};

// Folder of models, one sub-folder each, that appear whole or not at all: a pull works beside them,
// checks sizes and checksums, and moves the result in at the end. Interrupted pulls resume. Any
// number of processes may use a store; two pulls of one model exclude each other by a lock that
// dies with its process. Thread-safe: no state but the options.
class ModelStore {
 public:
  explicit ModelStore(StoreOptions options) : options_(std::move(options)) {}

  const std::string& root() const { return options_.root; }

  // `spec` is one of
  //   NAME                            of the catalog (catalog.h)
  //   hf:OWNER/REPO[@REVISION][/FILE] Hugging Face hub: the safetensors model of the repository,
  //   its only
  //                                   GGUF model, or the GGUF file named (all parts of a split
  //                                   one), for which a part of its name does, such as Q4_K_M
  //   https://HOST/PATH/FILE.gguf     one file
  //   path:PATH                       a local .gguf file or model folder, copied
  // Returns the path to open. A model that is there already is returned as it is.
  Result<std::string> pull(const std::string& spec, const PullObserver& observer = {}) const;

  // The path to open of a model named as pull names it (with or without "hf:") or of a path that
  // exists. kNotFound says what to do.
  Result<std::string> resolve(const std::string& name_or_path) const;

  // By name; entries that cannot be read are left out.
  std::vector<StoreEntry> list() const;

  // The model and what an unfinished pull of it left.
  Result<void> remove(const std::string& name) const;

 private:
  StoreOptions options_;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_MODEL_STORE_H_
