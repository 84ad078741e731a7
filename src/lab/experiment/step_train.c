/* do: train. Adapters from the rows of an earlier step, one for each seed. A training is found
 * again by what it is: its folder in the work folder is named by everything that decides its bytes.
 */
#include <string.h>

#include "base/file.h"
#include "base/progress.h"
#include "lab/experiment/study.h"
#include "lab/treatment/training.h"

typedef struct {
    as_train_plan plan;
    const char *data;    /* product: "STEP.rows", "STEP.pairs", or a list joined by blanks */
    const char *start;   /* product of an earlier training, without its number; NULL */
    const as_tree *lora; /* settings that its adapter, or the one it goes on from, was made with */
    uint64_t *seed;
    size_t n;
} own;

static const char *const keys[] = {"model", "with", "data", "start", "seeds", "settings", NULL};

/* A value that the plan does not hold, in the place of the step. */
static as_tree *value_of(const as_step_spec *s, const as_tree *parent, const char *key,
                         const char *text, as_arena *a, as_error *err)
{
    as_tree *node = as_arena_push(a, 1, sizeof *node, err);
    if (node)
        *node = (as_tree){.kind = AS_TREE_TEXT,
                          .key = key,
                          .text = text,
                          .parent = parent,
                          .file = s->at->file,
                          .line = s->at->line,
                          .column = s->at->column};
    return node;
}

/* lora: {start: ...}; which folder is known when it was made. */
static as_tree *start_tree(const as_step_spec *s, const as_tree *root, as_arena *a, as_error *err)
{
    as_tree *lora = value_of(s, root, "lora", NULL, a, err);
    as_tree **child = lora ? as_arena_push(a, 1, sizeof *child, err) : NULL;
    if (!child || !(child[0] = value_of(s, lora, "start", "start", a, err))) return NULL;
    lora->kind = AS_TREE_MAP;
    lora->child = child;
    lora->n = 1;
    return lora;
}

/* The settings of the step as a training plan of its own. */
static const as_tree *plan_tree(const as_step_spec *s, bool goes_on, as_arena *a, as_error *err)
{
    static const char *const extra[][2] = {
        {"schema", "assay.train/1"}, {"model", "."}, {"data", "rows"}, {"out", "run"}};
    const size_t n_extra = sizeof extra / sizeof extra[0];
    const as_tree *settings = as_tree_find(s->at, "settings");
    as_tree *root = as_arena_push(a, 1, sizeof *root, err);
    const size_t n = settings ? settings->n : 0;
    static const char *const own_keys[] = {"schema", "model", "data", "out", "seed"};
    if (settings && !as_tree_kind_is(settings, AS_TREE_MAP, err)) return NULL;
    for (size_t i = 0; i < sizeof own_keys / sizeof own_keys[0]; i++)
        if (as_tree_find(settings, own_keys[i])) {
            (void)as_tree_fail(as_tree_find(settings, own_keys[i]), err,
                               "key (found in settings, expected those that say how)");
            return NULL;
        }
    as_tree **child = root ? as_arena_push(a, n + n_extra + 1, sizeof *child, err) : NULL;
    if (!child) return NULL;
    *root = settings ? *settings : *s->at;
    root->child = child;
    root->n = 0;
    for (size_t i = 0; i < n; i++)
        if (!goes_on || strcmp(settings->child[i]->key, "lora") != 0)
            child[root->n++] = settings->child[i];
    for (size_t i = 0; i < n_extra; i++)
        if (!(child[root->n++] = value_of(s, root, extra[i][0], extra[i][1], a, err))) return NULL;
    if (goes_on && !(child[root->n++] = start_tree(s, root, a, err))) return NULL;
    return root;
}

static bool parse_seeds(const as_plan *p, const as_step_spec *s, own *o, as_arena *a, as_error *err)
{
    const as_tree *node = as_tree_find(s->at, "seeds");
    const size_t n = node && node->kind == AS_TREE_LIST ? node->n : 1;
    o->seed = as_arena_push(a, n + 1, sizeof *o->seed, err);
    if (!o->seed) return false;
    if (n == 0) return as_tree_fail(node, err, "seeds (found none)");
    o->n = n;
    o->seed[0] = p->seed;
    for (size_t i = 0; node && i < n; i++) {
        size_t seed = 0;
        if (!as_tree_size(node->kind == AS_TREE_LIST ? node->child[i] : node, &seed, err))
            return false;
        if (seed > INT64_MAX)
            return as_tree_fail(node, err, "seed (expected at most %lld)", (long long)INT64_MAX);
        o->seed[i] = seed;
        for (size_t k = 0; k < i; k++)
            if (o->seed[k] == o->seed[i])
                return as_tree_fail(node->child[i], err, "seed (found %zu twice)", seed);
    }
    return true;
}

/* "gold" or [gold, more]: the rows of earlier distillations, in order. */
static bool parse_data(const as_plan *p, const as_step_spec *s, own *o, as_arena *a, as_error *err)
{
    const as_tree *node = as_tree_find(s->at, "data");
    const size_t n = !node ? 0 : node->kind == AS_TREE_LIST ? node->n : 1;
    char shown[AS_ESCAPE_SIZE];
    if (n == 0) return as_tree_fail(s->at, err, "data (expected steps that distil)");
    o->data = "";
    for (size_t i = 0; i < n; i++) {
        const as_tree *at = node->kind == AS_TREE_LIST ? node->child[i] : node;
        const char *name = NULL;
        if (!as_tree_text(at, &name, err)) return false;
        const as_step_spec *step = as_plan_step(p, name);
        if (!step || step->kind != &as_step_distil)
            return as_tree_fail(at, err, "data (found %s, expected an earlier step that distils)",
                                as_escape(name, strlen(name), shown));
        o->data = as_arena_printf(a, err, "%s{%s.%s}", o->data, name,
                                  o->plan.kind == AS_TRAIN_DPO ? "pairs" : "rows");
        if (!o->data) return false;
    }
    return true;
}

static bool same_setting(const as_tree *a, const as_tree *b, bool *same, as_error *err)
{
    json_t *x = as_tree_json(a, err), *y = x ? as_tree_json(b, err) : NULL;
    *same = y && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return y != NULL;
}

/* What the adapter is made like is decided by the one it goes on from; it may be said again. */
static bool parse_start(const as_plan *p, const as_step_spec *s, own *o, as_error *err)
{
    const as_tree *start = as_tree_find(s->at, "start");
    const as_tree *lora = as_tree_find(as_tree_find(s->at, "settings"), "lora");
    o->lora = lora;
    if (!start) return true;
    if (!as_tree_text(start, &o->start, err)) return false;
    const as_step_spec *from = as_plan_step(p, o->start);
    const own *first = from && from->kind == &as_step_train ? from->own : NULL;
    if (!first || !first->lora || first->n != o->n || from->model != s->model)
        return as_tree_fail(start, err,
                            "start (expected an earlier training of the model with as many seeds)");
    o->lora = first->lora;
    if (!lora) return true;
    if (!as_tree_kind_is(lora, AS_TREE_MAP, err)) return false;
    for (size_t i = 0; i < lora->n; i++) {
        const as_tree *theirs = as_tree_find(first->lora, lora->child[i]->key);
        bool same = false;
        if (theirs && !same_setting(lora->child[i], theirs, &same, err)) return false;
        if (!same)
            return as_tree_fail(lora->child[i], err, "value (expected that of %s, or none)",
                                from->id);
    }
    for (size_t i = 0; first->lora && i < first->lora->n; i++)
        if (!as_tree_find(lora, first->lora->child[i]->key))
            return as_tree_fail(lora, err, "%s (found nothing, expected that of %s, or no lora)",
                                first->lora->child[i]->key, from->id);
    return true;
}

static bool parse(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    own *o = as_arena_push(a, 1, sizeof *o, err);
    const as_tree *with = o ? as_tree_find(s->at, "with") : NULL;
    const char *kind = "sft";
    char shown[AS_ESCAPE_SIZE];
    if (!o) return false;
    if (!s->model) return as_tree_fail(s->at, err, "train (expected model and data)");
    if (with && !as_tree_text(with, &kind, err)) return false;
    if (strcmp(kind, "sft") != 0 && strcmp(kind, "dpo") != 0)
        return as_tree_fail(with, err, "with (found %s, expected sft or dpo)",
                            as_escape(kind, strlen(kind), shown));
    const as_tree *tree = plan_tree(s, as_tree_find(s->at, "start"), a, err);
    if (!tree ||
        !as_train_plan_read(tree, strcmp(kind, "dpo") == 0 ? AS_TRAIN_DPO : AS_TRAIN_SFT, a,
                            &o->plan, err) ||
        !parse_seeds(p, s, o, a, err) || !parse_data(p, s, o, a, err) || !parse_start(p, s, o, err))
        return false;
    s->own = o;
    s->numbered = "";
    s->n_numbered = o->n;
    return true;
}

/* --- run --- */

typedef struct {
    as_study *st;
    as_progress *progress;
} watcher;

static bool update(void *context, const as_update *u, bool is_old, as_error *err)
{
    watcher *w = context;
    as_buf b = {0};
    (void)err;
    if (is_old) as_progress_skip(w->progress, u->step);
    as_buf_printf(&b, "loss %.4g", u->value[AS_M_LOSS]);
    as_progress_set(w->progress, u->step, as_buf_text(&b));
    as_buf_clear(&b);
    return true;
}

static bool stops(void *context)
{
    const watcher *w = context;
    return w->st->o->stop && *w->st->o->stop;
}

static bool learn(as_study *st, as_learning *t, const char *out, const char *label, as_error *err)
{
    watcher w = {st, as_progress_new(st->o->log, label, as_learning_steps(t), err)};
    const as_learning_watch watch = {&w, update, stops, NULL};
    as_train_result result = {0};
    bool ok = w.progress && as_learning_run(t, out, st->o->store, &watch, &result, err);
    as_progress_end(w.progress);
    if (ok && !result.is_done)
        ok = as_fail(err, AS_ESTATE, "interrupted after step %zu of %zu", result.steps,
                     as_learning_steps(t));
    return ok;
}

/* The folder of a training: by the key of its row in the store. */
static const char *folder_of(as_study *st, const as_learning *t, as_error *err)
{
    return as_arena_printf(st->a, err, "%s/train-%.24s", st->o->work, as_learning_row(t)->key);
}

static bool note(as_study *st, const as_step_spec *s, const as_learning *t, size_t i, as_error *err)
{
    const own *o = s->own;
    const as_dataset *d = as_learning_data(t);
    json_t *detail = json_object();
    const char *of = as_arena_printf(st->a, err, "%zu", i + 1);
    as_json_put_text(&detail, "training", as_learning_row(t)->key);
    as_json_put_size(&detail, "seed", (size_t)o->seed[i]);
    as_json_put_size(&detail, "tokens", d->n_tokens);
    as_json_put_size(&detail, "targets", d->n_labels);
    as_json_put_size(&detail, "steps", as_learning_steps(t));
    as_json_put_size(&detail, "trainable", as_learning_trainable(t));
    if (!of) {
        json_decref(detail);
        return false;
    }
    return as_study_note(st, s, "training", of, (double)d->n, d->n, 0, detail, err);
}

static bool train_one(as_study *st, const as_step_spec *s, size_t i, const char *rows,
                      as_error *err)
{
    const own *o = s->own;
    as_train_plan plan = o->plan;
    plan.train.seed = plan.adapter.seed = plan.train.optimiser.seed = o->seed[i];
    plan.data = s->id;
    if (o->start) {
        const char *name = as_arena_printf(st->a, err, "{%s.%zu}", o->start, i + 1);
        plan.start = name ? as_study_fill(st, name, err) : NULL;
        if (!plan.start) return false;
    }
    const as_learning_options options = {.plan = &plan,
                                         .name = s->id,
                                         .local = &st->local,
                                         .ex = st->o->ex,
                                         .rows = rows,
                                         .n_rows_bytes = strlen(rows)};
    const char *number = as_arena_printf(st->a, err, "%zu", i + 1);
    const char *label = number ? as_arena_printf(st->a, err, "%s %s", s->id, number) : NULL;
    as_learning *t = label ? as_learning_open(&options, err) : NULL;
    if (!t) return false;
    const char *out = folder_of(st, t, err);
    const bool ok =
        out && note(st, s, t, i, err) && as_dir_make(out, err) && learn(st, t, out, label, err);
    const char *result =
        ok ? as_arena_printf(st->a, err, "%s/%s", out, as_learning_result(t)) : NULL;
    as_learning_close(t);
    return result && as_study_make(st, s, number, result, err);
}

static bool run(as_study *st, const as_step_spec *s, as_error *err)
{
    const own *o = s->own;
    const char *rows = as_study_fill(st, o->data, err);
    if (!rows) return false;
    if (!*rows)
        return as_study_lack(st, err, "%s (found none)",
                             o->plan.kind == AS_TRAIN_DPO ? "pairs" : "rows");
    if (!as_study_open(st, s->model, err)) return false;
    for (size_t i = 0; i < o->n; i++)
        if (!train_one(st, s, i, rows, err)) {
            as_error_at(err, "seed %zu", (size_t)o->seed[i]);
            return false;
        }
    return true;
}

const as_train_plan *as_step_train_how(const as_step_spec *s, size_t *n_seeds)
{
    const own *o = s->own;
    *n_seeds = o->n;
    return &o->plan;
}

const as_step_kind as_step_train = {
    "train", "adapters learnt from what an earlier step distilled, one for each seed", keys, parse,
    run};
