/* Plan tree to plan structs. Every key is known or an error; every name that one part of the plan
 * uses of another is looked up here, before any file is opened. */
#include "lab/experiment/plan.h"

#include <string.h>

#include "lab/experiment/power.h"
#include "lab/experiment/plan_each.h"
#include "lab/experiment/study.h"

typedef struct {
    as_plan *plan;
    as_arena *arena;
    as_error *err;
} reader;

static bool array(const reader *r, size_t n, size_t size, void *out)
{
    void *p = as_arena_push(r->arena, n ? n : 1, size, r->err);
    if (!p) return false;
    memcpy(out, &p, sizeof p);
    return true;
}

/* The text under key, or fallback when there is none. */
static bool text_or(const reader *r, const as_tree *t, const char *key, const char *fallback,
                    const char **out)
{
    *out = fallback;
    return as_tree_text_or(t, key, out, r->err);
}

static bool text_needed(const reader *r, const as_tree *t, const char *key, const char **out)
{
    const as_tree *node = as_tree_find(t, key);
    if (!node) return as_tree_fail(t, r->err, "%s (found nothing, expected a text)", key);
    return as_tree_text(node, out, r->err);
}

static bool size_or(const reader *r, const as_tree *t, const char *key, size_t fallback,
                    size_t *out)
{
    *out = fallback;
    return as_tree_size_or(t, key, out, r->err);
}

/* The mapping under key; *out NULL when there is none. */
static bool map_or_none(const reader *r, const as_tree *t, const char *key, const as_tree **out)
{
    *out = as_tree_find(t, key);
    return !*out || as_tree_kind_is(*out, AS_TREE_MAP, r->err);
}

static bool read_ref(const reader *r, const as_tree *node, as_ref *out)
{
    const char *text = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!as_tree_text(node, &text, r->err)) return false;
    const char *hash = strchr(text, '#');
    if (!hash || hash == text)
        return as_tree_fail(node, r->err, "reference (found %s, expected FILE#PLACE)",
                            as_escape(text, strlen(text), shown));
    out->file = as_arena_copy(r->arena, text, (size_t)(hash - text), r->err);
    out->fragment = hash + 1;
    out->at = node;
    return out->file != NULL;
}

static bool one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

/* Nothing is ignored: fails on the first key of node that `with` does not name. */
static bool only_keys(const reader *r, const as_tree *node, const char *main,
                      const char *const *with)
{
    for (size_t i = 0; i < node->n; i++)
        if (strcmp(node->child[i]->key, main) != 0 && !one_of(node->child[i]->key, with))
            return as_tree_fail(node->child[i], r->err, "key (found beside %s, which excludes it)",
                                main);
    return true;
}

static const char *const rules[] = {">=", ">", "<=", "<", NULL};

static bool read_word(const reader *r, const as_tree *node, const char *const *words,
                      const char *expected, const char **out)
{
    char shown[AS_ESCAPE_SIZE];
    if (!as_tree_text(node, out, r->err)) return false;
    if (one_of(*out, words)) return true;
    return as_tree_fail(node, r->err, "value (found %s, expected %s)",
                        as_escape(*out, strlen(*out), shown), expected);
}

static bool read_derived(const reader *r, const as_tree *node, as_column_spec *c)
{
    static const char *const measures[] = {"characters", "words", "bytes", NULL};
    static const char *const endings[] = {"strict", "lenient", NULL};
    static const struct {
        const char *key;
        as_derive derive;
    } kinds[] = {{"rule", AS_DERIVE_RULE},       {"equals", AS_DERIVE_EQUALS},
                 {"measure", AS_DERIVE_MEASURE}, {"lexicon", AS_DERIVE_LEXICON},
                 {"ending", AS_DERIVE_ENDING},   {"minus", AS_DERIVE_MINUS},
                 {"planted", AS_DERIVE_PLANTED}};
    const as_tree *given = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const as_tree *found = as_tree_find(node, kinds[i].key);
        if (!found) continue;
        if (given) return as_tree_fail(found, r->err, "second derivation (expected one)");
        given = found;
        c->derive = kinds[i].derive;
    }
    if (!given)
        return as_tree_fail(node, r->err,
                            "derivation (found none, expected one of rule, equals, measure, "
                            "lexicon, ending, minus, planted)");
    const char *with[] = {"from", c->derive == AS_DERIVE_RULE ? "cut" : NULL, NULL};
    c->origin = AS_DERIVED;
    if (!only_keys(r, node, given->key, with) || !text_needed(r, node, "from", &c->from))
        return false;
    if (c->derive == AS_DERIVE_RULE) {
        const as_tree *cut = as_tree_find(node, "cut");
        if (!cut) return as_tree_fail(node, r->err, "cut (found nothing, expected a number)");
        return read_word(r, given, rules, "one of >= > <= <", &c->word) &&
               as_tree_double(cut, &c->cut, r->err);
    }
    if (c->derive == AS_DERIVE_MEASURE)
        return read_word(r, given, measures, "characters, words or bytes", &c->word);
    if (c->derive == AS_DERIVE_ENDING)
        return read_word(r, given, endings, "strict or lenient", &c->word);
    if (!as_tree_text(given, &c->word, r->err)) return false;
    if (c->derive == AS_DERIVE_PLANTED) {
        size_t seed = 0;
        if (!as_tree_size(given, &seed, r->err)) return false;
        c->seed = seed;
    }
    if (c->derive == AS_DERIVE_LEXICON && !as_plan_lexicon(r->plan, c->word))
        return as_tree_fail(given, r->err, "lexicon (expected one under lexicons)");
    return true;
}

static bool read_from_file(const reader *r, const as_tree *node, as_column_spec *c)
{
    static const char *const with[] = {"match", "on", "as", NULL};
    const as_tree *match = as_tree_find(node, "match"), *on = as_tree_find(node, "on");
    c->origin = AS_FROM_FILE;
    if (!only_keys(r, node, "file", with) || !read_ref(r, as_tree_find(node, "file"), &c->ref))
        return false;
    if (on && !match) return as_tree_fail(on, r->err, "key (found without match)");
    return !match || (read_ref(r, match, &c->match) && text_needed(r, node, "on", &c->on));
}

static bool read_column(const reader *r, const as_tree *node, as_column_spec *c)
{
    static const char *const keys[] = {"path",  "file",    "match",  "on",      "as",      "from",
                                       "rule",  "cut",     "equals", "measure", "lexicon", "ending",
                                       "minus", "planted", "value",  NULL};
    static const char *const only_as[] = {"as", NULL};
    static const char *const kinds[] = {"fraction", NULL};
    static const char *const taken[] = {"items", "kept", "absent", NULL};
    const char *as = NULL;
    c->name = node->key;
    c->at = node;
    if (strchr(node->key, '.') || one_of(node->key, taken))
        return as_tree_fail(node, r->err,
                            "column name (expected no dot, and not items, kept or absent)");
    if (node->kind == AS_TREE_TEXT) return as_tree_text(node, &c->pointer, r->err);
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err))
        return false;
    const as_tree *at = as_tree_find(node, "as");
    if (at && !read_word(r, at, kinds, "fraction", &as)) return false;
    c->is_fraction = as != NULL;
    if (as_tree_find(node, "from")) return read_derived(r, node, c);
    c->value = as_tree_find(node, "value");
    if (c->value) {
        c->origin = AS_FROM_PLAN;
        return only_keys(r, node, "value", only_as);
    }
    if (as_tree_find(node, "file")) return read_from_file(r, node, c);
    return text_needed(r, node, "path", &c->pointer) && only_keys(r, node, "path", only_as);
}

static bool read_where(const reader *r, const as_tree *node, as_where *w)
{
    static const char *const keys[] = {"column", "is", "equals", "rule", "cut", NULL};
    static const char *const states[] = {"present", "missing", NULL};
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err) ||
        !text_needed(r, node, "column", &w->column))
        return false;
    const as_tree *is = as_tree_find(node, "is"), *equals = as_tree_find(node, "equals");
    const as_tree *rule = as_tree_find(node, "rule"), *cut = as_tree_find(node, "cut");
    if ((is != NULL) + (equals != NULL) + (rule != NULL) != 1)
        return as_tree_fail(node, r->err, "filter (expected exactly one of is, equals, rule)");
    if (cut && !rule) return as_tree_fail(cut, r->err, "key (found without rule)");
    if (is) return read_word(r, is, states, "present or missing", &w->test);
    if (equals) {
        w->test = "equals";
        return as_tree_text(equals, &w->text, r->err);
    }
    if (!cut) return as_tree_fail(node, r->err, "cut (found nothing, expected a number)");
    return read_word(r, rule, rules, "one of >= > <= <", &w->test) &&
           as_tree_double(cut, &w->cut, r->err);
}

static bool read_fact(const reader *r, const as_tree *node, as_fact_spec *f)
{
    static const char *const keys[] = {"file", NULL};
    f->name = node->key;
    if (node->kind == AS_TREE_TEXT) return as_tree_text(node, &f->value, r->err);
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err))
        return false;
    const as_tree *file = as_tree_find(node, "file");
    if (!file) return as_tree_fail(node, r->err, "file (found nothing, expected FILE#PLACE)");
    return read_ref(r, file, &f->ref);
}

static bool names_column(const reader *r, const as_table_spec *t, const as_tree *at,
                         const char *name)
{
    const char **names = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!name) return true;
    if (!array(r, t->n_columns + 1, sizeof *names, &names)) return false;
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strcmp(t->column[i].name, name) == 0) return true;
        names[i] = t->column[i].name;
    }
    const char *near = as_nearest(name, names);
    return as_tree_fail(at, r->err, "column (found %s, expected one of this table%s%s)",
                        as_escape(name, strlen(name), shown), near ? "; nearest: " : "",
                        near ? near : "");
}

/* A column with a role is stored with its item, so it comes from a file or the plan. */
static bool is_role(const reader *r, const as_table_spec *t, const char *role, const char *name)
{
    const as_tree *at = as_tree_find(t->at, role);
    if (!name) return true;
    if (t->is_figures)
        return as_tree_fail(at, r->err, "role (found in a table of figures, expected items)");
    if (!names_column(r, t, at, name)) return false;
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->column[i].name, name) == 0 && t->column[i].origin == AS_DERIVED)
            return as_tree_fail(at, r->err, "role (found a derived column, expected another)");
    return true;
}

static bool check_table_names(const reader *r, const as_table_spec *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        if (!names_column(r, t, c->at, c->from) || !names_column(r, t, c->at, c->on)) return false;
        if (c->derive == AS_DERIVE_MINUS && !names_column(r, t, c->at, c->word)) return false;
    }
    for (size_t i = 0; i < t->n_where; i++)
        if (!names_column(r, t, as_tree_find(t->at, "where")->child[i], t->where[i].column))
            return false;
    return is_role(r, t, "prompt", t->prompt) && is_role(r, t, "answer", t->answer) &&
           is_role(r, t, "cluster", t->cluster);
}

static bool read_rows(const reader *r, const as_tree *node, as_table_spec *t)
{
    const as_tree *rows = as_tree_find(node, "rows");
    if (!rows) return true;
    if (rows->kind == AS_TREE_TEXT) return read_ref(r, rows, &t->rows);
    t->typed = rows;
    t->is_figures = true;
    if (!as_tree_kind_is(rows, AS_TREE_LIST, r->err)) return false;
    for (size_t i = 0; i < rows->n; i++)
        if (!as_tree_kind_is(rows->child[i], AS_TREE_MAP, r->err)) return false;
    return true;
}

/* Rows that a step of the plan makes: its columns are there without being named. */
static bool read_answers(const reader *r, const as_tree *node, as_table_spec *t, size_t *n,
                         const char **names)
{
    const as_tree *at = as_tree_find(node, "answers");
    const as_step_spec *step = NULL;
    const char *arm = NULL;
    *n = 0;
    if (!at) return true;
    static const char *const with[] = {"about", "cluster", "columns", "where", NULL};
    if (!only_keys(r, node, "answers", with)) return false;
    if (!as_study_source(r->plan, at, &step, &arm, r->arena, r->err) ||
        !as_tree_text(at, &t->arm, r->err))
        return false;
    t->set = step->set->name;
    *n = as_step_columns(step, names);
    return true;
}

static bool read_table_lists(const reader *r, const as_tree *node, as_table_spec *t)
{
    const as_tree *columns = NULL, *facts = NULL, *where = as_tree_find(node, "where");
    if (!map_or_none(r, node, "columns", &columns) || !map_or_none(r, node, "facts", &facts))
        return false;
    const char *of_step[AS_STEP_COLUMNS];
    size_t n_step = 0;
    if (where && !as_tree_kind_is(where, AS_TREE_LIST, r->err)) return false;
    if (!read_answers(r, node, t, &n_step, of_step)) return false;
    t->n_columns = n_step + (columns ? columns->n : 0);
    t->n_facts = facts ? facts->n : 0;
    t->n_where = where ? where->n : 0;
    if (!array(r, t->n_columns, sizeof *t->column, &t->column) ||
        !array(r, t->n_facts, sizeof *t->fact, &t->fact) ||
        !array(r, t->n_where, sizeof *t->where, &t->where))
        return false;
    for (size_t i = 0; i < n_step; i++)
        t->column[i] = (as_column_spec){.name = of_step[i], .at = node, .origin = AS_FROM_STEP};
    for (size_t i = n_step; i < t->n_columns; i++) {
        if (!read_column(r, columns->child[i - n_step], &t->column[i])) return false;
        for (size_t k = 0; k < n_step; k++)
            if (strcmp(of_step[k], t->column[i].name) == 0)
                return as_tree_fail(columns->child[i - n_step], r->err,
                                    "column (found a name that the step's own column has)");
        if (n_step && t->column[i].origin != AS_DERIVED)
            return as_tree_fail(
                columns->child[i - n_step], r->err,
                "column (expected one with from: the others are those of the step)");
    }
    for (size_t i = 0; i < t->n_facts; i++)
        if (!read_fact(r, facts->child[i], &t->fact[i])) return false;
    for (size_t i = 0; i < t->n_where; i++)
        if (!read_where(r, where->child[i], &t->where[i])) return false;
    return true;
}

static bool read_table(const reader *r, const as_tree *node, as_table_spec *t)
{
    static const char *const keys[] = {"about",  "kind",   "rows",    "optional",
                                       "prompt", "answer", "cluster", "columns",
                                       "where",  "facts",  "answers", NULL};
    static const char *const kinds[] = {"items", "figures", NULL};
    const char *kind = NULL;
    t->name = node->key;
    t->at = node;
    if (strchr(t->name, '.'))
        return as_tree_fail(node, r->err, "table name with a dot (expected a plain word)");
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err))
        return false;
    const as_tree *at = as_tree_find(node, "kind");
    if (at && !read_word(r, at, kinds, "items or figures", &kind)) return false;
    t->is_figures = kind && strcmp(kind, "figures") == 0;
    at = as_tree_find(node, "optional");
    if (at && !as_tree_bool(at, &t->is_optional, r->err)) return false;
    return text_or(r, node, "about", "", &t->about) &&
           text_or(r, node, "prompt", NULL, &t->prompt) &&
           text_or(r, node, "answer", NULL, &t->answer) &&
           text_or(r, node, "cluster", NULL, &t->cluster) && read_rows(r, node, t) &&
           read_table_lists(r, node, t) && check_table_names(r, t);
}

static bool read_texts(const reader *r, const as_tree *node, const char *const **out, size_t *n)
{
    const char **list = NULL;
    size_t count = node->kind == AS_TREE_LIST ? node->n : 1;
    if (!array(r, count, sizeof *list, &list)) return false;
    for (size_t i = 0; i < count; i++)
        if (!as_tree_text(node->kind == AS_TREE_LIST ? node->child[i] : node, &list[i], r->err))
            return false;
    *out = list;
    *n = count;
    return true;
}

static bool read_lexicons(const reader *r, const as_tree *root)
{
    const as_tree *map = NULL;
    if (!map_or_none(r, root, "lexicons", &map)) return false;
    size_t n = map ? map->n : 0;
    if (!array(r, n, sizeof *r->plan->lexicon, &r->plan->lexicon)) return false;
    for (size_t i = 0; i < n; i++) {
        as_lexicon_spec *l = &r->plan->lexicon[i];
        l->name = map->child[i]->key;
        if (!read_texts(r, map->child[i], &l->word, &l->n)) return false;
    }
    r->plan->n_lexicons = n;
    return true;
}

/* The store keeps the rows of tables under table/NAME and the outcome of checks under check/ID. */
static bool is_id(const reader *r, const as_tree *node)
{
    if (!strchr(node->key, '/')) return true;
    return as_tree_fail(node, r->err, "id with a slash (expected a plain word)");
}

static bool read_check(const reader *r, const as_tree *node, as_check_spec *c)
{
    const char *name = NULL;
    char shown[AS_ESCAPE_SIZE];
    c->id = node->key;
    c->at = node;
    if (!is_id(r, node)) return false;
    if (strcmp(c->id, "lock") == 0)
        return as_tree_fail(node, r->err, "id (found lock, which the store keeps for locks)");
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !text_needed(r, node, "check", &name) ||
        !text_or(r, node, "about", "", &c->about))
        return false;
    c->check = as_check_find(name);
    if (c->check) return true;
    size_t n = 0;
    const as_check *const *all = as_checks(&n);
    const char **names = NULL;
    if (!array(r, n + 1, sizeof *names, &names)) return false;
    for (size_t i = 0; i < n; i++) names[i] = all[i]->name;
    const char *near = as_nearest(name, names);
    return as_tree_fail(as_tree_find(node, "check"), r->err,
                        "check (found %s, expected one of `assay list checks`%s%s)",
                        as_escape(name, strlen(name), shown), near ? "; nearest: " : "",
                        near ? near : "");
}

static bool read_ids(const reader *r, const as_tree *owner, const char *key, as_id_list *out)
{
    const as_tree *node = as_tree_find(owner, key);
    out->name = key;
    if (!node) return true;
    if (!read_texts(r, node, &out->check, &out->n)) return false;
    for (size_t i = 0; i < out->n; i++) {
        bool known = false;
        char shown[AS_ESCAPE_SIZE];
        for (size_t k = 0; !known && k < r->plan->n_checks; k++)
            known = strcmp(r->plan->check[k].id, out->check[i]) == 0;
        if (!known)
            return as_tree_fail(node, r->err, "check (found %s, expected an id under checks)",
                                as_escape(out->check[i], strlen(out->check[i]), shown));
    }
    return true;
}

static bool read_steps(const reader *r, const as_tree *node, as_claim_spec *c)
{
    static const char *const keys[] = {"name", "checks", NULL};
    const as_tree *steps = as_tree_find(node, "steps");
    if (!steps) return true;
    if (!as_tree_kind_is(steps, AS_TREE_LIST, r->err) ||
        !array(r, steps->n, sizeof *c->step, &c->step))
        return false;
    c->n_steps = steps->n;
    for (size_t i = 0; i < steps->n; i++) {
        const as_tree *step = steps->child[i];
        if (!as_tree_kind_is(step, AS_TREE_MAP, r->err) || !as_tree_keys(step, keys, r->err) ||
            !read_ids(r, step, "checks", &c->step[i]) ||
            !text_needed(r, step, "name", &c->step[i].name))
            return false;
        if (c->step[i].n == 0)
            return as_tree_fail(step, r->err, "checks (found none, expected at least one)");
    }
    return true;
}

/* What is known to be so, of a claim whose answer was planted; no verdict looks at it. */
static bool read_truth(const reader *r, const as_tree *node)
{
    static const char *const keys[] = {"verdict", "cause", NULL};
    static const char *const words[] = {"supported", "refuted", "inconclusive", NULL};
    const char *word, *cause;
    if (!node) return true;
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err) ||
        !text_or(r, node, "cause", "", &cause))
        return false;
    const as_tree *verdict = as_tree_find(node, "verdict");
    if (!verdict) return as_tree_fail(node, r->err, "verdict (found nothing, expected a word)");
    return read_word(r, verdict, words, "supported, refuted or inconclusive", &word);
}

static bool read_claim(const reader *r, const as_tree *node, as_claim_spec *c)
{
    static const char *const keys[] = {"says",       "published", "must_hold", "must_fail",
                                       "instrument", "artefact",  "context",   "steps",
                                       "settles",    "credit",    "truth",     NULL};
    c->id = node->key;
    c->at = node;
    if (!is_id(r, node)) return false;
    if (!as_tree_kind_is(node, AS_TREE_MAP, r->err) || !as_tree_keys(node, keys, r->err) ||
        !text_needed(r, node, "says", &c->says) || !text_or(r, node, "settles", "", &c->settles) ||
        !text_or(r, node, "credit", "", &c->credit) ||
        !map_or_none(r, node, "published", &c->published) ||
        !read_ids(r, node, "must_hold", &c->must_hold) ||
        !read_ids(r, node, "must_fail", &c->must_fail) ||
        !read_ids(r, node, "instrument", &c->instrument) ||
        !read_ids(r, node, "artefact", &c->artefact) ||
        !read_ids(r, node, "context", &c->context) || !read_steps(r, node, c))
        return false;
    if (!read_truth(r, as_tree_find(node, "truth"))) return false;
    bool tested = c->must_hold.n + c->must_fail.n > 0;
    if (tested == (c->n_steps > 0))
        return as_tree_fail(node, r->err,
                            "claim (expected either must_hold or must_fail, or steps)");
    return true;
}

static bool read_draws(const reader *r, const as_tree *root)
{
    static const char *const keys[] = {"permutations", "bootstrap", "cv_repeats", NULL};
    const as_tree *draws = NULL, *alpha = as_tree_find(root, "alpha");
    size_t seed = 0;
    as_plan *p = r->plan;
    p->alpha = 0.05;
    if (alpha && !as_tree_double(alpha, &p->alpha, r->err)) return false;
    if (!(p->alpha > 0 && p->alpha < 0.5))
        return as_tree_fail(alpha, r->err, "alpha (expected a number between 0 and 0.5)");
    if (!map_or_none(r, root, "draws", &draws)) return false;
    if (draws && !as_tree_keys(draws, keys, r->err)) return false;
    if (!size_or(r, root, "seed", 1, &seed) ||
        !size_or(r, draws, "permutations", 2000, &p->permutations) ||
        !size_or(r, draws, "bootstrap", 10000, &p->bootstrap) ||
        !size_or(r, draws, "cv_repeats", 20, &p->cv_repeats))
        return false;
    if (seed > INT64_MAX)
        return as_tree_fail(as_tree_find(root, "seed"), r->err, "seed (expected at most %lld)",
                            (long long)INT64_MAX);
    p->seed = seed;
    const size_t most = 10000000;
    if (p->permutations < 1 || p->permutations > most || p->bootstrap < 1 || p->bootstrap > most ||
        p->cv_repeats < 1 || p->cv_repeats > 10000)
        return as_tree_fail(draws ? draws : root, r->err,
                            "draws (expected 1 to %zu, cv_repeats 1 to 10000)", most);
    return true;
}

static bool read_head(const reader *r, const as_tree *root)
{
    static const char *const keys[] = {"schema", "name",  "title",    "source", "about",  "seed",
                                       "alpha",  "draws", "lexicons", "tables", "checks", "claims",
                                       "models", "sets",  "steps",    "assume", NULL};
    const char *schema = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!as_tree_kind_is(root, AS_TREE_MAP, r->err) || !as_tree_keys(root, keys, r->err) ||
        !text_needed(r, root, "schema", &schema))
        return false;
    if (strcmp(schema, "assay.plan/1") != 0)
        return as_tree_fail(as_tree_find(root, "schema"), r->err,
                            "schema (found %s, expected assay.plan/1)",
                            as_escape(schema, strlen(schema), shown));
    as_plan *p = r->plan;
    return text_needed(r, root, "name", &p->name) &&
           text_or(r, root, "title", p->name, &p->title) &&
           text_or(r, root, "source", "", &p->source) && text_or(r, root, "about", "", &p->about);
}

/* Binds every check to tables that have names only (and facts that are 0), so that a wrong
 * parameter is found before any file is opened. The arguments themselves are bound when the tables
 * are there. */
static bool try_checks(const reader *r)
{
    const as_plan *p = r->plan;
    as_table *table = NULL;
    as_audit *audit = NULL;
    if (!array(r, p->n_tables, sizeof *table, &table) ||
        !array(r, p->n_checks, sizeof *audit, &audit))
        return false;
    for (size_t i = 0; i < p->n_tables; i++) {
        const as_table_spec *t = &p->table[i];
        as_column *column = NULL;
        as_fact *fact = NULL;
        if (!array(r, t->n_columns, sizeof *column, &column) ||
            !array(r, t->n_facts, sizeof *fact, &fact))
            return false;
        for (size_t k = 0; k < t->n_columns; k++)
            column[k] = (as_column){.name = t->column[k].name, .table = &table[i]};
        for (size_t k = 0; k < t->n_facts; k++) fact[k] = (as_fact){t->fact[k].name, "0"};
        table[i] = (as_table){.name = t->name,
                              .column = column,
                              .n_columns = t->n_columns,
                              .fact = fact,
                              .n_facts = t->n_facts};
    }
    for (size_t i = 0; i < p->n_checks; i++) {
        const as_scope scope = {table, p->n_tables, audit, i};
        const char *absent = NULL;
        audit[i].id = p->check[i].id;
        if (!as_args_bind(p->check[i].check, p->check[i].at, &scope, r->arena, &audit[i].args,
                          &absent, r->err))
            return false;
        p->check[i].args = audit[i].args;
    }
    return true;
}

bool as_plan_parse(const as_tree *written, as_arena *arena, as_plan *out, as_error *err)
{
    const reader r = {out, arena, err};
    const as_tree *tables = NULL, *checks = NULL, *claims = NULL;
    const as_tree *root = as_plan_each(written, arena, err);
    *out = (as_plan){.root = root};
    if (!root) return false;
    if (!read_head(&r, root) || !read_draws(&r, root) || !read_lexicons(&r, root) ||
        !as_study_parse(out, root, arena, err) || !map_or_none(&r, root, "tables", &tables) ||
        !map_or_none(&r, root, "checks", &checks) || !map_or_none(&r, root, "claims", &claims))
        return false;
    if (!tables || !checks)
        return as_tree_fail(root, err, "plan (expected the keys tables and checks)");
    if (!array(&r, tables->n, sizeof *out->table, &out->table) ||
        !array(&r, checks->n, sizeof *out->check, &out->check) ||
        !array(&r, claims ? claims->n : 0, sizeof *out->claim, &out->claim))
        return false;
    for (size_t i = 0; i < tables->n; i++, out->n_tables++)
        if (!read_table(&r, tables->child[i], &out->table[i])) return false;
    for (size_t i = 0; i < checks->n; i++, out->n_checks++)
        if (!read_check(&r, checks->child[i], &out->check[i])) return false;
    if (!try_checks(&r) || !as_power_parse(out, err)) return false;
    for (size_t i = 0; claims && i < claims->n; i++, out->n_claims++)
        if (!read_claim(&r, claims->child[i], &out->claim[i])) return false;
    return true;
}

const as_table_spec *as_plan_table(const as_plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_tables; i++)
        if (strcmp(p->table[i].name, name) == 0) return &p->table[i];
    return NULL;
}

const as_lexicon_spec *as_plan_lexicon(const as_plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_lexicons; i++)
        if (strcmp(p->lexicon[i].name, name) == 0) return &p->lexicon[i];
    return NULL;
}
