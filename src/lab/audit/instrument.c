/* Were two arms measured by one instrument? Before any p value: every fact that can move a score
 * (budget, extractor, judge, prompt, cut) must be on record for both arms, and be the same. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"

static const as_param params[] = {
    {"arms", AS_PARAM_TABLES, NULL, "tables that are compared with each other", NULL},
    {"needs", AS_PARAM_TEXTS, NULL, "facts that must be known and equal", NULL},
    {"unlike", AS_PARAM_TEXTS, "", "facts that must be known and may differ: the treatment", NULL},
    {"contradicts", AS_PARAM_MAP, "", "what the publication says: FACT: VALUE", NULL},
    AS_INSTRUMENT_PARAMS_END};

static bool is_among(const as_arg *list, const char *name)
{
    for (size_t i = 0; list->text && i < list->n; i++)
        if (strcmp(list->text[i], name) == 0) return true;
    return false;
}

/* {ARM: value or null}; *n_known counts the arms that have the fact. */
static json_t *values_of(const as_arg *arms, const char *fact, size_t *n_known)
{
    json_t *object = json_object();
    *n_known = 0;
    for (size_t i = 0; i < arms->n; i++) {
        const char *value = as_fact_find(arms->table[i], fact);
        *n_known += value != NULL;
        as_json_put_text(&object, arms->table[i]->name, value);
    }
    return object;
}

/* Every needed fact once: those of needs, then those of unlike that needs has not. */
static bool emit_known(as_audit *a, as_error *err)
{
    const as_arg *arms = as_arg_of(a, "arms"), *needs = as_arg_of(a, "needs");
    const as_arg *unlike = as_arg_of(a, "unlike");
    const as_arg *const list[2] = {needs, unlike};
    size_t n = 0, known = 0;
    as_statistic *s = as_emit(a, "known", "", "facts on record for every arm [Instrument]", err);
    if (!s) return false;
    json_t *detail = json_object();
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; detail && list[k]->text && i < list[k]->n; i++) {
            size_t n_known = 0;
            const char *fact = list[k]->text[i];
            if (json_object_get(detail, fact)) continue;
            as_json_put(&detail, fact, values_of(arms, fact, &n_known));
            n++;
            known += n_known == arms->n;
        }
    s->n = n;
    s->missing = n - known;
    s->estimate = (double)known;
    return as_emit_detail(a, s, detail, err);
}

/* How many of the publication's statements at least one arm's record contradicts. */
static bool emit_contradicted(as_audit *a, as_error *err)
{
    const as_arg *arms = as_arg_of(a, "arms"), *said = as_arg_of(a, "contradicts");
    size_t n_against = 0, n_unknown = 0;
    if (!said->given) return true;
    as_statistic *s = as_emit(a, "contradicted", "",
                              "published statements that differ from the record [Instrument]", err);
    if (!s) return false;
    json_t *detail = json_object();
    for (size_t i = 0; i < said->n; i++) {
        size_t n_known = 0;
        bool against = false;
        json_t *one = json_object();
        as_json_put_text(&one, "stated", said->text[i]);
        as_json_put(&one, "found", values_of(arms, said->name[i], &n_known));
        for (size_t k = 0; k < arms->n; k++) {
            const char *value = as_fact_find(arms->table[k], said->name[i]);
            against = against || (value && strcmp(value, said->text[i]) != 0);
        }
        as_json_put(&one, "contradicted", n_known ? json_boolean(against) : json_null());
        as_json_put(&detail, said->name[i], one);
        n_against += against;
        n_unknown += n_known == 0;
    }
    s->n = said->n - n_unknown;
    s->missing = n_unknown;
    s->estimate = (double)n_against;
    return as_emit_detail(a, s, detail, err);
}

static bool measure(as_audit *a, as_error *err)
{
    return emit_known(a, err) && emit_contradicted(a, err);
}

/* --- the leaf -------------------------------------------------------------------------------- */

/* What the recorded values of one fact come to. */
typedef struct {
    size_t n_arms, n_known;
    bool differ; /* two known values are different */
} fact_state;

static fact_state state_of(json_t *values)
{
    fact_state f = {0};
    const char *first = NULL;
    const char *arm;
    json_t *recorded;
    json_object_foreach(values, arm, recorded)
    {
        const char *value = json_string_value(recorded);
        f.n_arms++;
        f.n_known += value != NULL;
        if (value && first && strcmp(first, value) != 0) f.differ = true;
        if (value && !first) first = value;
    }
    return f;
}

/* "FACT (ARM: VALUE, ARM: VALUE)". */
static void list_values(as_instrument_list *l, const char *fact, json_t *values)
{
    as_buf b = {0};
    const char *name;
    json_t *value;
    as_buf_printf(&b, "%s (", fact);
    size_t n = 0;
    json_object_foreach(values, name, value)
    {
        const char *text = json_string_value(value);
        as_buf_printf(&b, "%s%s: %.60s", n++ ? ", " : "", name, text ? text : "unknown");
    }
    as_buf_puts(&b, ")");
    as_instrument_list_add(l, as_buf_text(&b));
    l->text.failed = l->text.failed || b.failed;
    as_buf_clear(&b);
}

/* "FACT (not recorded for ARM, ARM)". */
static void list_unknown(as_instrument_list *l, const char *fact, json_t *values)
{
    as_buf b = {0};
    const char *name;
    json_t *value;
    as_buf_printf(&b, "%s (not recorded for", fact);
    size_t n = 0;
    json_object_foreach(values, name, value) if (json_is_null(value))
        as_buf_printf(&b, "%s %s", n++ ? "," : "", name);
    as_buf_puts(&b, ")");
    as_instrument_list_add(l, as_buf_text(&b));
    l->text.failed = l->text.failed || b.failed;
    as_buf_clear(&b);
}

typedef struct {
    as_instrument_list differ, nowhere, some, against;
    size_t n_arms;
} findings;

static void findings_clear(findings *f)
{
    as_buf_clear(&f->differ.text);
    as_buf_clear(&f->nowhere.text);
    as_buf_clear(&f->some.text);
    as_buf_clear(&f->against.text);
}

static bool gather(const as_audit *a, findings *f, as_error *err)
{
    const as_statistic *known = as_stat_need(a, "known", "", err);
    const as_statistic *said = as_stat_find(a, "contradicted", "");
    json_t *facts = known ? as_instrument_detail(a, known, err) : NULL;
    json_t *statements = said ? as_instrument_detail(a, said, err) : NULL;
    bool ok = facts && (!said || statements);
    const char *fact;
    json_t *values;
    if (!ok) goto out;
    json_object_foreach(facts, fact, values)
    {
        fact_state s = state_of(values);
        f->n_arms = s.n_arms;
        if (s.differ && !is_among(as_arg_of(a, "unlike"), fact))
            list_values(&f->differ, fact, values);
        else if (s.n_known == 0)
            as_instrument_list_add(&f->nowhere, fact);
        else if (s.n_known < s.n_arms)
            list_unknown(&f->some, fact, values);
    }
    json_object_foreach(statements, fact, values)
    {
        char item[400];
        const char *stated = json_string_value(json_object_get(values, "stated"));
        if (!json_is_true(json_object_get(values, "contradicted"))) continue;
        snprintf(item, sizeof item, "%.80s is said to be %.100s", fact, stated ? stated : "");
        list_values(&f->against, item, json_object_get(values, "found"));
    }
out:
    json_decref(facts);
    json_decref(statements);
    return ok;
}

static bool say(const as_audit *a, as_leaf *leaf, findings *f, as_error *err)
{
    const as_statistic *known = as_stat_need(a, "known", "", err);
    const char *differ = as_instrument_list_end(&f->differ, err);
    const char *against = as_instrument_list_end(&f->against, err);
    const char *nowhere = as_instrument_list_end(&f->nowhere, err);
    const char *some = as_instrument_list_end(&f->some, err);
    if (!known || !differ || !against || !nowhere || !some) return false;
    if (f->differ.n > 0)
        return as_leaf_set(a, leaf, AS_FAILS, "arms differ", err,
                           "the arms were not measured alike: %s%s%s", differ,
                           *against ? "; the publication is contradicted: " : "", against);
    if (f->against.n > 0)
        return as_leaf_set(a, leaf, AS_FAILS, "instrument contradicted", err,
                           "the record contradicts the publication: %s", against);
    const char *who = f->n_arms == 1   ? "the arm does not record"
                      : f->n_arms == 2 ? "neither arm records"
                                       : "no arm records";
    if (known->missing > 0)
        return as_leaf_set(a, leaf, AS_UNKNOWN, "instrument unverified", err,
                           "evidence missing: %s%s%s%s%s%s; %.0f of %" PRIu64 " facts known",
                           nowhere, *nowhere ? " (" : "", *nowhere ? who : "",
                           *nowhere ? (f->nowhere.n == 1 ? " it)" : " them)") : "",
                           *nowhere && *some ? ", " : "", some, known->estimate, known->n);
    return as_leaf_set(a, leaf, AS_HOLDS, "", err,
                       "all %" PRIu64
                       " facts are known for %zu arm(s) and equal where they must be",
                       known->n, f->n_arms);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    findings f = {0};
    bool ok = gather(a, &f, err) && say(a, leaf, &f, err);
    findings_clear(&f);
    return ok;
}

const as_check as_check_instrument = {
    "instrument",
    "are the facts of the instrument known for every arm, and equal",
    "arms measured with different budgets, judges, prompts or parsers",
    params,
    measure,
    decide};
