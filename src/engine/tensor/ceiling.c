/* See ceiling.h. */
#include "engine/tensor/ceiling.h"

#include <stdint.h>
#include <time.h>

enum { PIECE = 1 << 20, AHEAD = 2048, LINE = 64 };

double as_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    const as_exec *ex;
    size_t rounds;
} flop_job;

static void spend(void *context, size_t task, size_t worker)
{
    (void)task, (void)worker;
    const flop_job *j = context;
    (void)j->ex->kernels->peak(j->rounds);
}

double as_ceiling_flops(const as_exec *ex, double seconds)
{
    enum { TRIAL = 1 << 14, PER_THREAD = 16 };
    double start = as_seconds();
    double flops = ex->kernels->peak(TRIAL), took = as_seconds() - start;
    double tasks = PER_THREAD * (double)as_pool_size(ex->pool);
    flop_job j = {ex, (size_t)(seconds / took * TRIAL / PER_THREAD) + 1};
    start = as_seconds();
    as_pool_run(ex->pool, (size_t)tasks, spend, &j);
    took = as_seconds() - start;
    return flops / TRIAL * (double)j.rounds * tasks / took;
}

typedef struct {
    const char *buffer;
    size_t bytes;
} byte_job;

/* Four streams side by side, asked for ahead of time: the fastest way to read found. */
static void read_piece(void *context, size_t task, size_t worker)
{
    (void)worker;
    enum { STREAMS = 4, WORDS = LINE / sizeof(uint64_t) };
    const byte_job *j = context;
    size_t n = j->bytes - task * PIECE < PIECE ? j->bytes - task * PIECE : PIECE;
    size_t apart = n / STREAMS / LINE * LINE / sizeof(uint64_t); /* words */
    const uint64_t *p = (const uint64_t *)(j->buffer + task * PIECE);
    uint64_t s[WORDS] = {0};
    for (size_t i = 0; i < apart; i += WORDS) {
        for (size_t k = i; k < STREAMS * apart; k += apart) {
            AS_PREFETCH((const char *)(p + k) + AHEAD);
            AS_UNROLL
            for (size_t l = 0; l < WORDS; l++) s[l] ^= p[k + l];
        }
    }
    volatile uint64_t used = s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7];
    (void)used;
}

double as_ceiling_bytes(const as_exec *ex, const void *buffer, size_t bytes)
{
    byte_job j = {buffer, bytes};
    double start = as_seconds();
    as_pool_run(ex->pool, bytes / PIECE + (bytes % PIECE != 0), read_piece, &j);
    return (double)bytes / (as_seconds() - start);
}
