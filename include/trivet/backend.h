/* Trivet backend ABI: the one boundary between the engine and a device.
 *
 * A backend is a shared object that exports `trivet_backend_get`. The engine never names a vendor: it
 * loads the object, asks for this table, and drives every device through it. The CPU is a backend too.
 *
 * Rules
 * - C11, no exceptions and no C++ types across. Every struct starts with `size`, set by whoever fills
 *   it; fields are only appended, so a reader ignores what lies beyond the size it was given.
 * - Major version differs: refuse. Host minor < backend minor: fine, new fields are unused.
 * - One device is driven by one thread at a time. A backend may use any threads inside.
 * - No call aborts on bad arguments; each returns a status and fills `trivet_error` where it has one.
 *
 * Exactness contract. The value of an output row depends on that row's inputs alone: never on
 * how many rows ran with it, on their order, on the number of threads, or on the sizes in
 * `trivet_limits`. Each output element is accumulated in one fixed order. Attention works on a fixed
 * partition of the key/value positions (tiles of 64, merged in order within parts of 512, the parts
 * merged in order), the same for one query row and for many. A fused operation gives the bits that its
 * pieces give.
 *
 * Data. Values between operations are float32, row-major, one row per token of the step, dense (row
 * stride = number of columns). Rows of one sequence are adjacent and in order of position.
 */
#ifndef TRIVET_BACKEND_H_
#define TRIVET_BACKEND_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIVET_BACKEND_ABI_MAJOR 2
#define TRIVET_BACKEND_ABI_MINOR 0

/* ---------------------------------------------------------------- status */

typedef enum trivet_status {
  TRIVET_OK = 0,
  TRIVET_INVALID_ARGUMENT = 1,
  TRIVET_OUT_OF_MEMORY = 2,
  TRIVET_UNSUPPORTED = 3,
  TRIVET_DEVICE_LOST = 4,
  TRIVET_INTERNAL = 5
} trivet_status;

typedef struct trivet_error {
  size_t size;
  char message[512]; /* NUL-terminated; says the offending value and what to do */
} trivet_error;

/* ---------------------------------------------------------------- types of numbers */

/* Block layouts of the quantised types are those of GGUF (rows of whole blocks along columns). */
typedef enum trivet_dtype {
  TRIVET_F32 = 0,
  TRIVET_F16 = 1,
  TRIVET_BF16 = 2,
  TRIVET_Q4_0 = 3,
  TRIVET_Q4_1 = 4,
  TRIVET_Q5_0 = 5,
  TRIVET_Q5_1 = 6,
  TRIVET_Q8_0 = 7,
  TRIVET_Q4_K = 8,
  TRIVET_Q5_K = 9,
  TRIVET_Q6_K = 10,
  TRIVET_I32 = 11,
  TRIVET_DTYPE_COUNT = 12
} trivet_dtype;

/* ---------------------------------------------------------------- device, memory, streams */

typedef struct trivet_device trivet_device;
typedef struct trivet_stream trivet_stream; /* NULL = the device's default stream */
typedef struct trivet_event trivet_event;

typedef struct trivet_device_options {
  size_t size;
  int32_t index;       /* which device of this backend, from 0 */
  int32_t num_threads; /* host threads it may use, the caller's included; 0 = all it may run on */
  const char* isa;     /* instruction level by name ("avx2"), NULL = the best; the CPU also reads
                          the environment variable TRIVET_ISA when this is NULL */
} trivet_device_options;

typedef struct trivet_device_info {
  size_t size;
  const char* description; /* "CPU, avx512-bf16, 2 threads"; lives as long as the device */
  const char* isa;         /* the level in use */
  const char* isa_levels;  /* all that this machine can run, comma-separated, lowest first */
  int32_t num_threads;
  int32_t host_memory;     /* 1: memory_allocate gives memory that the host may read and write */
  uint64_t memory_bytes;   /* 0 = unknown or shared with the host */
} trivet_device_info;

typedef enum trivet_copy_direction {
  TRIVET_HOST_TO_DEVICE = 0,
  TRIVET_DEVICE_TO_HOST = 1,
  TRIVET_DEVICE_TO_DEVICE = 2
} trivet_copy_direction;

/* ---------------------------------------------------------------- weights */

typedef struct trivet_weight trivet_weight;

typedef enum trivet_weight_usage {
  TRIVET_WEIGHT_LINEAR = 0,   /* right-hand side of a linear: repacked into the backend's layout */
  TRIVET_WEIGHT_EMBEDDING = 1 /* rows are looked up */
} trivet_weight_usage;

typedef struct trivet_weight_desc {
  size_t size;
  uint32_t usage; /* trivet_weight_usage */
  uint32_t dtype; /* trivet_dtype of the source */
  int64_t rows;   /* output features, or vocabulary */
  int64_t cols;   /* input features, or embedding width; a multiple of the dtype's block */
  const void* data; /* host memory, row-major blocks; read during weight_create only, unless
                       weight_bytes says that the source is used in place (0 bytes) */
} trivet_weight_desc;

/* ---------------------------------------------------------------- key/value cache */

/* The engine owns block numbers and tables, the backend owns the bytes. A cache is an array of
 * `num_blocks` blocks of kv_block_bytes() each; a block holds block_tokens positions of
 * layers_per_group layers. Block contents may be copied as anonymous bytes. */
/* As what keys and values are kept. Values beyond a type's range become its largest. */
typedef enum trivet_kv_dtype {
  TRIVET_KV_AUTO = 0, /* the backend's choice */
  TRIVET_KV_F16 = 1,
  TRIVET_KV_BF16 = 2,
  /* [-127, 127] times a scale per position and head, keys and values apart. Keys are kept rotated: each
   * run of the largest power of two that divides head_dim went through a Hadamard transform, as queries
   * do before they meet them, which spreads outliers and leaves products as they are. */
  TRIVET_KV_INT8 = 3
} trivet_kv_dtype;

typedef struct trivet_kv_desc {
  size_t size;
  int32_t layers_per_group;
  int32_t num_kv_heads;
  int32_t head_dim;
  int32_t block_tokens; /* a multiple of 16 */
  uint32_t dtype;       /* trivet_kv_dtype; kv_block_bytes() is 0 for one that is not supported */
  uint32_t reserved;    /* 0 */
} trivet_kv_desc;

/* ---------------------------------------------------------------- one step */

/* What one forward pass works on. All pointers are host memory, valid during the call. */
typedef struct trivet_step {
  size_t size;
  int32_t num_rows;              /* tokens in this step */
  const int32_t* tokens;         /* [num_rows] */
  const int32_t* positions;      /* [num_rows] position in the sequence, from 0 */
  int32_t num_sequences;
  const int32_t* row_begin;      /* [num_sequences + 1] rows of sequence s: [row_begin[s], row_begin[s+1]) */
  int32_t num_kv_groups;
  /* block_tables[g][s * block_table_stride + p / block_tokens] = block of position p of sequence s in
   * group g; -1 where a sliding window no longer needs the block. Entries up to the last position of
   * the step's rows are valid. */
  const int32_t* const* block_tables;
  int32_t block_table_stride;
  void* kv_memory;               /* from memory_allocate, num_kv_blocks * kv_block_bytes */
  int32_t num_kv_blocks;
  /* Rows that GATHER_ROWS takes: indices into [0, num_rows). */
  int32_t num_output_rows;
  const int32_t* output_rows;
} trivet_step;

/* Upper bounds of any step; operations size their workspace by them. */
typedef struct trivet_limits {
  size_t size;
  int32_t max_rows;
  int32_t max_sequences;
  int32_t max_output_rows;
  int32_t max_positions; /* longest sequence */
} trivet_limits;

/* ---------------------------------------------------------------- operations */

typedef struct trivet_op trivet_op;

typedef enum trivet_op_kind {
  TRIVET_OP_EMBEDDING = 1,
  TRIVET_OP_ROPE_TABLE = 2,
  TRIVET_OP_RMS_NORM = 3,
  TRIVET_OP_LINEAR = 4,
  TRIVET_OP_HEAD_NORM = 5,
  TRIVET_OP_ROPE = 6,
  TRIVET_OP_KV_WRITE = 7,
  TRIVET_OP_ATTENTION = 8,
  TRIVET_OP_GATED_ACTIVATION = 9,
  TRIVET_OP_ADD = 10,
  TRIVET_OP_SCALE = 11,
  TRIVET_OP_GATHER_ROWS = 12,
  TRIVET_OP_SOFTCAP = 13
} trivet_op_kind;

typedef enum trivet_activation {
  TRIVET_ACT_NONE = 0,
  TRIVET_ACT_SILU = 1,
  TRIVET_ACT_GELU_TANH = 2
} trivet_activation;

typedef enum trivet_rope_style {
  TRIVET_ROPE_HALF = 0,       /* pairs (i, i + rotary_dim / 2): Hugging Face, "neox" */
  TRIVET_ROPE_INTERLEAVED = 1 /* pairs (2 i, 2 i + 1): GGUF files of the llama family */
} trivet_rope_style;

/* Arrays of float in parameters are host memory that stays valid as long as the operation; a
 * backend whose device cannot read it copies it in op_create. */

/* out[r, :] = weight[tokens[r], :] * scale. inputs: none. weights: 1. */
typedef struct trivet_embedding_params {
  size_t size;
  float scale;
} trivet_embedding_params;

/* out[r, 0..d/2) = cos(positions[r] * inv_freq[i]) * magnitude, out[r, d/2..d) = the same with sin;
 * d = rotary_dim. The product is rounded to float32 before cos and sin, as Hugging Face does.
 * inputs: none. */
typedef struct trivet_rope_table_params {
  size_t size;
  int32_t rotary_dim;
  const float* inv_freq; /* [rotary_dim / 2] */
  float magnitude;
} trivet_rope_table_params;

/* y = x / sqrt(mean(x^2) + eps) * weight; out = y, or residual + y.
 * inputs: x, and residual if add_residual. out may be the residual itself. */
typedef struct trivet_rms_norm_params {
  size_t size;
  const float* weight; /* [cols] */
  float eps;
  int32_t add_residual;
} trivet_rms_norm_params;

/* x' = norm_weight ? rms_norm(x) : x
 * y  = concat over segments of (x' W_s^T), plus bias
 * activation: exactly two weights G, U of equal rows; y = act(x' G^T + bias_G) * (x' U^T + bias_U)
 * out = add_residual ? residual + y : y.
 * Quantised weights take x' quantised to int8 with one scale per group of 32 columns (for the K types a scale per
 * 256 times a power of two per 32), or more precisely. fine_activations: x' keeps about 15 bits where 8 are usual.
 * inputs: x, and residual if add_residual; out may be the residual itself. weights: 1 to 4 segments. */
typedef struct trivet_linear_params {
  size_t size;
  const float* bias;        /* [sum of segment rows] or NULL */
  const float* norm_weight; /* [cols] or NULL */
  float norm_eps;
  uint32_t activation;      /* trivet_activation */
  int32_t add_residual;
  int32_t fine_activations;
} trivet_linear_params;

/* In place on columns [first_col, first_col + num_heads * head_dim): each head is RMS-normalised.
 * inputs: x; out is x. */
typedef struct trivet_head_norm_params {
  size_t size;
  int32_t first_col, num_heads, head_dim;
  const float* weight; /* [head_dim] */
  float eps;
} trivet_head_norm_params;

/* In place on the same kind of columns: rotate the first rotary_dim values of each head.
 * inputs: x, table (of ROPE_TABLE). out is x. */
typedef struct trivet_rope_params {
  size_t size;
  int32_t first_col, num_heads, head_dim;
  int32_t rotary_dim;
  uint32_t style; /* trivet_rope_style */
} trivet_rope_params;

/* Writes K and V of every row into the cache. inputs: x with K at key_col, V at value_col. out: none. */
typedef struct trivet_kv_write_params {
  size_t size;
  trivet_kv_desc kv;
  int32_t key_col, value_col;
  int32_t kv_group; /* which block table */
  int32_t kv_layer; /* layer inside the group's block, [0, layers_per_group) */
} trivet_kv_write_params;

/* out[r, h*head_dim..] = softmax(softcap(q k^T * scale)) v over the positions p of the row's sequence with
 * p <= positions[r] and, where window > 0, p > positions[r] - window. Query head h reads key/value
 * head h / (num_heads / num_kv_heads).
 * inputs: x with the query heads at column 0 (and K, V behind them); with fused_rope_write also table.
 * fused_rope_write: before attending, do on x what HEAD_NORM (where weights are given), ROPE on
 * queries and keys, and KV_WRITE would do; x = [q | k | v] and its contents are unspecified after. */
typedef struct trivet_attention_params {
  size_t size;
  trivet_kv_desc kv;
  int32_t num_heads;
  float scale;
  int32_t window;  /* 0 = all */
  float softcap;   /* 0 = none */
  int32_t kv_group;
  int32_t kv_layer;
  int32_t fused_rope_write;
  int32_t rotary_dim;
  uint32_t rope_style;
  const float* query_norm; /* [head_dim] or NULL */
  const float* key_norm;   /* [head_dim] or NULL */
  float norm_eps;
} trivet_attention_params;

/* out = act(x[:, 0..n)) * x[:, n..2n). inputs: x of 2n columns. */
typedef struct trivet_gated_activation_params {
  size_t size;
  uint32_t activation;
} trivet_gated_activation_params;

/* out = a + b; out may be either. TRIVET_OP_ADD has no parameters (params = NULL). */

/* out = x * factor; out may be x. */
typedef struct trivet_scale_params {
  size_t size;
  float factor;
} trivet_scale_params;

/* out[i, :] = x[output_rows[i], :]. TRIVET_OP_GATHER_ROWS has no parameters. */

/* out = cap * tanh(x / cap); out may be x. */
typedef struct trivet_softcap_params {
  size_t size;
  float cap;
} trivet_softcap_params;

#define TRIVET_MAX_INPUTS 3
#define TRIVET_MAX_WEIGHTS 4

typedef struct trivet_op_desc {
  size_t size;
  uint32_t kind;         /* trivet_op_kind */
  const void* params;    /* the struct of that kind, or NULL where it has none */
  int32_t num_inputs;
  int32_t input_cols[TRIVET_MAX_INPUTS];
  int32_t output_cols;   /* 0 where there is no output */
  int32_t output_domain; /* 0: one row per token of the step; 1: one row per output row */
  int32_t num_weights;
  trivet_weight* weights[TRIVET_MAX_WEIGHTS]; /* NULL entries in op_supported */
  trivet_weight_desc weight_descs[TRIVET_MAX_WEIGHTS]; /* shapes and types; data may be NULL */
} trivet_op_desc;

typedef struct trivet_run {
  size_t size;
  const trivet_step* step;
  int32_t num_rows; /* rows of the output: step->num_rows or step->num_output_rows by domain */
  const float* inputs[TRIVET_MAX_INPUTS];
  float* output;
  void* workspace; /* at least op_workspace_bytes, 64-byte aligned; shared by all operations */
  trivet_stream* stream;
} trivet_run;

/* ---------------------------------------------------------------- limits of the machine */

typedef enum trivet_machine_limit {
  TRIVET_LIMIT_INT8_OPS = 0,      /* int8 multiply-adds x 2, per second, all threads, registers only */
  TRIVET_LIMIT_BF16_FLOPS = 1,
  TRIVET_LIMIT_F32_FLOPS = 2,
  TRIVET_LIMIT_READ_BYTES = 3,    /* memory read, bytes per second, all threads */
  TRIVET_LIMIT_FORK_JOIN_SECONDS = 4 /* one empty parallel region */
} trivet_machine_limit;

/* ---------------------------------------------------------------- the table */

typedef struct trivet_backend {
  size_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  const char* name;    /* "cpu" */
  const char* version; /* of the backend itself */

  /* How well this backend suits this machine; 0 = cannot run. The host takes the highest. */
  int32_t (*score)(void);

  trivet_status (*device_create)(const trivet_device_options*, trivet_device** out, trivet_error*);
  void (*device_destroy)(trivet_device*);
  void (*device_info)(const trivet_device*, trivet_device_info* out);

  /* 64-byte aligned (2 MiB for large blocks), zeroed. NULL when there is none. */
  void* (*memory_allocate)(trivet_device*, size_t bytes);
  void (*memory_free)(trivet_device*, void*, size_t bytes);
  trivet_status (*memory_copy)(trivet_device*, void* dst, const void* src, size_t bytes,
                               uint32_t direction, trivet_stream*);

  /* Optional as a group (all NULL: everything is synchronous). */
  trivet_status (*stream_create)(trivet_device*, trivet_stream** out);
  void (*stream_destroy)(trivet_stream*);
  trivet_status (*stream_synchronize)(trivet_stream*);
  trivet_status (*event_create)(trivet_device*, trivet_event** out);
  void (*event_destroy)(trivet_event*);
  trivet_status (*event_record)(trivet_event*, trivet_stream*);
  trivet_status (*event_wait)(trivet_event*, trivet_stream*);

  /* Bytes of device memory that weight_create needs for this weight; 0: the source is used in place
   * and must stay valid and unchanged. UINT64_MAX: this weight is not supported. */
  uint64_t (*weight_bytes)(trivet_device*, const trivet_weight_desc*);
  trivet_status (*weight_create)(trivet_device*, const trivet_weight_desc*, void* memory,
                                 trivet_weight** out, trivet_error*);
  void (*weight_destroy)(trivet_weight*);

  /* Bytes of one block of the cache; 0 = unsupported shape. */
  uint64_t (*kv_block_bytes)(trivet_device*, const trivet_kv_desc*);

  /* 1 if op_create would take this operation. A host that gets 0 splits the operation into its
   * pieces, and runs on its own reference what no piece covers. */
  int32_t (*op_supported)(trivet_device*, const trivet_op_desc*);
  trivet_status (*op_create)(trivet_device*, const trivet_op_desc*, const trivet_limits*,
                             trivet_op** out, trivet_error*);
  uint64_t (*op_workspace_bytes)(const trivet_op*);
  trivet_status (*op_run)(trivet_op*, const trivet_run*);
  void (*op_destroy)(trivet_op*);

  /* Optional (NULL). Measures for about `seconds`; the unit is the limit's. */
  trivet_status (*measure_limit)(trivet_device*, uint32_t limit, double seconds, double* out);
} trivet_backend;

/* The only symbol a plugin exports. Returns NULL when it cannot serve this host version. */
typedef const trivet_backend* (*trivet_backend_get_fn)(uint32_t host_major, uint32_t host_minor);
const trivet_backend* trivet_backend_get(uint32_t host_major, uint32_t host_minor);

#ifdef __cplusplus
}
#endif

#endif /* TRIVET_BACKEND_H_ */
