/* One walk down the line: design, rows, statistics, verdicts. */
#include "lab/experiment/run.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/progress.h"
#include "lab/audit/verdict.h"
#include "lab/experiment/before.h"
#include "lab/experiment/study.h"

typedef struct {
    const as_run_options *o;
    as_arena *a;
    as_error *err;
    as_plan plan;
    as_design *design;
    as_table *table;  /* n_tables */
    as_audit *audit;  /* n_checks */
    as_leaf *leaf;    /* n_checks */
    as_key *leaf_key; /* n_checks; of the verdict rows of the leaves */
    bool compares;    /* verdicts are compared with the stored ones instead of kept */
} conductor;

/* --- design ------------------------------------------------------------------------------------
 */

/* Length of the character at p when it is one that YAML wants escaped or takes for a line end (DEL,
 * C1, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF), and its code; else 0. */
static size_t unprintable(const unsigned char *p, unsigned *code)
{
    if (p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0)) {
        *code = p[0] == 0x7f ? 0x7f : p[1];
        return p[0] == 0x7f ? 1 : 2;
    }
    if (p[0] != 0xe2 && p[0] != 0xef) return 0;
    *code = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return *code == 0x2028 || *code == 0x2029 || *code == 0xfeff || *code >= 0xfffe ? 3 : 0;
}

/* A JSON string that YAML reads as the same text. */
static void write_text(as_buf *out, const char *text)
{
    as_buf b = {0};
    json_t *s = json_string(text);
    if (s) as_json_write(&b, s);
    const unsigned char *p = (const unsigned char *)as_buf_text(&b);
    while (*p) {
        unsigned code = 0;
        size_t n = unprintable(p, &code);
        if (n)
            as_buf_printf(out, "\\u%04x", code);
        else
            as_buf_add(out, p, 1);
        p += n ? n : 1;
    }
    if (!s || b.failed) out->failed = true;
    as_buf_clear(&b);
    json_decref(s);
}

/* The tree as JSON in the order of the file: the order of checks is part of the plan. */
static void write_plan(as_buf *out, const as_tree *t)
{
    if (t->kind == AS_TREE_TEXT) {
        write_text(out, t->text);
        return;
    }
    as_buf_puts(out, t->kind == AS_TREE_MAP ? "{" : "[");
    for (size_t i = 0; i < t->n; i++) {
        if (i) as_buf_puts(out, ",");
        if (t->kind == AS_TREE_MAP) {
            write_text(out, t->child[i]->key);
            as_buf_puts(out, ":");
        }
        write_plan(out, t->child[i]);
    }
    as_buf_puts(out, t->kind == AS_TREE_MAP ? "}" : "]");
}

const char *as_plan_text(const as_plan *p, as_arena *a, as_error *err)
{
    as_buf b = {0};
    const char *text = NULL;
    write_plan(&b, p->root);
    if (as_buf_ok(&b, err)) text = as_arena_text(a, as_buf_text(&b), err);
    as_buf_clear(&b);
    return text;
}

/* Opens every file the plan names, so that their digests are known before anything is measured. */
static bool open_files(const as_plan *p, as_sources *sources, as_error *err)
{
    bool found = false;
    for (size_t i = 0; i < p->n_tables; i++) {
        const as_table_spec *t = &p->table[i];
        if (t->rows.file && !as_sources_load(sources, &t->rows, &found, err)) return false;
        for (size_t k = 0; k < t->n_columns; k++) {
            const as_column_spec *s = &t->column[k];
            if (s->ref.file && !as_sources_load(sources, &s->ref, &found, err)) return false;
            if (s->match.file && !as_sources_load(sources, &s->match, &found, err)) return false;
        }
        for (size_t k = 0; k < t->n_facts; k++)
            if (t->fact[k].ref.file && !as_sources_load(sources, &t->fact[k].ref, &found, err))
                return false;
    }
    return true;
}

/* sources: NULL when the plan names no file. */
static bool freeze(const as_plan *p, as_sources *sources, as_arena *a, as_design *d, as_error *err)
{
    as_buf digests = {0};
    if (!sources) as_buf_puts(&digests, "{}");
    bool ok = sources ? open_files(p, sources, err) && as_sources_digests(sources, &digests, err)
                      : as_buf_ok(&digests, err);
    *d = (as_design){.name = p->name, .code = "assay " AS_VERSION, .seed = p->seed};
    d->plan = as_plan_text(p, a, err);
    d->inputs = ok ? as_arena_text(a, as_buf_text(&digests), err) : NULL;
    as_buf_clear(&digests);
    return d->plan && d->inputs && as_design_key(d, err);
}

bool as_run_has_data(const as_plan *p, const char *data, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (data && !as_file_exists(data))
        return as_fail(err, AS_EIO, "%s: folder (found none)",
                       as_escape(data, strlen(data), shown));
    for (size_t i = 0; i < p->n_tables && !data; i++)
        if (!p->table[i].arm && !p->table[i].typed)
            return as_tree_fail(p->table[i].at, err,
                                "files (found no data folder, expected --data)");
    return true;
}

bool as_design_of(const as_plan *p, const char *data, as_arena *a, as_design *out, as_error *err)
{
    if (!as_run_has_data(p, data, err)) return false;
    as_sources *sources = data ? as_sources_open(data, err) : NULL;
    const bool ok = (!data || sources) && freeze(p, sources, a, out, err);
    as_sources_close(sources);
    return ok;
}

/* --- tables --------------------------------------------------------------------------------------
 */

static bool keep_statistic(const conductor *c, as_statistic *s)
{
    memcpy(s->design, c->design->key, sizeof s->design);
    return as_statistic_key(s, c->err) && as_store_put_statistic(c->o->store, s, c->err);
}

/* How many items the filters kept, and the digest of the rows the table rests on. */
static bool keep_table(const conductor *c, const as_table *t)
{
    as_statistic s = {.position = UINT32_MAX,
                      .name = "kept",
                      .of = "",
                      .method = "filters of the plan [Tables]",
                      .estimate = (double)t->n,
                      .n = t->n_all,
                      .missing = t->n_all - t->n};
    s.check = as_arena_printf(c->a, c->err, "table/%s", t->name);
    return s.check && as_statistic_note(c->o->store, c->design, &s,
                                        json_pack("{s:s}", "digest", t->digest), c->err);
}

static bool import_all(conductor *c)
{
    bool ok = false;
    as_sources *sources = c->o->data ? as_sources_open(c->o->data, c->err) : NULL;
    if ((c->o->data && !sources) || !freeze(&c->plan, sources, c->a, c->design, c->err) ||
        !as_before_run(&c->plan, c->o, c->design, c->a, c->err))
        goto out;
    for (size_t i = 0; i < c->plan.n_tables; i++) {
        if (c->plan.table[i].arm) continue;
        as_log_note(c->o->log, "table %s", c->plan.table[i].name);
        if (!as_import_table(c->o->store, c->design, &c->plan.table[i], sources, c->a, c->err))
            goto out;
    }
    ok = true;
out:
    as_sources_close(sources);
    return ok;
}

static bool load_all(conductor *c)
{
    c->table = as_arena_push(c->a, c->plan.n_tables + 1, sizeof *c->table, c->err);
    if (!c->table) return false;
    for (size_t i = 0; i < c->plan.n_tables; i++) {
        if (!as_load_table(c->o->store, c->design, &c->plan, &c->plan.table[i], c->a, &c->table[i],
                           c->err))
            return false;
        if (!c->compares && !c->table[i].absent && !keep_table(c, &c->table[i])) return false;
    }
    return true;
}

/* --- checks --------------------------------------------------------------------------------------
 */

bool as_statistics_of(as_store *store, const as_design *design, const char *check, as_arena *a,
                      const as_statistic ***out, size_t *n, as_error *err)
{
    as_statistic *rows = NULL;
    if (!as_store_statistics(store, design->key, check, a, &rows, n, err)) return false;
    const as_statistic **list = as_arena_push(a, *n + 1, sizeof *list, err);
    if (!list) return false;
    for (size_t i = 0; i < *n; i++) list[i] = &rows[i];
    *out = list;
    return true;
}

bool as_statistic_note(as_store *store, const as_design *design, as_statistic *s, json_t *detail,
                       as_error *err)
{
    as_buf b = {0};
    s->inputs = "[]";
    s->lo = s->hi = s->level = s->p = s->null_q05 = s->null_q50 = s->null_q95 = NAN;
    memcpy(s->design, design->key, sizeof s->design);
    if (detail) as_json_write(&b, detail);
    bool ok = detail ? as_buf_ok(&b, err) : as_fail(err, AS_EMEM, "out of memory");
    s->detail = as_buf_text(&b);
    ok = ok && as_statistic_key(s, err) && as_store_put_statistic(store, s, err);
    s->detail = NULL;
    as_buf_clear(&b);
    json_decref(detail);
    return ok;
}

static as_audit prepare(const conductor *c, size_t i)
{
    return (as_audit){.check = c->plan.check[i].check,
                      .id = c->plan.check[i].id,
                      .arena = c->a,
                      .pool = c->o->pool,
                      .seed = c->plan.seed,
                      .permutations = c->plan.permutations,
                      .bootstrap = c->plan.bootstrap,
                      .cv_repeats = c->plan.cv_repeats,
                      .alpha = c->plan.alpha};
}

static bool bind(const conductor *c, size_t i, const char **absent)
{
    const as_scope scope = {c->table, c->plan.n_tables, c->audit, i};
    return as_args_bind(c->plan.check[i].check, c->plan.check[i].at, &scope, c->a,
                        &c->audit[i].args, absent, c->err);
}

static bool keep_all(const conductor *c, as_audit *audit)
{
    if (!as_store_begin(c->o->store, c->err)) return false;
    for (size_t k = 0; k < audit->n_stats; k++)
        if (!keep_statistic(c, (as_statistic *)audit->stats[k])) {
            as_store_rollback(c->o->store);
            return false;
        }
    return as_store_commit(c->o->store, c->err);
}

/* The statistics of check i: those stored, or measured now. */
static bool measure(conductor *c, size_t i)
{
    as_audit *audit = &c->audit[i];
    const as_check_spec *s = &c->plan.check[i];
    if (!as_statistics_of(c->o->store, c->design, s->id, c->a, &audit->stats, &audit->n_stats,
                          c->err))
        return false;
    audit->room = audit->n_stats;
    if (audit->n_stats > 0) return true;
    if (c->compares)
        return as_fail(c->err, AS_ESTATE, "%s: check %s: statistics (found none)",
                       as_store_path(c->o->store), s->id);
    if (!s->check->measure(audit, c->err)) {
        as_error_at(c->err, "check %s", s->id);
        return false;
    }
    AS_CHECK(audit->n_stats > 0);
    return keep_all(c, audit);
}

static bool keep_verdict(const conductor *c, as_verdict *v, json_t *tree)
{
    as_buf b = {0};
    bool ok = false, found = false;
    if (tree)
        as_json_write(&b, tree);
    else
        as_fail(c->err, AS_EMEM, "out of memory");
    if (!tree || !as_buf_ok(&b, c->err)) goto out;
    v->tree = as_buf_text(&b);
    memcpy(v->design, c->design->key, sizeof v->design);
    if (!as_verdict_key(v, c->err)) goto out;
    if (!c->compares) {
        ok = as_store_put_verdict(c->o->store, v, c->err);
    } else if (as_store_has(c->o->store, AS_ROW_VERDICT, v->key, &found, c->err)) {
        ok = found || as_fail(c->err, AS_ESTATE,
                              "%s: %s: verdict (decided again: %s %s; the store "
                              "says otherwise)",
                              as_store_path(c->o->store), v->claim, v->word, v->cause);
    }
out:
    as_buf_clear(&b);
    json_decref(tree);
    return ok;
}

static bool decide(conductor *c, size_t i, const char *absent)
{
    as_leaf *leaf = &c->leaf[i];
    const as_check_spec *s = &c->plan.check[i];
    if (absent) {
        *leaf = (as_leaf){AS_UNKNOWN, "evidence missing", NULL};
        leaf->sentence = as_arena_printf(c->a, c->err, "Evidence missing: %s.", absent);
        if (!leaf->sentence) return false;
    } else if (!s->check->decide(&c->audit[i], leaf, c->err)) {
        as_error_at(c->err, "check %s", s->id);
        return false;
    }
    as_verdict v = {.word = as_outcome_name(leaf->outcome), .cause = leaf->cause};
    v.claim = as_arena_printf(c->a, c->err, "check/%s", s->id);
    json_t *parameters = v.claim ? as_args_json(s->check, s->at, c->err) : NULL;
    if (!parameters) return false;
    json_t *rests_on = json_array(); /* the rows the leaf names */
    for (size_t k = 0; !absent && k < c->audit[i].n_stats; k++)
        as_json_append(&rests_on, json_string(c->audit[i].stats[k]->key));
    json_t *tree =
        json_pack("{s:s,s:s,s:s?,s:o,s:o}", "check", s->check->name, "sentence", leaf->sentence,
                  "needs", absent, "parameters", parameters, "statistics", rests_on);
    if (!keep_verdict(c, &v, tree)) return false;
    memcpy(c->leaf_key[i], v.key, sizeof v.key);
    return true;
}

static bool walk_checks(conductor *c)
{
    size_t n = c->plan.n_checks;
    bool ok = false;
    c->audit = as_arena_push(c->a, n + 1, sizeof *c->audit, c->err);
    c->leaf = as_arena_push(c->a, n + 1, sizeof *c->leaf, c->err);
    c->leaf_key = as_arena_push(c->a, n + 1, sizeof *c->leaf_key, c->err);
    as_progress *progress = as_progress_new(c->o->log, "checks", n, c->err);
    if (!c->audit || !c->leaf || !c->leaf_key || !progress) goto out;
    for (size_t i = 0; i < n; i++) {
        const char *absent = NULL;
        c->audit[i] = prepare(c, i);
        as_progress_set(progress, i, c->plan.check[i].id);
        if (c->o->stop && *c->o->stop) {
            as_fail(c->err, AS_ESTATE, "interrupted after %zu of %zu checks", i, n);
            as_error_hint(c->err, "the same command goes on from there");
            goto out;
        }
        if (!bind(c, i, &absent) || (!absent && !measure(c, i)) || !decide(c, i, absent)) goto out;
    }
    ok = true;
out:
    as_progress_end(progress);
    return ok;
}

/* --- claims --------------------------------------------------------------------------------------
 */

static size_t check_of(const conductor *c, const char *id)
{
    size_t i = 0;
    while (strcmp(c->plan.check[i].id, id) != 0) i++; /* as_plan_parse looked it up */
    return i;
}

static size_t add_branches(const conductor *c, const as_id_list *ids, as_role role, size_t step,
                           as_branch *out)
{
    for (size_t i = 0; i < ids->n; i++)
        out[i] = (as_branch){role, step, step ? ids->name : NULL, ids->check[i],
                             c->leaf[check_of(c, ids->check[i])]};
    return ids->n;
}

static json_t *branch_json(const conductor *c, const as_branch *b)
{
    json_t *o =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "role", as_role_name(b->role), "check", b->check,
                  "outcome", as_outcome_name(b->leaf.outcome), "cause", b->leaf.cause, "sentence",
                  b->leaf.sentence, "key", c->leaf_key[check_of(c, b->check)]);
    if (b->role == AS_STEP) {
        as_json_put_size(&o, "step", b->step);
        as_json_put_text(&o, "step_name", b->step_name);
    }
    return o;
}

static bool decide_claim(const conductor *c, const as_claim_spec *s)
{
    const struct {
        const as_id_list *ids;
        as_role role;
    } lists[] = {{&s->must_hold, AS_MUST_HOLD},
                 {&s->must_fail, AS_MUST_FAIL},
                 {&s->instrument, AS_INSTRUMENT},
                 {&s->artefact, AS_ARTEFACT},
                 {&s->context, AS_CONTEXT}};
    size_t n = 0, total = 0;
    as_judged judged = {0};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) total += lists[i].ids->n;
    for (size_t i = 0; i < s->n_steps; i++) total += s->step[i].n;
    as_branch *branch = as_arena_push(c->a, total + 1, sizeof *branch, c->err);
    if (!branch) return false;
    for (size_t i = 0; i < s->n_steps; i++)
        n += add_branches(c, &s->step[i], AS_STEP, i + 1, branch + n);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        n += add_branches(c, lists[i].ids, lists[i].role, 0, branch + n);
    if (!as_verdict_of(branch, n, c->a, &judged, c->err)) return false;
    json_t *branches = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&branches, branch_json(c, &branch[i]));
    as_verdict v = {.claim = s->id, .word = judged.word, .cause = judged.cause};
    return keep_verdict(c, &v,
                        json_pack("{s:s,s:o,s:I}", "sentence", judged.sentence, "branches",
                                  branches, "stopped_at", (json_int_t)judged.stopped_at));
}

/* All claims or none are kept, so that a run that was killed never looks decided. */
static bool decide_claims(conductor *c)
{
    if (!c->compares && !as_store_begin(c->o->store, c->err)) return false;
    for (size_t i = 0; i < c->plan.n_claims; i++)
        if (!decide_claim(c, &c->plan.claim[i])) {
            if (!c->compares) as_store_rollback(c->o->store);
            return false;
        }
    return c->compares || as_store_commit(c->o->store, c->err);
}

static bool walk_steps(conductor *c)
{
    as_study study = {.plan = &c->plan, .design = c->design, .o = c->o, .a = c->a};
    if (c->plan.n_steps == 0) return true;
    bool ok = as_study_run(&study, c->err);
    as_study_clear(&study);
    return ok;
}

/* Is there all that the plan needs: a folder for its files, what computes for its steps? */
static bool can_run(const conductor *c)
{
    if (c->plan.n_steps && !c->o->ex)
        return as_fail(c->err, AS_EUSAGE, "plan with steps (`assay run` takes it)");
    return as_run_has_data(&c->plan, c->o->data, c->err);
}

static bool walk(conductor *c)
{
    return load_all(c) && walk_checks(c) && decide_claims(c);
}

bool as_reaudit(const as_tree *plan, const as_run_options *options, as_arena *a, as_design *design,
                as_error *err)
{
    conductor c = {.o = options, .a = a, .err = err, .design = design};
    return as_plan_parse(plan, a, &c.plan, err) && can_run(&c) && import_all(&c) &&
           walk_steps(&c) && walk(&c);
}

bool as_redecide(const as_tree *plan, const as_design *design, const as_run_options *options,
                 as_arena *a, as_error *err)
{
    as_design copy = *design;
    conductor c = {.o = options, .a = a, .err = err, .design = &copy, .compares = true};
    return as_plan_parse(plan, a, &c.plan, err) && walk(&c);
}
