#ifndef TRIVET_APPS_COMMAND_LINE_H_
#define TRIVET_APPS_COMMAND_LINE_H_

namespace trivet {

// Parses the arguments, runs the command, returns the exit code: 0 done, 1 failed, 2 wrong usage.
int run_command_line(int argc, char** argv);

}  // namespace trivet

#endif  // TRIVET_APPS_COMMAND_LINE_H_
