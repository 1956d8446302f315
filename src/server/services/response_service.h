// Stored responses: made with or without a client, asked for later, cancelled, deleted.
#ifndef TRIVET_SERVER_SERVICES_RESPONSE_SERVICE_H_
#define TRIVET_SERVER_SERVICES_RESPONSE_SERVICE_H_

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api/responses/responses.h"
#include "server/route.h"
#include "server/server.h"
#include "server/services/call_runner.h"
#include "server/services/event_log.h"
#include "server/services/held_names.h"
#include "state/response_store.h"

namespace trivet {

class Services;

// A response that runs is here and in the store, one that has ended only in the store. Its end is
// stored before anyone is told of it. Those in the background that a crash or a stop interrupted
// are made anew at the next start: with the same seed, hence with the same events. Members for
// routes are thread-safe and may wait for the disk.
class ResponseService {
 public:
  ResponseService(Services& services, const ServerOptions& options);
  ~ResponseService();

  // --- for routes ---
  Answer create(const RouteCall& call);
  Answer get(const RouteCall& call, const std::string& id);
  // The events from number `from` on.
  Answer stream(const RouteCall& call, const std::string& id, uint64_t from);
  Answer cancel(const RouteCall& call, const std::string& id);
  Answer erase(const RouteCall& call, const std::string& id);
  // A page of the input: `after` = id of the last item seen.
  Answer input_items(const RouteCall& call, const std::string& id, const std::string& after,
                     int limit, bool newest_first);

  // Conversations that somebody is adding to.
  HeldNames& held_conversations() { return held_conversations_; }

  // --- on the runner's thread ---
  // What the store says was under way.
  void take_up_all(const ServedModel& model);
  void tidy();
  // Any thread: what runs in the background stops and is taken up at the next start.
  void suspend();

 private:
  // A response that runs.
  struct Live {
    std::string tenant;
    bool background = false;
    std::shared_ptr<EventLog> log;
    std::shared_ptr<StoredResponse> stored;
    std::shared_ptr<HeldNames::Hold> conversation;  // null = none
  };
  Answer run_unstored(ParsedResponse parsed);
  Answer run_stored(const RouteCall& call, std::unique_ptr<ResponseCall> response,
                    std::shared_ptr<HeldNames::Hold> conversation);
  void start(std::unique_ptr<ResponseCall> response, std::unique_ptr<KeyTicket> ticket, Live live);
  void end(ResponseCall& response, CallEnd how, const Error* refusal, const Live& live);
  void store_begin(const ResponseCall& response, const Live& live);
  void store_end(const ResponseCall& response, const Live& live, const std::string& last_events);
  void take_up(const ServedModel& model, StoredResponse stored);
  void give_up(StoredResponse stored);
  std::shared_ptr<EventLog> live_log(const std::string& id, const std::string& tenant);
  void forget(const std::string& id);

  Services& services_;
  const ServerOptions& options_;
  std::atomic<bool> suspended_ = false;
  int64_t next_tidy_ = 0;  // Unix seconds
  std::mutex mutex_;
  std::map<std::string, Live> live_;
  HeldNames held_conversations_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_RESPONSE_SERVICE_H_
