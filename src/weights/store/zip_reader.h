// One member of a zip archive, as a stream.
#ifndef TRIVET_WEIGHTS_STORE_ZIP_READER_H_
#define TRIVET_WEIGHTS_STORE_ZIP_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trivet {

// Format: PKWARE APPNOTE 6.3; stored and deflated members of archives below 4 GiB, which is what
// wheels are. Finds the only member whose path is `member` or ends in "/" + member, and hands its
// contents to `sink` in pieces of at most 256 KiB. No more than the size that the directory states
// ever comes out, and the CRC-32 is checked at the end. `archive` is for messages.
Result<void> extract_zip_member(
    std::span<const std::byte> bytes, std::string_view archive, std::string_view member,
    const std::function<Result<void>(std::span<const std::byte>)>& sink);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_ZIP_READER_H_
