// Calls into rust/text: statuses become Result, owned buffers become C++ values.
#ifndef TRIVET_TEXT_RUST_TEXT_H_
#define TRIVET_TEXT_RUST_TEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "trivet_text.h"

namespace trivet {

// For std::unique_ptr of a handle.
template <auto kFree>
struct RustFree {
  template <class T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};

TrivetTextSlice rust_slice(std::string_view text);

// Copies and frees.
std::string take_bytes(TrivetTextBytes bytes);
std::vector<uint32_t> take_ids(TrivetTextIds ids);

// The error of a call that did not return TRIVET_TEXT_OK; frees `message`.
Error rust_error(int32_t status, TrivetTextBytes message);

// Strings one behind the other, the form in which lists cross the boundary. At most 4 GiB.
class StringList {
 public:
  void reserve(size_t count, size_t bytes);
  void add(std::string_view text);
  TrivetTextStrings view() const { return {bytes_.data(), ends_.data(), ends_.size()}; }

 private:
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

}  // namespace trivet

#endif  // TRIVET_TEXT_RUST_TEXT_H_
