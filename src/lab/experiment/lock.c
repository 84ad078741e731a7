/* A study as it is fixed, and what has changed since; see lock.h. */
#include "lab/experiment/lock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format/hub.h"
#include "engine/format/tensors.h"
#include "lab/experiment/study.h"

static json_t *out_of_memory(as_error *err)
{
    as_fail(err, AS_EMEM, "out of memory");
    return NULL;
}

bool as_plan_hash(const as_plan *p, as_key out, as_error *err)
{
    json_t *plan = as_tree_json(p->root, err);
    bool ok = plan && as_json_hash(plan, out, err);
    json_decref(plan);
    return ok;
}

/* --- what follows from the plan ------------------------------------------------------------------
 */

static json_t *ids_json(const as_id_list *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ids->n; i++) as_json_append(&list, json_string(ids->check[i]));
    return list;
}

static json_t *claim_json(const as_claim_spec *c)
{
    const as_id_list *const roles[] = {&c->must_hold, &c->must_fail, &c->instrument, &c->artefact,
                                       &c->context};
    json_t *o = json_object(), *steps = c->n_steps ? json_array() : NULL;
    as_json_put_text(&o, "says", c->says);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (roles[i]->n) as_json_put(&o, roles[i]->name, ids_json(roles[i]));
    for (size_t i = 0; i < c->n_steps; i++) {
        json_t *step = json_object();
        as_json_put_text(&step, "name", c->step[i].name);
        as_json_put(&step, "checks", ids_json(&c->step[i]));
        as_json_append(&steps, step);
    }
    if (c->n_steps) as_json_put(&o, "steps", steps);
    return o;
}

static bool put_claims(json_t **o, const as_plan *p)
{
    json_t *claims = json_object();
    for (size_t i = 0; i < p->n_claims; i++)
        as_json_put(&claims, p->claim[i].id, claim_json(&p->claim[i]));
    as_json_put(o, "claims", claims);
    return *o;
}

/* Six digits: what two machines' mathematics agree on. */
static double rounded(double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", x);
    return isnan(x) ? NAN : strtod(text, NULL);
}

static bool put_thresholds(json_t **o, const as_study_facts *f, as_error *err)
{
    json_t *all = json_object();
    for (size_t i = 0; i < f->plan->n_checks; i++) {
        const as_check_spec *s = &f->plan->check[i];
        json_t *one = as_power_json(&f->power[i]);
        json_t *parameters = as_args_json(s->check, s->at, err);
        as_json_put_text(&one, "check", s->check->name);
        as_json_put_real(&one, "mde", f->power[i].formula ? rounded(f->power[i].mde) : NAN);
        as_json_put(&one, "n",
                    f->power[i].n ? json_integer((json_int_t)f->power[i].n) : json_null());
        as_json_put(&one, "parameters", parameters);
        as_json_put(&all, s->id, one);
    }
    as_json_put(o, "thresholds", all);
    return *o && !err->class_;
}

static bool put_sets(json_t **o, const as_study_facts *f, as_arena *a, as_error *err)
{
    json_t *all = json_object();
    for (size_t i = 0; i < f->plan->n_sets; i++) {
        const as_set_spec *s = &f->plan->set[i];
        json_t *one = json_object();
        size_t clusters = 0;
        bool ok = as_power_clusters(&f->items[i], a, &clusters, err);
        as_json_put_size(&one, "clusters", clusters);
        as_json_put_text(&one, "digest", f->items[i].digest);
        as_json_put_size(&one, "n", f->items[i].n);
        as_json_put_text(&one, "set", s->set);
        as_json_put_text(&one, "task", s->task->name);
        as_json_put(&all, s->name, one);
        if (!ok) break;
    }
    as_json_put(o, "sets", all);
    return *o && !err->class_;
}

/* How many answers the step puts into the store. */
static size_t answers_of(const as_study_facts *f, const as_step_spec *s)
{
    return s->set ? f->items[s->set - f->plan->set].n * s->n_arms : 0;
}

static json_t *arms_json(const as_step_spec *s, as_error *err)
{
    json_t *arms = json_object();
    for (size_t i = 0; i < s->n_arms; i++) {
        const as_arm_spec *arm = &s->arm[i];
        const as_tree *treats =
            arm->at && arm->at->kind == AS_TREE_MAP ? as_tree_find(arm->at, "treats") : NULL;
        json_t *one = json_object();
        as_json_put_text(&one, "operators", arm->operators);
        as_json_put_text(&one, "system", arm->system);
        as_json_put(&one, "treats", treats ? as_tree_json(treats, err) : json_array());
        as_json_put(&arms, arm->name, one);
    }
    return arms;
}

static bool put_steps(json_t **o, const as_study_facts *f, as_error *err)
{
    json_t *arms = json_object(), *steps = json_object();
    for (size_t i = 0; i < f->plan->n_steps; i++) {
        const as_step_spec *s = &f->plan->step[i];
        json_t *one = json_object();
        as_json_put_size(&one, "answers", answers_of(f, s));
        as_json_put_text(&one, "do", s->kind->name);
        as_json_put_text(&one, "model", s->model ? s->model->name : NULL);
        as_json_put_text(&one, "set", s->set ? s->set->name : NULL);
        as_json_put(&steps, s->id, one);
        if (s->n_arms) as_json_put(&arms, s->id, arms_json(s, err));
    }
    as_json_put(o, "arms", arms);
    as_json_put(o, "steps", steps);
    return *o && !err->class_;
}

json_t *as_study_json(const as_study_facts *f, as_arena *a, as_error *err)
{
    const as_plan *p = f->plan;
    as_key hash;
    if (!as_plan_hash(p, hash, err)) return NULL;
    json_t *o = json_object(), *draws = json_object();
    as_json_put_real(&o, "alpha", p->alpha);
    as_json_put_text(&o, "code", "assay " AS_VERSION);
    as_json_put_size(&draws, "bootstrap", p->bootstrap);
    as_json_put_size(&draws, "cv_repeats", p->cv_repeats);
    as_json_put_size(&draws, "permutations", p->permutations);
    as_json_put(&o, "draws", draws);
    as_json_put_text(&o, "name", p->name);
    as_json_put_text(&o, "plan_sha256", hash);
    as_json_put_size(&o, "seed", (size_t)p->seed);
    as_json_put_text(&o, "title", p->title);
    if (put_claims(&o, p) && put_thresholds(&o, f, err) && put_sets(&o, f, a, err) &&
        put_steps(&o, f, err))
        return o;
    json_decref(o);
    return err->class_ ? NULL : out_of_memory(err);
}

/* --- models --------------------------------------------------------------------------------------
 */

/* What as_local_record says of a model, as far as it can be known without laying out weights. */
static json_t *model_json(const as_model_spec *m, const char *cache, as_arena *a, as_error *err)
{
    as_buf path = {0};
    as_local text = {0};
    as_key weights;
    json_t *o = NULL;
    as_tensors *file = NULL;
    const as_config *config = NULL;
    bool ok = as_hub_resolve(m->path, &path, err) &&
              (file = as_tensors_open(as_buf_text(&path), err)) &&
              as_tensors_digest_in(file, cache, weights, err) &&
              (config = as_model_config_of(as_buf_text(&path), file, a, err)) &&
              as_local_open_text(&text, as_buf_text(&path), NULL, config, err);
    if (ok) {
        o = as_local_text_record(&text, config);
        as_json_put_text(&o, "weights", weights);
        if (!o) out_of_memory(err);
    } else {
        as_error_at(err, "model %s", m->name);
    }
    as_local_close(&text);
    as_tensors_close(file);
    as_buf_clear(&path);
    return o;
}

json_t *as_lock_json(const as_study_facts *f, const char *inputs, const char *cache, as_arena *a,
                     as_error *err)
{
    json_t *models = json_object(), *o = as_study_json(f, a, err);
    for (size_t i = 0; o && !err->class_ && i < f->plan->n_models; i++)
        as_json_put(&models, f->plan->model[i].name, model_json(&f->plan->model[i], cache, a, err));
    as_json_put(&o, "models", models);
    as_json_put(&o, "inputs", as_json_parse("inputs", inputs, strlen(inputs), err));
    as_json_put(&o, "plan", as_tree_json(f->plan->root, err));
    if (o && !err->class_) return o;
    json_decref(o);
    return err->class_ ? NULL : out_of_memory(err);
}

/* --- reading and comparing -----------------------------------------------------------------------
 */

const char *as_lock_text(const json_t *lock, const char *key)
{
    const char *text = json_string_value(json_object_get(lock, key));
    return text ? text : "";
}

bool as_lock_is(const json_t *detail, const char *hash, const char *time)
{
    return strcmp(as_lock_text(detail, "hash"), hash) == 0 &&
           strcmp(as_lock_text(detail, "time"), time) == 0;
}

static size_t number_at(const char *text, size_t at)
{
    return (size_t)(text[at] - '0') * 10 + (size_t)(text[at + 1] - '0');
}

/* As as_cli_time writes it. */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
    const size_t month = number_at(text, 5), day = number_at(text, 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && number_at(text, 11) < 24 &&
           number_at(text, 14) < 60 && number_at(text, 17) <= 60;
}

static bool is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* What a lock has wrong, or NULL. */
static const char *fault_of(const json_t *lock)
{
    if (strcmp(as_lock_text(lock, "schema"), "assay.lock/1") != 0) return "schema";
    if (!is_time(as_lock_text(lock, "time"))) return "time";
    if (!is_hash(as_lock_text(lock, "plan_sha256"))) return "plan_sha256";
    return json_is_object(json_object_get(lock, "plan")) ? NULL : "plan";
}

json_t *as_lock_read(const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], found[AS_ESCAPE_SIZE];
    json_t *lock = as_json_read(path, err);
    const char *fault = lock ? fault_of(lock) : NULL;
    if (lock && !fault) return lock;
    if (fault)
        as_fail(err, AS_EFORMAT,
                "%s: %s (found %s, expected assay.lock/1 with time, plan_sha256 and plan)",
                as_escape(path, strlen(path), shown), fault,
                as_json_shown(json_object_get(lock, fault), found));
    json_decref(lock);
    as_error_at(err, "lock");
    if (err->class_ == AS_EFORMAT) as_error_hint(err, "`assay lock --replace` writes a new one");
    return NULL;
}

/* Sets *failed when there is no memory to tell. */
static bool is_same(const json_t *x, const json_t *y, bool *failed)
{
    as_buf a = {0}, b = {0};
    as_json_write(&a, x);
    as_json_write(&b, y);
    const bool same = strcmp(as_buf_text(&a), as_buf_text(&b)) == 0;
    *failed = *failed || a.failed || b.failed;
    as_buf_clear(&a);
    as_buf_clear(&b);
    return same;
}

static void add_change(json_t **list, const as_buf *at, const json_t *locked, const json_t *now)
{
    json_t *one = json_object();
    as_json_put(&one, "at", json_stringn(as_buf_text(at), at->size));
    if (locked) as_json_put(&one, "locked", json_deep_copy(locked));
    if (now) as_json_put(&one, "now", json_deep_copy(now));
    as_json_append(list, one);
}

static void compare(json_t **list, as_buf *at, const json_t *locked, const json_t *now);

/* One member or item; its name is escaped as RFC 6901 has it. */
static void compare_below(json_t **list, as_buf *at, const char *name, const json_t *locked,
                          const json_t *now)
{
    const size_t before = at->size;
    as_buf_puts(at, "/");
    for (; *name; name++)
        if (*name == '~' || *name == '/')
            as_buf_puts(at, *name == '~' ? "~0" : "~1");
        else
            as_buf_add(at, name, 1);
    compare(list, at, locked, now);
    at->size = before;
}

static void compare(json_t **list, as_buf *at, const json_t *locked, const json_t *now)
{
    const char *name;
    json_t *value;
    if (at->failed || (locked && now && is_same(locked, now, &at->failed))) return;
    if (json_is_object(locked) && json_is_object(now)) {
        json_object_foreach((json_t *)locked, name, value)
            compare_below(list, at, name, value, json_object_get(now, name));
        json_object_foreach((json_t *)now, name, value) if (!json_object_get(locked, name))
            compare_below(list, at, name, NULL, value);
    } else if (json_is_array(locked) && json_is_array(now)) {
        const size_t n = json_array_size(locked), m = json_array_size(now);
        for (size_t i = 0; i < n || i < m; i++) {
            char index[32];
            snprintf(index, sizeof index, "%zu", i);
            compare_below(list, at, index, json_array_get(locked, i), json_array_get(now, i));
        }
    } else {
        add_change(list, at, locked, now);
    }
}

json_t *as_json_changes(const char *at, const json_t *locked, const json_t *now, as_error *err)
{
    as_buf path = {0};
    json_t *list = json_array();
    as_buf_puts(&path, at);
    compare(&list, &path, locked, now);
    if (list && path.failed) {
        json_decref(list);
        list = NULL;
    }
    as_buf_clear(&path);
    return list ? list : out_of_memory(err);
}

/* The members of one name, into list; false for memory. */
static bool add_member(json_t *list, const char *name, const json_t *lock, const json_t *now,
                       as_error *err)
{
    char at[64];
    const json_t *value = json_object_get(now, name);
    if (!value) return true;
    snprintf(at, sizeof at, "/%s", name);
    json_t *changes = as_json_changes(at, json_object_get(lock, name), value, err);
    const bool ok = changes && json_array_extend(list, changes) == 0;
    json_decref(changes);
    return ok || (err->class_ ? false : (bool)out_of_memory(err));
}

json_t *as_lock_changes(const json_t *lock, const json_t *now, as_error *err)
{
    static const char *const facts[] = {"plan", "code", "inputs", "models", "sets"};
    static const char *const follows[] = {"alpha",       "arms", "claims", "draws",      "name",
                                          "plan_sha256", "seed", "steps",  "thresholds", "title"};
    json_t *list = json_array();
    bool ok = list || out_of_memory(err);
    const json_t *plan = json_object_get(now, "plan");
    bool failed = false;
    const bool is_other = plan && !is_same(json_object_get(lock, "plan"), plan, &failed);
    ok = ok && (!failed || out_of_memory(err));
    for (size_t i = 0; ok && i < sizeof facts / sizeof facts[0]; i++)
        ok = add_member(list, facts[i], lock, now, err);
    for (size_t i = 0; ok && !is_other && i < sizeof follows / sizeof follows[0]; i++)
        ok = add_member(list, follows[i], lock, now, err);
    if (ok) return list;
    json_decref(list);
    return NULL;
}

const char *as_lock_other(const json_t *changes)
{
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        if (strcmp(as_lock_text(change, "at"), "/plan/name") == 0)
            return as_lock_text(change, "locked");
    }
    return NULL;
}

void as_change_text(const json_t *change, const char *before, as_buf *out)
{
    char was[AS_ESCAPE_SIZE], is[AS_ESCAPE_SIZE];
    const char *at = as_lock_text(change, "at");
    as_buf_escape(out, at, strlen(at));
    as_buf_printf(out, ": %s %s, now %s", before,
                  as_json_shown(json_object_get(change, "locked"), was),
                  as_json_shown(json_object_get(change, "now"), is));
}
