// For tests: a folder that goes away.
#ifndef TRIVET_STATE_TEST_FOLDER_H_
#define TRIVET_STATE_TEST_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <string>

namespace trivet {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trivet-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string path(const std::string& name = "state") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace trivet

#endif  // TRIVET_STATE_TEST_FOLDER_H_
