/* Do the answers speak of what was asked? When rows of two files are joined by position and one of
 * them has shifted, almost no word of a topic turns up in its answer. */
#include <inttypes.h>
#include <math.h>

#include "lab/audit/instrument_internal.h"
#include "lab/judge/pattern.h"
#include "lab/stats/resample.h"

static const as_param params[] = {
    {"topic", AS_PARAM_COLUMN, NULL, "what each item is about", NULL},
    {"text", AS_PARAM_COLUMN, NULL, "the answer joined to it, same rows", NULL},
    {"alarm", AS_PARAM_NUMBER, "0.3", "mean overlap below which the join is wrong", "0 to 1"},
    AS_INSTRUMENT_PARAMS_END};

static bool measure(as_audit *a, as_error *err)
{
    as_instrument_rows rows;
    as_bootstrap b;
    size_t n = 0, n_zero = 0;
    if (!as_instrument_rows_of(a, "topic", "text", AS_COLUMN_TEXT, &rows, err)) return false;
    const as_column *topic = as_arg_column(a, "topic"), *text = as_arg_column(a, "text");
    double *share = as_arena_push(a->arena, rows.n + 1, sizeof *share, err);
    if (!share) return false;
    for (size_t i = 0; i < rows.n; i++) {
        size_t r = rows.row[i];
        if (!as_topic_overlap(topic->text[r], text->text[r], &share[n], err)) return false;
        n_zero += share[n] == 0;
        n += !isnan(share[n]);
    }
    const char *purpose = as_instrument_purpose(a, "overlap", err);
    if (!purpose) return false;
    as_resample how = {a->bootstrap, a->seed, purpose, a->pool};
    if (!as_bootstrap_mean(&how, share, NULL, n, AS_LEVEL, &b, err)) return false;
    as_statistic *s = as_emit(a, "overlap", "",
                              "mean share of a topic's words found in its text [Alignment]", err);
    if (!s) return false;
    s->n = n;
    s->missing = topic->n - n;
    s->estimate = n ? b.estimate : NAN;
    as_stat_interval(s, (as_interval){b.percentile.lo, b.percentile.hi}, AS_LEVEL,
                     "bootstrap percentile");
    json_t *detail = json_object();
    as_json_put_real(&detail, "share_zero", n ? (double)n_zero / (double)n : NAN);
    as_json_put_size(&detail, "n_scored", n);
    return as_emit_detail(a, s, detail, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "overlap", "", err);
    double alarm = as_arg_number(a, "alarm");
    if (!s) return false;
    if (s->n == 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err,
                           "no item has a topic word to look for (%" PRIu64 " items)", s->missing);
    bool bad = s->estimate < alarm;
    return as_leaf_set(a, leaf, bad ? AS_FAILS : AS_HOLDS, bad ? "misaligned join" : "", err,
                       "%.3f of a topic's words occur in its text on average (95 %% interval %.3f "
                       "to %.3f, n %" PRIu64 "), none at all in %.1f %% of items; the alarm is at "
                       "%.2f",
                       s->estimate, s->lo, s->hi, s->n, 100 * as_stat_detail(s, "/share_zero"),
                       alarm);
}

const as_check as_check_alignment = {"alignment",
                                     "do the answers use the words of their topics",
                                     "answers joined to other questions' checklists by position",
                                     params,
                                     measure,
                                     decide};
