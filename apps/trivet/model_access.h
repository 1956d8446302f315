// From what a user typed to what the engine loads.
#ifndef TRIVET_APPS_MODEL_ACCESS_H_
#define TRIVET_APPS_MODEL_ACCESS_H_

#include <memory>
#include <string>

#include "base/result.h"
#include "commands.h"
#include "engine/model_loader.h"
#include "weights/model_store.h"

namespace trivet {

// The folder of this program: backend plugins lie beside it.
std::string program_folder();

// A text that the user wrote for this run: a template, a schema, a grammar. An error if it is
// empty.
Result<std::string> read_text_file(const std::string& path);
// Replaces the file. The error names it.
Result<void> write_text_file(const std::string& path, const std::string& text);

// The store in the folder, or the default one if it is empty.
StoreOptions store_options(const std::string& folder);
ModelStore open_store(const std::string& folder);

// Draws a bar for each phase. Returns the path to open.
Result<std::string> pull_with_progress(const ModelStore& store, const std::string& spec);

// A path as it is, or the path of a model in the store; a name of the catalogue that is not there
// yet is fetched first, with a progress bar.
Result<std::string> find_model(const std::string& model, const std::string& store_folder);

Result<LoadOptions> to_load_options(const ModelOptions& options);

// Loads with a progress bar and prints the notices.
Result<std::unique_ptr<LoadedModel>> load_with_progress(const ModelOptions& options);

}  // namespace trivet

#endif  // TRIVET_APPS_MODEL_ACCESS_H_
