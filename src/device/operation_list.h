// Every operation of the backend ABI, once: OP(constant's name, name in messages and functions).
// The lists that only need names are made from it.
#ifndef TRIVET_DEVICE_OPERATION_LIST_H_
#define TRIVET_DEVICE_OPERATION_LIST_H_

#include "trivet/backend.h"

#define TRIVET_OPERATIONS(OP)            \
  OP(EMBEDDING, embedding)               \
  OP(ROPE_TABLE, rope_table)             \
  OP(RMS_NORM, rms_norm)                 \
  OP(LINEAR, linear)                     \
  OP(HEAD_NORM, head_norm)               \
  OP(ROPE, rope)                         \
  OP(KV_WRITE, kv_write)                 \
  OP(ATTENTION, attention)               \
  OP(GATED_ACTIVATION, gated_activation) \
  OP(ADD, add)                           \
  OP(SCALE, scale)                       \
  OP(GATHER_ROWS, gather_rows)           \
  OP(SOFTCAP, softcap)

#endif  // TRIVET_DEVICE_OPERATION_LIST_H_
