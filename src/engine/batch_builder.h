// Plans as rows and block tables.
#ifndef TRIVET_ENGINE_BATCH_BUILDER_H_
#define TRIVET_ENGINE_BATCH_BUILDER_H_

#include <vector>

#include "engine/choice.h"
#include "engine/model_runner.h"

namespace trivet {

// Rows [computed, computed + rows) of a sequence.
struct SequenceRows {
  const Choice* choice;
  int computed;
  int rows;
};

// Memory is reused from step to step.
class BatchBuilder {
 public:
  explicit BatchBuilder(int num_groups) {
    batch_.block_tables.resize(static_cast<size_t>(num_groups));
  }

  // Valid until the next call. The sequences have their blocks.
  const StepBatch& build(const std::vector<SequenceRows>& sequences);

 private:
  StepBatch batch_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_BATCH_BUILDER_H_
