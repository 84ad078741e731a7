/* The only place for compiler extensions. */
#ifndef AS_BASE_COMPILER_H
#define AS_BASE_COMPILER_H

#define AS_MUST_CHECK __attribute__((warn_unused_result))
#define AS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define AS_NORETURN __attribute__((noreturn))

#endif
