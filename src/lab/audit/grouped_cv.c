/* grouped-cv: does a probe know the answer, or the topic? Folds that put answers to one topic on
 * both sides let a probe recognise the topic and repeat its label. Grouped folds do not. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/rows_internal.h"
#include "lab/stats/grouped.h"
#include "lab/stats/multiple.h"

#define NO_EVIDENCE 0.2 /* a p above it is what noise gives */

static const as_param params[] = {
    {"features", AS_PARAM_COLUMN, NULL, "rows of features", NULL},
    {"label", AS_PARAM_COLUMN, NULL, "0 or 1 for each row", NULL},
    {"group", AS_PARAM_COLUMN, NULL, "topic or entry of each row, which no fold tears apart", NULL},
    {"c", AS_PARAM_NUMBERS, "0.1", "inverse strengths of the L2 penalty", "1e-9 to 1e9"},
    {"gate", AS_PARAM_NUMBER, "0.65", "lowest AUC that passes", "0 to 1"},
    {"n_folds", AS_PARAM_SIZE, "5", "folds, 2 to 10", "2 to 10"},
    AS_PROBE_PARAMS_END,
};

typedef struct {
    as_probe_rows rows;
    const uint64_t *group;
    size_t n_groups, k, n_c;
    const double *c; /* (n_c) */
    uint64_t fold_seed, null_seed;
    uint8_t *fold;
    double *p;        /* (n_c, n) out-of-fold margins */
    double *torn;     /* (n_c, n) those of the stratified folds */
    double *null;     /* (permutations, n_c) */
    double *observed; /* (n_c) AUCs of the grouped folds */
    double *adjusted; /* (n_c) */
    double *repeat;   /* (cv_repeats) */
    bool has_torn;
} work;

static void work_clear(work *w)
{
    as_probe_rows_clear(&w->rows);
    free(w->fold);
    free(w->p);
    free(w->torn);
    free(w->null);
    free(w->observed);
    free(w->adjusted);
    free(w->repeat);
}

static bool work_room(work *w, const as_audit *a, as_error *err)
{
    size_t n_p, n_null;
    if (!as_size_mul(w->rows.n, w->n_c, &n_p, err) ||
        !as_size_mul(a->permutations, w->n_c, &n_null, err))
        return false;
    w->fold = as_new(w->rows.n, 1, err);
    w->p = as_new(n_p, sizeof *w->p, err);
    w->torn = as_new(n_p, sizeof *w->torn, err);
    w->null = as_new(n_null, sizeof *w->null, err);
    w->observed = as_new(w->n_c, sizeof *w->observed, err);
    w->adjusted = as_new(w->n_c, sizeof *w->adjusted, err);
    w->repeat = as_new(a->cv_repeats, sizeof *w->repeat, err);
    return w->fold && w->p && w->torn && w->null && w->observed && w->adjusted && w->repeat;
}

/* The AUC of one folding, NaN when there is no such folding. */
static bool one_repeat(work *w, const as_audit *a, const uint64_t *group, double c, size_t repeat,
                       double *auc, as_error *err)
{
    bool found;
    as_auc u;
    *auc = NAN;
    if (!as_rows_fold(w->fold, &found, &w->rows, group, w->k, w->fold_seed, repeat, err))
        return false;
    if (!found) return true;
    as_rows_cv q = {w->rows.x, w->rows.n, w->rows.d, w->rows.y, w->fold, NULL, w->k, &c, 1};
    if (!as_rows_hold_out(&q, a, w->p, NULL, 0, err) ||
        !as_auc_of(&u, w->p, w->rows.y, w->rows.n, err))
        return false;
    *auc = u.auc;
    return true;
}

/* The lottery of one folding: the same under other fold seeds. Overwrites fold and p. */
static bool emit_repeated(work *w, as_audit *a, const char *name, const char *of,
                          const uint64_t *group, double c, as_error *err)
{
    size_t n = a->cv_repeats, m = 0;
    double sum = 0, lo = INFINITY, hi = -INFINITY;
    as_statistic *s =
        as_emit(a, name, of, "mean over seeded foldings [Repeated cross-validation]", err);
    if (!s) return false;
    for (size_t i = 0; i < n; i++) {
        if (!one_repeat(w, a, group, c, i, &w->repeat[i], err)) return false;
        if (isnan(w->repeat[i])) continue;
        sum += w->repeat[i];
        lo = fmin(lo, w->repeat[i]);
        hi = fmax(hi, w->repeat[i]);
        m++;
    }
    s->n = w->rows.n;
    s->missing = w->rows.n_missing;
    if (m) {
        s->estimate = sum / (double)m;
        as_stat_interval(s, (as_interval){lo, hi}, AS_LEVEL, "range over fold seeds");
        s->level = NAN;
    }
    json_t *o = json_object();
    as_json_put(&o, "values", as_probe_reals(w->repeat, n));
    return as_emit_detail(a, s, o, err);
}

static bool emit_groups(work *w, as_audit *a, as_error *err)
{
    as_statistic *s = as_emit(a, "groups", "", "distinct groups of the rows [Grouped folds]", err);
    size_t *size = as_new(w->n_groups, sizeof *size, err);
    size_t *n_pos = as_new(w->n_groups, sizeof *n_pos, err);
    bool ok = s && size && n_pos;
    if (ok) {
        size_t largest = 0, constant = 0;
        for (size_t i = 0; i < w->rows.n; i++) {
            size[w->group[i]]++;
            n_pos[w->group[i]] += w->rows.y[i];
        }
        for (size_t g = 0; g < w->n_groups; g++) {
            constant += n_pos[g] == 0 || n_pos[g] == size[g];
            if (size[g] > largest) largest = size[g];
        }
        s->estimate = (double)w->n_groups;
        s->n = w->rows.n;
        s->missing = w->rows.n_missing;
        json_t *o = json_object();
        as_json_put_size(&o, "with_one_label", constant);
        as_json_put_size(&o, "largest", largest);
        ok = as_emit_detail(a, s, o, err);
    }
    free(size);
    free(n_pos);
    return ok;
}

/* What tearing groups apart gains, on the same groups of every draw. */
static bool emit_leak(work *w, as_audit *a, size_t j, const char *of, as_error *err)
{
    as_bootstrap b;
    size_t at = j * w->rows.n;
    as_resample how = {a->bootstrap, 0, "grouped/leak", a->pool};
    if (!as_probe_seed(a, "leak", &how.seed, err) ||
        !as_bootstrap_auc(&how, w->group, w->torn + at, w->p + at, w->rows.y, w->rows.n, AS_LEVEL,
                          &b, err))
        return false;
    as_statistic *s = as_emit(a, "leak", of,
                              "AUC with groups torn apart less that of grouped folds [Grouped "
                              "folds]",
                              err);
    if (!s) return false;
    s->estimate = b.estimate;
    s->n = w->rows.n;
    s->missing = w->rows.n_missing;
    as_stat_interval(s, b.percentile, AS_LEVEL, "paired bootstrap of groups, percentile");
    return true;
}

/* One kind of folding at every penalty. by_group: grouped folds, and the null. */
static bool measure_kind(work *w, as_audit *a, bool by_group, as_error *err)
{
    bool found;
    const uint64_t *group = by_group ? w->group : NULL;
    as_rows_cv q = {w->rows.x, w->rows.n, w->rows.d, w->rows.y, w->fold,
                    w->group,  w->k,      w->c,      w->n_c};
    if (!as_rows_fold(w->fold, &found, &w->rows, group, w->k, w->fold_seed, 0, err)) return false;
    if (!found) return true;
    if (!as_rows_hold_out(&q, a, w->p, by_group ? w->null : NULL, w->null_seed, err)) return false;
    for (size_t j = 0; j < w->n_c; j++) {
        as_auc u;
        if (!as_auc_of(&u, w->p + j * w->rows.n, w->rows.y, w->rows.n, err)) return false;
        w->observed[j] = u.auc;
    }
    if (by_group)
        as_max_t(w->adjusted, w->observed, w->null, a->permutations, w->n_c, AS_TAIL_UPPER);
    for (size_t j = 0; j < w->n_c; j++) {
        as_statistic *s;
        as_probe_scores one = {.of = as_of_number(a, "C", w->c[j], err),
                               .c = w->c[j],
                               .p = w->p + j * w->rows.n,
                               .y = w->rows.y,
                               .n = w->rows.n,
                               .missing = w->rows.n_missing};
        if (!one.of ||
            !as_rows_emit_auc(a, by_group ? "auc_grouped" : "auc_stratified",
                              by_group ? "pooled pair counts, no group on both sides; p one-sided, "
                                         "labels shuffled by group, best over C [Grouped folds]"
                                       : "pooled pair counts, groups torn apart [Grouped folds]",
                              &one, w->group, &s, err) ||
            (by_group && (!as_rows_set_null(s, a, w->null, w->n_c, j, w->adjusted[j], err) ||
                          (w->has_torn && !emit_leak(w, a, j, one.of, err)))))
            return false;
    }
    w->has_torn = !by_group;
    if (!by_group) memcpy(w->torn, w->p, w->n_c * w->rows.n * sizeof *w->p);
    for (size_t j = 0; j < w->n_c; j++) {
        const char *of = as_of_number(a, "C", w->c[j], err);
        if (!of || !emit_repeated(w, a, by_group ? "auc_grouped_mean" : "auc_stratified_mean", of,
                                  group, w->c[j], err))
            return false;
    }
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    bool ok = false;
    work w = {.c = as_arg_of(a, "c")->number,
              .n_c = as_arg_of(a, "c")->n,
              .k = as_arg_size(a, "n_folds")};
    if (!as_probe_rows_load(&w.rows, a, "features", "label", err) ||
        !as_rows_complete(&w.rows, a, "group", err) ||
        !as_rows_groups(&w.rows, a, "group", &w.group, &w.n_groups, err) ||
        !as_probe_seed(a, "folds", &w.fold_seed, err) ||
        !as_probe_seed(a, "shuffled labels", &w.null_seed, err) || !work_room(&w, a, err))
        goto out;
    ok =
        as_probe_emit_rate(a, "positive_rate", "", w.rows.n_pos, w.rows.n, w.rows.n_missing, err) &&
        emit_groups(&w, a, err) && measure_kind(&w, a, false, err) &&
        measure_kind(&w, a, true, err);
out:
    work_clear(&w);
    return ok;
}

/* What decide has seen of one penalty, and of the one that decides. */
typedef struct {
    const as_statistic *grouped, *grouped_mean, *torn, *torn_mean, *leak;
    bool passes, leaks;
} seen;

static seen look(const as_audit *a)
{
    double gate = as_arg_number(a, "gate");
    seen best = {0};
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "auc_grouped") != 0) continue;
        seen v = {.grouped = s,
                  .grouped_mean = as_stat_find(a, "auc_grouped_mean", s->of),
                  .torn = as_stat_find(a, "auc_stratified", s->of),
                  .torn_mean = as_stat_find(a, "auc_stratified_mean", s->of),
                  .leak = as_stat_find(a, "leak", s->of)};
        if (!v.grouped_mean || !v.torn || !v.torn_mean || !v.leak) continue;
        v.passes = s->p <= a->alpha && s->estimate >= gate && v.grouped_mean->estimate >= gate;
        v.leaks =
            v.torn_mean->estimate >= gate && v.leak->lo > 0 && (s->p > NO_EVIDENCE || s->hi < gate);
        int rank = 2 * v.passes + v.leaks, best_rank = 2 * best.passes + best.leaks;
        if (!best.grouped || rank > best_rank ||
            (rank == best_rank && s->estimate > best.grouped->estimate))
            best = v;
    }
    return best;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    seen v = look(a);
    const as_statistic *rate = as_stat_find(a, "positive_rate", ""),
                       *groups = as_stat_find(a, "groups", "");
    if (!v.grouped)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "%.0f of %" PRIu64 " rows in %.0f groups are positive: too few rows of "
                           "a class, or groups, to be folded.",
                           rate ? as_stat_detail(rate, "/n_pos") : NAN, rate ? rate->n : 0,
                           groups ? groups->estimate : NAN);
    as_outcome outcome = v.passes ? AS_HOLDS : v.leaks ? AS_FAILS : AS_UNKNOWN;
    const char *cause = v.passes ? "" : v.leaks ? "topic leak" : "under-powered";
    char p[AS_P_TEXT_SIZE];
    return as_leaf_set(
        a, leaf, outcome, cause, err,
        "With no group on both sides the AUC is %.3f (95 %% interval %.3f to %.3f, permutation %s; "
        "mean over fold seeds %.3f), with groups torn apart %.3f (mean %.3f; gain %.3f to %.3f), "
        "at %s; bar %.2f, "
        "n = %" PRIu64 " in %.0f groups, %.0f of one label.",
        v.grouped->estimate, v.grouped->lo, v.grouped->hi, as_p_text(v.grouped->p, p),
        v.grouped_mean->estimate, v.torn->estimate, v.torn_mean->estimate, v.leak->lo, v.leak->hi,
        v.grouped->of, as_arg_number(a, "gate"), v.grouped->n, groups ? groups->estimate : NAN,
        groups ? as_stat_detail(groups, "/with_one_label") : NAN);
}

const as_check as_check_grouped_cv = {
    .name = "grouped-cv",
    .summary = "a probe's signal when no topic is on both sides of a fold",
    .catches = "a probe that recognises the topic and repeats its label",
    .params = params,
    .measure = measure,
    .decide = decide,
};
