#include "weights/opened_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "weights/digest.h"

namespace trivet {
namespace {

class OpenedModel final : public ModelSource {
 public:
  OpenedModel(ModelParts parts, std::vector<MappedFile> files)
      : parts_(std::move(parts)), files_(std::move(files)) {
    for (size_t i = 0; i < parts_.tensors.size(); ++i) index_.emplace(parts_.tensors[i].name, i);
  }

  const std::string& path() const override { return parts_.path; }
  std::string_view format() const override { return parts_.format; }
  const ModelConfig& config() const override { return parts_.config; }
  const GenerationDefaults& generation_defaults() const override { return parts_.generation; }
  const TextSource& text() const override { return parts_.text; }
  std::span<const TensorView> tensors() const override { return parts_.tensors; }
  std::span<const MetadataEntry> metadata() const override { return parts_.metadata; }
  const std::string& fingerprint() const override { return parts_.fingerprint; }

  const TensorView* find(std::string_view canonical_name) const override {
    const auto found = index_.find(canonical_name);
    return found == index_.end() ? nullptr : &parts_.tensors[found->second];
  }

  void drop_pages(const TensorView& tensor) const override {
    for (const MappedFile& file : files_) {
      const auto bytes = file.bytes();
      const bool inside = tensor.data.data() >= bytes.data() &&
                          tensor.data.data() + tensor.data.size() <= bytes.data() + bytes.size();
      if (inside) file.drop(tensor.data);
    }
  }

 private:
  ModelParts parts_;
  std::vector<MappedFile> files_;
  std::unordered_map<std::string_view, size_t> index_;  // keys view parts_.tensors
};

}  // namespace

std::unique_ptr<ModelSource> make_model_source(ModelParts parts, std::vector<MappedFile> files) {
  return std::make_unique<OpenedModel>(std::move(parts), std::move(files));
}

std::string model_fingerprint(std::span<const std::span<const std::byte>> headers,
                              std::span<const FileBytes> files,
                              std::span<const TensorView> tensors) {
  constexpr size_t kSamples = 64, kSampleBytes = 64;
  Digest digest = Digest::sha256();
  for (const auto& header : headers) digest.add(header);
  for (const FileBytes& file : files) digest.add(std::to_string(file.bytes.size()) + ",");
  const size_t stride = std::max<size_t>(1, tensors.size() / kSamples);
  for (size_t i = 0; i < tensors.size(); i += stride) {
    const auto data = tensors[i].data;
    digest.add(data.subspan(data.size() / 2).first(std::min(kSampleBytes, data.size() / 2)));
  }
  return digest.finish_hex();
}

std::string json_text(std::string_view text) {
  constexpr size_t kMaxBytes = 4096;
  const std::string shown =
      text.size() > kMaxBytes ? std::string(text.substr(0, kMaxBytes)) + "..." : std::string(text);
  return nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace trivet
