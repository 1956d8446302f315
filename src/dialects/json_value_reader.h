// Arguments that are written as JSON: passed on as they come.
#ifndef TRIVET_DIALECTS_JSON_VALUE_READER_H_
#define TRIVET_DIALECTS_JSON_VALUE_READER_H_

#include <string>

#include "dialects/held_text.h"
#include "dialects/value_scanner.h"

namespace trivet {

// An object goes through byte by byte. JSON inside a string, which some models write, is unpacked
// when it is complete; null is an empty object.
class JsonValueReader {
 public:
  // As CallReader::read_arguments.
  Progress read(Cursor& cursor, std::string& json);

 private:
  void finish(std::string& json);

  ValueScanner scanner_{"\""};
  bool buffers_ = false;
  std::string buffer_;
};

// Takes the JSON string at the cursor and unpacks it.
Progress read_json_string(Cursor& cursor, std::string& text);
// Takes the JSON value at the cursor.
Progress read_json_value(Cursor& cursor, std::string& json);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_JSON_VALUE_READER_H_
