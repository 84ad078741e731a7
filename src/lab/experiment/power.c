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
typedef struct {
    bool is_binary;
    bool asserts; /* of a binary one: whether it was asserted, else whether it is right */
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
    if (strcmp(name, "passed") == 0) return (values){true, false, 1};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++)
        if (strcmp(scores[i].name, name) == 0) return (values){false, false, scores[i].range};
    return (values){false, false, NAN};
}

static values values_of(const as_table_spec *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        if (strcmp(c->name, name) != 0) continue;
        if (c->origin == AS_FROM_STEP) return values_of_axis(name);
        if (c->origin == AS_DERIVED &&
            (c->derive == AS_DERIVE_RULE || c->derive == AS_DERIVE_EQUALS ||
             c->derive == AS_DERIVE_ENDING))
            return (values){true, strcmp(c->from, "verbal") == 0, 1};
    }
    return (values){false, false, NAN};
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

static double share_of(reader *r, bool asserts)
{
    const double share = asserts ? r->plan->assume.assertion : r->plan->assume.accuracy;
    assume(r, asserts ? "assertion" : "accuracy", share);
    return share;
}

/* Of two arms that have nothing to do with each other, unless the plan says better. */
static double discordance_of(reader *r, bool asserts)
{
    double d = r->plan->assume.discordance;
    if (isnan(d)) {
        const double share = share_of(r, asserts);
        d = 2 * share * (1 - share);
    }
    assume(r, "discordance", d);
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
    as_error ignored = {0}; /* as_power_parse read it */
    if (own)
        (void)!as_tree_double(own, &x, &ignored);
    else if (v->is_binary)
        x = sqrt(discordance_of(r, v->asserts));
    else
        x = range * sqrt(0.5);
    if (own || !v->is_binary) assume(r, "sd", x);
    r->q.variance = scale * x * scale * x;
    r->q.most = scale * (isnan(range) ? INFINITY : range);
    if (!own && v->is_binary) r->q.most = x * x;
    if (isnan(x)) r->q.why = "the spread of the column is not known (say it under assume.sd)";
}

static void read_seeds(reader *r)
{
    if (strcmp(r->audit->check->name, "seeds") != 0) return;
    const size_t n = as_arg_of(r->audit, "treated")->n;
    assume(r, "seeds", r->plan->assume.seeds);
    r->q.seeds = r->plan->assume.seeds * r->plan->assume.seeds / (double)n;
    if (n < 3) r->q.why = "fewer than three seeds";
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
        q->variance = discordance_of(r, v->asserts);
        return;
    case AS_ASYM_CHANGE:
        q->right = share_of(r, false);
        q->variance = discordance_of(r, true);
        q->most = 2 * q->variance;
        q->least = MIN_COHORT;
        return;
    case AS_ASYM:
    case AS_ASYM_WITHIN:
        q->right = share_of(r, false);
        q->assertion = share_of(r, true);
        return;
    case AS_GATE_ASYM:
        q->right = share_of(r, v->asserts);
        q->assertion = as_arg_number(r->audit, "coverage");
        assume(r, "coverage", q->assertion);
        q->bar = -q->bar;
        q->least = as_arg_size(r->audit, "min_class");
        return;
    case AS_AREA:
    case AS_AREA_01:
    case AS_AREA_TWO:
        q->right = share_of(r, v->asserts);
        if (strcmp(q->kind->check, "transfer") == 0)
            q->least = as_arg_size(r->audit, "min_positives");
        return;
    }
}

/* n, and whether of clusters. False only for memory. */
static bool read_n(reader *r, const as_items *items, as_arena *a, as_error *err)
{
    const char *cluster = r->q.kind->cluster;
    const as_set_spec *set = r->plan->set;
    as_power *out = r->out;
    while (r->table->set && strcmp(set->name, r->table->set) != 0) set++;
    if (!r->table->set) {
        r->q.why = "how many is not known before the files are read";
        return true;
    }
    const as_items *of = &items[set - r->plan->set];
    out->n = of->n;
    out->is_clustered = cluster && as_arg_of(r->audit, cluster)->given;
    if (out->is_clustered && !as_power_clusters(of, a, &out->n, err)) return false;
    if (r->table->n_where) {
        assume(r, "kept", r->plan->assume.kept);
        out->n = (size_t)(r->plan->assume.kept * (double)out->n);
    }
    return true;
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
    r->q.alpha = r->plan->alpha;
    out->formula = as_power_formula(k->shape);
    if (arg->given) {
        r->column = arg->column[0];
        r->table = as_plan_table(r->plan, r->column->table->name);
        const values v = values_of(r->table, r->column->name);
        if (!read_n(r, items, a, err)) return false;
        read_shape(r, &v);
        out->formula = as_power_formula(r->q.kind->shape);
    } else {
        r->q.why = "its counts are figures";
    }
    out->mde = as_power_mde(&r->q, out->n, &out->why);
    const double effect = out->check->effect;
    out->is_below = !isnan(effect) && !(out->mde <= effect);
    out->n_needed = isnan(effect) || r->q.why ? 0 : as_power_needed(&r->q, effect);
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

static int compare_texts(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

bool as_power_clusters(const as_items *items, as_arena *a, size_t *out, as_error *err)
{
    const char **name = as_arena_push(a, items->n + 1, sizeof *name, err);
    size_t n = 0;
    if (!name) return false;
    *out = 0;
    for (size_t i = 0; i < items->n; i++)
        if (items->item[i].cluster)
            name[n++] = items->item[i].cluster;
        else
            ++*out;
    qsort(name, n, sizeof *name, compare_texts);
    for (size_t i = 0; i < n; i++) *out += i == 0 || strcmp(name[i - 1], name[i]) != 0;
    return true;
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
    char mde[64] = "none", reach[64] = "no n reaches it";
    if (!first->why) snprintf(mde, sizeof mde, "%.3g", first->mde);
    if (first->n_needed) snprintf(reach, sizeof reach, "%zu would", first->n_needed);
    as_fail(err, AS_ESTATE,
            "claim %s: check %s: smallest effect seen with 80 %% power (found %s%s%s with %zu %s, "
            "expected at most the effect of %g; %s)",
            first->claim, first->check->id, mde, first->why ? ": " : "",
            first->why ? first->why : "", first->n, unit, first->check->effect, reach);
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
    for (size_t i = 0; i < s->sd->n; i++)
        if (!read_spread(s->sd->child[i], false, &sd, err)) return false;
    return true;
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
    return as_power_kind_of(c->check->name) ||
           as_tree_fail(node, err, "effect (found at %s, which decides without a sampling error)",
                        c->check->name);
}

bool as_power_parse(as_plan *p, as_error *err)
{
    const as_tree *map = as_tree_find(p->root, "assume");
    p->assume =
        (as_assume){.accuracy = 0.5, .assertion = 0.5, .discordance = NAN, .kept = 1, .seeds = 0};
    if (map && p->n_steps == 0)
        return as_tree_fail(map, err, "key (found without steps: nothing is left to plan)");
    if (map && !read_assume(p, map, err)) return false;
    for (size_t i = 0; i < p->n_checks; i++)
        if (!read_effect(p, &p->check[i], err)) return false;
    return true;
}
