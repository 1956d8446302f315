// Certificates and keys that change while clients are connected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/testing/eventually.h"
#include "server/fakes/fake_engine.h"
#include "server/fakes/raw_requests.h"
#include "server/fakes/self_signed.h"
#include "server/fakes/test_client.h"
#include "server/http_server.h"

namespace trivet {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

// Collects what the server tells its operator.
class Notices {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    all_ += text + "\n";
  }
  bool have(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return all_.find(text) != std::string::npos;
  }

 private:
  std::mutex mutex_;
  std::string all_;
};

class ReloadTest : public testing::Test {
 protected:
  void start(ServerOptions options) {
    options.port = 0;
    options.reload_interval = milliseconds(10);
    options.notice = [this](const std::string& text) { notices_.add(text); };
    auto created = create_http_server(options, fake_routes(), bridge_, metrics_, nullptr);
    ASSERT_TRUE(created.ok()) << created.error().message();
    server_ = std::move(created).value();
    ASSERT_TRUE(server_->start().ok());
    server_->attach(engine_, ServedModel{});
  }

  Notices notices_;
  Metrics metrics_{{.model_name = "m", .max_model_len = 100}};
  EngineBridge bridge_;
  FakeEngine engine_{bridge_};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ReloadTest, NewConnectionsGetTheNewCertificateAndOldOnesGoOn) {
  ServerOptions options;
  options.tls_certificate_file = testing::TempDir() + "reload.crt";
  options.tls_key_file = testing::TempDir() + "reload.key";
  ASSERT_TRUE(write_self_signed(options.tls_certificate_file, options.tls_key_file));
  start(options);
  TestClient before(server_->port());
  ASSERT_TRUE(before.start_tls());
  const std::string old_certificate = before.peer_certificate();

  ASSERT_TRUE(write_self_signed(options.tls_certificate_file, options.tls_key_file));
  EXPECT_TRUE(eventually([&] {
    TestClient client(server_->port());
    return client.start_tls() && client.peer_certificate() != old_certificate;
  }));
  ASSERT_TRUE(before.send(kOpenCall));
  EXPECT_THAT(before.read_answer(), StartsWith("HTTP/1.1 200 "));

  std::ofstream(options.tls_key_file) << "not a key";
  EXPECT_TRUE(eventually([&] { return notices_.have("keeping the old TLS certificate"); }));
  TestClient after(server_->port());
  EXPECT_TRUE(after.start_tls());
}

TEST_F(ReloadTest, KeysComeAndGoWithTheirFileAndABrokenFileChangesNothing) {
  const std::string path = testing::TempDir() + "server_keys.jsonl";
  const auto write = [&](const std::string& text) {
    std::ofstream(path + ".tmp") << text;
    ASSERT_EQ(std::rename((path + ".tmp").c_str(), path.c_str()), 0);
  };
  const auto status = [&](const std::string& key) {
    TestClient client(server_->port());
    client.send("GET /echo/x HTTP/1.1\r\nHost: h\r\napi-key: " + key + "\r\n\r\n");
    return client.read_answer().substr(9, 3);
  };
  write("{\"name\": \"a\", \"secret\": \"one\"}\n");
  ServerOptions options;
  options.api_key_file = path;
  start(options);
  EXPECT_EQ(status("one"), "200");
  EXPECT_EQ(status("two"), "401");
  write("{\"name\": \"a\", \"secret\": \"two\"}\n");
  EXPECT_TRUE(eventually([&] { return status("two") == "200"; }));
  EXPECT_EQ(status("one"), "401");
  write("{\"name\": \"a\", ");
  EXPECT_TRUE(eventually([&] { return notices_.have("keeping the old API keys"); }));
  EXPECT_EQ(status("two"), "200");
  server_->reload();  // as on SIGHUP, without a change of the file
  EXPECT_EQ(status("two"), "200");
}

}  // namespace
}  // namespace trivet
