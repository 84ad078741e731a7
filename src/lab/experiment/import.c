/* Files to rows. */
#include "lab/experiment/import.h"

#include <math.h>
#include <string.h>

#define N_A SIZE_MAX

/* One column as it stands in the files, before anything is derived from it. */
typedef struct {
    const as_column_spec *spec;
    double *number;    /* (n) NaN: missing; NULL when the column holds texts or vectors */
    const char **text; /* (n) */
    const char **why;  /* (n) */
    const float *matrix;
    size_t dim;
} raw;

typedef struct {
    as_store *store;
    const as_design *design;
    const as_table_spec *spec;
    as_sources *sources;
    as_arena *a;
    as_error *err;
    as_values rows; /* what `rows` points to */
    size_t n;
    raw *column; /* one for each column that is not derived */
    size_t n_columns;
} importer;

static bool fail_column(const importer *m, const as_column_spec *c, size_t item, const char *what,
                        const char *found, const char *expected)
{
    return as_tree_fail(c->at, m->err, "item %zu: %s (found %s, expected %s)", item, what, found,
                        expected);
}

static bool make_raw(const importer *m, raw *r)
{
    r->number = as_arena_push(m->a, m->n + 1, sizeof *r->number, m->err);
    r->text = as_arena_push(m->a, m->n + 1, sizeof *r->text, m->err);
    r->why = as_arena_push(m->a, m->n + 1, sizeof *r->why, m->err);
    return r->number && r->text && r->why;
}

/* Sets item i of r from a JSON value; NULL, null, objects and arrays are missing, with a reason. */
static void take(raw *r, size_t i, const json_t *v)
{
    r->number[i] = NAN;
    if (!v)
        r->why[i] = "no such field";
    else if (json_is_string(v))
        r->text[i] = json_string_value(v);
    else if (json_is_number(v))
        r->number[i] = json_number_value(v);
    else if (json_is_boolean(v))
        r->number[i] = json_is_true(v);
    else
        r->why[i] = json_is_null(v) ? "null" : "not a scalar";
}

/* A column holds numbers or texts, not both, and at least one value. */
static bool settle(const importer *m, raw *r)
{
    size_t first_number = N_A, first_text = N_A;
    for (size_t i = 0; i < m->n; i++) {
        if (r->text[i] && first_text == N_A) first_text = i;
        if (!isnan(r->number[i]) && first_number == N_A) first_number = i;
    }
    if (first_number != N_A && first_text != N_A)
        return fail_column(m, r->spec, first_text, "value", "a text",
                           "a number as in the other items");
    if (first_number == N_A && first_text == N_A && m->n > 0)
        return fail_column(m, r->spec, 0, "column", r->why[0] ? r->why[0] : "nothing",
                           "a value in at least one item");
    if (first_number != N_A)
        r->text = NULL;
    else
        r->number = NULL;
    return true;
}

static bool from_row(const importer *m, const as_column_spec *c, raw *r)
{
    as_buf pointer = {0};
    bool ok = false;
    if (!make_raw(m, r)) return false;
    if (strcmp(c->pointer, ".") != 0 && c->pointer[0] != '@')
        as_buf_printf(&pointer, "/%s", c->pointer);
    if (!as_buf_ok(&pointer, m->err)) goto out;
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(c->pointer, "@index") == 0)
            r->number[i] = (double)i;
        else if (strcmp(c->pointer, "@key") == 0) {
            r->number[i] = NAN;
            r->text[i] = m->rows.key[i];
            if (!r->text[i]) r->why[i] = "an array has no keys";
        } else
            take(r, i, as_json_at(m->rows.json[i], as_buf_text(&pointer)));
    }
    ok = settle(m, r);
out:
    as_buf_clear(&pointer);
    return ok;
}

/* A value written in the plan: a number where it reads as one, else a text. */
static bool take_written(const importer *m, raw *r, size_t i, const as_tree *v)
{
    as_error ignored = {0};
    r->number[i] = NAN;
    if (!as_tree_text(v, &r->text[i], m->err)) return false;
    if (r->text[i][0] == '\0') r->why[i] = "not given";
    if (r->text[i][0] == '\0' || as_tree_double(v, &r->number[i], &ignored))
        r->text[i] = NULL;
    else
        r->number[i] = NAN;
    return true;
}

static bool from_plan(const importer *m, const as_column_spec *c, raw *r)
{
    const as_tree *v = c->value;
    if (!make_raw(m, r)) return false;
    if (v->kind == AS_TREE_LIST && v->n != m->n)
        return as_tree_fail(v, m->err, "values (found %zu, expected %zu)", v->n, m->n);
    for (size_t i = 0; i < m->n; i++)
        if (!take_written(m, r, i, v->kind == AS_TREE_LIST ? v->child[i] : v)) return false;
    return settle(m, r);
}

static bool from_typed(const importer *m, const as_column_spec *c, raw *r)
{
    if (!make_raw(m, r)) return false;
    for (size_t i = 0; i < m->n; i++) {
        const as_tree *v = as_tree_find(m->spec->typed->child[i], c->pointer);
        r->number[i] = NAN;
        if (!v)
            r->why[i] = "no such field";
        else if (!take_written(m, r, i, v))
            return false;
    }
    return settle(m, r);
}

/* The item of the other file, of n_values, whose `match` text equals the table's `on` text. */
static bool match_items(const importer *m, const as_column_spec *c, size_t n_values, size_t *item)
{
    as_values keys = {0};
    const raw *on = NULL;
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < m->n_columns; i++)
        if (m->column[i].spec && strcmp(m->column[i].spec->name, c->on) == 0) on = &m->column[i];
    if (!on || !on->text)
        return as_tree_fail(c->at, m->err, "on (expected an earlier column of texts)");
    if (!as_sources_values(m->sources, &c->match, m->a, &keys, m->err)) return false;
    if (!keys.json)
        return as_tree_fail(c->at, m->err, "match (found an array, expected a JSON file)");
    if (keys.n != n_values)
        return as_tree_fail(c->at, m->err, "match (found %zu items, expected the %zu of file)",
                            keys.n, n_values);
    for (size_t i = 0; i < m->n; i++) {
        item[i] = N_A;
        for (size_t k = 0; on->text[i] && k < keys.n; k++) {
            const char *key = json_string_value(keys.json[k]);
            if (!key || strcmp(key, on->text[i]) != 0) continue;
            if (item[i] != N_A)
                return as_tree_fail(c->at, m->err, "match (found %s twice, expected it once)",
                                    as_escape(key, strlen(key), shown));
            item[i] = k;
        }
    }
    return true;
}

static bool from_file(const importer *m, const as_column_spec *c, raw *r)
{
    as_values v = {0};
    size_t *item = as_arena_push(m->a, m->n + 1, sizeof *item, m->err);
    if (!item || !as_sources_values(m->sources, &c->ref, m->a, &v, m->err)) return false;
    for (size_t i = 0; i < m->n; i++) item[i] = i;
    if (c->match.file) {
        if (!match_items(m, c, v.n, item)) return false;
    } else if (v.n != m->n) {
        return as_tree_fail(c->at, m->err, "items in %s (found %zu, expected %zu)", c->ref.file,
                            v.n, m->n);
    }
    if (v.matrix) {
        if (c->match.file)
            return as_tree_fail(c->at, m->err, "vectors (expected to go by position)");
        r->matrix = v.matrix;
        r->dim = v.dim;
        return true;
    }
    if (!make_raw(m, r)) return false;
    for (size_t i = 0; i < m->n; i++) {
        if (item[i] != N_A && v.number)
            r->number[i] = v.number[item[i]];
        else if (item[i] != N_A)
            take(r, i, v.json[item[i]]);
        else {
            r->number[i] = NAN;
            r->why[i] = "no matching item";
        }
    }
    return settle(m, r);
}

/* The number of items: of `rows`, of the typed list, or of the first column from a file. */
static bool count_items(importer *m)
{
    const as_table_spec *t = m->spec;
    if (t->typed) {
        m->n = t->typed->n;
        return true;
    }
    if (t->rows.file) {
        if (!as_sources_values(m->sources, &t->rows, m->a, &m->rows, m->err)) return false;
        if (!m->rows.json)
            return as_tree_fail(t->at, m->err, "rows (found an array, expected a JSON file)");
        m->n = m->rows.n;
        return true;
    }
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->column[i].origin == AS_FROM_FILE && !t->column[i].match.file) {
            as_values v = {0};
            if (!as_sources_values(m->sources, &t->column[i].ref, m->a, &v, m->err)) return false;
            m->n = v.n;
            return true;
        }
    return as_tree_fail(t->at, m->err, "table (found neither rows nor a column from a file)");
}

static bool is_role(const as_table_spec *t, const char *name)
{
    const char *const roles[] = {t->prompt, t->answer, t->cluster};
    for (size_t i = 0; i < 3; i++)
        if (roles[i] && strcmp(roles[i], name) == 0) return true;
    return false;
}

static bool read_columns(importer *m)
{
    const as_table_spec *t = m->spec;
    if (!count_items(m)) return false;
    if (m->n == 0) return as_tree_fail(t->at, m->err, "items (found none)");
    m->column = as_arena_push(m->a, t->n_columns + 1, sizeof *m->column, m->err);
    if (!m->column) return false;
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        if (c->origin == AS_DERIVED) continue;
        raw *r = &m->column[m->n_columns++];
        r->spec = c;
        if (c->origin == AS_FROM_ROW && !t->typed && !m->rows.json)
            return as_tree_fail(c->at, m->err, "column (expected a file: the table has no rows)");
        bool ok = c->origin == AS_FROM_FILE   ? from_file(m, c, r)
                  : c->origin == AS_FROM_PLAN ? from_plan(m, c, r)
                  : t->typed                  ? from_typed(m, c, r)
                                              : from_row(m, c, r);
        if (!ok) return false;
        if (r->matrix && is_role(t, c->name))
            return as_tree_fail(c->at, m->err, "role (found vectors, expected texts or numbers)");
    }
    return true;
}

/* The column with a role, removed from those kept as judgements when it is prompt or answer. */
static const raw *role(const importer *m, const char *name)
{
    for (size_t i = 0; name && i < m->n_columns; i++)
        if (strcmp(m->column[i].spec->name, name) == 0) return &m->column[i];
    return NULL;
}

static const char *value_text(const importer *m, const raw *r, size_t i, char room[32])
{
    (void)m;
    if (!r) return NULL;
    if (r->text) return r->text[i];
    return r->number && !isnan(r->number[i]) ? as_double_text(r->number[i], room) : NULL;
}

static bool put_judgement(const importer *m, const raw *r, size_t i, const as_generation *g)
{
    as_judgement j = {.axis = r->spec->name, .judge = "import", .score = NAN};
    memcpy(j.generation, g->key, sizeof j.generation);
    if (r->number) j.score = r->number[i];
    if (r->text) j.label = r->text[i];
    if (isnan(j.score) && !j.label) j.missing = r->why[i] ? r->why[i] : "unknown";
    return as_judgement_key(&j, m->err) && as_store_put_judgement(m->store, &j, m->err);
}

static bool put_reading(const importer *m, const raw *r, size_t i, const as_generation *g,
                        const char *selector)
{
    as_reading d = {.site = r->spec->name,
                    .selector = selector,
                    .values = r->matrix + i * r->dim,
                    .dim = r->dim};
    memcpy(d.generation, g->key, sizeof d.generation);
    return as_reading_key(&d, m->err) && as_store_put_reading(m->store, &d, m->err);
}

static const char *fact_value(const as_table_spec *t, const char *name)
{
    for (size_t i = 0; i < t->n_facts; i++)
        if (strcmp(t->fact[i].name, name) == 0) return t->fact[i].value;
    return NULL;
}

static bool put_item(const importer *m, size_t i)
{
    const as_table_spec *t = m->spec;
    char room[32], room2[32];
    const raw *prompt = role(m, t->prompt), *answer = role(m, t->answer);
    as_prompt p = {.set = t->name,
                   .position = i,
                   .text = value_text(m, prompt, i, room),
                   .cluster = value_text(m, role(m, t->cluster), i, room2)};
    memcpy(p.design, m->design->key, sizeof p.design);
    if (answer && !answer->text)
        return as_tree_fail(answer->spec->at, m->err, "answer (found numbers, expected texts)");
    if (!as_prompt_key(&p, m->err) || !as_store_put_prompt(m->store, &p, m->err)) return false;
    as_generation g = {.arm = t->name,
                       .text = answer && answer->text ? answer->text[i] : NULL,
                       .finish = fact_value(t, "finish_reason"),
                       .subject = "import"};
    memcpy(g.prompt, p.key, sizeof g.prompt);
    if (!as_generation_key(&g, m->err) || !as_store_put_generation(m->store, &g, m->err))
        return false;
    for (size_t k = 0; k < m->n_columns; k++) {
        const raw *r = &m->column[k];
        if (r == prompt || r == answer) continue;
        if (r->matrix ? !put_reading(m, r, i, &g, fact_value(t, "selector"))
                      : !put_judgement(m, r, i, &g))
            return false;
    }
    return true;
}

static bool put_statistic(const importer *m, as_statistic *s, json_t *detail)
{
    as_buf b = {0}, check = {0};
    bool ok = false;
    as_buf_printf(&check, "table/%s", m->spec->name);
    if (detail)
        as_json_write(&b, detail);
    else
        as_fail(m->err, AS_EMEM, "out of memory");
    if (!detail || !as_buf_ok(&b, m->err) || !as_buf_ok(&check, m->err)) goto out;
    s->check = as_buf_text(&check);
    s->of = "";
    s->method = "import";
    s->inputs = as_sources_digest(m->sources, m->spec->rows.file, m->a, m->err);
    s->detail = as_buf_text(&b);
    s->lo = s->hi = s->level = s->p = s->null_q05 = s->null_q50 = s->null_q95 = NAN;
    memcpy(s->design, m->design->key, sizeof s->design);
    ok = s->inputs && as_statistic_key(s, m->err) && as_store_put_statistic(m->store, s, m->err);
out:
    as_buf_clear(&b);
    as_buf_clear(&check);
    json_decref(detail);
    return ok;
}

/* A column of figures: one statistic whose detail holds the values in order. */
static bool put_figures(const importer *m, const raw *r, size_t place)
{
    if (r->matrix) return as_tree_fail(r->spec->at, m->err, "figures (expected no vectors)");
    as_statistic s = {.position = place, .name = r->spec->name, .estimate = NAN, .n = m->n};
    json_t *values = json_array(), *why = json_object();
    bool ok = values && why;
    for (size_t i = 0; ok && i < m->n; i++) {
        char index[32];
        bool has = r->text ? r->text[i] != NULL : !isnan(r->number[i]);
        ok = json_array_append_new(values, !has      ? json_null()
                                           : r->text ? json_string(r->text[i])
                                                     : as_json_real(r->number[i])) == 0;
        if (ok && !has) {
            s.missing++;
            ok = json_object_set_new(why, as_double_text((double)i, index),
                                     json_string(r->why[i] ? r->why[i] : "unknown")) == 0;
        }
    }
    if (!ok) {
        json_decref(values);
        json_decref(why);
        return as_fail(m->err, AS_EMEM, "out of memory");
    }
    return put_statistic(m, &s, json_pack("{s:o,s:o}", "values", values, "why", why));
}

/* The last row of a table: without it the table is not whole. Facts may be read from files. */
static bool put_closing(const importer *m, const char *absent)
{
    as_statistic s = {.position = m->n_columns, .name = absent ? "absent" : "items"};
    s.estimate = absent ? NAN : (double)m->n;
    s.n = m->n;
    json_t *facts = json_object();
    bool ok = facts != NULL;
    for (size_t i = 0; ok && !absent && i < m->spec->n_facts; i++) {
        const as_fact_spec *f = &m->spec->fact[i];
        const char *value = f->value;
        char room[32];
        if (!value) {
            as_values v = {0};
            if (!as_sources_values(m->sources, &f->ref, m->a, &v, m->err)) goto fail;
            const json_t *j = v.n == 1 && v.json ? v.json[0] : NULL;
            if (json_is_number(j))
                value = as_double_text(json_number_value(j), room);
            else
                value = json_string_value(j);
            if (!value) {
                as_tree_fail(f->ref.at, m->err, "fact (expected one text or number)");
                goto fail;
            }
        }
        ok = json_object_set_new(facts, f->name, json_string(value)) == 0;
    }
    if (!ok) {
        as_fail(m->err, AS_EMEM, "out of memory");
        goto fail;
    }
    return put_statistic(m, &s,
                         absent ? json_pack("{s:s,s:o}", "why", absent, "facts", facts)
                                : json_pack("{s:o}", "facts", facts));
fail:
    json_decref(facts);
    return false;
}

/* The first file of the table that the folder does not have, NULL when it has all. */
static bool find_absent(const importer *m, const char **file)
{
    const as_table_spec *t = m->spec;
    bool found = true;
    *file = NULL;
    if (t->rows.file && !as_sources_load(m->sources, &t->rows, &found, m->err)) return false;
    if (!found) *file = t->rows.file;
    for (size_t i = 0; !*file && i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        if (c->origin != AS_FROM_FILE) continue;
        if (!as_sources_load(m->sources, &c->ref, &found, m->err)) return false;
        if (!found) *file = c->ref.file;
        if (!c->match.file || *file) continue;
        if (!as_sources_load(m->sources, &c->match, &found, m->err)) return false;
        if (!found) *file = c->match.file;
    }
    if (!*file || t->is_optional) return true;
    char shown[AS_ESCAPE_SIZE];
    return as_tree_fail(t->at, m->err, "file %s (found none in the data folder)",
                        as_escape(*file, strlen(*file), shown));
}

static bool put_rows(const importer *m)
{
    if (!m->spec->is_figures) {
        for (size_t i = 0; i < m->n; i++)
            if (!put_item(m, i)) return false;
        return true;
    }
    for (size_t k = 0; k < m->n_columns; k++)
        if (!put_figures(m, &m->column[k], k)) return false;
    return true;
}

static bool is_there(const importer *m, bool *there)
{
    as_statistic *rows = NULL;
    size_t n = 0;
    const char *check = as_arena_printf(m->a, m->err, "table/%s", m->spec->name);
    if (!check || !as_store_statistics(m->store, m->design->key, check, m->a, &rows, &n, m->err))
        return false;
    *there = false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, "items") == 0 || strcmp(rows[i].name, "absent") == 0)
            *there = true;
    return true;
}

bool as_import_table(as_store *store, const as_design *design, const as_table_spec *spec,
                     as_sources *sources, as_arena *a, as_error *err)
{
    importer m = {store, design, spec, sources, a, err, {0}, 0, NULL, 0};
    bool there = false;
    const char *absent = NULL;
    if (!is_there(&m, &there)) return false;
    if (there) return true;
    if (!find_absent(&m, &absent) || (!absent && !read_columns(&m))) goto wrong;
    if (!as_store_begin(store, err)) return false;
    if ((absent || put_rows(&m)) && put_closing(&m, absent)) return as_store_commit(store, err);
    as_store_rollback(store);
wrong: /* the place is the plan's, but it is the files that are not what the plan says */
    if (err->class_ == AS_EUSAGE) err->class_ = AS_EFORMAT;
    return false;
}
