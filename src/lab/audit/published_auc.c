/* published-auc: AUCs known only as figures, with the counts behind them. Is each a whole number of
 * pairs, what is its interval (Hanley & McNeil 1982), and does it differ from 1/2 once all of them
 * are counted (Holm 1979)? */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lab/audit/probe_internal.h"
#include "lab/stats/distribution.h"
#include "lab/stats/interval.h"
#include "lab/stats/multiple.h"

static const as_param params[] = {
    {"name", AS_PARAM_COLUMN, NULL, "what each figure is of (text)", NULL},
    {"auc", AS_PARAM_COLUMN, NULL, "the figures", NULL},
    {"n_pos", AS_PARAM_COLUMN, NULL, "rows labelled 1 behind each", NULL},
    {"n_neg", AS_PARAM_COLUMN, NULL, "rows labelled 0 behind each", NULL},
    {"gate", AS_PARAM_NUMBER, NULL, "lowest AUC that passes", "0 to 1"},
    {"require", AS_PARAM_CHOICE, "all", "how many have to pass", "any|all"},
    AS_PROBE_PARAMS_END,
};

typedef struct {
    const char *name;
    double auc;
    size_t n_pos, n_neg;
    double p, p_holm;
} figure;

static bool whole_count(const as_audit *a, const char *param, double x, size_t row, size_t *out,
                        as_error *err)
{
    if (!(x >= 1 && x <= 1e9 && floor(x) == x))
        return as_audit_fail(a, param, err, "item %zu: count (found %g, expected 1 or more)", row,
                             x);
    *out = (size_t)x;
    return true;
}

static bool load(as_audit *a, figure **out, size_t *n, size_t *missing, as_error *err)
{
    const char *const numbers[3] = {"auc", "n_pos", "n_neg"};
    const as_column *column[4] = {as_arg_column(a, "name"), as_arg_column(a, "auc"),
                                  as_arg_column(a, "n_pos"), as_arg_column(a, "n_neg")};
    const size_t *row;
    if (!as_need_kind(a, "name", AS_COLUMN_TEXT, err)) return false;
    for (int i = 0; i < 3; i++)
        if (!as_need_kind(a, numbers[i], AS_COLUMN_NUMBER, err) ||
            !as_need_same_rows(a, "name", numbers[i], err))
            return false;
    if (!as_complete_rows(a, column, 4, &row, n, err)) return false;
    *missing = column[0]->n - *n;
    figure *f = *out = as_arena_push(a->arena, *n + 1, sizeof *f, err);
    if (!f) return false;
    for (size_t i = 0; i < *n; i++) {
        f[i].name = column[0]->text[row[i]];
        f[i].auc = column[1]->number[row[i]];
        if (!(f[i].auc >= 0 && f[i].auc <= 1))
            return as_audit_fail(a, "auc", err, "item %zu: AUC (found %g, expected 0 to 1)", row[i],
                                 f[i].auc);
        if (!whole_count(a, "n_pos", column[2]->number[row[i]], row[i], &f[i].n_pos, err) ||
            !whole_count(a, "n_neg", column[3]->number[row[i]], row[i], &f[i].n_neg, err))
            return false;
    }
    return true;
}

/* Two-sided p of each against 1/2 with the standard error under that null, and Holm's over all. */
static bool test_all(as_audit *a, figure *f, size_t n, as_error *err)
{
    double *p = as_arena_push(a->arena, n + 1, sizeof *p, err);
    if (!p) return false;
    for (size_t i = 0; i < n; i++) {
        double z = (f[i].auc - 0.5) / as_hanley_null_se(f[i].n_pos, f[i].n_neg);
        p[i] = f[i].p = fmin(1, 2 * as_normal_upper(fabs(z)));
    }
    if (!as_holm(p, p, n, err)) return false;
    for (size_t i = 0; i < n; i++) f[i].p_holm = p[i];
    return true;
}

/* Decimal places of the figure as it reads, 17 at most. */
static unsigned decimals_of(double x)
{
    char text[32];
    const char *dot = strchr(as_double_text(x, text), '.');
    size_t n = dot ? strspn(dot + 1, "0123456789") : 0;
    return n < 17 ? (unsigned)n : 17;
}

static bool emit_figure(as_audit *a, const figure *f, as_error *err)
{
    as_auc_count count;
    if (!as_auc_published(&count, f->auc, decimals_of(f->auc), f->n_pos, f->n_neg, err))
        return false;
    as_statistic *s = as_emit(a, "auc", f->name,
                              "as published; normal p against 1/2 with the null's standard error "
                              "[Published AUC]",
                              err);
    if (!s) return false;
    as_interval i = as_normal_interval(f->auc, as_hanley_se(f->auc, f->n_pos, f->n_neg), AS_LEVEL);
    s->estimate = f->auc;
    s->n = f->n_pos + f->n_neg;
    s->p = f->p;
    as_stat_interval(s, (as_interval){fmax(0, i.lo), fmin(1, i.hi)}, AS_LEVEL, "Hanley-McNeil");
    json_t *o = json_object();
    as_json_put_real(&o, "pairs_won", (double)count.half_pairs / 2);
    as_json_put(&o, "pairs", json_integer((json_int_t)count.pairs));
    as_json_put_size(&o, "is_whole", count.is_whole);
    as_json_put_real(&o, "null_se", as_hanley_null_se(f->n_pos, f->n_neg));
    as_json_put_real(&o, "p_holm", f->p_holm);
    as_json_put_size(&o, "n_pos", f->n_pos);
    as_json_put_size(&o, "n_neg", f->n_neg);
    return as_emit_detail(a, s, o, err);
}

static bool emit_below_half(as_audit *a, const figure *f, size_t n, size_t missing, as_error *err)
{
    double smallest = NAN;
    size_t k = 0;
    as_statistic *s =
        as_emit(a, "below_half", "", "figures under 1/2, of those given [Published AUC]", err);
    if (!s) return false;
    json_t *names = json_array();
    for (size_t i = 0; names && i < n; i++) {
        if (!(f[i].auc < 0.5)) continue;
        k++;
        smallest = fmin(smallest, f[i].p_holm);
        if (json_array_append_new(names, json_string(f[i].name))) {
            json_decref(names);
            names = NULL;
        }
    }
    s->estimate = (double)k;
    s->n = n;
    s->missing = missing;
    json_t *o = json_object();
    as_json_put(&o, "names", names);
    as_json_put_real(&o, "smallest_p_holm", smallest);
    return as_emit_detail(a, s, o, err);
}

static bool measure(as_audit *a, as_error *err)
{
    figure *f;
    size_t n, missing;
    if (!load(a, &f, &n, &missing, err) || !test_all(a, f, n, err)) return false;
    for (size_t i = 0; i < n; i++)
        if (!emit_figure(a, &f[i], err)) return false;
    return emit_below_half(a, f, n, missing, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    double gate = as_arg_number(a, "gate");
    bool any = strcmp(as_arg_text(a, "require"), "any") == 0;
    size_t n = 0, n_whole = 0, n_pass = 0, n_surely_below = 0;
    const as_statistic *top = NULL, *below = as_stat_find(a, "below_half", "");
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "auc") != 0) continue;
        n++;
        n_whole += as_stat_detail(s, "/is_whole") == 1;
        n_pass += s->estimate >= gate && s->p <= a->alpha;
        n_surely_below += s->estimate < gate && s->hi < gate;
        if (!top || s->estimate > top->estimate) top = s;
    }
    if (!top || !below)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err, "No figure was given.");
    if (n_whole < n)
        return as_leaf_set(a, leaf, AS_FAILS, "no such pair count", err,
                           "%zu of %zu published AUCs are no share of their pairs, to the decimals "
                           "given: no scores of these positives and negatives have them.",
                           n - n_whole, n);
    char under[96] = "None is under 0.5.";
    if (below->estimate > 0)
        snprintf(under, sizeof under,
                 "%.0f are under 0.5, the smallest adjusted p among them %.3f.", below->estimate,
                 as_stat_detail(below, "/smallest_p_holm"));
    bool holds = any ? n_pass > 0 : n_pass == n;
    bool fails = !holds && n_surely_below == n - n_pass;
    return as_leaf_set(
        a, leaf,
        holds   ? AS_HOLDS
        : fails ? AS_FAILS
                : AS_UNKNOWN,
        holds   ? ""
        : fails ? "below the gate"
                : "under-powered",
        err,
        "%zu of %zu published AUCs reach %.2f and differ from 0.5; the highest is %.3f (95 %% "
        "interval "
        "%.3f to %.3f, n = %" PRIu64 "); the interval of %zu lies wholly below %.2f. "
        "%s",
        n_pass, n, gate, top->estimate, top->lo, top->hi, top->n, n_surely_below, gate, under);
}

const as_check as_check_published_auc = {
    .name = "published-auc",
    .summary = "AUCs known as figures: whole pair counts, intervals, adjusted p",
    .catches = "\"below chance\" read into noise, and a figure no data could give",
    .params = params,
    .measure = measure,
    .decide = decide,
};
