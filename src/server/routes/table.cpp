// Every endpoint. A new one = a file in this folder that defines its `Route NAME_route()`, and a
// line here.
#include <array>

#include "server/route.h"

#define TRIVET_ROUTES(ROUTE)      \
  ROUTE(completions)              \
  ROUTE(chat_completions)         \
  ROUTE(responses)                \
  ROUTE(response)                 \
  ROUTE(response_delete)          \
  ROUTE(response_cancel)          \
  ROUTE(response_input)           \
  ROUTE(conversation_create)      \
  ROUTE(conversation)             \
  ROUTE(conversation_change)      \
  ROUTE(conversation_delete)      \
  ROUTE(conversation_items)       \
  ROUTE(conversation_add)         \
  ROUTE(conversation_item)        \
  ROUTE(conversation_item_delete) \
  ROUTE(stream)                   \
  ROUTE(stream_delete)            \
  ROUTE(files)                    \
  ROUTE(file_upload)              \
  ROUTE(file)                     \
  ROUTE(file_content)             \
  ROUTE(file_delete)              \
  ROUTE(batches)                  \
  ROUTE(batch_create)             \
  ROUTE(batch)                    \
  ROUTE(batch_cancel)             \
  ROUTE(models)                   \
  ROUTE(model)                    \
  ROUTE(tokenize)                 \
  ROUTE(detokenize)               \
  ROUTE(render_chat)              \
  ROUTE(render_completion)        \
  ROUTE(load)                     \
  ROUTE(abort_requests)           \
  ROUTE(pause)                    \
  ROUTE(resume)                   \
  ROUTE(is_paused)                \
  ROUTE(sleep)                    \
  ROUTE(wake_up)                  \
  ROUTE(is_sleeping)              \
  ROUTE(reset_prefix_cache)       \
  ROUTE(server_info)              \
  ROUTE(health)                   \
  ROUTE(ready)                    \
  ROUTE(ping)                     \
  ROUTE(version)                  \
  ROUTE(metrics)                  \
  ROUTE(openapi)                  \
  ROUTE(docs)                     \
  ROUTE(messages)                 \
  ROUTE(count_tokens)             \
  ROUTE(ollama_generate)          \
  ROUTE(ollama_chat)              \
  ROUTE(ollama_tags)              \
  ROUTE(ollama_ps)                \
  ROUTE(ollama_show)              \
  ROUTE(ollama_version)           \
  ROUTE(ollama_embed)             \
  ROUTE(ollama_embeddings)        \
  ROUTE(ollama_create)            \
  ROUTE(ollama_copy)              \
  ROUTE(ollama_push)              \
  ROUTE(ollama_pull)              \
  ROUTE(ollama_delete)            \
  ROUTE(native_completion)        \
  ROUTE(native_completions)       \
  ROUTE(infill)                   \
  ROUTE(apply_template)           \
  ROUTE(props)                    \
  ROUTE(change_props)             \
  ROUTE(slots)                    \
  ROUTE(slot_action)              \
  ROUTE(lora_adapters)            \
  ROUTE(bare_chat)                \
  ROUTE(bare_models)              \
  ROUTE(v1_health)                \
  ROUTE(page)                     \
  ROUTE(page_file)                \
  ROUTE(stats)

namespace trivet {
namespace routes {

#define TRIVET_DECLARE_ROUTE(name) Route name##_route();
TRIVET_ROUTES(TRIVET_DECLARE_ROUTE)

}  // namespace routes

std::span<const Route> all_routes() {
#define TRIVET_LIST_ROUTE(name) routes::name##_route(),
  static const auto table = std::to_array<Route>({TRIVET_ROUTES(TRIVET_LIST_ROUTE)});
  return table;
}

}  // namespace trivet
