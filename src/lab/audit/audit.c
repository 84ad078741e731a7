/* The registry of checks, and the few functions every check uses to read its arguments, emit its
 * statistics and say its leaf. */
#include "lab/audit/audit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const as_check as_check_within_cv, as_check_transfer, as_check_convergence,
    as_check_degenerate_asymmetry, as_check_auc_power, as_check_shift, as_check_pca,
    as_check_published_auc, as_check_threshold_provenance, as_check_cells, as_check_equivalence,
    as_check_dose_response, as_check_paired_binary, as_check_paired_change, as_check_ordinal_change,
    as_check_instrument_validity, as_check_saturation, as_check_bound, as_check_restated,
    as_check_axis_summary, as_check_group_means, as_check_instrument, as_check_truncation,
    as_check_constant_label, as_check_lexical_bias, as_check_independence, as_check_agreement,
    as_check_score_validity, as_check_attribution_null, as_check_alignment, as_check_join,
    as_check_leakage, as_check_one_run, as_check_evr_ranks;
extern const as_check as_check_asymmetry_change, as_check_preserved, as_check_mimicry,
    as_check_seeds, as_check_placebo, as_check_trend, as_check_budget_ladder;
extern const as_check as_check_head_maximum, as_check_head_direction, as_check_grouped_cv,
    as_check_gate_transfer, as_check_nuisance;

static const as_check *const checks[] = {
    /* the instrument */
    &as_check_instrument,
    &as_check_alignment,
    &as_check_join,
    &as_check_leakage,
    &as_check_truncation,
    &as_check_constant_label,
    &as_check_lexical_bias,
    &as_check_independence,
    &as_check_agreement,
    &as_check_score_validity,
    &as_check_instrument_validity,
    &as_check_saturation,
    &as_check_one_run,
    /* outcomes */
    &as_check_paired_binary,
    &as_check_paired_change,
    &as_check_ordinal_change,
    &as_check_cells,
    &as_check_equivalence,
    &as_check_dose_response,
    &as_check_asymmetry_change,
    &as_check_preserved,
    &as_check_mimicry,
    &as_check_seeds,
    &as_check_placebo,
    &as_check_trend,
    &as_check_budget_ladder,
    &as_check_bound,
    &as_check_restated,
    &as_check_axis_summary,
    &as_check_group_means,
    /* heads and probes */
    &as_check_attribution_null,
    &as_check_head_maximum,
    &as_check_head_direction,
    &as_check_within_cv,
    &as_check_grouped_cv,
    &as_check_nuisance,
    &as_check_transfer,
    &as_check_gate_transfer,
    &as_check_convergence,
    &as_check_degenerate_asymmetry,
    &as_check_auc_power,
    &as_check_shift,
    &as_check_pca,
    &as_check_evr_ranks,
    &as_check_published_auc,
    &as_check_threshold_provenance,
};

const as_check *const *as_checks(size_t *n)
{
    *n = sizeof checks / sizeof checks[0];
    return checks;
}

const as_check *as_check_find(const char *name)
{
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (strcmp(checks[i]->name, name) == 0) return checks[i];
    return NULL;
}

const as_column *as_column_find(const as_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->column[i].name, name) == 0) return &t->column[i];
    return NULL;
}

const char *as_fact_find(const as_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_facts; i++)
        if (strcmp(t->fact[i].name, name) == 0) return t->fact[i].value;
    return NULL;
}

const as_arg *as_arg_of(const as_audit *a, const char *name)
{
    const as_param *p = a->check->params;
    size_t i = 0;
    while (p[i].name && strcmp(p[i].name, name) != 0) i++;
    AS_CHECK(p[i].name != NULL);
    return &a->args[i];
}

double as_arg_number(const as_audit *a, const char *name)
{
    const as_arg *g = as_arg_of(a, name);
    return g->given && g->n > 0 && g->number ? g->number[0] : NAN;
}

size_t as_arg_size(const as_audit *a, const char *name)
{
    double x = as_arg_number(a, name);
    return isnan(x) ? 0 : (size_t)x;
}

bool as_arg_flag(const as_audit *a, const char *name)
{
    return as_arg_number(a, name) == 1;
}

const char *as_arg_text(const as_audit *a, const char *name)
{
    const as_arg *g = as_arg_of(a, name);
    return g->given && g->n > 0 && g->text ? g->text[0] : NULL;
}

const as_column *as_arg_column(const as_audit *a, const char *name)
{
    const as_arg *g = as_arg_of(a, name);
    return g->given && g->n > 0 && g->column ? g->column[0] : NULL;
}

/* The columns and tables a check looked at, with the digests of the rows they were loaded from. */
static const char *inputs_text(const as_audit *a, as_error *err)
{
    const char *text = NULL;
    as_buf b = {0};
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && a->check->params[i].name; i++) {
        const as_arg *g = &a->args[i];
        for (size_t k = 0; ok && g->column && k < g->n; k++)
            ok = !json_array_append_new(
                list, json_pack("{s:s++,s:s}", "column", g->column[k]->table->name, ".",
                                g->column[k]->name, "rows", g->column[k]->table->digest));
        for (size_t k = 0; ok && g->table && k < g->n; k++)
            ok = !json_array_append_new(list, json_pack("{s:s,s:s}", "table", g->table[k]->name,
                                                        "rows", g->table[k]->digest));
        for (size_t k = 0; ok && g->statistics && k < g->n; k++)
            ok = !json_array_append_new(list,
                                        json_pack("{s:s}", "statistic", g->statistics[k]->key));
    }
    if (ok) as_json_write(&b, list);
    if (!ok)
        as_fail(err, AS_EMEM, "out of memory");
    else if (as_buf_ok(&b, err))
        text = as_arena_text(a->arena, as_buf_text(&b), err);
    json_decref(list);
    as_buf_clear(&b);
    return text;
}

static bool make_room(as_audit *a, as_error *err)
{
    if (a->n_stats < a->room) return true;
    size_t room = a->room ? 2 * a->room : 32;
    const as_statistic **wider = as_arena_push(a->arena, room, sizeof *wider, err);
    if (!wider) return false;
    if (a->n_stats) memcpy(wider, a->stats, a->n_stats * sizeof *wider);
    a->stats = wider;
    a->room = room;
    return true;
}

as_statistic *as_emit(as_audit *a, const char *name, const char *of, const char *method,
                      as_error *err)
{
    if (!make_room(a, err)) return NULL;
    as_statistic *s = as_arena_push(a->arena, 1, sizeof *s, err);
    if (!s) return NULL;
    s->position = a->n_stats;
    s->check = a->id;
    s->name = as_arena_text(a->arena, name, err);
    s->of = as_arena_text(a->arena, of, err);
    s->method = as_arena_text(a->arena, method, err);
    s->inputs = a->n_stats ? a->stats[0]->inputs : inputs_text(a, err);
    s->detail = "{}";
    if (!s->name || !s->of || !s->method || !s->inputs) return NULL;
    s->estimate = s->lo = s->hi = s->level = s->p = NAN;
    s->null_q05 = s->null_q50 = s->null_q95 = NAN;
    a->stats[a->n_stats++] = s;
    return s;
}

bool as_emit_detail(as_audit *a, as_statistic *s, json_t *object, as_error *err)
{
    as_buf b = {0};
    bool ok = false;
    if (!object) {
        as_fail(err, AS_EMEM, "out of memory");
        goto out;
    }
    as_json_write(&b, object);
    if (!as_buf_ok(&b, err)) goto out;
    s->detail = as_arena_text(a->arena, as_buf_text(&b), err);
    ok = s->detail != NULL;
out:
    as_buf_clear(&b);
    json_decref(object);
    return ok;
}

const as_statistic *as_stat_find(const as_audit *a, const char *name, const char *of)
{
    for (size_t i = 0; i < a->n_stats; i++)
        if (strcmp(a->stats[i]->name, name) == 0 && (!of || strcmp(a->stats[i]->of, of) == 0))
            return a->stats[i];
    return NULL;
}

const as_statistic *as_stat_need(const as_audit *a, const char *name, const char *of, as_error *err)
{
    const as_statistic *s = as_stat_find(a, name, of);
    if (!s) as_fail(err, AS_ESTATE, "checks.%s: statistic %s [%s] is not there", a->id, name, of);
    return s;
}

void as_stat_interval(as_statistic *s, as_interval interval, double level, const char *method)
{
    if (isnan(interval.lo) || isnan(interval.hi)) return;
    s->lo = interval.lo;
    s->hi = interval.hi;
    s->level = level;
    s->interval = method;
}

void as_stat_share(as_statistic *s, size_t k, size_t n, size_t missing)
{
    s->n = n;
    s->missing = missing;
    s->estimate = n ? (double)k / (double)n : NAN;
    as_stat_interval(s, as_wilson(k, n, AS_LEVEL), AS_LEVEL, "Wilson score");
}

/* The end of the value, or name, of canonical JSON at p. */
static const char *skip_value(const char *p)
{
    size_t depth = 0;
    do {
        if (*p == '"') {
            for (p++; *p && *p != '"'; p++)
                if (*p == '\\' && p[1]) p++;
            p += *p == '"';
        } else if (*p == '{' || *p == '[') {
            depth++, p++;
        } else if (*p == '}' || *p == ']') {
            depth -= depth > 0, p++;
        } else {
            p += *p == ',' || *p == ':' ? 1 : strcspn(p, ",:]}");
        }
    } while (depth > 0 && *p);
    return p;
}

/* The member of that name, or item of that number, of the object or array at p; NULL when there is
 * none. */
static const char *member(const char *p, const char *name, size_t size)
{
    bool is_map = *p == '{';
    size_t left = 0;
    if (!is_map && (*p != '[' || size == 0)) return NULL;
    for (size_t i = 0; !is_map && i < size; i++) {
        if (name[i] < '0' || name[i] > '9' || left > SIZE_MAX / 20) return NULL;
        left = 10 * left + (size_t)(name[i] - '0');
    }
    for (p++; *p && *p != '}' && *p != ']'; p += *p == ',') {
        const char *end = is_map ? skip_value(p) : p;
        if (is_map && *end != ':') return NULL;
        if (is_map ? (size_t)(end - p) == size + 2 && memcmp(p + 1, name, size) == 0 : left == 0)
            return end + is_map;
        left -= !is_map;
        p = skip_value(end + is_map);
    }
    return NULL;
}

/* Read in place: a parser could run out of memory, which must never look like a missing number. */
double as_stat_detail(const as_statistic *s, const char *pointer)
{
    const char *at = s->detail;
    while (at && *pointer == '/') {
        size_t size = strcspn(++pointer, "/");
        at = member(at, pointer, size);
        pointer += size;
    }
    return at && (*at == '-' || (*at >= '0' && *at <= '9')) ? strtod(at, NULL) : NAN;
}

bool as_leaf_set(const as_audit *a, as_leaf *leaf, as_outcome outcome, const char *cause,
                 as_error *err, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text - 1, fmt, ap);
    va_end(ap);
    size_t size = strlen(text);
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    if (word > 1 && (text[word] == ' ' || text[word] == ':' || text[word] == ','))
        text[0] = (char)(text[0] - 'a' + 'A'); /* a word, not a name or a symbol */
    if (size && text[size - 1] != '.') memcpy(text + size, ".", 2);
    leaf->outcome = outcome;
    leaf->cause = as_arena_text(a->arena, cause, err);
    leaf->sentence = as_arena_text(a->arena, text, err);
    return leaf->cause && leaf->sentence;
}

const char *as_p_text(double p, char out[AS_P_TEXT_SIZE])
{
    if (isnan(p)) return "p undefined";
    snprintf(out, AS_P_TEXT_SIZE, p < 0.001 && p > 0 ? "p = %.1e" : "p = %.3f", p);
    return out;
}

const char *as_of_number(as_audit *a, const char *name, double x, as_error *err)
{
    char text[32];
    return as_arena_printf(a->arena, err, "%s=%s", name, as_double_text(x, text));
}

bool as_audit_fail(const as_audit *a, const char *param, as_error *err, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return as_fail(err, AS_EFORMAT, "checks.%s.%s: %s", a->id, param, text);
}

bool as_need_kind(const as_audit *a, const char *param, as_column_kind kind, as_error *err)
{
    static const char *const word[] = {"numbers", "texts", "vectors"};
    const as_arg *g = as_arg_of(a, param);
    for (size_t i = 0; g->column && i < g->n; i++)
        if (g->column[i]->kind != kind)
            return as_audit_fail(a, param, err, "%s.%s: column (found %s, expected %s)",
                                 g->column[i]->table->name, g->column[i]->name,
                                 word[g->column[i]->kind], word[kind]);
    return true;
}

bool as_need_same_rows(const as_audit *a, const char *param, const char *other, as_error *err)
{
    const as_column *x = as_arg_column(a, param), *y = as_arg_column(a, other);
    if (!x || !y || x->n == y->n) return true;
    return as_audit_fail(a, other, err, "%s.%s: rows (found %zu, expected the %zu of %s.%s)",
                         y->table->name, y->name, y->n, x->n, x->table->name, x->name);
}

bool as_column_lacks(const as_column *c, size_t i)
{
    return c->kind == AS_COLUMN_NUMBER ? isnan(c->number[i]) != 0
           : c->kind == AS_COLUMN_TEXT ? c->text[i] == NULL
                                       : c->why && c->why[i];
}

bool as_complete_rows(as_audit *a, const as_column *const *columns, size_t n, const size_t **rows,
                      size_t *n_rows, as_error *err)
{
    size_t total = n ? columns[0]->n : 0, kept = 0;
    size_t *list = as_arena_push(a->arena, total + 1, sizeof *list, err);
    if (!list) return false;
    for (size_t i = 0; i < total; i++) {
        bool whole = true;
        for (size_t k = 0; whole && k < n; k++) whole = !as_column_lacks(columns[k], i);
        if (whole) list[kept++] = i;
    }
    *rows = list;
    *n_rows = kept;
    return true;
}

const as_column *as_column_at(as_audit *a, const as_column *c, const size_t *rows, size_t n_rows,
                              as_error *err)
{
    if (n_rows == c->n) return c;
    as_column *out = as_arena_push(a->arena, 1, sizeof *out, err);
    const size_t dim = c->kind == AS_COLUMN_MATRIX ? c->dim : 1;
    double *number = as_arena_push(a->arena, n_rows + 1, sizeof *number, err);
    const char **text = as_arena_push(a->arena, n_rows + 1, sizeof *text, err);
    float *matrix = as_arena_push(a->arena, n_rows * dim + 1, sizeof *matrix, err);
    if (!out || !number || !text || !matrix) return NULL;
    *out = *c;
    for (size_t i = 0; i < n_rows; i++) {
        if (c->number) number[i] = c->number[rows[i]];
        if (c->text) text[i] = c->text[rows[i]];
        if (c->matrix) memcpy(matrix + i * dim, c->matrix + rows[i] * dim, dim * sizeof *matrix);
    }
    out->number = c->number ? number : NULL;
    out->text = c->text ? text : NULL;
    out->matrix = c->matrix ? matrix : NULL;
    out->why = NULL;
    out->n = n_rows;
    out->n_missing = c->n - n_rows;
    return out;
}
