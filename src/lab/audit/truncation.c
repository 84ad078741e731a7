/* Were answers cut short? A text that does not end in a full stop was probably stopped by a token
 * budget or a storage limit, and then every score of it is a score of the cut. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"
#include "lab/judge/pattern.h"
#include "lab/stats/interval.h"
#include "lab/stats/paired.h"

static const as_param params[] = {
    {"texts", AS_PARAM_COLUMNS, NULL, "columns of answers, one an arm", NULL},
    {"max_rate", AS_PARAM_NUMBER, "0.05", "largest share of unfinished texts allowed", "0 to 1"},
    {"cut", AS_PARAM_SIZE, "", "known storage limit, in characters", NULL},
    AS_INSTRUMENT_PARAMS_END};

/* What was counted in one column. */
typedef struct {
    size_t n, missing, strict, unfinished;
    size_t longest, n_longest; /* characters, and how many texts are that long */
    size_t at_cut;
    const double *length; /* (n) */
} endings;

static bool count(as_audit *a, const as_column *c, size_t cut, endings *e, as_error *err)
{
    double *length = as_arena_push(a->arena, c->n + 1, sizeof *length, err);
    if (!length) return false;
    *e = (endings){.missing = c->n_missing, .length = length};
    for (size_t i = 0; i < c->n; i++) {
        if (!c->text[i]) continue;
        size_t size = as_text_chars(c->text[i]);
        e->strict += as_text_ends_strict(c->text[i]);
        e->unfinished += !as_text_ends_lenient(c->text[i]);
        e->at_cut += size == cut;
        if (size > e->longest || e->n == 0) {
            e->longest = size;
            e->n_longest = 0;
        }
        e->n_longest += size == e->longest;
        length[e->n++] = (double)size;
    }
    return true;
}

static bool emit_endings(as_audit *a, const char *of, const endings *e, as_error *err)
{
    as_statistic *s =
        as_emit(a, "finished_strict", of, "last visible character one of . ! ? [Truncation]", err);
    json_t *detail = json_object();
    if (!s) goto out;
    as_stat_share(s, e->strict, e->n, e->missing);
    as_json_put_size(&detail, "count", e->strict);
    if (!as_emit_detail(a, s, detail, err)) return false;

    detail = json_object();
    s = as_emit(a, "unfinished_lenient", of,
                "last visible character closes neither sentence nor markup [Truncation]", err);
    if (!s) goto out;
    as_stat_share(s, e->unfinished, e->n, e->missing);
    as_json_put_size(&detail, "count", e->unfinished);
    as_json_put_size(&detail, "longest", e->longest);
    return as_emit_detail(a, s, detail, err);
out:
    json_decref(detail);
    return false;
}

/* Without a known cut, a longest length that several texts share is taken for one; when no two do,
 * there is none to count at. */
static bool emit_lengths(as_audit *a, const char *of, const endings *e, as_error *err)
{
    const as_arg *given = as_arg_of(a, "cut");
    bool shared = !given->given && e->n_longest >= 2;
    static const double half = 0.5;
    json_t *detail = NULL;
    as_statistic *s =
        as_emit(a, "at_cut", of, "texts exactly as long as the cut [Truncation]", err);
    if (!s) return false;
    s->n = e->n;
    s->missing = e->missing;
    if (given->given && e->n > 0) s->estimate = (double)e->at_cut;
    if (shared) s->estimate = (double)e->n_longest;
    detail = json_object();
    as_json_put(&detail, "cut",
                given->given ? json_integer((json_int_t)as_arg_size(a, "cut"))
                : shared     ? json_integer((json_int_t)e->longest)
                             : json_null());
    as_json_put(&detail, "given", json_boolean(given->given));
    if (!as_emit_detail(a, s, detail, err)) return false;

    s = as_emit(a, "length_median", of, "median of lengths in characters [Truncation]", err);
    if (!s) return false;
    s->n = e->n;
    s->missing = e->missing;
    return as_quantiles(e->length, e->n, &half, 1, &s->estimate, err);
}

/* The two arms furthest apart. With k arms there were k(k-1)/2 pairs to pick from, which the p
 * value pays for (Bonferroni). */
static bool emit_gap(as_audit *a, const as_arg *texts, const endings *e, as_error *err)
{
    size_t lo = SIZE_MAX, hi = SIZE_MAX, n_arms = 0;
    double rate_lo = INFINITY, rate_hi = -INFINITY;
    for (size_t i = 0; i < texts->n; i++) {
        double rate = e[i].n ? (double)e[i].unfinished / (double)e[i].n : NAN;
        n_arms += e[i].n > 0;
        if (rate < rate_lo) rate_lo = rate, lo = i;
        if (rate >= rate_hi) rate_hi = rate, hi = i; /* not the same arm when all are equal */
    }
    if (n_arms < 2) return true;
    const char *of = as_arena_printf(a->arena, err, "%s.%s - %s.%s", texts->column[hi]->table->name,
                                     texts->column[hi]->name, texts->column[lo]->table->name,
                                     texts->column[lo]->name);
    if (!of) return false;
    as_statistic *s = as_emit(a, "gap_of_rates", of,
                              n_arms == 2 ? "difference of shares unfinished; Fisher's exact test "
                                            "[Truncation]"
                                          : "largest difference of shares unfinished; Fisher's "
                                            "exact test, Bonferroni over the pairs [Truncation]",
                              err);
    if (!s) return false;
    const endings *x = &e[hi], *y = &e[lo];
    as_interval gap = as_newcombe_difference(x->unfinished, x->n, y->unfinished, y->n, AS_LEVEL);
    double pairs = (double)n_arms * (double)(n_arms - 1) / 2;
    s->n = x->n + y->n;
    s->missing = x->missing + y->missing;
    s->estimate = rate_hi - rate_lo;
    as_stat_interval(s, (as_interval){gap.lo, gap.hi}, AS_LEVEL, "Newcombe");
    s->p = fmin(1, pairs * as_fisher_exact(x->unfinished, x->n - x->unfinished, y->unfinished,
                                           y->n - y->unfinished));
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *texts = as_arg_of(a, "texts");
    size_t cut = as_arg_of(a, "cut")->given ? as_arg_size(a, "cut") : SIZE_MAX;
    if (!as_need_kind(a, "texts", AS_COLUMN_TEXT, err)) return false;
    endings *e = as_arena_push(a->arena, texts->n + 1, sizeof *e, err);
    if (!e) return false;
    for (size_t i = 0; i < texts->n; i++) {
        const char *of = as_instrument_title(a, texts->column[i], err);
        if (!of || !count(a, texts->column[i], cut, &e[i], err) ||
            !emit_endings(a, of, &e[i], err) || !emit_lengths(a, of, &e[i], err))
            return false;
    }
    return emit_gap(a, texts, e, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    double bar = as_arg_number(a, "max_rate");
    size_t n_over = 0, n_unclear = 0, n_empty = 0;
    as_instrument_list cut = {0}, rest = {0};
    bool ok = false;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "unfinished_lenient") != 0) continue;
        char item[512];
        snprintf(item, sizeof item, "%.0f of %" PRIu64 " in %s (%.3f, %.3f to %.3f)",
                 as_stat_detail(s, "/count"), s->n, s->of, s->estimate, s->lo, s->hi);
        bool over = s->lo > bar;
        n_over += over;
        n_empty += s->n == 0;
        n_unclear += !over && !(s->hi <= 2 * bar);
        if (s->n > 0) as_instrument_list_add(over ? &cut : &rest, item);
    }
    const char *cut_text = as_instrument_list_end(&cut, err);
    const char *rest_text = as_instrument_list_end(&rest, err);
    if (!cut_text || !rest_text) goto out;
    if (n_over > 0)
        ok = as_leaf_set(a, leaf, AS_FAILS, "truncation", err,
                         "texts that do not end: %s; allowed %.3f", cut_text, bar);
    else if (n_empty > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err, "%zu column(s) hold no text",
                         n_empty);
    else if (n_unclear > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                         "too few texts to tell from the allowed %.3f: %s do not end", bar,
                         rest_text);
    else
        ok = as_leaf_set(a, leaf, AS_HOLDS, "", err, "%s do not end; allowed %.3f", rest_text, bar);
out:
    as_buf_clear(&cut.text);
    as_buf_clear(&rest.text);
    return ok;
}

const as_check as_check_truncation = {
    "truncation",
    "do the answers end, or were they cut by a budget or a storage limit",
    "answers cut by the token budget are scored as if they were whole",
    params,
    measure,
    decide};
