// SSE2: every x86-64 processor.
#define TRIVET_LEVEL level_baseline
#define TRIVET_LEVEL_SIMD "kernels/simd_sse2.h"
#define TRIVET_LEVEL_NAME "baseline"
#define TRIVET_LEVEL_TABLE baseline_kernels
#define TRIVET_SPIN_CHAINS 2
#include "kernels/level.h"
