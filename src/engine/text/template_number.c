/* Operators on values: Python's arithmetic on integers of 64 bits (more is an error), floats,
 * strings and lists. */
#include "engine/text/template_internal.h"

#include <math.h>
#include <string.h>

static const char *op_name(int op, char out[3])
{
    out[0] = (char)(op > 255 ? op >> 8 : op);
    out[1] = (char)(op > 255 ? op & 255 : 0);
    out[2] = '\0';
    return out;
}

static bool fail_kinds(tpl_run *r, int op, const tpl_value *a, const tpl_value *b)
{
    char shown[3];
    if (!as_tpl_defined(r, a) || !as_tpl_defined(r, b)) return false;
    return as_fail(r->err, AS_EFORMAT, "operator %s (found %s and %s)", op_name(op, shown),
                   as_tpl_kind_name(a->kind), as_tpl_kind_name(b->kind));
}

static bool fail_wide(tpl_run *r)
{
    return as_fail(r->err, AS_ELIMIT, "integer (found more than 64 bits)");
}

static bool fail_zero(tpl_run *r)
{
    return as_fail(r->err, AS_EFORMAT, "division by zero");
}

/* ---- integers ---- */

static bool add(tpl_run *r, int64_t a, int64_t b, int64_t *out)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b) return fail_wide(r);
    *out = a + b;
    return true;
}

static bool multiply(tpl_run *r, int64_t a, int64_t b, int64_t *out)
{
    if (a == 0 || b == 0) {
        *out = 0;
        return true;
    }
    bool is_wide = a > 0 ? (b > 0 ? a > INT64_MAX / b : b < INT64_MIN / a)
                         : (b > 0 ? a < INT64_MIN / b : a < INT64_MAX / b);
    if (is_wide) return fail_wide(r);
    *out = a * b;
    return true;
}

/* Rounded down, as Python divides; the remainder has the sign of b. */
static bool divide(tpl_run *r, int64_t a, int64_t b, int64_t *quotient, int64_t *rest)
{
    if (b == 0) return fail_zero(r);
    if (b == -1) {
        *rest = 0;
        return multiply(r, a, -1, quotient);
    }
    *quotient = a / b;
    *rest = a % b;
    if (*rest != 0 && (*rest < 0) != (b < 0)) {
        *quotient -= 1;
        *rest += b;
    }
    return true;
}

static bool power(tpl_run *r, int64_t a, int64_t n, int64_t *out)
{
    *out = 1;
    if (a == 0 || a == 1 || a == -1) {
        *out = n == 0 || a == 1 ? 1 : a == 0 ? 0 : n % 2 ? -1 : 1;
        return true;
    }
    for (int64_t i = 0; i < n; i++) /* at most 63 times before it is too wide */
        if (!multiply(r, *out, a, out)) return false;
    return true;
}

static bool integers(tpl_run *r, int op, int64_t a, int64_t b, tpl_value *out)
{
    int64_t other;
    *out = as_tpl_int(0);
    switch (op) {
    case '+':
        return add(r, a, b, &out->i);
    case '-':
        if (b == INT64_MIN) return fail_wide(r);
        return add(r, a, -b, &out->i);
    case '*':
        return multiply(r, a, b, &out->i);
    case '%':
        return divide(r, a, b, &other, &out->i);
    case TPL_OP2('/', '/'):
        return divide(r, a, b, &out->i, &other);
    case TPL_OP2('*', '*'):
        if (b < 0) break;
        return power(r, a, b, &out->i);
    default:
        break;
    }
    if (op == '/' && b == 0) return fail_zero(r);
    if (op != '/' && a == 0) return fail_zero(r); /* 0 ** -1 */
    *out = (tpl_value){.kind = TPL_REAL};
    out->f = op == '/' ? (double)((long double)a / (long double)b) : pow((double)a, (double)b);
    return true;
}

/* ---- floats ---- */

static bool reals(tpl_run *r, int op, double a, double b, tpl_value *out)
{
    double x = 0;
    bool divides = op == '/' || op == '%' || op == TPL_OP2('/', '/');
    if (divides && b == 0) return fail_zero(r);
    switch (op) {
    case '+':
        x = a + b;
        break;
    case '-':
        x = a - b;
        break;
    case '*':
        x = a * b;
        break;
    case '/':
        x = a / b;
        break;
    case '%':
    case TPL_OP2('/', '/'): {
        double rest = fmod(a, b);
        if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
        if (rest == 0) rest = copysign(0, b);
        double quotient = (a - rest) / b, down = floor(quotient);
        if (quotient - down > 0.5) down += 1;
        if (quotient == 0) down = copysign(0, a / b);
        x = op == '%' ? rest : down;
        break;
    }
    default:
        if (a == 0 && b < 0) return fail_zero(r);
        if (a < 0 && b != floor(b))
            return as_fail(r->err, AS_EFORMAT, "power (found a complex number)");
        x = pow(a, b);
    }
    if (isinf(x) && isfinite(a) && isfinite(b) && op == TPL_OP2('*', '*'))
        return as_fail(r->err, AS_EFORMAT, "power (found a number beyond all floats)");
    *out = (tpl_value){.kind = TPL_REAL, .f = x};
    return true;
}

/* ---- strings and lists ---- */

static bool add_texts(tpl_run *r, const tpl_text *a, const tpl_text *b, tpl_value *out)
{
    tpl_rope rope = {0};
    if (a->is_safe || b->is_safe)
        return as_fail(r->err, AS_EFORMAT, "+ on a text from 'safe' or 'escape' is not supported");
    return as_tpl_rope_text(r, &rope, a) && as_tpl_rope_text(r, &rope, b) &&
           as_tpl_rope_value(r, &rope, out);
}

/* n times the bytes of t, all content or none of it, in one piece. */
static bool repeat_bytes(tpl_run *r, const tpl_text *t, int64_t n, bool is_content, tpl_rope *rope)
{
    if ((uint64_t)n > AS_TEMPLATE_TEXT / t->size)
        return as_fail(r->err, AS_ELIMIT, "string (found more than %zu bytes)", AS_TEMPLATE_TEXT);
    size_t size = t->size * (size_t)n;
    char *all = as_tpl_new(r, size, 1);
    for (size_t at = 0; all && at < size; at += t->size) memcpy(all + at, t->bytes, t->size);
    return all && as_tpl_rope_add(r, rope, all, size, is_content);
}

static bool repeat(tpl_run *r, const tpl_text *t, int64_t n, tpl_value *out)
{
    tpl_rope rope = {0};
    bool is_content = false;
    if (t->is_safe)
        return as_fail(r->err, AS_EFORMAT, "* on a text from 'safe' or 'escape' is not supported");
    if (t->size == 0 || n <= 0) return as_tpl_rope_value(r, &rope, out);
    if (as_tpl_stretch(t, 0, &is_content) == t->size)
        return repeat_bytes(r, t, n, is_content, &rope) && as_tpl_rope_value(r, &rope, out);
    for (int64_t i = 0; i < n; i++)
        if (!as_tpl_step(r, 1) || !as_tpl_rope_text(r, &rope, t)) return false;
    return as_tpl_rope_value(r, &rope, out);
}

static bool add_lists(tpl_run *r, const tpl_value *a, const tpl_value *b, tpl_value *out)
{
    size_t n = a->list->n;
    if (!as_tpl_list_new(r, a->kind, n + b->list->n, out)) return false;
    if (n) memcpy(out->list->item, a->list->item, n * sizeof *out->list->item);
    if (b->list->n)
        memcpy(out->list->item + n, b->list->item, b->list->n * sizeof *out->list->item);
    if (a->list->seen) *a->list->seen = true;
    if (b->list->seen) *b->list->seen = true;
    return true;
}

bool as_tpl_binary(tpl_run *r, int op, const tpl_value *a, const tpl_value *b, tpl_value *out)
{
    int64_t i = 0, j = 0;
    bool is_i = as_tpl_is_number(a, &i), is_j = as_tpl_is_number(b, &j);
    if (is_i && is_j) return integers(r, op, i, j, out);
    if ((is_i || a->kind == TPL_REAL) && (is_j || b->kind == TPL_REAL))
        return reals(r, op, is_i ? (double)i : a->f, is_j ? (double)j : b->f, out);
    if (op == '+' && a->kind == TPL_TEXT && b->kind == TPL_TEXT)
        return add_texts(r, a->text, b->text, out);
    if (op == '+' && a->kind == b->kind && (a->kind == TPL_LIST || a->kind == TPL_TUPLE))
        return add_lists(r, a, b, out);
    if (op == '*' && a->kind == TPL_TEXT && is_j) return repeat(r, a->text, j, out);
    if (op == '*' && is_i && b->kind == TPL_TEXT) return repeat(r, b->text, i, out);
    if (op == '%' && a->kind == TPL_TEXT)
        return as_fail(r->err, AS_EFORMAT, "formatting with %% is not supported");
    return fail_kinds(r, op, a, b);
}
