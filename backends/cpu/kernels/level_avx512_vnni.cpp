// AVX-512 F, BW, VL, DQ and VNNI.
#define TRIVET_LEVEL level_avx512_vnni
#define TRIVET_LEVEL_SIMD "kernels/simd_avx512.h"
#define TRIVET_LEVEL_NAME "avx512-vnni"
#define TRIVET_LEVEL_TABLE avx512_vnni_kernels
#define TRIVET_SPIN_CHAINS 12
#include "kernels/level.h"
