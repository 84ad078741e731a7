/* The checks of outcomes: cells, pairs, doses and descriptions, on inputs small enough to work out
 * by hand. Expected values that are not counts were worked out with the formulas named in the
 * headers of lab/stats. */
#include "check.h"

#include <stdlib.h>

#include "lab/audit/audit.h"

extern const as_check as_check_cells, as_check_equivalence, as_check_dose_response,
    as_check_paired_binary, as_check_paired_change, as_check_ordinal_change,
    as_check_instrument_validity, as_check_saturation, as_check_bound, as_check_restated,
    as_check_axis_summary, as_check_group_means;

/* --- a small laboratory ---------------------------------------------------------------------- */

enum { MAX_TABLES = 4, MAX_COLUMNS = 12 };

typedef struct {
    as_arena *arena;
    as_pool *pool;
    as_error err;
    as_table table[MAX_TABLES];
    as_column column[MAX_TABLES][MAX_COLUMNS];
    size_t n_tables;
    as_audit done[2];
    size_t n_done;
    as_leaf leaf;
} lab;

static void lab_open(lab *l)
{
    memset(l, 0, sizeof *l);
    l->arena = as_arena_new(&l->err);
    if (!l->arena) abort();
}

static void lab_close(lab *l)
{
    as_pool_free(l->pool);
    as_arena_free(l->arena);
}

static as_column *add_column(lab *l, const char *table, const char *name, size_t n)
{
    size_t t = 0;
    while (t < l->n_tables && strcmp(l->table[t].name, table) != 0) t++;
    as_table *to = &l->table[t];
    if (t == l->n_tables) {
        *to = (as_table){.name = table, .n = n, .n_all = n, .column = l->column[t]};
        l->n_tables++;
    }
    as_column *c = &l->column[t][to->n_columns++];
    *c = (as_column){.name = name, .table = to, .n = n};
    return c;
}

/* Borrows the values; NaN is missing. */
static void numbers(lab *l, const char *table, const char *name, const double *x, size_t n)
{
    as_column *c = add_column(l, table, name, n);
    c->kind = AS_COLUMN_NUMBER;
    c->number = x;
    for (size_t i = 0; i < n; i++) c->n_missing += isnan(x[i]) != 0;
}

static void texts(lab *l, const char *table, const char *name, const char *const *x, size_t n)
{
    as_column *c = add_column(l, table, name, n);
    c->kind = AS_COLUMN_TEXT;
    c->text = x;
    for (size_t i = 0; i < n; i++) c->n_missing += x[i] == NULL;
}

#define N(x) (sizeof(x) / sizeof *(x))

static as_tree *node(lab *l, as_tree *parent, as_tree_kind kind, const char *key)
{
    as_tree *t = as_arena_push(l->arena, 1, sizeof *t, &l->err);
    if (!t) abort();
    *t = (as_tree){.kind = kind, .key = key, .parent = parent, .file = "test", .line = 1};
    t->child = as_arena_push(l->arena, 24, sizeof *t->child, &l->err);
    if (!t->child) abort();
    if (parent) parent->child[parent->n++] = t;
    return t;
}

/* An entry from "name: value; name: one, two" (a comma makes a list). */
static const as_tree *entry(lab *l, const char *plan)
{
    as_tree *root = node(l, NULL, AS_TREE_MAP, NULL);
    char *text = as_arena_text(l->arena, plan, &l->err);
    for (char *at = text; at && *at;) {
        char *end = strchr(at, ';'), *colon = strstr(at, ": ");
        if (end) *end = '\0';
        if (!colon) abort();
        *colon = '\0';
        char *value = colon + 2;
        as_tree *t = node(l, root, strstr(value, ", ") ? AS_TREE_LIST : AS_TREE_TEXT, at);
        t->text = t->kind == AS_TREE_TEXT ? value : NULL;
        for (char *item = value; t->kind == AS_TREE_LIST && item;) {
            char *comma = strstr(item, ", ");
            if (comma) *comma = '\0';
            node(l, t, AS_TREE_TEXT, NULL)->text = item;
            item = comma ? comma + 2 : NULL;
        }
        at = end ? end + 1 + strspn(end + 1, " ") : NULL;
    }
    return root;
}

/* Binds and measures; false with l->err set. */
static bool measure(lab *l, const as_check *check, const char *plan, as_audit *a)
{
    const char *absent = NULL;
    as_scope scope = {l->table, l->n_tables, l->done, l->n_done};
    l->err = (as_error){0};
    *a = (as_audit){.check = check,
                    .id = "c",
                    .arena = l->arena,
                    .pool = l->pool,
                    .seed = 7,
                    .permutations = 2000,
                    .bootstrap = 500,
                    .alpha = 0.05};
    return as_args_bind(check, entry(l, plan), &scope, l->arena, &a->args, &absent, &l->err) &&
           check->measure(a, &l->err);
}

static bool run(lab *l, const as_check *check, const char *plan, as_audit *a)
{
    bool ok = measure(l, check, plan, a) && check->decide(a, &l->leaf, &l->err);
    char text[2048];
    if (!ok) printf("%s: %s\n", check_name, as_error_text(&l->err, text, sizeof text));
    return ok;
}

/* The check refuses, and says something with `word` in it. */
static bool refuses(lab *l, const as_check *check, const char *plan, const char *word)
{
    as_audit a;
    char text[2048];
    if (measure(l, check, plan, &a)) return false;
    bool said = strstr(as_error_text(&l->err, text, sizeof text), word) != NULL;
    if (!said) printf("%s: \"%s\" lacks \"%s\"\n", check_name, text, word);
    return said;
}

static const as_statistic nothing = {.name = "nothing", .estimate = NAN, .p = NAN, .detail = "{}"};

static const as_statistic *stat(const as_audit *a, const char *name, const char *of)
{
    const as_statistic *s = as_stat_find(a, name, of);
    if (!s) printf("%s: no statistic %s [%s]\n", check_name, name, of);
    CHECK(s != NULL);
    return s ? s : &nothing;
}

static double value(const as_audit *a, const char *name, const char *of)
{
    return stat(a, name, of)->estimate;
}

/* The cells spread over items in a shuffled-looking but fixed order. */
enum { MAX_ITEMS = 512 };
typedef struct {
    double correct[MAX_ITEMS], asserts[MAX_ITEMS];
    size_t n;
} labels;

static void labels_of(labels *l, size_t cr, size_t hr, size_t cw, size_t hw)
{
    const size_t count[] = {cr, hr, cw, hw};
    l->n = 0;
    for (size_t c = 0; c < 4; c++)
        for (size_t i = 0; i < count[c]; i++) {
            l->correct[l->n] = c < 2;
            l->asserts[l->n++] = c % 2 == 0;
        }
}

static const char cells_plan[] = "check: cells; correct: t.correct; assert: t.asserts";

/* --- cells ----------------------------------------------------------------------------------- */

static void cells_published(void)
{
    lab l;
    as_audit a;
    labels y;
    lab_open(&l);
    labels_of(&y, 53, 5, 38, 4);
    numbers(&l, "t", "correct", y.correct, y.n);
    numbers(&l, "t", "asserts", y.asserts, y.n);
    CHECK(run(&l, &as_check_cells, cells_plan, &a));
    CHECK(value(&a, "cell", "cr") == 53 && value(&a, "cell", "hr") == 5);
    CHECK(value(&a, "cell", "cw") == 38 && value(&a, "cell", "hw") == 4);
    CHECK_NEAR(value(&a, "accuracy", ""), 0.58, 1e-12);
    CHECK_NEAR(value(&a, "assertion_rate", ""), 0.91, 1e-12);
    CHECK_NEAR(value(&a, "hallucination_rate", ""), 0.904762, 1e-6);
    CHECK_NEAR(value(&a, "over_hedging_rate", ""), 0.086207, 1e-6);
    CHECK_NEAR(value(&a, "p_assert_correct", ""), 0.913793, 1e-6);
    CHECK_NEAR(stat(&a, "accuracy", "")->lo, 0.4820648670304296, 1e-9);
    const as_statistic *s = stat(&a, "asym", "");
    CHECK_NEAR(s->estimate, -0.009031198686, 1e-11);
    CHECK_NEAR(s->lo, -0.14361184894255305, 1e-9);
    CHECK_NEAR(s->hi, 0.1065582019067027, 1e-9);
    CHECK_NEAR(s->p, 1, 1e-12);
    CHECK_NEAR(as_stat_detail(s, "/se"), 0.05839356612179049, 1e-10);
    CHECK(as_stat_detail(s, "/bootstrap_lo") < s->estimate);
    CHECK(as_stat_detail(s, "/bootstrap_hi") > s->estimate);
    CHECK(isnan(as_stat_detail(s, "/clusters")));
    CHECK(s->n == 100 && s->missing == 0);
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(l.leaf.cause, "under-powered");
    CHECK(strstr(l.leaf.sentence, "38 of 42 wrong") != NULL);
    lab_close(&l);
}

/* Words instead of numbers, items without a label left out and counted. */
static void cells_words_and_missing(void)
{
    lab l;
    as_audit a;
    const double correct[] = {1, 0, NAN, 1, 0};
    const char *const verbal[] = {"assert", "hedge", "assert", NULL, "assert"};
    lab_open(&l);
    numbers(&l, "t", "correct", correct, 5);
    texts(&l, "t", "asserts", verbal, 5);
    CHECK(run(&l, &as_check_cells, cells_plan, &a));
    CHECK(stat(&a, "asym", "")->n == 3 && stat(&a, "asym", "")->missing == 2);
    CHECK_NEAR(value(&a, "asym", ""), -0.5, 1e-12);
    const char *const odd[] = {"assert", "hedge", "ASSERT", "hedge", "assert"};
    lab_close(&l);
    lab_open(&l);
    const double all[] = {1, 0, 0, 1, 0};
    numbers(&l, "t", "correct", all, 5);
    texts(&l, "t", "asserts", odd, 5);
    CHECK(refuses(&l, &as_check_cells, cells_plan, "expected assert or hedge"));
    lab_close(&l);
}

/* Counts, a strong effect of either sign, and what is undefined when a row is empty. */
static void cells_counts(void)
{
    static const struct {
        double cell[4];
        const char *expect;
        as_outcome outcome;
        const char *cause;
    } row[] = {
        {{40, 10, 10, 40}, "negative", AS_HOLDS, ""},
        {{40, 10, 10, 40}, "positive", AS_FAILS, "opposite sign"},
        {{40, 10, 10, 40}, "nonzero", AS_HOLDS, ""},
        {{10, 40, 40, 10}, "negative", AS_FAILS, "opposite sign"},
        {{10, 40, 40, 10}, "positive", AS_HOLDS, ""},
        {{60, 40, 0, 0}, "negative", AS_UNKNOWN, "under-powered"},
        {{0, 0, 0, 0}, "negative", AS_UNKNOWN, "under-powered"},
        {{5, 0, 5, 0}, "negative", AS_UNKNOWN, "under-powered"},
    };
    for (size_t i = 0; i < N(row); i++) {
        lab l;
        as_audit a;
        char plan[160];
        lab_open(&l);
        const char *const name[] = {"cr", "hr", "cw", "hw"};
        for (size_t c = 0; c < 4; c++) numbers(&l, "t", name[c], &row[i].cell[c], 1);
        snprintf(plan, sizeof plan, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw; expect: %s",
                 row[i].expect);
        CHECK(run(&l, &as_check_cells, plan, &a));
        CHECK(l.leaf.outcome == row[i].outcome);
        CHECK_TEXT(l.leaf.cause, row[i].cause);
        if (i == 5) {
            CHECK(isnan(value(&a, "hallucination_rate", "")) && isnan(value(&a, "asym", "")));
            CHECK(isnan(stat(&a, "asym", "")->p));
            CHECK(stat(&a, "hallucination_rate", "")->interval == NULL);
            CHECK_NEAR(value(&a, "over_hedging_rate", ""), 0.4, 1e-12);
        }
        if (i == 6) CHECK(isnan(value(&a, "accuracy", "")));
        if (i == 7) CHECK(value(&a, "asym", "") == 0);
        lab_close(&l);
    }
}

/* Two prompts of four samples: yields and best-of by hand. */
static void cells_clusters(void)
{
    lab l;
    as_audit a;
    const double correct[] = {1, 1, 0, 0, 0, 0, 1, 0}, asserts[] = {1, 0, 1, 0, 1, 1, 1, 0};
    const double coverage[] = {0.5, 1, 0, 0.25, 0, 0.25, 0.75, 0.2};
    const char *const prompt[] = {"p", "p", "p", "p", "q", "q", "q", "q"};
    lab_open(&l);
    numbers(&l, "t", "correct", correct, 8);
    numbers(&l, "t", "asserts", asserts, 8);
    numbers(&l, "t", "coverage", coverage, 8);
    texts(&l, "t", "prompt", prompt, 8);
    CHECK(run(&l, &as_check_cells,
              "correct: t.correct; assert: t.asserts; coverage: t.coverage; cluster: t.prompt",
              &a));
    CHECK(value(&a, "pair_yield", "type1") == 2); /* p: min(1,1), q: min(1,2) */
    CHECK(value(&a, "pair_yield", "type2") == 1); /* p: min(1,1), q: min(1,0) */
    CHECK(value(&a, "pair_yield", "type3") == 3); /* p: min(2,2), q: min(1,3) */
    CHECK(value(&a, "pair_yield", "balanced") == 1);
    CHECK_NEAR(value(&a, "best_of", "best"), 0.875, 1e-12);
    CHECK_NEAR(value(&a, "best_of", "worst"), 0, 1e-12);
    CHECK_NEAR(value(&a, "best_of", "spread"), 0.875, 1e-12);
    CHECK_NEAR(value(&a, "best_of", "mean"), (0.4375 + 0.3) / 2, 1e-12);
    CHECK_NEAR(value(&a, "best_of", "has_good"), 1, 1e-12);
    CHECK_NEAR(value(&a, "best_of", "all_right"), 0.5, 1e-12);
    CHECK_NEAR(value(&a, "coverage_mean", ""), 2.95 / 8, 1e-12);
    CHECK_NEAR(as_stat_detail(stat(&a, "coverage_mean", ""), "/clusters"), 2, 0);
    CHECK_NEAR(as_stat_detail(stat(&a, "asym", ""), "/clusters"), 2, 0);
    lab_close(&l);
}

/* Each of six prompts answered eight times alike says one thing eight times over: Fisher's p is
 * tiny, the clusters are not, so the leaf stays open. */
static void cells_clusters_repeat(void)
{
    enum { PROMPTS = 6, EACH = 8, TOTAL = PROMPTS * EACH };
    static const double right[PROMPTS] = {1, 1, 1, 0, 0, 0}, sure[PROMPTS] = {1, 1, 0, 0, 0, 1};
    double correct[TOTAL], asserts[TOTAL], prompt[TOTAL];
    lab l;
    as_audit a;
    for (size_t i = 0; i < TOTAL; i++) {
        correct[i] = right[i / EACH];
        asserts[i] = sure[i / EACH];
        prompt[i] = (double)(i / EACH);
    }
    lab_open(&l);
    numbers(&l, "t", "correct", correct, TOTAL);
    numbers(&l, "t", "asserts", asserts, TOTAL);
    numbers(&l, "t", "prompt", prompt, TOTAL);
    CHECK(run(&l, &as_check_cells, cells_plan, &a));
    CHECK(l.leaf.outcome == AS_HOLDS && stat(&a, "asym", "")->p < 0.05);
    CHECK(run(&l, &as_check_cells, "correct: t.correct; assert: t.asserts; cluster: t.prompt", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN && stat(&a, "asym", "")->p < 0.05);
    lab_close(&l);
}

static void cells_refused(void)
{
    lab l;
    const double y[] = {1, 0, 2}, n[] = {1, 0, 1}, half[] = {0.5};
    lab_open(&l);
    numbers(&l, "t", "y", y, 3);
    numbers(&l, "t", "n", n, 3);
    numbers(&l, "u", "half", half, 1);
    CHECK(refuses(&l, &as_check_cells, "correct: t.y; assert: t.n", "expected 0 or 1"));
    CHECK(refuses(&l, &as_check_cells, "correct: t.n", "either both or all four"));
    CHECK(refuses(&l, &as_check_cells, "correct: t.n; assert: t.n; cr: u.half", "either both"));
    CHECK(refuses(&l, &as_check_cells, "correct: t.n; assert: u.half", "0 or 1"));
    CHECK(refuses(&l, &as_check_cells, "cr: u.half; hr: u.half; cw: u.half; hw: u.half", "count"));
    CHECK(refuses(&l, &as_check_cells, "cr: t.n; hr: t.n; cw: t.n; hw: t.n", "expected 1"));
    CHECK(refuses(&l, &as_check_cells, "correct: t.n; assert: t.n; coverage: t.y", "0 to 1"));
    lab_close(&l);
}

/* --- equivalence ----------------------------------------------------------------------------- */

static void equivalence_margins(void)
{
    lab l;
    as_audit a;
    const double cell[] = {53, 5, 38, 4};
    const char *const name[] = {"cr", "hr", "cw", "hw"};
    lab_open(&l);
    for (size_t c = 0; c < 4; c++) numbers(&l, "t", name[c], &cell[c], 1);
    CHECK(run(&l, &as_check_equivalence, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw", &a));
    const as_statistic *s = stat(&a, "asym", "");
    CHECK_NEAR(s->lo, -0.10508006771242884, 1e-9);
    CHECK_NEAR(s->hi, 0.08701767033968655, 1e-9);
    CHECK_NEAR(s->level, 0.9, 1e-12);
    CHECK_NEAR(stat(&a, "tost", "margin=0.1")->p, 0.05963362479513824, 1e-9);
    CHECK_NEAR(stat(&a, "tost", "margin=0.15")->p, 0.007886735030657895, 1e-9);
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(l.leaf.cause, "equivalence not shown");
    CHECK(strstr(l.leaf.sentence, "; equivalent to zero within +-0.15 (p = 0.008); not shown "
                                  "within +-0.1 (p = 0.060).") != NULL);
    CHECK(run(&l, &as_check_equivalence,
              "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw; margin: 0.15; also: 0.2, 0.3", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(strstr(l.leaf.sentence, "not shown") == NULL);
    CHECK(refuses(&l, &as_check_equivalence, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw; margin: 0",
                  "above 0"));
    lab_close(&l);
}

/* A difference that is plainly there, and cells that show no variation at all. */
static void equivalence_outside(void)
{
    static const double cell[5][4] = {
        {10, 90, 90, 10}, {20, 0, 20, 0}, {20, 5, 0, 0}, {100, 0, 100, 0}, {0, 100, 100, 0}};
    static const as_outcome outcome[] = {AS_FAILS, AS_UNKNOWN, AS_UNKNOWN, AS_HOLDS, AS_FAILS};
    static const char *const cause[] = {"outside the margin", "equivalence not shown",
                                        "equivalence not shown", "", "outside the margin"};
    static const char *const says[] = {
        "p = 1.000",
        "Asymmetry +0.000 exactly (nothing varies), 90 % interval -0.119 to 0.119, n = 40; "
        "equivalent to zero within +-0.15; not shown within +-0.1.",
        "no correct or no wrong items",
        "Asymmetry +0.000 exactly (nothing varies), 90 % interval -0.026 to 0.026, n = 200; "
        "equivalent to zero within +-0.1, +-0.15.",
        "Asymmetry +1.000 exactly (nothing varies), 90 % interval 0.963 to 1.000, n = 200; not "
        "shown within +-0.1, +-0.15."};
    const char *const name[] = {"cr", "hr", "cw", "hw"};
    for (size_t i = 0; i < 5; i++) {
        lab l;
        as_audit a;
        lab_open(&l);
        for (size_t c = 0; c < 4; c++) numbers(&l, "t", name[c], &cell[i][c], 1);
        CHECK(run(&l, &as_check_equivalence, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw", &a));
        CHECK(l.leaf.outcome == outcome[i]);
        CHECK_TEXT(l.leaf.cause, cause[i]);
        if (!strstr(l.leaf.sentence, says[i])) printf("%s\n", l.leaf.sentence);
        CHECK(strstr(l.leaf.sentence, says[i]) && !strstr(l.leaf.sentence, "nan"));
        lab_close(&l);
    }
}

/* Repeating every answer narrows the interval over items, not the one over clusters. */
static void equivalence_clusters(void)
{
    enum { PROMPTS = 40, EACH = 10, TOTAL = PROMPTS * EACH };
    double correct[TOTAL], asserts[TOTAL], prompt[TOTAL];
    lab l;
    as_audit a;
    for (size_t i = 0; i < TOTAL; i++) {
        size_t p = i / EACH;
        correct[i] = p % 2 == 0;
        asserts[i] = p % 8 < 6;
        prompt[i] = (double)p;
    }
    lab_open(&l);
    numbers(&l, "t", "correct", correct, TOTAL);
    numbers(&l, "t", "asserts", asserts, TOTAL);
    numbers(&l, "t", "prompt", prompt, TOTAL);
    CHECK(run(&l, &as_check_equivalence, "correct: t.correct; assert: t.asserts", &a));
    CHECK(l.leaf.outcome == AS_HOLDS); /* SE 0.043 */
    CHECK(run(&l, &as_check_equivalence, "correct: t.correct; assert: t.asserts; cluster: t.prompt",
              &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN); /* SE near 0.137 */
    CHECK_NEAR(as_stat_detail(stat(&a, "asym", ""), "/se"), 0.137, 0.02);
    CHECK(isnan(as_stat_detail(stat(&a, "tost", "margin=0.1"), "/score_lo")));
    for (size_t i = 0; i < TOTAL; i++) asserts[i] = 1;
    numbers(&l, "t", "same", asserts, TOTAL);
    CHECK(run(&l, &as_check_equivalence, "correct: t.correct; assert: t.same; cluster: t.prompt",
              &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK_TEXT(l.leaf.sentence, "Asymmetry +0.000 exactly (nothing varies), no interval, n = 400; "
                                "not shown within +-0.1, +-0.15.");
    lab_close(&l);
}

/* --- dose response --------------------------------------------------------------------------- */

typedef struct {
    double dose[8], cr[8], hr[8], cw[8], hw[8];
    const char *run[8];
    size_t n;
} doses;

static const doses sweep = {{1.0, 0.9, 0.8, 0.5, 0.5},
                            {19, 14, 12, 22, 12},
                            {2, 3, 3, 1, 1},
                            {72, 75, 75, 63, 77},
                            {7, 8, 10, 14, 10},
                            {"main", "main", "main", "main", "replication"},
                            5};
static const char dose_plan[] = "dose: d.dose; cr: d.cr; hr: d.hr; cw: d.cw; hw: d.hw; run: d.run";

static void add_doses(lab *l, const doses *d)
{
    numbers(l, "d", "dose", d->dose, d->n);
    numbers(l, "d", "cr", d->cr, d->n);
    numbers(l, "d", "hr", d->hr, d->n);
    numbers(l, "d", "cw", d->cw, d->n);
    numbers(l, "d", "hw", d->hw, d->n);
    texts(l, "d", "run", d->run, d->n);
}

static void doses_multiplicity(void)
{
    lab l;
    as_audit a;
    lab_open(&l);
    add_doses(&l, &sweep);
    CHECK(run(&l, &as_check_dose_response, dose_plan, &a));
    const as_statistic *s = stat(&a, "asym", "dose=0.5");
    CHECK_NEAR(s->estimate, -0.13833992094861658, 1e-12);
    CHECK_NEAR(s->p, 0.023693529362438872, 1e-10);
    CHECK_NEAR(as_stat_detail(s, "/p_holm"), 0.09477412, 1e-8);
    CHECK_NEAR(value(&a, "asym", "dose=1"), 0.006630500301386344, 1e-12);
    CHECK_NEAR(value(&a, "change", "dose=0.5"), -0.13833992094861658 - 0.006630500301386344, 1e-12);
    CHECK(as_stat_find(&a, "change", "dose=1") == NULL);
    CHECK_NEAR(value(&a, "accuracy", "dose=0.5"), 0.23, 1e-12);
    CHECK_NEAR(value(&a, "replication_asym", "dose=0.5"), -0.03801945181255528, 1e-12);
    CHECK_NEAR(value(&a, "trend", ""), 0.35682882761802254, 1e-9);
    CHECK_NEAR(stat(&a, "trend", "")->p, 0.0453657179480599, 1e-9);
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_TEXT(l.leaf.cause, "multiplicity");
    CHECK(strstr(l.leaf.sentence, "p = 0.024 alone, 0.095 after Holm over 4 doses") != NULL);
    CHECK(strstr(l.leaf.sentence, "replication -0.038") != NULL);
    lab_close(&l);
}

/* The same sweep with a real effect, replicated or not, and with none. */
static void doses_outcomes(void)
{
    static const struct {
        double main_cell[4], again[4];
        as_outcome outcome;
        const char *cause;
    } row[] = {
        {{40, 10, 10, 40}, {40, 10, 10, 40}, AS_HOLDS, ""},
        {{40, 10, 10, 40}, {25, 25, 25, 25}, AS_FAILS, "replication"},
        {{40, 10, 10, 40}, {10, 40, 40, 10}, AS_FAILS, "replication"},
        {{25, 25, 25, 25}, {40, 10, 10, 40}, AS_UNKNOWN, "under-powered"},
        {{50, 0, 50, 0}, {40, 10, 10, 40}, AS_UNKNOWN, "under-powered"},
    };
    for (size_t i = 0; i < N(row); i++) {
        const double *m = row[i].main_cell, *r = row[i].again;
        doses d = {{1, 0.5, 0.5},
                   {25, m[0], r[0]},
                   {25, m[1], r[1]},
                   {25, m[2], r[2]},
                   {25, m[3], r[3]},
                   {"main", "main", "replication"},
                   3};
        lab l;
        as_audit a;
        lab_open(&l);
        add_doses(&l, &d);
        CHECK(run(&l, &as_check_dose_response, dose_plan, &a));
        CHECK(l.leaf.outcome == row[i].outcome);
        CHECK_TEXT(l.leaf.cause, row[i].cause);
        lab_close(&l);
    }
}

/* An asymmetry that the baseline has too, and one of the other sign than was said. */
static void doses_direction(void)
{
    static const char negative[] =
        "dose: d.dose; cr: d.cr; hr: d.hr; cw: d.cw; hw: d.hw; run: d.run; expect: negative";
    doses same = {{1, 0.5, 0.5},
                  {40, 40, 40},
                  {10, 10, 10},
                  {20, 20, 20},
                  {30, 30, 30},
                  {"main", "main", "replication"},
                  3};
    doses worse = {{1, 0.5, 0.5},
                   {25, 10, 10},
                   {25, 40, 40},
                   {25, 40, 40},
                   {25, 10, 10},
                   {"main", "main", "replication"},
                   3};
    lab l;
    as_audit a;
    lab_open(&l);
    add_doses(&l, &same);
    CHECK(run(&l, &as_check_dose_response, dose_plan, &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN && value(&a, "change", "dose=0.5") == 0);
    CHECK_TEXT(l.leaf.cause, "no change from the baseline shown");
    lab_close(&l);
    lab_open(&l);
    add_doses(&l, &worse);
    CHECK(run(&l, &as_check_dose_response, negative, &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_TEXT(l.leaf.cause, "opposite sign");
    CHECK(run(&l, &as_check_dose_response, dose_plan, &a)); /* any sign is asked for */
    CHECK(l.leaf.outcome == AS_HOLDS);
    lab_close(&l);
}

/* A significant baseline is not an effect of a dose. */
static void doses_refused(void)
{
    lab l;
    as_audit a;
    doses d = {{1, 0.5}, {40, 25}, {10, 25}, {10, 25}, {40, 25}, {"main", "main"}, 2};
    lab_open(&l);
    add_doses(&l, &d);
    CHECK(run(&l, &as_check_dose_response, dose_plan, &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK(refuses(&l, &as_check_dose_response,
                  "dose: d.dose; cr: d.cr; hr: d.hr; cw: d.cw; hw: d.hw; run: d.run; main: x",
                  "found none"));
    CHECK(refuses(&l, &as_check_dose_response,
                  "dose: d.dose; cr: d.cr; hr: d.hr; cw: d.cw; hw: d.hw; baseline: 2",
                  "no row has the dose 2"));
    d.dose[1] = 1;
    CHECK(refuses(&l, &as_check_dose_response, dose_plan, "occurs twice"));
    lab_close(&l);
}

/* --- paired binary --------------------------------------------------------------------------- */

enum { HUMANEVAL = 164 };

/* 15 both, 35 only b, 6 only a, 108 neither; b's rows stand in reverse order. */
static void humaneval(double *x, double *y, double *key_x, double *key_y)
{
    for (size_t i = 0; i < HUMANEVAL; i++) {
        x[i] = i < 15 || (i >= 50 && i < 56);
        y[HUMANEVAL - 1 - i] = i < 50;
        key_x[i] = (double)i;
        key_y[HUMANEVAL - 1 - i] = (double)i;
    }
}

static void binary_pairs(void)
{
    double x[HUMANEVAL], y[HUMANEVAL], kx[HUMANEVAL], ky[HUMANEVAL];
    lab l;
    as_audit a;
    lab_open(&l);
    humaneval(x, y, kx, ky);
    numbers(&l, "a", "x", x, HUMANEVAL);
    numbers(&l, "a", "k", kx, HUMANEVAL);
    numbers(&l, "b", "y", y, HUMANEVAL);
    numbers(&l, "b", "k", ky, HUMANEVAL);
    CHECK(run(&l, &as_check_paired_binary, "a: a.x; b: b.y; key_a: a.k; key_b: b.k", &a));
    CHECK(value(&a, "discordant", "only a") == 6 && value(&a, "discordant", "only b") == 35);
    CHECK(value(&a, "discordant", "both") == 15 && value(&a, "discordant", "neither") == 108);
    CHECK_NEAR(value(&a, "rate_a", ""), 21.0 / 164, 1e-12);
    CHECK_NEAR(value(&a, "rate_b", ""), 50.0 / 164, 1e-12);
    const as_statistic *s = stat(&a, "difference", "");
    CHECK_NEAR(s->estimate, 29.0 / 164, 1e-12);
    CHECK_NEAR(s->p / 4.873598300036974e-06, 1, 1e-9);
    CHECK_NEAR(s->lo, 0.10379839609411491, 1e-9);
    CHECK_NEAR(s->hi, 0.24965380468344073, 1e-9);
    CHECK_NEAR(value(&a, "detectable_difference", ""), 0.10938352569105331, 1e-4);
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(run(&l, &as_check_paired_binary,
              "a: a.x; b: b.y; key_a: a.k; key_b: b.k; expect: negative", &a));
    CHECK_TEXT(l.leaf.cause, "opposite sign");
    ky[3] = ky[4];
    CHECK(refuses(&l, &as_check_paired_binary, "a: a.x; b: b.y; key_a: a.k; key_b: b.k",
                  "occurs twice"));
    ky[3] = 1000;
    CHECK(refuses(&l, &as_check_paired_binary, "a: a.x; b: b.y; key_a: a.k; key_b: b.k",
                  "is not there"));
    CHECK(refuses(&l, &as_check_paired_binary, "a: a.x; b: b.y; key_a: a.k", "needs the other"));
    lab_close(&l);
}

static void binary_edges(void)
{
    const double one[] = {1, 0, 1, 0}, none[] = {NAN, NAN, NAN, NAN}, part[] = {1, NAN, 1, 0};
    const char *const key[] = {"a", "b", "c", "d"}, *const mixed[] = {"d", "c", "b", "a"};
    const char *const strange[] = {"a", "b", "c", "e"}, *const gap[] = {"a", NULL, "c", "d"};
    double same[400];
    lab l;
    as_audit a;
    lab_open(&l);
    for (size_t i = 0; i < 400; i++) same[i] = i % 2 == 1;
    numbers(&l, "t", "one", one, 4);
    numbers(&l, "t", "none", none, 4);
    numbers(&l, "t", "part", part, 4);
    texts(&l, "t", "key", key, 4);
    texts(&l, "t", "mixed", mixed, 4);
    texts(&l, "t", "strange", strange, 4);
    texts(&l, "t", "gap", gap, 4);
    numbers(&l, "u", "same", same, 400);
    CHECK(run(&l, &as_check_paired_binary, "a: t.one; b: t.none", &a));
    CHECK(isnan(value(&a, "difference", "")) && stat(&a, "difference", "")->missing == 4);
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK(run(&l, &as_check_paired_binary, "a: t.one; b: t.part", &a));
    CHECK(stat(&a, "difference", "")->n == 3 && value(&a, "difference", "") == 0);
    CHECK(stat(&a, "difference", "")->p == 1 && isnan(value(&a, "detectable_difference", "")));
    CHECK(run(&l, &as_check_paired_binary, "a: t.one; b: t.one; key_a: t.key; key_b: t.mixed", &a));
    CHECK(value(&a, "discordant", "only a") == 2 && value(&a, "discordant", "only b") == 2);
    CHECK(refuses(&l, &as_check_paired_binary, "a: t.one; b: t.one; key_a: t.key; key_b: t.strange",
                  "\"d\" of key_a"));
    CHECK(refuses(&l, &as_check_paired_binary, "a: t.one; b: t.one; key_a: t.key; key_b: t.gap",
                  "missing"));
    CHECK(refuses(&l, &as_check_paired_binary, "a: t.one; b: u.same", "rows"));
    CHECK(run(&l, &as_check_paired_binary, "a: u.same; b: u.same; margin: 0.05", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_TEXT(l.leaf.cause, "no effect within the margin");
    CHECK(run(&l, &as_check_paired_binary, "a: t.one; b: t.one; margin: 0.05", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    lab_close(&l);
}

/* --- paired change --------------------------------------------------------------------------- */

static void change_by_hand(void)
{
    const double x[] = {1, 2, 3, 4, 5, NAN}, y[] = {2, 4, 3, 7, 6, 1};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "t", "x", x, 6);
    numbers(&l, "t", "y", y, 6);
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.y", &a));
    const as_statistic *s = stat(&a, "change", "");
    CHECK(s->n == 5 && s->missing == 1);
    CHECK_NEAR(s->estimate, 1.4, 1e-12);
    CHECK_NEAR(as_stat_detail(s, "/sd"), 1.140175425099138, 1e-12);
    CHECK_NEAR(s->lo, -0.015714776982272305, 1e-9);
    CHECK_NEAR(s->hi, 2.815714776982272, 1e-9);
    CHECK_NEAR(s->p, 0.125, 1e-12); /* 4 of the 32 sign patterns */
    CHECK(as_stat_detail(s, "/moved_up") == 4 && as_stat_detail(s, "/unchanged") == 1);
    CHECK_NEAR(value(&a, "mean_a", ""), 3, 1e-12);
    CHECK_NEAR(value(&a, "mean_b", ""), 4.4, 1e-12);
    CHECK_TEXT(l.leaf.cause, "under-powered");
    lab_close(&l);
}

static void change_outcomes(void)
{
    enum { ITEMS = 40 };
    double x[ITEMS], up[ITEMS], noise[ITEMS], lean[ITEMS];
    const double lonely[] = {1, NAN}, none[] = {NAN, NAN};
    lab l;
    as_audit a;
    lab_open(&l);
    for (size_t i = 0; i < ITEMS; i++) {
        x[i] = (double)(i % 5);
        up[i] = x[i] + 0.5 + 0.1 * (double)(i % 3);
        noise[i] = x[i] + (i % 2 ? 0.1 : -0.1);
        lean[i] = x[i] + (i % 2 ? 0.1 : -0.08);
    }
    numbers(&l, "t", "x", x, ITEMS);
    numbers(&l, "t", "up", up, ITEMS);
    numbers(&l, "t", "noise", noise, ITEMS);
    numbers(&l, "t", "lean", lean, ITEMS);
    numbers(&l, "u", "lonely", lonely, 2);
    numbers(&l, "u", "none", none, 2);
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.up; expect: positive", &a));
    CHECK(l.leaf.outcome == AS_HOLDS && stat(&a, "change", "")->null_draws == 2000);
    CHECK(run(&l, &as_check_paired_change, "a: t.up; b: t.x; expect: positive", &a));
    CHECK_TEXT(l.leaf.cause, "opposite sign");
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.noise; margin: 0.1", &a));
    CHECK_TEXT(l.leaf.cause, "no effect within the margin");
    CHECK(strstr(l.leaf.sentence, "inside +-0.1") != NULL);
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.lean; margin: 0.02", &a));
    CHECK_TEXT(l.leaf.cause, "under-powered"); /* the interval is -0.014 to 0.034 */
    CHECK(as_stat_detail(stat(&a, "change", ""), "/narrow_lo") > -0.02);
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.noise", &a));
    CHECK_TEXT(l.leaf.cause, "under-powered");
    CHECK(run(&l, &as_check_paired_change, "a: t.x; b: t.x; margin: 0.1", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN); /* no variation is no proof */
    CHECK(run(&l, &as_check_paired_change, "a: u.lonely; b: u.lonely", &a));
    CHECK(stat(&a, "change", "")->n == 1 && stat(&a, "change", "")->interval == NULL);
    CHECK(run(&l, &as_check_paired_change, "a: u.none; b: u.lonely", &a));
    CHECK(isnan(value(&a, "change", "")) && isnan(value(&a, "mean_a", "")));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    lab_close(&l);
}

/* --- ordinal change and the instrument ------------------------------------------------------- */

static const double grade_a[] = {0, 1, 1, 2, 1, 1, NAN, 0}, grade_b[] = {2, 2, 1, 1, 2, 2, 2, 2};
static const char *const grade_group[] = {"tricky", "tricky", "tricky", "plain",
                                          "plain",  "plain",  "plain",  "plain"};

static void add_grades(lab *l)
{
    numbers(l, "g", "a", grade_a, 8);
    numbers(l, "g", "b", grade_b, 8);
    texts(l, "g", "group", grade_group, 8);
}

static void ordinal_by_hand(void)
{
    lab l;
    as_audit a;
    lab_open(&l);
    add_grades(&l);
    CHECK(run(&l, &as_check_ordinal_change, "a: g.a; b: g.b; group: g.group", &a));
    CHECK(value(&a, "count", "a=0") == 2 && value(&a, "count", "a=1") == 4);
    CHECK(value(&a, "count", "b=2") == 6 && stat(&a, "count", "a=0")->missing == 1);
    CHECK_NEAR(value(&a, "percent_a", "all"), 100.0 * 6 / 14, 1e-12);
    CHECK_NEAR(value(&a, "percent_b", "all"), 100.0 * 14 / 16, 1e-12);
    CHECK_NEAR(value(&a, "percent_a", "tricky"), 100.0 * 2 / 6, 1e-12);
    CHECK_NEAR(value(&a, "percent_a", "plain"), 50, 1e-12);
    CHECK_NEAR(value(&a, "change", "all"), 50.0 * 6 / 7, 1e-12);
    CHECK_NEAR(value(&a, "change", "tricky"), 50, 1e-12);
    CHECK_NEAR(value(&a, "change", "plain"), 50.0 * 3 / 4, 1e-12);
    CHECK_NEAR(value(&a, "discrimination_a", "tricky - plain"), 100.0 / 3 - 50, 1e-12);
    /* SDs 28.87 of 3 and 40.82 of 4 */
    CHECK_NEAR(as_stat_detail(stat(&a, "discrimination_a", "tricky - plain"), "/se"),
               sqrt(2500.0 / 9 + 5000.0 / 12), 1e-9);
    CHECK(value(&a, "transition", "0->2") == 2 && value(&a, "transition", "1->2") == 3);
    CHECK(value(&a, "transition", "2->1") == 1 && value(&a, "transition", "1->1") == 1);
    CHECK(stat(&a, "transition", "2->2")->n == 7);
    CHECK_TEXT(l.leaf.cause, "under-powered");
    CHECK(run(&l, &as_check_ordinal_change, "a: g.a; b: g.b", &a));
    CHECK(as_stat_find(&a, "change", "tricky") == NULL);
    CHECK(as_stat_find(&a, "discrimination_a", NULL) == NULL);
    CHECK(refuses(&l, &as_check_ordinal_change, "a: g.a; b: g.b; top: 1", "whole 0 to 1"));
    CHECK(refuses(&l, &as_check_ordinal_change, "a: g.a; b: g.b; top: 0", "1 to 20"));
    lab_close(&l);
}

/* One item of a kind has no spread to show; a grade between two grades is none. */
static void ordinal_edges(void)
{
    const double x[] = {0, 1, 0.5}, y[] = {2, 1, 1};
    const char *const kind[] = {"lone", "other"};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "g", "a", x, 2);
    numbers(&l, "g", "b", y, 2);
    texts(&l, "g", "kind", kind, 2);
    numbers(&l, "h", "a", x, 3);
    numbers(&l, "h", "b", y, 3);
    CHECK(run(&l, &as_check_ordinal_change, "a: g.a; b: g.b; group: g.kind", &a));
    CHECK(value(&a, "change", "lone") == 100 && stat(&a, "change", "lone")->interval == NULL);
    CHECK(value(&a, "percent_b", "lone") == 100 && isnan(stat(&a, "percent_b", "lone")->lo));
    CHECK(stat(&a, "change", "all")->interval != NULL);
    CHECK(refuses(&l, &as_check_ordinal_change, "a: h.a; b: h.b", "found 0.5, expected a whole"));
    lab_close(&l);
}

static void ordinal_moves(void)
{
    enum { ITEMS = 60 };
    double x[ITEMS], y[ITEMS];
    const char *kind[ITEMS];
    lab l;
    as_audit a;
    lab_open(&l);
    for (size_t i = 0; i < ITEMS; i++) {
        x[i] = i % 3 == 0;
        y[i] = i % 4 == 0 ? x[i] : x[i] + 1;
        kind[i] = "one";
    }
    numbers(&l, "g", "a", x, ITEMS);
    numbers(&l, "g", "b", y, ITEMS);
    texts(&l, "g", "kind", kind, ITEMS);
    CHECK(run(&l, &as_check_ordinal_change, "a: g.a; b: g.b; group: g.kind; expect: positive", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(value(&a, "change", "one") == value(&a, "change", "all"));
    CHECK(as_stat_find(&a, "discrimination_a", NULL) == NULL);
    const char validity[] = "a: g.a; b: g.b; group: g.kind; must_not_rise: one";
    CHECK(run(&l, &as_check_instrument_validity, validity, &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_TEXT(l.leaf.cause, "instrument rewards the trained style");
    CHECK(run(&l, &as_check_instrument_validity,
              "a: g.b; b: g.a; group: g.kind; must_not_rise: one", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    lab_close(&l);
}

static void validity_open(void)
{
    lab l;
    as_audit a;
    lab_open(&l);
    add_grades(&l);
    CHECK(run(&l, &as_check_instrument_validity,
              "a: g.a; b: g.b; group: g.group; must_not_rise: plain", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    CHECK_NEAR(value(&a, "change", "plain"), 0.75, 1e-12);
    CHECK(strstr(l.leaf.sentence, "tricky +1.000 (n = 3)") != NULL);
    CHECK(refuses(&l, &as_check_instrument_validity,
                  "a: g.a; b: g.b; group: g.group; must_not_rise: odd", "no item"));
    lab_close(&l);
}

/* --- saturation, bounds, restated figures ------------------------------------------------------
 */

static void saturated(void)
{
    const double high[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, half[] = {1, 0}, none[] = {NAN, NAN};
    const double percent[] = {95.8};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "t", "high", high, 10);
    numbers(&l, "u", "half", half, 2);
    numbers(&l, "u", "none", none, 2);
    numbers(&l, "v", "percent", percent, 1);
    CHECK(run(&l, &as_check_saturation, "rates: 0.958, 0.954", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_NEAR(value(&a, "rate", "2"), 0.954, 1e-12);
    CHECK(run(&l, &as_check_saturation, "rates: 0.958, 0.854", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(run(&l, &as_check_saturation, "a: t.high; b: t.high", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK(run(&l, &as_check_saturation, "a: t.high; b: u.half", &a));
    CHECK(l.leaf.outcome == AS_HOLDS && stat(&a, "rate", "b")->interval != NULL);
    CHECK(run(&l, &as_check_saturation, "a: t.high; b: u.none", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN && isnan(value(&a, "rate", "b")));
    CHECK(run(&l, &as_check_saturation, "a: v.percent; b: v.percent; scale: 100", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK(refuses(&l, &as_check_saturation, "a: v.percent", "expected 0 to 1"));
    CHECK(refuses(&l, &as_check_saturation, "ceiling: 0.8", "neither"));
    lab_close(&l);
}

static void bounds(void)
{
    const double x[] = {-3, NAN, 1, 2}, none[] = {NAN};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "t", "x", x, 4);
    numbers(&l, "u", "none", none, 1);
    CHECK(run(&l, &as_check_bound, "values: t.x; max: 2; why: too large", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(value(&a, "smallest", "") == -3 && value(&a, "largest", "") == 2);
    CHECK(as_stat_detail(stat(&a, "largest", ""), "/item") == 3);
    CHECK(run(&l, &as_check_bound, "values: t.x; max: 2; absolute: true; why: too large", &a));
    CHECK(l.leaf.outcome == AS_FAILS && value(&a, "largest", "") == 3);
    CHECK_TEXT(l.leaf.cause, "too large");
    CHECK(run(&l, &as_check_bound, "values: t.x; min: -2; why: too small", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK(run(&l, &as_check_bound, "values: u.none; min: -2; why: too small", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN && isnan(value(&a, "smallest", "")));
    CHECK(refuses(&l, &as_check_bound, "values: t.x; why: too small", "neither min nor max"));
    lab_close(&l);
}

static void restated(void)
{
    const double cell[] = {53, 5, 38, 4};
    const char *const name[] = {"cr", "hr", "cw", "hw"};
    lab l;
    as_audit a;
    lab_open(&l);
    for (size_t c = 0; c < 4; c++) numbers(&l, "t", name[c], &cell[c], 1);
    CHECK(measure(&l, &as_check_cells, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw", &l.done[0]));
    l.done[0].id = "four";
    l.n_done = 1;
    CHECK(run(&l, &as_check_restated, "published: -0.009; of: four; statistic: asym", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK_NEAR(value(&a, "difference", ""), -0.000031198686, 1e-11);
    CHECK(run(&l, &as_check_restated, "published: -0.010; of: four; statistic: asym", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK_TEXT(l.leaf.cause, "published figure differs from the released files");
    CHECK(run(&l, &as_check_restated, "published: 53, 5, 38, 4; of: four; statistic: cell", &a));
    CHECK(l.leaf.outcome == AS_HOLDS && value(&a, "recomputed", "cw") == 38);
    CHECK(run(&l, &as_check_restated, "published: 53, 6, 38, 4; of: four; statistic: cell", &a));
    CHECK(l.leaf.outcome == AS_FAILS);
    CHECK(run(&l, &as_check_restated,
              "published: 38; of: four; statistic: cell; variant: cw; tolerance: 0", &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(run(&l, &as_check_restated,
              "published: 90.5; of: four; statistic: hallucination_rate; scale: 100; "
              "tolerance: 0.05",
              &a));
    CHECK(l.leaf.outcome == AS_HOLDS);
    CHECK(refuses(&l, &as_check_restated, "published: 1, 2; of: four; statistic: cell", "found 4"));
    CHECK(refuses(&l, &as_check_restated, "published: 1; of: four; statistic: odd", "found 0"));
    lab_close(&l);
}

/* A figure that is undefined in the files neither agrees nor differs. */
static void restated_undefined(void)
{
    const double cell[] = {53, 5, 0, 0};
    const char *const name[] = {"cr", "hr", "cw", "hw"};
    lab l;
    as_audit a;
    lab_open(&l);
    for (size_t c = 0; c < 4; c++) numbers(&l, "t", name[c], &cell[c], 1);
    CHECK(measure(&l, &as_check_cells, "cr: t.cr; hr: t.hr; cw: t.cw; hw: t.hw", &l.done[0]));
    l.done[0].id = "four";
    l.n_done = 1;
    CHECK(run(&l, &as_check_restated, "published: 0; of: four; statistic: asym", &a));
    CHECK(l.leaf.outcome == AS_UNKNOWN);
    lab_close(&l);
}

/* --- descriptions ---------------------------------------------------------------------------- */

static void axes(void)
{
    const double x[] = {1, 2, 4, 5, NAN}, y[] = {5, 4, 2, 1, 3}, flat[] = {3, 3, 3, 3, 3};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "t", "x", x, 5);
    numbers(&l, "t", "y", y, 5);
    numbers(&l, "t", "flat", flat, 5);
    numbers(&l, "u", "x", flat, 2);
    CHECK(run(&l, &as_check_axis_summary, "scores: t.x, t.y, t.flat", &a));
    CHECK_NEAR(value(&a, "mean", "x"), 3, 1e-12);
    CHECK(value(&a, "n_high", "x") == 2 && value(&a, "n_low", "x") == 2);
    CHECK(stat(&a, "mean", "x")->n == 4 && stat(&a, "mean", "x")->missing == 1);
    CHECK(as_stat_detail(stat(&a, "mean", "x"), "/counts/4") == 1);
    CHECK_NEAR(as_stat_detail(stat(&a, "mean", "y"), "/sd"), sqrt(2.5), 1e-12);
    CHECK_NEAR(value(&a, "entropy", "x"), 2, 1e-12);
    CHECK_NEAR(value(&a, "entropy", "flat"), 0, 1e-12);
    CHECK_NEAR(value(&a, "correlation", "x~y"), -1, 1e-12);
    CHECK(isnan(value(&a, "correlation", "x~flat")));
    CHECK(stat(&a, "correlation", "x~y")->n == 4);
    CHECK(l.leaf.outcome == AS_SHOWN);
    CHECK(run(&l, &as_check_axis_summary, "scores: t.x, u.x", &a));
    CHECK(stat(&a, "mean", "u.x")->n == 2);
    CHECK(as_stat_find(&a, "correlation", NULL) == NULL);
    lab_close(&l);
}

static void groups(void)
{
    const double x[] = {1, 2, 3, 4, NAN, 6}, by[] = {0.7, 0.3, 0.29, NAN, 0.9, 0.95};
    const char *const name[] = {"b", "a", "b", "a", "b", NULL};
    lab l;
    as_audit a;
    lab_open(&l);
    numbers(&l, "t", "x", x, 6);
    numbers(&l, "t", "by", by, 6);
    texts(&l, "t", "name", name, 6);
    CHECK(run(&l, &as_check_group_means, "value: t.x; by: t.by; cuts: 0.3, 0.7", &a));
    CHECK_NEAR(value(&a, "mean", "all"), 3.2, 1e-12);
    CHECK_NEAR(value(&a, "mean", ">=0.7"), 3.5, 1e-12);
    CHECK_NEAR(value(&a, "mean", "0.3..0.7"), 2, 1e-12);
    CHECK_NEAR(value(&a, "mean", "<0.3"), 3, 1e-12);
    CHECK(stat(&a, "mean", ">=0.7")->n == 2 && stat(&a, "mean", ">=0.7")->missing == 2);
    CHECK(stat(&a, "mean", "<0.3")->interval == NULL);
    CHECK(run(&l, &as_check_group_means, "value: t.x; by: t.by; cuts: 2", &a));
    CHECK(isnan(value(&a, "mean", ">=2")) && stat(&a, "mean", ">=2")->n == 0);
    CHECK(run(&l, &as_check_group_means, "value: t.x; by: t.name", &a));
    CHECK_NEAR(value(&a, "mean", "b"), 2, 1e-12);
    CHECK_NEAR(value(&a, "mean", "a"), 3, 1e-12);
    CHECK(run(&l, &as_check_group_means, "value: t.x", &a));
    CHECK(a.n_stats == 1 && l.leaf.outcome == AS_SHOWN);
    CHECK(refuses(&l, &as_check_group_means, "value: t.x; by: t.by; cuts: 0.7, 0.3", "rising"));
    lab_close(&l);
}

/* --- the same for any number of threads ------------------------------------------------------ */

static void write_statistics(const as_audit *a, as_buf *out)
{
    for (size_t i = 0; i < a->n_stats; i++) {
        const as_statistic *s = a->stats[i];
        as_buf_printf(out, "%s|%s|%a|%a|%a|%a|%s\n", s->name, s->of, s->estimate, s->lo, s->hi,
                      s->p, s->detail);
    }
}

static void threads(void)
{
    enum { ITEMS = 97 };
    static const size_t n_threads[] = {1, 2, 7};
    double correct[ITEMS], asserts[ITEMS], coverage[ITEMS], grade[ITEMS];
    const char *group[ITEMS];
    as_buf out[N(n_threads)] = {{0}};
    for (size_t i = 0; i < ITEMS; i++) {
        correct[i] = i % 3 == 0;
        asserts[i] = i % 5 != 0;
        coverage[i] = (double)(i % 7) / 6;
        grade[i] = (double)(i * i % 3);
        group[i] = i % 10 < 4 ? "x" : i % 10 < 7 ? "y" : "z";
    }
    for (size_t t = 0; t < N(n_threads); t++) {
        lab l;
        as_audit a;
        lab_open(&l);
        l.pool = as_pool_new(n_threads[t], &l.err);
        CHECK(l.pool != NULL);
        numbers(&l, "t", "correct", correct, ITEMS);
        numbers(&l, "t", "asserts", asserts, ITEMS);
        numbers(&l, "t", "coverage", coverage, ITEMS);
        numbers(&l, "t", "grade", grade, ITEMS);
        texts(&l, "t", "group", group, ITEMS);
        CHECK(run(&l, &as_check_cells, cells_plan, &a));
        write_statistics(&a, &out[t]);
        CHECK(run(&l, &as_check_cells,
                  "correct: t.correct; assert: t.asserts; coverage: t.coverage; cluster: t.group",
                  &a));
        write_statistics(&a, &out[t]);
        CHECK(run(&l, &as_check_paired_change, "a: t.coverage; b: t.correct", &a));
        write_statistics(&a, &out[t]);
        CHECK(run(&l, &as_check_ordinal_change, "a: t.grade; b: t.correct; group: t.group", &a));
        write_statistics(&a, &out[t]);
        lab_close(&l);
    }
    CHECK(out[0].size > 1000);
    for (size_t t = 1; t < N(n_threads); t++)
        CHECK(strcmp(as_buf_text(&out[0]), as_buf_text(&out[t])) == 0);
    for (size_t t = 0; t < N(n_threads); t++) as_buf_clear(&out[t]);
}

int main(void)
{
    RUN(cells_published);
    RUN(cells_words_and_missing);
    RUN(cells_counts);
    RUN(cells_clusters);
    RUN(cells_clusters_repeat);
    RUN(cells_refused);
    RUN(equivalence_margins);
    RUN(equivalence_outside);
    RUN(equivalence_clusters);
    RUN(doses_multiplicity);
    RUN(doses_outcomes);
    RUN(doses_direction);
    RUN(doses_refused);
    RUN(binary_pairs);
    RUN(binary_edges);
    RUN(change_by_hand);
    RUN(change_outcomes);
    RUN(ordinal_by_hand);
    RUN(ordinal_edges);
    RUN(ordinal_moves);
    RUN(validity_open);
    RUN(saturated);
    RUN(bounds);
    RUN(restated);
    RUN(restated_undefined);
    RUN(axes);
    RUN(groups);
    RUN(threads);
    return check_end();
}
