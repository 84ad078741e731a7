/* AUC, scaler, folds, logistic regression, out-of-fold predictions and principal components,
 * against tests/golden/stats_fit.json (other people's code), brute force, and their own invariants.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/rng.h"
#include "check.h"
#include "lab/stats/blas.h"
#include "lab/stats/crossval.h"
#include "lab/stats/fold.h"
#include "lab/stats/pca.h"

static json_t *golden;

/* What fails here is the test's own affair: say so and stop. */
static void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

static void *room(size_t n, size_t size)
{
    as_error err = {0};
    void *p = as_new(n, size, &err);
    must(p != NULL, &err);
    return p;
}

static const json_t *at(const json_t *v, const char *pointer)
{
    as_error err = {0};
    const json_t *found = as_json_at(v, pointer);
    if (!found) as_fail(&err, AS_EFORMAT, "fixture: %s is missing", pointer);
    must(found != NULL, &err);
    return found;
}

static double real(const json_t *v, const char *pointer)
{
    return json_number_value(at(v, pointer));
}

static size_t whole(const json_t *v, const char *pointer)
{
    return (size_t)json_integer_value(at(v, pointer));
}

/* The numbers of an array. free(). */
static double *numbers(const json_t *v, const char *pointer)
{
    const json_t *list = at(v, pointer);
    size_t n = json_array_size(list);
    double *x = room(n, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = json_number_value(json_array_get(list, i));
    return x;
}

static uint8_t *labels(const json_t *v, const char *pointer)
{
    const json_t *list = at(v, pointer);
    size_t n = json_array_size(list);
    uint8_t *y = room(n, 1);
    for (size_t i = 0; i < n; i++) y[i] = (uint8_t)json_integer_value(json_array_get(list, i));
    return y;
}

static void check_all_near(const double *a, const double *b, size_t n, double tol)
{
    for (size_t i = 0; i < n; i++) CHECK_NEAR(a[i], b[i], tol);
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

/* --- AUC ------------------------------------------------------------------------------------- */

static void auc_golden(void)
{
    as_error err = {0};
    const json_t *g = at(golden, "/auc");
    double *a = numbers(g, "/a"), *b = numbers(g, "/b");
    uint8_t *y = labels(g, "/y");
    size_t n = json_array_size(at(g, "/y"));
    as_auc auc;
    must(as_auc_of(&auc, a, y, n, &err), &err);
    CHECK_NEAR(auc.auc, real(g, "/auc_a"), 1e-15);
    CHECK(auc.ties > 0);
    as_delong one;
    must(as_delong_of(&one, a, y, n, 0.90, &err), &err);
    CHECK_NEAR(one.se, real(g, "/se_a"), 1e-13);
    CHECK_NEAR(one.low, real(g, "/low_a"), 1e-12);
    as_delong_pair two;
    must(as_delong_compare(&two, a, b, y, n, 0.95, &err), &err);
    CHECK_NEAR(two.auc_b, real(g, "/auc_b"), 1e-15);
    CHECK_NEAR(two.se, real(g, "/se_difference"), 1e-13);
    CHECK_NEAR(two.p, real(g, "/p"), 1e-12);
    must(as_delong_compare(&two, a, a, y, n, 0.95, &err), &err);
    CHECK(two.se == 0 && two.z == 0 && two.p == 1);

    as_roc_point *points = room(n + 1, sizeof *points);
    double *fpr = numbers(g, "/fpr"), *tpr = numbers(g, "/tpr"), *cut = numbers(g, "/cut");
    size_t n_points;
    must(as_roc_points(points, &n_points, a, y, n, &err), &err);
    CHECK(n_points == json_array_size(at(g, "/fpr")));
    for (size_t i = 0; i < n_points; i++) {
        CHECK_NEAR((double)points[i].fp / (double)auc.n_neg, fpr[i], 1e-15);
        CHECK_NEAR((double)points[i].tp / (double)auc.n_pos, tpr[i], 1e-15);
        CHECK(i == 0 ? isinf(points[i].threshold) : points[i].threshold == cut[i - 1]);
    }
    free(points), free(fpr), free(tpr), free(cut), free(a), free(b), free(y);
}

static void auc_brute_force(void)
{
    as_error err = {0};
    double s[37];
    uint8_t y[37];
    uint32_t rank2[37];
    for (uint64_t seed = 0; seed < 50; seed++) {
        as_rng rng = as_rng_at(seed, "test/auc", 0);
        uint64_t wins = 0, ties = 0;
        for (int i = 0; i < 37; i++) {
            s[i] = (double)as_rng_below(&rng, 9) - 4;
            y[i] = as_rng_below(&rng, 3) == 0;
            if (s[i] == 0 && as_rng_below(&rng, 2)) s[i] = -0.0; /* equals 0 */
        }
        y[0] = 0, y[1] = 1;
        for (int i = 0; i < 37; i++)
            for (int j = 0; j < 37; j++)
                if (y[i] && !y[j]) wins += s[i] > s[j], ties += s[i] == s[j];
        as_auc auc;
        must(as_auc_of(&auc, s, y, 37, &err), &err);
        CHECK(auc.wins == wins && auc.ties == ties);
        must(as_auc_ranks(rank2, s, 37, &err), &err);
        CHECK(as_auc_from_ranks(rank2, y, 37) == auc.auc);
    }
}

static void auc_edges(void)
{
    as_error err = {0};
    as_auc auc;
    double s[3] = {1, 2, NAN};
    uint8_t ones[3] = {1, 1, 1}, odd[3] = {0, 2, 1};
    must(as_auc_of(&auc, s, ones, 2, &err), &err);
    CHECK(isnan(auc.auc) && auc.n_pos == 2 && auc.n_neg == 0);
    must(as_auc_of(&auc, s, ones, 0, &err), &err);
    CHECK(isnan(auc.auc));
    CHECK(!as_auc_of(&auc, s, ones, 3, &err) && err.class_ == AS_ENUMERIC);
    err = (as_error){0};
    CHECK(!as_auc_of(&auc, s, odd, 2, &err) && err.class_ == AS_EFORMAT);
    err = (as_error){0};
    as_delong d;
    CHECK(!as_delong_of(&d, s, ones, 2, 1.0, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    uint8_t two[2] = {0, 1};
    must(as_delong_of(&d, s, two, 2, 0.95, &err), &err);
    CHECK(d.auc == 1 && isnan(d.se) && isnan(d.low));            /* one row a class */
    CHECK_NEAR(as_hanley_se(0.75, 3, 2), sqrt(2.0 / 35), 1e-15); /* by hand */
    CHECK_NEAR(as_hanley_null_se(51, 58), as_hanley_se(0.5, 51, 58), 1e-15);
    CHECK(isnan(as_hanley_se(1.1, 3, 3)) && isnan(as_hanley_null_se(0, 3)));
}

static void auc_published(void)
{
    as_error err = {0};
    as_auc_count c;
    must(as_auc_published(&c, 0.428571429, 9, 7, 11, &err), &err); /* 33 of 77 */
    CHECK(c.is_whole && !c.is_half && c.half_pairs == 66 && c.pairs == 77);
    must(as_auc_published(&c, 0.435064935, 9, 7, 11, &err), &err); /* 33.5 of 77 */
    CHECK(!c.is_whole && c.is_half && c.half_pairs == 67);
    must(as_auc_published(&c, 0.432, 9, 7, 11, &err), &err);
    CHECK(!c.is_whole && !c.is_half && fabs(c.gap) > 1e-4);
    CHECK_NEAR(c.chance, 78e-9, 1e-12);
    must(as_auc_published(&c, 0.43, 2, 70, 110, &err), &err);
    CHECK(c.is_whole && c.chance == 1);
    must(as_auc_published(&c, 1, 3, 7, 11, &err), &err);
    CHECK(c.is_whole && c.half_pairs == 154);
    CHECK(!as_auc_published(&c, 1.2, 3, 7, 11, &err) && err.class_ == AS_EUSAGE);
}

/* --- scaler and folds ------------------------------------------------------------------------ */

static void scaler_edges(void)
{
    as_error err = {0};
    as_scaler s;
    double x[8] = {0.1, 1, 0.1, 2, 0.1, 4, 7, 9};
    size_t rows[3] = {0, 1, 2};
    must(as_scaler_fit(&s, x, 4, 2, rows, 3, &err), &err);
    CHECK(s.mean[0] == 0.1 && s.scale[0] == 1); /* 0.1 + 0.1 + 0.1 over 3 is not 0.1 */
    CHECK_NEAR(s.scale[1], sqrt(14.0 / 9), 1e-15);
    as_scaler_clear(&s);
    x[3] = INFINITY;
    CHECK(!as_scaler_fit(&s, x, 4, 2, rows, 3, &err) && err.class_ == AS_ENUMERIC);
    CHECK_TEXT(err.what, "row 1, column 1 (found inf, expected a number)");
    err = (as_error){0};
    CHECK(!as_scaler_fit(&s, x, 0, 2, NULL, 0, &err) && err.class_ == AS_EUSAGE);
}

static void fold_texts(void)
{
    static const struct {
        const char *text, *what;
    } bad[] = {
        {"0120x2", "position 4 (found \"x\", expected a digit)"},
        {"01201", "folds (found 5 digits, expected 6)"},
        {"0120121", "folds (found 7 digits, expected 6)"},
        {"000000", "folds (found 1, expected 2 to 255)"},
        {"013013", "fold 2 of 4 holds no row"},
    };
    as_error err = {0};
    uint8_t fold[6];
    size_t k;
    must(as_fold_parse(fold, &k, "012012", 6, &err), &err);
    CHECK(k == 3 && fold[5] == 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (as_error){0};
        CHECK(!as_fold_parse(fold, &k, bad[i].text, 6, &err));
        CHECK_TEXT(err.what, bad[i].what);
    }
}

static void fold_stratified(void)
{
    as_error err = {0};
    uint8_t y[53], fold[53], again[53];
    for (int i = 0; i < 53; i++) y[i] = i % 3 == 0;
    for (uint64_t repeat = 0; repeat < 20; repeat++) {
        size_t size[5] = {0}, pos[5] = {0};
        must(as_fold_stratified(fold, y, 53, 5, 1, repeat, &err), &err);
        for (int i = 0; i < 53; i++) size[fold[i]]++, pos[fold[i]] += y[i];
        for (int f = 0; f < 5; f++) {
            CHECK(size[f] == 10 || size[f] == 11);
            CHECK(pos[f] == 3 || pos[f] == 4); /* 18 positives */
        }
        must(as_fold_stratified(again, y, 53, 5, 1, repeat, &err), &err);
        CHECK(memcmp(fold, again, 53) == 0);
        must(as_fold_stratified(again, y, 53, 5, 1, repeat + 1, &err), &err);
        CHECK(memcmp(fold, again, 53) != 0);
    }
    CHECK(!as_fold_stratified(fold, y, 9, 5, 1, 0, &err) && err.class_ == AS_EUSAGE);
}

static void fold_grouped(void)
{
    as_error err = {0};
    uint64_t group[60];
    uint8_t fold[60], again[60];
    as_rng rng = as_rng_at(3, "test/group", 0);
    for (int i = 0; i < 60; i++) group[i] = as_rng_below(&rng, 17) * 1000003;
    must(as_fold_grouped(fold, group, 60, 4, 9, 0, &err), &err);
    size_t size[4] = {0};
    for (int i = 0; i < 60; i++) {
        size[fold[i]]++;
        for (int j = 0; j < i; j++) CHECK(group[i] != group[j] || fold[i] == fold[j]);
    }
    for (int f = 0; f < 4; f++) CHECK(size[f] >= 13 && size[f] <= 17);
    must(as_fold_grouped(again, group, 60, 4, 9, 0, &err), &err);
    CHECK(memcmp(fold, again, 60) == 0);
    for (int i = 0; i < 60; i++) group[i] %= 2;
    CHECK(!as_fold_grouped(fold, group, 60, 4, 9, 0, &err) && err.class_ == AS_EUSAGE);
}

/* --- logistic regression --------------------------------------------------------------------- */

static void fit_golden(const json_t *g)
{
    as_error err = {0};
    size_t n = whole(g, "/n"), d = whole(g, "/d"), m = whole(g, "/m"), k;
    double *x = numbers(g, "/x"), *new = numbers(g, "/new"), *want_w = numbers(g, "/w");
    double *mean = numbers(g, "/mean"), *scale = numbers(g, "/scale"), *p = numbers(g, "/p");
    double *oof = numbers(g, "/oof"), *z = room(n * d, sizeof *z), *w = room(d, sizeof *w);
    double *got = room(n, sizeof *got), c = real(g, "/c");
    uint8_t *y = labels(g, "/y"), *fold = room(n, 1);
    as_scaler s;
    must(as_scaler_fit(&s, x, n, d, NULL, 0, &err), &err);
    check_all_near(s.mean, mean, d, 1e-14);
    check_all_near(s.scale, scale, d, 1e-14);
    as_scaler_apply(&s, z, x, n);
    as_logistic fit;
    must(as_logistic_fit(&fit, w, z, y, n, d, c, &err), &err);
    CHECK(fit.is_converged && fit.gradient < 1e-11 && fit.n_iter < 10); /* quadratic at the end */
    CHECK_NEAR(fit.b, real(g, "/b"), 1e-12);
    CHECK_NEAR(fit.w_norm, real(g, "/w_norm"), 1e-12);
    CHECK_NEAR(fit.objective, real(g, "/objective"), 1e-13);
    check_all_near(w, want_w, d, 1e-12);
    as_scaler_apply(&s, new, new, m);
    as_logistic_predict(got, new, m, d, w, fit.b);
    check_all_near(got, p, m, 1e-12);
    must(as_fold_parse(fold, &k, json_string_value(at(g, "/folds")), n, &err), &err);
    must(as_crossval_once(got, NULL, x, n, d, y, fold, k, c, NULL, &err), &err);
    check_all_near(got, oof, n, 1e-12);
    as_gate_score score;
    must(as_gate_score_of(&score, got, y, n, AS_GATE_TERMS, &err), &err);
    CHECK_NEAR(score.auc, real(g, "/oof_auc"), 1e-15);
    as_scaler_clear(&s);
    free(x), free(new), free(want_w), free(mean), free(scale), free(p), free(oof), free(z);
    free(w), free(got), free(y), free(fold);
}

static void logistic_golden(void)
{
    const json_t *fits = at(golden, "/fits");
    for (size_t i = 0; i < json_array_size(fits); i++) fit_golden(json_array_get(fits, i));
}

/* F by its definition, at u = (w, b). */
static double objective(const double *u, const double *x, const uint8_t *y, size_t n, size_t d,
                        double c)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += u[j] * u[j] / (2 * c);
    for (size_t i = 0; i < n; i++) {
        double t = u[d];
        for (size_t j = 0; j < d; j++) t += x[i * d + j] * u[j];
        sum += log(1 + exp(y[i] ? -t : t));
    }
    return sum;
}

/* The norm of the gradient by central differences. */
static double slopes(double *u, const double *x, const uint8_t *y, size_t n, size_t d, double c)
{
    double sum = 0, h = 1e-5;
    for (size_t j = 0; j <= d; j++) {
        double keep = u[j], up, down;
        u[j] = keep + h, up = objective(u, x, y, n, d, c);
        u[j] = keep - h, down = objective(u, x, y, n, d, c);
        u[j] = keep;
        sum += (up - down) / (2 * h) * (up - down) / (2 * h);
    }
    return sqrt(sum);
}

/* An early stop has a gradient worth measuring; the converged fit has none and lies below. */
static void logistic_gradient(void)
{
    enum { N = 30, D = 7 };
    as_error err = {0};
    double x[N * D], u[D + 1];
    uint8_t y[N];
    fill(x, y, N, D, 11);
    as_logistic early, fit;
    for (double tol = 10; tol > 1e-3; tol /= 4) {
        must(as_logistic_lbfgs(&early, u, x, y, N, D, 0.5, tol, 100, &err), &err);
        u[D] = early.b;
        /* objective near 20: rounding over 2h is near 1e-10, truncation near h^2 */
        CHECK_NEAR(early.gradient, slopes(u, x, y, N, D, 0.5), 1e-8);
        CHECK_NEAR(early.objective, objective(u, x, y, N, D, 0.5), 1e-14);
        CHECK(early.is_converged);
    }
    must(as_logistic_fit(&fit, u, x, y, N, D, 0.5, &err), &err);
    u[D] = fit.b;
    CHECK(slopes(u, x, y, N, D, 0.5) < 1e-8);
    CHECK(fit.objective < early.objective && early.objective < fit.objective + 1e-3);
    must(as_logistic_lbfgs(&early, u, x, y, N, D, 0.5, 1e-9, 1000, &err), &err);
    CHECK_NEAR(early.objective, fit.objective, 1e-14);
    CHECK_NEAR(early.w_norm, fit.w_norm, 1e-9);
    must(as_logistic_lbfgs(&early, u, x, y, N, D, 0.5, 1e-9, 2, &err), &err);
    CHECK(!early.is_converged && early.n_iter == 2);
}

static void logistic_gram(void)
{
    enum { N = 25, D = 60 };
    as_error err = {0};
    double x[N * D], k[N * N], a[N], w[D], w2[D], p[N], q[N];
    uint8_t y[N];
    fill(x, y, N, D, 12);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            k[i * N + j] = 0;
            for (size_t l = 0; l < D; l++) k[i * N + j] += x[i * D + l] * x[j * D + l];
        }
    double *work = room(as_logistic_work(N), sizeof *work);
    for (double c = 1e-4; c < 1e7; c *= 10) {
        as_logistic rows, columns;
        must(as_logistic_fit_gram(&rows, a, k, y, N, c, work, &err), &err);
        must(as_logistic_fit(&columns, w, x, y, N, D, c, &err), &err);
        CHECK(rows.is_converged && columns.is_converged);
        for (size_t j = 0; j < D; j++) {
            w2[j] = 0;
            for (size_t i = 0; i < N; i++) w2[j] += a[i] * x[i * D + j];
        }
        check_all_near(w2, w, D, 1e-10);
        CHECK_NEAR(rows.b, columns.b, 1e-10);
        CHECK_NEAR(rows.objective, columns.objective, 1e-12);
        CHECK_NEAR(rows.w_norm, columns.w_norm, 1e-10);
        as_logistic_predict_gram(p, k, N, N, a, rows.b);
        as_logistic_predict(q, x, N, D, w, columns.b);
        check_all_near(p, q, N, 1e-11);
    }
    free(work);
}

/* Steep and badly scaled: with the curvature scale of the last pair it takes some 70 iterations,
 * without it, or with another, some 250. */
static void lbfgs_scale(void)
{
    enum { N = 25, D = 60 };
    as_error err = {0};
    double x[N * D], w[D];
    uint8_t y[N];
    as_logistic fit, early;
    fill(x, y, N, D, 12);
    for (size_t i = 0; i < N * D; i++) x[i] *= 20;
    must(as_logistic_lbfgs(&early, w, x, y, N, D, 100, 1e-6, 1000, &err), &err);
    must(as_logistic_fit(&fit, w, x, y, N, D, 100, &err), &err);
    CHECK(early.is_converged && early.n_iter < 120);
    CHECK_NEAR(early.objective / fit.objective, 1, 1e-5);
}

/* A few values far out: undamped Newton steps overshoot and never come back. */
static void logistic_damping(void)
{
    enum { N = 10, MANY = 30 };
    static const struct {
        size_t d;
        double c;
    } cases[] = {{4, 1e2}, {11, 1e2}, {11, 1e4}};
    as_error err = {0};
    double x[MANY * 11], w[11];
    uint8_t y[MANY];
    for (uint64_t seed = 0; seed < 60; seed++) {
        as_logistic fit;
        size_t d = cases[seed % 3].d, n = d < N ? MANY : N; /* by columns, by rows */
        fill(x, y, n, d, 100 + seed);
        for (size_t i = 0; i < n * d; i++) x[i] *= x[i] * x[i] * x[i] * x[i];
        y[0] = 0, y[1] = 1;
        must(as_logistic_fit(&fit, w, x, y, n, d, cases[seed % 3].c, &err), &err);
        CHECK(fit.is_converged && fit.n_iter < 60);
    }
}

static void logistic_edges(void)
{
    as_error err = {0};
    as_logistic fit;
    double x[6] = {-3, -2, -1, 1, 2, 3}, w[1];
    uint8_t y[6] = {0, 0, 0, 1, 1, 1}, same[6] = {1, 1, 1, 1, 1, 1}, odd[6] = {0, 1, 3};
    must(as_logistic_fit(&fit, w, x, y, 6, 1, 1e8, &err), &err); /* separable, hardly penalised */
    CHECK(fit.is_converged && w[0] > 5 && fabs(fit.b) < 1e-9 && fit.objective < 1e-5);
    must(as_logistic_fit(&fit, NULL, x, y, 6, 1, 1, &err), &err);
    CHECK(!as_logistic_fit(&fit, w, x, same, 6, 1, 1, &err) && err.class_ == AS_ENUMERIC);
    CHECK_TEXT(err.what, "labels are all the same (6 rows, 6 positive)");
    err = (as_error){0};
    CHECK(!as_logistic_fit(&fit, w, x, odd, 6, 1, 1, &err) && err.class_ == AS_EFORMAT);
    err = (as_error){0};
    CHECK(!as_logistic_fit(&fit, w, x, y, 6, 1, 0, &err) && err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_logistic_lbfgs(&fit, w, x, same, 6, 1, 1, 1e-4, 9, &err));
    err = (as_error){0};
    x[4] = NAN;
    CHECK(!as_logistic_fit(&fit, w, x, y, 6, 1, 1, &err) && err.class_ == AS_ENUMERIC);
    CHECK(as_sigmoid(-800) == 0 && as_sigmoid(800) == 1 && as_sigmoid(0) == 0.5);
}

/* --- principal components -------------------------------------------------------------------- */

static void pca_one(const json_t *g, const char *name, bool standardise)
{
    static const double levels[] = {0.5, 0.8, 0.9, 0.95};
    as_error err = {0};
    as_pca p;
    size_t n = whole(g, "/n"), d = whole(g, "/d"), m = whole(g, "/m");
    const json_t *want = at(g, name);
    double *x = numbers(g, "/x"), *new = numbers(g, "/new"), *share = numbers(want, "/share");
    double *singular = numbers(want, "/singular"), *loading = numbers(want, "/loading0");
    double *scores = numbers(want, "/scores"), *projected = numbers(want, "/projected");
    double *got = room(2 * (n + m), sizeof *got), *ranks = numbers(want, "/ranks");
    must(as_pca_fit(&p, x, n, d, standardise, &err), &err);
    CHECK(p.r == (n < d ? n : d));
    check_all_near(p.share, share, p.r, 1e-13);
    check_all_near(p.singular, singular, p.r, 1e-12);
    check_all_near(p.loading, loading, d, 1e-12);
    must(as_pca_project(got, &p, x, n, 2, &err), &err);
    check_all_near(got, scores, 2 * n, 1e-12);
    must(as_pca_project(got, &p, new, m, 2, &err), &err);
    check_all_near(got, projected, 2 * m, 1e-12);
    for (size_t i = 0; i < 4; i++) CHECK((double)as_pca_rank(&p, levels[i]) == ranks[i]);
    CHECK(as_pca_rank(&p, 2) == p.r);
    CHECK(!as_pca_project(got, &p, new, m, p.r + 1, &err) && err.class_ == AS_EUSAGE);
    as_pca_clear(&p);
    free(x), free(new), free(share), free(singular), free(loading), free(scores), free(projected);
    free(got), free(ranks);
}

static void pca_golden(void)
{
    const json_t *cases = at(golden, "/pca");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        pca_one(json_array_get(cases, i), "/centred", false);
        pca_one(json_array_get(cases, i), "/standard", true);
    }
}

static void pca_constant(void)
{
    as_error err = {0};
    as_pca p;
    double x[6] = {1, 2, 1, 2, 1, 2};
    must(as_pca_fit(&p, x, 3, 2, true, &err), &err);
    CHECK(isnan(p.share[0]) && as_pca_rank(&p, 0.5) == 0);
    as_pca_clear(&p);
    CHECK(!as_pca_fit(&p, x, 1, 2, true, &err) && err.class_ == AS_EUSAGE);
}

int main(void)
{
    as_error err = {0};
    as_stats_init();
    check_name = "main";
    golden = as_json_read("tests/golden/stats_fit.json", &err);
    must(golden != NULL, &err);
    RUN(auc_golden);
    RUN(auc_brute_force);
    RUN(auc_edges);
    RUN(auc_published);
    RUN(scaler_edges);
    RUN(fold_texts);
    RUN(fold_stratified);
    RUN(fold_grouped);
    RUN(logistic_golden);
    RUN(logistic_gradient);
    RUN(logistic_gram);
    RUN(lbfgs_scale);
    RUN(logistic_damping);
    RUN(logistic_edges);
    RUN(pca_golden);
    RUN(pca_constant);
    json_decref(golden);
    return check_end();
}
