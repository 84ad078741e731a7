/* Power before the run; see power.h. Formulas: power_mde.c. */
#include "lab/experiment/power_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Right, or wrong, items of an arm, as `decide` of the checks of arms has it. */
#define MIN_COHORT 10

/* --- reading the plan ----------------------------------------------------------------------------
 */

/* What can be known of the values of a column before there are any. */
typedef enum {
    SHARE_UNKNOWN,
    SHARE_RIGHT,
    SHARE_ASSERTED,
    SHARE_HALF /* planted */
} share;

typedef struct {
    bool is_binary;
    share ones;   /* of a binary one */
    bool is_not;  /* 1 where those are not */
    double range; /* NaN: unknown */
} values;

static values values_of_axis(const char *name)
{
    static const struct {
        const char *name;
        double range;
    } scores[] = {{"coverage", 1},
                  {"factual_accuracy", 4},
                  {"hedging_appropriateness", 4},
                  {"pedagogical_framing", 4},
                  {"self_verification", 4},
                  {"completeness", 4}};
    if (strcmp(name, "passed") == 0) return (values){true, SHARE_RIGHT, false, 1};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++)
        if (strcmp(scores[i].name, name) == 0)
            return (values){false, SHARE_UNKNOWN, false, scores[i].range};
    return (values){false, SHARE_UNKNOWN, false, NAN};
}

/* Only what the answers of a study are known by: right, by what was made of it, and asserted. */
static values values_of_derived(const as_column_spec *c)
{
    values v = {true, SHARE_UNKNOWN, false, 1};
    switch (c->derive) {
    case AS_DERIVE_RULE:
        if (strcmp(c->from, "coverage") == 0 || strcmp(c->from, "passed") == 0 ||
            strcmp(c->from, "factual_accuracy") == 0)
            v.ones = SHARE_RIGHT;
        v.is_not = c->word[0] == '<';
        return v;
    case AS_DERIVE_EQUALS:
        v.is_not = strcmp(c->word, "HEDGE") == 0;
        if (strcmp(c->from, "verbal") == 0 && (v.is_not || strcmp(c->word, "ASSERT") == 0))
            v.ones = SHARE_ASSERTED;
        return v;
    case AS_DERIVE_PLANTED:
        v.ones = SHARE_HALF;
        return v;
    case AS_DERIVE_ENDING:
        return v;
    default:
        return (values){false, SHARE_UNKNOWN, false, NAN};
    }
}

static values values_of(const as_table_spec *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        if (strcmp(c->name, name) != 0) continue;
        if (c->origin == AS_FROM_STEP) return values_of_axis(name);
        if (c->origin == AS_DERIVED) return values_of_derived(c);
    }
    return (values){false, SHARE_UNKNOWN, false, NAN};
}

typedef struct {
    const as_plan *plan;
    const as_audit *audit;
    const as_table_spec *table;
    const as_column *column;
    as_power *out;
    as_power_question q;
} reader;

static void assume(reader *r, const char *name, double value)
{
    AS_CHECK(r->out->n_assumes < AS_ASSUMPTIONS);
    r->out->assumes[r->out->n_assumes++] = (as_assumption){name, value};
}

/* The first reason stands. */
static void cannot(reader *r, const char *why)
{
    if (!r->q.why) r->q.why = why;
}

static const values asserted = {true, SHARE_ASSERTED, false, 1};

/* Of the ones. */
static double share_of(reader *r, const values *v)
{
    const as_assume *s = &r->plan->assume;
    if (v->ones == SHARE_HALF) return 0.5;
    if (v->ones == SHARE_UNKNOWN) {
        cannot(r, "the share of the column's ones is not known");
        return NAN;
    }
    const bool asserts = v->ones == SHARE_ASSERTED;
    const double x = asserts ? s->assertion : s->accuracy;
    assume(r, asserts ? "assertion" : "accuracy", x);
    return v->is_not ? 1 - x : x;
}

/* Of two arms that have nothing to do with each other, unless the plan says better. */
static double discordance_of(reader *r, const values *v)
{
    double d = r->plan->assume.discordance;
    if (isnan(d)) {
        const double p = share_of(r, v);
        d = 2 * p * (1 - p);
    }
    if (!isnan(d)) assume(r, "discordance", d);
    return d;
}

/* Of the column as the plan says; else of a binary one from the discordance; else half the range in
 * either arm, the most there can be (Popoviciu 1935), of arms that have nothing to do with each
 * other. */
static void read_sd(reader *r, const values *v)
{
    const as_tree *sd = r->plan->assume.sd;
    const as_tree *own = sd && sd->kind == AS_TREE_MAP ? as_tree_find(sd, r->column->name) : sd;
    const bool is_grade = strcmp(r->audit->check->name, "ordinal-change") == 0;
    const double scale = is_grade ? 100 / as_arg_number(r->audit, "top") : 1;
    const double range = is_grade ? as_arg_number(r->audit, "top") : v->range;
    double x = NAN;
    r->q.is_binary = !own && v->is_binary;
    as_error ignored = {0}; /* as_power_parse read it */
    if (own)
        (void)!as_tree_double(own, &x, &ignored);
    else if (r->q.is_binary)
        x = sqrt(discordance_of(r, v));
    else
        x = range * sqrt(0.5);
    if (!r->q.is_binary) assume(r, "sd", x);
    r->q.variance = scale * x * scale * x;
    r->q.most = scale * (isnan(range) ? INFINITY : range);
    if (r->q.is_binary) r->q.most = x * x;
    if (isnan(x)) cannot(r, "the spread of the column is not known (say it under assume.sd)");
}

static void read_seeds(reader *r)
{
    if (strcmp(r->audit->check->name, "seeds") != 0) return;
    const size_t n = as_arg_of(r->audit, "treated")->n;
    assume(r, "seeds", r->plan->assume.seeds);
    r->q.seeds = r->plan->assume.seeds * r->plan->assume.seeds / (double)n;
    if (n < 3) cannot(r, "fewer than three seeds");
}

static int sign_of(const char *expect)
{
    return strcmp(expect, "positive") == 0 ? 1 : strcmp(expect, "negative") == 0 ? -1 : 0;
}

static void read_shape(reader *r, const values *v)
{
    as_power_question *q = &r->q;
    if (strcmp(q->kind->check, "budget-ladder") == 0 && v->is_binary && !r->out->is_clustered)
        q->kind = as_power_kind_of("paired-binary");
    switch (q->kind->shape) {
    case AS_MEAN:
    case AS_MEAN_FAR:
    case AS_WITHIN:
        read_sd(r, v);
        read_seeds(r);
        return;
    case AS_DISCORDANT:
        q->variance = discordance_of(r, v);
        return;
    case AS_ASYM_CHANGE:
        q->right = share_of(r, v);
        q->variance = discordance_of(r, &asserted);
        q->most = 2 * q->variance;
        q->least = MIN_COHORT;
        return;
    case AS_ASYM:
    case AS_ASYM_WITHIN:
        q->right = share_of(r, v);
        q->assertion = share_of(r, &asserted);
        if (q->kind->shape == AS_ASYM) q->sign = sign_of(as_arg_text(r->audit, "expect"));
        return;
    case AS_GATE_ASYM:
        q->right = share_of(r, v);
        q->assertion = as_arg_number(r->audit, "coverage");
        assume(r, "coverage", q->assertion);
        q->bar = -q->bar;
        q->least = as_arg_size(r->audit, "min_class");
        return;
    case AS_AREA:
    case AS_AREA_01:
    case AS_AREA_TWO:
        q->right = share_of(r, v);
        if (strcmp(q->kind->check, "transfer") == 0)
            q->least = as_arg_size(r->audit, "min_positives");
        return;
    }
}

/* Has a table that the units come from a filter? Those a probe is fitted on are other units. */
static bool is_filtered(const reader *r)
{
    const bool is_test = strncmp(r->q.kind->column, "test_", 5) == 0;
    for (const as_param *own = r->audit->check->params; own->name; own++) {
        if (own->type != AS_PARAM_COLUMN && own->type != AS_PARAM_COLUMNS) continue;
        if (is_test && strncmp(own->name, "test_", 5) != 0) continue;
        const as_arg *arg = as_arg_of(r->audit, own->name);
        for (size_t i = 0; arg->given && i < arg->n; i++)
            if (as_plan_table(r->plan, arg->column[i]->table->name)->n_where) return true;
    }
    return false;
}

static int compare_texts(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Different texts of the items under that column of a step; without one an item is its own. */
static bool count_texts(const as_items *items, const char *column, as_arena *a, size_t *out,
                        as_error *err)
{
    const char **text = as_arena_push(a, items->n + 1, sizeof *text, err);
    size_t n = 0;
    if (!text) return false;
    *out = 0;
    for (size_t i = 0; i < items->n; i++) {
        const as_item *item = &items->item[i];
        const char *own = strcmp(column, "prompt") == 0     ? item->prompt
                          : strcmp(column, "category") == 0 ? item->category
                                                            : item->cluster;
        if (own)
            text[n++] = own;
        else
            ++*out;
    }
    qsort(text, n, sizeof *text, compare_texts);
    for (size_t i = 0; i < n; i++) *out += i == 0 || strcmp(text[i - 1], text[i]) != 0;
    return true;
}

/* n, and whether of clusters. False only for memory. */
static bool read_n(reader *r, const as_items *items, as_arena *a, as_error *err)
{
    const char *cluster = r->q.kind->cluster;
    const as_set_spec *set = r->plan->set;
    as_power *out = r->out;
    while (r->table->set && strcmp(set->name, r->table->set) != 0) set++;
    if (!r->table->set) {
        cannot(r, "how many is not known before the files are read");
        return true;
    }
    const as_items *of = &items[set - r->plan->set];
    const as_arg *by = cluster ? as_arg_of(r->audit, cluster) : NULL;
    out->n = of->n;
    out->is_clustered = by && by->given;
    if (out->is_clustered) {
        const char *name = by->column[0]->name;
        if (strcmp(name, "cluster") != 0 && strcmp(name, "category") != 0 &&
            strcmp(name, "prompt") != 0)
            cannot(r, "how many values the column of clusters has is not known");
        if (!count_texts(of, name, a, &out->n, err)) return false;
    }
    if (is_filtered(r)) {
        out->kept = r->plan->assume.kept;
        if (isnan(out->kept))
            cannot(r, "how many a filter keeps is not known: say assume.kept");
        else
            assume(r, "kept", out->kept);
        out->n = isnan(out->kept) ? 0 : (size_t)(out->kept * (double)out->n);
    }
    if (r->q.why) out->n = 0;
    return true;
}

/* What the smallest effect is held against. */
static void compare(const reader *r)
{
    as_power *out = r->out;
    const bool is_within = as_power_is_within(r->q.kind->shape);
    const double effect = out->check->effect;
    const double target = is_within ? fmin(effect, out->bar) : effect; /* NaN: the other */
    out->is_below = !isnan(effect) && !(out->mde <= target);
    out->is_too_wide = is_within && out->mde > out->bar;
    out->n_needed = isnan(target) || r->q.why ? 0 : as_power_needed(&r->q, target);
}

static bool plan_check(reader *r, const as_items *items, as_arena *a, as_error *err)
{
    as_power *out = r->out;
    const as_power_kind *k = r->q.kind;
    const as_arg *arg = as_arg_of(r->audit, k->column);
    out->mde = NAN;
    out->bar = k->bar ? as_arg_number(r->audit, k->bar) : NAN;
    r->q.bar = out->bar;
    r->q.most = INFINITY;
    r->q.least = 1;
    out->kept = 1;
    out->formula = as_power_formula(k->shape);
    if (arg->given) {
        r->column = arg->column[0];
        r->table = as_plan_table(r->plan, r->column->table->name);
        const values v = values_of(r->table, r->column->name);
        if (!read_n(r, items, a, err)) return false;
        /* of clusters the interval has to agree with Fisher's test */
        const bool is_both = strcmp(k->check, "cells") == 0 && out->is_clustered;
        r->q.alpha = as_power_level(is_both ? AS_BY_BOTH : k->rule, r->plan->alpha);
        read_shape(r, &v);
        out->formula = as_power_formula(r->q.kind->shape);
    } else {
        cannot(r, "its counts are figures");
    }
    out->mde = as_power_mde(&r->q, out->n, &out->why);
    compare(r);
    return true;
}

static bool names(const as_id_list *ids, const char *id)
{
    for (size_t i = 0; i < ids->n; i++)
        if (strcmp(ids->check[i], id) == 0) return true;
    return false;
}

static const char *claim_on(const as_plan *p, const char *id)
{
    for (size_t i = 0; i < p->n_claims; i++) {
        const as_claim_spec *c = &p->claim[i];
        if (names(&c->must_hold, id)) return c->id;
        for (size_t k = 0; k < c->n_steps; k++)
            if (names(&c->step[k], id)) return c->id;
    }
    return NULL;
}

bool as_power_of(const as_plan *p, const as_items *items, as_arena *a, as_power **out,
                 as_error *err)
{
    as_power *list = as_arena_push(a, p->n_checks + 1, sizeof *list, err);
    if (!list) return false;
    for (size_t i = 0; i < p->n_checks; i++) {
        const as_check_spec *s = &p->check[i];
        const as_audit audit = {.check = s->check, .id = s->id, .args = s->args, .alpha = p->alpha};
        reader r = {.plan = p,
                    .audit = &audit,
                    .out = &list[i],
                    .q = {.kind = as_power_kind_of(s->check->name)}};
        list[i].check = s;
        list[i].claim = claim_on(p, s->id);
        if (p->n_steps && r.q.kind && !plan_check(&r, items, a, err)) return false;
    }
    *out = list;
    return true;
}

/* --- items ---------------------------------------------------------------------------------------
 */

bool as_power_items(const as_plan *p, as_arena *a, const as_items **out, as_error *err)
{
    as_items *items = as_arena_push(a, p->n_sets + 1, sizeof *items, err);
    if (!items) return false;
    for (size_t i = 0; i < p->n_sets; i++) {
        const as_set_spec *s = &p->set[i];
        if (!s->task->items(s->data, s->set, s->n, s->seed, a, &items[i], err)) {
            as_error_at(err, "set %s", s->name);
            return false;
        }
    }
    *out = items;
    return true;
}

bool as_power_clusters(const as_items *items, as_arena *a, size_t *out, as_error *err)
{
    return count_texts(items, "cluster", a, out, err);
}

/* --- what came of it -----------------------------------------------------------------------------
 */

bool as_power_allows(const as_plan *p, const as_power *power, as_error *err)
{
    const as_power *first = NULL;
    size_t more = 0;
    for (size_t i = 0; i < p->n_checks; i++) {
        if (!power[i].is_below || !power[i].claim) continue;
        if (first)
            more++;
        else
            first = &power[i];
    }
    if (!first) return true;
    const char *unit = first->is_clustered ? "clusters" : "items";
    const bool is_margin = as_power_is_within(as_power_kind_of(first->check->check->name)->shape) &&
                           first->bar < first->check->effect;
    char mde[64] = "none", reach[64] = "no n reaches it";
    if (!first->why) snprintf(mde, sizeof mde, "%.3g", first->mde);
    if (first->n_needed)
        snprintf(reach, sizeof reach, "%.0f%s%s would", ceil((double)first->n_needed / first->kept),
                 first->is_clustered ? " clusters" : "",
                 first->kept < 1 ? " before the filter" : "");
    as_fail(err, AS_ESTATE,
            "claim %s: check %s: smallest effect seen with 80 %% power (found %s%s%s with %zu %s, "
            "expected at most the %s of %g; %s)",
            first->claim, first->check->id, mde, first->why ? ": " : "",
            first->why ? first->why : "", first->n, unit, is_margin ? "margin" : "effect",
            is_margin ? first->bar : first->check->effect, reach);
    if (more) as_error_hint(err, "%zu more such: `assay plan` lists them", more);
    return false;
}

json_t *as_power_json(const as_power *w)
{
    json_t *o = json_object(), *assumes = json_object();
    for (size_t i = 0; i < w->n_assumes; i++)
        as_json_put_real(&assumes, w->assumes[i].name, w->assumes[i].value);
    as_json_put(&o, "assumptions", assumes);
    as_json_put_real(&o, "bar", w->formula ? w->bar : NAN);
    as_json_put_real(&o, "effect", w->check->effect);
    as_json_put_text(&o, "formula", w->formula);
    as_json_put(&o, "n_needed", w->n_needed ? json_integer((json_int_t)w->n_needed) : json_null());
    as_json_put_real(&o, "power", AS_PLANNED_POWER);
    as_json_put_text(&o, "unit", !w->formula ? NULL : w->is_clustered ? "clusters" : "items");
    as_json_put_text(&o, "why", w->why);
    return o;
}

/* --- assume and effect ---------------------------------------------------------------------------
 */

static bool read_share(const as_tree *map, const char *key, bool whole, double *out, as_error *err)
{
    const as_tree *node = as_tree_find(map, key);
    if (!node) return true;
    if (!as_tree_double(node, out, err)) return false;
    if (*out > 0 && (*out < 1 || (whole && *out <= 1))) return true;
    return as_tree_fail(node, err, "share (expected above 0 and %s 1)",
                        whole ? "at most" : "below");
}

static bool read_spread(const as_tree *node, bool zero, double *out, as_error *err)
{
    if (!node) return true;
    if (!as_tree_double(node, out, err)) return false;
    if (*out > 0 || (zero && *out == 0)) return true;
    return as_tree_fail(node, err, "SD (expected a number %s)", zero ? "from 0 on" : "above 0");
}

/* Is every key of the mapping a column of some table? */
static bool are_columns(const as_plan *p, const as_tree *map, as_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_tables; i++) n += p->table[i].n_columns;
    const char **names = malloc((n + 1) * sizeof *names);
    if (!names) return as_fail(err, AS_EMEM, "out of memory");
    n = 0;
    for (size_t i = 0; i < p->n_tables; i++)
        for (size_t k = 0; k < p->table[i].n_columns; k++) names[n++] = p->table[i].column[k].name;
    names[n] = NULL;
    const bool ok = as_tree_keys(map, names, err);
    free(names);
    return ok;
}

static bool read_assume(as_plan *p, const as_tree *map, as_error *err)
{
    static const char *const keys[] = {"accuracy", "assertion", "discordance", "kept",
                                       "sd",       "seeds",     NULL};
    as_assume *s = &p->assume;
    if (!as_tree_kind_is(map, AS_TREE_MAP, err) || !as_tree_keys(map, keys, err) ||
        !read_share(map, "accuracy", false, &s->accuracy, err) ||
        !read_share(map, "assertion", false, &s->assertion, err) ||
        !read_share(map, "discordance", true, &s->discordance, err) ||
        !read_share(map, "kept", true, &s->kept, err) ||
        !read_spread(as_tree_find(map, "seeds"), true, &s->seeds, err))
        return false;
    double sd = 0;
    s->sd = as_tree_find(map, "sd");
    if (!s->sd || s->sd->kind != AS_TREE_MAP) return read_spread(s->sd, false, &sd, err);
    if (!are_columns(p, s->sd, err)) return false;
    for (size_t i = 0; i < s->sd->n; i++)
        if (!read_spread(s->sd->child[i], false, &sd, err)) return false;
    return true;
}

/* The largest effect that the values of a check can give. */
static double largest_effect(const as_plan *p, const as_check_spec *c, const as_power_kind *k)
{
    const as_audit audit = {.check = c->check, .id = c->id, .args = c->args, .alpha = p->alpha};
    const as_arg *arg = as_arg_of(&audit, k->column);
    switch (k->shape) {
    case AS_MEAN:
    case AS_MEAN_FAR:
    case AS_WITHIN: {
        if (strcmp(k->check, "ordinal-change") == 0) return 100; /* percent */
        if (!arg->given) return INFINITY;
        const as_column *of = arg->column[0];
        const values v = values_of(as_plan_table(p, of->table->name), of->name);
        return isnan(v.range) ? INFINITY : v.range;
    }
    case AS_ASYM_CHANGE:
        return 2; /* from -1 to 1 */
    default:
        return 1;
    }
}

static bool is_possible(const as_plan *p, const as_check_spec *c, const as_tree *node,
                        as_error *err)
{
    const as_power_kind *k = as_power_kind_of(c->check->name);
    if (!k)
        return as_tree_fail(node, err,
                            "effect (found at %s, which decides without a sampling error)",
                            c->check->name);
    const double most = largest_effect(p, c, k);
    const bool is_area = k->shape == AS_AREA || k->shape == AS_AREA_01 || k->shape == AS_AREA_TWO;
    if (is_area && !(c->effect > 0.5 && c->effect <= 1))
        return as_tree_fail(node, err, "effect (found %g, expected an AUC above 0.5, at most 1)",
                            c->effect);
    return c->effect <= most ||
           as_tree_fail(node, err, "effect (found %g, expected at most %g)", c->effect, most);
}

static bool read_effect(const as_plan *p, as_check_spec *c, as_error *err)
{
    const as_tree *node = as_tree_find(c->at, "effect");
    c->effect = NAN;
    for (const as_param *own = c->check->params; own->name; own++)
        if (strcmp(own->name, "effect") == 0) return true; /* the check's own */
    if (!node) return true;
    if (!as_tree_double(node, &c->effect, err)) return false;
    if (!(c->effect > 0)) return as_tree_fail(node, err, "effect (expected a size above 0)");
    if (p->n_steps == 0)
        return as_tree_fail(node, err, "effect (found without steps: nothing is left to plan)");
    return is_possible(p, c, node, err);
}

bool as_power_parse(as_plan *p, as_error *err)
{
    const as_tree *map = as_tree_find(p->root, "assume");
    p->assume =
        (as_assume){.accuracy = 0.5, .assertion = 0.5, .discordance = NAN, .kept = NAN, .seeds = 0};
    if (map && p->n_steps == 0)
        return as_tree_fail(map, err, "key (found without steps: nothing is left to plan)");
    if (map && !read_assume(p, map, err)) return false;
    for (size_t i = 0; i < p->n_checks; i++)
        if (!read_effect(p, &p->check[i], err)) return false;
    return true;
}
