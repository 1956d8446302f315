// Flags of `llama-server` that Trivet takes and does not follow, where they do not change answers.
// Those that it follows are aliases in serve_options.cpp.
#include <array>

#include "serve_options.h"

namespace trivet {
namespace {

using enum ForeignFlag::Values;
using enum ForeignFlag::Verdict;

constexpr std::string_view kInMainMemory = "the backend decides where the model is computed.";
constexpr std::string_view kPaged = "the cache is paged and shared; see --memory.";

constexpr auto kLlamaFlags = std::to_array<ForeignFlag>({
    {"n-gpu-layers", kOne, kInMainMemory, "-ngl"},
    {"gpu-layers", kOne, kInMainMemory},
    {"split-mode", kOne, kInMainMemory, "-sm"},
    {"tensor-split", kOne, kInMainMemory, "-ts"},
    {"main-gpu", kOne, kInMainMemory, "-mg"},
    {"flash-attn", kMaybeOne, kInMainMemory, "-fa"},
    {"mlock", kNone, "weights are packed into memory of their own."},
    {"no-mmap", kNone, "weights are packed into memory of their own."},
    {"mmap", kNone, "weights are packed into memory of their own."},
    {"numa", kOne, "start the server under numactl to bind it."},
    {"batch-size", kOne, "steps are bounded by --max-num-batched-tokens.", "-b"},
    {"threads-batch", kOne, "prompts and answers share the threads.", "-tb"},
    {"threads-http", kOne, "one thread serves the sockets and keeps up with the engine."},
    {"cont-batching", kNone, "requests are always batched as they come.", "-cb"},
    {"cache-type-k", kOne, "keys and values have one type: --kv-dtype.", "-ctk"},
    {"cache-type-v", kOne, "keys and values have one type: --kv-dtype.", "-ctv"},
    {"cache-reuse", kOne, kPaged},
    {"cache-prompt", kNone, "equal beginnings are always reused."},
    {"cache-ram", kOne, kPaged, "-cram"},
    {"kv-unified", kNone, kPaged, "-kvu"},
    {"slot-save-path", kOne, "slots cannot be saved.", "", kRefused},
    {"slots", kNone, "/slots is there."},
    {"props", kNone, "/props is there."},
    {"metrics", kNone, "/metrics is always there."},
    {"jinja", kNone, "templates are always rendered."},
    {"reasoning-format", kOne, "the marks of reasoning come from the chat template."},
    {"no-webui", kNone, "the page costs nothing until it is opened."},
    {"webui", kNone, "the page is at /."},
    {"warmup", kNone, "nothing needs to warm up."},
    {"log-disable", kNone, "the access log is set by --access-log."},
    {"verbose", kNone, "errors say what to do; there is no verbose log.", "-v"},
    {"timeout", kOne, "answers may take an hour; clients end them sooner by leaving.", "-to"},
    {"lora", kMany, "adapters cannot be served.", "", kRefused},
    {"mmproj", kOne, "the models take text only.", "", kRefused},
    {"embedding", kNone, "text is generated.", "", kRefused},
    {"embeddings", kNone, "text is generated.", "", kRefused},
    {"reranking", kNone, "text is generated.", "", kRefused},
    {"rerank", kNone, "text is generated.", "", kRefused},
});

}  // namespace

std::span<const ForeignFlag> llama_flags() { return kLlamaFlags; }

}  // namespace trivet
