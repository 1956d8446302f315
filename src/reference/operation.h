// What the reference's operations have in common: their base class, their checks and their
// factories.
#ifndef TRIVET_REFERENCE_OPERATION_H_
#define TRIVET_REFERENCE_OPERATION_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/result.h"
#include "device/operation_list.h"
#include "reference/thread_pool.h"
#include "tensor/dtype.h"
#include "trivet/backend.h"

namespace trivet::reference {

// A weight of the host, used where it lies.
struct Weight {
  DType dtype;
  int64_t rows, cols;
  size_t row_bytes;
  const std::byte* data;

  const std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes; }
};

// What an operation is made from. `weights` entries are null where only support is asked.
struct OpRequest {
  const trivet_op_desc& desc;
  const trivet_limits& limits;
  int num_threads;

  // The most rows that a run can have.
  int64_t max_rows() const {
    return desc.output_domain == 1 ? limits.max_output_rows : limits.max_rows;
  }
  const Weight* weight(int i) const { return reinterpret_cast<const Weight*>(desc.weights[i]); }
  int64_t weight_rows(int i) const { return desc.weight_descs[i].rows; }
  int64_t weight_cols(int i) const { return desc.weight_descs[i].cols; }
};

// Prepared once, run by one thread at a time. Before run(), the caller has checked that the step,
// the inputs, the output and the workspace are there and that the row count is within the limits.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual uint64_t workspace_bytes() const { return 0; }
  virtual trivet_status run(const trivet_run& run, ThreadPool& pool) const = 0;
};

using OpResult = Result<std::unique_ptr<Operation>>;

// make_embedding() and so on.
#define TRIVET_DECLARE_FACTORY(constant, name) OpResult make_##name(const OpRequest& request);
TRIVET_OPERATIONS(TRIVET_DECLARE_FACTORY)
#undef TRIVET_DECLARE_FACTORY

// By kind. Refuses what no factory accepts; the message says why.
OpResult make_operation(const OpRequest& request);

inline Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

// An error with this message unless `condition`.
inline Result<void> require(bool condition, const char* message) {
  if (!condition) return invalid(message);
  return {};
}

// The parameters, with zeros for fields that the host's version does not have.
template <class Params>
Result<Params> params_of(const trivet_op_desc& desc) {
  if (desc.params == nullptr) return invalid("the operation has no parameters");
  size_t size;
  std::memcpy(&size, desc.params, sizeof size);
  if (size < sizeof size || size > 65536)
    return invalid("the parameters have a size of " + std::to_string(size) + " bytes");
  Params params{};
  std::memcpy(&params, desc.params, std::min(size, sizeof params));
  params.size = sizeof params;
  return params;
}

inline Result<void> require_operands(const trivet_op_desc& desc, int inputs, int min_weights,
                                     int max_weights) {
  TRIVET_RETURN_IF_ERROR(
      require(desc.num_inputs == inputs, "the operation has the wrong number of inputs"));
  return require(desc.num_weights >= min_weights && desc.num_weights <= max_weights,
                 "the operation has the wrong number of weights");
}

// Heads that lie side by side in a row of `row_cols` columns.
inline Result<void> require_heads(int64_t first_col, int64_t num_heads, int64_t head_dim,
                                  int64_t row_cols) {
  return require(first_col >= 0 && num_heads > 0 && head_dim > 0 &&
                     first_col + num_heads * head_dim <= row_cols,
                 "the heads do not lie within the columns of the input");
}

inline Result<void> require_rotation(int rotary_dim, int head_dim, uint32_t style) {
  TRIVET_RETURN_IF_ERROR(require(rotary_dim > 0 && rotary_dim % 2 == 0 && rotary_dim <= head_dim,
                                 "rotary_dim must be even, above 0 and at most head_dim"));
  return require(style <= TRIVET_ROPE_INTERLEAVED, "unknown rope style");
}

// Rows per range of a loop, so that a range is worth handing to a thread.
inline int64_t rows_per_range(int64_t cols) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(cols, 1));
}

}  // namespace trivet::reference

#endif  // TRIVET_REFERENCE_OPERATION_H_
