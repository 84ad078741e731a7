/* Small Python problems with tests: families of six variants that differ in one thing, so that a
 * model can learn some and be asked others. */
#include "lab/task/mini_code.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "lab/task/canon_internal.h"

enum { MAX_PROBLEMS = 4096, MAX_CODE = 8192, LEAST_ASSERTIONS = 5 };

/* --- reading ------------------------------------------------------------------------------ */

/* Program text: longer than other texts may be. */
static bool read_code(const json_t *object, const char *name, as_arena *a, const char **out,
                      as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *value = json_object_get(object, name);
    size_t n = json_string_length(value);
    if (!json_is_string(value))
        return as_fail(err, AS_EFORMAT, "%s: kind (found %s, expected a text)", name,
                       as_json_shown(value, shown));
    if (n == 0 || n > MAX_CODE || json_string_value(value)[n - 1] != '\n')
        return as_fail(err, AS_EFORMAT,
                       "%s: length (found %zu bytes, expected whole lines of at most %d)", name, n,
                       MAX_CODE);
    *out = as_arena_copy(a, json_string_value(value), n, err);
    return *out != NULL;
}

static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    return text[strspn(text, letters)] == '\0' && strspn(text, letters + 26) == 0;
}

/* Every line begins with four blanks. */
static bool is_body(const char *text)
{
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, "    ", 4) != 0) return false;
    return true;
}

static size_t count_assertions(const char *test)
{
    size_t n = 0;
    for (const char *p = test; (p = strstr(p, "\n    assert ")); p++) n++;
    return n;
}

bool as_mini_signature_of(const as_problem *p, as_mini_signature *out, as_error *err)
{
    static const char quote[] = "    \"\"\"";
    const char *def = NULL;
    for (const char *at = p->preamble; (at = strstr(at, "def ")); at++)
        if (at == p->preamble || at[-1] == '\n') def = at + strlen("def ");
    const char *end = def ? strchr(def, '\n') : NULL;
    size_t name = strlen(p->entry_point);
    bool ok = end && end[-1] == ':' && end[-2] == ')' && def[name] == '(' &&
              strncmp(def, p->entry_point, name) == 0 &&
              strncmp(end + 1, quote, strlen(quote)) == 0;
    const char *what = ok ? end + 1 + strlen(quote) : NULL;
    const char *stop = ok ? strstr(what, "\"\"\"\n") : NULL;
    if (!stop || stop == what || stop[4] != '\0' || memchr(what, '\n', (size_t)(stop - what)))
        return as_fail(err, AS_EFORMAT,
                       "preamble: form (expected to end in \"def %s(...):\" and a line of "
                       "docstring)",
                       p->entry_point);
    *out = (as_mini_signature){def, what, (int)(end - 1 - def), (int)(stop - what)};
    return true;
}

static bool make_prompt(as_mini_problem *m, as_arena *a, as_error *err)
{
    as_mini_signature s;
    if (!as_mini_signature_of(&m->problem, &s, err)) return false;
    m->prompt = as_arena_printf(a, err, "Write the function %.*s: %.*s.", s.def_size, s.def,
                                s.what_size, s.what);
    return m->prompt != NULL;
}

static bool check_problem(const as_mini_problem *m, as_error *err)
{
    const as_problem *p = &m->problem;
    char shown[AS_ESCAPE_SIZE];
    if (!is_name(p->entry_point))
        return as_fail(err, AS_EFORMAT, "entry_point: form (found \"%s\", expected a-z, 0-9 and _)",
                       as_escape(p->entry_point, strlen(p->entry_point), shown));
    if (strcmp(m->difficulty, "easy") != 0 && strcmp(m->difficulty, "medium") != 0 &&
        strcmp(m->difficulty, "hard") != 0)
        return as_fail(err, AS_EFORMAT, "difficulty (found \"%s\", expected easy, medium or hard)",
                       as_escape(m->difficulty, strlen(m->difficulty), shown));
    if (!is_body(p->solution))
        return as_fail(err, AS_EFORMAT, "solution: form (expected lines that begin with 4 blanks)");
    if (strncmp(p->test, "def check(candidate):\n", 22) != 0 ||
        count_assertions(p->test) < LEAST_ASSERTIONS)
        return as_fail(err, AS_EFORMAT,
                       "test: form (found %zu assertions, expected check(candidate) with at least "
                       "%d)",
                       count_assertions(p->test), LEAST_ASSERTIONS);
    return true;
}

static bool read_problem(const json_t *object, as_arena *a, as_mini_problem *m, as_error *err)
{
    static const char *const known[] = {"id",          "family",   "category", "difficulty",
                                        "entry_point", "preamble", "solution", "test",
                                        "plan",        NULL};
    as_problem *p = &m->problem;
    if (!as_field_known(object, known, err) || !as_field_text(object, "id", a, &m->id, err) ||
        !as_form_id(m->id, err))
        return false;
    bool ok = as_field_text(object, "family", a, &m->family, err) &&
              as_field_text(object, "category", a, &m->category, err) &&
              as_field_text(object, "difficulty", a, &m->difficulty, err) &&
              as_field_text(object, "entry_point", a, &p->entry_point, err) &&
              as_field_text(object, "plan", a, &p->plan, err) &&
              read_code(object, "preamble", a, &p->preamble, err) &&
              read_code(object, "solution", a, &p->solution, err) &&
              read_code(object, "test", a, &p->test, err) && check_problem(m, err) &&
              make_prompt(m, a, err);
    if (!ok) as_error_at(err, "%s", m->id);
    return ok;
}

/* Ids ascend, prompts differ. */
static bool check_order(const as_mini_problem *all, size_t i, as_error *err)
{
    if (i > 0 && strcmp(all[i - 1].id, all[i].id) >= 0)
        return as_fail(err, AS_EFORMAT, "%s: order (expected ids that ascend, each once)",
                       all[i].id);
    for (size_t k = 0; k < i; k++)
        if (strcmp(all[k].prompt, all[i].prompt) == 0)
            return as_fail(err, AS_EFORMAT, "%s: the same prompt as %s", all[i].id, all[k].id);
    return true;
}

static bool read_all(const json_t *file, as_arena *a, as_mini_problems *out, as_error *err)
{
    static const char *const known[] = {"schema", "problems", NULL};
    const json_t *list;
    if (!as_field_known(file, known, err) || !as_field_schema(file, "assay.problems/1", err) ||
        !as_field_list(file, "problems", MAX_PROBLEMS, &list, err))
        return false;
    size_t n = json_array_size(list);
    as_mini_problem *all = as_arena_push(a, n, sizeof *all, err);
    if (!all) return false;
    for (size_t i = 0; i < n; i++) {
        if (!read_problem(json_array_get(list, i), a, &all[i], err)) {
            if (!all[i].id) as_error_at(err, "problem %zu", i + 1);
            return false;
        }
        if (!check_order(all, i, err)) return false;
    }
    *out = (as_mini_problems){all, n};
    return true;
}

bool as_mini_code_open(as_mini_problems *p, const char *folder, as_arena *a, as_error *err)
{
    as_buf path = {0};
    json_t *file = NULL;
    char shown[AS_ESCAPE_SIZE];
    *p = (as_mini_problems){0};
    bool ok = as_path_join(&path, folder, "problems.json", err);
    if (ok) file = as_json_read(as_buf_text(&path), err);
    if (file && !read_all(file, a, p, err))
        as_error_at(err, "%s", as_escape(as_buf_text(&path), path.size, shown));
    json_decref(file);
    as_buf_clear(&path);
    return p->n > 0;
}

/* --- the task ----------------------------------------------------------------------------- */

static const as_task_set sets[] = {
    {"all", 0, "every problem of the folder"},
    {"teach", 0, "two of the six variants of each family, to be taught"},
    {"fresh", 0, "the other variants, to be asked of who was taught"},
    {NULL, 0, NULL},
};

/* Of each family every third variant, from the first in the order of ids. */
static bool is_taught(const as_mini_problems *all, size_t at)
{
    size_t before = 0;
    for (size_t i = 0; i < at; i++) before += strcmp(all->at[i].family, all->at[at].family) == 0;
    return before % 3 == 0;
}

static bool has(const char *set, const as_mini_problems *all, size_t at)
{
    return strcmp(set, "all") == 0 || is_taught(all, at) == (strcmp(set, "teach") == 0);
}

static bool fill_item(as_item *item, const as_mini_problem *m, as_arena *a, as_error *err)
{
    *item = (as_item){.id = as_item_id(m->prompt, a, err),
                      .prompt = m->prompt,
                      .cluster = m->family,
                      .category = m->category,
                      .difficulty = m->difficulty,
                      .certainty = AS_CERTAIN,
                      .problem = &m->problem};
    return item->id != NULL;
}

/* The set's problems in the order that the seed gives to all. */
static bool items(const char *data, const char *set, size_t n, uint64_t seed, as_arena *a,
                  as_items *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const as_task_set *row = sets;
    as_mini_problems all;
    size_t there = 0, made = 0;
    while (row->name && strcmp(row->name, set) != 0) row++;
    if (!row->name)
        return as_fail(err, AS_EUSAGE, "set (found \"%s\", expected all, teach or fresh)",
                       as_escape(set, strlen(set), shown));
    if (!as_mini_code_open(&all, data, a, err)) return false;
    for (size_t i = 0; i < all.n; i++) there += has(set, &all, i);
    if (there == 0) return as_fail(err, AS_EUSAGE, "set %s (found no problem in the folder)", set);
    if (n > there)
        return as_fail(err, AS_EUSAGE, "set %s (found %zu items asked for, expected at most %zu)",
                       set, n, there);
    if (n == 0) n = there;
    size_t *order = as_arena_push(a, all.n, sizeof *order, err);
    as_item *item = order ? as_arena_push(a, n, sizeof *item, err) : NULL;
    if (!item) return false;
    as_rng r = as_rng_at(seed, "mini-code order", 0);
    for (size_t i = 0; i < all.n; i++) order[i] = i;
    as_rng_shuffle(&r, order, all.n);
    for (size_t i = 0; i < all.n && made < n; i++)
        if (has(set, &all, order[i]) && !fill_item(&item[made++], &all.at[order[i]], a, err))
            return false;
    *out = (as_items){.item = item, .n = n};
    return as_items_seal(out, err);
}

static bool text(const char *data, const as_text_options *o, as_arena *a, as_buf *out,
                 as_error *err)
{
    as_mini_problems all;
    return as_mini_code_open(&all, data, a, err) && as_mini_text(&all, o, out, err);
}

const as_task as_task_mini_code;
const as_task as_task_mini_code = {
    .name = "mini-code",
    .summary = "small Python functions, judged by their tests",
    .sets = sets,
    .items = items,
    .text = text,
    .text_default = &as_mini_text_default,
};
