/* Does a label ever change? A judge that says the same of a hundred items measures nothing: its
 * parser may be unable to see the other word, or its question may have one answer. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"

#define COUNTS_SHOWN 100

static const as_param params[] = {
    {"labels", AS_PARAM_COLUMNS, NULL, "columns of labels, texts or numbers", NULL},
    {"min_n", AS_PARAM_SIZE, "100", "items from which one label is no accident", NULL},
    AS_INSTRUMENT_PARAMS_END};

typedef struct {
    const char *label;
    size_t n;
} tally;

static int by_label(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->label, ((const tally *)b)->label);
}

static int by_count(const void *a, const void *b)
{
    const tally *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return strcmp(x->label, y->label);
}

/* The distinct labels, most frequent first. */
static bool tally_of(as_audit *a, const as_column *c, tally **out, size_t *n_labels, as_error *err)
{
    tally *t = as_arena_push(a->arena, c->n + 1, sizeof *t, err);
    size_t n = 0, kept = 0;
    if (!t) return false;
    for (size_t i = 0; i < c->n; i++) {
        char digits[32];
        if (c->kind == AS_COLUMN_TEXT) {
            if (c->text[i]) t[n++] = (tally){c->text[i], 1};
        } else if (c->number[i] == c->number[i]) {
            t[n].label = as_arena_text(a->arena, as_double_text(c->number[i], digits), err);
            if (!t[n].label) return false;
            t[n++].n = 1;
        }
    }
    qsort(t, n, sizeof *t, by_label);
    for (size_t i = 0; i < n; i++)
        if (i > 0 && strcmp(t[kept - 1].label, t[i].label) == 0)
            t[kept - 1].n++;
        else
            t[kept++] = t[i];
    qsort(t, kept, sizeof *t, by_count);
    *out = t;
    *n_labels = kept;
    return true;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *labels = as_arg_of(a, "labels");
    for (size_t k = 0; k < labels->n; k++) {
        const as_column *c = labels->column[k];
        tally *t = NULL;
        size_t n_labels = 0;
        if (c->kind == AS_COLUMN_MATRIX)
            return as_audit_fail(a, "labels", err, "%s.%s: column (found vectors, expected labels)",
                                 c->table->name, c->name);
        const char *of = as_instrument_title(a, c, err);
        if (!of || !tally_of(a, c, &t, &n_labels, err)) return false;
        as_statistic *s =
            as_emit(a, "labels", of, "count of distinct labels [Constant label]", err);
        if (!s) return false;
        s->n = c->n - c->n_missing;
        s->missing = c->n_missing;
        s->estimate = s->n ? (double)n_labels : NAN;
        json_t *detail = json_object(), *counts = json_object();
        for (size_t i = 0; i < n_labels && i < COUNTS_SHOWN; i++)
            as_json_put_size(&counts, t[i].label, t[i].n);
        as_json_put(&detail, "counts", counts);
        as_json_put_text(&detail, "commonest", n_labels ? t[0].label : NULL);
        as_json_put_size(&detail, "commonest_n", n_labels ? t[0].n : 0);
        if (!as_emit_detail(a, s, detail, err)) return false;
    }
    return true;
}

static bool describe(const as_audit *a, const as_statistic *s, as_instrument_list *l, as_error *err)
{
    char item[256], shown[AS_ESCAPE_SIZE];
    json_t *detail = as_instrument_detail(a, s, err);
    if (!detail) return false;
    const char *label = json_string_value(json_object_get(detail, "commonest"));
    if (s->estimate == 1)
        snprintf(item, sizeof item, "%s: %.60s %" PRIu64 " of %" PRIu64, s->of,
                 label ? as_escape(label, strlen(label), shown) : "", s->n, s->n);
    else
        snprintf(item, sizeof item, "%s: %.0f labels, n %" PRIu64, s->of, s->estimate, s->n);
    as_instrument_list_add(l, item);
    json_decref(detail);
    return true;
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    size_t min_n = as_arg_size(a, "min_n"), n_constant = 0, n_few = 0, n_empty = 0;
    as_instrument_list constant = {0}, few = {0}, rest = {0};
    bool ok = false;
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        if (strcmp(s->name, "labels") != 0) continue;
        bool one = s->n > 0 && s->estimate == 1;
        n_empty += s->n == 0;
        n_constant += one && s->n >= min_n;
        n_few += one && s->n < min_n;
        if (s->n > 0 && !describe(a, s, !one ? &rest : s->n >= min_n ? &constant : &few, err))
            goto out;
    }
    const char *constant_text = as_instrument_list_end(&constant, err);
    const char *few_text = as_instrument_list_end(&few, err);
    const char *rest_text = as_instrument_list_end(&rest, err);
    if (!constant_text || !few_text || !rest_text) goto out;
    if (n_constant > 0)
        ok = as_leaf_set(a, leaf, AS_FAILS, "constant label", err, "one label only: %s",
                         constant_text);
    else if (n_empty > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err,
                         "%zu column(s) hold no label", n_empty);
    else if (n_few > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                         "one label only, but fewer than %zu items: %s", min_n, few_text);
    else
        ok = as_leaf_set(a, leaf, AS_HOLDS, "", err, "labels vary: %s", rest_text);
out:
    as_buf_clear(&constant.text);
    as_buf_clear(&few.text);
    as_buf_clear(&rest.text);
    return ok;
}

const as_check as_check_constant_label = {
    "constant-label",
    "does a label ever change over many items",
    "a parser that can see one label only, or a question with one answer",
    params,
    measure,
    decide};
