#include "reference/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

// The same source compiled for wider vectors and chosen at start. No level contracts multiply and
// add, so all give the same bits. Sanitizers cannot run in the resolver, which is called before
// they start.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRIVET_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TRIVET_VECTOR_CLONES
#endif
#define TRIVET_INLINE [[gnu::always_inline]] inline

namespace trivet::reference {
namespace {

constexpr int kLanes = 8;
constexpr int64_t kPartColumns = 256;
constexpr int kTileW = 4, kTileX = 2;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

TRIVET_INLINE float sum(const Lanes& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// One tile of W x X dot products. The order of additions of an element does not depend on W and X.
template <int W, int X>
TRIVET_INLINE void dot_tile(const float* w, const float* x, int64_t x_stride, int64_t cols,
                            double* out, int64_t out_stride) {
  double total[W][X] = {};
  int64_t c = 0;
  while (c + kLanes <= cols) {
    const int64_t part_end = c + std::min(kPartColumns, (cols - c) / kLanes * kLanes);
    Lanes part[W][X] = {};
    for (; c < part_end; c += kLanes) {
      Lanes xs[X];
      for (int j = 0; j < X; ++j) std::memcpy(&xs[j], x + j * x_stride + c, sizeof(Lanes));
      for (int i = 0; i < W; ++i) {
        Lanes ws;
        std::memcpy(&ws, w + i * cols + c, sizeof ws);
        for (int j = 0; j < X; ++j) part[i][j] += ws * xs[j];
      }
    }
    for (int i = 0; i < W; ++i)
      for (int j = 0; j < X; ++j) total[i][j] += sum(part[i][j]);
  }
  for (; c < cols; ++c)
    for (int i = 0; i < W; ++i)
      for (int j = 0; j < X; ++j)
        total[i][j] += static_cast<double>(w[i * cols + c]) * x[j * x_stride + c];
  for (int i = 0; i < W; ++i)
    for (int j = 0; j < X; ++j) out[i * out_stride + j] = total[i][j];
}

template <int W>
TRIVET_INLINE void dot_strip(const float* w, const float* x, int64_t num_x, int64_t x_stride,
                             int64_t cols, double* out, int64_t out_stride) {
  int64_t j = 0;
  for (; j + kTileX <= num_x; j += kTileX)
    dot_tile<W, kTileX>(w, x + j * x_stride, x_stride, cols, out + j, out_stride);
  for (; j < num_x; ++j) dot_tile<W, 1>(w, x + j * x_stride, x_stride, cols, out + j, out_stride);
}

}  // namespace

TRIVET_VECTOR_CLONES void dot_rows(const float* w, int num_w, const float* x, int64_t num_x,
                                   int64_t x_stride, int64_t cols, double* out,
                                   int64_t out_stride) {
  int i = 0;
  for (; i + kTileW <= num_w; i += kTileW)
    dot_strip<kTileW>(w + i * cols, x, num_x, x_stride, cols, out + i * out_stride, out_stride);
  for (; i < num_w; ++i)
    dot_strip<1>(w + i * cols, x, num_x, x_stride, cols, out + i * out_stride, out_stride);
}

TRIVET_VECTOR_CLONES double dot(const float* a, const float* b, int64_t cols) {
  double value;
  dot_tile<1, 1>(a, b, 0, cols, &value, 1);
  return value;
}

float rms_scale(const float* x, float eps, int64_t cols) {
  double squares = 0.0;
  for (int64_t c = 0; c < cols; ++c) squares += static_cast<double>(x[c]) * x[c];
  return static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(cols) + eps));
}

void rms_normalize(const float* x, const float* weight, float eps, int64_t cols, float* out) {
  const float scale = rms_scale(x, eps, cols);
  for (int64_t c = 0; c < cols; ++c) out[c] = x[c] * scale * weight[c];
}

float activate(uint32_t activation, float x) {
  const double v = x;
  switch (activation) {
    case TRIVET_ACT_SILU:
      return static_cast<float>(v / (1.0 + std::exp(-v)));
    case TRIVET_ACT_GELU_TANH: {
      constexpr double kSqrt2OverPi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
      // (1 + tanh(u)) / 2 = 1 / (1 + e^-2u), which does not cancel for negative u.
      return static_cast<float>(
          v / (1.0 + std::exp(-2.0 * kSqrt2OverPi * (v + 0.044715 * v * v * v))));
    }
    default:
      return x;
  }
}

float softcap(float x, float cap) {
  return static_cast<float>(cap * std::tanh(static_cast<double>(x) / cap));
}

void rotate_head(float* head, const float* table_row, int rotary_dim, uint32_t style) {
  const int half = rotary_dim / 2;
  for (int i = 0; i < half; ++i) {
    float& a = style == TRIVET_ROPE_INTERLEAVED ? head[2 * i] : head[i];
    float& b = style == TRIVET_ROPE_INTERLEAVED ? head[2 * i + 1] : head[i + half];
    const float cosine = table_row[i], sine = table_row[half + i];
    const float rotated_a = a * cosine - b * sine;
    b = b * cosine + a * sine;
    a = rotated_a;
  }
}

}  // namespace trivet::reference
