#include "weights/gguf/gguf_model.h"

#include <cstdio>
#include <unordered_set>

#include "weights/architecture.h"
#include "weights/gguf/gguf_config.h"
#include "weights/gguf/gguf_header.h"
#include "weights/gguf/gguf_keys.h"

namespace trivet {
namespace {

constexpr int kMaxParts = 9999;

std::string part_suffix(int number, int count) {
  char text[32];
  std::snprintf(text, sizeof text, "-%05d-of-%05d.gguf", number, count);
  return text;
}

struct Split {
  int number = 0;  // from 0
  int count = 1;
};

Result<Split> read_split(const GgufHeader& header) {
  GgufKeys keys(header);
  Split split{keys.count("split.no").value_or(0), keys.count("split.count").value_or(1)};
  TRIVET_RETURN_IF_ERROR(keys.status());
  if (split.count == 0) split.count = 1;
  if (split.count > kMaxParts || split.number >= split.count) {
    keys.fail("split.count", "part " + std::to_string(split.number) + " of " +
                                 std::to_string(split.count) + " is not possible");
  }
  TRIVET_RETURN_IF_ERROR(keys.status());
  return split;
}

Result<std::vector<GgufHeader>> parse_parts(std::span<const FileBytes> files) {
  std::vector<GgufHeader> headers;
  for (const FileBytes& file : files) {
    TRIVET_ASSIGN_OR_RETURN(GgufHeader header, GgufHeader::parse(file.bytes, file.path));
    TRIVET_ASSIGN_OR_RETURN(const Split split, read_split(header));
    const size_t expected = headers.size();
    if (static_cast<size_t>(split.count) != files.size() ||
        static_cast<size_t>(split.number) != expected) {
      return Error(ErrorCode::kDataLoss,
                   file.path + ": metadata \"split.no\": the file says it is part " +
                       std::to_string(split.number + 1) + " of " + std::to_string(split.count) +
                       ", its name says part " + std::to_string(expected + 1) + " of " +
                       std::to_string(files.size()));
    }
    headers.push_back(std::move(header));
  }
  return headers;
}

TensorView view_of(const GgufTensor& tensor, std::span<const std::byte> file) {
  TensorView view;
  view.name = canonical_gguf_name(tensor.name);
  view.file_name = std::string(tensor.name);
  view.dtype = tensor.dtype;
  view.cols = tensor.dimensions[0];
  view.rows = tensor.dimensions[1] * tensor.dimensions[2] * tensor.dimensions[3];
  view.data = file.subspan(tensor.data_begin, tensor.data_bytes);
  return view;
}

Result<std::vector<TensorView>> collect_tensors(std::span<const FileBytes> files,
                                                std::span<const GgufHeader> headers) {
  std::vector<TensorView> tensors;
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < files.size(); ++i) {
    for (const GgufTensor& tensor : headers[i].tensors()) {
      TensorView view = view_of(tensor, files[i].bytes);
      if (!names.insert(view.name).second) {
        return Error(ErrorCode::kDataLoss,
                     files[i].path + ": tensor \"" + view.file_name + "\" at offset " +
                         std::to_string(tensor.entry_offset) + ": is in another part too");
      }
      tensors.push_back(std::move(view));
    }
  }
  GgufKeys keys(headers[0]);
  const auto expected = keys.count("split.tensors.count");
  TRIVET_RETURN_IF_ERROR(keys.status());
  if (expected && static_cast<size_t>(*expected) != tensors.size()) {
    keys.fail("split.tensors.count", "the parts hold " + std::to_string(tensors.size()) +
                                         " tensors, not " + std::to_string(*expected));
  }
  TRIVET_RETURN_IF_ERROR(keys.status());
  return tensors;
}

Result<void> check_model(const ModelParts& parts) {
  if (!is_known_architecture(parts.config.architecture)) return {};
  TRIVET_RETURN_IF_ERROR(check_config(parts.config, parts.path));
  TRIVET_RETURN_IF_ERROR(check_shapes(parts.config, parts.tensors, parts.path));
  const auto& vocabulary = parts.text.vocabulary;
  if (vocabulary && vocabulary->tokens.size() > static_cast<size_t>(parts.config.vocab_size)) {
    return Error(ErrorCode::kDataLoss, parts.path + ": metadata \"tokenizer.ggml.tokens\": has " +
                                           std::to_string(vocabulary->tokens.size()) +
                                           " tokens, the embedding only " +
                                           std::to_string(parts.config.vocab_size));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> gguf_part_paths(const FileBytes& first) {
  TRIVET_ASSIGN_OR_RETURN(const GgufHeader header, GgufHeader::parse(first.bytes, first.path));
  TRIVET_ASSIGN_OR_RETURN(const Split split, read_split(header));
  if (split.count == 1) return std::vector<std::string>{first.path};
  const std::string suffix = part_suffix(split.number + 1, split.count);
  if (!first.path.ends_with(suffix)) {
    return Error(ErrorCode::kInvalidArgument,
                 first.path + ": is part " + std::to_string(split.number + 1) + " of " +
                     std::to_string(split.count) + "; its name must end in \"" + suffix + "\"");
  }
  const std::string stem = first.path.substr(0, first.path.size() - suffix.size());
  std::vector<std::string> paths;
  for (int i = 1; i <= split.count; ++i) paths.push_back(stem + part_suffix(i, split.count));
  if (split.number != 0) {
    return Error(ErrorCode::kInvalidArgument, first.path + ": is part " +
                                                  std::to_string(split.number + 1) +
                                                  "; open the first part, " + paths[0]);
  }
  return paths;
}

Result<ModelParts> read_gguf_model(std::span<const FileBytes> files) {
  TRIVET_ASSIGN_OR_RETURN(const auto headers, parse_parts(files));
  const GgufHeader& first = headers.front();
  ModelParts parts;
  parts.path = files.front().path;
  parts.format = "gguf";
  TRIVET_ASSIGN_OR_RETURN(parts.config, read_gguf_config(first));
  TRIVET_ASSIGN_OR_RETURN(parts.generation, read_gguf_generation(first));
  TRIVET_ASSIGN_OR_RETURN(parts.text, read_gguf_text(first));
  TRIVET_ASSIGN_OR_RETURN(parts.tensors, collect_tensors(files, headers));
  // The output and embedding matrices of a split model may lie in any part.
  for (const TensorView& tensor : parts.tensors) {
    if (tensor.name == "output") parts.config.tied_embeddings = false;
    if (tensor.name == "token_embedding" && tensor.rows < (1 << 30)) {
      parts.config.vocab_size = static_cast<int>(tensor.rows);
    }
  }
  parts.metadata = read_gguf_metadata(first);
  TRIVET_RETURN_IF_ERROR(check_model(parts));
  std::vector<std::span<const std::byte>> header_bytes;
  for (size_t i = 0; i < files.size(); ++i) {
    header_bytes.push_back(files[i].bytes.first(headers[i].header_bytes()));
  }
  parts.fingerprint = model_fingerprint(header_bytes, files, parts.tensors);
  return parts;
}

}  // namespace trivet
