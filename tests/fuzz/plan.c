/* Fuzz target: any bytes as a whole plan, through the schema. What is refused says where and why;
 * what is accepted is consistent: every name that one part uses is found in the other. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/plan_yaml.h"
#include "lab/experiment/plan.h"
#include "replay.h"

static void expect(bool ok)
{
    if (!ok) abort();
}

static void check_table(const as_plan *p, const as_table_spec *t)
{
    expect(as_plan_table(p, t->name) == t);
    for (size_t i = 0; i < t->n_columns; i++) {
        const as_column_spec *c = &t->column[i];
        expect(c->name && c->at);
        expect(c->origin != AS_FROM_ROW || c->pointer);
        expect(c->origin != AS_FROM_FILE || (c->ref.file && c->ref.fragment));
        expect(c->origin != AS_FROM_PLAN || c->value);
        expect(c->origin != AS_DERIVED || (c->from && c->word));
        expect(!c->match.file || c->on);
        if (c->origin == AS_DERIVED && c->derive == AS_DERIVE_LEXICON)
            expect(as_plan_lexicon(p, c->word) != NULL);
    }
    for (size_t i = 0; i < t->n_where; i++) expect(t->where[i].column && t->where[i].test);
    for (size_t i = 0; i < t->n_facts; i++) expect(t->fact[i].value || t->fact[i].ref.file);
}

static void check_ids(const as_plan *p, const as_id_list *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        bool known = false;
        for (size_t k = 0; k < p->n_checks; k++)
            known = known || strcmp(p->check[k].id, ids->check[i]) == 0;
        expect(known);
    }
}

static void check_plan(const as_plan *p)
{
    expect(p->name && p->title && p->source && p->about);
    expect(p->alpha > 0 && p->alpha < 0.5 && p->permutations && p->bootstrap && p->cv_repeats);
    for (size_t i = 0; i < p->n_tables; i++) check_table(p, &p->table[i]);
    for (size_t i = 0; i < p->n_checks; i++) expect(p->check[i].check && p->check[i].id);
    for (size_t i = 0; i < p->n_claims; i++) {
        const as_claim_spec *c = &p->claim[i];
        expect(c->says && (c->must_hold.n + c->must_fail.n > 0) != (c->n_steps > 0));
        check_ids(p, &c->must_hold);
        check_ids(p, &c->must_fail);
        check_ids(p, &c->instrument);
        check_ids(p, &c->artefact);
        check_ids(p, &c->context);
        for (size_t k = 0; k < c->n_steps; k++) {
            expect(c->step[k].name && c->step[k].n > 0);
            check_ids(p, &c->step[k]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_plan plan;
    as_arena *a = as_arena_new(&err);
    if (!a) return 0;
    const as_tree *tree = as_plan_read_over("in", data, size, a, &err);
    bool ok = tree && as_plan_parse(tree, a, &plan, &err);
    expect(ok == (err.class_ == AS_OK));
    if (ok)
        check_plan(&plan);
    else
        expect(err.what[0] && err.class_ != AS_EMEM && (!tree || err.class_ == AS_EUSAGE));
    as_arena_free(a);
    return 0;
}
