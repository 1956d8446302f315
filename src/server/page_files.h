// The files of the web page, compiled into the program (cmake/WebPage.cmake makes them).
#ifndef TRIVET_SERVER_PAGE_FILES_H_
#define TRIVET_SERVER_PAGE_FILES_H_

#include <span>
#include <string_view>

namespace trivet {

struct PageFile {
  std::string_view path;  // below /ui/; "" is the page itself
  std::string_view content_type;
  std::string_view etag;   // quoted
  std::string_view bytes;  // gzip
  bool is_permanent;       // the name holds a digest of the content
};

// At least the page itself: if the program was built without npm, it says how to get the whole one.
std::span<const PageFile> page_files();

}  // namespace trivet

#endif  // TRIVET_SERVER_PAGE_FILES_H_
