#include "reference/operation.h"

namespace trivet::reference {

OpResult make_operation(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_RETURN_IF_ERROR(
      require(desc.num_inputs >= 0 && desc.num_inputs <= TRIVET_MAX_INPUTS &&
                  desc.num_weights >= 0 && desc.num_weights <= TRIVET_MAX_WEIGHTS &&
                  desc.output_cols >= 0 && desc.output_domain >= 0 && desc.output_domain <= 1,
              "the operation's description is out of range"));
  switch (desc.kind) {
    case TRIVET_OP_EMBEDDING:
      return make_embedding(request);
    case TRIVET_OP_ROPE_TABLE:
      return make_rope_table(request);
    case TRIVET_OP_RMS_NORM:
      return make_rms_norm(request);
    case TRIVET_OP_LINEAR:
      return make_linear(request);
    case TRIVET_OP_HEAD_NORM:
      return make_head_norm(request);
    case TRIVET_OP_ROPE:
      return make_rope(request);
    case TRIVET_OP_KV_WRITE:
      return make_kv_write(request);
    case TRIVET_OP_ATTENTION:
      return make_attention(request);
    case TRIVET_OP_GATED_ACTIVATION:
      return make_gated_activation(request);
    case TRIVET_OP_ADD:
      return make_add(request);
    case TRIVET_OP_SCALE:
      return make_scale(request);
    case TRIVET_OP_GATHER_ROWS:
      return make_gather_rows(request);
    case TRIVET_OP_SOFTCAP:
      return make_softcap(request);
    default:
      return Error(ErrorCode::kUnimplemented,
                   "unknown operation kind " + std::to_string(desc.kind));
  }
}

}  // namespace trivet::reference
