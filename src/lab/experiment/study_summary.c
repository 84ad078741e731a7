/* What an arm looks like by itself: the four cells of right and asserted, their rates and what else
 * its judges said, each with its interval. No arm is compared with another here; that is what
 * checks are for. Formulas: docs/method.md, "Arms". */
#include <math.h>
#include <string.h>

#include "lab/experiment/study.h"
#include "lab/stats/interval.h"

typedef struct {
    as_study *st;
    const char *check;
    uint64_t position;
    as_error *err;
} summary;

static bool put_of(summary *m, const char *name, const char *of, double estimate, size_t n,
                   size_t missing, as_interval interval, const char *method)
{
    as_statistic row = {.position = m->position++,
                        .check = m->check,
                        .name = name,
                        .of = of,
                        .method = "by itself [Arms]",
                        .inputs = "[]",
                        .estimate = estimate,
                        .n = n,
                        .missing = missing,
                        .lo = interval.lo,
                        .hi = interval.hi,
                        .level = isnan(interval.lo) ? NAN : AS_LEVEL,
                        .interval = isnan(interval.lo) ? NULL : method,
                        .detail = "{}"};
    row.p = row.null_q05 = row.null_q50 = row.null_q95 = NAN;
    memcpy(row.design, m->st->design->key, sizeof row.design);
    return as_statistic_key(&row, m->err) && as_store_put_statistic(m->st->o->store, &row, m->err);
}

static bool put(summary *m, const char *name, double estimate, size_t n, size_t missing,
                as_interval interval, const char *method)
{
    return put_of(m, name, "", estimate, n, missing, interval, method);
}

/* k of n; nothing is written of an empty set. */
static bool put_share(summary *m, const char *name, size_t k, size_t n, size_t missing)
{
    if (n == 0) return true;
    return put(m, name, (double)k / (double)n, n, missing, as_wilson(k, n, AS_LEVEL), "Wilson");
}

/* Mean of the values that are there, with the interval of Student's t. */
static bool put_mean(summary *m, const char *name, const as_column *c)
{
    double sum = 0, square = 0;
    size_t n = 0;
    if (!c || !c->number) return true;
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(c->number[i])) {
            sum += c->number[i];
            n++;
        }
    if (n == 0) return true;
    const double mean = sum / (double)n;
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(c->number[i])) square += (c->number[i] - mean) * (c->number[i] - mean);
    const double se = n > 1 ? sqrt(square / (double)(n - 1) / (double)n) : NAN;
    return put(m, name, mean, n, c->n - n, as_t_interval(mean, se, (double)n - 1, AS_LEVEL),
               "Student's t");
}

typedef struct {
    size_t cr, hr, cw, hw, missing;
} cells;

static cells count(const as_column *coverage, const as_column *verbal)
{
    cells c = {0};
    for (size_t i = 0; i < coverage->n; i++) {
        if (isnan(coverage->number[i]) || !verbal->text[i]) {
            c.missing++;
            continue;
        }
        const bool right = coverage->number[i] >= 0.5;
        const bool asserts = strcmp(verbal->text[i], "ASSERT") == 0;
        *(right ? asserts ? &c.cr : &c.hr : asserts ? &c.cw : &c.hw) += 1;
    }
    return c;
}

static bool put_counts(summary *m, const cells *c, size_t n)
{
    static const char *const names[] = {"cr", "hr", "cw", "hw"};
    const size_t count[] = {c->cr, c->hr, c->cw, c->hw};
    for (size_t i = 0; i < 4; i++)
        if (!put_of(m, "cell", names[i], (double)count[i], n, c->missing, (as_interval){NAN, NAN},
                    NULL))
            return false;
    return true;
}

static bool put_cells(summary *m, const cells *c)
{
    const size_t right = c->cr + c->hr, wrong = c->cw + c->hw, n = right + wrong;
    if (!put_share(m, "accuracy", right, n, c->missing) ||
        !put_share(m, "assertion_rate", c->cr + c->cw, n, c->missing) ||
        !put_share(m, "hallucination_rate", c->cw, wrong, c->missing) ||
        !put_share(m, "over_hedging_rate", c->hr, right, c->missing) ||
        (n > 0 && !put_counts(m, c, n)))
        return false;
    if (right == 0 || wrong == 0) return true;
    return put(m, "asymmetry", (double)c->cw / (double)wrong - (double)c->cr / (double)right, n,
               c->missing, as_newcombe_difference(c->cw, wrong, c->cr, right, AS_LEVEL),
               "Newcombe");
}

static bool put_cut(summary *m, const as_column *finish)
{
    size_t k = 0, n = 0;
    for (size_t i = 0; finish && finish->text && i < finish->n; i++)
        if (finish->text[i]) {
            n++;
            k += strcmp(finish->text[i], "length") == 0;
        }
    return put_share(m, "cut_rate", k, n, finish ? finish->n - n : 0);
}

bool as_study_summarise(as_study *st, const as_step_spec *s, const char *arm, as_error *err)
{
    static const char *const means[] = {"coverage",
                                        "tokens",
                                        "passed",
                                        "factual_accuracy",
                                        "hedging_appropriateness",
                                        "pedagogical_framing",
                                        "self_verification",
                                        "completeness"};
    as_table t;
    summary m = {.st = st, .err = err};
    m.check = as_arena_printf(st->a, err, "arm/%s.%s", s->id, arm);
    if (!m.check || !as_study_table(st, s, arm, &t, err)) return false;
    const as_column *coverage = as_column_find(&t, "coverage");
    const as_column *verbal = as_column_find(&t, "verbal");
    if (coverage && coverage->number && verbal && verbal->text) {
        const cells c = count(coverage, verbal);
        if (!put_cells(&m, &c)) return false;
    }
    for (size_t i = 0; i < sizeof means / sizeof means[0]; i++)
        if (!put_mean(&m, means[i], as_column_find(&t, means[i]))) return false;
    return put_cut(&m, as_column_find(&t, "finish"));
}
