// What the machine can do at the level in use: the denominators of every efficiency figure.
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "device.h"

namespace trivet::cpu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Samples of about 2 ms; the median is robust against what else runs on the machine.
template <class Sample>
double median_rate(double seconds, Sample sample) {
  const Clock::time_point start = Clock::now();
  std::vector<double> rates;
  do {
    const Clock::time_point t = Clock::now();
    const double amount = sample();
    rates.push_back(amount / seconds_since(t));
  } while (seconds_since(start) < seconds);
  return median(std::move(rates));
}

double spin_rate(trivet_device& device, double (*spin)(int64_t), double seconds) {
  const int threads = device.pool.num_threads();
  const Clock::time_point t = Clock::now();
  spin(20000);
  const int64_t iterations = std::max<int64_t>(
      1000, static_cast<int64_t>(20000 * 0.001 / std::max(seconds_since(t), 1e-6)));
  return median_rate(seconds, [&] {
    std::atomic<int64_t> done{0};
    device.pool.for_units(2 * threads, 1, [&](int, int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) done += static_cast<int64_t>(spin(iterations));
    });
    return static_cast<double>(done.load());
  });
}

uint64_t read_span(const uint8_t* begin, int64_t bytes) {
  __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
  for (int64_t i = 0; i < bytes; i += 64) {
    const __m128i* p = reinterpret_cast<const __m128i*>(begin + i);
    _mm_prefetch(reinterpret_cast<const char*>(begin + i + 8192), _MM_HINT_T0);
    a = _mm_xor_si128(a, _mm_load_si128(p));
    b = _mm_xor_si128(b, _mm_load_si128(p + 1));
    c = _mm_xor_si128(c, _mm_load_si128(p + 2));
    d = _mm_xor_si128(d, _mm_load_si128(p + 3));
  }
  a = _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(a));
}

trivet_status read_rate(trivet_device& device, double seconds, double* out) {
  constexpr int64_t kBytes = int64_t{256} << 20, kPiece = int64_t{1} << 20;
  auto release = [](void* p) { free_memory(p, kBytes); };
  std::unique_ptr<void, decltype(release)> memory(allocate_memory(kBytes), release);
  if (!memory) return TRIVET_OUT_OF_MEMORY;
  uint8_t* bytes = static_cast<uint8_t*>(memory.get());
  device.pool.for_units(kBytes / kPiece, 1, [&](int, int64_t begin, int64_t end) {
    __builtin_memset(bytes + begin * kPiece, 1, (end - begin) * kPiece);
  });
  std::atomic<uint64_t> sink{0};
  *out = median_rate(seconds, [&] {
    device.pool.for_units(kBytes / kPiece, 1, [&](int, int64_t begin, int64_t end) {
      sink += read_span(bytes + begin * kPiece, (end - begin) * kPiece);
    });
    return static_cast<double>(kBytes);
  });
  return TRIVET_OK;
}

// A region in which every thread takes one unit: the caller waits in its own, for a while, until
// the others have theirs.
double fork_join_seconds(trivet_device& device, double seconds) {
  constexpr int kRegions = 1000, kMostPauses = 5000;
  const int threads = device.pool.num_threads();
  const double rate = median_rate(seconds, [&] {
    for (int i = 0; i < kRegions; ++i) {
      std::atomic<int> taken{0};
      device.pool.for_units(threads, 1, [&](int thread, int64_t, int64_t) {
        taken.fetch_add(1, std::memory_order_relaxed);
        for (int p = 0; thread == 0 && taken.load(std::memory_order_relaxed) < threads; ++p) {
          if (p == kMostPauses) break;
          _mm_pause();
        }
      });
    }
    return static_cast<double>(kRegions);
  });
  return 1.0 / rate;
}

}  // namespace

trivet_status measure_limit(trivet_device& device, uint32_t limit, double seconds, double* out) {
  switch (limit) {
    case TRIVET_LIMIT_INT8_OPS:
      *out = spin_rate(device, device.kernels->spin_int8, seconds);
      return TRIVET_OK;
    case TRIVET_LIMIT_BF16_FLOPS:
      *out = spin_rate(device, device.kernels->spin_bf16, seconds);
      return TRIVET_OK;
    case TRIVET_LIMIT_F32_FLOPS:
      *out = spin_rate(device, device.kernels->spin_f32, seconds);
      return TRIVET_OK;
    case TRIVET_LIMIT_READ_BYTES:
      return read_rate(device, seconds, out);
    case TRIVET_LIMIT_FORK_JOIN_SECONDS:
      *out = fork_join_seconds(device, seconds);
      return TRIVET_OK;
    default:
      return TRIVET_UNSUPPORTED;
  }
}

}  // namespace trivet::cpu
