/* nuisance: does a probe say more than the length of the answer? The probe of all features against
 * the best of the plain numbers, each a probe of its own, on the same folds and the same rows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/rows_internal.h"
#include "lab/stats/grouped.h"
#include "lab/stats/multiple.h"

static const as_param params[] = {
    {"features", AS_PARAM_COLUMN, NULL, "rows of features", NULL},
    {"label", AS_PARAM_COLUMN, NULL, "0 or 1 for each row", NULL},
    {"nuisances", AS_PARAM_COLUMNS, NULL, "plain numbers: length, tokens, mean log-probability",
     NULL},
    {"group", AS_PARAM_COLUMN, "", "topic of each row, which no fold tears apart", NULL},
    {"c", AS_PARAM_NUMBER, "0.1", "inverse strength of the L2 penalty", "1e-9 to 1e9"},
    {"n_folds", AS_PARAM_SIZE, "5", "folds, 2 to 10", "2 to 10"},
    AS_PROBE_PARAMS_END,
};

/* Score 0 is the probe, score 1 + j nuisance j. */
typedef struct {
    as_probe_rows rows;
    const uint64_t *group;
    size_t n_groups, k, m; /* m nuisances */
    double c;
    uint64_t null_seed;
    uint8_t *fold;
    double *p;        /* (1 + m, n) out-of-fold margins */
    double *probe;    /* (permutations) */
    double *one;      /* (permutations) */
    double *null;     /* (permutations, m) */
    double *observed; /* (m) */
    double *adjusted; /* (m) */
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->rows);
    free(w->fold);
    free(w->p);
    free(w->probe);
    free(w->one);
    free(w->null);
    free(w->observed);
    free(w->adjusted);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    size_t n_p, n_null;
    if (!as_size_mul(w->rows.n, 1 + w->m, &n_p, err) ||
        !as_size_mul(a->permutations, w->m, &n_null, err))
        return false;
    w->fold = as_new(w->rows.n, 1, err);
    w->p = as_new(n_p, sizeof *w->p, err);
    w->probe = as_new(a->permutations, sizeof *w->probe, err);
    w->one = as_new(a->permutations, sizeof *w->one, err);
    w->null = as_new(n_null, sizeof *w->null, err);
    w->observed = as_new(w->m, sizeof *w->observed, err);
    w->adjusted = as_new(w->m, sizeof *w->adjusted, err);
    return w->fold && w->p && w->probe && w->one && w->null && w->observed && w->adjusted;
}

/* x (n, d) with everything else alike. The same shuffles for every score. */
static bool hold_out(work *w, const as_audit *a, const double *x, size_t d, size_t at, double *null,
                     double *auc, as_error *err)
{
    as_auc u;
    as_rows_cv q = {x, w->rows.n, d, w->rows.y, w->fold, w->group, w->k, &w->c, 1};
    double *p = w->p + at * w->rows.n;
    if (!as_rows_hold_out(&q, a, p, null, w->null_seed, err) ||
        !as_auc_of(&u, p, w->rows.y, w->rows.n, err))
        return false;
    *auc = u.auc;
    return true;
}

static bool emit_score(work *w, as_audit *a, size_t at, const char *of, const double *null,
                       size_t width, size_t j, double p, as_error *err)
{
    as_statistic *s;
    as_probe_scores one = {.of = of,
                           .c = w->c,
                           .p = w->p + at * w->rows.n,
                           .y = w->rows.y,
                           .n = w->rows.n,
                           .missing = w->rows.n_missing};
    return as_rows_emit_auc(a, at ? "auc_nuisance" : "auc_probe",
                            at ? "out of fold, a probe of this number alone; p one-sided, labels "
                                 "shuffled, best over nuisances [Nuisance]"
                               : "out of fold; p one-sided, labels shuffled [Nuisance]",
                            &one, w->group, &s, err) &&
           as_rows_set_null(s, a, null, width, j, p, err);
}

/* The probe's AUC less that of the best nuisance, on the same rows of every draw. */
static bool emit_difference(work *w, as_audit *a, size_t best, const char *of, as_error *err)
{
    as_bootstrap b;
    as_resample how = {a->bootstrap, 0, "nuisance/difference", a->pool};
    if (!as_probe_seed(a, "difference", &how.seed, err) ||
        !as_bootstrap_auc(&how, w->group, w->p, w->p + (1 + best) * w->rows.n, w->rows.y, w->rows.n,
                          AS_LEVEL, &b, err))
        return false;
    as_statistic *s = as_emit(a, "difference", of,
                              "AUC of the probe less that of the best nuisance [Nuisance]", err);
    if (!s) return false;
    s->estimate = b.estimate;
    s->n = w->rows.n;
    s->missing = w->rows.n_missing;
    as_stat_interval(s, b.percentile, AS_LEVEL,
                     w->group ? "paired bootstrap of groups, percentile"
                              : "paired bootstrap, percentile");
    json_t *o = json_object();
    as_json_put_size(&o, "n_undefined", b.n_undefined);
    as_json_put_size(&o, "nuisances", w->m);
    return as_emit_detail(a, s, o, err);
}

static bool compare(work *w, as_audit *a, as_error *err)
{
    const as_arg *g = as_arg_of(a, "nuisances");
    double auc;
    size_t best = 0;
    if (!hold_out(w, a, w->rows.x, w->rows.d, 0, w->probe, &auc, err) ||
        !emit_score(w, a, 0, "", w->probe, 1, 0,
                    as_null_p(w->probe, a->permutations, auc, AS_TAIL_UPPER), err))
        return false;
    for (size_t j = 0; j < w->m; j++) {
        const double *x = as_rows_numbers(&w->rows, a, g->column[j], err);
        if (!x || !hold_out(w, a, x, 1, 1 + j, w->one, &w->observed[j], err)) return false;
        for (size_t i = 0; i < a->permutations; i++) w->null[i * w->m + j] = w->one[i];
        if (w->observed[j] > w->observed[best]) best = j;
    }
    as_max_t(w->adjusted, w->observed, w->null, a->permutations, w->m, AS_TAIL_UPPER);
    const char *best_name = NULL;
    for (size_t j = 0; j < w->m; j++) {
        const char *of =
            as_arena_printf(a->arena, err, "%s.%s", g->column[j]->table->name, g->column[j]->name);
        if (!of || !emit_score(w, a, 1 + j, of, w->null, w->m, j, w->adjusted[j], err))
            return false;
        if (j == best) best_name = of;
    }
    return emit_difference(w, a, best, best_name, err);
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false, found;
    uint64_t seed;
    work w = {.m = as_arg_of(a, "nuisances")->n,
              .k = as_arg_size(a, "n_folds"),
              .c = as_arg_number(a, "c")};
    if (!as_probe_rows_load(&w.rows, a, "features", "label", err) ||
        !as_need_kind(a, "nuisances", AS_COLUMN_NUMBER, err) ||
        !as_rows_complete(&w.rows, a, "nuisances", err) ||
        !as_rows_complete(&w.rows, a, "group", err) ||
        !as_rows_groups(&w.rows, a, "group", &w.group, &w.n_groups, err) ||
        !as_probe_seed(a, "folds", &seed, err) ||
        !as_probe_seed(a, "shuffled labels", &w.null_seed, err) || !work_room(&w, a, err) ||
        !as_rows_fold(w.fold, &found, &w.rows, w.group, w.k, seed, 0, err))
        goto out;
    ok =
        as_probe_emit_rate(a, "positive_rate", "", w.rows.n_pos, w.rows.n, w.rows.n_missing, err) &&
        (!found || compare(&w, a, err));
out:
    work_clear(&w);
    return ok;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *probe = as_stat_find(a, "auc_probe", ""),
                       *gain = as_stat_find(a, "difference", NULL),
                       *rate = as_stat_find(a, "positive_rate", "");
    const as_statistic *best = gain ? as_stat_find(a, "auc_nuisance", gain->of) : NULL;
    if (!probe || !best)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "%.0f of %" PRIu64 " rows are positive: too few of a class, or too few "
                           "groups, to be folded.",
                           rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0);
    bool signal = probe->p <= a->alpha;
    bool holds = signal && gain->lo > 0;
    bool fails = signal && gain->lo <= 0 && best->p <= a->alpha;
    char p[AS_P_TEXT_SIZE], q[AS_P_TEXT_SIZE];
    return as_leaf_set(a, leaf,
                       holds   ? AS_HOLDS
                       : fails ? AS_FAILS
                               : AS_UNKNOWN,
                       holds   ? ""
                       : fails ? "nuisance"
                               : "under-powered",
                       err,
                       "The probe has AUC %.3f out of fold (%s), %s alone %.3f (%s), the best of "
                       "%.0f plain numbers; difference %.3f (95 %% interval %.3f to %.3f), "
                       "n = %" PRIu64 " with %.0f positive.",
                       probe->estimate, as_p_text(probe->p, p), best->of, best->estimate,
                       as_p_text(best->p, q), as_stat_detail(gain, "/nuisances"), gain->estimate,
                       gain->lo, gain->hi, probe->n, as_stat_detail(probe, "/n_pos"));
}

const as_check as_check_nuisance = {
    .name = "nuisance",
    .summary = "a probe against the length of the answer and other plain numbers",
    .catches = "a probe that reads how long the answer is",
    .params = params,
    .measure = measure,
    .decide = decide,
};
