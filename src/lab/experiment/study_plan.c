/* Models, sets and steps of a plan, from its tree. A step names only what stands before it, so rows
 * travel one way. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "lab/experiment/study.h"

static const as_step_kind *const kinds[] = {
    &as_step_answer,    &as_step_distil, &as_step_train, &as_step_heads,
    &as_step_direction, &as_step_probe,  &as_step_gate,  &as_step_transplant,
};

const as_step_kind *const *as_step_kinds(size_t *n)
{
    *n = sizeof kinds / sizeof kinds[0];
    return kinds;
}

typedef struct {
    as_plan *p;
    as_arena *a;
    as_error *err;
} reader;

static bool word(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && !name[n];
}

static bool is_word(const reader *r, const as_tree *node)
{
    char shown[AS_ESCAPE_SIZE];
    return word(node->key) ||
           as_tree_fail(node, r->err, "name (found %s, expected letters, digits, - and _)",
                        as_escape(node->key, strlen(node->key), shown));
}

static bool text_of(const reader *r, const as_tree *t, const char *key, const char **out)
{
    const as_tree *node = as_tree_find(t, key);
    if (!node) return as_tree_fail(t, r->err, "%s (found nothing, expected a text)", key);
    return as_tree_text(node, out, r->err);
}

/* A relative path in a plan is beside the plan. */
static const char *beside(const reader *r, const as_tree *node, const char *path)
{
    const char *slash = node->file ? strrchr(node->file, '/') : NULL;
    if (!slash || path[0] == '/') return path;
    return as_arena_printf(r->a, r->err, "%.*s/%s", (int)(slash - node->file), node->file, path);
}

static bool read_models(const reader *r, const as_tree *map)
{
    as_plan *p = r->p;
    p->model = as_arena_push(r->a, map->n + 1, sizeof *p->model, r->err);
    if (!p->model) return false;
    for (size_t i = 0; i < map->n; i++, p->n_models++) {
        const as_tree *node = map->child[i];
        as_model_spec *m = &p->model[i];
        m->name = node->key;
        if (!is_word(r, node) || !as_tree_text(node, &m->path, r->err)) return false;
        if (!*m->path) return as_tree_fail(node, r->err, "model (found nothing, expected a path)");
        const char *path = beside(r, node, m->path);
        if (!path) return false;
        if (as_file_exists(path)) m->path = path; /* else a name that as_local_open knows */
    }
    return true;
}

static bool find_task(const reader *r, const as_tree *node, const char *name, const as_task **out)
{
    size_t n;
    char shown[AS_ESCAPE_SIZE];
    const as_task *const *all = as_tasks(&n);
    *out = as_task_find(name);
    if (*out) return true;
    const char **names = as_arena_push(r->a, n + 1, sizeof *names, r->err);
    if (!names) return false;
    for (size_t i = 0; i < n; i++) names[i] = all[i]->name;
    const char *near = as_nearest(name, names);
    return as_tree_fail(node, r->err, "task (found %s, expected one of `assay list tasks`%s%s)",
                        as_escape(name, strlen(name), shown), near ? "; nearest: " : "",
                        near ? near : "");
}

static bool read_set(const reader *r, const as_tree *node, as_set_spec *s)
{
    static const char *const keys[] = {"task", "data", "set", "n", "seed", NULL};
    const char *task = NULL;
    size_t seed = (size_t)r->p->seed;
    s->name = node->key;
    if (!is_word(r, node) || !as_tree_kind_is(node, AS_TREE_MAP, r->err) ||
        !as_tree_keys(node, keys, r->err) || !text_of(r, node, "task", &task) ||
        !text_of(r, node, "data", &s->data) || !text_of(r, node, "set", &s->set) ||
        !find_task(r, as_tree_find(node, "task"), task, &s->task))
        return false;
    const as_tree *n = as_tree_find(node, "n"), *at = as_tree_find(node, "seed");
    if ((n && !as_tree_size(n, &s->n, r->err)) || (at && !as_tree_size(at, &seed, r->err)))
        return false;
    if (seed > INT64_MAX)
        return as_tree_fail(at, r->err, "seed (expected at most %lld)", (long long)INT64_MAX);
    if (s->n > 1000000)
        return as_tree_fail(n, r->err, "n (found %zu, expected at most 1000000)", s->n);
    s->seed = seed;
    s->data = beside(r, node, s->data);
    const as_task_set *known = s->task->sets;
    while (known->name && strcmp(known->name, s->set) != 0) known++;
    char shown[AS_ESCAPE_SIZE];
    if (s->data && !known->name)
        return as_tree_fail(
            as_tree_find(node, "set"), r->err,
            "set (found %s, expected one of task %s; `assay list tasks -v` names them)",
            as_escape(s->set, strlen(s->set), shown), s->task->name);
    if (s->n == 0) s->n = known->n;
    return s->data != NULL;
}

static bool read_sets(const reader *r, const as_tree *map)
{
    r->p->set = as_arena_push(r->a, map->n + 1, sizeof *r->p->set, r->err);
    if (!r->p->set) return false;
    for (size_t i = 0; i < map->n; i++, r->p->n_sets++)
        if (!read_set(r, map->child[i], &r->p->set[i])) return false;
    return true;
}

/* --- what several kinds of steps have ----------------------------------------------------------
 */

static bool read_list(const reader *r, const as_tree *node, const char *const **out, size_t *n)
{
    size_t count = node->kind == AS_TREE_LIST ? node->n : 1;
    const char **list = as_arena_push(r->a, count + 1, sizeof *list, r->err);
    char shown[AS_ESCAPE_SIZE];
    if (!list) return false;
    for (size_t i = 0; i < count; i++)
        if (!as_tree_text(node->kind == AS_TREE_LIST ? node->child[i] : node, &list[i], r->err))
            return false;
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(list[i], list[k]) == 0)
                return as_tree_fail(node->child[i], r->err, "name (found %s twice)",
                                    as_escape(list[i], strlen(list[i]), shown));
    *out = list;
    *n = count;
    return true;
}

static bool read_model(const reader *r, const as_tree *node, as_step_spec *s)
{
    const char *name;
    char shown[AS_ESCAPE_SIZE];
    if (!node) return true;
    if (!as_tree_text(node, &name, r->err)) return false;
    for (size_t i = 0; i < r->p->n_models; i++)
        if (strcmp(r->p->model[i].name, name) == 0) s->model = &r->p->model[i];
    return s->model || as_tree_fail(node, r->err, "model (found %s, expected one under models)",
                                    as_escape(name, strlen(name), shown));
}

static bool read_set_name(const reader *r, const as_tree *node, as_step_spec *s)
{
    const char *name;
    char shown[AS_ESCAPE_SIZE];
    if (!node) return true;
    if (!as_tree_text(node, &name, r->err)) return false;
    for (size_t i = 0; i < r->p->n_sets; i++)
        if (strcmp(r->p->set[i].name, name) == 0) s->set = &r->p->set[i];
    return s->set || as_tree_fail(node, r->err, "set (found %s, expected one under sets)",
                                  as_escape(name, strlen(name), shown));
}

static bool read_judges(const reader *r, const as_tree *node, as_step_spec *s)
{
    const char *const *name;
    char shown[AS_ESCAPE_SIZE];
    if (!node) return true;
    if (!read_list(r, node, &name, &s->n_judges)) return false;
    const as_judge **list = as_arena_push(r->a, s->n_judges + 1, sizeof *list, r->err);
    if (!list) return false;
    s->judge = list;
    for (size_t i = 0; i < s->n_judges; i++) {
        list[i] = as_judge_find(name[i]);
        if (!list[i])
            return as_tree_fail(node, r->err,
                                "judge (found %s, expected one of `assay list judges`)",
                                as_escape(name[i], strlen(name[i]), shown));
    }
    return true;
}

static bool read_ladder(const reader *r, const as_tree *node, as_step_spec *s)
{
    if (!node) return true;
    if (!as_tree_kind_is(node, AS_TREE_LIST, r->err)) return false;
    size_t *list = as_arena_push(r->a, node->n + 1, sizeof *list, r->err);
    if (!list) return false;
    for (size_t i = 0; i < node->n; i++)
        if (!as_tree_size(node->child[i], &list[i], r->err) ||
            (list[i] <= (i ? list[i - 1] : 0) &&
             !as_tree_fail(node->child[i], r->err, "budget (expected ascending numbers from 1)")))
            return false;
    s->ladder = list;
    s->n_ladder = node->n;
    return true;
}

/* The step as a rung of its ladder has it: judged, not read. */
static bool without_readings(const as_step_spec **step, as_arena *a, as_error *err)
{
    as_step_spec *rung = as_arena_push(a, 1, sizeof *rung, err);
    if (!rung) return false;
    *rung = **step;
    rung->n_readings = 0;
    *step = rung;
    return true;
}

bool as_study_source(const as_plan *p, const as_tree *node, const as_step_spec **step,
                     const char **arm, as_arena *a, as_error *err)
{
    const char *text;
    char shown[AS_ESCAPE_SIZE];
    if (!as_tree_text(node, &text, err)) return false;
    const char *dot = strchr(text, '.');
    *step = NULL;
    for (size_t i = 0; i < p->n_steps; i++) {
        size_t n = strlen(p->step[i].id);
        if (dot && n == (size_t)(dot - text) && strncmp(p->step[i].id, text, n) == 0)
            *step = &p->step[i];
    }
    for (size_t i = 0; *step && i < (*step)->n_arms; i++) {
        *arm = (*step)->arm[i].name;
        if (strcmp(*arm, dot + 1) == 0) return true;
        for (size_t k = 0; k < (*step)->n_ladder; k++) {
            *arm = as_arena_printf(a, err, "%s@%zu", (*step)->arm[i].name, (*step)->ladder[k]);
            if (!*arm) return false;
            if (strcmp(*arm, dot + 1) == 0) return without_readings(step, a, err);
        }
    }
    return as_tree_fail(node, err, "answers (found %s, expected STEP.ARM of an earlier step)",
                        as_escape(text, strlen(text), shown));
}

static bool read_from(const reader *r, const as_tree *node, as_step_spec *s)
{
    if (!node) return true;
    if (!as_study_source(r->p, node, &s->from, &s->from_arm, r->a, r->err)) return false;
    if (!s->set) s->set = s->from->set;
    if (!s->model) s->model = s->from->model;
    return true;
}

const as_step_spec *as_plan_step(const as_plan *p, const char *id)
{
    for (size_t i = 0; id && i < p->n_steps; i++)
        if (strcmp(p->step[i].id, id) == 0) return &p->step[i];
    return NULL;
}

/* --- steps --- */

static bool find_kind(const reader *r, const as_tree *node, as_step_spec *s)
{
    const size_t n = sizeof kinds / sizeof kinds[0];
    const char *name = NULL, *list[sizeof kinds / sizeof kinds[0] + 1] = {NULL};
    char shown[AS_ESCAPE_SIZE];
    if (!text_of(r, node, "do", &name)) return false;
    for (size_t i = 0; i < n; i++) {
        list[i] = kinds[i]->name;
        if (strcmp(kinds[i]->name, name) == 0) s->kind = kinds[i];
    }
    if (s->kind) return true;
    const char *near = as_nearest(name, list);
    return as_tree_fail(
        as_tree_find(node, "do"), r->err, "do (found %s, expected one of `assay list steps`%s%s)",
        as_escape(name, strlen(name), shown), near ? "; nearest: " : "", near ? near : "");
}

static bool only_known(const reader *r, const as_tree *node, const as_step_kind *kind)
{
    const char *names[32] = {"do", "about", NULL};
    size_t n = 2;
    for (size_t i = 0; kind->keys[i]; i++) names[n++] = kind->keys[i];
    names[n] = NULL;
    return as_tree_keys(node, names, r->err);
}

static bool read_step(const reader *r, const as_tree *node, as_step_spec *s)
{
    s->id = node->key;
    s->at = node;
    s->about = "";
    if (!is_word(r, node) || !as_tree_kind_is(node, AS_TREE_MAP, r->err) ||
        !find_kind(r, node, s) || !only_known(r, node, s->kind))
        return false;
    const as_tree *about = as_tree_find(node, "about"), *read = as_tree_find(node, "read");
    if ((about && !as_tree_text(about, &s->about, r->err)) ||
        !read_model(r, as_tree_find(node, "model"), s) ||
        !read_set_name(r, as_tree_find(node, "set"), s) ||
        !read_judges(r, as_tree_find(node, "judges"), s) ||
        !read_ladder(r, as_tree_find(node, "ladder"), s) ||
        !read_from(r, as_tree_find(node, "from"), s) ||
        (read && !read_list(r, read, &s->reading, &s->n_readings)))
        return false;
    return s->kind->parse(r->p, s, r->a, r->err);
}

bool as_study_parse(as_plan *p, const as_tree *root, as_arena *a, as_error *err)
{
    const reader r = {p, a, err};
    const as_tree *models = as_tree_find(root, "models"), *sets = as_tree_find(root, "sets");
    const as_tree *steps = as_tree_find(root, "steps");
    if ((models && (!as_tree_kind_is(models, AS_TREE_MAP, err) || !read_models(&r, models))) ||
        (sets && (!as_tree_kind_is(sets, AS_TREE_MAP, err) || !read_sets(&r, sets))))
        return false;
    if (!steps) return true;
    if (!as_tree_kind_is(steps, AS_TREE_MAP, err)) return false;
    if (!word(p->name)) /* a folder is called so */
        return as_tree_fail(as_tree_find(root, "name"), err,
                            "name (expected letters, digits, - and _)");
    p->step = as_arena_push(a, steps->n + 1, sizeof *p->step, err);
    if (!p->step) return false;
    for (size_t i = 0; i < steps->n; i++, p->n_steps++) {
        p->step[i].place = i;
        if (!read_step(&r, steps->child[i], &p->step[i])) return false;
    }
    return true;
}

size_t as_step_columns(const as_step_spec *s, const char **names)
{
    static const char *const own[] = {"prompt",   "answer",         "finish", "cluster",
                                      "category", "item_certainty", "tokens", "logprob"};
    size_t n = 0;
    for (; n < sizeof own / sizeof own[0]; n++) names[n] = own[n];
    for (size_t i = 0; i < s->n_judges; i++)
        for (const char *const *axis = s->judge[i]->axes; *axis && n < AS_STEP_COLUMNS; axis++)
            names[n++] = *axis;
    for (size_t i = 0; i < s->n_readings && n < AS_STEP_COLUMNS; i++) names[n++] = s->reading[i];
    return n;
}

/* --- products ------------------------------------------------------------------------------------
 */

/* Is it PREFIXk with k from 1 to n, written the one way? */
static bool is_numbered(const as_step_spec *s, const char *name)
{
    const size_t size = s->numbered ? strlen(s->numbered) : 0;
    char again[32];
    if (!s->numbered || strncmp(name, s->numbered, size) != 0) return false;
    const unsigned long long k = strtoull(name + size, NULL, 10);
    (void)snprintf(again, sizeof again, "%llu", k);
    return k >= 1 && k <= s->n_numbered && strcmp(again, name + size) == 0;
}

bool as_step_makes(const as_step_spec *s, const char *name, size_t size, const as_tree *node,
                   as_error *err)
{
    char asked[64], first[64], last[64], shown[AS_ESCAPE_SIZE];
    const char *names[8] = {NULL};
    size_t n = 0;
    as_buf all = {0};
    (void)snprintf(asked, sizeof asked, "%.*s", size < sizeof asked ? (int)size : (int)sizeof asked,
                   name);
    for (size_t i = 0; s->makes && s->makes[i]; i++)
        if (strcmp(s->makes[i], asked) == 0) return true;
    if (is_numbered(s, asked)) return true;
    for (; s->makes && s->makes[n]; n++) {
        names[n] = s->makes[n];
        as_buf_printf(&all, "%s%s", n ? ", " : "", names[n]);
    }
    if (s->n_numbered) {
        (void)snprintf(first, sizeof first, "%s1", s->numbered);
        (void)snprintf(last, sizeof last, "%s%zu", s->numbered, s->n_numbered);
        as_buf_printf(&all, "%s%s", n ? ", " : "", first);
        names[n++] = first;
        if (s->n_numbered > 1) {
            as_buf_printf(&all, " to %s", last);
            names[n++] = last;
        }
    }
    const char *near = as_nearest(asked, names);
    if (as_buf_ok(&all, err))
        (void)as_tree_fail(node, err, "operators (found {%s.%s}, expected of %s: %s%s%s)", s->id,
                           as_escape(name, size, shown), s->id, n ? as_buf_text(&all) : "nothing",
                           near ? "; nearest: " : "", near ? near : "");
    as_buf_clear(&all);
    return false;
}
