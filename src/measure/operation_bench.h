// One operation of a device, timed beside the device's own limits.
#ifndef TRIVET_MEASURE_OPERATION_BENCH_H_
#define TRIVET_MEASURE_OPERATION_BENCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/device.h"
#include "measure/timing.h"
#include "tensor/dtype.h"

namespace trivet {

struct OperationRate {
  Timing timing;
  double operations_per_second = 0;  // multiply-adds x 2
  double bytes_per_second = 0;       // weights or cache read
  // Means of a probe before and one after; 0 where the device does not measure it.
  double operations_limit = 0;
  double bytes_limit = 0;

  double of_operations() const { return share(operations_per_second, operations_limit); }
  double of_bytes() const { return share(bytes_per_second, bytes_limit); }

 private:
  static double share(double rate, double limit) { return limit > 0 ? rate / limit : 0; }
};

// How long each measurement and each probe of a limit lasts.
struct BenchSeconds {
  double measure = 0.5;
  double probe = 0.1;
};

// out[rows_in, rows] = x[rows_in, cols] * W[rows, cols]^T with as many weights in turn as fill more
// than the caches. The device must outlive it; one thread at a time.
class LinearBench {
 public:
  static constexpr int kMostRows = 512;
  static constexpr uint64_t kWeightBytes = 100u << 20;

  // kUnimplemented if the device does not take the format. `weight_bytes` in all, at least one
  // weight.
  static Result<std::unique_ptr<LinearBench>> create(Device& device, DType dtype, int64_t rows,
                                                     int64_t cols,
                                                     uint64_t weight_bytes = kWeightBytes);
  // `rows_in` of 1 to kMostRows. Bytes are those of the format itself, not of the device's layout.
  Result<OperationRate> measure(int rows_in, const BenchSeconds& seconds);

 private:
  LinearBench(Device& device, DType dtype, int64_t rows, int64_t cols)
      : device_(device), dtype_(dtype), rows_(rows), cols_(cols) {}
  Result<void> allocate();
  Result<void> add_operation(void* memory);
  trivet_weight_desc weight_desc() const;

  Device& device_;
  const DType dtype_;
  const int64_t rows_, cols_;
  std::vector<std::byte> source_;
  DeviceMemory packed_, inputs_, outputs_, workspace_;
  std::vector<WeightHandle> weights_;
  std::vector<OpHandle> operations_;
  trivet_linear_params params_{};
  size_t next_ = 0;
};

// Quantising the activations of a linear with `dtype` weights: a linear of 512 rows in and so few
// out (16) that preparing its inputs is most of it. Bytes are the float32 inputs.
Result<OperationRate> measure_quantize(Device& device, DType dtype, int64_t cols,
                                       const BenchSeconds& seconds);

struct AttentionCase {
  std::string name;
  int heads = 1, kv_heads = 1, head_dim = 64;
  int context = 0;  // positions before the step's rows
  int tokens = 1;   // rows of each sequence
  int sequences = 1;
};

// What models of today ask for: decoding at 4k with few and many query heads a cache head, batches,
// and prompts in chunks.
std::vector<AttentionCase> usual_attention_cases();

// One layer, its cache in blocks that lie apart. Operations per second count the scores and sums
// that the mask leaves; bytes are those of the cache's blocks. kUnimplemented if the device has no
// cache of that type.
Result<OperationRate> measure_attention(Device& device, const AttentionCase& shape,
                                        trivet_kv_dtype dtype, const BenchSeconds& seconds);

}  // namespace trivet

#endif  // TRIVET_MEASURE_OPERATION_BENCH_H_
