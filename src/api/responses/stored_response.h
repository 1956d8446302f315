// What is asked of responses that are stored as JSON.
#ifndef TRIVET_API_RESPONSES_STORED_RESPONSE_H_
#define TRIVET_API_RESPONSES_STORED_RESPONSE_H_

#include <optional>
#include <string>
#include <string_view>

namespace trivet {

// {"object": "list", "data", "first_id", "last_id", "has_more"} of an array of items, which begin
// where the item `after` ends (empty = at the start).
std::string page_of_items(std::string_view items, std::string_view after, int limit,
                          bool newest_first);

// The item of that id among the output of the response object, or else in the array of input items.
std::optional<std::string> find_stored_item(std::string_view object, std::string_view input,
                                            std::string_view id);

// The "output" of a response object, a JSON array.
std::string output_items(std::string_view object);

// The response with status "failed" and that error.
std::string with_failure(std::string_view object, std::string_view message);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_STORED_RESPONSE_H_
