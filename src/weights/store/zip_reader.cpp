#include "weights/store/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "weights/byte_reader.h"

namespace trivet {
namespace {

constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr size_t kEndBytes = 22, kDirectoryBytes = 46, kLocalBytes = 30;
constexpr size_t kMaxComment = 65535;
constexpr size_t kPieceBytes = size_t{256} << 10;

using Bytes = std::span<const std::byte>;

template <class T>
T field(Bytes record, size_t offset) {
  T value;
  std::memcpy(&value, record.data() + offset, sizeof value);
  return value;
}

struct Member {
  uint16_t method;
  uint32_t crc, packed_bytes, bytes, local_offset;
};

struct Directory {
  uint64_t offset, bytes;
  uint16_t count;
};

// The record at the very end, before a comment of any length.
Result<Directory> find_directory(Bytes archive, std::string_view name) {
  for (size_t back = kEndBytes; back <= std::min(archive.size(), kEndBytes + kMaxComment); ++back) {
    const Bytes end = archive.subspan(archive.size() - back);
    if (field<uint32_t>(end, 0) != kEndSignature || field<uint16_t>(end, 20) != back - kEndBytes) {
      continue;
    }
    const Directory directory{field<uint32_t>(end, 16), field<uint32_t>(end, 12),
                              field<uint16_t>(end, 10)};
    if (directory.offset + directory.bytes > archive.size() - back) {
      return damaged(name, "zip directory", archive.size() - back, "lies outside the file");
    }
    return directory;
  }
  return damaged(name, "zip directory", archive.size(), "is missing: the file is not a whole zip");
}

bool names(std::string_view path, std::string_view member) {
  return path == member || (path.size() > member.size() && path.ends_with(member) &&
                            path[path.size() - member.size() - 1] == '/');
}

Result<Member> find_member(Bytes archive, std::string_view name, std::string_view member) {
  TRIVET_ASSIGN_OR_RETURN(const Directory directory, find_directory(archive, name));
  ByteReader in(archive.subspan(directory.offset, directory.bytes));
  std::optional<Member> found;
  for (uint16_t i = 0; i < directory.count; ++i) {
    const uint64_t at = directory.offset + in.offset();
    const auto record = in.read_bytes(kDirectoryBytes);
    if (!record || field<uint32_t>(*record, 0) != kDirectorySignature) {
      return damaged(name, "zip directory", at, "entry " + std::to_string(i) + " is damaged");
    }
    const auto path = in.read_bytes(field<uint16_t>(*record, 28));
    const auto rest =
        in.read_bytes(uint64_t{field<uint16_t>(*record, 30)} + field<uint16_t>(*record, 32));
    if (!path || !rest) return damaged(name, "zip directory", at, "ends inside an entry");
    if (!names(as_text(*path), member)) continue;
    if (found) return damaged(name, "zip directory", at, "has " + std::string(member) + " twice");
    if (field<uint16_t>(*record, 8) & 1) {
      return damaged(name, "zip directory", at, std::string(member) + " is encrypted");
    }
    found = Member{field<uint16_t>(*record, 10), field<uint32_t>(*record, 16),
                   field<uint32_t>(*record, 20), field<uint32_t>(*record, 24),
                   field<uint32_t>(*record, 42)};
  }
  if (found) return *found;
  return Error(ErrorCode::kNotFound,
               std::string(name) + ": has no file \"" + std::string(member) + "\"");
}

Result<Bytes> packed_bytes(Bytes archive, std::string_view name, const Member& member) {
  if (member.local_offset > archive.size() - kLocalBytes) {
    return damaged(name, "zip member", member.local_offset, "lies outside the file");
  }
  const Bytes local = archive.subspan(member.local_offset);
  if (field<uint32_t>(local, 0) != kLocalSignature) {
    return damaged(name, "zip member", member.local_offset, "has no local header");
  }
  const uint64_t begin =
      kLocalBytes + uint64_t{field<uint16_t>(local, 26)} + field<uint16_t>(local, 28);
  if (begin + member.packed_bytes > local.size()) {
    return damaged(name, "zip member", member.local_offset, "ends outside the file");
  }
  return local.subspan(begin, member.packed_bytes);
}

// Inflates piece by piece; stops with an error where more than `limit` bytes come out.
Result<void> inflate_all(Bytes packed, uint64_t limit, std::string_view name,
                         const std::function<Result<void>(Bytes)>& sink) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
    return Error(ErrorCode::kInternal, "cannot set up zlib");
  }
  std::unique_ptr<z_stream, decltype(&inflateEnd)> ender(&stream, &inflateEnd);
  std::vector<std::byte> piece(kPieceBytes);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());  // at most 32 bits in the directory
  uint64_t done = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const size_t got = piece.size() - stream.avail_out;
    if ((status != Z_OK && status != Z_STREAM_END) || (got == 0 && status == Z_OK)) {
      return damaged(name, "zip member", done, "its compressed data is damaged");
    }
    done += got;
    if (done > limit) return damaged(name, "zip member", done, "is larger than its directory says");
    TRIVET_RETURN_IF_ERROR(sink(std::span(piece).first(got)));
  }
  return {};
}

Result<void> copy_stored(Bytes stored, const std::function<Result<void>(Bytes)>& sink) {
  while (!stored.empty()) {
    const size_t size = std::min(stored.size(), kPieceBytes);
    TRIVET_RETURN_IF_ERROR(sink(stored.first(size)));
    stored = stored.subspan(size);
  }
  return {};
}

}  // namespace

Result<void> extract_zip_member(Bytes bytes, std::string_view archive, std::string_view member,
                                const std::function<Result<void>(Bytes)>& sink) {
  if (bytes.size() < kLocalBytes)
    return damaged(archive, "zip directory", 0, "the file is too short");
  TRIVET_ASSIGN_OR_RETURN(const Member found, find_member(bytes, archive, member));
  TRIVET_ASSIGN_OR_RETURN(const Bytes packed, packed_bytes(bytes, archive, found));
  uint64_t done = 0;
  uLong crc = crc32(0, nullptr, 0);
  const auto count = [&](Bytes piece) -> Result<void> {
    done += piece.size();
    crc = crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
    return sink(piece);
  };
  if (found.method == 0) {
    TRIVET_RETURN_IF_ERROR(copy_stored(packed, count));
  } else if (found.method == 8) {
    TRIVET_RETURN_IF_ERROR(inflate_all(packed, found.bytes, archive, count));
  } else {
    return damaged(archive, "zip member", found.local_offset,
                   "compression method " + std::to_string(found.method) + " is not supported");
  }
  if (done != found.bytes || crc != found.crc) {
    return damaged(archive, "zip member", found.local_offset, "its contents fail the checksum");
  }
  return {};
}

}  // namespace trivet
