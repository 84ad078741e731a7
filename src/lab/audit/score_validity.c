/* Does a score rank right answers above wrong ones? */
#include <inttypes.h>
#include <math.h>

#include "lab/audit/instrument_internal.h"
#include "lab/stats/auc.h"
#include "lab/stats/distribution.h"

static const as_param params[] = {
    {"score", AS_PARAM_COLUMN, NULL, "what is said to measure correctness", NULL},
    {"label", AS_PARAM_COLUMN, NULL, "1 for a right answer, 0 for a wrong one, same rows", NULL},
    {"bar", AS_PARAM_NUMBER, "0.60", "AUC from which the score may be used", "0 to 1"},
    AS_INSTRUMENT_PARAMS_END};

static bool measure(as_audit *a, as_error *err)
{
    as_instrument_rows rows;
    as_auc auc;
    as_delong ci;
    if (!as_instrument_rows_of(a, "score", "label", AS_COLUMN_NUMBER, &rows, err)) return false;
    const double *score = as_instrument_numbers(a, "score", &rows, err);
    const int *label = score ? as_instrument_labels(a, "label", &rows, err) : NULL;
    uint8_t *y = label ? as_arena_push(a->arena, rows.n + 1, 1, err) : NULL;
    if (!y) return false;
    for (size_t i = 0; i < rows.n; i++) y[i] = (uint8_t)label[i];
    if (!as_auc_of(&auc, score, y, rows.n, err) ||
        !as_delong_of(&ci, score, y, rows.n, AS_LEVEL, err))
        return false;
    as_statistic *s = as_emit(a, "auc", "",
                              "mid-rank pair counts; p against 1/2 from the Hanley-McNeil null "
                              "error [AUC]",
                              err);
    if (!s) return false;
    double null_se = as_hanley_null_se(auc.n_pos, auc.n_neg);
    s->n = rows.n;
    s->missing = rows.n_missing;
    s->estimate = auc.auc;
    s->p = fmin(1, 2 * as_normal_upper(fabs(auc.auc - 0.5) / null_se));
    if (isnan(auc.auc)) s->p = NAN;
    as_stat_interval(s, (as_interval){ci.low, ci.high}, AS_LEVEL, "DeLong");
    json_t *detail = json_object();
    as_json_put(&detail, "wins", json_integer((json_int_t)auc.wins));
    as_json_put(&detail, "ties", json_integer((json_int_t)auc.ties));
    as_json_put(&detail, "pairs", json_integer((json_int_t)auc.n_pos * (json_int_t)auc.n_neg));
    as_json_put_size(&detail, "n_pos", auc.n_pos);
    as_json_put_size(&detail, "n_neg", auc.n_neg);
    return as_emit_detail(a, s, detail, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "auc", "", err);
    double bar = as_arg_number(a, "bar");
    if (!s) return false;
    char p[AS_P_TEXT_SIZE];
    double n_pos = as_stat_detail(s, "/n_pos"), n_neg = as_stat_detail(s, "/n_neg");
    if (isnan(s->estimate) || isnan(s->lo))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "under-powered", err,
                           "%.0f right and %.0f wrong answers are too few for an AUC with an "
                           "interval",
                           n_pos, n_neg);
    as_outcome outcome = s->lo > 0.5 && s->estimate >= bar ? AS_HOLDS
                         : s->hi < bar                     ? AS_FAILS
                                                           : AS_UNKNOWN;
    const char *cause = outcome == AS_HOLDS   ? ""
                        : outcome == AS_FAILS ? "does not measure correctness"
                                              : "under-powered";
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "the score ranks a right answer above a wrong one with AUC %.3f (95 %% "
                       "interval %.3f to %.3f, %s against 0.5; %.0f right, %.0f wrong); the "
                       "bar is %.2f",
                       s->estimate, s->lo, s->hi, as_p_text(s->p, p), n_pos, n_neg, bar);
}

const as_check as_check_score_validity = {"score-validity",
                                          "does a score rank right answers above wrong ones",
                                          "a pattern matcher used as a measure of correctness",
                                          params,
                                          measure,
                                          decide};
