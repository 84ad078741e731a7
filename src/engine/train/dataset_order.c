/* Which examples a step sees, and in which pieces; which are held out. All of it is a function of
 * (seed, purpose, epoch), never of what was asked before. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "engine/train/dataset_internal.h"

/* ---- held-out rows ---- */

static bool copy_sequence(as_arena *arena, const as_sequence *from, as_sequence *to, as_error *err)
{
    *to = *from;
    to->ids = as_arena_push(arena, from->n, sizeof *to->ids, err);
    to->label = as_arena_push(arena, from->n, 1, err);
    if (!to->ids || !to->label) return false;
    memcpy(to->ids, from->ids, from->n * sizeof *to->ids);
    memcpy(to->label, from->label, from->n);
    return true;
}

static bool copy_example(as_arena *arena, const as_example *from, size_t n_sides, as_example *to,
                         as_error *err)
{
    *to = *from;
    to->row = NULL;
    to->id = as_arena_text(arena, from->id, err);
    if (!to->id) return false;
    for (size_t i = 0; i < n_sides; i++)
        if (!copy_sequence(arena, &from->sequence[i], &to->sequence[i], err)) return false;
    to->row = json_incref((json_t *)(uintptr_t)from->row);
    return true;
}

static bool copy_held(const as_dataset *d, const unsigned char *is_held, size_t n, as_dataset *held,
                      as_error *err)
{
    *held = (as_dataset){.n_sides = d->n_sides};
    held->arena = as_arena_new(err);
    held->example = as_new(n, sizeof *held->example, err);
    if (!held->arena || !held->example) return false;
    for (size_t i = 0; i < d->n; i++) {
        if (!is_held[i]) continue;
        if (!copy_example(held->arena, &d->example[i], d->n_sides, &held->example[held->n], err))
            return false;
        held->n++;
    }
    return as_dataset_sum(held, err);
}

/* The rows that stay, in an array of their own: what can fail is done before d changes. */
static bool keep_rest(as_dataset *d, const unsigned char *is_held, size_t n_held, as_error *err)
{
    as_dataset rest = *d;
    rest.n = 0;
    rest.example = as_new(d->n - n_held, sizeof *rest.example, err);
    if (!rest.example) return false;
    for (size_t i = 0; i < d->n; i++)
        if (!is_held[i]) rest.example[rest.n++] = d->example[i];
    if (!as_dataset_sum(&rest, err)) {
        free(rest.example);
        return false;
    }
    for (size_t i = 0; i < d->n; i++)
        if (is_held[i]) json_decref((json_t *)(uintptr_t)d->example[i].row);
    free(d->example);
    *d = rest;
    return true;
}

bool as_dataset_split(as_dataset *d, as_dataset *held, double share, uint64_t seed, as_error *err)
{
    *held = (as_dataset){0};
    if (!(share > 0 && share < 1))
        return as_fail(err, AS_EUSAGE, "share held out (found %g, expected above 0 and below 1)",
                       share);
    if (d->n < 2)
        return as_fail(err, AS_EUSAGE, "rows to hold some of out (found %zu, expected at least 2)",
                       d->n);
    bool ok = false;
    size_t n_held = (size_t)(share * (double)d->n + 0.5);
    if (n_held < 1) n_held = 1;
    if (n_held > d->n - 1) n_held = d->n - 1;
    size_t *order = as_new(d->n, sizeof *order, err);
    unsigned char *is_held = as_new(d->n, 1, err);
    if (!order || !is_held) goto out;
    for (size_t i = 0; i < d->n; i++) order[i] = i;
    as_rng rng = as_rng_at(seed, "split", 0);
    as_rng_shuffle(&rng, order, d->n);
    for (size_t i = 0; i < n_held; i++) is_held[order[i]] = 1;
    ok = copy_held(d, is_held, n_held, held, err) && keep_rest(d, is_held, n_held, err);
out:
    if (!ok) as_dataset_clear(held);
    free(order);
    free(is_held);
    return ok;
}

/* ---- order ---- */

enum { STRETCH_BATCHES = 50 };

const char *as_order_name(as_order o)
{
    static const char *const names[] = {"given", "shuffled", "length"};
    return o < AS_ORDER_N ? names[o] : "?";
}

static size_t tokens_of(const as_dataset *d, size_t i)
{
    return d->example[i].sequence[0].n + (d->n_sides == 2 ? d->example[i].sequence[1].n : 0);
}

typedef struct {
    size_t tokens, at, example;
} entry;

/* Longest first, else as they came. */
static int by_length(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->tokens != y->tokens) return x->tokens < y->tokens ? 1 : -1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool bucket(const as_dataset *d, uint64_t seed, size_t epoch, size_t batch, size_t *order,
                   as_error *err)
{
    bool ok = false;
    size_t n_full = d->n / batch;
    size_t stretch = batch <= d->n / STRETCH_BATCHES ? batch * STRETCH_BATCHES : d->n;
    entry *list = as_new(d->n, sizeof *list, err);
    size_t *turn = as_new(n_full, sizeof *turn, err);
    if (!list || !turn) goto out;
    for (size_t i = 0; i < d->n; i++) list[i] = (entry){tokens_of(d, order[i]), i, order[i]};
    for (size_t i = 0; i < d->n; i += stretch)
        qsort(list + i, d->n - i < stretch ? d->n - i : stretch, sizeof *list, by_length);
    for (size_t i = 0; i < n_full; i++) turn[i] = i;
    as_rng rng = as_rng_at(seed, "batches", epoch);
    as_rng_shuffle(&rng, turn, n_full);
    for (size_t i = 0; i < d->n; i++) {
        size_t from = i / batch < n_full ? turn[i / batch] * batch + i % batch : i;
        order[i] = list[from].example;
    }
    ok = true;
out:
    free(list);
    free(turn);
    return ok;
}

bool as_dataset_order(const as_dataset *d, as_order o, uint64_t seed, size_t epoch, size_t batch,
                      size_t *order, as_error *err)
{
    AS_CHECK(batch > 0 && o < AS_ORDER_N);
    for (size_t i = 0; i < d->n; i++) order[i] = i;
    if (o == AS_ORDER_GIVEN) return true;
    as_rng rng = as_rng_at(seed, "epoch", epoch);
    as_rng_shuffle(&rng, order, d->n);
    return o == AS_ORDER_SHUFFLED || bucket(d, seed, epoch, batch, order, err);
}

/* ---- pieces ---- */

size_t as_dataset_pack(const as_dataset *d, const size_t *order, size_t n, size_t tokens,
                       size_t examples, size_t *cut)
{
    size_t n_pieces = 0, sum = 0;
    cut[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t more = tokens_of(d, order[i]), in = i - cut[n_pieces];
        bool fits = sum <= tokens && more <= tokens - sum && (!examples || in < examples);
        if (in && !fits) {
            cut[++n_pieces] = i;
            sum = 0;
        }
        sum += more;
    }
    if (n) cut[++n_pieces] = n;
    return n_pieces;
}
