/* The pool under short runs, one after the other: threads that watch, threads that sleep, and more
 * threads than tasks. */
#include "check.h"

#include <stdatomic.h>
#include <time.h>

#include "base/pool.h"

enum { MOST = 65, ROUNDS = 4000 };

typedef struct {
    size_t done[MOST], size;
    bool bad_worker;
} counts;

static void count(void *context, size_t task, size_t worker)
{
    counts *c = context;
    c->done[task]++;
    if (worker >= c->size) c->bad_worker = true;
}

static void rest(long ns)
{
    const struct timespec t = {.tv_nsec = ns};
    (void)nanosleep(&t, NULL);
}

static void short_runs(void)
{
    for (size_t threads = 1; threads <= 7; threads++) {
        as_error err = {0};
        counts c = {.size = threads};
        as_pool *p = as_pool_new(threads, &err);
        CHECK(p != NULL);
        if (!p) return;
        for (size_t r = 0; r < ROUNDS; r++) {
            as_pool_run(p, r % (MOST + 1), count, &c);
            if (r % 500 == 0) rest(300000); /* long enough to fall asleep */
        }
        for (size_t t = 0; t < MOST; t++) {
            size_t expected = 0;
            for (size_t r = 0; r < ROUNDS; r++) expected += t < r % (MOST + 1);
            CHECK(c.done[t] == expected);
        }
        CHECK(!c.bad_worker);
        as_pool_free(p);
    }
}

/* What one run wrote is there for the next, whoever runs it, and for the caller. */
static void pass_on(void *context, size_t task, size_t worker)
{
    (void)worker;
    size_t *cell = context;
    cell[MOST + task] = cell[(task + 1) % MOST] + 1;
}

static void results_pass_on(void)
{
    as_error err = {0};
    size_t cell[2 * MOST] = {0};
    as_pool *p = as_pool_new(2, &err);
    CHECK(p != NULL);
    for (size_t r = 1; p && r <= ROUNDS; r++) {
        as_pool_run(p, MOST, pass_on, cell);
        memcpy(cell, cell + MOST, sizeof cell / 2);
        for (size_t t = 0; t < MOST; t++) CHECK(cell[t] == r);
        if (check_bad) break;
    }
    as_pool_free(p);
}

/* A thread that sleeps in its task makes the caller sleep too. No two at once are the same worker.
 */
typedef struct {
    bool done[4];
    atomic_bool is_busy[3], was_shared;
} slow_job;

static void slow(void *context, size_t task, size_t worker)
{
    slow_job *j = context;
    if (worker >= 3 || atomic_exchange(&j->is_busy[worker], true)) j->was_shared = true;
    rest(400000);
    j->done[task] = true;
    if (worker < 3) j->is_busy[worker] = false;
}

static void the_caller_waits(void)
{
    as_error err = {0};
    as_pool *p = as_pool_new(3, &err);
    CHECK(p != NULL);
    for (int r = 0; p && r < 20; r++) {
        slow_job j = {.done = {false}};
        as_pool_run(p, 4, slow, &j);
        CHECK(j.done[0] && j.done[1] && j.done[2] && j.done[3] && !j.was_shared);
    }
    as_pool_free(p);
}

int main(void)
{
    RUN(short_runs);
    RUN(results_pass_on);
    RUN(the_caller_waits);
    return check_end();
}
