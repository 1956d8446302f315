// From options and a loaded model to what serves it.
#ifndef TRIVET_APPS_SERVING_SETUP_H_
#define TRIVET_APPS_SERVING_SETUP_H_

#include "api/call.h"
#include "commands.h"
#include "engine/engine.h"
#include "engine/model_loader.h"

namespace trivet {

// The model as clients see it. `model` must outlive it.
ServedModel served_model(const ServeOptions& options, LoadedModel& model);
EngineOptions engine_options(const ServeOptions& options, const RunnerLimits& limits);

}  // namespace trivet

#endif  // TRIVET_APPS_SERVING_SETUP_H_
