// A client that sends anything, in pieces of any size, to a session whose engine answers, fails and
// stalls. The first byte is the size of the pieces; a zero byte in the input is a turn of the
// engine. Whatever comes, nothing may break, and nothing may be left running or held when the
// client is gone.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/fakes/fake_transport.h"

namespace {

using namespace trivet;

void require(bool condition) {
  if (!condition) std::abort();
}

// A step of the engine: each live request gets text, its end or an error, by turns.
void step(SessionWorld& world, size_t& turn) {
  std::vector<EngineRequest> requests = world.engine.live_requests();
  for (const EngineRequest& request : requests) {
    switch (turn++ % 4) {
      case 0:
      case 1:
        world.engine.emit(request.id, "text");
        break;
      case 2:
        world.engine.emit(request.id, "end", true);
        break;
      default:
        world.engine.fail(request.id, ErrorCode::kInternal, "failed");
    }
  }
  world.after(std::chrono::seconds(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  SessionWorld world({.cors_origins = {"https://a.example"},
                      .max_header_bytes = 1024,
                      .max_body_bytes = 4096,
                      .max_bodies_bytes = 6000});
  const size_t piece = std::max<size_t>(data[0], 1);
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t turn = 0;
  while (!input.empty() && !world.session->closing()) {
    const size_t zero = input.find('\0');
    const std::string_view part = input.substr(0, std::min({piece, zero, input.size()}));
    if (part.empty()) {
      step(world, turn);
      input.remove_prefix(1);
      continue;
    }
    world.send(part);
    input.remove_prefix(part.size());
  }
  world.session->receive_end();
  world.end_session();
  world.lane->run_inbox();
  require(world.engine.live_requests().empty());
  require(world.bridge.live_requests() == 0);
  require(world.state.reserve_body(6000));
  return 0;
}
