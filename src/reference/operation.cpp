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
#define TRIVET_FACTORY_CASE(constant, name) \
  case TRIVET_OP_##constant:                \
    return make_##name(request);
    TRIVET_OPERATIONS(TRIVET_FACTORY_CASE)
#undef TRIVET_FACTORY_CASE
    default:
      return Error(ErrorCode::kUnimplemented,
                   "unknown operation kind " + std::to_string(desc.kind));
  }
}

}  // namespace trivet::reference
