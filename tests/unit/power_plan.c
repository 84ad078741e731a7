/* lab/experiment/power and lock: the smallest effects that a plan could see, the planning figures
 * they are known by, what of a plan is refused, and where a plan differs from a lock. */
#include "check.h"

#include <stdlib.h>

#include "app/cli/plan_yaml.h"
#include "lab/experiment/lock.h"
#include "lab/experiment/power_internal.h"
#include "lab/stats/distribution.h"
#include "lab/stats/power.h"

/* --- formulas --- */

static as_power_question of(const char *check)
{
    return (as_power_question){.kind = as_power_kind_of(check),
                               .alpha = 0.05,
                               .bar = NAN,
                               .most = INFINITY,
                               .right = 0.5,
                               .assertion = 0.5,
                               .least = 1};
}

static double at(const as_power_question *q, size_t n)
{
    const char *why;
    return as_power_mde(q, n, &why);
}

static void planning_figures(void)
{
    as_power_question q = of("paired-binary");
    q.variance = 0.2;
    CHECK_NEAR(at(&q, 164), 0.0978, 5e-5); /* HumanEval */
    q.variance = 0.1;
    CHECK_NEAR(at(&q, 164), 0.0692, 5e-5);
    /* 55 of 193 positive: an AUC of 0.63 is seen with power 0.88, so less is seen with 0.80 */
    q = of("grouped-cv");
    q.right = 55.0 / 193;
    CHECK_NEAR(as_power_auc(0.63, 0.5, 55, 138, 0.05, 1), 0.88, 5e-3);
    CHECK_NEAR(at(&q, 193), as_mde_auc(0.5, 55, 138, 0.05, 1, 0.8), 1e-9);
    CHECK(at(&q, 193) < 0.63);
    /* 58 right and 42 wrong items see an asymmetry of -0.15 with power 0.66, so not with 0.80 */
    q = of("gate-transfer");
    q.right = 0.58;
    q.assertion = 53.0 / 58;
    q.bar = 0;
    CHECK_NEAR(as_power_asymmetry(-0.15, 53.0 / 58, 42, 58, 0.05, 1), 0.66, 5e-3);
    CHECK_NEAR(at(&q, 100), as_mde_asymmetry(53.0 / 58, 42, 58, 0.05, 1, 0.8), 1e-9);
    CHECK(at(&q, 100) > 0.15);
}

/* Without a bar each formula is that of its test. */
static void tests_without_bar(void)
{
    as_power_question q = of("paired-change");
    q.variance = 0.09;
    CHECK_NEAR(as_power_paired_mean(at(&q, 50) / 0.3, 50, 0.05, 2), 0.8, 1e-4);
    q = of("cells");
    q.assertion = 0.9;
    q.right = 0.4;
    q.sign = -1;
    CHECK_NEAR(as_power_asymmetry(-at(&q, 200), 0.9, 120, 80, 0.05, 2), 0.8, 1e-9);
    q.assertion = 0.6;
    const double down = at(&q, 200);
    q.sign = 1;
    const double up = at(&q, 200);
    CHECK_NEAR(as_power_asymmetry(up, 0.6, 120, 80, 0.05, 2), 0.8, 1e-9);
    q.sign = 0;
    CHECK(down > up && at(&q, 200) == down);
    q.assertion = 0.95; /* no room above */
    CHECK(isnan(at(&q, 200)));
    q = of("asymmetry-change");
    q.variance = 0.3;
    q.bar = 0;
    double se = sqrt(0.3 * (1 / 40.0 + 1 / 60.0));
    q.right = 0.4;
    CHECK_NEAR(at(&q, 100), (1.959964 + 0.841621) * se, 1e-5);
}

/* Differences of 0 and 1: sign flips of them are McNemar's test, whose power is known exactly. */
static void binary(void)
{
    as_power_question q = of("budget-ladder");
    q.is_binary = true;
    for (size_t i = 0; i < 3; i++) {
        static const size_t n[] = {16, 40, 200};
        q.variance = q.most = 0.5;
        const double d = at(&q, n[i]);
        CHECK_NEAR(as_power_paired(d, 0.5, n[i], 0.05, 2, AS_PAIRED_EXACT), 0.8, 0.05);
        const double m = (double)n[i], seen = as_t_quantile(0.975, m - 1) * sqrt(0.5 / m);
        CHECK_NEAR(as_normal_cdf((d - seen) / sqrt((0.5 - d * d) / m)), 0.8, 1e-9);
    }
    CHECK(at(&q, 16) > 0.4 && at(&q, 16) < 0.5);
    /* an interval has the spread that is seen: d = c sqrt(D / (n + c^2)) */
    q = of("seeds");
    q.is_binary = true;
    q.variance = q.most = 0.5;
    q.bar = 0.05;
    const double c = as_t_quantile(0.975, 39) + as_normal_quantile(0.8);
    CHECK_NEAR(at(&q, 40), c * sqrt(0.5 / (40 + c * c)), 1e-12);
    CHECK(at(&q, 40) < 0.2947 + 1e-3 && at(&q, 40) > 0.2947 - 5e-3); /* enumerated: 0.2947 */
}

static void levels(void)
{
    CHECK(as_power_level(AS_BY_P, 0.2) == 0.2 && as_power_level(AS_BY_P, 0.01) == 0.01);
    CHECK_NEAR(as_power_level(AS_BY_INTERVAL, 0.2), 0.05, 1e-12);
    CHECK_NEAR(as_power_level(AS_BY_INTERVAL, 0.01), 0.05, 1e-12);
    CHECK_NEAR(as_power_level(AS_BY_BOTH, 0.2), 0.05, 1e-12);
    CHECK(as_power_level(AS_BY_BOTH, 0.01) == 0.01);
    /* what falls short of the bar is told by a 95 % interval, whatever the alpha of the trend */
    as_power_question q = of("trend");
    q.variance = 0.5;
    q.bar = 1;
    const double d = at(&q, 100);
    q.alpha = 0.01;
    CHECK(at(&q, 100) == d);
}

/* The chance that the check holds at its smallest effect, from the rule of its decision. */
static void bars(void)
{
    as_power_question q = of("seeds");
    q.variance = 0.5;
    for (size_t i = 0; i < 3; i++) {
        const double bar[] = {0.05, 0.3, 1};
        double se = sqrt(0.5 / 100), t = as_t_quantile(0.975, 99);
        q.bar = bar[i];
        double holds = fmax(bar[i], t * se);
        CHECK_NEAR(as_normal_cdf((at(&q, 100) - holds) / se), 0.8, 1e-12);
        q.kind = as_power_kind_of("placebo");
        holds = fmax(bar[i] - t * se, t * se);
        CHECK_NEAR(as_normal_cdf((at(&q, 100) - holds) / se), 0.8, 1e-12);
        q.kind = as_power_kind_of("seeds");
    }
    q.seeds = 0.01; /* trainings that differ cannot be made up for by items */
    CHECK(at(&q, 1000000) > 1 + 0.8 * 0.1);
    q = of("preserved");
    q.variance = 0.04;
    double se = 0.2 / sqrt(400), margin = at(&q, 400), t = as_t_quantile(0.95, 399);
    CHECK_NEAR(2 * as_normal_cdf(margin / se - t) - 1, 0.8, 1e-12);
    q = of("within-cv");
    q.bar = 0.65;
    CHECK(at(&q, 100) > 0.65 && at(&q, 100) < at(&q, 50));
}

static void nothing_seen(void)
{
    const char *why = NULL;
    as_power_question q = of("seeds");
    q.variance = 0.5;
    CHECK(isnan(as_power_mde(&q, 9, &why)));
    CHECK_TEXT(why, "too few to decide");
    q.most = 0.1;
    CHECK(isnan(as_power_mde(&q, 20, &why)));
    CHECK_TEXT(why, "no effect that there can be is seen so often");
    q = of("gate-transfer");
    q.bar = 0.15;
    q.least = 30;
    CHECK(isnan(as_power_mde(&q, 59, &why)));
    CHECK_TEXT(why, "a cohort is too small to decide");
    CHECK(!isnan(as_power_mde(&q, 60, &why)));
    CHECK(why == NULL);
    q.why = "as said";
    CHECK(isnan(as_power_mde(&q, 60, &why)));
    CHECK_TEXT(why, "as said");
    CHECK(as_power_kind_of("instrument") == NULL);
}

static void how_many(void)
{
    static const char *const checks[] = {"paired-binary", "seeds", "asymmetry-change", "preserved",
                                         "grouped-cv"};
    static const double effect[] = {0.05, 0.12, 0.2, 0.05, 0.7};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        as_power_question q = of(checks[i]);
        q.variance = 0.25;
        q.bar = i == 3 ? NAN : 0.1;
        q.least = 10;
        const size_t n = as_power_needed(&q, effect[i]);
        CHECK(n > 1 && at(&q, n) <= effect[i] && !(at(&q, n - 1) <= effect[i]));
    }
    as_power_question q = of("seeds");
    q.variance = 0.25;
    q.bar = 0.1;
    CHECK(as_power_needed(&q, 0.1) == 0); /* the estimate is below its bar half of the time */
}

/* --- plans --- */

#define HEAD "schema: assay.plan/1\nname: p\nmodels: {m: model}\n"
#define SETS "sets: {F: {task: chef, data: data/chef, set: F, n: 140}}\n"
#define STEPS                                                                                      \
    "steps:\n  ask: {do: answer, model: m, set: F, judges: [claims, delivery, rubric], "           \
    "arms: {a: base, b: {system: Say so., treats: [system]}}}\n"
#define COLUMNS                                                                                    \
    "&c {right: {from: coverage, rule: '>=', cut: 1/2}, sure: {from: verbal, equals: ASSERT}, "    \
    "long: {from: answer, measure: words}}"
#define TABLES                                                                                     \
    "tables:\n  a: {answers: ask.a, columns: " COLUMNS "}\n  b: {answers: ask.b, columns: *c}\n"   \
    "  some: {answers: ask.a, columns: *c, where: [{column: right, is: present}]}\n"
#define CHECKS                                                                                     \
    "checks:\n  kept: {check: preserved, a: a.coverage, b: b.coverage, margin: 0.05}\n"            \
    "  held: {check: preserved, a: a.coverage, b: b.coverage, margin: 0.05, cluster: a.cluster}\n" \
    "  flips: {check: paired-binary, a: a.sure, b: b.sure, effect: 0.3}\n"                         \
    "  longer: {check: paired-change, a: a.long, b: b.long}\n"                                     \
    "  grades: {check: ordinal-change, a: a.completeness, b: b.completeness, top: 5}\n"            \
    "  fewer: {check: paired-change, a: some.coverage, b: some.coverage}\n"                        \
    "  twice: {check: seeds, base: a.right, treated: [b.right, b.right]}\n"                        \
    "  moved: {check: asymmetry-change, correct_a: a.right, asserts_a: a.sure, correct_b: "        \
    "b.right, asserts_b: b.sure}\n"                                                                \
    "  alike: {check: instrument, arms: [a, b], needs: [system]}\n"
#define CLAIMS "claims:\n  c: {says: So., must_hold: [flips], instrument: [alike]}\n"
#define PLAN(head) head SETS STEPS TABLES CHECKS CLAIMS

static bool read(const char *text, as_arena *a, as_plan *p, as_error *err)
{
    const as_tree *tree = as_plan_read_over("p.yaml", text, strlen(text), a, err);
    return tree && as_plan_parse(tree, a, p, err);
}

typedef struct {
    as_error err;
    as_arena *a;
    as_plan plan;
    as_study_facts f;
    as_power *power;
    bool ok;
} study;

static void plan_of(study *s, const char *text)
{
    char said[2048];
    *s = (study){0};
    s->a = as_arena_new(&s->err);
    s->ok = read(text, s->a, &s->plan, &s->err) &&
            as_power_items(&s->plan, s->a, &s->f.items, &s->err) &&
            as_power_of(&s->plan, s->f.items, s->a, &s->power, &s->err);
    s->f.plan = &s->plan;
    s->f.power = s->power;
    CHECK(s->ok);
    if (!s->ok) printf("%s\n", as_error_text(&s->err, said, sizeof said));
}

static const as_power *power_of(const study *s, const char *id)
{
    for (size_t i = 0; i < s->plan.n_checks; i++)
        if (strcmp(s->plan.check[i].id, id) == 0) return &s->power[i];
    abort();
}

static void plans(void)
{
    study s;
    plan_of(&s, PLAN(HEAD));
    if (s.ok) {
        const as_power *kept = power_of(&s, "kept"), *held = power_of(&s, "held");
        const as_power *flips = power_of(&s, "flips"), *grades = power_of(&s, "grades");
        CHECK(kept->n == 140 && !kept->is_clustered && kept->bar == 0.05 && kept->n_assumes == 1);
        CHECK_TEXT(kept->assumes[0].name, "sd");
        CHECK_NEAR(kept->assumes[0].value, sqrt(0.5), 1e-15);
        CHECK(held->is_clustered && held->n < 140 && held->n > 50 && held->mde > kept->mde);
        CHECK(flips->n == 140 && flips->n_assumes == 2 && flips->check->effect == 0.3);
        CHECK_NEAR(flips->mde, as_mde_paired(0.5, 140, 0.05, 2, 0.8, AS_PAIRED_SIMPLE), 1e-12);
        CHECK(!flips->is_below);
        CHECK_TEXT(flips->claim, "c");
        CHECK(kept->is_too_wide && !kept->is_below && kept->n_needed > 1000);
        CHECK_TEXT(power_of(&s, "fewer")->why,
                   "how many a filter keeps is not known: say assume.kept");
        CHECK(isnan(power_of(&s, "fewer")->mde) && power_of(&s, "fewer")->n == 0);
        CHECK_TEXT(power_of(&s, "longer")->why,
                   "the spread of the column is not known (say it under assume.sd)");
        CHECK(isnan(power_of(&s, "longer")->mde));
        CHECK_NEAR(grades->mde / 100, kept->mde * 2.816 / 2.945, 0.02); /* percent; no margin */
        CHECK_TEXT(power_of(&s, "twice")->why, "fewer than three seeds");
        CHECK(power_of(&s, "moved")->n_assumes == 3 && power_of(&s, "moved")->bar == 0.1);
        CHECK(power_of(&s, "alike")->formula == NULL);
        CHECK(as_power_allows(&s.plan, s.power, &s.err));
    }
    as_arena_free(s.a);
}

static void assumptions(void)
{
    study s;
    plan_of(&s, PLAN(HEAD "assume: {accuracy: 0.8, assertion: 0.9, discordance: 0.2, kept: 1/2, "
                          "sd: {long: 12, coverage: 0.3}}\n"));
    if (s.ok) {
        CHECK_NEAR(power_of(&s, "flips")->mde,
                   as_mde_paired(0.2, 140, 0.05, 2, 0.8, AS_PAIRED_SIMPLE), 1e-12);
        CHECK_NEAR(power_of(&s, "longer")->mde / power_of(&s, "fewer")->mde, 12 / (0.3 * sqrt(2)),
                   0.03); /* half of the items are kept */
        CHECK(power_of(&s, "fewer")->n == 70 && power_of(&s, "fewer")->kept == 0.5);
        CHECK(power_of(&s, "flips")->n == 140 && power_of(&s, "flips")->kept == 1);
        CHECK_NEAR(as_power_paired_mean(power_of(&s, "fewer")->mde / 0.3, 70, 0.05, 2), 0.8, 1e-4);
    }
    as_arena_free(s.a);
}

#define MORE                                                                                       \
    "{right: {from: coverage, rule: '>=', cut: 1/2}, sure: {from: verbal, equals: ASSERT}, "       \
    "hedged: {from: verbal, equals: HEDGE}, low: {from: coverage, rule: '<', cut: 1/2}, "          \
    "topic: {from: category, equals: x}, coin: {from: prompt, planted: 3}}"
#define READ(label)                                                                                \
    "{check: within-cv, features: a.h_last, label: a." label ", C: [0.1], gate_auc: 0.5}\n"
#define OF(cluster) "{check: preserved, a: a.coverage, b: b.coverage, margin: 1, cluster: " cluster

/* The share of ones that is planned with, the units, and a filter on a later column. */
static void columns(void)
{
    static const char *const same[][2] = {
        {"coin", "half"}, {"sure", "high"}, {"hedged", "little"}, {"right", "r"}, {"low", "l"}};
    static const double share[] = {0.5, 0.8, 0.2, 0.7, 0.3};
    study s;
    plan_of(
        &s,
        HEAD "assume: {accuracy: 0.7, assertion: 0.8}\n" SETS
             "steps:\n  ask: {do: answer, model: m, set: F, judges: [claims, delivery], "
             "read: [h_last], arms: {a: base, b: {system: Say so., treats: [system]}}}\n"
             "tables:\n  a: {answers: ask.a, columns: &c " MORE "}\n"
             "  b: {answers: ask.b, columns: *c}\n"
             "  some: {answers: ask.b, columns: *c, where: [{column: right, equals: 1}]}\n"
             "checks:\n  half: " READ("coin") "  high: " READ("sure") "  little: " READ("hedged") "  r: " READ("right") "  l: " READ(
                 "low") "  t: " READ("topic") "  own: " OF("a.cluster}\n") "  kind: " OF("a."
                                                                                         "category}"
                                                                                         "\n") "  "
                                                                                               "pro"
                                                                                               "mpt"
                                                                                               "s:"
                                                                                               " " OF("a.prompt}\n") "  odd: " OF(
                                                                                                   "a.finish}\n") "  later: {check: paired-change, a: a.coverage, b: some.coverage}\n"
                                                                                                                  "  up: {check: cells, correct: a.right, assert: a.sure, expect: positive}\n"
                                                                                                                  "  down: {check: cells, correct: a.right, assert: a.sure}\n");
    for (size_t i = 0; s.ok && i < sizeof same / sizeof same[0]; i++) {
        as_power_question q = of("within-cv");
        q.right = share[i];
        q.bar = 0.5;
        CHECK_NEAR(power_of(&s, same[i][1])->mde, at(&q, 140), 1e-12);
    }
    if (s.ok) {
        CHECK_TEXT(power_of(&s, "t")->why, "the share of the column's ones is not known");
        CHECK(power_of(&s, "kind")->n < power_of(&s, "own")->n && power_of(&s, "kind")->n > 1);
        CHECK(power_of(&s, "prompts")->n == 140 && power_of(&s, "prompts")->is_clustered);
        CHECK_TEXT(power_of(&s, "odd")->why,
                   "how many values the column of clusters has is not known");
        CHECK_TEXT(power_of(&s, "later")->why,
                   "how many a filter keeps is not known: say assume.kept");
        CHECK_NEAR(power_of(&s, "up")->mde, as_mde_proportions(0.8, 1, 42, 98, 0.05, 2, 0.8, true),
                   1e-12);
        CHECK_NEAR(power_of(&s, "down")->mde, as_mde_asymmetry(0.8, 42, 98, 0.05, 2, 0.8), 1e-12);
    }
    as_arena_free(s.a);
}

/* A margin that the check asks for counts like an effect, and what would do is said in items. */
static void margins(void)
{
    study s;
    char said[2048];
    plan_of(&s, HEAD
            "assume: {kept: 1/2}\n" SETS STEPS TABLES
            "checks:\n  held: {check: preserved, a: some.coverage, b: some.coverage, margin: 0.05, "
            "cluster: some.cluster, effect: 0.5}\n"
            "  tight: {check: preserved, a: a.coverage, b: b.coverage, margin: 0.5, effect: 0.1}\n"
            "claims:\n  c: {says: So., must_hold: [held]}\n");
    if (s.ok) {
        const as_power *held = power_of(&s, "held"), *tight = power_of(&s, "tight");
        CHECK(held->is_below && held->is_too_wide && held->n_needed == 1714);
        CHECK(tight->is_below && !tight->is_too_wide && tight->n_needed < 1714);
        CHECK(!as_power_allows(&s.plan, s.power, &s.err));
        CHECK(
            strstr(as_error_text(&s.err, said, sizeof said),
                   "expected at most the margin of 0.05; 3428 clusters before the filter would") !=
            NULL);
    }
    as_arena_free(s.a);
}

static void below(void)
{
    study s;
    char said[2048];
    plan_of(&s, HEAD SETS STEPS TABLES
            "checks:\n  flips: {check: paired-binary, a: a.sure, b: b.sure, effect: 0.1}\n"
            "  idle: {check: paired-binary, a: a.sure, b: b.sure, effect: 0.01}\n"
            "  moved: {check: asymmetry-change, correct_a: a.right, asserts_a: a.sure, correct_b: "
            "b.right, asserts_b: b.sure, effect: 0.1}\n"
            "claims:\n  c: {says: So., steps: [{name: first, checks: [flips]}]}\n"
            "  d: {says: So., must_hold: [moved], context: [idle]}\n");
    if (s.ok) {
        CHECK(power_of(&s, "idle")->is_below && power_of(&s, "idle")->claim == NULL);
        CHECK(!as_power_allows(&s.plan, s.power, &s.err));
        CHECK(s.err.class_ == AS_ESTATE);
        CHECK_TEXT(as_error_text(&s.err, said, sizeof said),
                   "claim c: check flips: smallest effect seen with 80 % power (found 0.167 with "
                   "140 items, expected at most the effect of 0.1; 393 would)");
        CHECK_TEXT(s.err.hint, "1 more such: `assay plan` lists them");
        CHECK(power_of(&s, "moved")->n_needed == 0);
    }
    as_arena_free(s.a);
}

static void bad_plans(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {PLAN(HEAD "assume: {acuracy: 0.5}\n"),
         "p.yaml:4:19: assume.acuracy: unknown key (did you mean \"accuracy\"?)"},
        {PLAN(HEAD "assume: {sd: {coverge: 0.3}}\n"),
         "p.yaml:4:24: assume.sd.coverge: unknown key (did you mean \"coverage\"?)"},
        {HEAD SETS STEPS TABLES "checks: {x: {check: paired-change, a: a.right, b: b.right, "
                                "effect: 1.5}}\n",
         "p.yaml:11:68: checks.x.effect: effect (found 1.5, expected at most 1)"},
        {HEAD SETS STEPS TABLES "checks: {x: {check: grouped-cv, features: a.tokens, label: "
                                "a.right, group: a.cluster, effect: 0.4}}\n",
         "p.yaml:11:95: checks.x.effect: effect (found 0.4, expected an AUC above 0.5, at most 1)"},
        {PLAN(HEAD "assume: {accuracy: 1}\n"),
         "p.yaml:4:20: assume.accuracy: share (expected above 0 and below 1)"},
        {PLAN(HEAD "assume: {discordance: 0}\n"),
         "p.yaml:4:23: assume.discordance: share (expected above 0 and at most 1)"},
        {PLAN(HEAD "assume: {sd: {coverage: 0}}\n"),
         "p.yaml:4:25: assume.sd.coverage: SD (expected a number above 0)"},
        {PLAN(HEAD "assume: {sd: -1}\n"), "p.yaml:4:14: assume.sd: SD (expected a number above 0)"},
        {PLAN(HEAD "assume: {seeds: -1}\n"),
         "p.yaml:4:17: assume.seeds: SD (expected a number from 0 on)"},
        {PLAN(HEAD "assume: 3\n"), "p.yaml:4:9: assume: kind (found a value, expected a mapping)"},
        {HEAD SETS STEPS TABLES
         "checks: {x: {check: instrument, arms: [a, b], needs: [system], effect: 1}}\n",
         "p.yaml:11:72: checks.x.effect: effect (found at instrument, which decides without a "
         "sampling error)"},
        {HEAD SETS STEPS TABLES "checks: {x: {check: paired-change, a: a.right, b: b.right, "
                                "effect: -0.1}}\n",
         "p.yaml:11:68: checks.x.effect: effect (expected a size above 0)"},
        {HEAD SETS STEPS TABLES "checks: {lock: {check: paired-change, a: a.right, b: b.right}}\n",
         "p.yaml:11:10: checks.lock: id (found lock, which the store keeps for locks)"},
        {"schema: assay.plan/1\nname: p\nassume: {accuracy: 0.5}\ntables: {}\nchecks: {}\n",
         "p.yaml:3:1: assume: key (found without steps: nothing is left to plan)"},
        {"schema: assay.plan/1\nname: p\ntables:\n  t: {kind: figures, rows: [{x: 1}], columns: "
         "{x: x}}\nchecks: {x: {check: paired-change, a: t.x, b: t.x, effect: 1}}\n",
         "p.yaml:5:60: checks.x.effect: effect (found without steps: nothing is left to plan)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        as_plan p;
        char said[2048];
        CHECK(!read(cases[i].text, a, &p, &err));
        CHECK(err.class_ == AS_EUSAGE);
        CHECK_TEXT(as_error_text(&err, said, sizeof said), cases[i].says);
        as_arena_free(a);
    }
}

/* --- locks --- */

/* What as_change_text says of every difference, one a line. */
static void says(const char *locked, const char *now, bool whole, const char *expected)
{
    as_error err = {0};
    as_buf b = {0};
    json_t *x = as_json_parse("x", locked, strlen(locked), &err);
    json_t *y = as_json_parse("y", now, strlen(now), &err);
    json_t *list = whole ? as_lock_changes(x, y, &err) : as_json_changes("", x, y, &err);
    for (size_t i = 0; i < json_array_size(list); i++) {
        as_change_text(json_array_get(list, i), "locked", &b);
        as_buf_puts(&b, "\n");
    }
    CHECK(list != NULL);
    CHECK_TEXT(as_buf_text(&b), expected);
    as_buf_clear(&b);
    json_decref(x);
    json_decref(y);
    json_decref(list);
}

static void changes(void)
{
    says("{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1.0}", false, "");
    says("{\"a\":{\"x/y\":1,\"p~q\":2}}", "{\"a\":{\"x/y\":\"1\",\"new\":null}}", false,
         "/a/x~1y: locked 1, now \"1\"\n/a/p~0q: locked 2, now nothing\n"
         "/a/new: locked nothing, now null\n");
    says("[1,[2,3]]", "[1,[2,4,5]]", false, "/1/1: locked 3, now 4\n/1/2: locked nothing, now 5\n");
    /* what follows from another plan is not said again; what the plan does not say is */
    says("{\"plan\":{\"seed\":\"1\"},\"seed\":1,\"code\":\"a\",\"models\":{\"m\":1}}",
         "{\"plan\":{\"seed\":\"2\"},\"seed\":2,\"code\":\"b\",\"models\":{\"m\":2}}", true,
         "/plan/seed: locked \"1\", now \"2\"\n/code: locked \"a\", now \"b\"\n"
         "/models/m: locked 1, now 2\n");
    says("{\"plan\":{},\"seed\":1,\"models\":{\"m\":1}}", "{\"plan\":{},\"seed\":2}", true,
         "/seed: locked 1, now 2\n");
}

static void facts(void)
{
    study s, again;
    plan_of(&s, PLAN(HEAD));
    plan_of(&again, PLAN(HEAD "seed: 2\n"));
    if (s.ok && again.ok) {
        json_t *x = as_study_json(&s.f, s.a, &s.err), *y = as_study_json(&s.f, s.a, &s.err);
        json_t *z = as_study_json(&again.f, again.a, &again.err);
        json_t *none = as_lock_changes(x, y, &s.err), *some = as_lock_changes(x, z, &s.err);
        CHECK(x && y && z && json_array_size(none) == 0 && json_array_size(some) > 0);
        CHECK(json_integer_value(as_json_at(x, "/steps/ask/answers")) == 280);
        CHECK(json_integer_value(as_json_at(x, "/sets/F/n")) == 140);
        CHECK_TEXT(json_string_value(as_json_at(x, "/arms/ask/b/treats/0")), "system");
        CHECK_TEXT(json_string_value(as_json_at(x, "/thresholds/moved/parameters/at_least")),
                   "0.1");
        CHECK_TEXT(json_string_value(as_json_at(x, "/claims/c/must_hold/0")), "flips");
        json_decref(x);
        json_decref(y);
        json_decref(z);
        json_decref(none);
        json_decref(some);
    }
    as_arena_free(s.a);
    as_arena_free(again.a);
}

int main(void)
{
    RUN(planning_figures);
    RUN(tests_without_bar);
    RUN(binary);
    RUN(levels);
    RUN(bars);
    RUN(nothing_seen);
    RUN(how_many);
    RUN(plans);
    RUN(assumptions);
    RUN(columns);
    RUN(margins);
    RUN(below);
    RUN(bad_plans);
    RUN(changes);
    RUN(facts);
    return check_end();
}
