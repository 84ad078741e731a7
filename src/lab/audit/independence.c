/* Did one model family play several parts? A judge that wrote the questions, or taught the model it
 * judges, is no independent witness. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lab/audit/instrument_internal.h"

static const as_param params[] = {
    {"roles", AS_PARAM_MAP, NULL, "ROLE: MODEL as served; unknown if it is not on record", NULL},
    AS_INSTRUMENT_PARAMS_END};

/* "deepseek" of "deepseek/deepseek-v3.2-exp", "DeepSeek V3.2" and "deepseek-chat"; NULL when the
 * model is unknown. */
static bool family_of(as_audit *a, const char *model, const char **out, as_error *err)
{
    model += strspn(model, " \t");
    size_t size = strcspn(model, "/");
    if (model[size] == '\0') size = strcspn(model, "- \t");
    *out = NULL;
    if (size == 0 || strcasecmp(model, "unknown") == 0) return true;
    char *family = as_arena_copy(a->arena, model, size, err);
    if (!family) return false;
    for (char *c = family; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 'a' - 'A');
    *out = family;
    return true;
}

static json_t *same(const char *x, const char *y)
{
    return x && y ? json_integer(strcmp(x, y) == 0) : json_null();
}

static bool measure(as_audit *a, as_error *err)
{
    const as_arg *roles = as_arg_of(a, "roles");
    size_t shared = 0, known = 0;
    if (roles->n < 2)
        return as_audit_fail(a, "roles", err, "roles (found %zu, expected at least 2)", roles->n);
    const char **family = as_arena_push(a->arena, roles->n, sizeof *family, err);
    if (!family) return false;
    for (size_t i = 0; i < roles->n; i++)
        if (!family_of(a, roles->text[i], &family[i], err)) return false;
    as_statistic *s = as_emit(a, "shared", "", "pairs of roles in one family [Independence]", err);
    if (!s) return false;
    json_t *detail = json_object(), *matrix = json_object(), *families = json_object();
    for (size_t i = 0; i < roles->n; i++) {
        json_t *row = json_object();
        for (size_t k = 0; k < roles->n; k++) {
            as_json_put(&row, roles->name[k], same(family[i], family[k]));
            if (k >= i || !family[i] || !family[k]) continue;
            known++;
            shared += strcmp(family[i], family[k]) == 0;
        }
        as_json_put(&matrix, roles->name[i], row);
        as_json_put_text(&families, roles->name[i], family[i]);
    }
    as_json_put(&detail, "matrix", matrix);
    as_json_put(&detail, "families", families);
    s->n = known;
    s->missing = roles->n * (roles->n - 1) / 2 - known;
    s->estimate = known ? (double)shared : NAN;
    return as_emit_detail(a, s, detail, err);
}

/* Every family with two roles or more: "FAMILY: ROLE, ROLE". */
static void list_shared(as_instrument_list *l, json_t *families)
{
    const char *role, *other;
    json_t *value, *second;
    json_object_foreach(families, role, value)
    {
        const char *family = json_string_value(value);
        as_buf b = {0};
        size_t n = 0;
        bool first = true, before = true;
        json_object_foreach(families, other, second)
        {
            const char *its = json_string_value(second);
            if (strcmp(other, role) == 0) before = false;
            if (!family || !its || strcmp(its, family) != 0) continue;
            if (before) first = false;
            as_buf_printf(&b, "%s%s", n++ ? " + " : "", other);
        }
        if (first && n > 1) {
            as_buf_printf(&b, " (%s)", family);
            as_instrument_list_add(l, as_buf_text(&b));
        }
        l->text.failed = l->text.failed || b.failed;
        as_buf_clear(&b);
    }
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *s = as_stat_need(a, "shared", "", err);
    as_instrument_list list = {0};
    bool ok = false;
    json_t *detail = s ? as_instrument_detail(a, s, err) : NULL;
    if (!detail) return false;
    list_shared(&list, json_object_get(detail, "families"));
    const char *shared = as_instrument_list_end(&list, err);
    if (!shared) goto out;
    if (s->estimate > 0)
        ok = as_leaf_set(a, leaf, AS_FAILS, "one family in several roles", err,
                         "%.0f of %" PRIu64 " pairs of roles share a model family: %s", s->estimate,
                         s->n, shared);
    else if (s->missing > 0)
        ok = as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err,
                         "the model is unknown in %" PRIu64 " of %" PRIu64 " pairs of roles",
                         s->missing, s->n + s->missing);
    else
        ok = as_leaf_set(a, leaf, AS_HOLDS, "", err,
                         "no two roles share a model family (%" PRIu64 " pairs)", s->n);
out:
    as_buf_clear(&list.text);
    json_decref(detail);
    return ok;
}

const as_check as_check_independence = {
    "independence",
    "do teacher, question writer, answer writer and judge come from different model families",
    "one model family writes the questions, the checklists and the judgements",
    params,
    measure,
    decide};
