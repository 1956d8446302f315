#include "models/decoder.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "models/rope_frequencies.h"
#include "tensor/dequantize.h"

namespace trivet {
namespace {

std::vector<bool> windowed_layers(const ModelConfig& config) {
  const auto count = static_cast<size_t>(config.num_layers);
  // A window as long as the context hides nothing.
  const bool any = config.sliding_window > 0 && config.sliding_window < config.context_length;
  if (!any || config.layer_has_window.size() != count) return std::vector<bool>(count, false);
  return config.layer_has_window;
}

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

Decoder::Decoder(const ModelSource& source, const ModelGraphOptions& options)
    : source_(source),
      config_(source.config()),
      options_(options),
      builder_(config_.name.empty() ? config_.architecture : config_.name),
      cache_(layout_cache(windowed_layers(config_), config_.sliding_window)) {
  auto kv = make_params<trivet_kv_desc>();
  kv.layers_per_group = cache_.layers_per_group;
  kv.num_kv_heads = config_.num_kv_heads;
  kv.head_dim = config_.head_dim;
  kv.block_tokens = options.block_tokens;
  kv.dtype = options.kv_dtype;
  builder_.set_cache(kv, cache_.groups);
}

bool Decoder::has_window(int layer) const {
  const CacheSlot& slot = cache_.slots[static_cast<size_t>(layer)];
  return cache_.groups[static_cast<size_t>(slot.group)].window > 0;
}

ValueId Decoder::embed_tokens() {
  const WeightId table =
      weight("token_embedding", config_.vocab_size, config_.hidden_size, TRIVET_WEIGHT_EMBEDDING);
  ValueId x = builder_.embedding("token_embedding", table);
  if (config_.embedding_scale != 1.0f) {
    x = builder_.scale("embedding_scale", x, config_.embedding_scale);
  }
  add_rope_tables();
  return x;
}

void Decoder::add_rope_tables() {
  std::vector<float> factors;
  if (source_.find("rope_factors")) factors = vector("rope_factors", config_.rope.rotary_dim / 2);
  bool any_full = !config_.local_rope, any_local = false;
  for (int i = 0; i < config_.num_layers; ++i) {
    const bool local = config_.local_rope && has_window(i);
    (local ? any_local : any_full) = true;
  }
  if (any_full) {
    RopeFrequencies f = rope_frequencies(config_.rope, factors);
    rope_table_ = builder_.rope_table("rope_table", std::move(f.inv_freq), f.magnitude);
  }
  if (any_local) {
    RopeFrequencies f = rope_frequencies(*config_.local_rope, {});
    local_rope_table_ = builder_.rope_table("local_rope_table", std::move(f.inv_freq), f.magnitude);
  }
}

void Decoder::begin_layer(int layer) {
  layer_ = layer;
  builder_.begin_layer(layer);
}

ValueId Decoder::norm(const std::string& name, ValueId x) {
  return builder_.rms_norm(name, x, norm_weight(name, config_.hidden_size), config_.norm_eps);
}

ValueId Decoder::attention(ValueId x, const AttentionTraits& traits) {
  const int64_t hidden = config_.hidden_size;
  const int64_t query_rows = int64_t{config_.num_heads} * config_.head_dim;
  const int64_t key_rows = int64_t{config_.num_kv_heads} * config_.head_dim;
  const ValueId q = linear("attn_q", x, query_rows, hidden, traits.needs_bias);
  const ValueId k = linear("attn_k", x, key_rows, hidden, traits.needs_bias);
  const ValueId v = linear("attn_v", x, key_rows, hidden, traits.needs_bias);
  const ValueId qkv = rotate(builder_.concat("attn_qkv", {q, k, v}), traits);

  const CacheSlot& slot = cache_.slots[static_cast<size_t>(layer_)];
  AttentionShape shape;
  shape.num_heads = config_.num_heads;
  shape.scale = config_.attention_scale != 0
                    ? config_.attention_scale
                    : 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
  shape.softcap = config_.attention_softcap;
  shape.kv_group = slot.group;
  shape.kv_layer = slot.layer;
  return linear("attn_output", builder_.attention("attn", qkv, shape), hidden, query_rows);
}

ValueId Decoder::rotate(ValueId qkv, const AttentionTraits& traits) {
  const bool local = config_.local_rope && has_window(layer_);
  const ValueId table = local ? local_rope_table_ : rope_table_;
  const RopeConfig& rope = local ? *config_.local_rope : config_.rope;
  const RopeHeads queries{0, config_.num_heads, config_.head_dim, rope.rotary_dim,
                          config_.rope_style};
  RopeHeads keys = queries;
  keys.first_col = config_.num_heads * config_.head_dim;
  keys.num_heads = config_.num_kv_heads;
  if (traits.head_norms) {
    qkv = builder_.head_norm("attn_q_norm", qkv, queries,
                             norm_weight("attn_q_norm", config_.head_dim), config_.norm_eps);
    qkv = builder_.head_norm("attn_k_norm", qkv, keys, norm_weight("attn_k_norm", config_.head_dim),
                             config_.norm_eps);
  }
  qkv = builder_.rope("attn_q_rope", qkv, table, queries);
  return builder_.rope("attn_k_rope", qkv, table, keys);
}

ValueId Decoder::feed_forward(ValueId x) {
  const int64_t hidden = config_.hidden_size, inner = config_.intermediate_size;
  const ValueId gate = linear("ffn_gate", x, inner, hidden);
  const ValueId up = linear("ffn_up", x, inner, hidden);
  const ValueId product = builder_.gated_activation("ffn_gate_up", gate, up, config_.activation);
  return linear("ffn_down", product, hidden, inner);
}

Result<Graph> Decoder::finish(ValueId x) {
  layer_ = -1;
  builder_.end_layers();
  x = norm("output_norm", x);
  const std::string head = config_.tied_embeddings ? "token_embedding" : "output";
  x = builder_.linear("output", x,
                      weight(head, config_.vocab_size, config_.hidden_size, TRIVET_WEIGHT_LINEAR));
  if (config_.logit_softcap > 0) x = builder_.softcap("logit_softcap", x, config_.logit_softcap);
  TRIVET_ASSIGN_OR_RETURN(Graph graph, builder_.finish(builder_.gather_rows("logit_rows", x)));
  TRIVET_RETURN_IF_ERROR(check_all_used());
  return graph;
}

ValueId Decoder::linear(const std::string& name, ValueId x, int64_t rows, int64_t cols,
                        bool needs_bias) {
  const std::string full = full_name(name);
  std::vector<float> bias;
  if (needs_bias || source_.find(full + ".bias")) bias = vector(full + ".bias", rows);
  return builder_.linear(name, x, weight(full, rows, cols, TRIVET_WEIGHT_LINEAR), std::move(bias));
}

std::string Decoder::full_name(const std::string& name) const {
  return layer_ < 0 ? name : fmt::format("layer.{}.{}", layer_, name);
}

const TensorView* Decoder::tensor(const std::string& full_name, int64_t rows, int64_t cols) {
  const TensorView* view = source_.find(full_name);
  if (!view) {
    builder_.fail(Error(ErrorCode::kDataLoss, fmt::format("the tensor \"{}\" ({} x {}) is missing",
                                                          full_name, rows, cols)));
    return nullptr;
  }
  if (view->rows != rows || view->cols != cols) {
    builder_.fail(
        Error(ErrorCode::kDataLoss,
              fmt::format("the tensor \"{}\" (in the file \"{}\") is {} x {}, must be {} x {}",
                          full_name, view->file_name, view->rows, view->cols, rows, cols)));
    return nullptr;
  }
  used_.insert(full_name);
  return view;
}

WeightId Decoder::weight(const std::string& full_name, int64_t rows, int64_t cols,
                         trivet_weight_usage usage) {
  const TensorView* view = tensor(full_name, rows, cols);
  if (!view) return -1;
  GraphWeight result{.name = full_name, .dtype = view->dtype, .rows = rows, .cols = cols};
  result.data = view->data;
  result.usage = usage;
  result.drop = [source = &source_, view] { source->drop_pages(*view); };
  result.keepalive = options_.keepalive;
  return builder_.add_weight(std::move(result));
}

std::vector<float> Decoder::vector(const std::string& full_name, int64_t size) {
  const TensorView* view = tensor(full_name, 1, size);
  if (!view) return {};
  if (!is_float(view->dtype)) {
    builder_.fail(Error(ErrorCode::kUnimplemented,
                        fmt::format("the tensor \"{}\" (in the file \"{}\") is stored as {}; "
                                    "vectors must be f32, f16 or bf16",
                                    full_name, view->file_name, dtype_name(view->dtype))));
    return {};
  }
  std::vector<float> values(static_cast<size_t>(size));
  dequantize_row(view->dtype, view->data.data(), values);
  return values;
}

std::vector<float> Decoder::norm_weight(const std::string& name, int64_t size) {
  std::vector<float> values = vector(full_name(name), size);
  if (config_.norm_weight_offset != 0) {
    for (float& value : values) value += config_.norm_weight_offset;
  }
  return values;
}

Result<void> Decoder::check_all_used() const {
  for (const TensorView& view : source_.tensors()) {
    if (!view.name.starts_with("layer.") || used_.contains(view.name)) continue;
    return Error(ErrorCode::kUnimplemented,
                 fmt::format("the tensor \"{}\" (in the file \"{}\") has no place in the "
                             "architecture \"{}\": this is a variant that is not supported",
                             view.name, view.file_name, config_.architecture));
  }
  return {};
}

}  // namespace trivet
