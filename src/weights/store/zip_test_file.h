// Builds zip archives for tests.
#ifndef TRIVET_WEIGHTS_STORE_ZIP_TEST_FILE_H_
#define TRIVET_WEIGHTS_STORE_ZIP_TEST_FILE_H_

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

namespace trivet::testing_zip {

struct ZipMember {
  std::string path, content;
  bool deflate;
};

inline std::string deflated(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

inline void put(std::string& to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i));
}

inline std::string make_zip(const std::vector<ZipMember>& members) {
  std::string archive, directory;
  for (const ZipMember& member : members) {
    const std::string packed = member.deflate ? deflated(member.content) : member.content;
    const size_t offset = archive.size();
    std::string common;
    put(common, 20, 2);
    put(common, 0, 2);
    put(common, member.deflate ? 8 : 0, 2);
    put(common, 0, 4);
    put(common,
        crc32(0, reinterpret_cast<const Bytef*>(member.content.data()),
              static_cast<uInt>(member.content.size())),
        4);
    put(common, packed.size(), 4);
    put(common, member.content.size(), 4);
    put(common, member.path.size(), 2);
    put(common, 0, 2);
    archive += "PK\3\4" + common + member.path + packed;
    directory += "PK\1\2";
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2);
    put(directory, 0, 4);
    put(directory, 0, 4);
    put(directory, offset, 4);
    directory += member.path;
  }
  const size_t begin = archive.size();
  archive += directory + "PK\5\6";
  put(archive, 0, 4);
  put(archive, members.size(), 2);
  put(archive, members.size(), 2);
  put(archive, directory.size(), 4);
  put(archive, begin, 4);
  put(archive, 0, 2);
  return archive;
}

}  // namespace trivet::testing_zip

#endif  // TRIVET_WEIGHTS_STORE_ZIP_TEST_FILE_H_
