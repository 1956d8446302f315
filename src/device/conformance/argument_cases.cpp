#include <algorithm>

#include "device/conformance/op_runner.h"
#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

Result<Deviation> expect(bool condition, const char* otherwise) {
  if (!condition) return Error(ErrorCode::kInternal, otherwise);
  return Deviation{};
}

void check_memory(Session& session) {
  Device& device = session.candidate();
  session.check("memory is zeroed and 64-byte aligned", kSameBits, [&]() -> Result<Deviation> {
    for (const uint64_t bytes : {uint64_t{1}, uint64_t{100}, uint64_t{4} << 20}) {
      TRIVET_ASSIGN_OR_RETURN(const DeviceMemory memory, device.allocate(bytes));
      std::vector<std::byte> host(bytes, std::byte{1});
      TRIVET_RETURN_IF_ERROR(
          check_status(device.table().memory_copy(device.handle(), host.data(), memory.data(),
                                                  bytes, TRIVET_DEVICE_TO_HOST, nullptr),
                       "copying memory"));
      const bool zeroed = std::all_of(host.begin(), host.end(),
                                      [](std::byte byte) { return byte == std::byte{0}; });
      if (!zeroed || reinterpret_cast<uintptr_t>(memory.data()) % 64 != 0)
        return Error(ErrorCode::kInternal,
                     std::to_string(bytes) + " bytes are not zeroed or not aligned");
    }
    return Deviation{};
  });
  session.check("memory that cannot be had is refused", kSameBits, [&] {
    return expect(!device.allocate(uint64_t{1} << 60).ok(),
                  "an allocation of 2^60 bytes succeeded");
  });
}

bool declines_weight(Device& device, uint32_t dtype, int64_t rows, int64_t cols) {
  const trivet_weight_desc desc{.size = sizeof desc, .dtype = dtype, .rows = rows, .cols = cols};
  return device.table().weight_bytes(device.handle(), &desc) == UINT64_MAX;
}

void check_descriptions(Session& session) {
  Device& device = session.candidate();
  session.check("unknown weights are declined", kSameBits, [&] {
    return expect(declines_weight(device, 999, 4, 256) &&
                      declines_weight(device, TRIVET_Q8_0, 4, 33) &&
                      declines_weight(device, TRIVET_Q4_K, 4, 128),
                  "a weight of an unknown type or of broken blocks was accepted");
  });
  session.check("an unknown operation is declined", kSameBits, [&] {
    trivet_op_desc desc{};
    desc.size = sizeof desc;
    desc.kind = 9999;
    return expect(device.table().op_supported(device.handle(), &desc) == 0 &&
                      !create_op(device, desc, kRoomyLimits).ok(),
                  "an operation of kind 9999 was accepted");
  });
  session.check("a cache of odd blocks is declined", kSameBits, [&] {
    const trivet_kv_desc kv{sizeof kv, 1, 2, 64, 17};
    return expect(device.table().kv_block_bytes(device.handle(), &kv) == 0,
                  "block_tokens 17 was accepted");
  });
  session.check("a cache of an unknown type is declined", kSameBits, [&] {
    const trivet_kv_desc kv{sizeof kv, 1, 2, 64, 16, 77, 0};
    return expect(device.table().kv_block_bytes(device.handle(), &kv) == 0,
                  "the cache type 77 was accepted");
  });
}

void check_instruction_level(Session& session) {
  session.check("an unknown instruction level is refused", kSameBits, [&] {
    DeviceOptions options = session.candidate().options();
    options.isa = "no-such-level";
    return expect(!Device::create(session.candidate().shared_backend(), options).ok(),
                  "a device with the instruction level 'no-such-level' was opened");
  });
}

void check_empty_step(Session& session) {
  session.check("a step without rows does nothing", kSameBits, [&]() -> Result<Deviation> {
    const OpSpec spec{.kind = TRIVET_OP_ADD, .input_cols = {64, 64}, .output_cols = 64};
    const Matrix none{0, 64, {}};
    TRIVET_RETURN_IF_ERROR(run_once(session.candidate(), spec, {none, none}, simple_step(0)));
    return Deviation{};
  });
}

void check_indices(Session& session) {
  session.check("a token outside of the vocabulary is refused", kSameBits,
                [&]() -> Result<Deviation> {
                  const WeightData weight = random_weight(DType::kF32, 8, 64, 50);
                  const trivet_embedding_params params{sizeof params, 1.0f};
                  const OpSpec spec{.kind = TRIVET_OP_EMBEDDING,
                                    .params = &params,
                                    .output_cols = 64,
                                    .weights = {&weight}};
                  TRIVET_ASSIGN_OR_RETURN(auto runner, OpRunner::create(session.candidate(), spec));
                  StepData step = simple_step(1);
                  for (const int32_t token : {8, -1}) {
                    step.tokens[0] = token;
                    if (runner->run({}, step).ok())
                      return Error(ErrorCode::kInternal,
                                   "token " + std::to_string(token) + " of 8 was accepted");
                  }
                  return Deviation{};
                });
  session.check("a block outside of the cache is refused", kSameBits, [&]() -> Result<Deviation> {
    const trivet_kv_desc kv{sizeof kv, 1, 1, 64, 16};
    const trivet_kv_write_params params{sizeof params, kv, 64, 128, 0, 0};
    const OpSpec spec{.kind = TRIVET_OP_KV_WRITE, .params = &params, .input_cols = {192}};
    TRIVET_ASSIGN_OR_RETURN(auto runner, OpRunner::create(session.candidate(), spec));
    TRIVET_ASSIGN_OR_RETURN(KvCache cache, KvCache::create(session.candidate(), kv, 2));
    StepData step = simple_step(1);
    step.block_table_stride = 1;
    for (const int32_t block : {2, -1}) {
      step.block_tables = {{block}};
      if (runner->run(random_inputs(spec, 1), step, &cache).ok())
        return Error(ErrorCode::kInternal, "block " + std::to_string(block) + " of 2 was accepted");
    }
    return Deviation{};
  });
}

}  // namespace

void check_arguments(Session& session) {
  session.begin_group("arguments");
  check_memory(session);
  check_descriptions(session);
  check_instruction_level(session);
  check_empty_step(session);
  check_indices(session);
}

}  // namespace trivet::conformance
