// Ends the reasoning of an answer after so many tokens.
#ifndef TRIVET_DIALECTS_THINKING_BUDGET_H_
#define TRIVET_DIALECTS_THINKING_BUDGET_H_

#include <memory>

#include "dialects/message_format.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace trivet {

// `grammar` with a bound: when the answer has reasoned for `budget` tokens, the tag that ends the
// reasoning is the only thing that may follow (a character that has begun is completed first). The
// grammar must allow that tag at any place of the reasoning. `tokenizer` must outlive it.
std::shared_ptr<const Grammar> with_thinking_budget(std::shared_ptr<const Grammar> grammar,
                                                    const MessageFormat& format, int budget,
                                                    const Tokenizer& tokenizer);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_THINKING_BUDGET_H_
