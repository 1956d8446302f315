// What other threads hand to one I/O thread, and who on that thread gets it.
#ifndef TRIVET_SERVER_LANE_H_
#define TRIVET_SERVER_LANE_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"

namespace trivet {

// Gets outputs on the I/O thread: any number of take_output(), then one end_batch().
class OutputReceiver {
 public:
  virtual ~OutputReceiver() = default;
  virtual void take_output(const RequestOutput& output, TimePoint delivered) = 0;
  virtual void end_batch() = 0;
};

// Posting is thread-safe; the rest belongs to the I/O thread. However much is posted, wake() is
// called once until run_inbox() has taken it all: an I/O thread that lags behind gets several steps
// in one go.
class Lane {
 public:
  virtual ~Lane() = default;

  void post_outputs(std::vector<RequestOutput> outputs, TimePoint delivered);
  void post(std::function<void()> task);
  // From now on what is posted is dropped and wake() is not called any more.
  void close();

  // I/O thread: dispatches everything posted so far.
  void run_inbox();
  // Outputs of the request go to `receiver`, until disconnect() or the request has finished. A
  // receiver must not be destroyed inside take_output() or end_batch().
  void connect(const std::string& request_id, OutputReceiver* receiver);
  void disconnect(const std::string& request_id);

 protected:
  // Makes the I/O thread call run_inbox() soon. Called on any thread.
  virtual void wake() = 0;

 private:
  struct Batch {
    std::vector<RequestOutput> outputs;
    TimePoint delivered;
  };
  template <class Item>
  void push(std::vector<Item>& inbox, Item item);
  void dispatch(const std::vector<Batch>& batches);

  std::mutex mutex_;
  std::vector<Batch> batches_;
  std::vector<std::function<void()>> tasks_;
  bool woken_ = false;
  bool closed_ = false;
  std::unordered_map<std::string, OutputReceiver*> receivers_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_LANE_H_
