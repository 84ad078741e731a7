/* Before the first token: power, lock, and the rows of both; see before.h. */
#include "lab/experiment/before.h"

#include <math.h>
#include <string.h>

#include "lab/experiment/lock.h"

#define MOST_SHOWN 20 /* differences from a lock */
#define FEW_SHOWN 5   /* differences of a plan from the last one of its name */

typedef struct {
    const as_plan *plan;
    const as_run_options *o;
    const as_design *design;
    as_arena *a;
    as_error *err;
    as_power *power;
    json_t *lock, *changes; /* NULL: no lock */
} reader;

/* --- rows --- */

/* detail: taken, also on failure. */
static bool put(const reader *r, const char *check, size_t position, const char *name,
                const char *of, const char *method, double estimate, size_t n, json_t *detail)
{
    as_buf b = {0};
    as_statistic s = {.position = position,
                      .check = check,
                      .name = name,
                      .of = of,
                      .method = method,
                      .inputs = "[]",
                      .estimate = estimate,
                      .n = n};
    s.lo = s.hi = s.level = s.p = s.null_q05 = s.null_q50 = s.null_q95 = NAN;
    memcpy(s.design, r->design->key, sizeof s.design);
    if (detail) as_json_write(&b, detail);
    bool ok = detail ? as_buf_ok(&b, r->err) : as_fail(r->err, AS_EMEM, "out of memory");
    s.detail = as_buf_text(&b);
    ok = ok && as_statistic_key(&s, r->err) && as_store_put_statistic(r->o->store, &s, r->err);
    as_buf_clear(&b);
    json_decref(detail);
    return ok;
}

static bool rows_of(const reader *r, const char *check, as_statistic **rows, size_t *n)
{
    return as_store_statistics(r->o->store, r->design->key, check, r->a, rows, n, r->err);
}

static bool put_power(const reader *r)
{
    for (size_t i = 0; r->power && i < r->plan->n_checks; i++) {
        const as_power *w = &r->power[i];
        as_statistic *rows;
        size_t n;
        if (!w->formula) continue;
        const char *check = as_arena_printf(r->a, r->err, "power/%s", w->check->id);
        if (!check || !rows_of(r, check, &rows, &n)) return false;
        if (n) continue; /* what was seen first stands */
        if (!put(r, check, i, "mde", "", "smallest effect, before the run [Power before the run]",
                 w->mde, w->n, as_power_json(w)))
            return false;
    }
    return true;
}

/* --- the lock --- */

/* Was a lock of that plan, which agreed as much, seen before? *n: locks seen. */
static bool is_known(const reader *r, const char *hash, bool agrees, bool *known, size_t *n)
{
    as_statistic *rows;
    size_t all;
    *n = 0;
    if (!rows_of(r, "lock", &rows, &all)) return false;
    for (size_t i = 0; i < all; i++) {
        if (strcmp(rows[i].name, "lock") != 0) continue;
        json_t *detail = as_json_parse("lock", rows[i].detail, strlen(rows[i].detail), r->err);
        if (!detail) return false;
        *known = *known || (strcmp(as_lock_text(detail, "hash"), hash) == 0 &&
                            json_is_true(json_object_get(detail, "agrees")) == agrees);
        json_decref(detail);
        ++*n;
    }
    return true;
}

static bool put_changes(const reader *r)
{
    for (size_t i = 0; i < json_array_size(r->changes); i++) {
        const json_t *change = json_array_get(r->changes, i);
        json_t *detail = json_deep_copy(change);
        json_object_del(detail, "at");
        if (!put(r, "lock", i, "deviation", as_lock_text(change, "at"),
                 "difference from the lock [Power before the run]", NAN, 0, detail))
            return false;
    }
    return true;
}

static bool put_lock(const reader *r)
{
    const char *hash = as_lock_text(r->lock, "plan_sha256");
    const bool agrees = json_array_size(r->changes) == 0;
    as_prompt_list asked = {0};
    bool known = false;
    size_t n;
    if (!r->lock) return true;
    if (!is_known(r, hash, agrees, &known, &n)) return false;
    if (known) return put_changes(r);
    const as_store_where w = {.design = r->design->key};
    if (!as_store_prompts(r->o->store, &w, r->a, &asked, r->err)) return false;
    json_t *detail = json_object();
    as_json_put(&detail, "agrees", json_boolean(agrees));
    as_json_put_text(&detail, "hash", hash);
    as_json_put(&detail, "is_after", json_boolean(asked.n > 0));
    as_json_put_text(&detail, "time", as_lock_text(r->lock, "time"));
    if (asked.n)
        as_log_warn(r->o->log, "%s: made after the first answers, so it proves nothing of them",
                    r->o->lock);
    return put(r, "lock", n, "lock", "", "lock beside the plan [Power before the run]",
               (double)json_array_size(r->changes), 0, detail) &&
           put_changes(r);
}

/* The first `most` of them, a line each. False for memory. */
static bool show(const reader *r, const json_t *changes, const char *before, size_t most)
{
    const size_t n = json_array_size(changes);
    for (size_t i = 0; i < n && i < most; i++) {
        as_buf b = {0};
        as_change_text(json_array_get(changes, i), before, &b);
        const bool ok = as_buf_ok(&b, r->err);
        if (ok) as_log_warn(r->o->log, "%s", as_buf_text(&b));
        as_buf_clear(&b);
        if (!ok) return false;
    }
    if (n > most) as_log_warn(r->o->log, "and %zu more", n - most);
    return true;
}

static bool check_lock(reader *r, const as_items *items)
{
    const as_study_facts f = {r->plan, items, r->power};
    json_t *now = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!r->o->lock) return true;
    if (!(r->lock = as_lock_read(r->o->lock, r->err))) return false;
    now = as_lock_json(&f, r->design->inputs, r->o->cache, r->a, r->err);
    r->changes = now ? as_lock_changes(r->lock, now, r->err) : NULL;
    json_decref(now);
    const size_t n = json_array_size(r->changes);
    if (!r->changes || (n && !show(r, r->changes, "locked", MOST_SHOWN))) return false;
    if (n == 0 || r->o->allows_change) return true;
    if (r->o->refused) *r->o->refused = true;
    as_fail(r->err, AS_ESTATE, "%s: differences from the lock (found %zu, expected none)",
            as_escape(r->o->lock, strlen(r->o->lock), shown), n);
    as_error_hint(r->err, "--allow-change runs it and keeps the differences as deviations");
    return false;
}

/* --- both --- */

static bool put_all(const reader *r)
{
    if (!as_store_begin(r->o->store, r->err)) return false;
    if (as_store_put_design(r->o->store, r->design, r->err) && put_power(r) && put_lock(r))
        return as_store_commit(r->o->store, r->err);
    as_store_rollback(r->o->store);
    return false;
}

bool as_before_run(const as_plan *p, const as_run_options *o, const as_design *design, as_arena *a,
                   as_error *err)
{
    reader r = {.plan = p, .o = o, .design = design, .a = a, .err = err};
    const as_items *items = NULL;
    bool ok = true;
    if (p->n_steps || o->lock)
        ok = as_power_items(p, a, &items, err) && as_power_of(p, items, a, &r.power, err);
    if (ok && p->n_steps && !as_power_allows(p, r.power, err)) {
        if (o->refused) *o->refused = true;
        ok = false;
    }
    ok = ok && check_lock(&r, items) && put_all(&r);
    json_decref(r.lock);
    json_decref(r.changes);
    return ok;
}

/* --- going on ------------------------------------------------------------------------------------
 */

/* Code, seed, inputs and plan of a design, as far as they decide its key. */
static json_t *design_json(const as_design *d, as_error *err)
{
    json_t *o = json_object();
    as_json_put_text(&o, "code", d->code);
    as_json_put(&o, "inputs", as_json_parse("inputs", d->inputs, strlen(d->inputs), err));
    as_json_put(&o, "plan", as_json_parse("plan", d->plan, strlen(d->plan), err));
    if (!o && !err->class_) as_fail(err, AS_EMEM, "out of memory");
    return o;
}

static bool show_other(const reader *r, const as_design *last)
{
    json_t *was = design_json(last, r->err), *is = was ? design_json(r->design, r->err) : NULL;
    json_t *changes = is ? as_json_changes("", was, is, r->err) : NULL;
    const bool ok = changes && show(r, changes, "last run", FEW_SHOWN);
    json_decref(was);
    json_decref(is);
    json_decref(changes);
    return ok;
}

bool as_run_begun(const as_tree *plan, const as_run_options *o, as_arena *a, as_error *err)
{
    as_design design = {0}, last = {0};
    as_plan p;
    bool found = false, other = false;
    const reader r = {.plan = &p, .o = o, .design = &design, .a = a, .err = err};
    if (!as_plan_parse(plan, a, &p, err) || !as_design_of(&p, o->data, a, &design, err) ||
        !as_store_find_design(o->store, design.key, a, &last, &found, err))
        return false;
    if (found) return true;
    if (!as_store_latest_design(o->store, p.name, a, &last, &other, err) ||
        (other && !show_other(&r, &last)))
        return false;
    as_fail(err, AS_ESTATE, "%s: run of this plan (found %s of the name %s)",
            as_store_path(o->store), other ? "only another" : "none", p.name);
    as_error_hint(err, "`assay run` begins one");
    return false;
}
