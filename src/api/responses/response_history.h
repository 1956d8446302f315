// What earlier requests left that a new one may go on from.
#ifndef TRIVET_API_RESPONSES_RESPONSE_HISTORY_H_
#define TRIVET_API_RESPONSES_RESPONSE_HISTORY_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

// As one client sees it. kNotFound: there is none of that id. One thread.
class ResponseHistory {
 public:
  virtual ~ResponseHistory() = default;

  // The turns from the first to that response: a JSON array of chat messages each.
  virtual Result<std::vector<std::string>> turns(std::string_view response) = 0;
  // The items of a conversation from the first, as JSON objects. Whoever asks for them is about to
  // add to it: kAlreadyExists if somebody else is.
  virtual Result<std::vector<std::string>> conversation(std::string_view id) = 0;
  // An item of a response or a conversation, as a JSON object.
  virtual Result<std::string> item(std::string_view id) = 0;
};

// Where no state is kept: batches, and stores that are off.
class NoHistory final : public ResponseHistory {
 public:
  Result<std::vector<std::string>> turns(std::string_view response) override;
  Result<std::vector<std::string>> conversation(std::string_view id) override;
  Result<std::string> item(std::string_view id) override;
};

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSE_HISTORY_H_
