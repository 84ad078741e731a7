/* assay plan: what a study would do, and whether it could see what it claims. */
#include "app/cli/plan.h"

#include <math.h>
#include <string.h>

#include "app/cli/plan_yaml.h"
#include "base/file.h"
#include "lab/experiment/study.h"

static const as_option options[] = {
    {"set", 'o', "KEY.PATH=VALUE", "change the plan; may be repeated", true},
    {0},
};

/* --- shared --- */

as_tree *as_cli_plan(const as_cli *c, as_error *err)
{
    as_tree *plan = as_plan_read(c->operand[0], c->arena, err);
    for (size_t i = 0; plan && i < c->n_given; i++)
        if (strcmp(c->given_name[i], "set") == 0 &&
            !as_plan_set(plan, c->given_value[i], c->arena, err))
            return NULL;
    return plan;
}

bool as_cli_facts(const as_cli *c, as_plan *plan, as_study_facts *out, as_error *err)
{
    as_power *power = NULL;
    const as_tree *tree = as_cli_plan(c, err);
    *out = (as_study_facts){.plan = plan};
    if (!tree || !as_plan_parse(tree, c->arena, plan, err) ||
        !as_power_items(plan, c->arena, &out->items, err) ||
        !as_power_of(plan, out->items, c->arena, &power, err))
        return false;
    out->power = power;
    return true;
}

/* Length of the path without its ending; 0: it has none of a plan. */
static size_t stem(const char *path)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    const size_t n = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t k = strlen(endings[i]);
        if (n > k && strcmp(path + n - k, endings[i]) == 0) return n - k;
    }
    return 0;
}

bool as_cli_is_plan(const char *operand)
{
    return stem(operand) > 0;
}

const char *as_cli_lock_path(const as_cli *c, as_error *err)
{
    const char *path = c->operand[0];
    const size_t n = stem(path);
    return as_arena_printf(c->arena, err, "%.*s.lock.json", (int)(n ? n : strlen(path)), path);
}

/* --- the table --- */

static void put_head(as_buf *b, const as_study_facts *f, const char *hash)
{
    const as_plan *p = f->plan;
    as_buf_escape(b, p->title, strlen(p->title));
    as_buf_printf(b, " (%s)\nplan %s\n", p->name, hash);
    if (p->n_models) as_buf_puts(b, "\nmodels\n");
    for (size_t i = 0; i < p->n_models; i++) {
        as_buf_printf(b, "  %-20s ", p->model[i].name);
        as_buf_escape(b, p->model[i].path, strlen(p->model[i].path));
        as_buf_puts(b, "\n");
    }
}

static bool put_sets(as_buf *b, const as_study_facts *f, as_arena *a, as_error *err)
{
    const as_plan *p = f->plan;
    if (p->n_sets) as_buf_puts(b, "\nsets\n");
    for (size_t i = 0; i < p->n_sets; i++) {
        size_t clusters;
        if (!as_power_clusters(&f->items[i], a, &clusters, err)) return false;
        as_buf_printf(b, "  %-20s %zu items in %zu clusters (%s, %s)\n", p->set[i].name,
                      f->items[i].n, clusters, p->set[i].task->name, p->set[i].set);
    }
    return true;
}

static void put_steps(as_buf *b, const as_study_facts *f)
{
    const as_plan *p = f->plan;
    if (p->n_steps) as_buf_puts(b, "\nsteps\n");
    for (size_t i = 0; i < p->n_steps; i++) {
        const as_step_spec *s = &p->step[i];
        const size_t n = s->set ? f->items[s->set - p->set].n : 0;
        as_buf_printf(b, "  %-20s %s", s->id, s->kind->name);
        if (s->n_arms)
            as_buf_printf(b, ", %s: %zu items x %zu arms = %zu answers", s->set->name, n, s->n_arms,
                          n * s->n_arms);
        as_buf_puts(b, "\n");
    }
}

/* Controls by what an arm says: a placebo's operators, a system message alone, a seed's adapter. */
typedef struct {
    size_t placebos, prompt_only, seeds;
} controls;

static controls count_controls(const as_plan *p)
{
    controls n = {0};
    for (size_t i = 0; i < p->n_steps; i++) {
        const as_step_spec *s = &p->step[i];
        const as_tree *seeds = as_tree_find(s->at, "seeds");
        if (s->kind == &as_step_train)
            n.seeds += seeds && seeds->kind == AS_TREE_LIST ? seeds->n : 1;
        for (size_t k = 0; s->kind == &as_step_answer && k < s->n_arms; k++) {
            const char *operators = s->arm[k].operators;
            n.placebos += operators && strstr(operators, ".placebo-");
            n.prompt_only += !operators && s->arm[k].system;
        }
    }
    return n;
}

static void put_number(as_buf *b, double x)
{
    if (isnan(x))
        as_buf_printf(b, " %8s", "-");
    else
        as_buf_printf(b, " %8.3f", x);
}

static void put_check(as_buf *b, const as_power *w)
{
    as_buf_printf(b, "    %-24s %-18s", w->check->id, w->check->check->name);
    if (!w->formula) {
        as_buf_puts(b, " none\n");
        return;
    }
    as_buf_printf(b, " %6zu %-8s", w->n, w->is_clustered ? "clusters" : "items");
    put_number(b, w->mde);
    put_number(b, w->check->effect);
    put_number(b, w->bar);
    for (size_t i = 0; i < w->n_assumes; i++)
        as_buf_printf(b, "%s%s %.3g", i ? ", " : "  ", w->assumes[i].name, w->assumes[i].value);
    if (w->why) as_buf_printf(b, "  (%s)", w->why);
    if (w->is_below || w->is_too_wide) {
        as_buf_puts(b, w->is_below ? "  BELOW" : "  margin out of reach");
        if (w->n_needed) as_buf_printf(b, ": needs n = %zu", w->n_needed);
    }
    as_buf_puts(b, "\n");
}

static void put_header(as_buf *b)
{
    as_buf_printf(b, "    %-24s %-18s %6s %-8s %8s %8s %8s  %s\n", "check", "kind", "n", "", "MDE",
                  "effect", "bar", "assumed");
}

static void put_ids(as_buf *b, const as_study_facts *f, const char *role, const as_id_list *ids)
{
    if (ids->n) as_buf_printf(b, "   %s\n", role);
    for (size_t i = 0; i < ids->n; i++)
        for (size_t k = 0; k < f->plan->n_checks; k++)
            if (strcmp(f->plan->check[k].id, ids->check[i]) == 0) put_check(b, &f->power[k]);
}

static void put_claims(as_buf *b, const as_study_facts *f)
{
    const as_plan *p = f->plan;
    for (size_t i = 0; i < p->n_claims; i++) {
        const as_claim_spec *c = &p->claim[i];
        as_buf_printf(b, "\nclaim %s: ", c->id);
        as_buf_escape(b, c->says, strlen(c->says));
        as_buf_puts(b, "\n");
        put_header(b);
        put_ids(b, f, "must hold", &c->must_hold);
        put_ids(b, f, "must fail", &c->must_fail);
        for (size_t k = 0; k < c->n_steps; k++) put_ids(b, f, c->step[k].name, &c->step[k]);
        put_ids(b, f, "instrument", &c->instrument);
        put_ids(b, f, "artefact", &c->artefact);
        put_ids(b, f, "context", &c->context);
    }
    if (p->n_claims || !p->n_checks) return;
    as_buf_puts(b, "\nchecks\n");
    put_header(b);
    for (size_t i = 0; i < p->n_checks; i++) put_check(b, &f->power[i]);
}

/* --- lock --- */

/* The lock beside the plan as {changes, file, time}; *out NULL without one. Models and files are
 * not looked at. */
static bool read_lock(const as_cli *c, const json_t *now, json_t **out, as_error *err)
{
    const char *path = as_cli_lock_path(c, err);
    *out = NULL;
    if (!path) return false;
    if (!as_name_exists(path)) return true;
    json_t *lock = as_lock_read(path, err), *changes = NULL;
    if (lock) changes = as_lock_changes(lock, now, err);
    if (changes) {
        *out = json_object();
        as_json_put(out, "changes", changes);
        as_json_put_text(out, "file", path);
        as_json_put_text(out, "time", as_lock_text(lock, "time"));
        if (!*out) as_fail(err, AS_EMEM, "out of memory");
    }
    json_decref(lock);
    return *out != NULL;
}

static void put_lock(as_buf *b, const json_t *lock)
{
    const json_t *changes = json_object_get(lock, "changes");
    const char *file = as_lock_text(lock, "file"), *other = as_lock_other(changes);
    if (!lock) {
        as_buf_puts(b, "\nlock: none (`assay lock` makes one)\n");
        return;
    }
    as_buf_puts(b, "\nlock: ");
    as_buf_escape(b, file, strlen(file));
    as_buf_printf(b, " of %s, ", as_lock_text(lock, "time"));
    if (other) {
        as_buf_puts(b, "of another plan (");
        as_buf_escape(b, other, strlen(other));
        as_buf_puts(b, ")\n");
        return;
    }
    if (json_array_size(changes) == 0)
        as_buf_puts(b, "agrees (models and files are looked at when it runs)\n");
    else
        as_buf_printf(b, "differences: %zu\n", json_array_size(changes));
    for (size_t i = 0; i < json_array_size(changes); i++) {
        as_buf_puts(b, "  ");
        as_change_text(json_array_get(changes, i), "locked", b);
        as_buf_puts(b, "\n");
    }
}

/* --- the verb --- */

static bool print_table(const as_cli *c, const as_study_facts *f, const json_t *now,
                        const json_t *lock, as_error *err)
{
    as_buf b = {0};
    const controls n = count_controls(f->plan);
    put_head(&b, f, as_lock_text(now, "plan_sha256"));
    bool ok = put_sets(&b, f, c->arena, err);
    put_steps(&b, f);
    as_buf_printf(&b,
                  "\ncontrols: %zu placebo arms, %zu prompt-only arms, %zu trainings by seed\n"
                  "MDE: the smallest effect seen with %.0f %% power, two-sided alpha %g\n",
                  n.placebos, n.prompt_only, n.seeds, 100 * AS_PLANNED_POWER, f->plan->alpha);
    put_claims(&b, f);
    put_lock(&b, lock);
    ok = ok && as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static bool print_json(const as_study_facts *f, json_t *now, json_t *lock, as_error *err)
{
    const controls n = count_controls(f->plan);
    json_t *o = json_copy(now), *models = json_object(), *planned = json_object();
    for (size_t i = 0; i < f->plan->n_models; i++)
        as_json_put_text(&models, f->plan->model[i].name, f->plan->model[i].path);
    as_json_put_size(&planned, "placebos", n.placebos);
    as_json_put_size(&planned, "prompt_only", n.prompt_only);
    as_json_put_size(&planned, "seeds", n.seeds);
    as_json_put_text(&o, "schema", "assay.planned/1");
    as_json_put(&o, "controls", planned);
    as_json_put(&o, "models", models);
    as_json_put(&o, "lock", lock ? json_incref(lock) : json_null());
    return as_print_json(o, err);
}

static int run(as_cli *c, as_error *err)
{
    as_plan *plan = as_arena_push(c->arena, 1, sizeof *plan, err);
    as_study_facts f;
    json_t *now = NULL, *lock = NULL;
    int status = AS_EXIT_FAILED;
    if (!plan || !as_cli_facts(c, plan, &f, err)) {
        if (err->class_ == AS_ESTATE) status = AS_EXIT_REFUSED; /* unequal arms */
        return status;
    }
    now = as_study_json(&f, c->arena, err);
    if (now) as_json_put(&now, "plan", as_tree_json(plan->root, err));
    if (now && !err->class_ && read_lock(c, now, &lock, err)) {
        if (c->json) json_object_del(now, "plan");
        const bool ok =
            c->json ? print_json(&f, now, lock, err) : print_table(c, &f, now, lock, err);
        if (ok) status = as_power_allows(plan, f.power, err) ? AS_EXIT_DONE : AS_EXIT_REFUSED;
    }
    json_decref(now);
    json_decref(lock);
    return status;
}

const as_command as_command_plan = {
    "plan",
    "what a study would do, and what it could see",
    "PLAN",
    1,
    1,
    "Says what PLAN would ask, train and edit, which controls it has, and for each check the "
    "smallest effect that it would see with 80 % power. No model is opened. Status 5 when a claim "
    "rests on a check that cannot see the effect it is meant to.",
    options,
    {"assay plan plans/three-arcs.yaml", "assay plan my-plan.yaml -o sets.F.n=400 --json"},
    run,
};
