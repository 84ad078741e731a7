/* What the checks of the probe family share: rows of features with a label, the parameters of a
 * gate, and the emitting of an AUC, an asymmetry and a null distribution with all that belongs to
 * them. Every number comes from lab/stats; nothing is computed here. */
#ifndef AS_LAB_AUDIT_PROBE_INTERNAL_H
#define AS_LAB_AUDIT_PROBE_INTERNAL_H

#include "lab/audit/audit.h"
#include "lab/stats/labelnull.h"

/* --- parameters ------------------------------------------------------------------------------ */

/* clang-format off */
#define AS_PROBE_C_PARAM                                                                           \
    {"C", AS_PARAM_NUMBERS, "1 0.1", "inverse strengths of the L2 penalty", "1e-9 to 1e9"}
#define AS_PROBE_FOLD_PARAMS                                                                       \
    {"folds", AS_PARAM_TEXT, "seeded", "seeded, or one digit an item", NULL},                      \
    {"n_folds", AS_PARAM_SIZE, "5", "folds when they are seeded, 2 to 10", "2 to 10"}
#define AS_PROBE_GATE_PARAMS(auc_bar, asym_bar)                                                    \
    {"gate_auc", AS_PARAM_NUMBER, auc_bar, "lowest AUC that passes", "0 to 1"},                        \
    {"gate_asym", AS_PARAM_NUMBER, asym_bar, "highest balanced asymmetry that passes", "-1 to 1"},      \
    {"pc_min", AS_PARAM_NUMBER, "0.70", "least share of correct rows asserted", "0 to 1"},             \
    {"rule", AS_PARAM_CHOICE, ">", "how a prediction meets a threshold", ">|>="},                  \
    {"thr_lo", AS_PARAM_NUMBER, "0.05", "lowest threshold", "0 to 1"},                                 \
    {"thr_hi", AS_PARAM_NUMBER, "0.95", "highest threshold", "0 to 1"},                                \
    {"thr_count", AS_PARAM_SIZE, "91", "how many thresholds", "2 to 100000"},                               \
    {"fixed", AS_PARAM_NUMBERS, "", "thresholds named in advance", "0 to 1"}
#define AS_PROBE_PARAMS_END {NULL, AS_PARAM_TEXT, NULL, NULL, NULL}
/* clang-format on */

typedef struct {
    as_gate_terms terms;
    as_gate_bars bars;
} as_probe_gate;

/* The parameters of AS_PROBE_GATE_PARAMS; fails when they make no grid or no share. */
AS_MUST_CHECK bool as_probe_gate_read(const as_audit *a, as_probe_gate *out, as_error *err);
/* Every number of parameter C is positive. */
AS_MUST_CHECK bool as_probe_c_check(const as_audit *a, as_error *err);
/* A seed of this check's own: stream (a->seed, "ID/WHAT", 0). */
AS_MUST_CHECK bool as_probe_seed(const as_audit *a, const char *what, uint64_t *seed,
                                 as_error *err);

/* --- rows ------------------------------------------------------------------------------------ */

/* The rows of a matrix column whose label is known. Owns x, y and row. */
typedef struct {
    size_t n, d, n_pos, n_missing;
    size_t n_items; /* n + n_missing */
    double *x;      /* (n, d), as in the file */
    uint8_t *y;     /* (n) */
    size_t *row;    /* (n) item of each row */
} as_probe_rows;

/* features and label name parameters; a label other than 0 and 1 is an error. */
AS_MUST_CHECK bool as_probe_rows_load(as_probe_rows *r, as_audit *a, const char *features,
                                      const char *label, as_error *err);
/* Fit rows and test rows by the parameters train_features, train_label, test_features and
 * test_label, with one width; emits positive_rate [train] and [test]. On failure either may be
 * loaded: clear both. */
AS_MUST_CHECK bool as_probe_pair_load(as_probe_rows *train, as_probe_rows *test, as_audit *a,
                                      as_error *err);
void as_probe_rows_clear(as_probe_rows *r); /* accepts a zeroed struct */
/* Rows of the smaller class. */
size_t as_probe_smaller_class(const as_probe_rows *r);

/* Labels of a number column: y (n) for the n_rows complete rows, in arena memory. */
AS_MUST_CHECK bool as_probe_labels(as_audit *a, const char *label, uint8_t **y, const size_t **rows,
                                   size_t *n_rows, as_error *err);

/* fold (r->n) out, by parameters folds and n_folds: seeded folds are repeat 0 of seed. A literal
 * folding has a digit for every item or for every row with a label. */
AS_MUST_CHECK bool as_probe_folds(uint8_t *fold, size_t *k, const as_audit *a,
                                  const as_probe_rows *r, uint64_t seed, as_error *err);
/* How many folds the parameters ask for: a class with fewer rows cannot be folded. */
AS_MUST_CHECK bool as_probe_fold_count(size_t *k, const as_audit *a, as_error *err);

/* Fits all rows to the minimum: z (n, d) holds the standardised rows, w (d) out; p (n) out, the
 * predictions of the same rows, may be NULL. AS_ENUMERIC when the fit does not converge. */
AS_MUST_CHECK bool as_probe_fit(as_logistic *out, double *w, double *p, const double *z,
                                const as_probe_rows *r, double c, as_error *err);

/* --- statistics ------------------------------------------------------------------------------ */

/* One set of predictions and what they are judged by. Borrows. */
typedef struct {
    const char *of;
    double c;
    const double *p;
    const uint8_t *y;
    size_t n, missing;
} as_probe_scores;

json_t *as_probe_reals(const double *x, size_t n); /* a list; NULL when out of memory */

/* The null and its quantiles; NaN values are left out of them. */
AS_MUST_CHECK bool as_probe_null(as_statistic *s, const double *values, size_t draws,
                                 as_error *err);

/* AUC with DeLong's interval. *detail (a new object: wins, ties, pairs, n_pos, n_neg) is the
 * caller's to add to and to hand to as_emit_detail. */
AS_MUST_CHECK bool as_probe_emit_auc(as_audit *a, const char *name, const char *method,
                                     const as_probe_scores *s, as_statistic **out, json_t **detail,
                                     as_error *err);
/* The same, with nothing to add. */
AS_MUST_CHECK bool as_probe_emit_plain_auc(as_audit *a, const char *name, const char *method,
                                           const as_probe_scores *s, as_error *err);
/* detail: w_norm, intercept, gradient_norm, iterations, c_times_sum_objective. */
AS_MUST_CHECK bool as_probe_emit_objective(as_audit *a, const as_probe_scores *s,
                                           const as_logistic *fit, as_error *err);
/* Share of a label among rows, with Wilson's interval. */
AS_MUST_CHECK bool as_probe_emit_rate(as_audit *a, const char *name, const char *of, size_t k,
                                      size_t n, size_t missing, as_error *err);

/* Every threshold under a gate's terms: the balanced best, the plain best and the one at 1/2. */
typedef struct {
    as_gate_best balanced, smallest;
    as_gate_point half;
} as_probe_gated;

AS_MUST_CHECK bool as_probe_gated_of(as_probe_gated *out, const as_probe_scores *s,
                                     const as_probe_gate *gate, as_error *err);
/* The asymmetry at a threshold that these rows had no part in choosing (NaN when t is): Newcombe's
 * interval and Fisher's p. detail: the caller's object (taken, also on failure) with threshold,
 * p_c, p_w, n_pos and n_neg added. */
AS_MUST_CHECK bool as_probe_emit_fixed(as_audit *a, const char *name, const char *method,
                                       const as_probe_scores *s, double t, as_gate_rule rule,
                                       json_t *detail, as_error *err);

/* asym_fixed [C=.. t=..] for each threshold of the parameter `fixed`. */
AS_MUST_CHECK bool as_probe_emit_named(as_audit *a, const as_probe_scores *s, as_gate_rule rule,
                                       as_error *err);

/* Draws of a null for several penalties: score (n_draws, n_c). */
typedef struct {
    const as_gate_score *score;
    size_t n_draws, n_c;
    const char *kind; /* what was shuffled, for methods */
} as_probe_draws;

/* Column j of the draws: out (n_draws), auc and asym (n_draws) for their quantiles; each may be
 * NULL. */
void as_probe_draws_of(const as_probe_draws *d, size_t j, as_gate_score *out, double *auc,
                       double *asym);
/* gate_false_positive_rate for one penalty (j) or, with j = n_c, for the best of them: the share
 * reaching gate->bars.asym among the draws in which some threshold qualifies (n; the others are
 * missing), with Wilson's interval. detail: bar, share_all (of all draws), share_auc, share_both
 * (of all draws), share_at {"-0.15", "-0.2", bar}. */
AS_MUST_CHECK bool as_probe_emit_gate_rate(as_audit *a, const char *of, const as_probe_draws *d,
                                           size_t j, const as_probe_gate *gate, as_error *err);
/* best_auc and best_asym [any C]: the best over penalties against the best of each draw. */
AS_MUST_CHECK bool as_probe_emit_best(as_audit *a, const as_gate_score *observed,
                                      const as_probe_draws *d, size_t n, size_t missing,
                                      as_error *err);

#endif
