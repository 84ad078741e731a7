/* lab/experiment/plan and lab/audit/bind: every semantic error of a plan with the exact message and
 * place, and a plan that uses everything there is. The cases stand in plan_bad.h. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/cli/plan_yaml.h"
#include "lab/experiment/plan.h"
#include "plan_bad.h"

/* The parts of a case, each in its place; what it does not give is a small whole plan's. */
static void compose(as_buf *out, const plan_case *c)
{
    as_buf_puts(out, c->head ? c->head : "schema: assay.plan/1\nname: p\n");
    as_buf_puts(out, c->tables ? c->tables : PLAN_TABLES);
    as_buf_puts(out, c->checks ? c->checks : PLAN_CHECKS);
    as_buf_puts(out, c->claims ? c->claims : "");
}

static bool read(const char *text, size_t size, as_arena *a, as_plan *plan, as_error *err)
{
    const as_tree *tree = as_plan_read_over("p.yaml", text, size, a, err);
    return tree && as_plan_parse(tree, a, plan, err);
}

static void bad_plans(void)
{
    for (size_t i = 0; i < sizeof plan_cases / sizeof plan_cases[0]; i++) {
        const plan_case *c = &plan_cases[i];
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        as_plan plan;
        as_buf text = {0};
        char said[2048];
        compose(&text, c);
        CHECK(!read(text.data, text.size, a, &plan, &err));
        CHECK(err.class_ == AS_EUSAGE);
        CHECK_TEXT(as_error_text(&err, said, sizeof said), c->says);
        as_buf_clear(&text);
        as_arena_free(a);
    }
}

static const char whole[] =
    "schema: assay.plan/1\n"
    "name: whole\n"
    "title: Everything\n"
    "source: here\n"
    "about: what it is\n"
    "seed: 7\n"
    "alpha: 1/20\n"
    "draws: {permutations: 10, bootstrap: 20, cv_repeats: 3}\n"
    "lexicons: {hedges: [may, might], one: perhaps}\n"
    "tables:\n"
    "  t:\n"
    "    about: a table\n"
    "    kind: items\n"
    "    rows: a.json#/items/*\n"
    "    optional: true\n"
    "    prompt: q\n"
    "    answer: r\n"
    "    cluster: k\n"
    "    columns:\n"
    "      q: question\n"
    "      r: {path: reply/text}\n"
    "      k: '@key'\n"
    "      share: {path: share, as: fraction}\n"
    "      other: {file: b.jsonl#/*/x}\n"
    "      matched: {file: b.jsonl#/*/x, match: b.jsonl#/*/q, on: q, as: fraction}\n"
    "      features: {file: c.npz#h}\n"
    "      all: {value: 3}\n"
    "      every: {value: [1, 2]}\n"
    "      high: {from: share, rule: '>=', cut: 1/2}\n"
    "      same: {from: q, equals: a}\n"
    "      length: {from: r, measure: words}\n"
    "      hedging: {from: r, lexicon: hedges}\n"
    "      ends: {from: r, ending: strict}\n"
    "      less: {from: share, minus: other}\n"
    "    where:\n"
    "      - {column: share, is: present}\n"
    "      - {column: q, equals: a}\n"
    "      - {column: share, rule: <, cut: 1}\n"
    "    facts: {model: m, judge: {file: a.json#/judge}}\n"
    "  f:\n"
    "    kind: figures\n"
    "    rows: [{a: 1}, {a: 2}]\n"
    "    columns: {a: a}\n"
    "checks:\n"
    "  one: {check: bound, about: x, values: t.share, min: 0, why: outside}\n"
    "  two: {check: bound, values: f.a, max: -1e3, absolute: true, why: outside}\n"
    "claims:\n"
    "  c: {says: s, must_hold: one, instrument: [two], published: {x: 1}, settles: a, credit: b}\n"
    "  d:\n"
    "    says: s\n"
    "    artefact: two\n"
    "    steps: [{name: first, checks: [one, two]}, {name: then, checks: two}]\n";

static void whole_plan(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_plan p;
    CHECK(read(whole, sizeof whole - 1, a, &p, &err));
    CHECK_TEXT(err.what, "");
    if (check_bad) goto out;
    CHECK_TEXT(p.name, "whole");
    CHECK_TEXT(p.title, "Everything");
    CHECK(p.seed == 7 && p.permutations == 10 && p.bootstrap == 20 && p.cv_repeats == 3);
    CHECK_NEAR(p.alpha, 0.05, 1e-15);
    CHECK(p.n_tables == 2 && p.n_checks == 2 && p.n_claims == 2 && p.n_lexicons == 2);
    const as_table_spec *t = as_plan_table(&p, "t");
    CHECK(t && t == &p.table[0] && t->is_optional && !t->is_figures);
    CHECK(t->n_columns == 15 && t->n_where == 3 && t->n_facts == 2);
    static const as_origin origins[] = {AS_FROM_ROW,  AS_FROM_ROW,  AS_FROM_ROW,
                                        AS_FROM_ROW,  AS_FROM_FILE, AS_FROM_FILE,
                                        AS_FROM_FILE, AS_FROM_PLAN, AS_FROM_PLAN};
    static const as_derive derived[] = {AS_DERIVE_RULE,    AS_DERIVE_EQUALS, AS_DERIVE_MEASURE,
                                        AS_DERIVE_LEXICON, AS_DERIVE_ENDING, AS_DERIVE_MINUS};
    for (size_t i = 0; i < 9; i++) CHECK(t->column[i].origin == origins[i]);
    for (size_t i = 0; i < 6; i++) {
        size_t at = t->n_columns - 6 + i;
        CHECK(t->column[at].origin == AS_DERIVED && t->column[at].derive == derived[i]);
    }
    CHECK(t->column[3].is_fraction && t->column[5].is_fraction && !t->column[4].is_fraction);
    CHECK_TEXT(t->column[5].match.file, "b.jsonl");
    CHECK_TEXT(t->column[5].match.fragment, "/*/q");
    CHECK_TEXT(t->column[5].on, "q");
    CHECK_TEXT(t->where[0].test, "present");
    CHECK_TEXT(t->where[2].test, "<");
    CHECK_TEXT(t->fact[0].value, "m");
    CHECK(t->fact[1].value == NULL);
    CHECK(p.table[1].is_figures && p.table[1].typed && p.table[1].typed->n == 2);
    CHECK(p.claim[0].must_hold.n == 1 && p.claim[0].instrument.n == 1 && p.claim[0].published);
    CHECK(p.claim[1].n_steps == 2 && p.claim[1].step[0].n == 2 && p.claim[1].artefact.n == 1);
    CHECK(!as_plan_table(&p, "u") && as_plan_lexicon(&p, "one") && !as_plan_lexicon(&p, "two"));
out:
    as_arena_free(a);
}

/* What a plan does not say. */
static void defaults(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_plan p;
    static const char text[] = "schema: assay.plan/1\nname: p\n" PLAN_TABLES PLAN_CHECKS;
    CHECK(read(text, sizeof text - 1, a, &p, &err));
    CHECK(p.seed == 1 && p.permutations == 2000 && p.bootstrap == 10000 && p.cv_repeats == 20);
    CHECK_NEAR(p.alpha, 0.05, 0);
    CHECK_TEXT(p.title, "p");
    CHECK_TEXT(p.source, "");
    CHECK(p.n_claims == 0 && p.n_lexicons == 0);
    as_arena_free(a);
}

/* The arguments of a check: what is written, what falls back, what is not given. */
static void arguments(void)
{
    static const as_param params[] = {{"one", AS_PARAM_COLUMN, NULL, "a column", NULL},
                                      {"many", AS_PARAM_COLUMNS, "t.x t.y", "columns", NULL},
                                      {"of", AS_PARAM_TABLES, "", "tables", NULL},
                                      {"x", AS_PARAM_NUMBER, "1/4", "a number", NULL},
                                      {"xs", AS_PARAM_NUMBERS, "1 0.1", "numbers", NULL},
                                      {"n", AS_PARAM_SIZE, "5", "a size", NULL},
                                      {"text", AS_PARAM_TEXT, "two words", "a text", NULL},
                                      {"texts", AS_PARAM_TEXTS, "two words", "texts", NULL},
                                      {"flag", AS_PARAM_FLAG, "true", "a flag", NULL},
                                      {"which", AS_PARAM_CHOICE, ">", "a choice", ">|>="},
                                      {"map", AS_PARAM_MAP, "", "a map", NULL},
                                      {"before", AS_PARAM_CHECK, "", "a check", NULL},
                                      {0}};
    static const as_check check = {"k", "s", "c", params, NULL, NULL};
    static const char text[] = "check: k\none: t.y\nmap: {a: b, c: d}\nwhich: '>='\nof: [t, u]\n"
                               "before: done\nxs: 3\n";
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    as_column column[] = {{.name = "x"}, {.name = "y"}};
    as_table table[] = {{.name = "t", .column = column, .n_columns = 2}, {.name = "u"}};
    const as_statistic *stats[] = {NULL, NULL};
    const as_audit done = {.id = "done", .stats = stats, .n_stats = 2};
    as_scope scope = {table, 2, &done, 1};
    const as_arg *g = NULL;
    const char *absent = NULL;
    const as_tree *tree = as_plan_read_over("p.yaml", text, sizeof text - 1, a, &err);
    CHECK(tree && as_args_bind(&check, tree, &scope, a, &g, &absent, &err));
    if (check_bad) goto out;
    CHECK(!absent);
    CHECK(g[0].n == 1 && g[0].column[0] == &column[1]);
    CHECK(g[1].given && g[1].n == 2 && g[1].column[1] == &column[1]);
    CHECK(g[2].n == 2 && g[2].table[1] == &table[1]);
    CHECK_NEAR(g[3].number[0], 0.25, 0);
    CHECK(g[4].n == 1 && g[4].number[0] == 3);
    CHECK(g[5].number[0] == 5);
    CHECK_TEXT(g[6].text[0], "two words");
    CHECK(g[7].n == 2);
    CHECK_TEXT(g[7].text[1], "words");
    CHECK(g[8].number[0] == 1);
    CHECK_TEXT(g[9].text[0], ">=");
    CHECK(g[10].n == 2);
    CHECK_TEXT(g[10].name[1], "c");
    CHECK_TEXT(g[10].text[1], "d");
    CHECK(g[11].n == 2 && g[11].statistics == stats);

    /* A table that is absent, and a check that was not measured, are told, not failed. */
    table[0].absent = "a.json is not in the data folder";
    CHECK(as_args_bind(&check, tree, &scope, a, &g, &absent, &err));
    CHECK_TEXT(absent, "a.json is not in the data folder");
    const as_audit nothing = {.id = "done"};
    table[0].absent = NULL;
    scope.done = &nothing;
    CHECK(as_args_bind(&check, tree, &scope, a, &g, &absent, &err));
    CHECK_TEXT(absent, "check done was not measured");
    scope.n_done = 0;
    CHECK(!as_args_bind(&check, tree, &scope, a, &g, &absent, &err));
    CHECK_TEXT(err.what, "check (found done, expected the id of an earlier check)");
out:
    as_arena_free(a);
}

int main(void)
{
    RUN(bad_plans);
    RUN(whole_plan);
    RUN(defaults);
    RUN(arguments);
    return check_end();
}
