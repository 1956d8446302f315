/* A backend to start from. It is complete: it loads, passes conformance and could serve, with the
 * host's reference running what it declines. It takes ADD, SCALE, RMS_NORM and GATHER_ROWS. Read it
 * next to include/trivet/backend.h, which is the contract; README.md says how to go on from here.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trivet/backend.h"

/* ---------------------------------------------------------------- what the host's handles are
 *
 * The ABI's handle types are only declared; each backend defines what lies behind them. */

struct trivet_device {
  char description[64];
};

struct trivet_op {
  uint32_t kind;
  int32_t domain; /* as in trivet_op_desc.output_domain */
  int64_t cols;
  /* Parameters are copied when the operation is made: the host's struct may be gone afterwards.
   * Only the arrays that parameters point to stay. A device with its own memory copies those as
   * well. */
  trivet_rms_norm_params norm;
  trivet_scale_params scale;
};

/* Every refusal says what was wrong: the host shows the message to a person. */
static trivet_status fail(trivet_status status, trivet_error* error, const char* message) {
  if (error != NULL && error->size >= sizeof *error)
    snprintf(error->message, sizeof error->message, "%s", message);
  return status;
}

/* ---------------------------------------------------------------- device */

/* Ask your driver here whether a device is present and how well it suits. The host takes the
 * backend with the highest score and ignores those with 0. The template must never be picked by
 * itself. */
static int32_t score(void) { return 0; }

static trivet_status device_create(const trivet_device_options* options, trivet_device** out,
                                   trivet_error* error) {
  if (options->index != 0)
    return fail(TRIVET_INVALID_ARGUMENT, error, "the template has only device 0");
  if (options->isa != NULL && strcmp(options->isa, "portable") != 0)
    return fail(TRIVET_INVALID_ARGUMENT, error,
                "the template's only instruction level is 'portable'");
  trivet_device* device = calloc(1, sizeof *device);
  if (device == NULL) return fail(TRIVET_OUT_OF_MEMORY, error, "the host has no memory left");
  snprintf(device->description, sizeof device->description, "template, 1 thread");
  *out = device;
  return TRIVET_OK;
}

static void device_destroy(trivet_device* device) { free(device); }

/* A newer host may know more fields, an older one fewer: write only within the size it states. */
static void device_info(const trivet_device* device, trivet_device_info* out) {
  trivet_device_info info = {0};
  info.size = out->size < sizeof info ? out->size : sizeof info;
  info.description = device->description;
  info.isa = "portable";
  info.isa_levels = "portable";
  info.num_threads = 1;
  info.host_memory = 1; /* 0 if the host cannot read what memory_allocate returns */
  memcpy(out, &info, info.size);
}

/* ---------------------------------------------------------------- memory
 *
 * All memory that operations see comes from here: values, workspace, weights, key/value cache. */

static void* memory_allocate(trivet_device* device, size_t bytes) {
  (void)device;
  if (bytes > SIZE_MAX - 64) return NULL;
  const size_t rounded = (bytes + 63) / 64 * 64;
  void* memory = aligned_alloc(64, rounded);
  if (memory != NULL) memset(memory, 0, rounded); /* promised by the contract */
  return memory;
}

static void memory_free(trivet_device* device, void* memory, size_t bytes) {
  (void)device;
  (void)bytes;
  free(memory);
}

static trivet_status memory_copy(trivet_device* device, void* dst, const void* src, size_t bytes,
                                 uint32_t direction, trivet_stream* stream) {
  (void)device;
  (void)direction; /* one memory: all directions are alike */
  (void)stream;
  memmove(dst, src, bytes);
  return TRIVET_OK;
}

/* ---------------------------------------------------------------- weights and cache
 *
 * Declined as a whole. A backend that takes LINEAR says here how many bytes its own layout needs
 * (0 if it reads the source in place) and repacks in weight_create. */

static uint64_t weight_bytes(trivet_device* device, const trivet_weight_desc* desc) {
  (void)device;
  (void)desc;
  return UINT64_MAX;
}

static trivet_status weight_create(trivet_device* device, const trivet_weight_desc* desc,
                                   void* memory, trivet_weight** out, trivet_error* error) {
  (void)device;
  (void)desc;
  (void)memory;
  (void)out;
  return fail(TRIVET_UNSUPPORTED, error, "the template takes no weights");
}

static void weight_destroy(trivet_weight* weight) { (void)weight; }

static uint64_t kv_block_bytes(trivet_device* device, const trivet_kv_desc* desc) {
  (void)device;
  (void)desc;
  return 0;
}

/* ---------------------------------------------------------------- operations
 *
 * First op_supported (without weights), then op_create, then many times op_run. Do everything that
 * can be done once in op_create: compile, choose kernels, reserve. op_run must not allocate. */

/* Copies parameters of `known` bytes from a struct that states its own size. */
static int copy_params(const trivet_op_desc* desc, void* params, size_t known) {
  size_t given;
  if (desc->params == NULL) return 0;
  memcpy(&given, desc->params, sizeof given);
  if (given < known) return 0;
  memcpy(params, desc->params, known);
  return 1;
}

/* Fills `op` if the operation is one of ours and its shapes fit; 0 if not. */
static int describe(const trivet_op_desc* desc, trivet_op* op) {
  op->kind = desc->kind;
  op->domain = desc->output_domain;
  op->cols = desc->output_cols;
  const int32_t* in = desc->input_cols;
  const int one_input = desc->num_inputs == 1 && in[0] == desc->output_cols;
  const int two_inputs =
      desc->num_inputs == 2 && in[0] == desc->output_cols && in[1] == desc->output_cols;
  if (desc->output_cols <= 0 || desc->num_weights != 0) return 0;
  switch (desc->kind) {
    case TRIVET_OP_ADD:
      return two_inputs;
    case TRIVET_OP_SCALE:
      return one_input && copy_params(desc, &op->scale, sizeof op->scale);
    case TRIVET_OP_GATHER_ROWS:
      return one_input && desc->output_domain == 1;
    case TRIVET_OP_RMS_NORM:
      return copy_params(desc, &op->norm, sizeof op->norm) && op->norm.weight != NULL &&
             (op->norm.add_residual ? two_inputs : one_input);
    default:
      return 0; /* kinds of newer hosts end here as well */
  }
}

static int32_t op_supported(trivet_device* device, const trivet_op_desc* desc) {
  (void)device;
  trivet_op op;
  return describe(desc, &op);
}

static trivet_status op_create(trivet_device* device, const trivet_op_desc* desc,
                               const trivet_limits* limits, trivet_op** out, trivet_error* error) {
  (void)device;
  (void)limits; /* the most rows a run may have: what a workspace is sized by */
  trivet_op* op = calloc(1, sizeof *op);
  if (op == NULL) return fail(TRIVET_OUT_OF_MEMORY, error, "the host has no memory left");
  if (!describe(desc, op)) {
    free(op);
    return fail(TRIVET_UNSUPPORTED, error,
                "the template does not take this operation or its shapes");
  }
  *out = op;
  return TRIVET_OK;
}

static uint64_t op_workspace_bytes(const trivet_op* op) {
  (void)op;
  return 0;
}

static void op_destroy(trivet_op* op) { free(op); }

/* The value of a row must not depend on the other rows of the run, nor on threads: sum in one fixed
 * order. With add_residual the output may be the residual, so each element is read before it is
 * written. Computing `y` first and adding it then gives the bits of RMS_NORM followed by ADD. */
static void rms_norm_row(const trivet_op* op, const float* x, const float* residual, float* out) {
  double squares = 0.0;
  for (int64_t c = 0; c < op->cols; ++c) squares += (double)x[c] * x[c];
  const float scale = (float)(1.0 / sqrt(squares / (double)op->cols + op->norm.eps));
  for (int64_t c = 0; c < op->cols; ++c) {
    const float y = x[c] * scale * op->norm.weight[c];
    out[c] = residual != NULL ? residual[c] + y : y;
  }
}

/* Indices come from the step: check them, whatever the host has checked already. */
static trivet_status gather_rows(const trivet_op* op, const trivet_run* run) {
  for (int64_t i = 0; i < run->num_rows; ++i) {
    const int32_t row = run->step->output_rows[i];
    if (row < 0 || row >= run->step->num_rows) return TRIVET_INVALID_ARGUMENT;
    memcpy(run->output + i * op->cols, run->inputs[0] + row * op->cols,
           (size_t)op->cols * sizeof(float));
  }
  return TRIVET_OK;
}

static trivet_status op_run(trivet_op* op, const trivet_run* run) {
  const int64_t cols = op->cols, count = run->num_rows * cols;
  if (count == 0) return TRIVET_OK;
  if (run->num_rows < 0 || run->inputs[0] == NULL || run->output == NULL)
    return TRIVET_INVALID_ARGUMENT;
  switch (op->kind) {
    case TRIVET_OP_ADD:
      for (int64_t i = 0; i < count; ++i) run->output[i] = run->inputs[0][i] + run->inputs[1][i];
      return TRIVET_OK;
    case TRIVET_OP_SCALE:
      for (int64_t i = 0; i < count; ++i) run->output[i] = run->inputs[0][i] * op->scale.factor;
      return TRIVET_OK;
    case TRIVET_OP_RMS_NORM:
      for (int64_t r = 0; r < run->num_rows; ++r) {
        const float* residual = op->norm.add_residual ? run->inputs[1] + r * cols : NULL;
        rms_norm_row(op, run->inputs[0] + r * cols, residual, run->output + r * cols);
      }
      return TRIVET_OK;
    case TRIVET_OP_GATHER_ROWS:
      return gather_rows(op, run);
    default:
      return TRIVET_INTERNAL;
  }
}

/* ---------------------------------------------------------------- the table
 *
 * Entries that are not named are NULL: no streams and events (everything is synchronous), no
 * measure_limit. */

static const trivet_backend kBackend = {
    .size = sizeof(trivet_backend),
    .abi_major = TRIVET_BACKEND_ABI_MAJOR,
    .abi_minor = TRIVET_BACKEND_ABI_MINOR,
    .name = "template",
    .version = "1.0",
    .score = score,
    .device_create = device_create,
    .device_destroy = device_destroy,
    .device_info = device_info,
    .memory_allocate = memory_allocate,
    .memory_free = memory_free,
    .memory_copy = memory_copy,
    .weight_bytes = weight_bytes,
    .weight_create = weight_create,
    .weight_destroy = weight_destroy,
    .kv_block_bytes = kv_block_bytes,
    .op_supported = op_supported,
    .op_create = op_create,
    .op_workspace_bytes = op_workspace_bytes,
    .op_run = op_run,
    .op_destroy = op_destroy,
};

/* The one symbol that is exported. Another major version of the host is another contract. */
__attribute__((visibility("default"))) const trivet_backend* trivet_backend_get(
    uint32_t host_major, uint32_t host_minor) {
  (void)host_minor;
  return host_major == TRIVET_BACKEND_ABI_MAJOR ? &kBackend : NULL;
}
