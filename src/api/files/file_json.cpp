#include "api/files/file_json.h"

namespace trivet {
namespace {

void write_file(JsonWriter& writer, const FileRecord& file) {
  writer.begin_object();
  writer.key("id").string(file.id);
  writer.key("object").string("file");
  writer.key("bytes").integer(file.bytes);
  writer.key("created_at").integer(file.created);
  writer.key("expires_at");
  file.expires ? writer.integer(*file.expires) : writer.null();
  writer.key("filename").string(file.filename);
  writer.key("purpose").string(file.purpose);
  writer.key("status").string("processed");
  writer.key("status_details").null();
  writer.end_object();
}

}  // namespace

std::string file_json(const FileRecord& file) {
  std::string out;
  JsonWriter writer(out);
  write_file(writer, file);
  return out;
}

std::string file_list_json(const std::vector<FileRecord>& files, bool has_more) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("object").string("list");
  writer.key("data").begin_array();
  for (const FileRecord& file : files) write_file(writer, file);
  writer.end_array();
  writer.key("first_id");
  files.empty() ? writer.null() : writer.string(files.front().id);
  writer.key("last_id");
  files.empty() ? writer.null() : writer.string(files.back().id);
  writer.key("has_more").boolean(has_more);
  writer.end_object();
  return out;
}

std::string deleted_json(std::string_view id, std::string_view object) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("id").string(id);
  writer.key("object").string(object);
  writer.key("deleted").boolean(true);
  writer.end_object();
  return out;
}

}  // namespace trivet
