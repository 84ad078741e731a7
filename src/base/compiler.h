/* The only place for compiler extensions. */
#ifndef AS_BASE_COMPILER_H
#define AS_BASE_COMPILER_H

#define AS_MUST_CHECK __attribute__((warn_unused_result))
#define AS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define AS_NORETURN __attribute__((noreturn))
#define AS_INLINE static inline __attribute__((always_inline))
/* For arrays that live in registers: no zeros are written first. */
#define AS_NO_INIT __attribute__((uninitialized))

/* Unrolls the loop that follows, whose count must be a constant of at most 32. */
#define AS_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed" /* sanitizers may forbid what is only advice */
#define AS_UNROLL AS_PRAGMA(clang loop unroll(full))
#else
#define AS_UNROLL AS_PRAGMA(GCC unroll 32)
#endif

/* Asks for the cache line at p, which need not be readable; changes no result. */
#define AS_PREFETCH(p) __builtin_prefetch(p)

/* Does this processor (and its system) have the named x86 extension? The name is a literal. */
#ifdef __x86_64__
#define AS_CPU_HAS(name) (__builtin_cpu_supports(name) != 0)
#define AS_PAUSE() __builtin_ia32_pause() /* for loops that wait for another thread */
#else
#define AS_CPU_HAS(name) false
#define AS_PAUSE() ((void)0)
#endif

#endif
