// A model lowered to a list of prepared operations with all memory planned: what runs in the hot
// loop.
#ifndef TRIVET_PROGRAM_STEP_PROGRAM_H_
#define TRIVET_PROGRAM_STEP_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/device.h"
#include "graph/graph.h"
#include "trivet/backend.h"

namespace trivet {

struct ProgramMemory {
  uint64_t weight_bytes = 0;      // device memory for packed weights
  uint64_t in_place_bytes = 0;    // source bytes used in place (mapped file)
  uint64_t activation_bytes = 0;  // values between operations and the workspace
  uint64_t kv_block_bytes = 0;    // of one block
};

// Called after each packed weight: (done, total) bytes.
using LoadProgress = std::function<void(uint64_t, uint64_t)>;

// One thread at a time. Holds no string, allocates nothing and walks no graph while it runs.
class StepProgram {
 public:
  // What lower() would take, without touching weights: quick. Every number is that of the lowered
  // program or more; only the workspace of linears is an estimate (see workspace.h).
  static Result<ProgramMemory> plan(const Graph& graph, Device& device,
                                    const trivet_limits& limits);
  // Packs weights (dropping source pages one by one) and prepares every operation on `device`, or
  // on the reference where the device does not take it (one warning each kind). The device must
  // outlive the program; the graph need not, except its constants (shared ownership is taken).
  // Sources of weights must stay mapped where in_place_bytes is not 0, unless their keepalive holds
  // them. kUnimplemented: an operation that neither takes, or one that would need the reference on
  // a device whose memory the host cannot read.
  static Result<std::unique_ptr<StepProgram>> lower(const Graph& graph, Device& device,
                                                    const trivet_limits& limits,
                                                    const LoadProgress& progress = {});
  virtual ~StepProgram() = default;

  // Everything up to GATHER_ROWS, for all rows of the step. kInvalidArgument, before anything ran,
  // for a step beyond the limits or with tokens, positions or blocks out of range.
  virtual Result<void> run_body(const trivet_step& step) = 0;
  // The rest, for step.output_rows of the same step: logits [num_output_rows][vocab_size], valid
  // until the next run. May run several times after one body, with other rows each time.
  virtual Result<std::span<float>> run_head(const trivet_step& step) = 0;
  virtual const ProgramMemory& memory() const = 0;
  virtual int num_operations() const = 0;
  // What the user should know: operations that run on the slow reference, one line for each kind.
  virtual const std::vector<std::string>& warnings() const = 0;
};

}  // namespace trivet

#endif  // TRIVET_PROGRAM_STEP_PROGRAM_H_
