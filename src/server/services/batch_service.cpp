#include "server/services/batch_service.h"

#include <algorithm>
#include <future>

#include "base/clock.h"
#include "server/guard/model_view.h"
#include "server/plain_answer.h"
#include "server/server_state.h"
#include "server/services/batch_job.h"
#include "server/services/services.h"

namespace trivet {
namespace {

constexpr Duration kRetryInterval = std::chrono::seconds(1);
constexpr Duration kExpiryInterval = std::chrono::seconds(5);
constexpr Duration kBatchCancelPatience = std::chrono::seconds(5);

HttpResponse no_such_batch() {
  return error_response(404, "NotFoundError", "there is no batch with this id");
}

}  // namespace

BatchService::BatchService(Services& services, const ServerOptions& options)
    : services_(services), options_(options) {}

BatchService::~BatchService() = default;

Answer BatchService::create(const RouteCall& call) {
  FirstError error;
  const auto request = read_batch_request(call.body, error);
  if (!request) return error_response(error.take());
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto file = (*state)->files().find(request->input_file, call.context.tenant);
  if (!file) return error_response(to_api_error(file.error()));
  if (!*file)
    return error_response(404, "NotFoundError", "there is no file with the id `input_file_id`");
  if ((*file)->purpose != "batch") {
    return error_response(400, "BadRequestError", "the input file must have the purpose \"batch\"");
  }
  if (job_count_.load() >= kMaxJobs) {
    return error_response(429, "RateLimitError",
                          std::to_string(kMaxJobs) + " batches are under way; try again later", 60);
  }
  BatchRecord record;
  record.id = make_id("batch_");
  record.tenant = call.context.tenant;
  record.endpoint = request->endpoint;
  record.input_file = request->input_file;
  record.completion_window = request->completion_window;
  record.metadata = request->metadata;
  record.status = "validating";
  record.created = call.context.unix_seconds;
  record.expires = record.created + request->window_seconds;
  const auto put = (*state)->batches().put(record);
  if (!put) return error_response(to_api_error(put.error()));
  job_count_.fetch_add(1);
  services_.runner().post([this, record] { begin(record); });
  return json_response(batch_json(record));
}

Answer BatchService::get(const RouteCall& call, const std::string& id) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto found = (*state)->batches().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  return *found ? json_response(batch_json(**found)) : no_such_batch();
}

Answer BatchService::list(const RouteCall& call, const std::string& after, int limit) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  auto found = (*state)->batches().list(call.context.tenant, after, limit + 1);
  if (!found) return error_response(to_api_error(found.error()));
  const bool has_more = found->size() > static_cast<size_t>(limit);
  if (has_more) found->pop_back();
  return json_response(batch_list_json(*found, has_more));
}

Answer BatchService::cancel(const RouteCall& call, const std::string& id) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto found = (*state)->batches().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  if (!*found) return no_such_batch();
  auto done = std::make_shared<std::promise<void>>();
  services_.runner().post([this, id, done] {
    for (const auto& job : jobs_) {
      if (job->record().id == id) job->cancel(services_.runner());
    }
    done->set_value();
    pump_soon();
  });
  done->get_future().wait_for(kBatchCancelPatience);
  return get(call, id);
}

void BatchService::take_up_all() {
  const auto state = services_.state();
  if (!state) return;
  const auto unfinished = (*state)->batches().unfinished();
  if (!unfinished) return;
  for (const BatchRecord& record : *unfinished) {
    job_count_.fetch_add(1);
    begin(record);
  }
}

void BatchService::begin(BatchRecord record) {
  const auto state = services_.state();
  if (!state) return;
  jobs_.push_back(std::make_unique<BatchJob>(std::move(record), **state));
  jobs_.back()->open();
  pump_soon();
  if (!std::exchange(expiry_posted_, true)) {
    services_.runner().post_after(kExpiryInterval, [this] { expire(); });
  }
}

void BatchService::pump_soon() {
  if (std::exchange(pump_posted_, true)) return;
  services_.runner().post([this] {
    pump_posted_ = false;
    pump();
  });
}

void BatchService::pump() {
  if (idle()) return;
  for (const auto& job : jobs_) {
    if (job->ended() || job->validated()) continue;
    if (!job->validate_some()) pump_soon();
  }
  // Lines that are refused at once take no place: others get their turn in between.
  constexpr int kRounds = 32;
  for (int round = 0; round < kRounds && start_lines(); ++round) {
    if (round + 1 == kRounds) pump_soon();
  }
  for (const auto& job : jobs_) {
    if (job->validated() && !job->ended() && job->finished_lines()) job->finalize();
  }
  remove_ended();
}

// One line of each job, so that a long job does not hold up a short one. False: no more for now.
bool BatchService::start_lines() {
  bool started = false;
  for (const auto& job : jobs_) {
    if (!job->validated() || job->ended() || job->next_line() < 0) continue;
    if (engine_is_full_ || running_lines_ >= options_.batch_concurrency) return false;
    started = true;
    ++running_lines_;
    const auto key = services_.keys().ring()->named(job->record().tenant);
    const ModelView view(model_.load(), key.get());
    job->start_next(services_.runner(), *view.get(), options_.request_timeout,
                    [this](bool retry_later) {
                      --running_lines_;
                      if (!retry_later) return pump_soon();
                      engine_is_full_ = true;
                      services_.runner().post_after(kRetryInterval, [this] {
                        engine_is_full_ = false;
                        pump_soon();
                      });
                    });
  }
  return started;
}

void BatchService::remove_ended() {
  jobs_.remove_if([this](const std::unique_ptr<BatchJob>& job) {
    if (!job->ended() || !job->finished_lines()) return false;
    job_count_.fetch_sub(1);
    return true;
  });
}

void BatchService::expire() {
  const int64_t now = unix_seconds();
  for (const auto& job : jobs_) {
    if (job->record().expires <= now && job->validated()) job->expire(services_.runner());
  }
  expiry_posted_ = !jobs_.empty();
  if (expiry_posted_) services_.runner().post_after(kExpiryInterval, [this] { expire(); });
  pump_soon();
}

void BatchService::suspend() {
  suspended_.store(true);
  services_.runner().post([this] {
    for (const auto& job : jobs_) job->abandon(services_.runner());
  });
}

}  // namespace trivet
