/* The checks of texts, labels, judges and instruments: small tables whose answers are worked out by
 * hand, entries of a plan bound as in a real run. */
#include "check.h"

#include <stdlib.h>

#include "app/cli/plan_yaml.h"
#include "lab/audit/audit.h"
#include "lab/stats/distribution.h"

/* --- a small run ----------------------------------------------------------------------------- */

enum { TABLES = 3, COLUMNS = 4, FACTS = 4 };

typedef struct {
    as_arena *arena;
    as_table table[TABLES];
    as_column column[TABLES][COLUMNS];
    as_fact fact[TABLES][FACTS];
    size_t n_tables, bootstrap;
    as_audit audit;
    as_leaf leaf;
    as_error err;
} world;

static void world_open(world *w)
{
    memset(w, 0, sizeof *w);
    w->bootstrap = 500;
    w->arena = as_arena_new(&w->err);
    AS_CHECK(w->arena != NULL);
}

static as_table *table(world *w, const char *name, size_t n)
{
    as_table *t = &w->table[w->n_tables];
    t->name = name;
    t->n = t->n_all = n;
    t->column = w->column[w->n_tables];
    t->fact = w->fact[w->n_tables++];
    return t;
}

static as_column *column(world *w, as_table *t, const char *name)
{
    as_column *c = &w->column[t - w->table][t->n_columns++];
    *c = (as_column){.name = name, .table = t, .n = t->n};
    return c;
}

static void texts(world *w, as_table *t, const char *name, const char *const *text)
{
    as_column *c = column(w, t, name);
    c->kind = AS_COLUMN_TEXT;
    c->text = text;
    for (size_t i = 0; i < t->n; i++) c->n_missing += text[i] == NULL;
}

static void numbers(world *w, as_table *t, const char *name, const double *number)
{
    as_column *c = column(w, t, name);
    c->kind = AS_COLUMN_NUMBER;
    c->number = number;
    for (size_t i = 0; i < t->n; i++) c->n_missing += isnan(number[i]);
}

static void fact(world *w, as_table *t, const char *name, const char *value)
{
    w->fact[t - w->table][t->n_facts++] = (as_fact){name, value};
}

/* Binds, measures and decides; leaves the error in w->err. */
static bool try_run(world *w, const char *check, const char *plan, as_pool *pool)
{
    as_buf b = {0};
    const char *absent = NULL;
    memset(&w->err, 0, sizeof w->err);
    as_buf_printf(&b, "check: %s\n%s", check, plan);
    as_scope scope = {w->table, w->n_tables, NULL, 0};
    w->audit = (as_audit){.check = as_check_find(check),
                          .id = "c",
                          .arena = w->arena,
                          .pool = pool,
                          .seed = 7,
                          .permutations = 200,
                          .bootstrap = w->bootstrap,
                          .alpha = 0.05};
    AS_CHECK(w->audit.check != NULL && b.data != NULL);
    as_tree *entry = as_plan_read_over("plan", b.data, b.size, w->arena, &w->err);
    bool ok = entry && as_args_bind(w->audit.check, entry, &scope, w->arena, &w->audit.args,
                                    &absent, &w->err);
    ok = ok && w->audit.check->measure(&w->audit, &w->err) &&
         w->audit.check->decide(&w->audit, &w->leaf, &w->err);
    as_buf_clear(&b);
    return ok;
}

static void run(world *w, const char *check, const char *plan)
{
    bool ok = try_run(w, check, plan, NULL);
    if (!ok) printf("%s%s\n", w->err.where, w->err.what);
    CHECK(ok);
    if (!ok) w->leaf = (as_leaf){AS_SHOWN, "did not run", ""};
}

static void run_fails(world *w, const char *check, const char *plan, as_class class_)
{
    CHECK(!try_run(w, check, plan, NULL));
    CHECK(w->err.class_ == class_);
}

static const as_statistic *stat(const world *w, const char *name, const char *of)
{
    static const as_statistic none = {.name = "none", .detail = "{}", .estimate = -999};
    const as_statistic *s = as_stat_find(&w->audit, name, of);
    CHECK(s != NULL);
    return s ? s : &none;
}

#define LEAF(w, outcome_, cause_)                                                                  \
    do {                                                                                           \
        CHECK((w)->leaf.outcome == (outcome_));                                                    \
        CHECK_TEXT((w)->leaf.cause, cause_);                                                       \
    } while (0)

/* --- instrument, independence, one run ------------------------------------------------------- */

static void instrument(void)
{
    world w;
    world_open(&w);
    as_table *base = table(&w, "base", 0), *tuned = table(&w, "tuned", 0);
    fact(&w, base, "budget", "512");
    fact(&w, tuned, "budget", "512");
    fact(&w, base, "adapter", "none");
    fact(&w, tuned, "adapter", "r32");
    fact(&w, base, "judge", "sonnet");

    run(&w, "instrument", "arms: [base, tuned]\nneeds: budget\nunlike: adapter\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "known", "")->estimate == 2 && stat(&w, "known", "")->n == 2);
    CHECK_TEXT(stat(&w, "known", "")->detail, "{\"adapter\":{\"base\":\"none\",\"tuned\":\"r32\"},"
                                              "\"budget\":{\"base\":\"512\",\"tuned\":\"512\"}}");

    run(&w, "instrument", "arms: [base, tuned]\nneeds: [budget, adapter]\n");
    LEAF(&w, AS_FAILS, "arms differ");
    CHECK(strstr(w.leaf.sentence, "adapter (base: none, tuned: r32)") != NULL);

    run(&w, "instrument", "arms: [base, tuned]\nneeds: [budget, judge, stop, seed]\n");
    LEAF(&w, AS_UNKNOWN, "instrument unverified");
    CHECK(stat(&w, "known", "")->estimate == 1 && stat(&w, "known", "")->missing == 3);
    CHECK_TEXT(w.leaf.sentence,
               "Evidence missing: seed, stop (neither arm records them), judge (not recorded for "
               "tuned); 1 of 4 facts known.");

    run(&w, "instrument", "arms: [base, tuned]\nneeds: [budget, adapter, stop]\n");
    LEAF(&w, AS_FAILS, "arms differ"); /* a known difference outweighs an unknown fact */

    run(&w, "instrument", "arms: [base, tuned]\nneeds: [budget, budget]\nunlike: budget\n");
    CHECK(stat(&w, "known", "")->n == 1); /* each fact counts once */

    run(&w, "instrument", "arms: base\nneeds: stop\n");
    LEAF(&w, AS_UNKNOWN, "instrument unverified");
    CHECK(strstr(w.leaf.sentence, "stop (the arm does not record it)") != NULL);

    run(&w, "instrument", "arms: [base, tuned]\nneeds: budget\ncontradicts: {judge: opus}\n");
    LEAF(&w, AS_FAILS, "instrument contradicted");
    CHECK(stat(&w, "contradicted", "")->estimate == 1);
    CHECK(strstr(w.leaf.sentence, "judge is said to be opus (base: sonnet") != NULL);

    run(&w, "instrument",
        "arms: [base, tuned]\nneeds: budget\ncontradicts: {judge: sonnet, cut: '2000'}\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "contradicted", "")->estimate == 0);
    CHECK(stat(&w, "contradicted", "")->n == 1 && stat(&w, "contradicted", "")->missing == 1);
    as_arena_free(w.arena);
}

static void three_arms(void)
{
    world w;
    world_open(&w);
    as_table *a = table(&w, "a", 0), *b = table(&w, "b", 0);
    table(&w, "c", 0);
    fact(&w, a, "cut", "1500");
    fact(&w, b, "cut", "2000");
    run(&w, "instrument", "arms: [a, b, c]\nneeds: [cut]\n");
    LEAF(&w, AS_FAILS, "arms differ"); /* whatever c may be */
    run(&w, "instrument", "arms: [a, b, c]\nneeds: [seed]\n");
    CHECK(strstr(w.leaf.sentence, "(no arm records it)") != NULL);
    as_arena_free(w.arena);
}

static void independence(void)
{
    world w;
    world_open(&w);
    run(&w, "independence",
        "roles: {judge: deepseek/deepseek-v3.2-exp, prompts: DeepSeek V3.2, base: gemma-4-E2B}\n");
    LEAF(&w, AS_FAILS, "one family in several roles");
    const as_statistic *s = stat(&w, "shared", "");
    CHECK(s->estimate == 1 && s->n == 3 && s->missing == 0);
    CHECK(as_stat_detail(s, "/matrix/judge/prompts") == 1);
    CHECK(as_stat_detail(s, "/matrix/judge/base") == 0);
    CHECK(strstr(w.leaf.sentence, "judge + prompts (deepseek)") != NULL);

    run(&w, "independence", "roles: {judge: sonnet, base: gemma, teacher: Unknown}\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(stat(&w, "shared", "")->n == 1 && stat(&w, "shared", "")->missing == 2);
    CHECK(isnan(as_stat_detail(stat(&w, "shared", ""), "/matrix/judge/teacher")));

    run(&w, "independence", "roles: {judge: gemma-2, base: gemma/x, teacher: unknown}\n");
    LEAF(&w, AS_FAILS, "one family in several roles");
    run(&w, "independence", "roles: {judge: unknown, base: unknown}\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "shared", "")->estimate));
    run(&w, "independence", "roles: {judge: sonnet, base: gemma, teacher: glm-5}\n");
    LEAF(&w, AS_HOLDS, "");
    run_fails(&w, "independence", "roles: {judge: sonnet}\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

static void one_run(void)
{
    world w;
    world_open(&w);
    run(&w, "one-run", "parts: {auc: v1a, asym: v0}\n");
    LEAF(&w, AS_FAILS, "best-of mixing");
    CHECK(stat(&w, "runs", "")->estimate == 2);
    run(&w, "one-run", "parts: {auc: v1a, asym: v1a, n: v1a}\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "runs", "")->n == 3);
    run(&w, "one-run", "parts: {auc: v1a, asym: unknown}\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    run(&w, "one-run", "parts: {auc: unknown, asym: ''}\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "runs", "")->estimate));
    run_fails(&w, "one-run", "parts: {auc: v1a}\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

/* --- texts ----------------------------------------------------------------------------------- */

/* n texts, k of them cut ("cut..." without a full stop), the rest whole. */
static const char *const *cut_texts(world *w, size_t n, size_t k)
{
    const char **t = as_arena_push(w->arena, n + 1, sizeof *t, &w->err);
    AS_CHECK(t != NULL);
    for (size_t i = 0; i < n; i++) t[i] = i < k ? "and then we" : "Whole, in two. Yes.";
    return t;
}

static void truncation(void)
{
    world w;
    world_open(&w);
    as_table *a = table(&w, "a", 100), *b = table(&w, "b", 100);
    texts(&w, a, "cut", cut_texts(&w, 100, 20));
    texts(&w, a, "some", cut_texts(&w, 100, 7));
    texts(&w, b, "none", cut_texts(&w, 100, 0));
    run(&w, "truncation", "texts: [a.cut, b.none]\n");
    LEAF(&w, AS_FAILS, "truncation");
    const as_statistic *s = stat(&w, "unfinished_lenient", "a.cut");
    CHECK_NEAR(s->estimate, 0.2, 1e-15);
    CHECK_NEAR(s->lo, 0.1333669, 1e-6); /* Wilson of 20 in 100 */
    CHECK(as_stat_detail(s, "/count") == 20 && as_stat_detail(s, "/longest") == 19);
    CHECK(as_stat_detail(stat(&w, "finished_strict", "a.cut"), "/count") == 80);
    CHECK(stat(&w, "at_cut", "a.cut")->estimate == 80); /* as many share the longest length */
    CHECK(stat(&w, "length_median", "a.cut")->estimate == 19);
    s = stat(&w, "gap_of_rates", NULL);
    CHECK_TEXT(s->of, "a.cut - b.none");
    CHECK_NEAR(s->estimate, 0.2, 1e-15);
    CHECK_NEAR(s->lo, 0.1237866, 1e-6);       /* Newcombe, from the Wilson limits of both */
    CHECK_NEAR(s->p, 6.6433741554e-7, 1e-15); /* Fisher: 2 C(100,20) / C(200,20) */

    run(&w, "truncation", "texts: b.none\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(as_stat_find(&w.audit, "gap_of_rates", NULL) == NULL);
    run(&w, "truncation", "texts: a.some\ncut: 11\n");
    LEAF(&w, AS_UNKNOWN, "under-powered");
    CHECK(stat(&w, "at_cut", "a.some")->estimate == 7);
    run(&w, "truncation", "texts: a.some\nmax_rate: 0.1\n");
    LEAF(&w, AS_HOLDS, ""); /* 0.137 is the upper limit: over 0.1, not over twice that */
    run(&w, "truncation", "texts: [a.cut, a.some, b.none]\n");
    CHECK_NEAR(stat(&w, "gap_of_rates", NULL)->p, 3 * 6.6433741554e-7, 1e-15); /* three pairs */
    as_arena_free(w.arena);
}

static void truncation_edges(void)
{
    static const char *const odd[4] = {"", "  \n", NULL, "Yes."};
    static const char *const none[4] = {NULL, NULL, NULL, NULL};
    static const double x[4] = {1, 2, 3, 4};
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 4);
    texts(&w, t, "odd", odd);
    texts(&w, t, "none", none);
    numbers(&w, t, "x", x);
    run(&w, "truncation", "texts: t.odd\n");
    const as_statistic *s = stat(&w, "unfinished_lenient", "t.odd");
    CHECK(s->n == 3 && s->missing == 1 && as_stat_detail(s, "/count") == 2);
    CHECK(isnan(stat(&w, "at_cut", "t.odd")->estimate)); /* no two texts of length 4 */
    run(&w, "truncation", "texts: t.none\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    s = stat(&w, "unfinished_lenient", "t.none");
    CHECK(isnan(s->estimate) && s->n == 0 && s->missing == 4 && s->interval == NULL);
    CHECK(isnan(stat(&w, "length_median", "t.none")->estimate));
    run_fails(&w, "truncation", "texts: [t.odd, t.x]\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

static void constant_label(void)
{
    world w;
    world_open(&w);
    const char *certain[120], *two[120], *none[120];
    double ones[120];
    for (size_t i = 0; i < 120; i++) {
        certain[i] = i == 3 ? NULL : "CERTAIN";
        two[i] = i == 7 ? "UNCERTAIN" : "CERTAIN";
        none[i] = NULL;
        ones[i] = 1;
    }
    as_table *t = table(&w, "t", 120), *u = table(&w, "u", 99);
    texts(&w, t, "certain", certain);
    texts(&w, t, "two", two);
    texts(&w, t, "none", none);
    numbers(&w, t, "ones", ones);
    numbers(&w, u, "ones", ones);
    run(&w, "constant-label", "labels: [t.two, t.certain]\n");
    LEAF(&w, AS_FAILS, "constant label");
    const as_statistic *s = stat(&w, "labels", "t.certain");
    CHECK(s->estimate == 1 && s->n == 119 && s->missing == 1);
    CHECK(strstr(w.leaf.sentence, "t.certain: CERTAIN 119 of 119") != NULL);
    s = stat(&w, "labels", "t.two");
    CHECK(s->estimate == 2 && as_stat_detail(s, "/counts/CERTAIN") == 119 &&
          as_stat_detail(s, "/counts/UNCERTAIN") == 1);
    run(&w, "constant-label", "labels: t.two\n");
    LEAF(&w, AS_HOLDS, "");
    run(&w, "constant-label", "labels: t.ones\n");
    LEAF(&w, AS_FAILS, "constant label");
    run(&w, "constant-label", "labels: u.ones\n");
    LEAF(&w, AS_UNKNOWN, "under-powered");
    run(&w, "constant-label", "labels: u.ones\nmin_n: 99\n");
    LEAF(&w, AS_FAILS, "constant label");
    run(&w, "constant-label", "labels: t.none\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "labels", "t.none")->estimate));
    as_arena_free(w.arena);
}

/* --- judges ---------------------------------------------------------------------------------- */

static void lexical_bias(void)
{
    /* r = -0.9 by hand: sum of products -9, of squares 10 and 10 */
    static const double score[6] = {1, 2, 3, 4, 5, NAN}, rate[6] = {4, 5, 3, 2, 1, 9};
    static const double flat[6] = {2, 2, 2, 2, 2, 2};
    double many_x[60], many_y[60];
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 6), *u = table(&w, "u", 60);
    for (size_t i = 0; i < 60; i++) {
        many_x[i] = (double)i;
        many_y[i] = -(double)i + 7 * (double)(i % 5);
    }
    numbers(&w, t, "score", score);
    numbers(&w, t, "rate", rate);
    numbers(&w, t, "flat", flat);
    numbers(&w, u, "x", many_x);
    numbers(&w, u, "y", many_y);
    run(&w, "lexical-bias", "score: t.score\nrate: t.rate\nexpect: positive\n");
    const as_statistic *s = stat(&w, "pearson", "");
    CHECK_NEAR(s->estimate, -0.9, 1e-15);
    CHECK(s->n == 5 && s->missing == 1);
    CHECK_NEAR(s->p, as_t_two_sided(-0.9 * sqrt(3 / (1 - 0.81)), 3), 1e-12);
    CHECK_NEAR(stat(&w, "spearman", "")->estimate, -0.9, 1e-15);
    LEAF(&w, AS_FAILS, "rewards the opposite"); /* p 0.037 */
    run(&w, "lexical-bias", "score: u.x\nrate: u.y\nexpect: positive\n");
    LEAF(&w, AS_FAILS, "rewards the opposite");
    run(&w, "lexical-bias", "score: u.x\nrate: u.y\nexpect: negative\n");
    LEAF(&w, AS_HOLDS, "");
    run(&w, "lexical-bias", "score: t.score\nrate: t.flat\nexpect: positive\n");
    LEAF(&w, AS_UNKNOWN, "undefined");
    CHECK(isnan(stat(&w, "pearson", "")->estimate));
    w.table[0].n = 4; /* too few for p <= 0.05 */
    for (size_t i = 0; i < COLUMNS; i++) w.column[0][i].n = 4;
    run(&w, "lexical-bias", "score: t.score\nrate: t.rate\nexpect: positive\n");
    LEAF(&w, AS_UNKNOWN, "under-powered");
    run_fails(&w, "lexical-bias", "score: t.score\nrate: u.y\nexpect: positive\n", AS_EFORMAT);
    run_fails(&w, "lexical-bias", "score: t.score\nrate: t.rate\n", AS_EUSAGE);
    as_arena_free(w.arena);
}

static void agreement(void)
{
    double x[100], y[100], bad[100], none[100];
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 100);
    for (size_t i = 0; i < 100; i++) {
        x[i] = i < 50;
        y[i] = i < 30 || (i >= 50 && i < 70); /* 30 both, 20 only a, 20 only b, 30 neither */
        bad[i] = i == 99 ? 2 : 0;
        none[i] = NAN;
    }
    numbers(&w, t, "x", x);
    numbers(&w, t, "y", y);
    numbers(&w, t, "bad", bad);
    numbers(&w, t, "none", none);
    run(&w, "agreement", "a: t.x\nb: t.y\n");
    LEAF(&w, AS_FAILS, "judge disagrees with the checklist");
    const as_statistic *s = stat(&w, "agreement", "");
    CHECK_NEAR(s->estimate, 0.6, 1e-15);
    CHECK(as_stat_detail(s, "/both_1") == 30 && as_stat_detail(s, "/only_a") == 20 &&
          as_stat_detail(s, "/only_b") == 20 && as_stat_detail(s, "/both_0") == 30);
    CHECK_NEAR(stat(&w, "kappa", "")->estimate, 0.2, 1e-15);
    run(&w, "agreement", "a: t.x\nb: t.y\nbar: 0.65\n");
    LEAF(&w, AS_UNKNOWN, "under-powered");
    run(&w, "agreement", "a: t.x\nb: t.x\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK_NEAR(stat(&w, "kappa", "")->estimate, 1, 1e-15);
    run(&w, "agreement", "a: t.x\nb: t.none\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "agreement", "")->estimate) && stat(&w, "agreement", "")->missing == 100);
    run_fails(&w, "agreement", "a: t.x\nb: t.bad\n", AS_EFORMAT);
    CHECK(strstr(w.err.what, "row 99") != NULL);
    as_arena_free(w.arena);
}

static void score_validity(void)
{
    static const double score[5] = {3, 1, 2, 2, NAN}, label[5] = {1, 0, 1, 0, 1};
    static const double one[5] = {1, 1, 1, 1, 1};
    double many[200], noise[200], truth[200];
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 5), *u = table(&w, "u", 200);
    numbers(&w, t, "score", score);
    numbers(&w, t, "label", label);
    numbers(&w, t, "one", one);
    for (size_t i = 0; i < 200; i++) {
        truth[i] = (double)(i % 2);
        many[i] = (double)(i % 2) * 5 + (double)(i % 7);
        noise[i] = (double)((i / 2) % 10);
    }
    numbers(&w, u, "score", many);
    numbers(&w, u, "noise", noise);
    numbers(&w, u, "truth", truth);
    run(&w, "score-validity", "score: t.score\nlabel: t.label\n");
    const as_statistic *s = stat(&w, "auc", "");
    CHECK_NEAR(s->estimate, 3.5 / 4, 1e-15);
    CHECK(as_stat_detail(s, "/wins") == 3 && as_stat_detail(s, "/ties") == 1 &&
          as_stat_detail(s, "/pairs") == 4);
    CHECK(s->n == 4 && s->missing == 1);
    CHECK_NEAR(s->p, 2 * as_normal_upper(0.375 / sqrt(5.0 / 48)), 1e-12);
    run(&w, "score-validity", "score: u.score\nlabel: u.truth\n");
    LEAF(&w, AS_HOLDS, "");
    run(&w, "score-validity", "score: u.noise\nlabel: u.truth\n");
    LEAF(&w, AS_FAILS, "does not measure correctness");
    CHECK(stat(&w, "auc", "")->estimate == 0.5 && stat(&w, "auc", "")->p == 1);
    run(&w, "score-validity", "score: t.score\nlabel: t.one\n");
    LEAF(&w, AS_UNKNOWN, "under-powered");
    CHECK(isnan(stat(&w, "auc", "")->estimate) && isnan(stat(&w, "auc", "")->p));
    run_fails(&w, "score-validity", "score: t.label\nlabel: t.score\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

/* --- heads, joins, leaks --------------------------------------------------------------------- */

static void attribution_null(void)
{
    static const double d[6] = {0.9, 0.45, 0.45, -0.1, -0.95, NAN}, layer[6] = {3, 1, 2, 4, 5, 6};
    static const char *const head[6] = {"h0", "h1", "h2", NULL, "h4", "h5"};
    static const double none[6] = {NAN, NAN, NAN, NAN, NAN, NAN};
    static const char plan[] = "effect: t.d\nlayer: t.layer\nhead: t.head\nn_a: 12\nn_b: 20\n";
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 6);
    numbers(&w, t, "d", d);
    numbers(&w, t, "layer", layer);
    texts(&w, t, "head", head);
    numbers(&w, t, "none", none);
    run(&w, "attribution-null", plan);
    const as_statistic *s = stat(&w, "maximum", "");
    CHECK(s->estimate == 0.9 && s->n == 5 && s->missing == 1 && s->null_draws == 10000);
    CHECK(as_stat_detail(s, "/layer") == 3 && as_stat_detail(s, "/top/4/d") == -0.95);
    CHECK(strstr(s->detail, "\"head\":\"h0\"") != NULL);
    CHECK(as_stat_detail(s, "/n_ge_0.5") == 1 && as_stat_detail(s, "/n_ge_0.4") == 3);
    CHECK(as_stat_detail(s, "/n_positive") == 3 && strstr(s->detail, "\"is_sorted\":false"));
    CHECK_NEAR(as_stat_detail(s, "/mean_d"), 0.15, 1e-15);
    /* The closed form, from its definition; simulation error is under 4 standard errors. */
    double p = 1 - pow(as_t_cdf(0.9 / sqrt(1.0 / 12 + 1.0 / 20), 30), 5);
    CHECK_NEAR(as_stat_detail(s, "/exact/p"), p, 1e-12);
    CHECK_NEAR(s->p, p, 4 * sqrt(p * (1 - p) / 10000) + 1e-4);
    CHECK_NEAR(s->null_q50, as_stat_detail(s, "/exact/q50"), 0.02);
    CHECK_NEAR(s->null_q95, as_stat_detail(s, "/exact/q95"), 0.04);

    run(&w, "attribution-null", "effect: t.d\nn_a: 12\nn_b: 20\nsided: absolute\n");
    s = stat(&w, "maximum", "");
    CHECK(s->estimate == 0.95 && as_stat_detail(s, "/top/0/d") == -0.95);
    CHECK(strstr(w.leaf.sentence, "The largest |d| of 5 heads is 0.950") != NULL);
    CHECK(as_stat_detail(s, "/n_ge_0.5") == 2 && isnan(as_stat_detail(s, "/layer")));
    CHECK_NEAR(s->null_q50, as_stat_detail(s, "/exact/q50"), 0.02);
    CHECK_NEAR(s->null_q05, as_stat_detail(s, "/exact/q05"), 0.02);

    run(&w, "attribution-null", "effect: t.none\nn_a: 12\nn_b: 20\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "maximum", "")->estimate) && stat(&w, "maximum", "")->null_draws == 0);
    run(&w, "attribution-null", "effect: t.d\nn_a: 1\nn_b: 2\n"); /* one degree of freedom */
    LEAF(&w, AS_FAILS, "maximum of noise");
    s = stat(&w, "maximum", "");
    CHECK_NEAR(s->null_q50, as_stat_detail(s, "/exact/q50"), 0.05);
    CHECK_NEAR(as_stat_detail(s, "/exact/q50"),
               sqrt(1.5) * tan(3.14159265358979323846 * (pow(0.5, 0.2) - 0.5)), 1e-9); /* Cauchy */
    run_fails(&w, "attribution-null", "effect: t.d\nn_a: 0\nn_b: 20\n", AS_EFORMAT);
    run_fails(&w, "attribution-null", "effect: t.d\nn_a: 1\nn_b: 1\n", AS_EFORMAT);
    run_fails(&w, "attribution-null", "effect: t.head\nn_a: 5\nn_b: 5\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

/* Sorted heads that matter. */
static void attribution_holds(void)
{
    static const double d[3] = {2.5, 0.3, -0.2};
    world w;
    world_open(&w);
    numbers(&w, table(&w, "t", 3), "d", d);
    run(&w, "attribution-null", "effect: t.d\nn_a: 30\nn_b: 30\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(strstr(stat(&w, "maximum", "")->detail, "\"is_sorted\":true") != NULL);
    as_arena_free(w.arena);
}

static void alignment(void)
{
    static const char *const topic[6] = {
        "Hollandaise split", "Souffle", "too hot", "", NULL, "Jus"};
    static const char *const text[6] = {
        "the hollandaise sauce", "a souffle", "hot", "x", "y", NULL};
    static const char *const other[6] = {"bread", "roux", "hot", "x", "y", "z"};
    static const char *const none[6] = {NULL, NULL, NULL, NULL, NULL, NULL};
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 6);
    texts(&w, t, "topic", topic);
    texts(&w, t, "text", text);
    texts(&w, t, "other", other);
    texts(&w, t, "none", none);
    run(&w, "alignment", "topic: t.topic\ntext: t.text\n");
    LEAF(&w, AS_HOLDS, "");
    const as_statistic *s = stat(&w, "overlap", "");
    CHECK_NEAR(s->estimate, 0.75, 1e-15); /* one half and one whole; the rest cannot be scored */
    CHECK(s->n == 2 && s->missing == 4 && as_stat_detail(s, "/n_scored") == 2);
    CHECK(as_stat_detail(s, "/share_zero") == 0);
    run(&w, "alignment", "topic: t.topic\ntext: t.other\n");
    LEAF(&w, AS_FAILS, "misaligned join");
    CHECK(as_stat_detail(stat(&w, "overlap", ""), "/share_zero") == 1);
    run(&w, "alignment", "topic: t.topic\ntext: t.none\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    CHECK(isnan(stat(&w, "overlap", "")->estimate));
    as_arena_free(w.arena);
}

static void join(void)
{
    static const char *const a[4] = {"one", "two", "three", NULL};
    static const char *const shifted[4] = {"zero", "one", "two", "three"};
    static const char *const five[5] = {"three", "four", "one", "one", "two"};
    static const double index[4] = {2, 4, 0, NAN}, beyond[4] = {2, 5, 0, 0},
                        half[4] = {2, 0.5, 0, 0};
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 4), *s = table(&w, "s", 4), *u = table(&w, "u", 5);
    texts(&w, t, "a", a);
    numbers(&w, t, "index", index);
    numbers(&w, t, "beyond", beyond);
    numbers(&w, t, "half", half);
    texts(&w, s, "b", shifted);
    texts(&w, u, "b", five);
    run(&w, "join", "a: t.a\nb: t.a\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "same", "")->n == 3 && stat(&w, "same", "")->missing == 1);
    run(&w, "join", "a: t.a\nb: s.b\n");
    LEAF(&w, AS_FAILS, "index join of different prompts");
    CHECK(stat(&w, "same", "")->estimate == 0);
    CHECK(as_stat_detail(stat(&w, "same", ""), "/first_different") == 0);
    CHECK(as_stat_detail(stat(&w, "same", ""), "/found_elsewhere") == 3);
    run(&w, "join", "a: t.a\nb: u.b\nindex: t.index\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "same", "")->n == 3);
    run_fails(&w, "join", "a: t.a\nb: u.b\n", AS_EFORMAT); /* lengths differ */
    run_fails(&w, "join", "a: t.a\nb: u.b\nindex: t.beyond\n", AS_EFORMAT);
    run_fails(&w, "join", "a: t.a\nb: u.b\nindex: t.half\n", AS_EFORMAT);
    as_arena_free(w.arena);
}

static void leakage(void)
{
    static const char *const train[4] = {"abcdefgh", "The same   text.", NULL, "abc"};
    /* 6-grams: abcdef bcdefg cdefgh against abcdef bcdefg cdefgX: 2 of 4 */
    static const char *const eval[4] = {"abcdefgX", "the SAME text.", "", "qqqqqqqq"};
    static const char *const verbatim[4] = {"abc", "zzz", "abcdefgh", NULL};
    static const char *const none[4] = {NULL, NULL, NULL, NULL};
    static const char *const repeats[2] = {"aaaaaaab", "aaaaaaaa"};
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 4);
    texts(&w, t, "train", train);
    texts(&w, t, "eval", eval);
    texts(&w, t, "verbatim", verbatim);
    texts(&w, t, "none", none);
    as_table *r = table(&w, "r", 1);
    texts(&w, r, "train", repeats);
    texts(&w, r, "eval", repeats + 1);
    run(&w, "leakage", "train: t.train\neval: t.eval\n");
    LEAF(&w, AS_FAILS, "leakage");
    CHECK(stat(&w, "exact", "")->estimate == 0 && stat(&w, "exact", "")->n == 4);
    CHECK(stat(&w, "near", "")->estimate ==
          1); /* layout and capitals do not count; 0.5 is not above */
    CHECK(stat(&w, "near", "")->n == 3 && stat(&w, "near", "")->missing == 1);
    CHECK(stat(&w, "max_similarity", "")->estimate == 1);
    CHECK(as_stat_detail(stat(&w, "near", ""), "/pairs/0/train") == 1);
    run(&w, "leakage", "train: t.train\neval: t.eval\nthreshold: 0.49\n");
    CHECK(stat(&w, "near", "")->estimate == 2);
    CHECK_NEAR(as_stat_detail(stat(&w, "near", ""), "/pairs/0/similarity"), 0.5, 1e-15);
    run(&w, "leakage", "train: t.train\neval: t.verbatim\n");
    CHECK(stat(&w, "exact", "")->estimate == 2 && stat(&w, "near", "")->estimate == 2);
    CHECK(as_stat_detail(stat(&w, "exact", ""), "/rows/1") == 2);
    LEAF(&w, AS_FAILS, "leakage");
    run(&w, "leakage", "train: r.train\neval: r.eval\n"); /* repeats count once: 1 of 2 */
    CHECK_NEAR(stat(&w, "max_similarity", "")->estimate, 0.5, 1e-15);
    w.table[0].n = w.column[0][0].n = 1; /* abcdefgh alone */
    run(&w, "leakage", "train: t.train\neval: t.eval\nngram: 8\n");
    LEAF(&w, AS_HOLDS, "");
    CHECK(stat(&w, "max_similarity", "")->estimate == 0);
    run(&w, "leakage", "train: t.train\neval: t.none\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    run(&w, "leakage", "train: t.none\neval: t.eval\n");
    LEAF(&w, AS_UNKNOWN, "evidence missing");
    run_fails(&w, "leakage", "train: t.train\neval: t.eval\nngram: 0\n", AS_EUSAGE);
    as_arena_free(w.arena);
}

static void evr_ranks(void)
{
    static const double evr[4] = {0.5, 0.25, 0.125, 0.0625}, bad[4] = {0.5, -0.1, 0, 0};
    world w;
    world_open(&w);
    as_table *t = table(&w, "t", 4);
    numbers(&w, t, "evr", evr);
    numbers(&w, t, "bad", bad);
    run(&w, "evr-ranks", "evr: t.evr\n");
    LEAF(&w, AS_SHOWN, "");
    CHECK(stat(&w, "rank", "50%")->estimate == 1);
    CHECK(stat(&w, "rank", "80%")->estimate == 3);
    CHECK(stat(&w, "rank", "90%")->estimate == 4);
    CHECK(isnan(stat(&w, "rank", "95%")->estimate));
    CHECK(strstr(stat(&w, "rank", "99%")->detail, "\"reached\":false") != NULL);
    run(&w, "evr-ranks", "evr: t.evr\nthresholds: [0.9375]\n");
    CHECK(stat(&w, "rank", "93.75%")->estimate == 4);
    run_fails(&w, "evr-ranks", "evr: t.bad\n", AS_EFORMAT);
    run_fails(&w, "evr-ranks", "evr: t.evr\nthresholds: [1.5]\n", AS_EUSAGE);
    as_arena_free(w.arena);
}

/* --- threads --------------------------------------------------------------------------------- */

/* Every statistic and the sentence, as text. */
static void describe(const world *w, as_buf *b)
{
    for (size_t i = 0; i < w->audit.n_stats; i++) {
        const as_statistic *s = w->audit.stats[i];
        as_buf_printf(b, "%s [%s] %.17g %.17g %.17g %.17g %.17g %.17g %s\n", s->name, s->of,
                      s->estimate, s->lo, s->hi, s->p, s->null_q50, s->null_q95, s->detail);
    }
    as_buf_puts(b, w->leaf.sentence);
}

static void same_for_any_threads(void)
{
    static const struct {
        const char *check, *plan;
    } runs[] = {
        {"attribution-null", "effect: t.d\nn_a: 8\nn_b: 9\n"},
        {"alignment", "topic: t.topic\ntext: t.text\n"},
        {"leakage", "train: t.topic\neval: t.text\nngram: 3\nthreshold: 0.1\n"},
    };
    static const size_t threads[3] = {1, 2, 7};
    static const char *const words[] = {"salt", "pepper", "stock", "cream", "butter", "flour"};
    world w;
    world_open(&w);
    double d[50];
    const char *topic[50], *text[50];
    for (size_t i = 0; i < 50; i++) {
        d[i] = 1 - (double)(i * i % 37) / 20;
        topic[i] = as_arena_printf(w.arena, &w.err, "%s %s", words[i % 6], words[i * 7 % 5]);
        text[i] = as_arena_printf(w.arena, &w.err, "%s, %s.", words[i * i % 6], words[i % 4]);
    }
    as_table *t = table(&w, "t", 50);
    numbers(&w, t, "d", d);
    texts(&w, t, "topic", topic);
    texts(&w, t, "text", text);
    for (size_t k = 0; k < sizeof runs / sizeof runs[0]; k++) {
        as_buf first = {0};
        for (size_t i = 0; i < 3; i++) {
            as_buf now = {0};
            as_pool *pool = as_pool_new(threads[i], &w.err);
            CHECK(pool && try_run(&w, runs[k].check, runs[k].plan, pool));
            describe(&w, i ? &now : &first);
            if (i) CHECK_TEXT(as_buf_text(&now), as_buf_text(&first));
            as_buf_clear(&now);
            as_pool_free(pool);
        }
        CHECK(first.size > 100);
        as_buf_clear(&first);
    }
    as_arena_free(w.arena);
}

int main(void)
{
    RUN(instrument);
    RUN(three_arms);
    RUN(independence);
    RUN(one_run);
    RUN(truncation);
    RUN(truncation_edges);
    RUN(constant_label);
    RUN(lexical_bias);
    RUN(agreement);
    RUN(score_validity);
    RUN(attribution_null);
    RUN(attribution_holds);
    RUN(alignment);
    RUN(join);
    RUN(leakage);
    RUN(evr_ranks);
    RUN(same_for_any_threads);
    return check_end();
}
