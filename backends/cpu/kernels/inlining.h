// For kernels: what must be inlined and unrolled whatever the compiler thinks of it.
#ifndef TRIVET_BACKENDS_CPU_KERNELS_INLINING_H_
#define TRIVET_BACKENDS_CPU_KERNELS_INLINING_H_

#define TRIVET_INLINE inline __attribute__((always_inline))
#ifdef TRIVET_NO_UNROLL
#define TRIVET_UNROLL
#elif defined(__clang__)
#define TRIVET_UNROLL _Pragma("unroll")
#else
#define TRIVET_UNROLL _Pragma("GCC unroll 64")
#endif

#endif  // TRIVET_BACKENDS_CPU_KERNELS_INLINING_H_
