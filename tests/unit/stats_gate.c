/* Gates, cross-validation and permutation nulls: brute force, invariants, and the same bytes for
 * any number of threads. */
#include <stdlib.h>

#include "base/rng.h"
#include "check.h"
#include "lab/stats/blas.h"
#include "lab/stats/fold.h"
#include "lab/stats/labelnull.h"

/* What fails here is the test's own affair: say so and stop. */
static void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

/* A table of normal numbers with labels that lean on the first column. */
static void fill(double *x, uint8_t *y, size_t n, size_t d, uint64_t seed)
{
    as_rng rng = as_rng_at(seed, "test/table", 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) x[i * d + j] = as_rng_normal(&rng);
        y[i] = x[i * d] + as_rng_normal(&rng) > 0;
    }
}

/* --- gates ----------------------------------------------------------------------------------- */

static void gate_grid(void)
{
    CHECK(as_gate_threshold(AS_GATE_STANDARD, 0) == 0.05);
    CHECK(as_gate_threshold(AS_GATE_STANDARD, 11) == 0.15999999999999998);
    CHECK(as_gate_threshold(AS_GATE_STANDARD, 21) == 0.25999999999999995);
    CHECK(as_gate_threshold(AS_GATE_STANDARD, 73) == 0.7799999999999999);
}

static void gate_brute_force(void)
{
    enum { N = 40 };
    as_error err = {0};
    as_gate_grid grids[] = {AS_GATE_STANDARD, {0, 1, 11}, {0.5, 0.5, 1}};
    double p[N];
    uint8_t y[N];
    uint16_t bin[N];
    uint32_t count[2 * 92];
    as_gate_point points[91];
    for (uint64_t seed = 0; seed < 60; seed++) {
        as_gate_grid grid = grids[seed % 3];
        as_gate_rule rule = seed & 1 ? AS_GATE_ABOVE : AS_GATE_AT_LEAST;
        as_rng rng = as_rng_at(seed, "test/gate", 0);
        for (size_t i = 0; i < N; i++) { /* half of them on a threshold */
            p[i] = as_rng_below(&rng, 2) ? as_rng_uniform(&rng)
                                         : as_gate_threshold(grid, as_rng_below(&rng, grid.n));
            y[i] = as_rng_below(&rng, 2) != 0;
        }
        must(as_gate_scan(points, p, y, N, grid, rule, &err), &err);
        must(as_gate_bins(bin, p, N, grid, rule, &err), &err);
        as_gate_best best = {.at.asym = 9};
        for (size_t k = 0; k < grid.n; k++) {
            as_gate_point g = as_gate_at(p, y, N, as_gate_threshold(grid, k), rule);
            CHECK(g.c == points[k].c && g.w == points[k].w && g.t == points[k].t);
            CHECK(g.p_c == points[k].p_c && g.asym == points[k].asym);
            if (g.p_c >= 0.7 && g.asym < best.at.asym) best = (as_gate_best){true, k, g};
        }
        as_gate_best got = as_gate_balanced(points, grid.n, 0.7);
        CHECK(got.found == best.found && got.k == best.k);
        CHECK(!got.found || got.at.asym == best.at.asym);
        size_t k;
        double asym = as_gate_balanced_bins(bin, y, N, grid.n, 0.7, &k, count);
        CHECK(got.found ? asym == got.at.asym && k == got.k : isnan(asym));
        CHECK(as_gate_min(points, grid.n).at.asym ==
              as_gate_balanced_bins(bin, y, N, grid.n, 0, &k, count));
    }
}

static void gate_edges(void)
{
    as_error err = {0};
    as_gate_point points[91];
    double half[2] = {0.5, 0.5};
    uint8_t both[2] = {0, 1};
    CHECK(as_gate_at(half, both, 2, 0.5, AS_GATE_ABOVE).c == 0);
    CHECK(as_gate_at(half, both, 2, 0.5, AS_GATE_AT_LEAST).c == 1);
    double p[4] = {0.01, 0.02, 0.9, NAN};
    uint8_t y[4] = {1, 1, 0, 0}, all[4] = {1, 1, 1, 1};
    must(as_gate_scan(points, p, y, 3, AS_GATE_STANDARD, AS_GATE_ABOVE, &err), &err);
    as_gate_best best = as_gate_balanced(points, 91, 0.7);
    CHECK(!best.found && isnan(best.at.asym));
    best = as_gate_min(points, 91);
    CHECK(best.found && best.at.asym == 0 && best.at.t >= 0.9 && best.at.t < 0.92);
    must(as_gate_scan(points, p, all, 3, AS_GATE_STANDARD, AS_GATE_ABOVE, &err), &err);
    CHECK(isnan(points[0].asym) && !as_gate_min(points, 91).found);
    CHECK(!as_gate_scan(points, p, y, 4, AS_GATE_STANDARD, AS_GATE_ABOVE, &err));
    CHECK(err.class_ == AS_ENUMERIC);
    err = (as_error){0};
    CHECK(!as_gate_scan(points, p, y, 3, (as_gate_grid){1, 0, 5}, AS_GATE_ABOVE, &err));
    CHECK(err.class_ == AS_EUSAGE);
}

/* --- cross-validation and nulls -------------------------------------------------------------- */

enum { ROWS = 40, DIM = 90, DRAWS = 30 };

typedef struct {
    as_gate_score repeats[8], refit[DRAWS * 2], fixed[DRAWS * 2];
} results;

static void run_all(results *out, size_t n_threads, size_t n_draws)
{
    as_error err = {0};
    double x[ROWS * DIM], scores[2 * ROWS], c[2] = {1, 0.1};
    uint8_t y[ROWS], fold[ROWS];
    fill(x, y, ROWS, DIM, 13);
    as_rng rng = as_rng_at(13, "test/scores", 0);
    for (size_t i = 0; i < 2 * ROWS; i++) scores[i] = as_rng_uniform(&rng);
    as_pool *pool = as_pool_new(n_threads, &err);
    must(pool != NULL, &err);
    must(as_fold_stratified(fold, y, ROWS, 4, 2, 0, &err), &err);
    as_crossval *cv = as_crossval_new(x, ROWS, DIM, fold, 4, pool, &err);
    must(cv != NULL, &err);
    must(as_crossval_repeat(out->repeats, x, ROWS, DIM, y, 4, 0.1, AS_GATE_TERMS, 5, 8, pool, &err),
         &err);
    must(as_null_refit(out->refit, cv, y, c, 2, AS_SHUFFLE_IN_FOLDS, AS_GATE_TERMS, 6, n_draws,
                       pool, &err),
         &err);
    must(as_null_fixed(out->fixed, scores, 2, y, ROWS, AS_GATE_TERMS, 7, n_draws, pool, &err),
         &err);
    as_crossval_free(cv);
    as_pool_free(pool);
}

static void threads_same_bytes(void)
{
    static results one, other;
    size_t threads[] = {2, 7};
    run_all(&one, 1, DRAWS);
    for (size_t i = 0; i < 2; i++) {
        memset(&other, 0, sizeof other);
        run_all(&other, threads[i], DRAWS);
        CHECK(memcmp(&one, &other, sizeof one) == 0);
    }
    memset(&other, 0, sizeof other);
    run_all(&other, 2, 9); /* a short run is the beginning of a long one */
    CHECK(memcmp(one.refit, other.refit, 18 * sizeof *one.refit) == 0);
    CHECK(memcmp(one.fixed, other.fixed, 18 * sizeof *one.fixed) == 0);
    CHECK(memcmp(&one.refit[0], &one.refit[2], sizeof *one.refit) != 0);
}

/* Labels that are constant within each fold cannot be shuffled inside folds. */
static void null_keeps_folds(void)
{
    as_error err = {0};
    double x[ROWS * DIM], c = 1;
    uint8_t y[ROWS], fold[ROWS];
    as_gate_score in[6], all[6];
    fill(x, y, ROWS, DIM, 14);
    for (size_t i = 0; i < ROWS; i++) fold[i] = (uint8_t)(i % 4), y[i] = fold[i] < 2;
    as_crossval *cv = as_crossval_new(x, ROWS, DIM, fold, 4, NULL, &err);
    must(cv != NULL, &err);
    must(as_null_refit(in, cv, y, &c, 1, AS_SHUFFLE_IN_FOLDS, AS_GATE_TERMS, 1, 6, NULL, &err),
         &err);
    must(as_null_refit(all, cv, y, &c, 1, AS_SHUFFLE_ALL, AS_GATE_TERMS, 1, 6, NULL, &err), &err);
    for (int i = 1; i < 6; i++) CHECK(in[i].auc == in[0].auc && all[i].auc != all[0].auc);
    as_crossval_free(cv);
}

/* When every draw fails, the first one is named, whoever worked on it. */
static void null_names_first_failure(void)
{
    enum { MANY = 60 };
    as_error err = {0};
    double x[ROWS * DIM], c = 1;
    uint8_t y[ROWS], fold[ROWS];
    as_gate_score draws[MANY];
    fill(x, y, ROWS, DIM, 15);
    for (size_t i = 0; i < ROWS; i++) fold[i] = (uint8_t)(i % 4), y[i] = 0;
    as_pool *pool = as_pool_new(3, &err);
    must(pool != NULL, &err);
    as_crossval *cv = as_crossval_new(x, ROWS, DIM, fold, 4, pool, &err);
    must(cv != NULL, &err);
    for (int i = 0; i < 10; i++) {
        err = (as_error){0};
        CHECK(!as_null_refit(draws, cv, y, &c, 1, AS_SHUFFLE_ALL, AS_GATE_TERMS, 1, MANY, pool,
                             &err));
        CHECK_TEXT(err.where, "draw 0, C 1: fold 0");
        CHECK(err.class_ == AS_ENUMERIC);
    }
    as_crossval_free(cv);
    as_pool_free(pool);
}

/* One positive among n: the AUC is uniform on the n places it can take. */
static void null_fixed_is_uniform(void)
{
    enum { N = 5, MANY = 4000 };
    as_error err = {0};
    static as_gate_score draws[MANY];
    double p[N] = {0.1, 0.3, 0.5, 0.7, 0.9};
    uint8_t y[N] = {0, 1, 0, 0, 0};
    int seen[N] = {0};
    must(as_null_fixed(draws, p, 1, y, N, AS_GATE_TERMS, 1, MANY, NULL, &err), &err);
    for (int i = 0; i < MANY; i++) seen[(int)(draws[i].auc * 4 + 0.5)]++;
    for (int k = 0; k < N; k++) CHECK(abs(seen[k] - MANY / N) < 130); /* five standard deviations */
}

static void null_reading(void)
{
    as_gate_score d[6] = {{0.7, -0.2}, {0.5, -0.1}, {0.4, -0.3}, {0.8, 0}, {0.6, NAN}, {0.5, NAN}};
    as_null_passes passes = as_null_pass(d, 3, 2, (as_gate_bars){0.65, -0.15});
    CHECK(passes.n_draws == 3 && passes.n_auc == 2 && passes.n_asym == 2);
    CHECK(passes.n_both == 1 && passes.n_no_asym == 1);
    passes = as_null_pass(d, 3, 2, (as_gate_bars){-INFINITY, INFINITY});
    CHECK(passes.n_both == 3);
    as_gate_score best[3];
    as_null_best(best, d, 3, 2);
    CHECK(best[0].auc == 0.7 && best[0].asym == -0.2 && best[1].auc == 0.8);
    CHECK(best[1].asym == -0.3 && best[2].auc == 0.6 && isnan(best[2].asym));
    as_null_tail tail = as_null_compare((as_gate_score){0.7, -0.25}, best, 3);
    CHECK(tail.p_auc == 0.75 && tail.p_asym == 0.5);
    CHECK_NEAR(tail.auc_mean, 0.7, 1e-15);
    CHECK_NEAR(tail.auc_sd, 0.1, 1e-15);
    CHECK(isnan(as_null_compare((as_gate_score){NAN, NAN}, best, 3).p_auc));
}

static void crossval_edges(void)
{
    as_error err = {0};
    double x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, p[8], auc[2];
    uint8_t y[8] = {0, 0, 0, 1, 1, 1, 1, 1}, fold[8] = {0, 0, 0, 1, 1, 1, 1, 1};
    CHECK(!as_crossval_once(p, NULL, x, 8, 1, y, fold, 2, 1, NULL, &err));
    CHECK(err.class_ == AS_ENUMERIC);
    CHECK_TEXT(err.where, "fold 0");
    err = (as_error){0};
    must(as_crossval_fold_auc(auc, x, y, fold, 8, 2, &err), &err);
    CHECK(isnan(auc[0]) && isnan(auc[1]));
    x[5] = NAN;
    CHECK(!as_crossval_once(p, NULL, x, 8, 1, y, fold, 2, 1, NULL, &err));
    err = (as_error){0};
    fold[3] = 2;
    CHECK(!as_crossval_new(x, 8, 1, fold, 2, NULL, &err));
    CHECK_TEXT(err.what, "fold of row 3 (found 2, expected below 2)");
}

int main(void)
{
    as_stats_init();
    RUN(gate_grid);
    RUN(gate_brute_force);
    RUN(gate_edges);
    RUN(threads_same_bytes);
    RUN(null_keeps_folds);
    RUN(null_names_first_failure);
    RUN(null_fixed_is_uniform);
    RUN(null_reading);
    RUN(crossval_edges);
    return check_end();
}
