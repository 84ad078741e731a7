/* A published figure against the same figure recomputed by an earlier check from the released
 * files. Several published figures are held against the statistics of that name in their order. */
#include <math.h>
#include <string.h>

#include "lab/audit/outcome_internal.h"

static const as_param params[] = {
    {"published", AS_PARAM_NUMBERS, NULL, "the figure as published", NULL},
    {"of", AS_PARAM_CHECK, NULL, "the check that recomputed it", NULL},
    {"statistic", AS_PARAM_TEXT, NULL, "its statistic", NULL},
    {"variant", AS_PARAM_TEXT, "", "which of them, when there are several", NULL},
    {"tolerance", AS_PARAM_NUMBER, "0.0005", "largest difference, in the unit of publication",
     NULL},
    {"scale", AS_PARAM_NUMBER, "1", "unit of publication: 100 for percent", NULL},
    {NULL, AS_PARAM_TEXT, NULL, NULL, NULL},
};

/* The next statistic of that name and variant, counted on from *at; NULL when there is none. */
static const as_statistic *next_match(const as_audit *a, size_t *at)
{
    const as_arg *of = as_arg_of(a, "of");
    const char *name = as_arg_text(a, "statistic"), *variant = as_arg_text(a, "variant");
    for (; *at < of->n; ++*at) {
        const as_statistic *s = of->statistics[*at];
        if (strcmp(s->name, name) != 0) continue;
        if (variant && strcmp(s->of, variant) != 0) continue;
        return of->statistics[(*at)++];
    }
    return NULL;
}

static bool check_matches(const as_audit *a, size_t n, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *name = as_arg_text(a, "statistic");
    size_t found = 0, at = 0;
    while (next_match(a, &at)) found++;
    if (found == n || (found > 0 && n == 1)) return true;
    return as_audit_fail(a, "statistic", err, "%s: statistics (found %zu, expected %zu)",
                         as_escape(name, strlen(name), shown), found, n);
}

static as_statistic *emit_like(as_audit *a, const char *name, const char *of,
                               const as_statistic *like, double x, as_error *err)
{
    as_statistic *s = as_emit(a, name, of, "published against recomputed [Restated figure]", err);
    if (!s) return NULL;
    s->estimate = x;
    s->n = like->n;
    s->missing = like->missing;
    return s;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *published = as_arg_of(a, "published");
    double scale = as_arg_number(a, "scale");
    size_t at = 0;
    if (!check_matches(a, published->n, err)) return false;
    for (size_t i = 0; i < published->n; i++) {
        const as_statistic *from = next_match(a, &at);
        const char *of = published->n > 1 ? from->of : "";
        double again = scale * from->estimate, was = published->number[i];
        as_statistic *s = emit_like(a, "published", of, from, was, err);
        if (!s) return false;
        s->n = s->missing = 0; /* not ours to count */
        if (!emit_like(a, "recomputed", of, from, again, err)) return false;
        if (!emit_like(a, "difference", of, from, again - was, err)) return false;
    }
    return true;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    double tolerance = as_arg_number(a, "tolerance");
    as_buf list = {0};
    bool ok = false, differs = false, unknown = false;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "difference") != 0) continue;
        const as_statistic *was = as_stat_need(a, "published", s->of, err),
                           *again = as_stat_need(a, "recomputed", s->of, err);
        if (!was || !again) goto out;
        /* a difference of exactly the tolerance must not fail by the rounding of two decimals */
        double slack = 1e-12 * fmax(1, fabs(was->estimate));
        unknown = unknown || isnan(s->estimate);
        differs = differs || fabs(s->estimate) > tolerance + slack;
        as_buf_puts(&list, list.size ? "; " : "");
        as_buf_escape(&list, s->of, strlen(s->of));
        as_buf_printf(&list, "%spublished %.6g, recomputed %.6g (n = %zu)", *s->of ? ": " : "",
                      was->estimate, again->estimate, (size_t)again->n);
    }
    if (as_buf_ok(&list, err))
        ok = as_leaf_set(a, leaf,
                         differs   ? AS_FAILS
                         : unknown ? AS_UNKNOWN
                                   : AS_HOLDS,
                         differs   ? "published figure differs from the released files"
                         : unknown ? "not recomputed"
                                   : "",
                         err, "%s; tolerance %g.", as_buf_text(&list), tolerance);
out:
    as_buf_clear(&list);
    return ok;
}

const as_check as_check_restated = {
    .name = "restated",
    .summary = "is a published figure what the released files give?",
    .catches = "tables and files of different runs",
    .params = params,
    .measure = measure,
    .decide = decide,
};
