// The file that says which API keys there are. Three ways to write it, told apart by the first line
// that says something:
//
//   {"name": "alice", "sha256": "..."}      JSON, one key a line: what `trivet keys` writes
//   - name: alice                           YAML, a list, or one below "keys:"
//     secret: s3cret
//   alice:s3cret                            name:secret or only secret, one a line
//
// Fields: name; sha256 or secret; requests_per_minute, tokens_per_minute, concurrency, priority,
// models (a list), admin.
#ifndef TRIVET_SERVER_GUARD_KEY_FILE_H_
#define TRIVET_SERVER_GUARD_KEY_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/guard/api_key.h"

namespace trivet {

// kInvalidArgument with the line. Does not check secrets and names: KeyRing::create does.
Result<std::vector<ApiKey>> parse_key_file(std::string_view text);

// kNotFound, kInvalidArgument; also for a file without a key, which would open the server.
Result<std::vector<ApiKey>> read_key_file(const std::string& path);

// The text with one key more (which has a sha256), or without one; all else stays as it is.
// kAlreadyExists, kNotFound: the name.
Result<std::string> with_key_added(std::string_view text, const ApiKey& key);
Result<std::string> with_key_removed(std::string_view text, const std::string& name);

// Replaces the file by `text` as a whole, readable by its owner alone.
Result<void> write_key_file(const std::string& path, std::string_view text);
// The text of the file; "" if there is none.
Result<std::string> load_key_text(const std::string& path);

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_KEY_FILE_H_
