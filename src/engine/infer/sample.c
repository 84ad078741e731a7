/* Sampling. Sums run in double over candidates in a fixed order, so a draw depends on the logits
 * and (seed, index) alone. */
#include "engine/infer/sample.h"

#include <math.h>
#include <stdlib.h>

const as_decoding as_decoding_greedy = {.temperature = 0, .top_p = 1, .penalty = 1};

bool as_decoding_check(const as_decoding *d, as_error *err)
{
    /* Below, logits over temperature could be beyond float. */
    bool is_greedy = !(d->temperature < 0) && !(d->temperature > 0) && !isnan(d->temperature);
    if (!is_greedy && !(d->temperature >= 1e-6 && d->temperature <= 100))
        return as_fail(err, AS_EUSAGE, "temperature (found %g, expected 0 or 1e-06 to 100)",
                       d->temperature);
    if (!(d->top_p > 0 && d->top_p <= 1))
        return as_fail(err, AS_EUSAGE, "top-p (found %g, expected above 0, at most 1)", d->top_p);
    if (!(d->min_p >= 0 && d->min_p < 1))
        return as_fail(err, AS_EUSAGE, "min-p (found %g, expected 0 to below 1)", d->min_p);
    if (!(d->penalty >= 0.01 && d->penalty <= 100))
        return as_fail(err, AS_EUSAGE, "repetition-penalty (found %g, expected 0.01 to 100)",
                       d->penalty);
    return true;
}

/* Larger logit first, then lower id. */
static bool before(const as_candidate *a, const as_candidate *b)
{
    return a->logit > b->logit || (!(a->logit < b->logit) && a->id < b->id);
}

static void sift(as_candidate *heap, size_t i, size_t n)
{
    as_candidate x = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(&heap[child + 1], &heap[child])) child++;
        if (!before(&heap[child], &x)) break;
        heap[i] = heap[child];
    }
    heap[i] = x;
}

static void heapify(as_candidate *heap, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) sift(heap, i, n);
}

/* Takes the first candidate off the heap of n and puts it at its end. */
static void pop(as_candidate *heap, size_t n)
{
    as_candidate top = heap[0];
    heap[0] = heap[n - 1];
    heap[n - 1] = top;
    sift(heap, 0, n - 1);
}

/* The penalised logits, over temperature, of all ids. */
static void collect(as_candidate *c, unsigned char *marks, const float *logits, size_t vocab,
                    const as_decoding *d, const uint32_t *seen, size_t n_seen)
{
    bool penalise = d->penalty < 1 || d->penalty > 1;
    float penalty = (float)d->penalty;
    float temperature = d->temperature > 0 ? (float)d->temperature : 1.0f;
    for (size_t i = 0; penalise && i < n_seen; i++)
        marks[seen[i] / 8] |= (unsigned char)(1u << seen[i] % 8);
    for (size_t i = 0; i < vocab; i++) {
        float x = logits[i];
        if (penalise && marks[i / 8] >> i % 8 & 1) x = x > 0 ? x / penalty : x * penalty;
        c[i] = (as_candidate){x / temperature, (uint32_t)i};
    }
    for (size_t i = 0; penalise && i < n_seen; i++) marks[seen[i] / 8] = 0;
}

/* Moves those not below the k-th largest to the front, in any order. */
static size_t keep_top_k(as_candidate *c, size_t n, size_t k)
{
    float least = 0;
    heapify(c, n);
    for (size_t i = 0; i < k; i++) {
        least = c[0].logit;
        pop(c, n - i);
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (c[i].logit >= least) c[kept++] = c[i];
    return kept;
}

static int by_id(const void *a, const void *b)
{
    const as_candidate *x = a, *y = b;
    return x->id < y->id ? -1 : 1;
}

/* sum of exp(logit - first) over c, in its order. */
static double mass(const as_candidate *c, size_t n, double max)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp((double)c[i].logit - max);
    return sum;
}

/* Candidates are cut where the mass above them reaches top_p, then where their probability falls
 * below min_p times the largest. Needs only as many pops as survive. The kept ones end up in front,
 * largest first. */
static size_t keep_nucleus(as_candidate *c, size_t n, const as_decoding *d)
{
    heapify(c, n);
    double max = c[0].logit, total = d->top_p < 1 ? mass(c, n, max) : 1, above = 0;
    double least = d->min_p > 0 ? max + log(d->min_p) : -INFINITY;
    size_t kept = 0;
    while (kept < n) {
        double x = c[0].logit;
        if (kept && d->top_p < 1 && above / total >= d->top_p) break;
        if (kept && x < least) break;
        above += exp(x - max);
        pop(c, n - kept);
        kept++;
    }
    for (size_t i = 0; i < kept; i++) { /* from the end, in reverse */
        as_candidate x = c[n - 1 - i];
        if (n - 1 - i <= i) break;
        c[n - 1 - i] = c[i];
        c[i] = x;
    }
    return kept;
}

size_t as_sample_process(as_candidate *candidates, unsigned char *marks, const float *logits,
                         size_t vocab, const as_decoding *d, const uint32_t *seen, size_t n_seen)
{
    size_t n = vocab;
    collect(candidates, marks, logits, vocab, d, seen, n_seen);
    if (d->top_k && d->top_k < n) {
        n = keep_top_k(candidates, n, d->top_k);
        qsort(candidates, n, sizeof *candidates, by_id);
    }
    if (d->top_p < 1 || d->min_p > 0) n = keep_nucleus(candidates, n, d);
    return n;
}

static uint32_t largest(const as_candidate *c, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (before(&c[i], &c[best])) best = i;
    return c[best].id;
}

uint32_t as_sample(as_candidate *candidates, unsigned char *marks, const float *logits,
                   size_t vocab, const as_decoding *d, const uint32_t *seen, size_t n_seen,
                   uint64_t seed, uint64_t index)
{
    if (!(d->temperature > 0)) {
        collect(candidates, marks, logits, vocab, d, seen, n_seen);
        return largest(candidates, vocab);
    }
    size_t n = as_sample_process(candidates, marks, logits, vocab, d, seen, n_seen);
    double max = candidates[0].logit;
    for (size_t i = 1; i < n; i++)
        if (candidates[i].logit > max) max = candidates[i].logit;
    as_rng rng = as_rng_at(seed, "sample", index);
    double at = as_rng_uniform(&rng) * mass(candidates, n, max), sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)candidates[i].logit - max);
        if (at < sum) return candidates[i].id;
    }
    return candidates[n - 1].id;
}
