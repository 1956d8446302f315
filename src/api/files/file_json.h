// File objects of the OpenAI API.
#ifndef TRIVET_API_FILES_FILE_JSON_H_
#define TRIVET_API_FILES_FILE_JSON_H_

#include <string>
#include <string_view>
#include <vector>

#include "api/json_writer.h"
#include "state/file_store.h"

namespace trivet {

std::string file_json(const FileRecord& file);
std::string file_list_json(const std::vector<FileRecord>& files, bool has_more);
// {"id", "object", "deleted": true}
std::string deleted_json(std::string_view id, std::string_view object);

}  // namespace trivet

#endif  // TRIVET_API_FILES_FILE_JSON_H_
