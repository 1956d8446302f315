#include <cstdio>
#include <exception>

#include "command_line.h"

int main(int argc, char** argv) {
  // Libraries may throw; nothing of ours does. What arrives here is a mistake of ours or no memory.
  try {
    return trivet::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
