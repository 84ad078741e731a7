/* A fixed set of threads. A run is a count of tasks not yet taken: whoever lowers it by one owns
 * that task, and the run ends when as many tasks are done. A thread with nothing to do watches the
 * count for a moment -- a token's layers come a few microseconds apart -- and then sleeps; a thread
 * that sleeps through a run, or is not given a processor, holds nobody up. */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

enum { MAX_THREADS = 1024, CACHE_LINE = 64, WATCH_NS = 80000, LOOKS_PER_TIME = 32 };

typedef struct {
    as_pool *pool;
    pthread_t thread;
    size_t number; /* 1 and up; the caller is worker 0 */
} worker;

struct as_pool {
    size_t n_workers, n_started; /* threads besides the caller's */
    worker *workers;
    long watch_ns; /* 0 when there are more threads than processors */
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    as_pool_work *work; /* of this run; written while no task is left, read by owners of one */
    void *ctx;
    size_t n;
    atomic_size_t n_asleep;
    atomic_bool stop, caller_asleep;
    char before_left[CACHE_LINE];
    atomic_size_t n_left; /* tasks nobody has taken */
    char before_done[CACHE_LINE];
    atomic_size_t n_done;
};

/* Takes tasks until none is left. */
static void take_tasks(as_pool *p, size_t number)
{
    size_t left = atomic_load_explicit(&p->n_left, memory_order_acquire);
    while (left > 0) {
        if (!atomic_compare_exchange_weak_explicit(&p->n_left, &left, left - 1,
                                                   memory_order_acquire, memory_order_acquire))
            continue;
        size_t n = p->n;
        p->work(p->ctx, n - left, number);
        /* From here on a new run may begin: only atomics of p are read. */
        if (atomic_fetch_add(&p->n_done, 1) + 1 == n && atomic_load(&p->caller_asleep)) {
            (void)pthread_mutex_lock(&p->mutex);
            (void)pthread_cond_signal(&p->done);
            (void)pthread_mutex_unlock(&p->mutex);
        }
        left = atomic_load_explicit(&p->n_left, memory_order_acquire);
    }
}

static long now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)(t.tv_sec % 1000000) * 1000000000 + t.tv_nsec;
}

static bool is_work(as_pool *p)
{
    return atomic_load_explicit(&p->n_left, memory_order_acquire) > 0 ||
           atomic_load_explicit(&p->stop, memory_order_relaxed);
}

static bool is_done(as_pool *p)
{
    return atomic_load_explicit(&p->n_done, memory_order_acquire) == p->n;
}

/* Looks for at most watch_ns; says whether it happened. */
static bool watch(as_pool *p, bool happened(as_pool *))
{
    if (happened(p)) return true;
    if (p->watch_ns == 0) return false;
    long start = now_ns(), passed;
    do {
        for (int i = 0; i < LOOKS_PER_TIME; i++) {
            if (happened(p)) return true;
            AS_PAUSE();
        }
        passed = now_ns() - start;
    } while (passed >= 0 && passed < p->watch_ns);
    return false;
}

/* A sleeper first says so, then looks again; who wakes first changes what is looked at, then asks
 * for sleepers: in one order of all these, either sees the other. */
static void *worker_main(void *arg)
{
    worker *w = arg;
    as_pool *p = w->pool;
    while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
        take_tasks(p, w->number);
        if (watch(p, is_work)) continue;
        (void)pthread_mutex_lock(&p->mutex);
        (void)atomic_fetch_add(&p->n_asleep, 1);
        while (atomic_load(&p->n_left) == 0 && !atomic_load(&p->stop))
            (void)pthread_cond_wait(&p->wake, &p->mutex);
        (void)atomic_fetch_sub(&p->n_asleep, 1);
        (void)pthread_mutex_unlock(&p->mutex);
    }
    return NULL;
}

/* Signals are the caller's business: workers start with all of them blocked. */
static bool start_workers(as_pool *p, as_error *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (size_t i = 0; i < p->n_workers && !failed; i++) {
        worker *w = &p->workers[i];
        w->pool = p;
        w->number = i + 1;
        failed = pthread_create(&w->thread, NULL, worker_main, w);
        if (!failed) p->n_started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) return true;
    return as_fail(err, AS_EIO, "cannot start thread %zu of %zu: %s", p->n_started + 2,
                   p->n_workers + 1, strerror(failed));
}

as_pool *as_pool_new(size_t n_threads, as_error *err)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    size_t online = count < 1 ? 1 : (size_t)count;
    if (n_threads == 0) n_threads = online > MAX_THREADS ? MAX_THREADS : online;
    if (n_threads > MAX_THREADS) {
        (void)as_fail(err, AS_ELIMIT, "threads (found %zu, expected at most %d)", n_threads,
                      MAX_THREADS);
        return NULL;
    }
    as_pool *p = as_new(1, sizeof *p, err);
    if (!p) return NULL;
    p->n_workers = n_threads - 1;
    p->watch_ns = n_threads <= online ? WATCH_NS : 0;
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    (void)pthread_cond_init(&p->done, NULL);
    p->workers = as_new(p->n_workers, sizeof *p->workers, err);
    if (p->workers && start_workers(p, err)) return p;
    as_pool_free(p);
    return NULL;
}

static void wake_workers(as_pool *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->mutex);
}

void as_pool_free(as_pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    wake_workers(p);
    for (size_t i = 0; i < p->n_started; i++) (void)pthread_join(p->workers[i].thread, NULL);
    (void)pthread_cond_destroy(&p->done);
    (void)pthread_cond_destroy(&p->wake);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p->workers);
    free(p);
}

size_t as_pool_size(const as_pool *p)
{
    return p ? p->n_workers + 1 : 1;
}

void as_pool_run(as_pool *p, size_t n, as_pool_work *work, void *ctx)
{
    if (!p || p->n_workers == 0 || n <= 1) {
        for (size_t i = 0; i < n; i++) work(ctx, i, 0);
        return;
    }
    AS_CHECK(is_done(p)); /* or work() came back here */
    p->work = work;
    p->ctx = ctx;
    p->n = n;
    atomic_store_explicit(&p->n_done, 0, memory_order_relaxed);
    atomic_store(&p->n_left, n);
    if (atomic_load(&p->n_asleep) > 0) wake_workers(p);
    take_tasks(p, 0);
    if (watch(p, is_done)) return;
    (void)pthread_mutex_lock(&p->mutex);
    atomic_store(&p->caller_asleep, true);
    while (atomic_load(&p->n_done) != n) (void)pthread_cond_wait(&p->done, &p->mutex);
    atomic_store(&p->caller_asleep, false);
    (void)pthread_mutex_unlock(&p->mutex);
}
