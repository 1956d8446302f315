#include "weights/model_source.h"

#include <sys/stat.h>

#include "base/mapped_file.h"
#include "weights/gguf/gguf_model.h"
#include "weights/opened_model.h"

namespace trivet {
namespace {

Result<std::unique_ptr<ModelSource>> open_gguf(MappedFile first) {
  TRIVET_ASSIGN_OR_RETURN(const auto paths, gguf_part_paths({first.path(), first.bytes()}));
  std::vector<MappedFile> mappings;
  mappings.push_back(std::move(first));
  for (size_t i = 1; i < paths.size(); ++i) {
    auto part = MappedFile::open(paths[i]);
    if (!part.ok()) {
      return part.error().with_context("part " + std::to_string(i + 1) + " of " +
                                       std::to_string(paths.size()));
    }
    mappings.push_back(std::move(*part));
  }
  std::vector<FileBytes> files;
  for (const MappedFile& mapping : mappings) files.push_back({mapping.path(), mapping.bytes()});
  TRIVET_ASSIGN_OR_RETURN(ModelParts parts, read_gguf_model(files));
  return make_model_source(std::move(parts), std::move(mappings));
}

}  // namespace

Result<std::unique_ptr<ModelSource>> ModelSource::open(const std::string& path) {
  TRIVET_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  return open_gguf(std::move(file));
}

}  // namespace trivet
