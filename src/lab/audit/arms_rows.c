/* Columns of several tables joined into the rows of arms; see arms_internal.h. */
#include <math.h>
#include <string.h>

#include "lab/audit/arms_internal.h"

/* --- joining -------------------------------------------------------------------------------------
 */

/* A column on its way into the rows. */
typedef struct {
    const char *param;
    as_arms_kind kind;
    const as_column *column;
    const size_t *row; /* row of the first table -> row of this one; NULL: the same */
} source;

/* The keys of two tables, one after the other, as one column; values stay where they are. */
static bool stack_keys(as_audit *a, const as_column *x, const as_column *y, as_column *out,
                       as_error *err)
{
    size_t n = x->n + y->n;
    *out = (as_column){.name = y->name, .table = y->table, .kind = y->kind, .n = n};
    if (x->kind == AS_COLUMN_TEXT) {
        const char **text = as_arena_push(a->arena, n, sizeof *text, err);
        if (!text) return false;
        if (x->n) memcpy(text, x->text, x->n * sizeof *text);
        if (y->n) memcpy(text + x->n, y->text, y->n * sizeof *text);
        out->text = text;
        return true;
    }
    double *number = as_arena_push(a->arena, n, sizeof *number, err);
    if (!number) return false;
    if (x->n) memcpy(number, x->number, x->n * sizeof *number);
    if (y->n) memcpy(number + x->n, y->number, y->n * sizeof *number);
    out->number = number;
    return true;
}

static bool key_fail(const as_audit *a, const as_column *c, const char *name, const char *what,
                     as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    return as_audit_fail(a, "keys", err, "%s.%s: key \"%s\" %s", c->table->name, c->name,
                         as_escape(name, strlen(name), shown), what);
}

/* *row: for each row of the table of x, the row of the table of y that has the same key. */
static bool match_keys(as_audit *a, const as_column *x, const as_column *y, const size_t **row,
                       as_error *err)
{
    as_column both;
    as_groups g;
    if (x->kind != y->kind || x->kind == AS_COLUMN_MATRIX || x->n_missing || y->n_missing)
        return as_audit_fail(a, "keys", err,
                             "%s.%s: keys (expected text or numbers like those of %s.%s, none "
                             "missing)",
                             y->table->name, y->name, x->table->name, x->name);
    if (!stack_keys(a, x, y, &both, err)) return false;
    if (!as_outcome_groups(a, &both, NULL, both.n, &g, err)) return false;
    size_t *to = as_arena_push(a->arena, g.n, sizeof *to, err);
    if (!to) return false;
    for (size_t i = 0; i < x->n; i++)
        if (g.id[i] != i) return key_fail(a, x, g.name[g.id[i]], "occurs twice", err);
    for (size_t i = 0; i < g.n; i++) to[i] = SIZE_MAX;
    for (size_t j = 0; j < y->n; j++) {
        size_t id = g.id[x->n + j];
        if (id >= x->n) return key_fail(a, y, g.name[id], "is in no other table", err);
        if (to[id] != SIZE_MAX) return key_fail(a, y, g.name[id], "occurs twice", err);
        to[id] = j;
    }
    for (size_t i = 0; i < x->n; i++)
        if (to[i] == SIZE_MAX) return key_fail(a, y, g.name[i], "is not there", err);
    *row = to;
    return true;
}

static const as_column *key_of(const as_audit *a, const as_table *t)
{
    const as_arg *keys = as_arg_of(a, "keys");
    for (size_t i = 0; i < keys->n; i++)
        if (keys->column[i]->table == t) return keys->column[i];
    return NULL;
}

/* Finds the rows of each source in those of the first. */
static bool join(as_audit *a, source *s, size_t n, as_error *err)
{
    const as_column *first = s[0].column;
    bool has_keys = as_arg_of(a, "keys")->given;
    const as_column *key = has_keys ? key_of(a, first->table) : NULL;
    for (size_t i = 0; i < n; i++) {
        const as_column *c = s[i].column, *other = has_keys ? key_of(a, c->table) : NULL;
        if (has_keys && (!key || !other))
            return as_audit_fail(a, "keys", err, "table %s has no key among them",
                                 (key ? c : first)->table->name);
        if (c->n != first->n)
            return as_audit_fail(
                a, s[i].param, err, "%s.%s: rows (found %zu, expected the %zu of %s.%s)",
                c->table->name, c->name, c->n, first->n, first->table->name, first->name);
        for (size_t j = 0; has_keys && j < i && !s[i].row; j++)
            if (s[j].column->table == c->table) s[i].row = s[j].row;
        if (has_keys && !s[i].row && !match_keys(a, key, other, &s[i].row, err)) return false;
    }
    return true;
}

/* --- values --------------------------------------------------------------------------------------
 */

/* *out: the value, NaN when it is missing. */
static bool read_value(as_audit *a, const source *s, size_t row, double *out, as_error *err)
{
    static const char *const expected[] = {"a number", "0 or 1", "0 or 1, hedge or assert",
                                           "a finish reason"};
    const as_column *c = s->column;
    bool is_text = c->kind == AS_COLUMN_TEXT;
    char shown[AS_ESCAPE_SIZE];
    *out = NAN;
    if (is_text ? !c->text[row] : isnan(c->number[row])) return true;
    switch (s->kind) {
    case AS_ARMS_NUMBER:
    case AS_ARMS_BINARY:
        if (is_text) break;
        *out = c->number[row];
        if (s->kind == AS_ARMS_NUMBER || *out == 0 || *out == 1) return true;
        break;
    case AS_ARMS_ASSERTS:
        *out = !is_text ? c->number[row] : strcmp(c->text[row], "assert") == 0;
        if (*out == 1) return true;
        if (is_text ? strcmp(c->text[row], "hedge") == 0 : *out == 0) return true;
        break;
    case AS_ARMS_CUT:
        if (!is_text) break;
        *out = strcmp(c->text[row], "length") == 0;
        return true;
    }
    const char *found = is_text ? as_escape(c->text[row], strlen(c->text[row]), shown)
                                : as_double_text(c->number[row], shown);
    return as_audit_fail(a, s->param, err, "%s.%s: item %zu (found %s, expected %s)",
                         c->table->name, c->name, row, found, expected[s->kind]);
}

static bool is_there(const source *s, size_t i)
{
    const as_column *c = s->column;
    size_t row = s->row ? s->row[i] : i;
    return c->kind == AS_COLUMN_TEXT ? c->text[row] != NULL : !isnan(c->number[row]);
}

/* Copies the items whose n values, and cluster, are all there. kept: rows of the first table. */
static bool copy_values(as_audit *a, const source *s, size_t n, const source *cluster,
                        const size_t **kept, as_arms *out, as_error *err)
{
    size_t total = s[0].column->n;
    size_t *rows = as_arena_push(a->arena, total, sizeof *rows, err);
    double **x = as_arena_push(a->arena, n, sizeof *x, err);
    if (!rows || !x) return false;
    for (size_t k = 0; k < n; k++) {
        x[k] = as_arena_push(a->arena, total, sizeof **x, err);
        if (!x[k]) return false;
    }
    for (size_t i = 0; i < total; i++) {
        bool whole = !cluster || is_there(cluster, i);
        for (size_t k = 0; k < n; k++) {
            size_t row = s[k].row ? s[k].row[i] : i;
            if (!read_value(a, &s[k], row, &x[k][out->n], err)) return false;
            whole = whole && !isnan(x[k][out->n]);
        }
        if (whole) rows[out->n++] = i;
    }
    out->missing = total - out->n;
    out->x = (const double *const *)x;
    *kept = rows;
    return true;
}

static bool group_units(as_audit *a, const source *cluster, const size_t *kept, as_arms *out,
                        as_error *err)
{
    as_groups g;
    size_t *id = as_arena_push(a->arena, out->n, sizeof *id, err);
    if (!id) return false;
    for (size_t i = 0; i < out->n; i++)
        id[i] = !cluster ? i : cluster->row ? cluster->row[kept[i]] : kept[i];
    out->unit = id;
    out->n_units = out->n;
    out->is_clustered = cluster != NULL;
    if (cluster) {
        if (!as_outcome_groups(a, cluster->column, id, out->n, &g, err)) return false;
        out->unit = g.id;
        out->n_units = g.n;
    }
    double *of_unit = as_arena_push(a->arena, out->n_units, sizeof *of_unit, err);
    if (!of_unit) return false;
    for (size_t i = 0; i < out->n; i++) of_unit[out->unit[i]] += 1;
    out->of_unit = of_unit;
    return true;
}

static bool name_columns(as_audit *a, const source *s, size_t n, as_arms *out, as_error *err)
{
    const char **param = as_arena_push(a->arena, n, sizeof *param, err);
    const char **label = as_arena_push(a->arena, n, sizeof *label, err);
    if (!param || !label) return false;
    for (size_t i = 0; i < n; i++) {
        const as_column *c = s[i].column;
        for (size_t j = 0; j < i; j++)
            if (s[j].column == c && strcmp(s[j].param, s[i].param) == 0)
                return as_audit_fail(a, s[i].param, err, "%s.%s is listed twice", c->table->name,
                                     c->name);
        param[i] = s[i].param;
        label[i] = as_arena_printf(a->arena, err, "%s.%s", c->table->name, c->name);
        if (!label[i]) return false;
    }
    out->param = param;
    out->label = label;
    out->n_columns = n;
    return true;
}

bool as_arms_read(as_audit *a, const as_arms_want *want, size_t n_want, as_arms *out, as_error *err)
{
    size_t n = 0, total = 1; /* one for the cluster */
    const as_column *by = as_arg_column(a, "cluster");
    const size_t *kept;
    *out = (as_arms){0};
    for (size_t i = 0; i < n_want; i++) total += as_arg_of(a, want[i].param)->n;
    source *s = as_arena_push(a->arena, total, sizeof *s, err);
    if (!s) return false;
    for (size_t i = 0; i < n_want; i++) {
        const as_arg *g = as_arg_of(a, want[i].param);
        for (size_t k = 0; k < g->n; k++) {
            if (g->column[k]->kind == AS_COLUMN_MATRIX)
                return as_audit_fail(a, want[i].param, err, "%s.%s is a matrix (expected %s)",
                                     g->column[k]->table->name, g->column[k]->name, "one value");
            s[n++] = (source){want[i].param, want[i].kind, g->column[k], NULL};
        }
    }
    AS_CHECK(n > 0);
    if (by) s[n] = (source){"cluster", AS_ARMS_NUMBER, by, NULL};
    const source *cluster = by ? &s[n] : NULL;
    if (by && by->kind == AS_COLUMN_MATRIX)
        return as_audit_fail(a, "cluster", err, "a matrix cannot name groups (expected text)");
    return join(a, s, n + (by != NULL), err) && name_columns(a, s, n, out, err) &&
           copy_values(a, s, n, cluster, &kept, out, err) &&
           group_units(a, cluster, kept, out, err);
}

size_t as_arms_place(const as_arms *m, const char *param, size_t i)
{
    size_t k = 0;
    while (k < m->n_columns && strcmp(m->param[k], param) != 0) k++;
    AS_CHECK(k + i < m->n_columns && strcmp(m->param[k + i], param) == 0);
    return k + i;
}

const double *as_arms_values(const as_arms *m, const char *param, size_t i)
{
    return m->x[as_arms_place(m, param, i)];
}
