// The backend table: arguments are checked here, so that what lies below may trust them.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "cpu_features.h"
#include "device.h"
#include "kv_layout.h"
#include "operations.h"

namespace trivet::cpu {

trivet_status fail(trivet_error* error, trivet_status status, const std::string& message) {
  if (error && error->size >= sizeof(trivet_error)) {
    const size_t length = std::min(message.size(), sizeof(error->message) - 1);
    std::memcpy(error->message, message.data(), length);
    error->message[length] = '\0';
  }
  return status;
}

namespace {

constexpr int kMaxThreads = 512;

int32_t score() { return 1 + static_cast<int32_t>(available_levels().size()); }

// Runs `body` so that no exception crosses the boundary.
template <class Body>
trivet_status guarded(trivet_error* error, Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(error, TRIVET_OUT_OF_MEMORY, "out of host memory");
  } catch (const std::exception& e) {
    return fail(error, TRIVET_INTERNAL, e.what());
  }
}

trivet_status device_create(const trivet_device_options* options, trivet_device** out,
                            trivet_error* error) {
  if (!out) return fail(error, TRIVET_INVALID_ARGUMENT, "out is null");
  return guarded(error, [&] {
    trivet_device_options o = {};
    if (options) std::memcpy(&o, options, std::min(options->size, sizeof o));
    if (o.index != 0)
      return fail(error, TRIVET_INVALID_ARGUMENT,
                  "the CPU is device 0; asked for " + std::to_string(o.index));
    if (o.num_threads < 0 || o.num_threads > kMaxThreads) {
      return fail(error, TRIVET_INVALID_ARGUMENT,
                  "num_threads is " + std::to_string(o.num_threads) + "; it must be 0 (all) to " +
                      std::to_string(kMaxThreads));
    }
    const char* isa = o.isa ? o.isa : std::getenv("TRIVET_ISA");
    const KernelTable* kernels = find_level(isa);
    if (!kernels) {
      return fail(error, TRIVET_INVALID_ARGUMENT,
                  "instruction level '" + std::string(isa) +
                      "' is unknown or not available here; this machine runs " +
                      available_level_names());
    }
    const int threads = o.num_threads
                            ? o.num_threads
                            : std::min(kMaxThreads, static_cast<int>(usable_processors().size()));
    *out = new trivet_device{kernels, ThreadPool(threads),
                             "CPU, " + std::string(kernels->name) + ", " + std::to_string(threads) +
                                 (threads == 1 ? " thread" : " threads"),
                             available_level_names()};
    return TRIVET_OK;
  });
}

void device_destroy(trivet_device* device) { delete device; }

void device_info(const trivet_device* device, trivet_device_info* out) {
  trivet_device_info info = {};
  info.size = std::min(out->size, sizeof info);
  info.description = device->description.c_str();
  info.isa = device->kernels->name;
  info.isa_levels = device->levels.c_str();
  info.num_threads = device->pool.num_threads();
  info.host_memory = 1;
  std::memcpy(out, &info, info.size);
}

void* memory_allocate(trivet_device*, size_t bytes) { return allocate_memory(bytes); }
void memory_free(trivet_device*, void* memory, size_t bytes) { free_memory(memory, bytes); }

trivet_status memory_copy(trivet_device*, void* destination, const void* source, size_t bytes,
                          uint32_t direction, trivet_stream*) {
  if (direction > TRIVET_DEVICE_TO_DEVICE || (bytes > 0 && (!destination || !source)))
    return TRIVET_INVALID_ARGUMENT;
  if (bytes > 0) std::memmove(destination, source, bytes);
  return TRIVET_OK;
}

uint64_t plugin_weight_bytes(trivet_device*, const trivet_weight_desc* desc) {
  return desc && desc->size >= sizeof(trivet_weight_desc) ? weight_bytes(*desc) : UINT64_MAX;
}

trivet_status weight_create(trivet_device* device, const trivet_weight_desc* desc, void* memory,
                            trivet_weight** out, trivet_error* error) {
  if (!device || !desc || !out || desc->size < sizeof(trivet_weight_desc)) {
    return fail(error, TRIVET_INVALID_ARGUMENT, "weight_create: an argument is null or too short");
  }
  return guarded(error, [&] { return create_weight(*device, *desc, memory, out, error); });
}

void weight_destroy(trivet_weight* weight) { delete weight; }

uint64_t kv_block_bytes(trivet_device* device, const trivet_kv_desc* kv) {
  if (!device || !kv || kv->size < sizeof(trivet_kv_desc) || !check_kv(*kv).empty()) return 0;
  return static_cast<uint64_t>(KvLayout(*kv, kv_type(*kv, *device->kernels), 0).block_bytes);
}

int32_t op_supported(trivet_device*, const trivet_op_desc* desc) {
  if (!desc || desc->size < sizeof(trivet_op_desc)) return 0;
  try {
    return unsupported_reason(*desc).empty() ? 1 : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

// The weights of an operation are there and are what its description says.
std::string check_weights(const trivet_op_desc& desc) {
  for (int i = 0; i < desc.num_weights; ++i) {
    const trivet_weight* weight = desc.weights[i];
    const trivet_weight_desc& wanted = desc.weight_descs[i];
    const std::string name = "weight " + std::to_string(i);
    if (!weight) return name + " is null";
    if (weight->rows != wanted.rows || weight->columns != wanted.cols ||
        weight->dtype != wanted.dtype ||
        weight->usage != static_cast<trivet_weight_usage>(wanted.usage)) {
      return name + " is not what its description says";
    }
  }
  return "";
}

trivet_status op_create(trivet_device* device, const trivet_op_desc* desc,
                        const trivet_limits* limits, trivet_op** out, trivet_error* error) {
  if (!device || !desc || !limits || !out || desc->size < sizeof(trivet_op_desc) ||
      limits->size < sizeof(trivet_limits)) {
    return fail(error, TRIVET_INVALID_ARGUMENT, "op_create: an argument is null or too short");
  }
  return guarded(error, [&] {
    if (std::string reason = unsupported_reason(*desc); !reason.empty())
      return fail(error, TRIVET_UNSUPPORTED, reason);
    if (std::string reason = check_weights(*desc); !reason.empty())
      return fail(error, TRIVET_INVALID_ARGUMENT, reason);
    if (limits->max_rows <= 0 || limits->max_sequences <= 0 || limits->max_positions <= 0 ||
        limits->max_output_rows < 0) {
      return fail(error, TRIVET_INVALID_ARGUMENT, "op_create: limits must be positive");
    }
    *out = make_operation({*device, *desc, *limits});
    return TRIVET_OK;
  });
}

uint64_t op_workspace_bytes(const trivet_op* op) { return op->workspace_bytes; }

trivet_status op_run(trivet_op* op, const trivet_run* run) {
  if (!op || !run || !run->step || run->num_rows < 0) return TRIVET_INVALID_ARGUMENT;
  if (op->workspace_bytes > 0 &&
      (!run->workspace || reinterpret_cast<uintptr_t>(run->workspace) % 64 != 0)) {
    return TRIVET_INVALID_ARGUMENT;
  }
  return op->run(*run);
}

void op_destroy(trivet_op* op) { delete op; }

trivet_status plugin_measure_limit(trivet_device* device, uint32_t limit, double seconds,
                                   double* out) {
  if (!device || !out || !(seconds > 0)) return TRIVET_INVALID_ARGUMENT;
  return guarded(nullptr,
                 [&] { return measure_limit(*device, limit, std::min(seconds, 60.0), out); });
}

constexpr trivet_backend make_table() {
  trivet_backend t = {};
  t.size = sizeof t;
  t.abi_major = TRIVET_BACKEND_ABI_MAJOR;
  t.abi_minor = TRIVET_BACKEND_ABI_MINOR;
  t.name = "cpu";
  t.version = "0.1.0";
  t.score = score;
  t.device_create = device_create;
  t.device_destroy = device_destroy;
  t.device_info = device_info;
  t.memory_allocate = memory_allocate;
  t.memory_free = memory_free;
  t.memory_copy = memory_copy;
  t.weight_bytes = plugin_weight_bytes;
  t.weight_create = weight_create;
  t.weight_destroy = weight_destroy;
  t.kv_block_bytes = kv_block_bytes;
  t.op_supported = op_supported;
  t.op_create = op_create;
  t.op_workspace_bytes = op_workspace_bytes;
  t.op_run = op_run;
  t.op_destroy = op_destroy;
  t.measure_limit = plugin_measure_limit;
  return t;
}

constexpr trivet_backend kTable = make_table();

}  // namespace
}  // namespace trivet::cpu

extern "C" __attribute__((visibility("default"))) const trivet_backend* trivet_backend_get(
    uint32_t host_major, uint32_t) {
  return host_major == TRIVET_BACKEND_ABI_MAJOR ? &trivet::cpu::kTable : nullptr;
}
