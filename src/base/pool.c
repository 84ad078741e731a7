/* A fixed set of threads. Each run is a round: workers wake when the round's number changes, take
 * task numbers from one counter, and the round ends when every worker has found the counter used
 * up. */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

enum { MAX_THREADS = 1024 };

typedef struct {
    as_pool *pool;
    pthread_t thread;
    size_t number; /* 1 and up; the caller is worker 0 */
} worker;

struct as_pool {
    size_t n_workers, n_started; /* threads besides the caller's */
    worker *workers;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    size_t round, n_busy; /* under mutex */
    bool stop;
    as_pool_work *work; /* of this round */
    void *ctx;
    size_t n;
    atomic_size_t next;
};

static void take_tasks(as_pool *p, size_t number)
{
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (task >= p->n) return;
        p->work(p->ctx, task, number);
    }
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    as_pool *p = w->pool;
    size_t seen = 0;
    (void)pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (!p->stop && p->round == seen) (void)pthread_cond_wait(&p->wake, &p->mutex);
        if (p->stop) break;
        seen = p->round;
        (void)pthread_mutex_unlock(&p->mutex);
        take_tasks(p, w->number);
        (void)pthread_mutex_lock(&p->mutex);
        if (--p->n_busy == 0) (void)pthread_cond_signal(&p->done);
    }
    (void)pthread_mutex_unlock(&p->mutex);
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
    if (n_threads == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        n_threads = online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (size_t)online;
    }
    if (n_threads > MAX_THREADS) {
        (void)as_fail(err, AS_ELIMIT, "threads (found %zu, expected at most %d)", n_threads,
                      MAX_THREADS);
        return NULL;
    }
    as_pool *p = as_new(1, sizeof *p, err);
    if (!p) return NULL;
    p->n_workers = n_threads - 1;
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_cond_init(&p->wake, NULL);
    (void)pthread_cond_init(&p->done, NULL);
    p->workers = as_new(p->n_workers, sizeof *p->workers, err);
    if (p->workers && start_workers(p, err)) return p;
    as_pool_free(p);
    return NULL;
}

void as_pool_free(as_pool *p)
{
    if (!p) return;
    (void)pthread_mutex_lock(&p->mutex);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->mutex);
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
    (void)pthread_mutex_lock(&p->mutex);
    AS_CHECK(p->n_busy == 0);
    p->work = work;
    p->ctx = ctx;
    p->n = n;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->n_busy = p->n_workers;
    p->round++;
    (void)pthread_cond_broadcast(&p->wake);
    (void)pthread_mutex_unlock(&p->mutex);
    take_tasks(p, 0);
    (void)pthread_mutex_lock(&p->mutex);
    while (p->n_busy > 0) (void)pthread_cond_wait(&p->done, &p->mutex);
    (void)pthread_mutex_unlock(&p->mutex);
}
