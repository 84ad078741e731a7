/* The unit tests' few words. A test program is a list of RUN(function) in main, closed by
 * `return check_end();`, which prints one line "UNIT passed failed skipped" for tests/run. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <string.h>

static int check_passed, check_failed, check_skipped, check_bad;
static const char *check_name;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            check_bad = 1;                                                                         \
            printf("%s:%d: %s: not true: %s\n", __FILE__, __LINE__, check_name, #cond);            \
        }                                                                                          \
    } while (0)

/* |a - b| <= tol * max(1, |b|): relative above 1, absolute below. */
#define CHECK_NEAR(a, b, tol)                                                                      \
    do {                                                                                           \
        double a_ = (a), b_ = (b), m_ = fabs(b_) > 1 ? fabs(b_) : 1;                               \
        if (!(fabs(a_ - b_) <= (tol)*m_)) {                                                        \
            check_bad = 1;                                                                         \
            printf("%s:%d: %s: %s = %.17g, expected %.17g within %g\n", __FILE__, __LINE__,        \
                   check_name, #a, a_, b_, (double)(tol));                                         \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(a, b)                                                                           \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (!a_ || !b_ || strcmp(a_, b_) != 0) {                                                   \
            check_bad = 1;                                                                         \
            printf("%s:%d: %s: %s is\n  \"%s\", expected\n  \"%s\"\n", __FILE__, __LINE__,         \
                   check_name, #a, a_ ? a_ : "(null)", b_ ? b_ : "(null)");                        \
        }                                                                                          \
    } while (0)

#define RUN(test)                                                                                  \
    do {                                                                                           \
        check_name = #test;                                                                        \
        check_bad = 0;                                                                             \
        test();                                                                                    \
        check_bad ? check_failed++ : check_passed++;                                               \
    } while (0)

/* Inside main: counts a test that cannot run here, with the reason. */
#define SKIP(test, why)                                                                            \
    do {                                                                                           \
        check_skipped++;                                                                           \
        printf("skipped %s: %s\n", #test, why);                                                    \
    } while (0)

static inline int check_end(void)
{
    printf("UNIT %d %d %d\n", check_passed, check_failed, check_skipped);
    return check_failed ? 1 : 0;
}

#endif
