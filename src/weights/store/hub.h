// What the Hugging Face hub says about a repository.
// Protocol: huggingface.co/docs/hub/api; GET /api/models/REPO/revision/REV lists the files, and
// GET /REPO/resolve/REV/FILE answers with the file or a redirect to its storage.
#ifndef TRIVET_WEIGHTS_STORE_HUB_H_
#define TRIVET_WEIGHTS_STORE_HUB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "weights/model_store.h"
#include "weights/store/http_client.h"

namespace trivet {

struct HubFile {
  std::string name;  // path in the repository
  std::optional<uint64_t> bytes;
  std::optional<std::string> sha256;       // of files in large file storage
  std::optional<std::string> git_blob_id;  // of the others
};

struct HubRepository {
  std::string id;      // "owner/repo"
  std::string commit;  // that the revision meant when asked
  std::string licence;
  std::vector<HubFile> files;
};

Result<HubRepository> read_hub_repository(HttpClient& client, const StoreOptions& options,
                                          const std::string& id, const std::string& revision,
                                          const std::function<bool()>& keep_going = {});

// The answer of the API, checked: names are relative paths without "..", numbers and digests
// well-formed.
Result<HubRepository> parse_hub_repository(const std::string& json, const std::string& id,
                                           const std::string& revision);

// What a pull of the repository takes: the file named and, if it is one of a split model, its other
// parts; or, without a name, the safetensors model with its configuration and tokenizer, else the
// only GGUF model.
Result<std::vector<HubFile>> select_hub_files(const HubRepository& repository,
                                              const std::string& file);

std::string hub_file_url(const StoreOptions& options, const HubRepository& repository,
                         const HubFile& file);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_HUB_H_
