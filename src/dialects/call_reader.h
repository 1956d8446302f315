// Reads the calls of one section, piece by piece. One syntax of calls = one reader; what differs
// between dialects of the same syntax is data.
#ifndef TRIVET_DIALECTS_CALL_READER_H_
#define TRIVET_DIALECTS_CALL_READER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dialects/dialect.h"
#include "dialects/held_text.h"
#include "dialects/tool_signature.h"

namespace trivet {

// The start of a call, up to its arguments.
struct CallHead {
  std::string name;
  std::optional<std::string> arguments;  // where they stood before the name, or are missing
};

class CallReader {
 public:
  virtual ~CallReader() = default;

  // Reads from the start of a call. kMore: come again with more text, from the same place. kNo:
  // this is no call. The cursor counts only with kYes.
  virtual Progress read_head(Cursor& cursor, CallHead& head) = 0;
  // Takes what it can of the arguments, never to come again, and appends JSON. kYes: complete.
  virtual Progress read_arguments(Cursor& cursor, std::string& json) = 0;
  // What follows a call. kYes: another one begins at the cursor; kNo: the section ends at the
  // cursor; kMore: come again from the same place.
  virtual Progress read_tail(Cursor& cursor) = 0;
};

// `format` and `tools` must outlive it; `opener` is the one that was found.
std::unique_ptr<CallReader> make_call_reader(const CallFormat& format, const CallOpener& opener,
                                             std::span<const ToolSignature> tools);

// Each syntax's own.
std::unique_ptr<CallReader> make_json_reader(const CallFormat& format, const CallOpener& opener);
std::unique_ptr<CallReader> make_name_json_reader(const CallFormat& format,
                                                  const CallOpener& opener);
std::unique_ptr<CallReader> make_parameters_reader(const CallFormat& format,
                                                   const CallOpener& opener,
                                                   std::span<const ToolSignature> tools);
std::unique_ptr<CallReader> make_pythonic_reader(const CallFormat& format,
                                                 const CallOpener& opener);
std::unique_ptr<CallReader> make_key_value_reader(const CallFormat& format,
                                                  const CallOpener& opener);

// A name of letters, digits and _ . - : at the cursor. kMore while it may go on.
Progress read_name(Cursor& cursor, std::string& name);

// What stands before the JSON, the parameters or the values of a named call: the begin of a call
// where there is one, the name between its marks.
Progress read_named_head(Cursor& cursor, const CallFormat& format, std::string& name);

// Takes `close` or the format's own end of a call; kNo leaves the cursor where it is.
Progress read_call_end(Cursor& cursor, const CallFormat& format, const CallOpener& opener);
// What follows a call that has markers of its own: another one, or the end of the section.
Progress read_section_tail(Cursor& cursor, const CallFormat& format, const CallOpener& opener);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_CALL_READER_H_
