/* Do the figures of one result line come from one run? The best AUC of one run beside the best
 * asymmetry of another is a result nobody ever got. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "lab/audit/instrument_internal.h"

static const as_param params[] = {{"parts", AS_PARAM_MAP, NULL,
                                   "FIGURE: RUN it comes from; unknown if it is not on record",
                                   NULL},
                                  AS_INSTRUMENT_PARAMS_END};

static bool is_known(const char *run)
{
    return run[strspn(run, " \t")] != '\0' && strcasecmp(run, "unknown") != 0;
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *parts = as_arg_of(a, "parts");
    size_t runs = 0, known = 0;
    if (parts->n < 2)
        return as_audit_fail(a, "parts", err, "figures (found %zu, expected at least 2)", parts->n);
    as_statistic *s = as_emit(a, "runs", "", "count of distinct runs [One run]", err);
    if (!s) return false;
    json_t *detail = json_object(), *list = json_object();
    for (size_t i = 0; i < parts->n; i++) {
        bool seen = false, here = is_known(parts->text[i]);
        for (size_t k = 0; k < i; k++) seen = seen || strcmp(parts->text[k], parts->text[i]) == 0;
        known += here;
        runs += here && !seen;
        as_json_put_text(&list, parts->name[i], here ? parts->text[i] : NULL);
    }
    as_json_put(&detail, "parts", list);
    s->n = known;
    s->missing = parts->n - known;
    s->estimate = known ? (double)runs : NAN;
    return as_emit_detail(a, s, detail, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "runs", "", err);
    as_instrument_list list = {0};
    bool ok = false;
    json_t *detail = s ? as_instrument_detail(a, s, err) : NULL;
    if (!detail) return false;
    const char *figure;
    json_t *run;
    json_object_foreach(json_object_get(detail, "parts"), figure, run)
    {
        as_buf b = {0};
        as_buf_printf(&b, "%.60s from %.100s", figure,
                      json_is_string(run) ? json_string_value(run) : "an unknown run");
        as_instrument_list_add(&list, as_buf_text(&b));
        list.text.failed = list.text.failed || b.failed;
        as_buf_clear(&b);
    }
    const char *text = as_instrument_list_end(&list, err);
    if (!text) goto out;
    if (s->estimate > 1)
        ok = as_leaf_set(a, leaf, AS_FAILS, "best-of mixing", err,
                         "one result line joins %.0f runs: %s", s->estimate, text);
    else if (s->missing > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err,
                         "the run of %" PRIu64 " figure(s) is unknown: %s", s->missing, text);
    else
        ok = as_leaf_set(a, leaf, AS_HOLDS, "", err, "all %" PRIu64 " figures come from one run",
                         s->n);
out:
    as_buf_clear(&list.text);
    json_decref(detail);
    return ok;
}

const as_check as_check_one_run = {"one-run",
                                   "do the figures of one result line come from one run",
                                   "the best figure of several runs in one headline",
                                   params,
                                   measure,
                                   decide};
