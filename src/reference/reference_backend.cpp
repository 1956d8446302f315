#include "reference/reference_backend.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <thread>

#include "reference/kv_cache.h"
#include "reference/operation.h"

namespace trivet {
namespace reference {
namespace {

constexpr char kIsa[] = "portable";
constexpr int kMaxThreads = 1024;
constexpr size_t kAlignment = 64;
constexpr size_t kMaxAllocation = size_t{1} << 40;  // more than a host has
constexpr int64_t kMaxDimension = int64_t{1} << 40;

struct ReferenceDevice {
  explicit ReferenceDevice(int num_threads)
      : pool(num_threads),
        description("reference, portable float32, " + std::to_string(num_threads) + " threads") {}

  ThreadPool pool;
  std::string description;
};

struct PreparedOperation {
  ReferenceDevice* device;
  std::unique_ptr<Operation> operation;
  trivet_op_desc desc;
  int64_t max_rows;
};

ReferenceDevice* device_of(trivet_device* handle) {
  return reinterpret_cast<ReferenceDevice*>(handle);
}

trivet_status fail(trivet_status status, const std::string& message, trivet_error* error) {
  if (error != nullptr && error->size >= sizeof *error) {
    const size_t length = std::min(message.size(), sizeof error->message - 1);
    std::memcpy(error->message, message.data(), length);
    error->message[length] = '\0';
  }
  return status;
}

// Runs `body`, which returns a status; exceptions must not cross the C boundary.
template <class Body>
trivet_status guarded(trivet_error* error, Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(TRIVET_OUT_OF_MEMORY, "the host has no memory left", error);
  } catch (const std::exception& e) {
    return fail(TRIVET_INTERNAL, e.what(), error);
  }
}

trivet_status device_create(const trivet_device_options* options, trivet_device** out,
                            trivet_error* error) {
  if (options->index != 0)
    return fail(TRIVET_INVALID_ARGUMENT, "the reference has only device 0", error);
  if (options->isa != nullptr && std::strcmp(options->isa, kIsa) != 0)
    return fail(TRIVET_INVALID_ARGUMENT,
                "the reference has no instruction level '" + std::string(options->isa) +
                    "', only 'portable'",
                error);
  if (options->num_threads < 0 || options->num_threads > kMaxThreads)
    return fail(TRIVET_INVALID_ARGUMENT,
                "num_threads is " + std::to_string(options->num_threads) +
                    ", it must lie between 0 and 1024",
                error);
  return guarded(error, [&] {
    const int available = static_cast<int>(std::thread::hardware_concurrency());
    const int num_threads =
        options->num_threads > 0 ? options->num_threads : std::clamp(available, 1, kMaxThreads);
    *out = reinterpret_cast<trivet_device*>(new ReferenceDevice(num_threads));
    return TRIVET_OK;
  });
}

void device_info(const trivet_device* handle, trivet_device_info* out) {
  const auto* device = reinterpret_cast<const ReferenceDevice*>(handle);
  trivet_device_info info{};
  info.size = std::min(out->size, sizeof info);
  info.description = device->description.c_str();
  info.isa = kIsa;
  info.isa_levels = kIsa;
  info.num_threads = device->pool.num_threads();
  info.host_memory = 1;
  std::memcpy(out, &info, info.size);
}

void* memory_allocate(trivet_device*, size_t bytes) {
  if (bytes > kMaxAllocation) return nullptr;
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, rounded);
  if (memory != nullptr) std::memset(memory, 0, rounded);
  return memory;
}

trivet_status memory_copy(trivet_device*, void* dst, const void* src, size_t bytes, uint32_t,
                          trivet_stream*) {
  std::memmove(dst, src, bytes);
  return TRIVET_OK;
}

Result<Weight> read_weight(const trivet_weight_desc& desc) {
  if (desc.dtype > TRIVET_Q6_K)
    return Error(ErrorCode::kUnimplemented,
                 "weights of type " + std::to_string(desc.dtype) + " are not supported");
  const DType dtype = static_cast<DType>(desc.dtype);
  if (desc.rows <= 0 || desc.rows > kMaxDimension || desc.cols <= 0 ||
      desc.cols > kMaxDimension / desc.rows)
    return invalid("a weight of " + std::to_string(desc.rows) + " x " + std::to_string(desc.cols) +
                   " is out of range");
  if (desc.cols % block_shape(dtype).columns != 0)
    return invalid(std::to_string(desc.cols) + " columns are no multiple of the block of " +
                   std::string(dtype_name(dtype)));
  return Weight{dtype, desc.rows, desc.cols, row_bytes(dtype, desc.cols),
                static_cast<const std::byte*>(desc.data)};
}

uint64_t weight_bytes(trivet_device*, const trivet_weight_desc* desc) {
  return read_weight(*desc).ok() ? 0 : UINT64_MAX;
}

trivet_status weight_create(trivet_device*, const trivet_weight_desc* desc, void*,
                            trivet_weight** out, trivet_error* error) {
  return guarded(error, [&] {
    auto weight = read_weight(*desc);
    if (!weight) return fail(TRIVET_UNSUPPORTED, weight.error().message(), error);
    if (weight->data == nullptr)
      return fail(TRIVET_INVALID_ARGUMENT, "the weight has no data", error);
    *out = reinterpret_cast<trivet_weight*>(new Weight(*weight));
    return TRIVET_OK;
  });
}

uint64_t kv_block_bytes_of(trivet_device*, const trivet_kv_desc* kv) {
  return check_kv_desc(*kv).ok() ? kv_block_bytes(*kv) : 0;
}

Result<void> check_weights(const trivet_op_desc& desc) {
  for (int i = 0; i < std::clamp(desc.num_weights, 0, TRIVET_MAX_WEIGHTS); ++i)
    TRIVET_RETURN_IF_ERROR(read_weight(desc.weight_descs[i]));
  return {};
}

int32_t op_supported(trivet_device* handle, const trivet_op_desc* desc) {
  trivet_limits limits{};
  limits.max_rows = limits.max_sequences = limits.max_output_rows = limits.max_positions = 1;
  int32_t supported = 0;
  guarded(nullptr, [&] {
    const OpRequest request{*desc, limits, device_of(handle)->pool.num_threads()};
    supported = check_weights(*desc).ok() && make_operation(request).ok();
    return TRIVET_OK;
  });
  return supported;
}

Result<void> check_request(const trivet_op_desc& desc, const trivet_limits& limits) {
  TRIVET_RETURN_IF_ERROR(check_weights(desc));
  TRIVET_RETURN_IF_ERROR(
      require(limits.max_rows > 0 && limits.max_output_rows >= 0 && limits.max_positions > 0,
              "the limits must be above 0"));
  for (int i = 0; i < std::clamp(desc.num_weights, 0, TRIVET_MAX_WEIGHTS); ++i) {
    const auto* weight = reinterpret_cast<const Weight*>(desc.weights[i]);
    TRIVET_RETURN_IF_ERROR(require(weight != nullptr, "a weight is missing"));
    TRIVET_RETURN_IF_ERROR(require(
        weight->rows == desc.weight_descs[i].rows && weight->cols == desc.weight_descs[i].cols,
        "a weight does not have the shape of its description"));
  }
  return {};
}

trivet_status op_create(trivet_device* handle, const trivet_op_desc* desc,
                        const trivet_limits* limits, trivet_op** out, trivet_error* error) {
  return guarded(error, [&] {
    if (auto checked = check_request(*desc, *limits); !checked)
      return fail(TRIVET_INVALID_ARGUMENT, checked.error().message(), error);
    ReferenceDevice* device = device_of(handle);
    const OpRequest request{*desc, *limits, device->pool.num_threads()};
    auto operation = make_operation(request);
    if (!operation) {
      const bool unknown = operation.error().code() == ErrorCode::kUnimplemented;
      return fail(unknown ? TRIVET_UNSUPPORTED : TRIVET_INVALID_ARGUMENT,
                  operation.error().message(), error);
    }
    *out = reinterpret_cast<trivet_op*>(
        new PreparedOperation{device, std::move(*operation), *desc, request.max_rows()});
    return TRIVET_OK;
  });
}

uint64_t op_workspace_bytes(const trivet_op* op) {
  return reinterpret_cast<const PreparedOperation*>(op)->operation->workspace_bytes();
}

bool operands_are_there(const PreparedOperation& op, const trivet_run& run) {
  const trivet_step* step = run.step;
  if (step == nullptr || run.num_rows < 0 || run.num_rows > op.max_rows) return false;
  if (run.num_rows != (op.desc.output_domain == 1 ? step->num_output_rows : step->num_rows))
    return false;
  const bool reads_tokens = op.desc.kind == TRIVET_OP_EMBEDDING;
  const bool reads_positions = op.desc.kind == TRIVET_OP_ROPE_TABLE ||
                               op.desc.kind == TRIVET_OP_KV_WRITE ||
                               op.desc.kind == TRIVET_OP_ATTENTION;
  if ((reads_tokens && !step->tokens) || (reads_positions && !step->positions)) return false;
  for (int i = 0; i < op.desc.num_inputs; ++i)
    if (run.inputs[i] == nullptr) return false;
  return (op.desc.output_cols == 0 || run.output != nullptr) &&
         (op.operation->workspace_bytes() == 0 || run.workspace != nullptr);
}

trivet_status op_run(trivet_op* handle, const trivet_run* run) {
  const auto& op = *reinterpret_cast<PreparedOperation*>(handle);
  return guarded(nullptr, [&] {
    if (run->num_rows == 0) return TRIVET_OK;
    if (!operands_are_there(op, *run)) return TRIVET_INVALID_ARGUMENT;
    return op.operation->run(*run, op.device->pool);
  });
}

trivet_backend make_table() {
  trivet_backend t{};
  t.size = sizeof t;
  t.abi_major = TRIVET_BACKEND_ABI_MAJOR;
  t.abi_minor = TRIVET_BACKEND_ABI_MINOR;
  t.name = "reference";
  t.version = "1.0";
  t.score = [] { return 1; };
  t.device_create = device_create;
  t.device_destroy = [](trivet_device* device) { delete device_of(device); };
  t.device_info = device_info;
  t.memory_allocate = memory_allocate;
  t.memory_free = [](trivet_device*, void* memory, size_t) { std::free(memory); };
  t.memory_copy = memory_copy;
  t.weight_bytes = weight_bytes;
  t.weight_create = weight_create;
  t.weight_destroy = [](trivet_weight* weight) { delete reinterpret_cast<Weight*>(weight); };
  t.kv_block_bytes = kv_block_bytes_of;
  t.op_supported = op_supported;
  t.op_create = op_create;
  t.op_workspace_bytes = op_workspace_bytes;
  t.op_run = op_run;
  t.op_destroy = [](trivet_op* op) { delete reinterpret_cast<PreparedOperation*>(op); };
  return t;
}

}  // namespace
}  // namespace reference

const trivet_backend* reference_backend() {
  static const trivet_backend table = reference::make_table();
  return &table;
}

}  // namespace trivet
