#include "server/lane.h"

#include <algorithm>

namespace trivet {

template <class Item>
void Lane::push(std::vector<Item>& inbox, Item item) {
  // wake() runs under the lock, so that after close() no call of it is under way.
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  inbox.push_back(std::move(item));
  if (woken_) return;
  woken_ = true;
  wake();
}

void Lane::post_outputs(std::vector<RequestOutput> outputs, TimePoint delivered) {
  push(batches_, Batch{std::move(outputs), delivered});
}

void Lane::post(std::function<void()> task) { push(tasks_, std::move(task)); }

void Lane::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  batches_.clear();
  tasks_.clear();
}

void Lane::run_inbox() {
  std::vector<Batch> batches;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    batches.swap(batches_);
    tasks.swap(tasks_);
    woken_ = false;
  }
  dispatch(batches);
  for (const auto& task : tasks) task();
}

void Lane::dispatch(const std::vector<Batch>& batches) {
  std::vector<OutputReceiver*> touched;
  for (const Batch& batch : batches) {
    for (const RequestOutput& output : batch.outputs) {
      const auto found = receivers_.find(output.request_id);
      if (found == receivers_.end()) continue;
      OutputReceiver* receiver = found->second;
      if (output.finished) receivers_.erase(found);
      receiver->take_output(output, batch.delivered);
      touched.push_back(receiver);
    }
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (OutputReceiver* receiver : touched) receiver->end_batch();
}

void Lane::connect(const std::string& request_id, OutputReceiver* receiver) {
  receivers_[request_id] = receiver;
}

void Lane::disconnect(const std::string& request_id) { receivers_.erase(request_id); }

}  // namespace trivet
