/* AUC by sorting once and counting tie groups; DeLong by mid-ranks. */
#include "lab/stats/auc.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "lab/stats/distribution.h"

#define MAX_ROWS ((size_t)1 << 30) /* twice a rank fits 32 bits */

typedef struct {
    double score;
    size_t row;
} entry;

static int entry_order(const void *a, const void *b)
{
    const entry *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* Scores with their rows, rising. Gives: free. */
static entry *sorted(const double *score, size_t n, as_error *err)
{
    if (n > MAX_ROWS) {
        as_fail(err, AS_ELIMIT, "rows (found %zu, expected at most %zu)", n, MAX_ROWS);
        return NULL;
    }
    entry *e = as_new(n, sizeof *e, err);
    if (!e) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (isnan(score[i])) {
            as_fail(err, AS_ENUMERIC, "score of row %zu (found NaN, expected a number)", i);
            free(e);
            return NULL;
        }
        e[i] = (entry){score[i], i};
    }
    if (n > 1) qsort(e, n, sizeof *e, entry_order);
    return e;
}

static size_t tie_end(const entry *e, size_t n, size_t i)
{
    size_t j = i + 1;
    while (j < n && e[j].score == e[i].score) j++;
    return j;
}

static bool check_labels(const uint8_t *y, size_t n, as_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1)
            return as_fail(err, AS_EFORMAT, "label of row %zu (found %u, expected 0 or 1)", i,
                           (unsigned)y[i]);
    return true;
}

static size_t count_positive(const uint8_t *y, size_t n)
{
    size_t n_pos = 0;
    for (size_t i = 0; i < n; i++) n_pos += y[i] != 0;
    return n_pos;
}

bool as_auc_of(as_auc *out, const double *score, const uint8_t *y, size_t n, as_error *err)
{
    *out = (as_auc){.auc = NAN};
    if (!check_labels(y, n, err)) return false;
    entry *e = sorted(score, n, err);
    if (!e) return false;
    for (size_t i = 0, j; i < n; i = j) {
        size_t pos = 0;
        j = tie_end(e, n, i);
        for (size_t k = i; k < j; k++) pos += y[e[k].row];
        out->wins += (uint64_t)pos * out->n_neg;
        out->ties += (uint64_t)pos * (j - i - pos);
        out->n_pos += pos;
        out->n_neg += j - i - pos;
    }
    free(e);
    if (out->n_pos && out->n_neg)
        out->auc = ((double)out->wins + 0.5 * (double)out->ties) /
                   ((double)out->n_pos * (double)out->n_neg);
    return true;
}

bool as_auc_ranks(uint32_t *rank2, const double *score, size_t n, as_error *err)
{
    entry *e = sorted(score, n, err);
    if (!e) return false;
    for (size_t i = 0, j; i < n; i = j) {
        j = tie_end(e, n, i);
        for (size_t k = i; k < j; k++) rank2[e[k].row] = (uint32_t)(i + j + 1);
    }
    free(e);
    return true;
}

double as_auc_from_ranks(const uint32_t *rank2, const uint8_t *y, size_t n)
{
    uint64_t sum = 0, n_pos = 0;
    for (size_t i = 0; i < n; i++) {
        if (!y[i]) continue;
        sum += rank2[i];
        n_pos++;
    }
    uint64_t n_neg = n - n_pos;
    if (!n_pos || !n_neg) return NAN;
    return 0.5 * (double)(sum - n_pos * (n_pos + 1)) / ((double)n_pos * (double)n_neg);
}

bool as_roc_points(as_roc_point *points, size_t *n_points, const double *score, const uint8_t *y,
                   size_t n, as_error *err)
{
    *n_points = 0;
    if (!check_labels(y, n, err)) return false;
    entry *e = sorted(score, n, err);
    if (!e) return false;
    as_roc_point at = {INFINITY, 0, 0};
    size_t count = 0;
    points[count++] = at;
    for (size_t j = n; j > 0;) { /* from the highest score down */
        at.threshold = e[j - 1].score;
        for (; j > 0 && e[j - 1].score == at.threshold; j--) {
            at.tp += y[e[j - 1].row];
            at.fp += 1u - y[e[j - 1].row];
        }
        points[count++] = at;
    }
    free(e);
    *n_points = count;
    return true;
}

/* --- DeLong ---------------------------------------------------------------------------------- */

/* Ranks of the rows of one class among themselves. */
static bool class_ranks(uint32_t *rank2, const double *score, const uint8_t *y, size_t n,
                        uint8_t class_, as_error *err)
{
    bool ok = false;
    size_t m = 0;
    double *part = as_new(n, sizeof *part, err);
    uint32_t *ranks = as_new(n, sizeof *ranks, err);
    if (!part || !ranks) goto out;
    for (size_t i = 0; i < n; i++)
        if (y[i] == class_) part[m++] = score[i];
    if (!as_auc_ranks(ranks, part, m, err)) goto out;
    m = 0;
    for (size_t i = 0; i < n; i++)
        if (y[i] == class_) rank2[i] = ranks[m++];
    ok = true;
out:
    free(part);
    free(ranks);
    return ok;
}

/* The structural components: v_i is the share of the other class that row i is on the right side
 * of. The mean over either class is the AUC. v (n). */
static bool components(double *v, const double *score, const uint8_t *y, size_t n, as_error *err)
{
    bool ok = false;
    size_t n_pos = count_positive(y, n), n_neg = n - n_pos;
    uint32_t *all = as_new(n, sizeof *all, err), *own = as_new(n, sizeof *own, err);
    if (!all || !own) goto out;
    if (!as_auc_ranks(all, score, n, err)) goto out;
    if (!class_ranks(own, score, y, n, 0, err) || !class_ranks(own, score, y, n, 1, err)) goto out;
    for (size_t i = 0; i < n; i++) {
        double below = 0.5 * ((double)all[i] - (double)own[i]); /* of the other class, ties half */
        v[i] = y[i] ? below / (double)n_neg : 1 - below / (double)n_pos;
    }
    ok = true;
out:
    free(all);
    free(own);
    return ok;
}

static double class_mean(const double *v, const uint8_t *y, size_t n, uint8_t class_)
{
    double sum = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (y[i] == class_) sum += v[i], m++;
    return m ? sum / (double)m : NAN;
}

/* S10 / n_pos + S01 / n_neg; NaN when a class has fewer than two rows. */
static double components_variance(const double *v, const uint8_t *y, size_t n)
{
    double total = 0;
    for (uint8_t class_ = 0; class_ < 2; class_++) {
        double mean = class_mean(v, y, n, class_), sum = 0;
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            if (y[i] == class_) sum += (v[i] - mean) * (v[i] - mean), m++;
        if (m < 2) return NAN;
        total += sum / (double)(m - 1) / (double)m;
    }
    return total;
}

static bool check_level(double level, as_error *err)
{
    if (level > 0 && level < 1) return true;
    return as_fail(err, AS_EUSAGE, "level (found %g, expected between 0 and 1)", level);
}

bool as_delong_of(as_delong *out, const double *score, const uint8_t *y, size_t n, double level,
                  as_error *err)
{
    bool ok = false;
    as_auc auc;
    double *v = NULL;
    *out = (as_delong){NAN, NAN, NAN, NAN};
    if (!check_level(level, err) || !as_auc_of(&auc, score, y, n, err)) return false;
    v = as_new(n, sizeof *v, err);
    if (!v || !components(v, score, y, n, err)) goto out;
    out->auc = auc.auc;
    out->se = sqrt(components_variance(v, y, n));
    if (!isnan(out->se)) {
        double z = as_normal_quantile(0.5 + 0.5 * level);
        out->low = fmax(0, auc.auc - z * out->se);
        out->high = fmin(1, auc.auc + z * out->se);
    }
    ok = true;
out:
    free(v);
    return ok;
}

/* The pair's numbers from the differences of the components, v (n). */
static void compare(as_delong_pair *out, const double *v, const uint8_t *y, size_t n, double level)
{
    out->difference = out->auc_a - out->auc_b;
    out->se = sqrt(components_variance(v, y, n));
    if (isnan(out->se)) return;
    double z = as_normal_quantile(0.5 + 0.5 * level);
    out->low = out->difference - z * out->se;
    out->high = out->difference + z * out->se;
    if (out->se > 0)
        out->z = out->difference / out->se;
    else if (out->difference == 0)
        out->z = 0;
    out->p = 2 * as_normal_upper(fabs(out->z));
}

bool as_delong_compare(as_delong_pair *out, const double *a, const double *b, const uint8_t *y,
                       size_t n, double level, as_error *err)
{
    bool ok = false;
    as_auc auc_a, auc_b;
    *out = (as_delong_pair){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (!check_level(level, err)) return false;
    if (!as_auc_of(&auc_a, a, y, n, err) || !as_auc_of(&auc_b, b, y, n, err)) return false;
    double *va = as_new(n, sizeof *va, err), *vb = as_new(n, sizeof *vb, err);
    if (!va || !vb) goto out;
    if (!components(va, a, y, n, err) || !components(vb, b, y, n, err)) goto out;
    for (size_t i = 0; i < n; i++) va[i] -= vb[i];
    out->auc_a = auc_a.auc;
    out->auc_b = auc_b.auc;
    compare(out, va, y, n, level);
    ok = true;
out:
    free(va);
    free(vb);
    return ok;
}

/* --- from the counts alone ------------------------------------------------------------------- */

double as_hanley_se(double auc, size_t n_pos, size_t n_neg)
{
    if (!(auc >= 0 && auc <= 1) || !n_pos || !n_neg) return NAN;
    double m = (double)n_pos, n = (double)n_neg, square = auc * auc;
    double q1 = auc / (2 - auc), q2 = 2 * square / (1 + auc);
    double sum = auc * (1 - auc) + (m - 1) * (q1 - square) + (n - 1) * (q2 - square);
    return sqrt(fmax(0, sum) / (m * n));
}

double as_hanley_null_se(size_t n_pos, size_t n_neg)
{
    if (!n_pos || !n_neg) return NAN;
    double m = (double)n_pos, n = (double)n_neg;
    return sqrt((m + n + 1) / (12 * m * n));
}

bool as_auc_published(as_auc_count *out, double auc, unsigned decimals, size_t n_pos, size_t n_neg,
                      as_error *err)
{
    *out = (as_auc_count){.auc = NAN, .gap = NAN};
    if (!(auc >= 0 && auc <= 1))
        return as_fail(err, AS_EUSAGE, "AUC (found %g, expected 0 to 1)", auc);
    if (decimals > 17)
        return as_fail(err, AS_EUSAGE, "decimals (found %u, expected at most 17)", decimals);
    if (!n_pos || !n_neg)
        return as_fail(err, AS_EUSAGE, "an AUC needs both classes (found %zu and %zu rows)", n_pos,
                       n_neg);
    if (n_pos > MAX_ROWS || n_neg > ((uint64_t)1 << 52) / n_pos)
        return as_fail(err, AS_ELIMIT, "pairs (found %zu x %zu, expected below 2^52)", n_pos,
                       n_neg);
    double pairs = (double)n_pos * (double)n_neg, unit = pow(10, -(double)decimals);
    double slack = 0.5 * unit * (1 + 1e-9) + 0x1p-53; /* half a last digit, and reading it */
    double whole = round(auc * pairs), half = round(2 * auc * pairs);
    out->pairs = (uint64_t)n_pos * n_neg;
    out->is_whole = fabs(auc - whole / pairs) <= slack;
    if (out->is_whole) half = 2 * whole;
    out->half_pairs = (uint64_t)half;
    out->auc = half / (2 * pairs);
    out->gap = auc - out->auc;
    out->is_half = !out->is_whole && fabs(out->gap) <= slack;
    out->chance = fmin(1, (pairs + 1) * unit / (1 + unit));
    return true;
}
