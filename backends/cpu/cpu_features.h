// Instruction levels: which exist, which this machine and its operating system can run.
#ifndef TRIVET_BACKENDS_CPU_CPU_FEATURES_H_
#define TRIVET_BACKENDS_CPU_CPU_FEATURES_H_

#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace trivet::cpu {

// Levels that run here, lowest first; never empty.
const std::vector<const KernelTable*>& available_levels();

// Comma-separated names of available_levels().
std::string available_level_names();

// The level of that name, or null. Null or empty name: the best.
const KernelTable* find_level(const char* name);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_CPU_FEATURES_H_
