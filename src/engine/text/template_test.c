/* Tests: what stands after `is`. */
#include "engine/text/template_internal.h"

#include <math.h>
#include <string.h>

static bool t_defined(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind != TPL_UNDEFINED;
    return true;
}

static bool t_undefined(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_UNDEFINED;
    return true;
}

static bool t_none(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_NONE;
    return true;
}

static bool t_boolean(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_BOOL;
    return true;
}

static bool t_true(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_BOOL && v->b;
    return true;
}

static bool t_false(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_BOOL && !v->b;
    return true;
}

static bool t_integer(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_INT;
    return true;
}

static bool t_float(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_REAL;
    return true;
}

static bool t_number(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_INT || v->kind == TPL_REAL || v->kind == TPL_BOOL;
    return true;
}

static bool t_string(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_TEXT;
    return true;
}

static bool t_mapping(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_DICT;
    return true;
}

/* Python asks for len() and []. */
static bool t_sequence(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind == TPL_TEXT || v->kind == TPL_LIST || v->kind == TPL_TUPLE ||
           v->kind == TPL_RANGE || v->kind == TPL_DICT || v->kind == TPL_UNDEFINED;
    return true;
}

static bool t_iterable(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = (v->kind >= TPL_TEXT && v->kind <= TPL_DICT) || v->kind == TPL_UNDEFINED ||
           v->kind == TPL_LOOP;
    return true;
}

static bool t_callable(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)r, (void)arg;
    *out = v->kind >= TPL_LOOP || v->kind == TPL_UNDEFINED;
    return true;
}

/* v % n, as the test compares it. */
static bool rest_is(tpl_run *r, const tpl_value *v, const tpl_value *n, int64_t rest, bool *out)
{
    tpl_value x, want = as_tpl_int(rest);
    if (v->kind == TPL_TEXT) return as_tpl_fail_kind(r, "test", v, "a number");
    return as_tpl_binary(r, '%', v, n, &x) && as_tpl_equal(r, &x, &want, out);
}

static bool t_odd(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)arg;
    return rest_is(r, v, &(tpl_value){.kind = TPL_INT, .i = 2}, 1, out);
}

static bool t_even(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    (void)arg;
    return rest_is(r, v, &(tpl_value){.kind = TPL_INT, .i = 2}, 0, out);
}

static bool t_divisibleby(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return rest_is(r, v, arg, 0, out);
}

static bool t_in(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, TPL_OP_IN, v, arg, out);
}

static bool t_eq(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_equal(r, v, arg, out);
}

static bool t_ne(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, TPL_OP2('!', '='), v, arg, out);
}

static bool t_lt(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, '<', v, arg, out);
}

static bool t_le(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, TPL_OP2('<', '='), v, arg, out);
}

static bool t_gt(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, '>', v, arg, out);
}

static bool t_ge(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    return as_tpl_compare(r, TPL_OP2('>', '='), v, arg, out);
}

/* Only where the same thing does not depend on how Python stores it. */
static bool t_sameas(tpl_run *r, const tpl_value *v, const tpl_value *arg, bool *out)
{
    bool is_one = v->kind == TPL_NONE || v->kind == TPL_BOOL;
    if (!is_one && (arg->kind == TPL_NONE || arg->kind == TPL_BOOL)) {
        *out = false;
        return true;
    }
    if (!is_one) return as_tpl_fail_kind(r, "sameas", v, "none or a boolean");
    *out = v->kind == arg->kind && (v->kind == TPL_NONE || v->b == arg->b);
    return true;
}

static const tpl_test tests[] = {
    {"defined", 0, t_defined},
    {"undefined", 0, t_undefined},
    {"none", 0, t_none},
    {"boolean", 0, t_boolean},
    {"true", 0, t_true},
    {"false", 0, t_false},
    {"integer", 0, t_integer},
    {"float", 0, t_float},
    {"number", 0, t_number},
    {"string", 0, t_string},
    {"mapping", 0, t_mapping},
    {"sequence", 0, t_sequence},
    {"iterable", 0, t_iterable},
    {"callable", 0, t_callable},
    {"odd", 0, t_odd},
    {"even", 0, t_even},
    {"divisibleby", 1, t_divisibleby},
    {"in", 1, t_in},
    {"eq", 1, t_eq},
    {"equalto", 1, t_eq},
    {"==", 1, t_eq},
    {"ne", 1, t_ne},
    {"!=", 1, t_ne},
    {"lt", 1, t_lt},
    {"lessthan", 1, t_lt},
    {"<", 1, t_lt},
    {"le", 1, t_le},
    {"<=", 1, t_le},
    {"gt", 1, t_gt},
    {"greaterthan", 1, t_gt},
    {">", 1, t_gt},
    {"ge", 1, t_ge},
    {">=", 1, t_ge},
    {"sameas", 1, t_sameas},
};

const tpl_test *as_tpl_find_test(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        if (strlen(tests[i].name) == size && memcmp(tests[i].name, name, size) == 0)
            return &tests[i];
    return NULL;
}
