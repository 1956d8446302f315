// Backends as C++: loading plugins, owning devices, memory, weights and operations.
#ifndef TRIVET_DEVICE_DEVICE_H_
#define TRIVET_DEVICE_DEVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trivet/backend.h"

namespace trivet {

// A loaded plugin or a table that is linked in. Stays loaded while anything of it lives.
class Backend {
 public:
  // Opens a shared object, checks the ABI version and every mandatory entry.
  static Result<std::shared_ptr<Backend>> load(const std::string& path);
  // Takes a table of this process (the reference backend, test doubles). It is copied.
  static Result<std::shared_ptr<Backend>> from_table(const trivet_backend* table);
  // Loads every `libtrivet_backend_*.so` in the folder and returns those that can run here (score
  // above 0), best score first, equal scores by name; plugins that do not load are skipped and
  // described in `warnings` (which may be null).
  static std::vector<std::shared_ptr<Backend>> discover(const std::string& folder,
                                                        std::vector<std::string>* warnings);

  // Entries that the plugin's version does not have yet are null.
  const trivet_backend& table() const { return table_; }
  std::string name() const { return table_.name; }

  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

 private:
  Backend(const trivet_backend& table, void* library) : table_(table), library_(library) {}
  static Result<std::shared_ptr<Backend>> adopt(const trivet_backend* table, void* library);
  trivet_backend table_;
  void* library_;  // of dlopen, or null
};

struct DeviceOptions {
  int index = 0;
  int num_threads = 0;             // 0 = all that this process may use
  std::optional<std::string> isa;  // absent = the best
};

// Owns device memory; frees it when it dies. The device must outlive it.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(class Device* device, void* data, uint64_t bytes)
      : device_(device), data_(data), bytes_(bytes) {}
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  ~DeviceMemory();
  void* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  void free();
  class Device* device_ = nullptr;
  void* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// One device in use. One thread at a time. Non-zero statuses of the table become Results with the
// backend's message.
class Device {
 public:
  static Result<std::unique_ptr<Device>> create(std::shared_ptr<Backend> backend,
                                                const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Backend& backend() const { return *backend_; }
  // To open another device of the same backend.
  const std::shared_ptr<Backend>& shared_backend() const { return backend_; }
  const trivet_backend& table() const { return backend_->table(); }
  trivet_device* handle() const { return handle_; }
  // Its strings are never null.
  const trivet_device_info& info() const { return info_; }
  const DeviceOptions& options() const { return options_; }

  // 64-byte aligned and zeroed. No bytes: no memory, and no error.
  Result<DeviceMemory> allocate(uint64_t bytes);

 private:
  Device(std::shared_ptr<Backend> backend, trivet_device* handle, DeviceOptions options);
  std::shared_ptr<Backend> backend_;
  trivet_device* handle_;
  DeviceOptions options_;
  trivet_device_info info_{};
};

// Handles that free themselves. The device must outlive them.
struct WeightDeleter {
  const trivet_backend* table;
  void operator()(trivet_weight* weight) const { table->weight_destroy(weight); }
};
using WeightHandle = std::unique_ptr<trivet_weight, WeightDeleter>;

struct OpDeleter {
  const trivet_backend* table;
  void operator()(trivet_op* op) const { table->op_destroy(op); }
};
using OpHandle = std::unique_ptr<trivet_op, OpDeleter>;

Result<WeightHandle> create_weight(Device& device, const trivet_weight_desc& desc, void* memory);
Result<OpHandle> create_op(Device& device, const trivet_op_desc& desc, const trivet_limits& limits);

// A status as a Result; `what` says what was tried ("running attention").
Result<void> check_status(trivet_status status, std::string_view what,
                          const trivet_error* error = nullptr);
// "rms_norm"; "unknown operation" for a kind that this version does not have.
std::string_view op_kind_name(uint32_t kind);

}  // namespace trivet

#endif  // TRIVET_DEVICE_DEVICE_H_
