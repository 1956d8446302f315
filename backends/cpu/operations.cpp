#include "operations.h"

namespace trivet::cpu {
namespace {

struct Kind {
  uint32_t kind;
  const char* name;
  size_t params_bytes;  // 0: none
  int inputs;           // at least
  int weights;          // at least
  trivet_op* (*make)(const OpContext&);
};

constexpr Kind kKinds[] = {
    {TRIVET_OP_EMBEDDING, "embedding", sizeof(trivet_embedding_params), 0, 1, make_embedding},
    {TRIVET_OP_ROPE_TABLE, "rope_table", sizeof(trivet_rope_table_params), 0, 0, make_rope_table},
    {TRIVET_OP_RMS_NORM, "rms_norm", sizeof(trivet_rms_norm_params), 1, 0, make_rms_norm},
    {TRIVET_OP_LINEAR, "linear", sizeof(trivet_linear_params), 1, 1, make_linear},
    {TRIVET_OP_HEAD_NORM, "head_norm", sizeof(trivet_head_norm_params), 1, 0, make_head_norm},
    {TRIVET_OP_ROPE, "rope", sizeof(trivet_rope_params), 2, 0, make_rope},
    {TRIVET_OP_KV_WRITE, "kv_write", sizeof(trivet_kv_write_params), 1, 0, make_kv_write},
    {TRIVET_OP_ATTENTION, "attention", sizeof(trivet_attention_params), 1, 0, make_attention},
    {TRIVET_OP_GATED_ACTIVATION, "gated_activation", sizeof(trivet_gated_activation_params), 1, 0,
     make_gated_activation},
    {TRIVET_OP_ADD, "add", 0, 2, 0, make_add},
    {TRIVET_OP_SCALE, "scale", sizeof(trivet_scale_params), 1, 0, make_scale},
    {TRIVET_OP_GATHER_ROWS, "gather_rows", 0, 1, 0, make_gather_rows},
    {TRIVET_OP_SOFTCAP, "softcap", sizeof(trivet_softcap_params), 1, 0, make_softcap},
};

const Kind* find_kind(uint32_t kind) {
  for (const Kind& k : kKinds) {
    if (k.kind == kind) return &k;
  }
  return nullptr;
}

std::string check_columns(const trivet_op_desc& desc, int32_t first, int32_t heads,
                          int32_t head_dim) {
  if (first < 0 || heads <= 0 || head_dim <= 0)
    return "first_col, num_heads and head_dim must be positive";
  if (int64_t{first} + int64_t{heads} * head_dim > desc.input_cols[0])
    return "the heads reach beyond the row";
  if (desc.output_cols != desc.input_cols[0])
    return "works in place: output and input columns must be equal";
  return "";
}

std::string check_rope(const trivet_op_desc& desc) {
  const auto& p = *static_cast<const trivet_rope_params*>(desc.params);
  if (p.rotary_dim <= 0 || p.rotary_dim % 2 != 0 || p.rotary_dim > p.head_dim) {
    return "rotary_dim " + std::to_string(p.rotary_dim) + " must be even and at most head_dim";
  }
  if (desc.input_cols[1] != p.rotary_dim) return "the rope table must have rotary_dim columns";
  if (p.style > TRIVET_ROPE_INTERLEAVED) return "unknown rope style";
  return check_columns(desc, p.first_col, p.num_heads, p.head_dim);
}

std::string check_kv_write(const trivet_op_desc& desc) {
  const auto& p = *static_cast<const trivet_kv_write_params*>(desc.params);
  if (std::string problem = check_kv(p.kv); !problem.empty()) return problem;
  const int64_t width = int64_t{p.kv.num_kv_heads} * p.kv.head_dim;
  if (p.key_col < 0 || p.value_col < 0 || p.key_col + width > desc.input_cols[0] ||
      p.value_col + width > desc.input_cols[0]) {
    return "K or V reaches beyond the row";
  }
  if (p.kv_group < 0 || p.kv_layer < 0 || p.kv_layer >= p.kv.layers_per_group)
    return "kv_group or kv_layer out of range";
  return "";
}

std::string check_elementwise(const trivet_op_desc& desc, int inputs) {
  for (int i = 0; i < inputs; ++i) {
    if (desc.input_cols[i] != desc.output_cols) return "input and output columns must be equal";
  }
  return "";
}

std::string check_kind(const trivet_op_desc& desc) {
  switch (desc.kind) {
    case TRIVET_OP_LINEAR:
      return check_linear(desc);
    case TRIVET_OP_ATTENTION:
      return check_attention(desc);
    case TRIVET_OP_KV_WRITE:
      return check_kv_write(desc);
    case TRIVET_OP_ROPE:
      return check_rope(desc);
    case TRIVET_OP_HEAD_NORM: {
      const auto& p = *static_cast<const trivet_head_norm_params*>(desc.params);
      if (!p.weight) return "weight is null";
      return check_columns(desc, p.first_col, p.num_heads, p.head_dim);
    }
    case TRIVET_OP_RMS_NORM: {
      const auto& p = *static_cast<const trivet_rms_norm_params*>(desc.params);
      if (!p.weight) return "weight is null";
      if (p.add_residual && desc.num_inputs < 2) return "add_residual needs a second input";
      return check_elementwise(desc, p.add_residual ? 2 : 1);
    }
    case TRIVET_OP_EMBEDDING: {
      const trivet_weight_desc& w = desc.weight_descs[0];
      if (w.usage != TRIVET_WEIGHT_EMBEDDING || weight_bytes(w) != 0)
        return "needs one embedding weight";
      return w.cols == desc.output_cols ? "" : "output columns differ from the weight's";
    }
    case TRIVET_OP_ROPE_TABLE: {
      const auto& p = *static_cast<const trivet_rope_table_params*>(desc.params);
      if (p.rotary_dim <= 0 || p.rotary_dim % 2 != 0 || !p.inv_freq)
        return "rotary_dim must be even, inv_freq given";
      return desc.output_cols == p.rotary_dim ? "" : "output columns must be rotary_dim";
    }
    case TRIVET_OP_GATED_ACTIVATION: {
      const auto& p = *static_cast<const trivet_gated_activation_params*>(desc.params);
      if (p.activation > TRIVET_ACT_GELU_TANH) return "unknown activation";
      return desc.input_cols[0] == 2 * int64_t{desc.output_cols}
                 ? ""
                 : "the input must have twice the output's columns";
    }
    case TRIVET_OP_ADD:
      return check_elementwise(desc, 2);
    default:
      return check_elementwise(desc, 1);
  }
}

}  // namespace

std::string check_kv(const trivet_kv_desc& kv) {
  if (kv.layers_per_group <= 0 || kv.num_kv_heads <= 0)
    return "layers_per_group and num_kv_heads must be positive";
  if (kv.head_dim < 16 || kv.head_dim > 256 || kv.head_dim % 16 != 0) {
    return "head_dim " + std::to_string(kv.head_dim) + " must be a multiple of 16 from 16 to 256";
  }
  if (kv.block_tokens <= 0 || kv.block_tokens % 16 != 0) {
    return "block_tokens " + std::to_string(kv.block_tokens) + " must be a multiple of 16";
  }
  if (kv.dtype > TRIVET_KV_INT8)
    return "the cache type " + std::to_string(kv.dtype) +
           " is not known; use auto, f16, bf16, int8";
  return "";
}

std::string unsupported_reason(const trivet_op_desc& desc) {
  const Kind* kind = find_kind(desc.kind);
  if (!kind) return "operation kind " + std::to_string(desc.kind) + " is not known to this backend";
  const std::string name = std::string(kind->name) + ": ";
  if (kind->params_bytes > 0) {
    if (!desc.params) return name + "params are null";
    size_t given = 0;
    __builtin_memcpy(&given, desc.params, sizeof given);
    if (given < kind->params_bytes) return name + "params are of an older, shorter version";
  }
  if (desc.num_inputs < kind->inputs || desc.num_inputs > TRIVET_MAX_INPUTS)
    return name + "wrong number of inputs";
  if (desc.num_weights < kind->weights || desc.num_weights > TRIVET_MAX_WEIGHTS) {
    return name + "wrong number of weights";
  }
  if (desc.output_domain != 0 && desc.output_domain != 1)
    return name + "output_domain must be 0 or 1";
  for (int i = 0; i < desc.num_inputs; ++i) {
    if (desc.input_cols[i] <= 0) return name + "input columns must be positive";
  }
  const bool writes_nothing = desc.kind == TRIVET_OP_KV_WRITE;
  if (!writes_nothing && desc.output_cols <= 0) return name + "output columns must be positive";
  const std::string problem = check_kind(desc);
  return problem.empty() ? "" : name + problem;
}

trivet_op* make_operation(const OpContext& context) {
  return find_kind(context.desc.kind)->make(context);
}

}  // namespace trivet::cpu
