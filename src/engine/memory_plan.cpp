#include "engine/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <optional>

namespace trivet {
namespace {

// Without --memory the cache gets at most this, and the process at most this share of what is free.
constexpr uint64_t kDefaultKvBytes = 4ull << 30;
constexpr double kDefaultShare = 0.7;

int blocks_for(int positions, int block_tokens) {
  return (positions + block_tokens - 1) / block_tokens;
}

uint64_t total_bytes(const std::vector<MemoryItem>& items) {
  return std::accumulate(items.begin(), items.end(), uint64_t{0},
                         [](uint64_t sum, const MemoryItem& item) { return sum + item.bytes; });
}

uint64_t default_budget(const MemoryRequest& request, uint64_t available_bytes) {
  const uint64_t all_full =
      static_cast<uint64_t>(request.max_sequences) *
      static_cast<uint64_t>(blocks_of_sequence(request, request.max_positions)) *
      request.kv_block_bytes;
  const uint64_t wanted = total_bytes(request.fixed_items) + std::min(all_full, kDefaultKvBytes);
  const auto share = static_cast<uint64_t>(static_cast<double>(available_bytes) * kDefaultShare);
  return std::min(wanted, share);
}

// The longest sequence that `num_blocks` blocks hold alone.
int positions_that_fit(const MemoryRequest& request, int num_blocks) {
  int low = 0, high = request.max_positions;
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (blocks_of_sequence(request, middle) <= num_blocks) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

Error too_small(const MemoryRequest& request, uint64_t budget, uint64_t minimum) {
  std::string parts;
  for (const MemoryItem& item : request.fixed_items) {
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", item.name, format_bytes(item.bytes));
  }
  // Rounded up, so that the number in the message works when it is typed in.
  const uint64_t mib = 1 << 20;
  return Error(
      ErrorCode::kResourceExhausted,
      fmt::format(
          "a memory budget of {} is too small for this model: {} before the first cached token. "
          "The smallest budget that works is {} (one sequence of {} tokens); raise --memory, "
          "lower --max-num-batched-tokens, or choose a smaller model",
          format_bytes(budget), parts, format_bytes((minimum + mib - 1) / mib * mib),
          kMinimumPositions));
}

}  // namespace

int blocks_of_sequence(const MemoryRequest& request, int positions) {
  int blocks = 0;
  for (const KvGroup& group : request.kv_groups) {
    int held = blocks_for(positions, request.block_tokens);
    if (group.window > 0) {
      // A window that ends inside a block reaches into one more, and a chunk is written before the
      // window moves on.
      const int most = blocks_for(group.window + request.chunk_rows, request.block_tokens) + 1;
      held = std::min(held, most);
    }
    blocks += held;
  }
  return blocks;
}

int sequences_that_fit(const MemoryRequest& request, const MemoryPlan& plan, int positions) {
  if (positions > plan.max_positions) return 0;
  return plan.num_blocks / std::max(1, blocks_of_sequence(request, positions));
}

Result<MemoryPlan> plan_memory(const MemoryRequest& request, uint64_t available_bytes) {
  MemoryPlan plan;
  const uint64_t fixed = total_bytes(request.fixed_items);
  const int least_positions = std::min(kMinimumPositions, request.max_positions);
  const uint64_t minimum =
      fixed +
      static_cast<uint64_t>(blocks_of_sequence(request, least_positions)) * request.kv_block_bytes;

  plan.budget_bytes =
      request.budget_bytes != 0 ? request.budget_bytes : default_budget(request, available_bytes);
  if (plan.budget_bytes < minimum) return too_small(request, plan.budget_bytes, minimum);
  if (plan.budget_bytes > available_bytes) {
    return Error(
        ErrorCode::kResourceExhausted,
        fmt::format("a memory budget of {} is more than the {} that this machine has free; "
                    "lower --memory (the smallest that works is {})",
                    format_bytes(plan.budget_bytes), format_bytes(available_bytes),
                    format_bytes(minimum)));
  }

  // More blocks than all sequences can fill at their longest would never be touched.
  const uint64_t useful = static_cast<uint64_t>(request.max_sequences) *
                          static_cast<uint64_t>(blocks_of_sequence(request, request.max_positions));
  const uint64_t affordable = (plan.budget_bytes - fixed) / request.kv_block_bytes;
  const uint64_t blocks =
      std::min({affordable, useful, static_cast<uint64_t>(std::numeric_limits<int32_t>::max())});
  plan.num_blocks = static_cast<int>(blocks);
  plan.kv_bytes = blocks * request.kv_block_bytes;
  plan.max_positions = positions_that_fit(request, plan.num_blocks);
  plan.items = request.fixed_items;
  plan.items.push_back({"key/value cache", plan.kv_bytes});
  return plan;
}

namespace {

std::optional<uint64_t> read_number(const char* path) {
  std::ifstream file(path);
  uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// Free memory of the machine as the kernel estimates it, in bytes.
uint64_t machine_available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  uint64_t kib = 0;
  while (file >> key >> kib) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kib * 1024;
  }
  return std::numeric_limits<uint64_t>::max();
}

uint64_t cgroup_available_bytes() {
  const auto limit = read_number("/sys/fs/cgroup/memory.max");
  const auto used = read_number("/sys/fs/cgroup/memory.current");
  if (!limit || !used) return std::numeric_limits<uint64_t>::max();
  return *limit > *used ? *limit - *used : 0;
}

}  // namespace

uint64_t available_memory_bytes() {
  return std::min(machine_available_bytes(), cgroup_available_bytes());
}

std::string format_bytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value == std::floor(value) || value >= 100;
  return fmt::format("{:.{}f} {}", value, whole ? 0 : 1, kUnits[unit]);
}

Result<uint64_t> parse_bytes(std::string_view text) {
  const auto fail = [&] {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is not a size; write it as 2GiB, 400MiB or a number of bytes", text));
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return fail();
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);

  double factor = 1;
  if (!unit.empty() && unit != "B") {
    const size_t power =
        std::string_view("KMGT").find(static_cast<char>(std::toupper(unit.front())));
    const std::string_view rest = unit.substr(1);
    if (power == std::string_view::npos ||
        !(rest.empty() || rest == "iB" || rest == "B" || rest == "i")) {
      return fail();
    }
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  const double bytes = number * factor;
  if (bytes >= 9.0e18) return fail();
  return static_cast<uint64_t>(bytes);
}

}  // namespace trivet
