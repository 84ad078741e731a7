/* head-direction: does a head's direction separate rows it was not made of? A difference of means
 * judged by its own rows looks strong in every head; the cross-fitted effect is the one that
 * counts, and it is compared with shuffled labels, for all heads at once. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lab/audit/rows_internal.h"
#include "lab/stats/attribution.h"
#include "lab/stats/fold.h"

#define MIN_COHORT 20
#define NO_EVIDENCE 0.2 /* a p above it is what noise gives */

static const as_param params[] = {
    {"vectors", AS_PARAM_COLUMN, NULL, "the vectors of all heads, one head after the other", NULL},
    {"n_heads", AS_PARAM_SIZE, NULL, "heads in a row", "1 to 1e6"},
    {"label", AS_PARAM_COLUMN, NULL, "0 or 1 for each item: the cohort", NULL},
    {"only", AS_PARAM_COLUMNS, "", "columns of 0 and 1; items that are 1 in all of them count",
     NULL},
    {"n_folds", AS_PARAM_SIZE, "5", "folds of the cross-fit, 2 to 10", "2 to 10"},
    {"large_d", AS_PARAM_NUMBER, "0.8", "an in-sample d that would be reported", "0 to 100"},
    {"max_cosine", AS_PARAM_NUMBER, "0.95", "cosine of the cohort means above which they coincide",
     "-1 to 1"},
    AS_PROBE_PARAMS_END,
};

typedef struct {
    as_probe_rows rows;
    size_t heads, dim, k, n_left;
    uint8_t *fold;
    as_direction *head;           /* (heads) */
    double *in_sample, *crossfit; /* (permutations, heads) */
    double *top;                  /* (permutations) */
    double *list;                 /* (heads) */
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->rows);
    free(w->fold);
    free(w->head);
    free(w->in_sample);
    free(w->crossfit);
    free(w->top);
    free(w->list);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    size_t size;
    if (!as_size_mul(a->permutations, w->heads, &size, err)) return false;
    w->fold = as_new(w->rows.n, 1, err);
    w->head = as_new(w->heads, sizeof *w->head, err);
    w->in_sample = as_new(size, sizeof *w->in_sample, err);
    w->crossfit = as_new(size, sizeof *w->crossfit, err);
    w->top = as_new(a->permutations, sizeof *w->top, err);
    w->list = as_new(w->heads, sizeof *w->list, err);
    return w->fold && w->head && w->in_sample && w->crossfit && w->top && w->list;
}

/* top (permutations) = the largest of each draw. */
static void largest_of(work *w, const as_audit *a, const double *draw)
{
    for (size_t i = 0; i < a->permutations; i++) {
        w->top[i] = NAN;
        for (size_t h = 0; h < w->heads; h++) w->top[i] = fmax(w->top[i], draw[i * w->heads + h]);
    }
}

typedef double member(const as_direction *d);

static double in_sample_of(const as_direction *d)
{
    return d->in_sample;
}

static double crossfit_of(const as_direction *d)
{
    return d->crossfit;
}

static double cosine_of(const as_direction *d)
{
    return d->cosine;
}

static double p_of(const as_direction *d)
{
    return d->p_max;
}

static json_t *list_of(work *w, member *get)
{
    for (size_t h = 0; h < w->heads; h++) w->list[h] = get(&w->head[h]);
    return as_probe_reals(w->list, w->heads);
}

/* One of the two maxima with all its heads. */
static bool emit_maximum(work *w, as_audit *a, const char *name, const char *method, member *get,
                         const double *draw, as_error *err)
{
    size_t best = 0;
    as_statistic *s = as_emit(a, name, "", method, err);
    if (!s) return false;
    for (size_t h = 1; h < w->heads; h++)
        if (get(&w->head[h]) > get(&w->head[best])) best = h;
    largest_of(w, a, draw);
    s->estimate = get(&w->head[best]);
    s->n = w->rows.n;
    s->missing = w->rows.n_missing;
    s->p = as_null_p(w->top, a->permutations, s->estimate, AS_TAIL_UPPER);
    json_t *o = json_object();
    as_json_put_size(&o, "head", best);
    as_json_put_size(&o, "heads", w->heads);
    as_json_put_size(&o, "dim", w->dim);
    as_json_put_real(&o, "in_sample", w->head[best].in_sample);
    as_json_put_real(&o, "crossfit", w->head[best].crossfit);
    as_json_put_real(&o, "p_max", w->head[best].p_max);
    as_json_put_real(&o, "cosine", w->head[best].cosine);
    as_json_put_size(&o, "n_left_out", w->n_left);
    as_json_put(&o, "each", list_of(w, get));
    if (get == crossfit_of) {
        as_json_put(&o, "each_p", list_of(w, p_of));
        as_json_put(&o, "each_cosine", list_of(w, cosine_of));
    }
    bool ok = as_probe_null(s, w->top, a->permutations, err);
    return as_emit_detail(a, s, o, err) && ok;
}

static bool measure_heads(work *w, as_audit *a, as_error *err)
{
    uint64_t fold_seed;
    as_resample how = {a->permutations, 0, "heads/direction", a->pool};
    return work_room(w, a, err) && as_probe_seed(a, "folds", &fold_seed, err) &&
           as_probe_seed(a, "shuffled labels", &how.seed, err) &&
           as_fold_stratified(w->fold, w->rows.y, w->rows.n, w->k, fold_seed, 0, err) &&
           as_direction_of(w->head, NULL, w->in_sample, w->crossfit, w->rows.x, w->rows.n, w->heads,
                           w->dim, w->rows.y, w->fold, w->k, &how, err) &&
           emit_maximum(w, a, "in_sample_maximum",
                        "largest d over heads, direction and effect from the same rows; one-sided "
                        "p, labels shuffled [Head direction]",
                        in_sample_of, w->in_sample, err) &&
           emit_maximum(w, a, "crossfit_maximum",
                        "largest d over heads, direction from the other folds; one-sided p, labels "
                        "shuffled inside folds [Head direction]",
                        crossfit_of, w->crossfit, err);
}

static bool measure(as_audit *a, as_error *err)
{
    work w = {.heads = as_arg_size(a, "n_heads"), .k = as_arg_size(a, "n_folds")};
    bool ok = false;
    if (!as_probe_rows_load(&w.rows, a, "vectors", "label", err)) goto out;
    if (w.heads == 0 || w.rows.d % w.heads != 0) {
        as_audit_fail(a, "n_heads", err,
                      "heads (found %zu, expected a divisor of the %zu numbers "
                      "in a row)",
                      w.heads, w.rows.d);
        goto out;
    }
    w.dim = w.rows.d / w.heads;
    ok =
        as_rows_only(&w.rows, &w.n_left, a, "only", err) &&
        as_probe_emit_rate(a, "positive_rate", "", w.rows.n_pos, w.rows.n, w.rows.n_missing, err) &&
        (as_probe_smaller_class(&w.rows) < w.k || measure_heads(&w, a, err));
out:
    work_clear(&w);
    return ok;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *own = as_stat_find(a, "in_sample_maximum", ""),
                       *cross = as_stat_find(a, "crossfit_maximum", ""),
                       *rate = as_stat_need(a, "positive_rate", "", err);
    if (!rate) return false;
    double n_pos = as_stat_detail(rate, "/n_pos"), n_neg = as_stat_detail(rate, "/n_neg");
    bool enough = n_pos >= MIN_COHORT && n_neg >= MIN_COHORT;
    if (!own || !cross)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "cells too small", err,
                           "The cohorts have %.0f and %.0f items: too few to be folded.", n_pos,
                           n_neg);
    double cosine = as_stat_detail(own, "/cosine");
    bool twice = own->estimate >= as_arg_number(a, "large_d") &&
                 cosine > as_arg_number(a, "max_cosine") && cross->p > NO_EVIDENCE;
    as_outcome outcome = cross->p <= a->alpha ? AS_HOLDS : enough && twice ? AS_FAILS : AS_UNKNOWN;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "double use of the samples"
                        : enough              ? "under-powered"
                                              : "cells too small";
    char p[AS_P_TEXT_SIZE];
    return as_leaf_set(
        a, leaf, outcome, cause, err,
        "Judged by the rows that made it, the best of %.0f directions has d = %.3f (cosine of the "
        "cohort means %.3f; shuffled labels give %.3f in the median); judged by other rows the "
        "best has d = %.3f, where shuffled labels give %.3f (%s, n = %" PRIu64
        ", %.0f against %.0f).",
        as_stat_detail(own, "/heads"), own->estimate, cosine, own->null_q50, cross->estimate,
        cross->null_q50, as_p_text(cross->p, p), cross->n, n_pos, n_neg);
}

const as_check as_check_head_direction = {
    .name = "head-direction",
    .summary = "a head's direction judged by rows it was not made of",
    .catches = "a direction made of the rows that praise it",
    .params = params,
    .measure = measure,
    .decide = decide,
};
