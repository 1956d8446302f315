// Speed of a backend's linear and attention operations against the machine's own limits, measured
// in the same run.
//
//   cpu_kernels PLUGIN [--threads 1,2] [--types q4_0,q4_K,...] [--rows-in-batch 1,8,128] [--cols
//   1536] [--isa avx2]
//
// Weights fill about 100 MB, so that small batches stream from memory. A sample counts where the
// process had its processors to itself (process time >= 95 % of wall time x threads); medians are
// printed.
#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/dequantize.h"
#include "tensor/dtype.h"
#include "trivet/backend.h"

namespace {

using trivet::DType;

double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::stringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

struct Options {
  std::string plugin;
  std::string isa;
  std::vector<int> threads = {1, 2};
  std::vector<std::string> types = {"q4_0", "q4_1", "q5_0", "q8_0", "q4_K", "q6_K"};
  std::vector<int> batches = {1, 2, 4, 8, 16, 32, 128};
  int64_t cols = 1536, rows = 4096;
  bool attention = true;
};

struct Timing {
  double seconds = 0;
  int clean = 0, all = 0;
};

// Median time of one call of `body`, over samples of at least 3 ms.
template <class Body>
Timing measure(int threads, Body body) {
  body();
  const double start = seconds_of(CLOCK_MONOTONIC);
  double once = 0;
  int repeats = 1;
  std::vector<double> clean, all;
  while (seconds_of(CLOCK_MONOTONIC) - start < 0.7 || all.size() < 5) {
    const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < repeats; ++i) body();
    const double elapsed = seconds_of(CLOCK_MONOTONIC) - wall;
    const double share = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (elapsed * threads);
    once = elapsed / repeats;
    all.push_back(once);
    if (share >= 0.95) clean.push_back(once);
    repeats = std::max(1, static_cast<int>(0.003 / once));
  }
  return {median(clean.size() >= 3 ? clean : all), static_cast<int>(clean.size()),
          static_cast<int>(all.size())};
}

struct Bench {
  const trivet_backend& table;
  trivet_device* device;
  int threads;

  double limit(uint32_t which) const {
    double value = 0;
    table.measure_limit(device, which, 0.2, &value);
    return value;
  }
};

DType type_of(const std::string& name) {
  for (uint32_t t = 0; t < TRIVET_I32; ++t) {
    if (trivet::dtype_name(static_cast<DType>(t)) == name) return static_cast<DType>(t);
  }
  std::fprintf(stderr, "unknown type %s\n", name.c_str());
  std::exit(1);
}

// Random bits with small scales where the format keeps its halves.
std::vector<std::byte> random_blocks(DType type, size_t bytes) {
  std::vector<std::byte> data(bytes);
  std::mt19937_64 random(1);
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    const uint64_t x = random();
    std::memcpy(&data[i], &x, 8);
  }
  const size_t block = trivet::block_shape(type).bytes;
  const uint16_t small = trivet::f32_to_f16(0.01f);
  const bool floats = block <= 4;
  for (size_t at = 0; at + block <= bytes; at += block) {
    if (floats) {
      const float value = static_cast<float>(at % 97) * 1e-3f;
      const uint16_t half =
          type == DType::kF16 ? trivet::f32_to_f16(value) : trivet::f32_to_bf16(value);
      std::memcpy(&data[at], type == DType::kF32 ? static_cast<const void*>(&value) : &half, block);
    } else if (type == DType::kQ6_K) {
      std::memcpy(&data[at + 208], &small, 2);
    } else {
      std::memcpy(&data[at], &small, 2);
      std::memcpy(&data[at + 2], &small, 2);
    }
  }
  return data;
}

void bench_linear(const Bench& b, DType type, const Options& options) {
  const int64_t rows = options.rows, cols = options.cols;
  const std::vector<std::byte> source = random_blocks(type, trivet::row_bytes(type, cols) * rows);
  trivet_weight_desc desc = {sizeof desc, TRIVET_WEIGHT_LINEAR, static_cast<uint32_t>(type), rows,
                             cols,        source.data()};
  const uint64_t bytes = b.table.weight_bytes(b.device, &desc);
  const size_t count = std::max<size_t>(1, (100u << 20) / bytes);
  uint8_t* memory = static_cast<uint8_t*>(b.table.memory_allocate(b.device, bytes * count));
  trivet_error error = {sizeof error, {}};
  const trivet_linear_params params = {sizeof params};
  const trivet_limits limits = {sizeof limits, 512, 32, 512, 4096};
  std::vector<trivet_weight*> weights(count);
  std::vector<trivet_op*> ops(count);
  for (size_t i = 0; i < count; ++i) {
    b.table.weight_create(b.device, &desc, memory + i * bytes, &weights[i], &error);
    trivet_op_desc op = {};
    op.size = sizeof op;
    op.kind = TRIVET_OP_LINEAR;
    op.params = &params;
    op.num_inputs = op.num_weights = 1;
    op.input_cols[0] = static_cast<int32_t>(cols);
    op.output_cols = static_cast<int32_t>(rows);
    op.weights[0] = weights[i];
    op.weight_descs[0] = desc;
    b.table.op_create(b.device, &op, &limits, &ops[i], &error);
  }
  const uint64_t workspace_bytes = b.table.op_workspace_bytes(ops[0]);
  void* workspace = b.table.memory_allocate(b.device, workspace_bytes);
  // Device memory, as the engine gives it: huge pages.
  const size_t x_bytes = sizeof(float) * 512 * cols, out_bytes = sizeof(float) * 512 * rows;
  float* x = static_cast<float*>(b.table.memory_allocate(b.device, x_bytes));
  float* out = static_cast<float*>(b.table.memory_allocate(b.device, out_bytes));
  std::mt19937 random(2);
  for (int64_t i = 0; i < 512 * cols; ++i) x[i] = std::normal_distribution<float>()(random);
  for (int m : options.batches) {
    trivet_step step = {};
    step.size = sizeof step;
    step.num_rows = m;
    trivet_run run = {};
    run.size = sizeof run;
    run.step = &step;
    run.num_rows = m;
    run.inputs[0] = x;
    run.output = out;
    run.workspace = workspace;
    size_t next = 0;
    const double before = b.limit(TRIVET_LIMIT_INT8_OPS);
    const Timing t = measure(b.threads, [&] { b.table.op_run(ops[next++ % count], &run); });
    const double probe = (before + b.limit(TRIVET_LIMIT_INT8_OPS)) / 2;
    const double rate = 2.0 * m * static_cast<double>(rows * cols) / t.seconds;
    std::printf(
        "%-5s threads %d  M %3d  %7.0f GOPS  %5.1f %% of %5.0f  %5.1f GB/s  %8.1f us  clean "
        "%d/%d\n",
        std::string(trivet::dtype_name(type)).c_str(), b.threads, m, rate * 1e-9,
        100 * rate / probe, probe * 1e-9, static_cast<double>(bytes) / t.seconds * 1e-9,
        t.seconds * 1e6, t.clean, t.all);
    std::fflush(stdout);
  }
  for (trivet_op* op : ops) b.table.op_destroy(op);
  for (trivet_weight* w : weights) b.table.weight_destroy(w);
  b.table.memory_free(b.device, memory, bytes * count);
  b.table.memory_free(b.device, workspace, workspace_bytes);
  b.table.memory_free(b.device, x, x_bytes);
  b.table.memory_free(b.device, out, out_bytes);
}

struct AttentionCase {
  const char* name;
  int heads, kv_heads, head_dim, context, tokens, sequences;
};

struct CacheType {
  const char* name;
  uint32_t dtype, limit;
};

constexpr CacheType kCacheTypes[] = {{"f16", TRIVET_KV_F16, TRIVET_LIMIT_F32_FLOPS},
                                     {"bf16", TRIVET_KV_BF16, TRIVET_LIMIT_BF16_FLOPS},
                                     {"int8", TRIVET_KV_INT8, TRIVET_LIMIT_BF16_FLOPS}};

void bench_attention(const Bench& b, const AttentionCase& c, const CacheType& type) {
  trivet_attention_params params = {};
  params.size = sizeof params;
  params.kv = {sizeof(trivet_kv_desc), 1, c.kv_heads, c.head_dim, 32, type.dtype, 0};
  params.num_heads = c.heads;
  params.scale = 0.1f;
  const int width = (c.heads + 2 * c.kv_heads) * c.head_dim,
            per_sequence = (c.context + c.tokens + 31) / 32;
  trivet_op_desc desc = {};
  desc.size = sizeof desc;
  desc.kind = TRIVET_OP_ATTENTION;
  desc.params = &params;
  desc.num_inputs = 1;
  desc.input_cols[0] = width;
  desc.output_cols = c.heads * c.head_dim;
  const trivet_limits limits = {sizeof limits, 1024, 64, 64, 32768};
  trivet_error error = {sizeof error, {}};
  trivet_op* op = nullptr;
  if (b.table.op_create(b.device, &desc, &limits, &op, &error) != TRIVET_OK)
    return void(std::puts(error.message));
  const uint64_t block = b.table.kv_block_bytes(b.device, &params.kv);
  const int blocks = per_sequence * c.sequences;
  void* kv = b.table.memory_allocate(b.device, block * static_cast<uint64_t>(blocks));
  uint16_t* halves = static_cast<uint16_t*>(kv);
  for (uint64_t i = 0; i < block * static_cast<uint64_t>(blocks) / 2; ++i)
    halves[i] = static_cast<uint16_t>(0x2C00 + i % 509);
  void* workspace = b.table.memory_allocate(b.device, b.table.op_workspace_bytes(op));
  std::vector<int32_t> table, positions, row_begin = {0};
  for (int s = 0; s < c.sequences; ++s) {
    for (int i = 0; i < per_sequence; ++i) table.push_back(i * c.sequences + s);
    for (int i = 0; i < c.tokens; ++i) positions.push_back(c.context + i);
    row_begin.push_back(static_cast<int32_t>(positions.size()));
  }
  const int32_t* tables[1] = {table.data()};
  const int rows = static_cast<int>(positions.size());
  std::vector<float> x(static_cast<size_t>(rows) * width, 0.1f),
      out(static_cast<size_t>(rows) * desc.output_cols);
  trivet_step step = {};
  step.size = sizeof step;
  step.num_rows = rows;
  step.positions = positions.data();
  step.num_sequences = c.sequences;
  step.row_begin = row_begin.data();
  step.num_kv_groups = 1;
  step.block_tables = tables;
  step.block_table_stride = per_sequence;
  step.kv_memory = kv;
  step.num_kv_blocks = blocks;
  trivet_run run = {};
  run.size = sizeof run;
  run.step = &step;
  run.num_rows = rows;
  run.inputs[0] = x.data();
  run.output = out.data();
  run.workspace = workspace;
  const Timing t = measure(b.threads, [&] { b.table.op_run(op, &run); });
  const double pairs =
      static_cast<double>(c.sequences) * c.tokens * (c.context + (c.tokens + 1) / 2.0);
  const double flops = 4.0 * pairs * c.heads * c.head_dim;
  const double bytes = static_cast<double>(block) * c.sequences * c.context / 32;
  const double limit = b.limit(type.limit);
  std::printf(
      "attention %-4s %-28s threads %d  %7.1f GFLOPS  %5.1f %% of %5.0f  %5.1f GB/s of cache  "
      "%8.1f us"
      "  clean %d/%d\n",
      type.name, c.name, b.threads, flops / t.seconds * 1e-9, 100 * flops / t.seconds / limit,
      limit * 1e-9, bytes / t.seconds * 1e-9, t.seconds * 1e6, t.clean, t.all);
  b.table.memory_free(b.device, workspace, b.table.op_workspace_bytes(op));
  b.table.memory_free(b.device, kv, block * static_cast<uint64_t>(blocks));
  b.table.op_destroy(op);
}

constexpr AttentionCase kAttentionCases[] = {
    {"decode 8k, 14/2 heads of 64", 14, 2, 64, 8192, 1, 1},
    {"decode 8k, 12/2 heads of 128", 12, 2, 128, 8192, 1, 1},
    {"decode 8 x 1k, 4/4 of 128", 4, 4, 128, 1024, 1, 8},
    {"prefill 256 at 0, 9/3 of 64", 9, 3, 64, 0, 256, 1},
    {"prefill 256 at 256, 9/3 of 64", 9, 3, 64, 256, 256, 1},
    {"prefill 256 at 4k, 14/2 of 64", 14, 2, 64, 4096, 256, 1},
    {"prefill 256 at 4k, 12/2 of 128", 12, 2, 128, 4096, 256, 1},
};

Options parse(int argc, char** argv) {
  Options o;
  o.plugin = argc > 1 ? argv[1] : "./libtrivet_backend_cpu.so";
  auto numbers = [](const std::string& list) {
    std::vector<int> v;
    for (const std::string& s : split(list)) v.push_back(std::atoi(s.c_str()));
    return v;
  };
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--threads") o.threads = numbers(value);
    if (name == "--types") o.types = value == "none" ? std::vector<std::string>{} : split(value);
    if (name == "--rows-in-batch") o.batches = numbers(value);
    if (name == "--cols") o.cols = std::atoll(value.c_str());
    if (name == "--rows") o.rows = std::atoll(value.c_str());
    if (name == "--isa") o.isa = value;
    if (name == "--attention") o.attention = value != "0";
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  void* library = dlopen(options.plugin.c_str(), RTLD_NOW);
  if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 1;
  auto get = reinterpret_cast<trivet_backend_get_fn>(dlsym(library, "trivet_backend_get"));
  const trivet_backend* table =
      get ? get(TRIVET_BACKEND_ABI_MAJOR, TRIVET_BACKEND_ABI_MINOR) : nullptr;
  if (!table)
    return std::fprintf(stderr, "%s is no backend of this version\n", options.plugin.c_str()), 1;
  for (int threads : options.threads) {
    trivet_device_options device_options = {sizeof device_options, 0, threads,
                                            options.isa.empty() ? nullptr : options.isa.c_str()};
    trivet_device* device = nullptr;
    trivet_error error = {sizeof error, {}};
    if (table->device_create(&device_options, &device, &error) != TRIVET_OK) {
      return std::fprintf(stderr, "%s\n", error.message), 1;
    }
    const Bench b = {*table, device, threads};
    std::printf(
        "limits, %d threads: int8 %.0f GOPS, bf16 %.0f, f32 %.0f GFLOPS, read %.1f GB/s, fork-join "
        "%.2f us\n",
        threads, b.limit(TRIVET_LIMIT_INT8_OPS) * 1e-9, b.limit(TRIVET_LIMIT_BF16_FLOPS) * 1e-9,
        b.limit(TRIVET_LIMIT_F32_FLOPS) * 1e-9, b.limit(TRIVET_LIMIT_READ_BYTES) * 1e-9,
        b.limit(TRIVET_LIMIT_FORK_JOIN_SECONDS) * 1e6);
    for (const std::string& name : options.types) bench_linear(b, type_of(name), options);
    if (options.attention) {
      for (const AttentionCase& c : kAttentionCases) {
        for (const CacheType& type : kCacheTypes) bench_attention(b, c, type);
      }
    }
    table->device_destroy(device);
  }
  return 0;
}
