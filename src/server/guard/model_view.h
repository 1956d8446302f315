// The model as the holder of a key sees it.
#ifndef TRIVET_SERVER_GUARD_MODEL_VIEW_H_
#define TRIVET_SERVER_GUARD_MODEL_VIEW_H_

#include <optional>

#include "api/call.h"
#include "server/guard/key_ring.h"

namespace trivet {

// Under those of its names that the key allows: as if it had no other. A key that allows none of
// them sees it whole, as does everyone without a key; whether it may use it is decided elsewhere.
class ModelView {
 public:
  // `model`, null while loading, must outlive the view.
  ModelView(const ServedModel* model, const KeyPolicy* key) : model_(model) {
    if (model == nullptr || key == nullptr || key->models.empty()) return;
    std::vector<std::string> names = key->allowed_of(model->names);
    if (names.empty() || names.size() == model->names.size()) return;
    narrowed_ = *model;
    narrowed_->names = std::move(names);
  }
  ModelView(const ModelView&) = delete;
  ModelView& operator=(const ModelView&) = delete;

  const ServedModel* get() const { return narrowed_ ? &*narrowed_ : model_; }

 private:
  const ServedModel* const model_;
  std::optional<ServedModel> narrowed_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_MODEL_VIEW_H_
