/* Thresholds: each row is asserted by the first so many of the grid, so one histogram a class gives
 * every count. */
#include "lab/stats/gate.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"

double as_gate_threshold(as_gate_grid grid, size_t k)
{
    if (grid.n < 2) return grid.lo;
    return grid.lo + (double)k * ((grid.hi - grid.lo) / (double)(grid.n - 1));
}

static bool asserts(double p, double t, as_gate_rule rule)
{
    return rule == AS_GATE_ABOVE ? p > t : p >= t;
}

static as_gate_point point(double t, size_t c, size_t w, size_t n_c, size_t n_w)
{
    as_gate_point g = {.t = t, .c = c, .w = w, .p_c = NAN, .p_w = NAN};
    if (n_c) g.p_c = (double)c / (double)n_c;
    if (n_w) g.p_w = (double)w / (double)n_w;
    g.asym = g.p_w - g.p_c;
    return g;
}

as_gate_point as_gate_at(const double *p, const uint8_t *y, size_t n, double t, as_gate_rule rule)
{
    size_t c = 0, w = 0, n_c = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_correct = y[i] != 0, is_asserted = asserts(p[i], t, rule);
        n_c += is_correct;
        c += is_correct && is_asserted;
        w += !is_correct && is_asserted;
    }
    return point(t, c, w, n_c, n - n_c);
}

static bool check_grid(as_gate_grid grid, as_error *err)
{
    if (grid.n < 1 || grid.n > AS_GATE_MAX)
        return as_fail(err, AS_EUSAGE, "thresholds (found %zu, expected 1 to %d)", grid.n,
                       AS_GATE_MAX);
    if (isfinite(grid.lo) && isfinite(grid.hi) && (grid.n == 1 || grid.lo < grid.hi)) return true;
    return as_fail(err, AS_EUSAGE, "thresholds from %g to %g do not rise", grid.lo, grid.hi);
}

bool as_gate_bins(uint16_t *bin, const double *p, size_t n, as_gate_grid grid, as_gate_rule rule,
                  as_error *err)
{
    if (!check_grid(grid, err)) return false;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i])) return as_fail(err, AS_ENUMERIC, "prediction of row %zu (found NaN)", i);
        size_t low = 0, high = grid.n; /* thresholds below low assert, from high on they do not */
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (asserts(p[i], as_gate_threshold(grid, mid), rule))
                low = mid + 1;
            else
                high = mid;
        }
        bin[i] = (uint16_t)low;
    }
    return true;
}

/* count[b] wrong and count[n_grid + 1 + b] correct rows with bin b. */
static void fill_counts(uint32_t *count, const uint16_t *bin, const uint8_t *y, size_t n,
                        size_t n_grid)
{
    for (size_t b = 0; b < 2 * (n_grid + 1); b++) count[b] = 0;
    for (size_t i = 0; i < n; i++) count[(y[i] ? n_grid + 1 : 0) + bin[i]]++;
}

bool as_gate_scan(as_gate_point *points, const double *p, const uint8_t *y, size_t n,
                  as_gate_grid grid, as_gate_rule rule, as_error *err)
{
    bool ok = false;
    if (!check_grid(grid, err)) return false;
    uint16_t *bin = as_new(n, sizeof *bin, err);
    uint32_t *count = as_new(2 * (grid.n + 1), sizeof *count, err);
    if (!bin || !count) goto out;
    if (!as_gate_bins(bin, p, n, grid, rule, err)) goto out;
    fill_counts(count, bin, y, n, grid.n);
    const uint32_t *wrong = count, *correct = count + grid.n + 1;
    size_t n_c = 0, c = 0, w = 0;
    for (size_t b = 0; b <= grid.n; b++) n_c += correct[b];
    for (size_t k = grid.n; k-- > 0;) {
        c += correct[k + 1];
        w += wrong[k + 1];
        points[k] = point(as_gate_threshold(grid, k), c, w, n_c, n - n_c);
    }
    ok = true;
out:
    free(bin);
    free(count);
    return ok;
}

as_gate_best as_gate_min(const as_gate_point *points, size_t n)
{
    return as_gate_balanced(points, n, 0); /* p_c is never below 0 */
}

as_gate_best as_gate_balanced(const as_gate_point *points, size_t n, double coverage)
{
    as_gate_best best = {.at = {NAN, 0, 0, NAN, NAN, NAN}};
    for (size_t k = 0; k < n; k++) {
        if (!(points[k].p_c >= coverage) || isnan(points[k].asym)) continue;
        if (best.found && !(points[k].asym < best.at.asym)) continue;
        best = (as_gate_best){true, k, points[k]};
    }
    return best;
}

double as_gate_balanced_bins(const uint16_t *bin, const uint8_t *y, size_t n, size_t n_grid,
                             double coverage, size_t *k, uint32_t *count)
{
    fill_counts(count, bin, y, n, n_grid);
    const uint32_t *wrong = count, *correct = count + n_grid + 1;
    size_t n_c = 0, c, w, best_k = 0;
    for (size_t b = 0; b <= n_grid; b++) n_c += correct[b];
    c = n_c - correct[0];
    w = n - n_c - wrong[0];
    double best = NAN;
    for (size_t j = 0; j < n_grid; j++) {
        as_gate_point g = point(0, c, w, n_c, n - n_c);
        if (!(g.p_c >= coverage)) break; /* p_c only falls */
        if (!isnan(g.asym) && !(best <= g.asym)) {
            best = g.asym;
            best_k = j;
        }
        c -= correct[j + 1];
        w -= wrong[j + 1];
    }
    if (k) *k = best_k;
    return best;
}
