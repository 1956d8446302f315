#include "text/rust_text.h"

namespace trivet {

TrivetTextSlice rust_slice(std::string_view text) { return {text.data(), text.size()}; }

std::string take_bytes(TrivetTextBytes bytes) {
  std::string result;
  if (bytes.size > 0) result.assign(reinterpret_cast<const char*>(bytes.data), bytes.size);
  trivet_text_free_bytes(bytes);
  return result;
}

std::vector<uint32_t> take_ids(TrivetTextIds ids) {
  std::vector<uint32_t> result(ids.data, ids.data + ids.size);
  trivet_text_free_ids(ids);
  return result;
}

Error rust_error(int32_t status, TrivetTextBytes message) {
  std::string text = take_bytes(message);
  switch (status) {
    case TRIVET_TEXT_INVALID:
      return Error(ErrorCode::kInvalidArgument, std::move(text));
    case TRIVET_TEXT_UNSUPPORTED:
      return Error(ErrorCode::kUnimplemented, std::move(text));
    case TRIVET_TEXT_EXHAUSTED:
      return Error(ErrorCode::kInvalidArgument, std::move(text));
    default:
      return Error(ErrorCode::kInternal, std::move(text));
  }
}

void StringList::reserve(size_t count, size_t bytes) {
  ends_.reserve(count);
  bytes_.reserve(bytes);
}

void StringList::add(std::string_view text) {
  bytes_.append(text);
  TRIVET_CHECK(bytes_.size() <= UINT32_MAX);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
}

}  // namespace trivet
