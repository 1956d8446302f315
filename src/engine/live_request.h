// A request from its arrival to its last output.
#ifndef TRIVET_ENGINE_LIVE_REQUEST_H_
#define TRIVET_ENGINE_LIVE_REQUEST_H_

#include <memory>
#include <optional>
#include <vector>

#include "engine/choice.h"
#include "engine/engine.h"

namespace trivet {

// Engine thread only.
struct LiveRequest {
  EngineRequest request;
  StopPatterns stops{{}};
  ChoiceRules rules;
  RequestTiming timing;
  SequenceKey first_key = 0;
  bool scheduled = false;  // has been admitted once
  bool split = false;      // the prompt is done: all n choices exist
  bool has_news = false;   // is in the list of requests with outputs
  bool ended = false;      // nothing of it runs or waits any more
  std::optional<Error> error;
  int cached_tokens = 0;
  int completion_tokens = 0;

  // Choice 0 comes with the request, the others when the prompt is done. Finished ones stay,
  // without blocks.
  std::vector<std::unique_ptr<Choice>> choices;

  // Filled position by position while the prompt is computed; entry i is about prompt[i].
  std::vector<std::optional<PositionLogprobs>> prompt_logprobs;
  // Positions whose logits have been turned into prompt_logprobs.
  int prompt_logprobs_done = 0;

  int prompt_length() const { return static_cast<int>(request.prompt.size()); }
  bool wants_prompt_logprobs() const { return request.params.prompt_logprobs.has_value(); }
  // The logits of the last position of the prompt are about the first new token.
  bool prompt_logprobs_complete() const {
    return !wants_prompt_logprobs() || prompt_logprobs_done >= prompt_length() - 1;
  }
  bool finished() const {
    if (choices.size() < static_cast<size_t>(request.params.n)) return false;
    for (const auto& choice : choices) {
      if (!choice->finished()) return false;
    }
    return true;
  }
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_LIVE_REQUEST_H_
