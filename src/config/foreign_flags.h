// A command line as other servers take it, rewritten to the flags of a table.
#ifndef TRIVET_CONFIG_FOREIGN_FLAGS_H_
#define TRIVET_CONFIG_FOREIGN_FLAGS_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "config/option_table.h"

namespace trivet {

// Underscores in flags become dashes, aliases the flags they stand for; foreign flags go, with
// their values, and leave a notice in the table. Flags in `also_known` (with dashes) and everything
// after a lone "--" stay as they are. kInvalidArgument for an unknown flag, with the nearest one,
// and for a refused one.
Result<std::vector<std::string>> rewrite_flags(const std::vector<std::string>& arguments,
                                               OptionTable& table,
                                               const std::vector<std::string>& also_known);

}  // namespace trivet

#endif  // TRIVET_CONFIG_FOREIGN_FLAGS_H_
