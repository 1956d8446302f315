#include "server/services/batch_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "api/fake_text.h"
#include "server/fakes/fake_engine.h"
#include "server/parse_workers.h"
#include "server/server_state.h"
#include "server/services/response_service.h"
#include "server/services/services.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

using Json = nlohmann::json;

// A server without sockets over a folder; killed when it dies, since nothing is stopped in order.
class BatchWorld {
 public:
  explicit BatchWorld(const std::string& folder, int batch_concurrency = 4)
      : engine(bridge),
        state(options_for(folder, batch_concurrency), KeyGuard::create({}, metrics, &clock).value(),
              fake_routes(), bridge, metrics, nullptr, workers, clock) {
    state.attach(engine, model.served);
  }

  std::string ask(const std::function<Answer(const RouteCall&)>& what,
                  const std::string& body = "") {
    const HttpHead head;
    const CallContext context{.request_id = "q", .tenant = "t", .unix_seconds = 1'900'000'000};
    Answer answer = what({.server = state,
                          .model = &model.served,
                          .body = body,
                          .path_parameter = "",
                          .query = "",
                          .head = head,
                          .context = context});
    auto* response = std::get_if<HttpResponse>(&answer);
    return response == nullptr ? "" : response->body;
  }
  Json create(const std::string& input) {
    StateFolder& folder = *state.services().state().value();
    auto file = folder.files().begin().value();
    EXPECT_TRUE(file->append(input));
    const auto record = folder.files().add(*file, {.tenant = "t", .purpose = "batch"}).value();
    const Json body = {{"input_file_id", record.id},
                       {"endpoint", "/v1/completions"},
                       {"completion_window", "24h"}};
    return Json::parse(
        ask([&](const RouteCall& call) { return batches().create(call); }, body.dump()));
  }
  Json get(const std::string& id) {
    return Json::parse(ask([&](const RouteCall& call) { return batches().get(call, id); }));
  }
  Json wait_for_status(const std::string& id, const std::string& status) {
    for (int i = 0; i < 5000 && get(id)["status"] != status; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(get(id)["status"], status);
    return get(id);
  }
  std::vector<Json> lines_of(const std::string& file_id) {
    StateFolder& folder = *state.services().state().value();
    std::istringstream text(
        folder.files().read(*folder.files().find(file_id, "t").value(), 0, 1 << 20).value());
    std::vector<Json> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
    return lines;
  }
  BatchService& batches() { return state.services().batches(); }

  static ServerOptions options_for(const std::string& folder, int batch_concurrency) {
    ServerOptions options;
    options.state_dir = folder;
    options.batch_concurrency = batch_concurrency;
    return options;
  }

  SteadyClock clock;
  FakeModel model;
  EngineBridge bridge;
  FakeEngine engine;
  Metrics metrics{{.model_name = "m", .max_model_len = 100}};
  ParseWorkers workers{1};
  ServerState state;
};

std::string input_of(int count) {
  std::string input;
  for (int i = 0; i < count; ++i) {
    input += R"({"custom_id":"c)" + std::to_string(i) +
             R"(","method":"POST","url":"/v1/completions","body":{"prompt":"Hi"}})" + "\n";
  }
  return input;
}

TEST(BatchService, AnswersAllLinesAFewAtATime) {
  const TestFolder folder;
  BatchWorld world(folder.path(), 2);
  const std::string id = world.create(input_of(5))["id"];
  for (size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(world.engine.wait_for_submitted(i + 1));
    EXPECT_LE(world.engine.live(), 2u);
    EXPECT_GE(world.engine.submitted()[i].priority, 1'000'000);
    world.engine.emit(world.engine.submitted()[i].id, "answer" + std::to_string(i), true);
  }
  const Json batch = world.wait_for_status(id, "completed");
  EXPECT_EQ(batch["request_counts"], Json({{"total", 5}, {"completed", 5}, {"failed", 0}}));
  const auto lines = world.lines_of(batch["output_file_id"]);
  ASSERT_EQ(lines.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(lines[i]["custom_id"], "c" + std::to_string(i));
    EXPECT_EQ(lines[i]["response"]["body"]["choices"][0]["text"], "answer" + std::to_string(i));
  }
}

TEST(BatchService, GoesOnWithTheLinesThatHaveNoAnswer) {
  const TestFolder folder;
  std::string id;
  {
    BatchWorld world(folder.path(), 4);
    id = world.create(input_of(6))["id"];
    ASSERT_TRUE(world.engine.wait_for_submitted(4));
    world.engine.emit(world.engine.submitted()[1].id, "one", true);
    world.engine.emit(world.engine.submitted()[3].id, "three", true);
    for (int i = 0; i < 5000 && world.get(id)["request_counts"]["completed"] < 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  BatchWorld world(folder.path(), 6);
  ASSERT_TRUE(world.engine.wait_for_submitted(4));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto submitted = world.engine.submitted();
  ASSERT_EQ(submitted.size(), 4u);  // and no line twice
  for (const EngineRequest& request : submitted) world.engine.emit(request.id, "later", true);
  const Json batch = world.wait_for_status(id, "completed");
  std::multiset<std::string> ids;
  for (const Json& line : world.lines_of(batch["output_file_id"])) ids.insert(line["custom_id"]);
  EXPECT_EQ(ids, (std::multiset<std::string>{"c0", "c1", "c2", "c3", "c4", "c5"}));
}

TEST(BatchService, PutsFailedLinesIntoAnErrorFile) {
  const TestFolder folder;
  BatchWorld world(folder.path());
  const std::string bad =
      R"({"custom_id":"bad","method":"POST","url":"/v1/completions","body":{"prompt":5}})" +
      std::string("\n");
  const std::string id = world.create(bad + input_of(2))["id"];
  ASSERT_TRUE(world.engine.wait_for_submitted(2));
  world.engine.fail(world.engine.submitted()[0].id, ErrorCode::kInternal, "it broke");
  world.engine.emit(world.engine.submitted()[1].id, "fine", true);
  const Json batch = world.wait_for_status(id, "completed");
  EXPECT_EQ(batch["request_counts"], Json({{"total", 3}, {"completed", 1}, {"failed", 2}}));
  const auto errors = world.lines_of(batch["error_file_id"]);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0]["response"]["status_code"], 400);
  EXPECT_EQ(errors[1]["response"]["body"]["error"]["message"], "it broke");
}

TEST(BatchService, TriesAgainWhenTheEngineIsFull) {
  const TestFolder folder;
  BatchWorld world(folder.path());
  world.engine.accept_only(0);
  const std::string id = world.create(input_of(1))["id"];
  world.wait_for_status(id, "in_progress");
  world.engine.accept_only(10);
  ASSERT_TRUE(world.engine.wait_for_submitted(1));
  world.engine.emit(world.engine.submitted()[0].id, "late", true);
  world.wait_for_status(id, "completed");
}

TEST(BatchService, KeepsWhatWasAnsweredWhenItIsCancelled) {
  const TestFolder folder;
  BatchWorld world(folder.path(), 2);
  const std::string id = world.create(input_of(9))["id"];
  ASSERT_TRUE(world.engine.wait_for_submitted(2));
  world.engine.emit(world.engine.submitted()[0].id, "first", true);
  ASSERT_TRUE(world.engine.wait_for_submitted(3));
  world.ask([&](const RouteCall& call) { return world.batches().cancel(call, id); });
  const Json batch = world.wait_for_status(id, "cancelled");
  EXPECT_EQ(world.engine.cancelled().size(), 2u);
  EXPECT_EQ(world.lines_of(batch["output_file_id"]).size(), 1u);
  EXPECT_EQ(batch["request_counts"]["completed"], 1);
}

TEST(BatchService, RefusesWrongInputAndSaysWhere) {
  const TestFolder folder;
  BatchWorld world(folder.path());
  const Json batch =
      world.wait_for_status(world.create(input_of(1) + "\n" + input_of(1) + "{\n")["id"], "failed");
  EXPECT_EQ(batch["errors"]["data"][0]["line"], 3);
  EXPECT_EQ(batch["errors"]["data"][1]["line"], 4);
  EXPECT_EQ(
      world.wait_for_status(world.create("\n\n")["id"], "failed")["errors"]["data"][0]["code"],
      "empty_file");
}

TEST(ResponseService, FailsWhatAClientWaitedForAndMakesTheRestAnew) {
  const TestFolder folder;
  std::string foreground, background;
  {
    BatchWorld world(folder.path());
    ResponseService& responses = world.state.services().responses();
    const auto create = [&](const RouteCall& call) { return responses.create(call); };
    background = Json::parse(world.ask(create, R"({"input":"Hi","background":true})"))["id"];
    world.ask(create, R"({"input":"Hi"})");
    ASSERT_TRUE(world.engine.wait_for_submitted(2));
    const std::string request = world.engine.submitted()[1].id;
    foreground = request.substr(0, request.find('-'));
  }
  BatchWorld world(folder.path());
  ResponseService& responses = world.state.services().responses();
  const auto status_of = [&](const std::string& id) {
    return Json::parse(
        world.ask([&](const RouteCall& call) { return responses.get(call, id); }))["status"];
  };
  ASSERT_TRUE(world.engine.wait_for_submitted(1));
  for (int i = 0; i < 5000 && status_of(foreground) != "failed"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(status_of(foreground), "failed");
  EXPECT_EQ(world.engine.submitted().size(), 1u);
  EXPECT_TRUE(world.engine.submitted()[0].id.starts_with(background));
  world.engine.emit(world.engine.submitted()[0].id, "done", true);
  for (int i = 0; i < 5000 && status_of(background) != "completed"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(status_of(background), "completed");
}

}  // namespace
}  // namespace trivet
