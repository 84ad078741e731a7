/* convergence: is a published probe AUC the minimum of its loss, or the place where the optimiser
 * happened to stop? The fit is solved to the bottom and once more by L-BFGS stopped at a tolerance
 * on the sum loss; AUCs are compared as pair counts. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/scaler.h"

#define MAX_ITERATIONS 2000

static const as_param params[] = {
    {"train_features", AS_PARAM_COLUMN, NULL, "rows of features to fit on", NULL},
    {"train_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    {"test_features", AS_PARAM_COLUMN, NULL, "rows of features to score", NULL},
    {"test_label", AS_PARAM_COLUMN, NULL, "0 or 1 for each of them", NULL},
    AS_PROBE_C_PARAM,
    {"published_auc", AS_PARAM_NUMBER, "", "the figure to be explained", NULL},
    {"published_C", AS_PARAM_NUMBER, "", "the penalty it belongs to", NULL},
    {"tolerance", AS_PARAM_NUMBER, "0.01", "largest gradient component that stops the optimiser",
     NULL},
    AS_PROBE_PARAMS_END,
};

/* Fit rows and test rows, standardised alike. */
typedef struct {
    as_probe_rows train, test;
    double *z, *z_test;
    double *weight, *score; /* (d), (test.n) */
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->train);
    as_probe_rows_clear(&w->test);
    free(w->z);
    free(w->z_test);
    free(w->weight);
    free(w->score);
}

static bool standardise(work *w, as_error *err)
{
    as_scaler scaler = {0};
    size_t d = w->train.d;
    w->z = as_new(w->train.n * d, sizeof *w->z, err);
    w->z_test = as_new(w->test.n * d, sizeof *w->z_test, err);
    w->weight = as_new(d, sizeof *w->weight, err);
    w->score = as_new(w->test.n, sizeof *w->score, err);
    if (!w->z || !w->z_test || !w->weight || !w->score ||
        !as_scaler_fit(&scaler, w->train.x, w->train.n, d, NULL, w->train.n, err))
        return false;
    as_scaler_apply(&scaler, w->z, w->train.x, w->train.n);
    as_scaler_apply(&scaler, w->z_test, w->test.x, w->test.n);
    as_scaler_clear(&scaler);
    return true;
}

/* Scores the test rows by one fit and emits its AUC; *half_pairs = 2 wins + ties. */
static bool emit_fit(work *w, as_audit *a, const char *name, const char *method, const char *of,
                     const as_logistic *fit, double *half_pairs, as_error *err)
{
    as_statistic *out;
    json_t *o;
    as_probe_scores s = {
        .of = of, .p = w->score, .y = w->test.y, .n = w->test.n, .missing = w->test.n_missing};
    as_logistic_predict(w->score, w->z_test, w->test.n, w->test.d, w->weight, fit->b);
    if (!as_probe_emit_auc(a, name, method, &s, &out, &o, err)) return false;
    as_auc u;
    bool ok = as_auc_of(&u, s.p, s.y, s.n, err);
    if (ok) *half_pairs = 2 * (double)u.wins + (double)u.ties;
    as_json_put_real(&o, "objective", fit->objective);
    as_json_put_real(&o, "gradient_norm", fit->gradient);
    as_json_put_size(&o, "iterations", fit->n_iter);
    return as_emit_detail(a, out, o, err) && ok;
}

/* How far a figure printed with that many decimals may lie from its pair count. At least three
 * places are assumed, so that 0.5 is not read as "somewhere between .45 and .55". */
static double rounding_pairs(double published, double pairs)
{
    char text[32];
    const char *dot = strchr(as_double_text(published, text), '.');
    double decimals = fmax(3, dot ? (double)strlen(dot + 1) : 0);
    return 0.5 * pow(10, -decimals) * pairs + 1e-6;
}

static bool emit_difference(work *w, as_audit *a, const char *of, bool is_published,
                            double converged, double stopped, as_error *err)
{
    double pairs = (double)w->test.n_pos * (double)(w->test.n - w->test.n_pos);
    double published = as_arg_number(a, "published_auc");
    as_statistic *s =
        as_emit(a, "pair_difference", of,
                is_published ? "pairs won, published less converged [Convergence]"
                             : "pairs won, stopped early less converged [Convergence]",
                err);
    if (!s) return false;
    s->estimate = (is_published ? published * pairs : stopped / 2) - converged / 2;
    s->n = w->test.n;
    s->missing = w->test.n_missing;
    json_t *o = json_object();
    as_json_put_size(&o, "is_published", is_published);
    as_json_put_real(&o, "pairs", pairs);
    as_json_put_real(&o, "pairs_converged", converged / 2);
    as_json_put_real(&o, "pairs_stopped", stopped / 2);
    as_json_put_real(&o, "pairs_published", is_published ? published * pairs : NAN);
    as_json_put_real(&o, "rounding", is_published ? rounding_pairs(published, pairs) : NAN);
    return as_emit_detail(a, s, o, err);
}

static bool emit_penalty(work *w, as_audit *a, double c, as_error *err)
{
    as_logistic fit;
    double converged = NAN, stopped = NAN, tolerance = as_arg_number(a, "tolerance");
    const char *of = as_of_number(a, "C", c, err);
    if (!of || !as_probe_fit(&fit, w->weight, NULL, w->z, &w->train, c, err) ||
        !emit_fit(w, a, "auc_converged", "pair counts of the minimum of the loss [Convergence]", of,
                  &fit, &converged, err))
        return false;
    if (!as_logistic_lbfgs(&fit, w->weight, w->z, w->train.y, w->train.n, w->train.d, c, tolerance,
                           MAX_ITERATIONS, err) ||
        !emit_fit(w, a, "auc_early_stopped",
                  "pair counts of L-BFGS stopped at a tolerance on the sum loss [Convergence]", of,
                  &fit, &stopped, err))
        return false;
    bool is_published =
        as_arg_of(a, "published_auc")->given && as_arg_number(a, "published_C") == c;
    return emit_difference(w, a, of, is_published, converged, stopped, err);
}

static bool check_params(const as_audit *a, as_error *err)
{
    const as_arg *c = as_arg_of(a, "C");
    bool found = false;
    double published = as_arg_number(a, "published_auc"), at = as_arg_number(a, "published_C");
    if (!as_probe_c_check(a, err)) return false;
    if (!(as_arg_number(a, "tolerance") > 0))
        return as_audit_fail(a, "tolerance", err, "number (found %g, expected above 0)",
                             as_arg_number(a, "tolerance"));
    if (!as_arg_of(a, "published_auc")->given) return true;
    if (!(published >= 0 && published <= 1))
        return as_audit_fail(a, "published_auc", err, "AUC (found %g, expected 0 to 1)", published);
    for (size_t i = 0; i < c->n; i++) found = found || c->number[i] == at;
    if (found) return true;
    return as_audit_fail(a, "published_C", err, "penalty (found %g, expected one of C)", at);
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false;
    work w = {0};
    const as_arg *c = as_arg_of(a, "C");
    if (!check_params(a, err) || !as_probe_pair_load(&w.train, &w.test, a, err)) goto out;
    ok = as_probe_smaller_class(&w.train) == 0 || as_probe_smaller_class(&w.test) == 0;
    if (ok || !standardise(&w, err)) goto out;
    for (size_t i = 0; i < c->n; i++)
        if (!emit_penalty(&w, a, c->number[i], err)) goto out;
    ok = true;
out:
    work_clear(&w);
    return ok;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *d = NULL;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "pair_difference") != 0) continue;
        bool is_published = as_stat_detail(s, "/is_published") == 1;
        if (!d || is_published) d = s;
        if (is_published) break;
    }
    const as_statistic *rate = as_stat_find(a, "positive_rate", "test");
    if (!d)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "One class is empty in the training or the test rows (test: %.0f "
                           "positive of n = %" PRIu64 "): nothing to fit or to compare.",
                           rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0);
    double pairs = as_stat_detail(d, "/pairs"), bottom = as_stat_detail(d, "/pairs_converged"),
           stopped = as_stat_detail(d, "/pairs_stopped"), tol = as_arg_number(a, "tolerance");
    if (as_stat_detail(d, "/is_published") != 1)
        return as_leaf_set(a, leaf, AS_SHOWN, "", err,
                           "At %s the converged fit wins %.1f of %.0f pairs and L-BFGS stopped at "
                           "%g wins %.1f, n = %" PRIu64 "; nothing was published to compare with.",
                           d->of, bottom, pairs, tol, stopped, d->n);
    double published = as_stat_detail(d, "/pairs_published");
    bool same = fabs(d->estimate) <= as_stat_detail(d, "/rounding");
    bool explains = fabs(published - stopped) < fabs(published - bottom);
    return as_leaf_set(
        a, leaf, same ? AS_HOLDS : AS_FAILS,
        same       ? ""
        : explains ? "optimiser not converged"
                   : "not the figure of these files",
        err,
        "At %s the published AUC is %.1f of %.0f pairs, the converged fit wins %.1f (AUC %.3f), a "
        "difference of %+.1f pairs; L-BFGS stopped at %g on the sum loss wins %.1f, n = %" PRIu64
        ".",
        d->of, published, pairs, bottom, bottom / pairs, d->estimate, tol, stopped, d->n);
}

const as_check as_check_convergence = {
    .name = "convergence",
    .summary = "a probe's AUC at the minimum of its loss and where an optimiser stops early",
    .catches = "a figure that belongs to the optimiser and not to the data",
    .params = params,
    .measure = measure,
    .decide = decide,
};
