#!/usr/bin/env python3
"""Makes tests/golden/stats_tests.json: inputs and reference results for tests/unit/stats_tests.c.

Needs numpy, scipy and statsmodels; the versions used are written into the file. Each case is
{"f": function, "a": scalar arguments, "x", "y": arrays, "out": results}; null stands for NaN, "inf"
and "-inf" for the infinities. References come from scipy and statsmodels where these have the
method, from exact integer arithmetic for the discrete tests, and otherwise from the published formula
written out here a second time.

    python3 tools/golden/stats_tests.py > tests/golden/stats_tests.json
"""
import itertools
import json
import math
import sys
import warnings
from fractions import Fraction

import numpy as np
import scipy
import scipy.special as sp
import scipy.stats as st
import statsmodels
from statsmodels.stats import inter_rater, multitest, proportion, weightstats

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20260411)
cases = []
NAN = float("nan")


def plain(v):
    v = float(v)
    if math.isnan(v):
        return None
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    return int(v) if v == int(v) and abs(v) < 2**53 else v


def add(f, a, out, x=None, y=None):
    case = {"f": f, "a": [plain(v) for v in a]}
    if x is not None:
        case["x"] = [plain(v) for v in np.ravel(x)]
    if y is not None:
        case["y"] = [plain(v) for v in np.ravel(y)]
    case["out"] = [plain(v) for v in np.ravel(out)]
    cases.append(case)


def short(x, digits=4):
    """Data with few digits, so that the file stays small and ties occur."""
    return np.round(x, digits)


# --- distributions ---------------------------------------------------------------------------------
def distributions():
    for x in list(np.round(rng.normal(0, 3, 18), 5)) + [0, -37, 37, 8.2, -1e-9, 1.959963984540054]:
        add("normal", [x], [st.norm.cdf(x), st.norm.sf(x)])
    for p in list(rng.uniform(0, 1, 14)) + [1e-300, 1e-20, 1e-9, 0.5, 0.075, 0.925, 0.975, 0, 1,
                                            1 - 1e-12, -0.1]:
        add("normal_quantile", [p], [sp.ndtri(p) if 0 <= p <= 1 else NAN])
    for i in range(24):
        df = [1, 2, 0.5, 163, 1e5][i] if i < 5 else round(float(10 ** rng.uniform(-0.3, 3)), 3)
        t = [0, -12, 1e4, 2, -1.96][i] if i < 5 else round(float(rng.normal(0, 3)), 4)
        # the side of the beta function whose argument is not near 1
        u, v = df / (df + t * t), t * t / (df + t * t)
        both = sp.betainc(df / 2, 0.5, u) if u < 0.5 else sp.betaincc(0.5, df / 2, v)
        add("t", [t, df], [both / 2 if t <= 0 else 1 - both / 2, both])
        p = [0.5, 0.975, 1e-8, 0.50001, 0.025][i] if i < 5 else float(rng.uniform())
        add("t_quantile", [p, df], [st.t.ppf(p, df)])
        x = round(float(rng.chisquare(df)) + (100 if i == 7 else 0), 4)
        add("chi2", [x, df], [st.chi2.cdf(x, df), st.chi2.sf(x, df)])
        add("chi2_quantile", [p, df], [st.chi2.ppf(p, df)])
        d2 = round(float(10 ** rng.uniform(-0.3, 3)), 3)
        f = round(float(rng.f(df, d2)), 4)
        s = df * f + d2
        add("f", [f, df, d2], [sp.betainc(df / 2, d2 / 2, df * f / s),
                               sp.betainc(d2 / 2, df / 2, d2 / s)])
        add("f_quantile", [p, df, d2], [st.f.ppf(p, df, d2)])
    for i in range(30):
        a, b = (float(round(10 ** rng.uniform(-1.5, 4), 4)) for _ in range(2))
        x = float(rng.beta(a, b)) if i % 3 else float(rng.uniform())
        add("beta_inc", [a, b, x], [sp.betainc(a, b, x)])
        p = float(rng.uniform()) if i % 4 else 10.0 ** -i
        add("beta_quantile", [p, a, b], [sp.betaincinv(a, b, p)])
        g = float(rng.gamma(a)) if i % 3 else float(round(a * rng.uniform(0, 3), 4))
        add("gamma_inc", [a, g], [sp.gammainc(a, g), sp.gammaincc(a, g)])
    for a, b, x in [(1, 1, 0), (1, 1, 1), (2, 3, 0.4), (0, 1, 0.5), (1, 1, 1.5), (1e6, 1e6, 0.4999)]:
        add("beta_inc", [a, b, x], [sp.betainc(a, b, x) if a > 0 and x <= 1 else NAN])


def exact_binomial(k, n, p):
    """p is a dyadic or decimal fraction: exact masses in rationals."""
    q = 1 - p
    mass = [math.comb(n, j) * p**j * q**(n - j) for j in range(n + 1)]
    at = mass[k] if k <= n else Fraction(0)
    return [float(at), float(sum(mass[: k + 1])), float(sum(mass[k:]))]


def exact_hypergeometric(total, good, drawn):
    all_ = math.comb(total, drawn)
    return {k: Fraction(math.comb(good, k) * math.comb(total - good, drawn - k), all_)
            for k in range(max(0, drawn - total + good), min(good, drawn) + 1)}


def counts():
    for i in range(26):
        n = [0, 1, 164, 500, 300][i] if i < 5 else int(rng.integers(1, 120))
        k = [0, 1, 21, 3, 300][i] if i < 5 else int(rng.integers(0, n + 2))
        p = Fraction(int(rng.integers(0, 257)), 256) if i != 6 else Fraction(0)
        add("binomial", [k, n, float(p)], exact_binomial(k, n, p))
        total = int(rng.integers(0, 400)) if i else 0
        good, drawn = int(rng.integers(0, total + 1)), int(rng.integers(0, total + 1))
        mass = exact_hypergeometric(total, good, drawn)
        k = int(rng.integers(0, max(mass) + 2)) if i % 4 == 0 else int(rng.choice(list(mass)))
        add("hypergeometric", [k, total, good, drawn],
            [float(mass.get(k, 0)), float(sum((m for j, m in mass.items() if j <= k), Fraction(0))),
             float(sum((m for j, m in mass.items() if j >= k), Fraction(0)))])
    add("binomial", [2, 5, 1.5], [NAN] * 3)
    add("hypergeometric", [1, 5, 6, 2], [NAN] * 3)


# --- intervals -------------------------------------------------------------------------------------
def wilson(k, n, level):
    z, p = st.norm.isf((1 - level) / 2), k / n
    mid, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (mid - half) / (1 + z * z / n), (mid + half) / (1 + z * z / n)


def newcombe_paired(a, b, c, d, level):
    n = a + b + c + d
    (l1, u1), (l2, u2) = wilson(a + b, n, level), wilson(a + c, n, level)
    p1, p2 = (a + b) / n, (a + c) / n
    top, margins = a * d - b * c, (a + b) * (c + d) * (a + c) * (b + d)
    if top > 0:
        top = max(top - n / 2, 0)
    phi = top / math.sqrt(margins) if margins else 0
    lo = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    hi = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    return b / n - c / n - math.sqrt(max(lo, 0)), b / n - c / n + math.sqrt(max(hi, 0))


def intervals():
    edges = [(0, 10), (10, 10), (1, 1), (0, 1), (21, 164), (50, 164), (1, 100000), (20, 193)]
    for i in range(26):
        k, n = edges[i] if i < len(edges) else (0, 0)
        if i >= len(edges):
            n = int(rng.integers(1, 400))
            k = int(rng.integers(0, n + 1))
        level = [0.95, 0.9, 0.99][i % 3]
        lo, hi = proportion.proportion_confint(k, n, 1 - level, "wilson")
        add("wilson", [k, n, level], [lo, hi])
        a = (1 - level) / 2
        add("clopper_pearson", [k, n, level],
            [sp.betaincinv(k, n - k + 1, a) if k else 0,
             sp.betainccinv(k + 1, n - k, a) if k < n else 1])
        n2 = int(rng.integers(1, 300))
        k2 = int(rng.integers(0, n2 + 1)) if i > 2 else [0, n2, 0][i]
        out = proportion.confint_proportions_2indep(k, n, k2, n2, method="newcomb", alpha=1 - level)
        add("newcombe_difference", [k, n, k2, n2, level], out)
        a, b, c, d = ([(15, 35, 6, 108), (20, 12, 2, 16), (0, 0, 0, 9), (9, 0, 0, 0), (0, 5, 5, 0),
                       (1, 1, 6, 14)][i] if i < 6 else [int(v) for v in rng.integers(0, 60, 4)])
        add("newcombe_paired", [a, b, c, d, level], newcombe_paired(a, b, c, d, level))
    for f, n_arg in [("wilson", 3), ("clopper_pearson", 3), ("newcombe_difference", 5),
                     ("newcombe_paired", 5)]:
        add(f, [0] * (n_arg - 1) + [0.95], [NAN, NAN])
        add(f, [1, 3, 2, 4][: n_arg - 1] + [1.0], [NAN, NAN])
    add("wilson", [5, 4, 0.95], [NAN, NAN])


# --- tests of two conditions -----------------------------------------------------------------------
def tables():
    for i in range(28):
        b, c = [(0, 0), (35, 6), (6, 35), (1, 0), (7, 7), (0, 400)][i] if i < 6 else (
            int(v) for v in rng.integers(0, 60, 2))
        n, k = b + c, min(b, c)
        p = min(Fraction(1), Fraction(2 * sum(math.comb(n, j) for j in range(k + 1)), 2**n))
        add("mcnemar", [b, c], [float(p)])
        t = ([(0, 0, 0, 0), (5, 0, 3, 0), (59, 105, 46, 118), (137, 27, 111, 53), (11, 94, 8, 98),
              (1, 9, 11, 3), (300, 1, 1, 300), (10, 10, 10, 10)][i] if i < 8
             else [int(v) for v in rng.integers(0, [5, 40, 200][i % 3], 4)])
        mass = exact_hypergeometric(sum(t), t[0] + t[1], t[0] + t[2])
        at = mass[t[0]]
        add("fisher", t, [float(sum((m for m in mass.values() if m <= at), Fraction(0)))])
        if sum(t[:2]) and sum(t[2:]) and min(t[0] + t[2], t[1] + t[3]):
            assert abs(st.fisher_exact([t[:2], t[2:]]).pvalue / cases[-1]["out"][0] - 1) < 1e-9
        k1, n1, k2, n2 = t[0], t[0] + t[1], t[2], t[2] + t[3]
        if n1 and n2:
            p1, p2 = k1 / n1, k2 / n2
            se = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
            z, h = (p1 - p2) / se if se else NAN, se * st.norm.isf(0.025)
            add("two_proportions", [k1, n1, k2, n2, 0.95],
                [p1 - p2, se, z, 2 * st.norm.sf(abs(z)), p1 - p2 - h, p1 - p2 + h])
        rows, cols = int(rng.integers(2, 6)), int(rng.integers(2, 6))
        table = rng.integers(0, [4, 60][i % 2], (rows, cols))
        if i % 5 == 0:
            table[0] = 0
        cut = table[table.sum(1) > 0][:, table.sum(0) > 0]
        out = [NAN] * 5
        if min(cut.shape) > 1:
            r = st.chi2_contingency(cut, correction=False)
            out = [r.statistic, r.dof, r.pvalue, r.expected_freq.min(),
                   st.contingency.association(cut, "cramer")]
        add("contingency", [rows, cols], out, table)


def estimate_t(d, level):
    n = len(d)
    m, se = d.mean(), d.std(ddof=1) / math.sqrt(n)
    r = st.ttest_1samp(d, 0)
    lo, hi = r.confidence_interval(level)
    return [m, se, r.statistic, n - 1, r.pvalue, lo, hi]


def means():
    for i in range(24):
        n = int(rng.integers(2, 40))
        x, y = short(rng.normal(0.1, 1, n)), short(rng.normal(0, 1.5, n))
        if i % 3 == 0:
            x, y = np.round(x * 2), np.round(y * 2)
        if np.ptp(x - y) == 0:
            y[0] += 1
        add("paired_mean", [0.95], estimate_t(x - y, 0.95), x, y)
        y2 = short(rng.normal(0.3, 2, int(rng.integers(2, 30))))
        s = math.sqrt(((n - 1) * x.var(ddof=1) + (len(y2) - 1) * y2.var(ddof=1)) / (n + len(y2) - 2))
        add("cohens_d", [], [(x.mean() - y2.mean()) / s], x, y2)
        m = n + 2
        x, y = short(rng.normal(0, 1, m)), short(rng.normal(0, 1, m))
        y = short(y + (i % 5 - 2) * x)
        if i % 3 == 0:
            x, y = np.round(2 * x), np.round(2 * y)
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        r = st.pearsonr(x, y)
        lo, hi = r.confidence_interval(0.9)
        if abs(r.statistic) > 0.999999:
            continue
        stat = r.statistic * math.sqrt((m - 2) / (1 - r.statistic**2))
        add("pearson", [0.9], [r.statistic, (1 - r.statistic**2) / math.sqrt(m - 3) if m > 3 else NAN,
                               stat, m - 2, r.pvalue, lo, hi] if m > 3 else
            [r.statistic, NAN, stat, m - 2, r.pvalue, NAN, NAN], x, y)
        s = st.spearmanr(x, y)
        rho = s.statistic
        if m > 3 and abs(rho) < 0.999999:
            se = math.sqrt((1 + rho**2 / 2) / (m - 3))
            h = st.norm.isf(0.05) * se
            add("spearman", [0.9], [rho, (1 - rho**2) * se, rho * math.sqrt((m - 2) / (1 - rho**2)),
                                    m - 2, s.pvalue, math.tanh(math.atanh(rho) - h),
                                    math.tanh(math.atanh(rho) + h)], x, y)
    add("paired_mean", [0.95], [1, NAN, NAN, NAN, NAN, NAN, NAN], [1.5], [0.5])
    add("paired_mean", [0.95], [2, 0, NAN, 2, NAN, 2, 2], [3, 4, 5], [1, 2, 3])
    add("cohens_d", [], [0], [1, 1, 1], [2, 2])
    add("cohens_d", [], [NAN], [], [2, 2])
    add("cohens_d", [], [0], [1], [2])
    add("pearson", [0.9], [NAN] * 7, [1, 1, 1, 1], [1, 2, 3, 4])
    add("pearson", [0.9], [1, 0, float("inf"), 2, 0, 1, 1], [1, 2, 3, 4], [2, 4, 6, 8])
    add("spearman", [0.9], [-1, 0, -float("inf"), 2, 0, -1, -1], [1, 2, 3, 4], [9, 4, 3, -8])


def permutations():
    for i in range(22):
        n = [1, 2, 12][i] if i < 3 else int(rng.integers(3, 12))
        d = short(rng.normal(0.5, 1, n), 2) if i % 2 else rng.integers(-2, 4, n).astype(float)
        all_ = [abs(sum(Fraction(str(v)) * s for v, s in zip(d, signs)))
                for signs in itertools.product((1, -1), repeat=n)]
        p = sum(v >= all_[0] for v in all_) / len(all_)
        if n > 2:
            r = st.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
            assert abs(r.pvalue - p) < 1e-12
        add("sign_flip", [], [d.mean(), p, 2**n], d)
        na, nb = int(rng.integers(1, 7)), int(rng.integers(1, 7))
        v = short(rng.normal(0, 1, na + nb), 2) if i % 2 else rng.integers(0, 3, na + nb) / 2
        v[:na] += i % 3 / 2
        f = [Fraction(str(round(float(u), 4))) for u in v]
        gap = [abs(sum(f[j] for j in c) * nb - (sum(f) - sum(f[j] for j in c)) * na)
               for c in itertools.combinations(range(na + nb), na)]
        p = sum(g >= gap[0] for g in gap) / len(gap)
        add("permute_means", [], [v[:na].mean() - v[na:].mean(), p, len(gap)], v[:na], v[na:])


# --- resampling, multiplicity ----------------------------------------------------------------------
def resampling():
    for i in range(22):
        n = int(rng.integers(5, 25))
        x = short(rng.gamma(2, 1, n) if i % 2 else rng.normal(0, 1, n), 2)
        stat = [np.mean, np.median, np.std][i % 3] if n % 2 == 0 else np.mean
        level = [0.95, 0.9][i % 2]
        r = st.bootstrap((x,), stat, n_resamples=79, method="BCa", confidence_level=level, rng=rng)
        # leave-one-out values and draws are passed, so that the interval alone is compared
        draws = r.bootstrap_distribution
        loo = np.array([stat(np.delete(x, j)) for j in range(n)])
        tail = (1 - level) / 2
        add("bootstrap_summary", [stat(x), level],
            [r.confidence_interval.low, r.confidence_interval.high, np.quantile(draws, tail),
             np.quantile(draws, 1 - tail), draws.std(ddof=1), draws.mean() - stat(x)], draws, loo)
        q = [0, 1, 0.5, float(rng.uniform())]
        add("quantiles", q, np.quantile(x, q), x)
        add("mid_ranks", [], st.rankdata(x), x)
    add("quantiles", [0.5], [NAN], [])
    add("quantiles", [0.5], [2], [3, NAN, 1])


def multiplicity():
    for i in range(22):
        p = short(rng.uniform(0, [1, 0.05][i % 2], int(rng.integers(1, 12))), 4)
        if i % 3 == 0 and len(p) > 2:
            p[1] = p[0]
        if i % 5 == 0:
            p[-1] = NAN
        done = ~np.isnan(p)
        holm, bh = p.copy(), p.copy()
        if done.any():
            holm[done] = multitest.multipletests(p[done], method="holm")[1]
            bh[done] = multitest.multipletests(p[done], method="fdr_bh")[1]
        add("holm", [], holm, p)
        add("benjamini_hochberg", [], bh, p)
        draws, tests, tail = 19, int(rng.integers(1, 6)), i % 3
        null, obs = short(rng.normal(0, 1, (draws, tests)), 2), short(rng.normal(0, 2, tests), 2)
        turn = [np.negative, lambda v: v, np.abs][tail]
        if i % 4 == 1:
            obs[0] = NAN
        use = ~np.isnan(obs)
        top = turn(null[:, use]).max(1) if use.any() else np.zeros(draws)
        out = [(1 + (top >= turn(o)).sum()) / (draws + 1) if not np.isnan(o) else NAN for o in obs]
        add("max_t", [draws, tests, tail], out, null, obs)
        add("null_p", [tail, obs[-1]],
            [(1 + (turn(null[:, 0]) >= turn(obs[-1])).sum()) / (draws + 1)
             if not np.isnan(obs[-1]) else NAN], null[:, 0])


# --- equivalence, power ----------------------------------------------------------------------------
def equivalence():
    for i in range(24):
        n = int(rng.integers(3, 60))
        x, y = short(rng.normal(0, 1, n), 2), short(rng.normal(0.1, 1, n), 2)
        margin = float(short(rng.uniform(0.05, 1.5), 2))
        p, lo, hi = weightstats.ttost_paired(x, y, -margin, margin)
        d = x - y
        a, b = st.ttest_1samp(d, 0).confidence_interval(0.9)
        add("tost_paired", [margin, 0.05], [lo[1], hi[1], p, a, b, p < 0.05], x, y)
        n1, n2 = int(rng.integers(5, 200)), int(rng.integers(5, 200))
        k1, k2 = int(rng.integers(1, n1)), int(rng.integers(1, n2))
        if i == 0:
            k1, n1, k2, n2, margin = 9, 10, 90, 100, 0.1
        p1, p2 = k1 / n1, k2 / n2
        se = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        p_lo, p_hi = st.norm.sf((p1 - p2 + margin) / se), st.norm.cdf((p1 - p2 - margin) / se)
        h = st.norm.isf(0.05) * se
        add("tost_proportions", [k1, n1, k2, n2, margin, 0.05],
            [p_lo, p_hi, max(p_lo, p_hi), p1 - p2 - h, p1 - p2 + h, max(p_lo, p_hi) < 0.05])
    add("tost_proportions", [20, 20, 20, 20, 0.1, 0.05], [NAN] * 5 + [0])
    add("tost_paired", [0.1, 0.05], [NAN] * 5 + [0], [1, 2, 3], [1, 2, 3])


def hanley_se(a, m, n):
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return math.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n))


def normal_power(effect, s0, s1, alpha, sides):
    z = st.norm.isf(alpha / sides)
    far = st.norm.cdf((-effect - z * s0) / s1) if sides == 2 else 0
    return st.norm.cdf((effect - z * s0) / s1) + far


def exact_paired(delta, psi, n, alpha, sides):
    total, up = 0.0, (psi + delta) / (2 * psi)
    for m in range(n + 1):
        k = np.arange(m + 1)
        few = st.binom.cdf(k, m, 0.5)
        reject = few <= alpha / sides
        mass = st.binom.pmf(k, m, 1 - up).dot(reject)
        if sides == 2:
            mass += st.binom.pmf(k, m, up).dot(reject)
        total += st.binom.pmf(m, n, psi) * mass
    return total


def planning():
    for i in range(24):
        alpha, sides = [0.05, 0.01][i % 2], 1 + i // 2 % 2
        p1, p2 = (float(short(v, 3)) for v in rng.uniform(0.02, 0.98, 2))
        n1, n2 = int(rng.integers(5, 300)), int(rng.integers(5, 300))
        s1 = math.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        pool = (n1 * p1 + n2 * p2) / (n1 + n2)
        s0 = math.sqrt(pool * (1 - pool) * (1 / n1 + 1 / n2))
        for pooled in (0, 1):
            add("power_proportions", [p1, n1, p2, n2, alpha, sides, pooled],
                [normal_power(abs(p1 - p2), s0 if pooled else s1, s1, alpha, sides)])
        auc, null = float(short(rng.uniform(0.5, 0.9), 3)), [0.5, 0.63][i % 2]
        add("power_auc", [auc, null, n1, n2, alpha, sides],
            [normal_power(abs(auc - null), hanley_se(null, n1, n2), hanley_se(auc, n1, n2), alpha,
                          sides)])
        psi = float(short(rng.uniform(0.05, 0.6), 3))
        delta = float(short(rng.uniform(0, psi), 3))
        n = int(rng.integers(5, 200))
        s0 = math.sqrt(psi / n)
        s1 = math.sqrt((psi - delta**2) / n)
        add("power_paired", [delta, psi, n, alpha, sides, 0],
            [normal_power(delta, s0, s0, alpha, sides)])
        add("power_paired", [delta, psi, n, alpha, sides, 1],
            [normal_power(delta, s0, s1, alpha, sides)])
        add("power_paired", [delta, psi, n, alpha, sides, 2],
            [exact_paired(delta, psi, n, alpha, sides)])


# --- agreement -------------------------------------------------------------------------------------
def icc(x, level):
    n, k = x.shape
    grand, rows, cols = x.mean(), x.mean(1), x.mean(0)
    ssb, ssj = k * ((rows - grand) ** 2).sum(), n * ((cols - grand) ** 2).sum()
    ssw = ((x - rows[:, None]) ** 2).sum()
    bms, jms, wms = ssb / (n - 1), ssj / (k - 1), ssw / (n * (k - 1))
    ems = (ssw - ssj) / ((n - 1) * (k - 1))
    q = (1 + level) / 2
    out = []
    r1 = (bms - wms) / (bms + (k - 1) * wms)
    f, d1, d2 = bms / wms, n - 1, n * (k - 1)
    lo, hi = f / st.f.ppf(q, d1, d2), f * st.f.ppf(q, d2, d1)
    out.append([r1, f, d1, d2, st.f.sf(f, d1, d2), (lo - 1) / (lo + k - 1), (hi - 1) / (hi + k - 1)])
    r2 = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
    f, d2 = bms / ems, (n - 1) * (k - 1)
    fj = jms / ems
    v = (k - 1) * (n - 1) * (k * r2 * fj + n * (1 + (k - 1) * r2) - k * r2) ** 2 / (
        (n - 1) * k**2 * r2**2 * fj**2 + (n * (1 + (k - 1) * r2) - k * r2) ** 2)
    f1, f2 = st.f.ppf(q, n - 1, v), st.f.ppf(q, v, n - 1)
    spread = k * jms + (k * n - k - n) * ems
    out.append([r2, f, d1, d2, st.f.sf(f, d1, d2), n * (bms - f1 * ems) / (f1 * spread + n * bms),
                n * (f2 * bms - ems) / (spread + n * f2 * bms)])
    r3 = (bms - ems) / (bms + (k - 1) * ems)
    lo, hi = f / st.f.ppf(q, d1, d2), f * st.f.ppf(q, d2, d1)
    out.append([r3, f, d1, d2, st.f.sf(f, d1, d2), (lo - 1) / (lo + k - 1), (hi - 1) / (hi + k - 1)])
    return out


def agreement():
    for i in range(24):
        k = int(rng.integers(2, 6))
        table = rng.integers(0, 20, (k, k)) + np.diag(rng.integers(0, 40, k))
        for w, name in enumerate([None, "linear", "quadratic"]):
            r = inter_rater.cohens_kappa(table, wt=name)
            add("kappa", [k, w, 0.95],
                [r.kappa, r.std_kappa, r.std_kappa0, r.kappa_low, r.kappa_upp, r.pvalue_two_sided],
                table)
        n, k = int(rng.integers(3, 15)), int(rng.integers(2, 6))
        x = short(rng.normal(0, [0.1, 1, 3][i % 3], (n, 1)) + rng.normal(0, 1, (n, k))
                  + rng.normal(0, 0.5, (1, k)), 2)
        if i == 0:  # the worked example of Shrout & Fleiss 1979, table 2
            x = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
                          [6, 2, 4, 7]], float)
        for kind, out in enumerate(icc(x, 0.95)):
            add("icc", [*x.shape, kind, 0.95], out, x)
        c = rng.integers(0, 30, int(rng.integers(1, 9)))
        add("entropy", [], [st.entropy(c, base=2) if c.sum() else NAN], c)
    add("kappa", [2, 0, 0.95], [NAN] * 6, [0, 0, 0, 0])
    add("kappa", [2, 0, 0.95], [NAN] * 6, [0, 0, 0, 9])
    add("kappa", [2, 0, 0.95], [0, 0, 0, 0, 0, NAN], [0, 0, 3, 6])
    add("entropy", [], [0], [0, 7])
    add("entropy", [], [NAN], [0, 0])


for part in (distributions, counts, intervals, tables, means, permutations, resampling, multiplicity,
             equivalence, planning, agreement):
    part()
versions = {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__,
            "statsmodels": statsmodels.__version__}
print('{"made_by": "tools/golden/stats_tests.py", "versions": ' + json.dumps(versions) + ', "cases": [')
print(",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases))
print("]}")
