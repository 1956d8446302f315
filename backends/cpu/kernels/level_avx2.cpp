// AVX2, FMA, F16C.
#define TRIVET_LEVEL level_avx2
#define TRIVET_LEVEL_SIMD "kernels/simd_avx2.h"
#define TRIVET_LEVEL_NAME "avx2"
#define TRIVET_LEVEL_TABLE avx2_kernels
#define TRIVET_SPIN_CHAINS 5
#include "kernels/level.h"
