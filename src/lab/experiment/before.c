/* Before the first token: power, lock, and the rows of both; see before.h. */
#include "lab/experiment/before.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
    as_statistic s = {.position = position,
                      .check = check,
                      .name = name,
                      .of = of,
                      .method = method,
                      .estimate = estimate,
                      .n = n};
    return as_statistic_note(r->o->store, r->design, &s, detail, r->err);
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

/* What designs say of the lock: is it there, did it agree as much, what had asked before it ("": no
 * design); n: locks of the last design looked at. */
typedef struct {
    bool is_seen, is_known;
    as_key asked_by;
    size_t n;
} seen;

/* The first word on a lock stands. */
static bool look_up(const reader *r, const char *design, as_arena *a, seen *out)
{
    const bool agrees = json_array_size(r->changes) == 0;
    as_statistic *rows;
    size_t all;
    out->n = 0;
    if (!as_store_statistics(r->o->store, design, "lock", a, &rows, &all, r->err)) return false;
    for (size_t i = 0; i < all; i++) {
        if (strcmp(rows[i].name, "lock") != 0) continue;
        json_t *detail = as_json_parse("lock", rows[i].detail, strlen(rows[i].detail), r->err);
        if (!detail) return false;
        if (as_lock_is(detail, as_lock_text(r->lock, "plan_sha256"),
                       as_lock_text(r->lock, "time"))) {
            if (!out->is_seen)
                snprintf(out->asked_by, sizeof out->asked_by, "%s",
                         as_lock_text(detail, "asked_by"));
            out->is_seen = true;
            out->is_known |= json_is_true(json_object_get(detail, "agrees")) == agrees;
        }
        json_decref(detail);
        out->n++;
    }
    return true;
}

/* A lock that this design has not seen: was it there when another of the plan's name ran, or which
 * of them, this one before others, has asked anything? */
static bool find_asked(const reader *r, seen *out)
{
    as_design *rows;
    size_t n;
    seen other = {0};
    as_arena *a = as_arena_new(r->err);
    bool ok = a && as_store_designs(r->o->store, a, &rows, &n, r->err);
    for (size_t i = 0; ok && i < n && !other.is_seen; i++)
        if (strcmp(rows[i].name, r->plan->name) == 0) ok = look_up(r, rows[i].key, a, &other);
    for (size_t i = 0; ok && i <= n && !other.is_seen && !*other.asked_by; i++) {
        const as_design *d = i ? &rows[i - 1] : r->design;
        const as_store_where w = {.design = d->key};
        as_prompt_list asked = {0};
        if (strcmp(d->name, r->plan->name) != 0) continue;
        ok = as_store_prompts(r->o->store, &w, a, &asked, r->err);
        if (asked.n) memcpy(other.asked_by, d->key, sizeof d->key);
    }
    memcpy(out->asked_by, other.asked_by, sizeof out->asked_by);
    as_arena_free(a);
    return ok;
}

static bool put_changes(const reader *r)
{
    for (size_t i = 0; i < json_array_size(r->changes); i++) {
        const json_t *change = json_array_get(r->changes, i);
        json_t *detail = json_deep_copy(change);
        json_object_del(detail, "at");
        as_json_put_text(&detail, "hash", as_lock_text(r->lock, "plan_sha256"));
        as_json_put_text(&detail, "time", as_lock_text(r->lock, "time"));
        if (!put(r, "lock", i, "deviation", as_lock_text(change, "at"),
                 "difference from the lock [Power before the run]", NAN, 0, detail))
            return false;
    }
    return true;
}

static bool put_new_lock(const reader *r, const seen *known)
{
    const bool is_after = *known->asked_by != '\0';
    json_t *detail = json_object();
    as_json_put(&detail, "agrees", json_boolean(json_array_size(r->changes) == 0));
    if (is_after) as_json_put_text(&detail, "asked_by", known->asked_by);
    as_json_put_text(&detail, "hash", as_lock_text(r->lock, "plan_sha256"));
    as_json_put(&detail, "is_after", json_boolean(is_after));
    as_json_put_text(&detail, "time", as_lock_text(r->lock, "time"));
    return put(r, "lock", known->n, "lock", "", "lock beside the plan [Power before the run]",
               (double)json_array_size(r->changes), 0, detail);
}

static bool put_lock(const reader *r)
{
    seen known = {0};
    if (!r->lock) return true;
    if (!look_up(r, r->design->key, r->a, &known) || (!known.is_seen && !find_asked(r, &known)) ||
        (!known.is_known && !put_new_lock(r, &known)))
        return false;
    if (*known.asked_by)
        as_log_warn(r->o->log, "%s: made after the first answers, so it proves nothing of them%s",
                    r->o->lock,
                    strcmp(known.asked_by, r->design->key) == 0
                        ? ""
                        : " (the store has answers to another plan of that name)");
    return put_changes(r);
}

/* The first `most` of them, a line each. False for memory. */
static bool show(as_log *log, const json_t *changes, const char *before, size_t most, as_error *err)
{
    const size_t n = json_array_size(changes);
    for (size_t i = 0; i < n && i < most; i++) {
        as_buf b = {0};
        as_change_text(json_array_get(changes, i), before, &b);
        const bool ok = as_buf_ok(&b, err);
        if (ok) as_log_warn(log, "%s", as_buf_text(&b));
        as_buf_clear(&b);
        if (!ok) return false;
    }
    if (n > most) as_log_warn(log, "and %zu more", n - most);
    return true;
}

bool as_lock_allows(const as_run_options *o, const json_t *changes, as_error *err)
{
    const size_t n = json_array_size(changes);
    const char *other = as_lock_other(changes);
    char shown[AS_ESCAPE_SIZE], name[AS_ESCAPE_SIZE];
    if (n == 0) return true;
    as_escape(o->lock, strlen(o->lock), shown);
    if (other) as_escape(other, strlen(other), name);
    if (!other && !show(o->log, changes, "locked", MOST_SHOWN, err)) return false;
    if (o->allows_change) {
        if (other) as_log_warn(o->log, "%s: lock of another plan (%s)", shown, name);
        return true;
    }
    if (o->refused) *o->refused = true;
    if (other)
        as_fail(err, AS_ESTATE, "%s: lock of another plan (%s)", shown, name);
    else
        as_fail(err, AS_ESTATE, "%s: differences from the lock (found %zu, expected none)", shown,
                n);
    as_error_hint(err, "--allow-change runs it and keeps the differences as deviations");
    return false;
}

static bool check_lock(reader *r, const as_items *items)
{
    const as_study_facts f = {r->plan, items, r->power};
    if (!r->o->lock) return true;
    if (!(r->lock = as_lock_read(r->o->lock, r->err))) return false;
    json_t *now = as_lock_json(&f, r->design->inputs, r->o->cache, r->a, r->err);
    r->changes = now ? as_lock_changes(r->lock, now, r->err) : NULL;
    json_decref(now);
    return r->changes && as_lock_allows(r->o, r->changes, r->err);
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
    const bool ok = changes && show(r->o->log, changes, "last run", FEW_SHOWN, r->err);
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
