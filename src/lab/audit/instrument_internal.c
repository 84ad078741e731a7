/* Rows, details and lists for the checks of texts, labels, judges and instruments. */
#include "lab/audit/instrument_internal.h"

#include <math.h>
#include <string.h>

#include "lab/stats/interval.h"

#define LIST_ITEMS 8 /* a sentence names no more */

bool as_instrument_rows_of(as_audit *a, const char *first, const char *second, as_column_kind kind,
                           as_instrument_rows *out, as_error *err)
{
    const as_column *column[2] = {as_arg_column(a, first), NULL};
    size_t n = 1;
    if (!as_need_kind(a, first, kind, err)) return false;
    if (second) {
        column[n++] = as_arg_column(a, second);
        if (!as_need_kind(a, second, kind, err) || !as_need_same_rows(a, first, second, err))
            return false;
    }
    if (!as_complete_rows(a, column, n, &out->row, &out->n, err)) return false;
    out->n_missing = column[0]->n - out->n;
    return true;
}

const int *as_instrument_labels(as_audit *a, const char *param, const as_instrument_rows *rows,
                                as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    int *y = as_arena_push(a->arena, rows->n + 1, sizeof *y, err);
    for (size_t i = 0; y && i < rows->n; i++) {
        double x = c->number[rows->row[i]];
        if (x != 0 && x != 1) {
            as_audit_fail(a, param, err, "row %zu: label (found %g, expected 0 or 1)", rows->row[i],
                          x);
            return NULL;
        }
        y[i] = x == 1;
    }
    return y;
}

const double *as_instrument_numbers(as_audit *a, const char *param, const as_instrument_rows *rows,
                                    as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    double *x = as_arena_push(a->arena, rows->n + 1, sizeof *x, err);
    for (size_t i = 0; x && i < rows->n; i++) x[i] = c->number[rows->row[i]];
    return x;
}

const char *as_instrument_title(as_audit *a, const as_column *c, as_error *err)
{
    return as_arena_printf(a->arena, err, "%s.%s", c->table->name, c->name);
}

const char *as_instrument_purpose(as_audit *a, const char *what, as_error *err)
{
    return as_arena_printf(a->arena, err, "%s/%s", a->id, what);
}

json_t *as_instrument_detail(const as_audit *a, const as_statistic *s, as_error *err)
{
    json_t *detail = as_json_parse(s->name, s->detail, strlen(s->detail), err);
    if (!detail) as_error_at(err, "checks.%s", a->id);
    return detail;
}

void as_instrument_list_add(as_instrument_list *l, const char *item)
{
    char shown[AS_ESCAPE_SIZE];
    if (++l->n > LIST_ITEMS) return;
    if (l->n > 1) as_buf_puts(&l->text, ", ");
    as_buf_puts(&l->text, as_escape(item, strlen(item), shown));
}

const char *as_instrument_list_end(as_instrument_list *l, as_error *err)
{
    if (l->n > LIST_ITEMS) as_buf_printf(&l->text, " and %zu more", l->n - LIST_ITEMS);
    return as_buf_ok(&l->text, err) ? as_buf_text(&l->text) : NULL;
}
