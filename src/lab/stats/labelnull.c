/* Permutation nulls, one task a draw. */
#include "lab/stats/labelnull.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "lab/stats/blas_internal.h"
#include "lab/stats/tasks_internal.h"

/* out (n) = y with the labels of the listed rows exchanged; from (m) is scratch. */
static void shuffle_rows(uint8_t *out, const uint8_t *y, const size_t *rows, size_t *from, size_t m,
                         as_rng *rng)
{
    for (size_t i = 0; i < m; i++) from[i] = rows[i];
    as_rng_shuffle(rng, from, m);
    for (size_t i = 0; i < m; i++) out[rows[i]] = y[from[i]];
}

/* --- refitting ------------------------------------------------------------------------------- */

typedef struct {
    as_gate_score *out;
    const as_crossval *cv;
    const uint8_t *y;
    const double *c;
    size_t n_c;
    as_shuffle shuffle;
    as_gate_terms terms;
    uint64_t seed;
    double *work;    /* as_crossval_work a worker */
    double *p;       /* n a worker */
    uint8_t *labels; /* n a worker */
    size_t *rows;    /* 2 n a worker */
} refit;

static void refit_labels(const refit *q, uint8_t *labels, size_t *rows, size_t draw)
{
    size_t n = as_crossval_rows(q->cv), *from = rows + n;
    const uint8_t *fold = as_crossval_fold(q->cv);
    size_t n_sets = q->shuffle == AS_SHUFFLE_ALL ? 1 : as_crossval_folds(q->cv);
    as_rng rng = as_rng_at(q->seed, "null/refit", draw);
    for (size_t f = 0; f < n_sets; f++) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            if (n_sets == 1 || fold[i] == f) rows[m++] = i;
        shuffle_rows(labels, q->y, rows, from, m, &rng);
    }
}

static bool refit_draw(void *ctx, size_t draw, size_t worker, as_error *err)
{
    const refit *q = ctx;
    size_t n = as_crossval_rows(q->cv);
    double *work = q->work + worker * as_crossval_work(q->cv), *p = q->p + worker * n;
    uint8_t *labels = q->labels + worker * n;
    refit_labels(q, labels, q->rows + worker * 2 * n, draw);
    for (size_t j = 0; j < q->n_c; j++) {
        as_gate_score *out = &q->out[draw * q->n_c + j];
        if (!as_crossval_predict(q->cv, p, NULL, labels, q->c[j], work, err) ||
            !as_gate_score_of(out, p, labels, n, q->terms, err)) {
            as_error_at(err, "draw %zu, C %g", draw, q->c[j]);
            return false;
        }
    }
    return true;
}

bool as_null_refit(as_gate_score *out, const as_crossval *cv, const uint8_t *y, const double *c,
                   size_t n_c, as_shuffle shuffle, as_gate_terms terms, uint64_t seed,
                   size_t n_draws, as_pool *pool, as_error *err)
{
    size_t n = as_crossval_rows(cv), size;
    bool ok = false;
    refit q = {out, cv, y, c, n_c, shuffle, terms, seed, NULL, NULL, NULL, NULL};
    as_blas_check();
    if (!as_size_mul(as_pool_size(pool), as_crossval_work(cv), &size, err)) return false;
    q.work = as_new(size, sizeof *q.work, err);
    q.p = as_new(as_pool_size(pool) * n, sizeof *q.p, err);
    q.labels = as_new(as_pool_size(pool) * n, sizeof *q.labels, err);
    q.rows = as_new(as_pool_size(pool) * 2 * n, sizeof *q.rows, err);
    if (!q.work || !q.p || !q.labels || !q.rows) goto out;
    ok = as_tasks_run(pool, n_draws, refit_draw, &q, err);
out:
    free(q.work);
    free(q.p);
    free(q.labels);
    free(q.rows);
    return ok;
}

/* --- fixed predictions ----------------------------------------------------------------------- */

typedef struct {
    as_gate_score *out;
    size_t n_scores, n;
    const uint8_t *y;
    as_gate_terms terms;
    uint64_t seed;
    uint32_t *rank2; /* (n_scores, n) */
    uint16_t *bin;   /* (n_scores, n) */
    uint8_t *labels; /* n a worker */
    size_t *rows;    /* n a worker */
    uint32_t *count; /* 2 (n_grid + 1) a worker */
} fixed;

static void fixed_draw(void *ctx, size_t draw, size_t worker)
{
    const fixed *q = ctx;
    size_t n = q->n, *rows = q->rows + worker * n;
    uint8_t *labels = q->labels + worker * n;
    uint32_t *count = q->count + worker * 2 * (q->terms.grid.n + 1);
    as_rng rng = as_rng_at(q->seed, "null/fixed", draw);
    for (size_t i = 0; i < n; i++) rows[i] = i;
    as_rng_shuffle(&rng, rows, n);
    for (size_t i = 0; i < n; i++) labels[i] = q->y[rows[i]];
    for (size_t j = 0; j < q->n_scores; j++)
        q->out[draw * q->n_scores + j] =
            (as_gate_score){as_auc_from_ranks(q->rank2 + j * n, labels, n),
                            as_gate_balanced_bins(q->bin + j * n, labels, n, q->terms.grid.n,
                                                  q->terms.coverage, NULL, count)};
}

bool as_null_fixed(as_gate_score *out, const double *scores, size_t n_scores, const uint8_t *y,
                   size_t n, as_gate_terms terms, uint64_t seed, size_t n_draws, as_pool *pool,
                   as_error *err)
{
    bool ok = false;
    size_t size, n_workers = as_pool_size(pool);
    if (!as_size_mul(n_scores, n, &size, err)) return false;
    fixed q = {.out = out, .n_scores = n_scores, .n = n, .y = y, .terms = terms, .seed = seed};
    q.rank2 = as_new(size, sizeof *q.rank2, err);
    q.bin = as_new(size, sizeof *q.bin, err);
    q.labels = as_new(n_workers * n, sizeof *q.labels, err);
    q.rows = as_new(n_workers * n, sizeof *q.rows, err);
    q.count = as_new(n_workers * 2 * (terms.grid.n + 1), sizeof *q.count, err);
    if (!q.rank2 || !q.bin || !q.labels || !q.rows || !q.count) goto out;
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1) {
            as_fail(err, AS_EFORMAT, "label of row %zu (found %u, expected 0 or 1)", i,
                    (unsigned)y[i]);
            goto out;
        }
    for (size_t j = 0; j < n_scores; j++)
        if (!as_auc_ranks(q.rank2 + j * n, scores + j * n, n, err) ||
            !as_gate_bins(q.bin + j * n, scores + j * n, n, terms.grid, terms.rule, err)) {
            as_error_at(err, "score %zu", j);
            goto out;
        }
    as_pool_run(pool, n_draws, fixed_draw, &q);
    ok = true;
out:
    free(q.rank2);
    free(q.bin);
    free(q.labels);
    free(q.rows);
    free(q.count);
    return ok;
}

/* --- reading the draws ----------------------------------------------------------------------- */

static bool auc_passes(as_gate_score s, as_gate_bars bars)
{
    return bars.auc == -INFINITY || s.auc >= bars.auc;
}

static bool asym_passes(as_gate_score s, as_gate_bars bars)
{
    return bars.asym == INFINITY || s.asym <= bars.asym;
}

bool as_gate_passes(as_gate_score s, as_gate_bars bars)
{
    return auc_passes(s, bars) && asym_passes(s, bars);
}

as_null_passes as_null_pass(const as_gate_score *draws, size_t n_draws, size_t n_tries,
                            as_gate_bars bars)
{
    as_null_passes out = {.n_draws = n_draws};
    for (size_t i = 0; i < n_draws; i++) {
        bool auc = false, asym = false, both = false, found = false;
        for (size_t j = 0; j < n_tries; j++) {
            as_gate_score s = draws[i * n_tries + j];
            auc |= auc_passes(s, bars);
            asym |= asym_passes(s, bars);
            both |= as_gate_passes(s, bars);
            found |= !isnan(s.asym);
        }
        out.n_auc += auc;
        out.n_asym += asym;
        out.n_both += both;
        out.n_no_asym += !found;
    }
    return out;
}

void as_null_best(as_gate_score *out, const as_gate_score *draws, size_t n_draws, size_t n_tries)
{
    for (size_t i = 0; i < n_draws; i++) {
        as_gate_score best = {NAN, NAN};
        for (size_t j = 0; j < n_tries; j++) {
            best.auc = fmax(best.auc, draws[i * n_tries + j].auc);
            best.asym = fmin(best.asym, draws[i * n_tries + j].asym);
        }
        out[i] = best;
    }
}

as_null_tail as_null_compare(as_gate_score observed, const as_gate_score *draws, size_t n_draws)
{
    as_null_tail out = {NAN, NAN, NAN, NAN};
    size_t n_auc = 0, n_asym = 0;
    double sum = 0, square = 0;
    for (size_t i = 0; i < n_draws; i++) {
        n_auc += draws[i].auc >= observed.auc;
        n_asym += draws[i].asym <= observed.asym;
        sum += draws[i].auc;
    }
    if (!isnan(observed.auc)) out.p_auc = (double)(1 + n_auc) / (double)(1 + n_draws);
    if (!isnan(observed.asym)) out.p_asym = (double)(1 + n_asym) / (double)(1 + n_draws);
    if (!n_draws) return out;
    out.auc_mean = sum / (double)n_draws;
    for (size_t i = 0; i < n_draws; i++) {
        double away = draws[i].auc - out.auc_mean;
        square += away * away;
    }
    if (n_draws > 1) out.auc_sd = sqrt(square / (double)(n_draws - 1));
    return out;
}
