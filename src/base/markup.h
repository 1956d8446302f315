// Text inside HTML, XML and SVG.
#ifndef TRIVET_BASE_MARKUP_H_
#define TRIVET_BASE_MARKUP_H_

#include <string>
#include <string_view>

namespace trivet {

// For text and for attributes in double quotes.
std::string escape_markup(std::string_view text);

}  // namespace trivet

#endif  // TRIVET_BASE_MARKUP_H_
