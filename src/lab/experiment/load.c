/* Rows back to tables: what the files said comes from the store, what the plan derives from it is
 * computed here, then the filters. */
#include <math.h>
#include <string.h>

#include "lab/experiment/import.h"
#include "lab/experiment/planted.h"
#include "lab/judge/pattern.h"

typedef struct {
    as_store *store;
    const as_design *design;
    const as_plan *plan;
    const as_table_spec *spec;
    as_arena *a;
    as_error *err;
    size_t n;
    as_column *column; /* one for each spec->column, in order */
    const uint64_t *position;
    as_judgement_list judged; /* of an arm of a step: all there is, read once for its columns */
    as_sha256 *digest;
} loader;

static bool add_key(const loader *m, const char *key)
{
    return as_sha256_add(m->digest, key, strlen(key), m->err);
}

static bool wrong_count(const loader *m, const as_column_spec *c, size_t found)
{
    return as_fail(m->err, AS_ESTATE, "%s: table %s: column %s: rows (found %zu, expected %zu)",
                   as_store_path(m->store), m->spec->name, c->name, found, m->n);
}

/* Room for n numbers or texts and the reasons of missing ones. */
static bool room(const loader *m, as_column *c, double **number, const char ***text,
                 const char ***why)
{
    *number = as_arena_push(m->a, m->n + 1, sizeof **number, m->err);
    *text = as_arena_push(m->a, m->n + 1, sizeof **text, m->err);
    *why = as_arena_push(m->a, m->n + 1, sizeof **why, m->err);
    c->n = m->n;
    return *number && *text && *why;
}

static void settle(const loader *m, as_column *c, double *number, const char **text,
                   const char **why)
{
    c->kind = AS_COLUMN_NUMBER;
    for (size_t i = 0; i < m->n; i++)
        if (text[i]) c->kind = AS_COLUMN_TEXT;
    c->n_missing = 0;
    for (size_t i = 0; i < m->n; i++)
        if (c->kind == AS_COLUMN_TEXT ? !text[i] : isnan(number[i])) {
            c->n_missing++;
            if (!why[i]) why[i] = "unknown";
        }
    c->number = c->kind == AS_COLUMN_NUMBER ? number : NULL;
    c->text = c->kind == AS_COLUMN_TEXT ? text : NULL;
    c->why = c->n_missing ? why : NULL;
}

/* The rows of the table: a set of its own, or one arm of a step. */
static as_store_where where_of(const loader *m, const char *what)
{
    const as_table_spec *t = m->spec;
    return (as_store_where){
        .design = m->design->key, .set = t->set ? t->set : t->name, .arm = t->arm, .what = what};
}

/* The judgements of one axis, in the order of items. */
static bool list_axis(const loader *m, const char *axis, as_judgement_list *out)
{
    const as_store_where w = where_of(m, axis);
    if (!m->spec->arm) return as_store_judgements(m->store, &w, m->a, out, m->err);
    *out = (as_judgement_list){.rows = as_arena_push(m->a, m->n + 1, sizeof *out->rows, m->err)};
    for (size_t i = 0; out->rows && i < m->judged.n; i++) {
        if (strcmp(m->judged.rows[i].axis, axis) != 0) continue;
        if (out->n < m->n) out->rows[out->n] = m->judged.rows[i];
        out->n++;
    }
    return out->rows;
}

static bool load_judgements(const loader *m, const as_column_spec *s, as_column *c)
{
    as_judgement_list list = {0};
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    if (!list_axis(m, s->name, &list)) return false;
    if (list.n != m->n) return wrong_count(m, s, list.n);
    if (!room(m, c, &number, &text, &why)) return false;
    for (size_t i = 0; i < m->n; i++) {
        number[i] = list.rows[i].score;
        text[i] = list.rows[i].label;
        why[i] = list.rows[i].missing;
        if (!add_key(m, list.rows[i].key)) return false;
    }
    settle(m, c, number, text, why);
    return true;
}

static bool load_readings(const loader *m, const as_column_spec *s, as_column *c, bool *found)
{
    as_reading_list list = {0};
    as_store_where w = where_of(m, s->name);
    *found = false;
    for (size_t i = 0; i < m->judged.n; i++) /* judged, so not read */
        if (strcmp(m->judged.rows[i].axis, s->name) == 0) return true;
    if (!as_store_readings(m->store, &w, m->a, &list, m->err)) return false;
    *found = list.n > 0;
    if (!*found) return true;
    if (list.n > m->n || (list.n < m->n && !m->spec->arm)) return wrong_count(m, s, list.n);
    size_t dim = list.rows[0].dim, next = 0;
    float *matrix = as_arena_push(m->a, m->n * dim + 1, sizeof *matrix, m->err);
    const char **why = as_arena_push(m->a, m->n + 1, sizeof *why, m->err);
    if (!matrix || !why) return false;
    for (size_t i = 0; i < m->n; i++) {
        if (next < list.n && list.position[next] == m->position[i]) {
            if (list.rows[next].dim != dim) return wrong_count(m, s, i);
            memcpy(matrix + i * dim, list.rows[next].values, dim * sizeof *matrix);
            if (!add_key(m, list.rows[next++].key)) return false;
        } else { /* an answer of a step that is too short for the reading */
            for (size_t k = 0; k < dim; k++) matrix[i * dim + k] = NAN;
            why[i] = "too short";
        }
    }
    if (next != list.n) return wrong_count(m, s, list.n);
    c->kind = AS_COLUMN_MATRIX;
    c->n_missing = m->n - list.n;
    c->why = c->n_missing ? why : NULL;
    c->n = m->n;
    c->matrix = matrix;
    c->dim = dim;
    return true;
}

static bool load_role(const loader *m, as_column *c, const as_prompt_list *prompts,
                      const as_generation_list *answers)
{
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    if (!room(m, c, &number, &text, &why)) return false;
    for (size_t i = 0; i < m->n; i++) {
        number[i] = NAN;
        text[i] = prompts ? prompts->rows[i].text : answers->rows[i].text;
    }
    settle(m, c, number, text, why);
    return true;
}

static bool is_role(const char *role, const char *name)
{
    return role && strcmp(role, name) == 0;
}

/* Columns that every step has and no judge: what was asked, what came back, and how it ended. */
static bool load_of_step(const loader *m, as_column *c, const char *name,
                         const as_prompt_list *prompts, const as_generation_list *answers,
                         bool *found)
{
    static const char *const known[] = {"prompt", "answer", "finish", "cluster"};
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    size_t k = 0;
    while (k < 4 && strcmp(known[k], name) != 0) k++;
    *found = m->spec->arm && k < 4;
    if (!*found) return true;
    if (!room(m, c, &number, &text, &why)) return false;
    for (size_t i = 0; i < m->n; i++) {
        number[i] = NAN;
        text[i] = k == 0   ? prompts->rows[i].text
                  : k == 1 ? answers->rows[i].text
                  : k == 2 ? answers->rows[i].finish
                           : prompts->rows[i].cluster;
    }
    settle(m, c, number, text, why);
    return true;
}

static bool load_items(loader *m)
{
    const as_table_spec *t = m->spec;
    as_store_where w = where_of(m, NULL);
    as_prompt_list prompts = {0};
    as_generation_list answers = {0};
    if (!as_store_prompts(m->store, &w, m->a, &prompts, m->err) ||
        !as_store_generations(m->store, &w, m->a, &answers, m->err))
        return false;
    if (prompts.n != m->n || answers.n != m->n)
        return as_fail(m->err, AS_ESTATE, "%s: table %s: items (found %zu, expected %zu)",
                       as_store_path(m->store), t->name, prompts.n, m->n);
    uint64_t *position = as_arena_push(m->a, m->n + 1, sizeof *position, m->err);
    if (!position) return false;
    for (size_t i = 0; i < m->n; i++) {
        position[i] = prompts.rows[i].position;
        if (!add_key(m, answers.rows[i].key)) return false;
    }
    m->position = position;
    if (t->arm && !as_store_judgements(m->store, &w, m->a, &m->judged, m->err)) return false;
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *s = &t->column[i];
        bool done = false;
        if (s->origin == AS_DERIVED) continue;
        if (!load_of_step(m, &m->column[i], s->name, &prompts, &answers, &done)) return false;
        if (done) continue;
        if (is_role(t->prompt, s->name)) {
            if (!load_role(m, &m->column[i], &prompts, NULL)) return false;
        } else if (is_role(t->answer, s->name)) {
            if (!load_role(m, &m->column[i], NULL, &answers)) return false;
        } else if (!load_readings(m, s, &m->column[i], &done) ||
                   (!done && !load_judgements(m, s, &m->column[i]))) {
            return false;
        }
    }
    return true;
}

/* A statistic of figures: detail {"values": [...], "why": {index: reason}}. */
static bool load_figures(const loader *m, const as_statistic *row, as_column *c)
{
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    json_t *detail = as_json_parse(row->name, row->detail, strlen(row->detail), m->err);
    const json_t *values = json_object_get(detail, "values"),
                 *reasons = json_object_get(detail, "why");
    bool ok = detail && json_array_size(values) == m->n && room(m, c, &number, &text, &why);
    for (size_t i = 0; ok && i < m->n; i++) {
        const json_t *v = json_array_get(values, i);
        char index[32];
        number[i] = json_is_number(v) ? json_number_value(v) : NAN;
        if (json_is_string(v))
            ok = (text[i] = as_arena_text(m->a, json_string_value(v), m->err)) != NULL;
        const json_t *r = json_object_get(reasons, as_double_text((double)i, index));
        if (ok && json_is_string(r))
            ok = (why[i] = as_arena_text(m->a, json_string_value(r), m->err)) != NULL;
    }
    if (ok)
        settle(m, c, number, text, why);
    else
        as_fail(m->err, AS_ESTATE, "table %s: column %s: values (expected %zu)", m->spec->name,
                row->name, m->n);
    json_decref(detail);
    return ok && add_key(m, row->key);
}

static bool load_figure_columns(loader *m, const as_statistic *rows, size_t n_rows)
{
    uint64_t *position = as_arena_push(m->a, m->n + 1, sizeof *position, m->err);
    if (!position) return false;
    for (size_t i = 0; i < m->n; i++) position[i] = i;
    m->position = position;
    for (size_t i = 0; i < m->spec->n_columns; i++) {
        const as_statistic *row = NULL;
        if (m->spec->column[i].origin == AS_DERIVED) continue;
        for (size_t k = 0; k < n_rows; k++)
            if (strcmp(rows[k].name, m->spec->column[i].name) == 0) row = &rows[k];
        if (!row) return wrong_count(m, &m->spec->column[i], 0);
        if (!load_figures(m, row, &m->column[i])) return false;
    }
    return true;
}

/* --- derived columns ---------------------------------------------------------------------------
 */

/* The p/q with the smallest q <= 64 within 1e-4, as a double; NaN when there is none. Two such
 * fractions are at least 1/(64*63) apart, so at most one is that near; released shares are rounded
 * to four decimals or stored in single precision. */
static double fraction(double x)
{
    for (int q = 1; q <= 64; q++) {
        double p = nearbyint(x * q);
        if (fabs(p / q - x) <= 1e-4) return p / q;
    }
    return NAN;
}

static bool to_fractions(const loader *m, const as_column_spec *s, as_column *c)
{
    double *number = as_arena_push(m->a, m->n + 1, sizeof *number, m->err);
    if (!number) return false;
    if (c->kind != AS_COLUMN_NUMBER)
        return as_tree_fail(s->at, m->err, "as (fraction needs a column of numbers)");
    for (size_t i = 0; i < m->n; i++) {
        char found[32];
        number[i] = isnan(c->number[i]) ? NAN : fraction(c->number[i]);
        if (isnan(number[i]) && !isnan(c->number[i]))
            return as_tree_fail(s->at, m->err,
                                "item %zu: value (found %s, expected a fraction "
                                "with a denominator up to 64)",
                                i, as_double_text(c->number[i], found));
    }
    c->number = number;
    return true;
}

static bool passes(const char *rule, double x, double cut)
{
    if (strcmp(rule, ">=") == 0) return x >= cut;
    if (strcmp(rule, ">") == 0) return x > cut;
    if (strcmp(rule, "<=") == 0) return x <= cut;
    return x < cut;
}

static const as_column *column_of(const loader *m, const char *name)
{
    for (size_t i = 0; i < m->spec->n_columns; i++)
        if (strcmp(m->spec->column[i].name, name) == 0) return &m->column[i];
    return NULL;
}

static bool plant_vectors(const loader *m, const as_column_spec *s, const as_column *x,
                          as_column *c)
{
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    if (!room(m, c, &number, &text, &why) ||
        !as_planted_vectors(s->seed, number, x->matrix, m->n, x->dim, m->err))
        return false;
    for (size_t i = 0; x->why && i < m->n; i++) why[i] = x->why[i];
    settle(m, c, number, text, why);
    return true;
}

typedef struct {
    const as_column_spec *s;
    const as_column *from, *other;
    as_lexicon *lexicon;
} derivation;

/* The value of item i, from a present value. */
static bool derive_one(const derivation *d, size_t i, double *out, as_error *err)
{
    const char *text = d->from->text ? d->from->text[i] : NULL;
    double x = d->from->number ? d->from->number[i] : NAN;
    char room32[32];
    switch (d->s->derive) {
    case AS_DERIVE_RULE:
        *out = passes(d->s->word, x, d->s->cut);
        return true;
    case AS_DERIVE_EQUALS:
        *out = strcmp(text ? text : as_double_text(x, room32), d->s->word) == 0;
        return true;
    case AS_DERIVE_MEASURE:
        *out = strcmp(d->s->word, "characters") == 0 ? (double)as_text_chars(text)
               : strcmp(d->s->word, "words") == 0    ? (double)as_text_words(text)
                                                     : (double)strlen(text);
        return true;
    case AS_DERIVE_LEXICON:
        return as_lexicon_rate(d->lexicon, text, out, err);
    case AS_DERIVE_ENDING:
        *out = strcmp(d->s->word, "strict") == 0 ? as_text_ends_strict(text)
                                                 : as_text_ends_lenient(text);
        return true;
    case AS_DERIVE_MINUS:
        *out = x - d->other->number[i];
        return true;
    case AS_DERIVE_PLANTED:
        return as_planted_text(d->s->seed, text, out, err);
    }
    return true;
}

static bool derive(const loader *m, const as_column_spec *s, as_column *c)
{
    static const bool needs_text[] = {false, false, true, true, true, false, true};
    derivation d = {s, column_of(m, s->from), NULL, NULL};
    double *number = NULL;
    const char **text = NULL, **why = NULL;
    bool ok = false;
    if (d.from->n == 0) return as_tree_fail(s->at, m->err, "from (expected an earlier column)");
    if (s->derive == AS_DERIVE_PLANTED && d.from->kind == AS_COLUMN_MATRIX)
        return plant_vectors(m, s, d.from, c);
    if (d.from->kind == AS_COLUMN_MATRIX ||
        (s->derive != AS_DERIVE_EQUALS &&
         needs_text[s->derive] != (d.from->kind == AS_COLUMN_TEXT)))
        return as_tree_fail(s->at, m->err, "from (found a column of %s, expected %s)",
                            d.from->kind == AS_COLUMN_TEXT   ? "texts"
                            : s->derive == AS_DERIVE_PLANTED ? "numbers"
                                                             : "numbers or vectors",
                            s->derive == AS_DERIVE_PLANTED ? "texts or vectors"
                            : needs_text[s->derive]        ? "texts"
                                                           : "numbers");
    if (s->derive == AS_DERIVE_MINUS) {
        d.other = column_of(m, s->word);
        if (!d.other->number) return as_tree_fail(s->at, m->err, "minus (expected numbers)");
    }
    if (s->derive == AS_DERIVE_LEXICON) {
        const as_lexicon_spec *l = as_plan_lexicon(m->plan, s->word);
        d.lexicon = as_lexicon_new(l->word, l->n, m->err);
        if (!d.lexicon) goto out;
    }
    if (!room(m, c, &number, &text, &why)) goto out;
    for (size_t i = 0; i < m->n; i++) {
        bool has = d.from->text ? d.from->text[i] != NULL : !isnan(d.from->number[i]);
        number[i] = NAN;
        if (!has)
            why[i] = d.from->why[i];
        else if (!derive_one(&d, i, &number[i], m->err))
            goto out;
        if (has && isnan(number[i])) why[i] = "undefined";
    }
    settle(m, c, number, text, why);
    ok = true;
out:
    as_lexicon_free(d.lexicon);
    return ok;
}

/* --- filters --------------------------------------------------------------------------------- */

static bool keeps(const as_where *w, const as_column *c, size_t i)
{
    char text[32];
    bool has = c->text     ? c->text[i] != NULL
               : c->number ? !isnan(c->number[i])
                           : !c->why || !c->why[i];
    if (strcmp(w->test, "present") == 0) return has;
    if (strcmp(w->test, "missing") == 0) return !has;
    if (!has || (!c->text && !c->number)) return false;
    if (strcmp(w->test, "equals") == 0)
        return strcmp(c->text ? c->text[i] : as_double_text(c->number[i], text), w->text) == 0;
    return c->number && passes(w->test, c->number[i], w->cut);
}

/* Column c restricted to the n_kept rows in kept. */
static bool restrict_column(const loader *m, as_column *c, const size_t *kept, size_t n_kept)
{
    double *number = as_arena_push(m->a, n_kept + 1, sizeof *number, m->err);
    const char **text = as_arena_push(m->a, n_kept + 1, sizeof *text, m->err);
    const char **why = as_arena_push(m->a, n_kept + 1, sizeof *why, m->err);
    if (!number || !text || !why) return false;
    if (c->kind == AS_COLUMN_MATRIX) {
        float *matrix = as_arena_push(m->a, n_kept * c->dim + 1, sizeof *matrix, m->err);
        if (!matrix) return false;
        for (size_t i = 0; i < n_kept; i++)
            memcpy(matrix + i * c->dim, c->matrix + kept[i] * c->dim, c->dim * sizeof *matrix);
        c->n_missing = 0;
        for (size_t i = 0; c->why && i < n_kept; i++) {
            why[i] = c->why[kept[i]];
            c->n_missing += why[i] != NULL;
        }
        c->matrix = matrix;
        c->why = c->n_missing ? why : NULL;
        c->n = n_kept;
        return true;
    }
    c->n_missing = 0;
    for (size_t i = 0; i < n_kept; i++) {
        if (c->number) number[i] = c->number[kept[i]];
        if (c->text) text[i] = c->text[kept[i]];
        if (c->why) why[i] = c->why[kept[i]];
        c->n_missing += c->number ? isnan(number[i]) : text[i] == NULL;
    }
    if (c->number) c->number = number;
    if (c->text) c->text = text;
    c->why = c->n_missing ? why : NULL;
    c->n = n_kept;
    return true;
}

static bool filter(loader *m)
{
    const as_table_spec *t = m->spec;
    size_t n_kept = 0, *kept = as_arena_push(m->a, m->n + 1, sizeof *kept, m->err);
    uint64_t *position = as_arena_push(m->a, m->n + 1, sizeof *position, m->err);
    if (!kept || !position) return false;
    if (t->n_where == 0) return true;
    for (size_t i = 0; i < m->n; i++) {
        bool keep = true;
        for (size_t k = 0; keep && k < t->n_where; k++)
            keep = keeps(&t->where[k], column_of(m, t->where[k].column), i);
        if (!keep) continue;
        position[n_kept] = m->position[i];
        kept[n_kept++] = i;
    }
    if (n_kept == 0) return as_tree_fail(t->at, m->err, "where (keeps none of %zu items)", m->n);
    for (size_t k = 0; k < t->n_columns; k++)
        if (!restrict_column(m, &m->column[k], kept, n_kept)) return false;
    m->n = n_kept;
    m->position = position;
    return true;
}

/* --- the whole table ---------------------------------------------------------------------------
 */

static bool load_facts(const loader *m, const as_statistic *closing, as_table *out)
{
    json_t *detail = as_json_parse("facts", closing->detail, strlen(closing->detail), m->err);
    const char *name;
    json_t *value, *facts = json_object_get(detail, "facts");
    bool ok = detail != NULL;
    as_fact *fact = as_arena_push(m->a, json_object_size(facts) + 1, sizeof *fact, m->err);
    ok = ok && fact;
    json_object_foreach(facts, name, value)
    {
        if (!ok) break;
        fact[out->n_facts].name = as_arena_text(m->a, name, m->err);
        fact[out->n_facts].value = as_arena_text(m->a, json_string_value(value), m->err);
        ok = fact[out->n_facts].name && fact[out->n_facts].value;
        out->n_facts++;
    }
    const char *why = json_string_value(json_object_get(detail, "why"));
    if (ok && why) {
        out->absent = as_arena_printf(m->a, m->err,
                                      m->spec->arm ? "%s" : "%s is not in the data folder", why);
        ok = out->absent != NULL;
    }
    out->fact = fact;
    json_decref(detail);
    return ok;
}

static bool load_columns(loader *m, const as_statistic *rows, size_t n_rows)
{
    const as_table_spec *t = m->spec;
    m->column = as_arena_push(m->a, t->n_columns + 1, sizeof *m->column, m->err);
    if (!m->column) return false;
    if (t->is_figures ? !load_figure_columns(m, rows, n_rows) : !load_items(m)) return false;
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *s = &t->column[i];
        m->column[i].name = s->name;
        if (s->origin == AS_DERIVED ? !derive(m, s, &m->column[i])
                                    : s->is_fraction && !to_fractions(m, s, &m->column[i]))
            return false;
    }
    return filter(m);
}

bool as_load_table(as_store *store, const as_design *design, const as_plan *plan,
                   const as_table_spec *spec, as_arena *a, as_table *out, as_error *err)
{
    loader m = {.store = store, .design = design, .plan = plan, .spec = spec, .a = a, .err = err};
    as_statistic *rows = NULL, *closing = NULL;
    size_t n_rows = 0;
    bool ok = false;
    *out = (as_table){.name = spec->name, .about = spec->about};
    const char *check = as_arena_printf(a, err, "%s/%s", spec->arm ? "answers" : "table",
                                        spec->arm ? spec->arm : spec->name);
    if (!check || !as_store_statistics(store, design->key, check, a, &rows, &n_rows, err))
        return false;
    for (size_t i = 0; i < n_rows; i++)
        if (strcmp(rows[i].name, "items") == 0 || strcmp(rows[i].name, "absent") == 0)
            closing = &rows[i];
    if (!closing)
        return as_fail(err, AS_ESTATE, "%s: table %s: rows (found none)", as_store_path(store),
                       spec->name);
    if (!load_facts(&m, closing, out)) return false;
    if (out->absent) return true;
    m.n = out->n_all = closing->n;
    m.digest = as_sha256_new(err);
    if (!m.digest || !load_columns(&m, rows, n_rows)) goto out;
    ok = as_sha256_end(m.digest, out->digest, err);
    m.digest = NULL;
    for (size_t i = 0; i < spec->n_columns; i++) m.column[i].table = out;
    out->column = m.column;
    out->n_columns = spec->n_columns;
    out->n = m.n;
    out->position = m.position;
out: /* the place is the plan's, but it is the rows that are not what the plan says */
    if (!ok && err->class_ == AS_EUSAGE) err->class_ = AS_EFORMAT;
    as_sha256_free(m.digest);
    return ok;
}
