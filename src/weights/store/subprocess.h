// Runs a program to its end.
#ifndef TRIVET_WEIGHTS_STORE_SUBPROCESS_H_
#define TRIVET_WEIGHTS_STORE_SUBPROCESS_H_

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace trivet {

struct ProcessResult {
  int exit_code = 0;   // 128 + the signal if it was killed
  std::string output;  // the last 4096 bytes of standard output and error together
};

// `arguments`: the program (looked up in PATH) and what it gets, each as it is; no shell.
// `keep_going` is asked ten times a second; false ends the program and gives kCancelled. kNotFound
// if there is no such program.
Result<ProcessResult> run_process(const std::vector<std::string>& arguments,
                                  const std::function<bool()>& keep_going);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_SUBPROCESS_H_
