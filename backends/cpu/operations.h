// The operations: each has a check (what op_supported answers) and a constructor.
#ifndef TRIVET_BACKENDS_CPU_OPERATIONS_H_
#define TRIVET_BACKENDS_CPU_OPERATIONS_H_

#include <string>

#include "device.h"

namespace trivet::cpu {

// What a constructor is given. The device outlives the operation.
struct OpContext {
  trivet_device& device;
  const trivet_op_desc& desc;
  const trivet_limits& limits;

  template <class Params>
  const Params& params() const {
    return *static_cast<const Params*>(desc.params);
  }
  // Rows of the output at most.
  int32_t max_rows() const {
    return desc.output_domain == 1 ? limits.max_output_rows : limits.max_rows;
  }
};

// Empty if the operation is one that make_operation() takes, else why not.
std::string unsupported_reason(const trivet_op_desc& desc);

// Only for supported descriptions. May throw std::bad_alloc.
trivet_op* make_operation(const OpContext& context);

// ---- per kind; the checks assume that params are there and whole
std::string check_linear(const trivet_op_desc& desc);
std::string check_attention(const trivet_op_desc& desc);
std::string check_kv(const trivet_kv_desc& kv);
trivet_op* make_linear(const OpContext& context);
trivet_op* make_attention(const OpContext& context);
trivet_op* make_embedding(const OpContext& context);
trivet_op* make_rope_table(const OpContext& context);
trivet_op* make_rms_norm(const OpContext& context);
trivet_op* make_head_norm(const OpContext& context);
trivet_op* make_rope(const OpContext& context);
trivet_op* make_kv_write(const OpContext& context);
trivet_op* make_gated_activation(const OpContext& context);
trivet_op* make_add(const OpContext& context);
trivet_op* make_scale(const OpContext& context);
trivet_op* make_gather_rows(const OpContext& context);
trivet_op* make_softcap(const OpContext& context);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_OPERATIONS_H_
