#include "device/device.h"

#include <algorithm>
#include <utility>

#include "device/operation_list.h"

namespace trivet {
namespace {

trivet_error empty_error() {
  trivet_error error{};
  error.size = sizeof error;
  return error;
}

ErrorCode code_of(trivet_status status) {
  switch (status) {
    case TRIVET_INVALID_ARGUMENT:
      return ErrorCode::kInvalidArgument;
    case TRIVET_OUT_OF_MEMORY:
      return ErrorCode::kResourceExhausted;
    case TRIVET_UNSUPPORTED:
      return ErrorCode::kUnimplemented;
    case TRIVET_DEVICE_LOST:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

std::string_view status_text(trivet_status status) {
  switch (status) {
    case TRIVET_OK:
      return "success without a result";
    case TRIVET_INVALID_ARGUMENT:
      return "invalid argument";
    case TRIVET_OUT_OF_MEMORY:
      return "out of memory";
    case TRIVET_UNSUPPORTED:
      return "unsupported";
    case TRIVET_DEVICE_LOST:
      return "device lost";
    case TRIVET_INTERNAL:
      return "internal error of the backend";
  }
  return "unknown status";
}

// The backend's own words, whatever it left in the buffer.
std::string message_of(const trivet_error* error) {
  if (error == nullptr) return {};
  const char* begin = error->message;
  return std::string(begin, std::find(begin, begin + sizeof error->message, '\0'));
}

Error status_error(trivet_status status, std::string_view what, const trivet_error* error) {
  std::string text = std::string(what) + ": " + std::string(status_text(status));
  if (const std::string message = message_of(error); !message.empty()) text += ": " + message;
  return Error(code_of(status), std::move(text));
}

}  // namespace

Result<void> check_status(trivet_status status, std::string_view what, const trivet_error* error) {
  if (status == TRIVET_OK) return {};
  return status_error(status, what, error);
}

std::string_view op_kind_name(uint32_t kind) {
  switch (kind) {
#define TRIVET_NAME_CASE(constant, name) \
  case TRIVET_OP_##constant:             \
    return #name;
    TRIVET_OPERATIONS(TRIVET_NAME_CASE)
#undef TRIVET_NAME_CASE
    default:
      return "unknown operation";
  }
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  if (this == &other) return *this;
  free();
  device_ = std::exchange(other.device_, nullptr);
  data_ = std::exchange(other.data_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

DeviceMemory::~DeviceMemory() { free(); }

void DeviceMemory::free() {
  if (data_ != nullptr) device_->table().memory_free(device_->handle(), data_, bytes_);
}

Result<std::unique_ptr<Device>> Device::create(std::shared_ptr<Backend> backend,
                                               const DeviceOptions& options) {
  trivet_device_options raw{};
  raw.size = sizeof raw;
  raw.index = options.index;
  raw.num_threads = options.num_threads;
  raw.isa = options.isa ? options.isa->c_str() : nullptr;
  trivet_error error = empty_error();
  trivet_device* handle = nullptr;
  const trivet_status status = backend->table().device_create(&raw, &handle, &error);
  if (status != TRIVET_OK || handle == nullptr) {
    return status_error(
        status,
        "opening device " + std::to_string(options.index) + " of backend '" + backend->name() + "'",
        &error);
  }
  return std::unique_ptr<Device>(new Device(std::move(backend), handle, options));
}

Device::Device(std::shared_ptr<Backend> backend, trivet_device* handle, DeviceOptions options)
    : backend_(std::move(backend)), handle_(handle), options_(std::move(options)) {
  info_.size = sizeof info_;
  table().device_info(handle_, &info_);
  for (const char** text : {&info_.description, &info_.isa, &info_.isa_levels})
    if (*text == nullptr) *text = "";
}

Device::~Device() { table().device_destroy(handle_); }

Result<DeviceMemory> Device::allocate(uint64_t bytes) {
  if (bytes == 0) return DeviceMemory();
  void* data = table().memory_allocate(handle_, bytes);
  if (data == nullptr) {
    return Error(ErrorCode::kResourceExhausted, "the device has no " + std::to_string(bytes) +
                                                    " bytes of memory left (" + info_.description +
                                                    ")");
  }
  return DeviceMemory(this, data, bytes);
}

Result<WeightHandle> create_weight(Device& device, const trivet_weight_desc& desc, void* memory) {
  trivet_error error = empty_error();
  trivet_weight* weight = nullptr;
  const trivet_status status =
      device.table().weight_create(device.handle(), &desc, memory, &weight, &error);
  if (status != TRIVET_OK || weight == nullptr) {
    return status_error(
        status,
        "preparing a weight of " + std::to_string(desc.rows) + " x " + std::to_string(desc.cols),
        &error);
  }
  return WeightHandle(weight, WeightDeleter{&device.table()});
}

Result<OpHandle> create_op(Device& device, const trivet_op_desc& desc,
                           const trivet_limits& limits) {
  trivet_error error = empty_error();
  trivet_op* op = nullptr;
  const trivet_status status =
      device.table().op_create(device.handle(), &desc, &limits, &op, &error);
  if (status != TRIVET_OK || op == nullptr)
    return status_error(status, "preparing " + std::string(op_kind_name(desc.kind)), &error);
  return OpHandle(op, OpDeleter{&device.table()});
}

}  // namespace trivet
