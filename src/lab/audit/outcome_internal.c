/* The reading and reporting that the checks of outcomes share; see outcome_internal.h. */
#include "lab/audit/outcome_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/stats/paired.h"

/* --- groups and keys ----------------------------------------------------------------------------
 */

typedef struct {
    const char *text; /* NULL: compare numbers */
    double number;
    size_t place;
} keyed;

static int compare_values(const keyed *x, const keyed *y)
{
    if (x->text && y->text) return strcmp(x->text, y->text);
    return (x->number > y->number) - (x->number < y->number);
}

static int compare_keyed(const void *p, const void *q)
{
    const keyed *x = p, *y = q;
    int c = compare_values(x, y);
    return c ? c : (x->place > y->place) - (x->place < y->place);
}

/* The values of c at rows, sorted by value and then by place. */
static keyed *sorted_values(as_audit *a, const as_column *c, const size_t *rows, size_t n,
                            as_error *err)
{
    keyed *k = as_arena_push(a->arena, n, sizeof *k, err);
    if (!k) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t row = rows ? rows[i] : i;
        k[i].place = i;
        if (c->kind == AS_COLUMN_TEXT)
            k[i].text = c->text[row];
        else
            k[i].number = c->number[row];
    }
    if (n) qsort(k, n, sizeof *k, compare_keyed);
    return k;
}

static const char *value_text(as_audit *a, const as_column *c, size_t row, as_error *err)
{
    char digits[32];
    if (c->kind == AS_COLUMN_TEXT) return c->text[row];
    return as_arena_text(a->arena, as_double_text(c->number[row], digits), err);
}

bool as_outcome_groups(as_audit *a, const as_column *c, const size_t *rows, size_t n_rows,
                       as_groups *out, as_error *err)
{
    *out = (as_groups){0};
    if (c->kind == AS_COLUMN_MATRIX)
        return as_audit_fail(a, c->name, err, "a matrix cannot name groups (expected text)");
    keyed *k = sorted_values(a, c, rows, n_rows, err);
    size_t *id = as_arena_push(a->arena, n_rows, sizeof *id, err);
    size_t *first = as_arena_push(a->arena, n_rows, sizeof *first, err);
    if (!k || !id || !first) return false;
    size_t n = 0;
    for (size_t i = 0, head = 0; i < n_rows; i++) {
        if (i && compare_values(&k[i], &k[head]) != 0) head = i;
        n += i == head;
        first[k[i].place] = k[head].place;
    }
    const char **name = as_arena_push(a->arena, n, sizeof *name, err);
    if (!name) return false;
    for (size_t i = 0, next = 0; i < n_rows; i++) {
        id[i] = first[i] == i ? next : id[first[i]];
        if (first[i] != i) continue;
        name[next] = value_text(a, c, rows ? rows[i] : i, err);
        if (!name[next++]) return false;
    }
    *out = (as_groups){.n = n, .id = id, .name = name};
    return true;
}

/* --- the four cells ------------------------------------------------------------------------------
 */

bool as_outcome_binary(const as_audit *a, const char *param, as_error *err)
{
    if (!as_need_kind(a, param, AS_COLUMN_NUMBER, err)) return false;
    const as_column *c = as_arg_column(a, param);
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(c->number[i]) && c->number[i] != 0 && c->number[i] != 1)
            return as_audit_fail(a, param, err, "item %zu (found %g, expected 0 or 1)", i,
                                 c->number[i]);
    return true;
}

/* Asserted (1) or not (0), from a number or one of two words. */
static bool is_asserted(const as_audit *a, const as_column *c, size_t row, bool *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (c->kind == AS_COLUMN_NUMBER) {
        *out = c->number[row] != 0;
        return true;
    }
    const char *t = c->text[row];
    *out = strcmp(t, "assert") == 0;
    if (*out || strcmp(t, "hedge") == 0) return true;
    return as_audit_fail(a, "assert", err, "item %zu (found \"%s\", expected assert or hedge)", row,
                         as_escape(t, strlen(t), shown));
}

static void tally(as_outcomes *o, as_cell cell)
{
    o->cr += cell == AS_CELL_CR;
    o->hr += cell == AS_CELL_HR;
    o->cw += cell == AS_CELL_CW;
    o->hw += cell == AS_CELL_HW;
}

static bool read_labels(as_audit *a, as_outcomes *o, as_error *err)
{
    const as_column *column[3] = {as_arg_column(a, "correct"), as_arg_column(a, "assert"),
                                  as_arg_column(a, "cluster")};
    size_t n_columns = column[2] ? 3 : 2, n = 0;
    const size_t *rows = NULL;
    if (!as_outcome_binary(a, "correct", err)) return false;
    if (column[1]->kind != AS_COLUMN_TEXT && !as_outcome_binary(a, "assert", err)) return false;
    if (!as_need_same_rows(a, "correct", "assert", err)) return false;
    if (column[2] && !as_need_same_rows(a, "correct", "cluster", err)) return false;
    if (!as_complete_rows(a, column, n_columns, &rows, &n, err)) return false;
    unsigned char *cell = as_arena_push(a->arena, n, 1, err);
    if (!cell) return false;
    for (size_t i = 0; i < n; i++) {
        bool asserted, correct = column[0]->number[rows[i]] != 0;
        if (!is_asserted(a, column[1], rows[i], &asserted, err)) return false;
        as_cell c =
            correct ? (asserted ? AS_CELL_CR : AS_CELL_HR) : (asserted ? AS_CELL_CW : AS_CELL_HW);
        tally(o, c);
        cell[i] = (unsigned char)c;
    }
    o->cell = cell;
    o->n = n;
    o->missing = column[0]->n - n;
    return !column[2] || as_outcome_groups(a, column[2], rows, n, &o->cluster, err);
}

bool as_outcome_count_at(const as_audit *a, const char *param, size_t i, size_t *out, as_error *err)
{
    if (!as_need_kind(a, param, AS_COLUMN_NUMBER, err)) return false;
    const as_column *c = as_arg_column(a, param);
    double x = i < c->n ? c->number[i] : NAN;
    if (!(x >= 0) || x > (double)AS_OUTCOME_MAX_ITEMS || x != floor(x))
        return as_audit_fail(a, param, err, "item %zu (found %g, expected a count of at most %zu)",
                             i, x, AS_OUTCOME_MAX_ITEMS);
    *out = (size_t)x;
    return true;
}

static bool read_counts(as_audit *a, as_outcomes *o, as_error *err)
{
    static const char *const param[] = {"cr", "hr", "cw", "hw"};
    size_t *const count[] = {&o->cr, &o->hr, &o->cw, &o->hw};
    for (size_t c = 0; c < 4; c++) {
        size_t rows = as_arg_column(a, param[c])->n;
        if (rows != 1)
            return as_audit_fail(a, param[c], err, "items (found %zu, expected 1)", rows);
        if (!as_outcome_count_at(a, param[c], 0, count[c], err)) return false;
        o->n += *count[c];
    }
    if (o->n > AS_OUTCOME_MAX_ITEMS)
        return as_audit_fail(a, "cr", err, "sum of the cells (found %zu, expected at most %zu)",
                             o->n, AS_OUTCOME_MAX_ITEMS);
    unsigned char *cell = as_arena_push(a->arena, o->n, 1, err);
    if (!cell) return false;
    o->cell = cell;
    for (size_t c = 0; c < 4; c++)
        for (size_t i = 0; i < *count[c]; i++) *cell++ = (unsigned char)c;
    return true;
}

bool as_outcome_read(as_audit *a, as_outcomes *out, as_error *err)
{
    static const char *const label[] = {"correct", "assert"};
    static const char *const count[] = {"cr", "hr", "cw", "hw"};
    size_t n_labels = 0, n_counts = 0;
    *out = (as_outcomes){0};
    for (size_t i = 0; i < 2; i++) n_labels += as_arg_of(a, label[i])->given;
    for (size_t i = 0; i < 4; i++) n_counts += as_arg_of(a, count[i])->given;
    if (n_labels == 2 && n_counts == 0) return read_labels(a, out, err);
    if (n_labels == 0 && n_counts == 4) {
        if (!as_arg_of(a, "cluster")->given) return read_counts(a, out, err);
        return as_audit_fail(a, "cluster", err, "cells given as counts have no clusters");
    }
    return as_audit_fail(a, "correct", err,
                         "found %zu of correct, assert and %zu of cr, hr, cw, hw (expected either "
                         "both or all four)",
                         n_labels, n_counts);
}

/* --- pairs ---------------------------------------------------------------------------------------
 */

static bool key_fail(const as_audit *a, const char *param, const keyed *k, const char *what,
                     as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (!k->text) return as_audit_fail(a, param, err, "key %.17g %s", k->number, what);
    return as_audit_fail(a, param, err, "key \"%s\" %s", as_escape(k->text, strlen(k->text), shown),
                         what);
}

/* The keys of a column, sorted; none may be missing or doubled. */
static const keyed *sorted_keys(as_audit *a, const char *param, as_error *err)
{
    const as_column *c = as_arg_column(a, param);
    if (c->kind == AS_COLUMN_MATRIX || c->n_missing) {
        as_audit_fail(a, param, err, "keys (found %s, expected text or numbers, none missing)",
                      c->n_missing ? "missing ones" : "a matrix");
        return NULL;
    }
    const keyed *k = sorted_values(a, c, NULL, c->n, err);
    for (size_t i = 1; k && i < c->n; i++)
        if (compare_values(&k[i - 1], &k[i]) == 0) {
            key_fail(a, param, &k[i], "occurs twice", err);
            return NULL;
        }
    return k;
}

/* *index: for each row of a, the row of b with the same key. */
static bool match_keys(as_audit *a, const size_t **index, as_error *err)
{
    const as_column *ca = as_arg_column(a, "key_a"), *cb = as_arg_column(a, "key_b");
    if (ca->kind != cb->kind)
        return as_audit_fail(a, "key_b", err, "text keys against numbers (expected one kind)");
    const keyed *ka = sorted_keys(a, "key_a", err);
    const keyed *kb = ka ? sorted_keys(a, "key_b", err) : NULL;
    size_t *to = kb ? as_arena_push(a->arena, ca->n, sizeof *to, err) : NULL;
    if (!to) return false;
    for (size_t i = 0; i < ca->n || i < cb->n; i++) {
        int c = i == ca->n ? 1 : i == cb->n ? -1 : compare_values(&ka[i], &kb[i]);
        if (c < 0) return key_fail(a, "key_b", &ka[i], "of key_a is not there", err);
        if (c > 0) return key_fail(a, "key_a", &kb[i], "of key_b is not there", err);
        to[ka[i].place] = kb[i].place;
    }
    *index = to;
    return true;
}

/* *index NULL: row by row. */
static bool pair_rows(as_audit *a, bool has_keys, const size_t **index, as_error *err)
{
    *index = NULL;
    bool key_a = has_keys && as_arg_of(a, "key_a")->given;
    bool key_b = has_keys && as_arg_of(a, "key_b")->given;
    if (key_a != key_b)
        return as_audit_fail(a, key_a ? "key_b" : "key_a", err, "one key needs the other");
    if (!key_a) return as_need_same_rows(a, "a", "b", err);
    return as_need_same_rows(a, "a", "key_a", err) && as_need_same_rows(a, "b", "key_b", err) &&
           match_keys(a, index, err);
}

bool as_outcome_pairs(as_audit *a, bool has_keys, as_pairs *out, as_error *err)
{
    const size_t *index;
    *out = (as_pairs){0};
    if (!as_need_kind(a, "a", AS_COLUMN_NUMBER, err)) return false;
    if (!as_need_kind(a, "b", AS_COLUMN_NUMBER, err)) return false;
    if (!pair_rows(a, has_keys, &index, err)) return false;
    const as_column *ca = as_arg_column(a, "a"), *cb = as_arg_column(a, "b");
    double *x = as_arena_push(a->arena, ca->n, sizeof *x, err);
    double *y = as_arena_push(a->arena, ca->n, sizeof *y, err);
    size_t *row = as_arena_push(a->arena, ca->n, sizeof *row, err), n = 0;
    if (!x || !y || !row) return false;
    for (size_t i = 0; i < ca->n; i++) {
        double u = ca->number[i], v = cb->number[index ? index[i] : i];
        if (isnan(u) || isnan(v)) continue;
        x[n] = u;
        y[n] = v;
        row[n++] = i;
    }
    *out = (as_pairs){
        .a = x, .b = y, .row = row, .n = n, .missing = ca->n - n, .column_a = ca, .column_b = cb};
    return true;
}

static bool has_value(const as_column *c, size_t row)
{
    return c->kind == AS_COLUMN_TEXT ? c->text[row] != NULL : !isnan(c->number[row]);
}

/* Pairs of group g, copied; rows says which pairs have a group. */
static bool copy_group(as_audit *a, const as_pairs *from, const as_groups *groups, size_t g,
                       const size_t *place, size_t n_place, as_pairs *to, as_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < n_place; i++) n += groups->id[i] == g;
    double *x = as_arena_push(a->arena, n, sizeof *x, err);
    double *y = as_arena_push(a->arena, n, sizeof *y, err);
    size_t *row = as_arena_push(a->arena, n, sizeof *row, err);
    if (!x || !y || !row) return false;
    *to = *from;
    to->a = x;
    to->b = y;
    to->row = row;
    to->n = n;
    to->missing = 0;
    for (size_t i = 0, k = 0; i < n_place; i++) {
        if (groups->id[i] != g) continue;
        x[k] = from->a[place[i]];
        y[k] = from->b[place[i]];
        row[k++] = from->row[place[i]];
    }
    return true;
}

bool as_outcome_split(as_audit *a, const as_pairs *pairs, const as_column *group, as_groups *groups,
                      const as_pairs **out, size_t *ungrouped, as_error *err)
{
    if (group->kind == AS_COLUMN_MATRIX)
        return as_audit_fail(a, "group", err, "a matrix cannot name groups (expected text)");
    size_t *place = as_arena_push(a->arena, pairs->n, sizeof *place, err);
    size_t *row = as_arena_push(a->arena, pairs->n, sizeof *row, err), n = 0;
    if (!place || !row) return false;
    for (size_t i = 0; i < pairs->n; i++) {
        if (!has_value(group, pairs->row[i])) continue;
        place[n] = i;
        row[n++] = pairs->row[i];
    }
    *ungrouped = pairs->n - n;
    if (!as_outcome_groups(a, group, row, n, groups, err)) return false;
    as_pairs *split = as_arena_push(a->arena, groups->n, sizeof *split, err);
    if (!split) return false;
    for (size_t g = 0; g < groups->n; g++)
        if (!copy_group(a, pairs, groups, g, place, n, &split[g], err)) return false;
    *out = split;
    return true;
}

/* --- statistics ----------------------------------------------------------------------------------
 */

bool as_outcome_detail(as_audit *a, as_statistic *s, const as_named *values, size_t n,
                       as_error *err)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < n; i++)
        if (json_object_set_new(object, values[i].name, as_json_real(values[i].value))) {
            json_decref(object);
            object = NULL;
        }
    return as_emit_detail(a, s, object, err);
}

bool as_outcome_count(as_audit *a, const char *name, const char *of, const char *method,
                      size_t count, size_t n, size_t missing, as_error *err)
{
    as_statistic *s = as_emit(a, name, of, method, err);
    if (!s) return false;
    s->estimate = (double)count;
    s->n = n;
    s->missing = missing;
    return true;
}

bool as_outcome_rate(as_audit *a, const char *name, const char *of, size_t k, size_t n,
                     size_t missing, as_error *err)
{
    as_statistic *s = as_emit(a, name, of, "share of items [Proportions]", err);
    if (!s) return false;
    as_stat_share(s, k, n, missing);
    return as_outcome_detail(a, s, &(as_named){"count", (double)k}, 1, err);
}

bool as_outcome_resample(as_audit *a, const char *name, const char *of, size_t draws,
                         as_resample *out, as_error *err)
{
    const char *purpose = as_arena_printf(a->arena, err, "%s/%s/%s", a->id, name, of);
    *out = (as_resample){.draws = draws, .seed = a->seed, .purpose = purpose, .pool = a->pool};
    return purpose != NULL;
}

/* P(assert | wrong) - P(assert | correct) of a resample; NaN when either has no items. */
static double resampled_asymmetry(void *ctx, const size_t *index, size_t n, size_t worker)
{
    const as_outcomes *o = ctx;
    size_t count[4] = {0};
    (void)worker;
    for (size_t i = 0; i < n; i++) count[o->cell[index[i]]]++;
    size_t correct = count[AS_CELL_CR] + count[AS_CELL_HR];
    size_t wrong = count[AS_CELL_CW] + count[AS_CELL_HW];
    if (!correct || !wrong) return NAN;
    return (double)count[AS_CELL_CW] / (double)wrong - (double)count[AS_CELL_CR] / (double)correct;
}

bool as_outcome_asymmetry_bootstrap(as_audit *a, const char *name, const as_outcomes *o,
                                    as_bootstrap *out, as_error *err)
{
    as_resample how;
    as_outcomes copy = *o; /* the callback's context is not const */
    if (!as_outcome_resample(a, name, "", a->bootstrap, &how, err)) return false;
    if (!o->cluster.n)
        return as_bootstrap_stat(&how, o->n, resampled_asymmetry, &copy, AS_LEVEL, out, err);
    return as_bootstrap_clusters(&how, o->cluster.id, o->n, resampled_asymmetry, &copy, AS_LEVEL,
                                 out, err);
}

as_statistic *as_outcome_mean(as_audit *a, const char *name, const char *of, const char *method,
                              const double *x, const size_t *cluster, size_t n, size_t missing,
                              as_error *err)
{
    as_resample how;
    as_bootstrap boot;
    as_statistic *s = as_emit(a, name, of, method, err);
    if (!s || !as_outcome_resample(a, name, of, a->bootstrap, &how, err)) return NULL;
    s->n = n;
    s->missing = missing;
    if (!n) return s;
    bool ok = cluster ? as_bootstrap_cluster_mean(&how, cluster, x, NULL, n, AS_LEVEL, &boot, err)
                      : as_bootstrap_mean(&how, x, NULL, n, AS_LEVEL, &boot, err);
    if (!ok) return NULL;
    s->estimate = boot.estimate;
    as_stat_interval(s, boot.percentile, AS_LEVEL,
                     cluster ? "percentile bootstrap over clusters" : "percentile bootstrap");
    double sd = as_paired_mean(x, NULL, n, AS_LEVEL).se * sqrt((double)n);
    const as_named detail[] = {
        {"se", boot.se}, {"sd", sd}, {"clusters", cluster ? (double)boot.n : NAN}};
    return as_outcome_detail(a, s, detail, 3, err) ? s : NULL;
}

static bool change_detail(as_audit *a, as_statistic *s, const as_pairs *pairs, const as_estimate *t,
                          as_interval narrow, as_interval boot, as_error *err)
{
    size_t up = 0, down = 0;
    for (size_t i = 0; i < pairs->n; i++) {
        up += pairs->b[i] > pairs->a[i];
        down += pairs->b[i] < pairs->a[i];
    }
    const as_named detail[] = {{"se", t->se},
                               {"sd", t->se * sqrt((double)pairs->n)},
                               {"t_lo", t->interval.lo},
                               {"t_hi", t->interval.hi},
                               {"bootstrap_lo", boot.lo},
                               {"bootstrap_hi", boot.hi},
                               {"narrow_lo", narrow.lo},
                               {"narrow_hi", narrow.hi},
                               {"narrow_level", 1 - 2 * a->alpha},
                               {"moved_up", (double)up},
                               {"moved_down", (double)down},
                               {"unchanged", (double)(pairs->n - up - down)}};
    return as_outcome_detail(a, s, detail, sizeof detail / sizeof *detail, err);
}

bool as_outcome_change(as_audit *a, const char *name, const char *of, const char *method,
                       const as_pairs *pairs, as_change_interval kind, as_error *err)
{
    as_resample boot_how, flip_how;
    as_bootstrap boot;
    as_permutation flip;
    as_statistic *s = as_emit(a, name, of, method, err);
    if (!s) return false;
    s->n = pairs->n;
    s->missing = pairs->missing;
    if (!pairs->n) return true;
    const double *x = pairs->b, *y = pairs->a;
    if (!as_outcome_resample(a, name, of, a->bootstrap, &boot_how, err)) return false;
    if (!as_bootstrap_mean(&boot_how, x, y, pairs->n, AS_LEVEL, &boot, err)) return false;
    const char *flip_of = as_arena_printf(a->arena, err, "%s/flip", of);
    if (!flip_of || !as_outcome_resample(a, name, flip_of, a->permutations, &flip_how, err))
        return false;
    if (!as_sign_flip(&flip_how, x, y, pairs->n, &flip, err)) return false;
    as_estimate t = as_paired_mean(x, y, pairs->n, AS_LEVEL);
    as_interval narrow = as_paired_mean(x, y, pairs->n, 1 - 2 * a->alpha).interval;
    if (!(t.se > 0)) narrow = as_interval_none(); /* no variation seen is no proof of none */
    s->estimate = t.estimate;
    s->p = flip.p;
    s->null_kind = "permutation";
    s->null_draws = flip.draws;
    if (kind == AS_CHANGE_BY_T)
        as_stat_interval(s, t.interval, AS_LEVEL, "Student's t");
    else
        as_stat_interval(s, boot.percentile, AS_LEVEL, "percentile bootstrap");
    return change_detail(a, s, pairs, &t, narrow, boot.percentile, err);
}

/* --- leaves --------------------------------------------------------------------------------------
 */

double as_outcome_margin(const as_audit *a)
{
    return as_arg_of(a, "margin")->given ? as_arg_number(a, "margin") : NAN;
}

const char *as_outcome_arm(const as_audit *a, const char *param)
{
    const as_column *x = as_arg_column(a, "a"), *y = as_arg_column(a, "b"),
                    *c = as_arg_column(a, param);
    return x->table == y->table ? c->name : c->table->name;
}

bool as_outcome_effect_leaf(const as_audit *a, as_leaf *leaf, const as_statistic *s,
                            const char *expect, double margin, const char *what, as_error *err)
{
    char p[AS_P_TEXT_SIZE];
    double lo = as_stat_detail(s, "/narrow_lo"), hi = as_stat_detail(s, "/narrow_hi");
    as_outcome outcome = AS_UNKNOWN;
    const char *cause = "under-powered", *tail = "";
    if (isnan(s->estimate))
        return as_leaf_set(a, leaf, AS_UNKNOWN, cause, err, "%s: undefined (n = %zu, missing %zu).",
                           what, (size_t)s->n, (size_t)s->missing);
    if (s->p <= a->alpha) {
        bool agrees = strcmp(expect, "positive") == 0   ? s->estimate > 0
                      : strcmp(expect, "negative") == 0 ? s->estimate < 0
                                                        : s->estimate != 0;
        outcome = agrees ? AS_HOLDS : AS_FAILS;
        cause = agrees ? "" : "opposite sign";
    } else if (lo > -margin && hi < margin) {
        outcome = AS_FAILS;
        cause = "no effect within the margin";
        tail = as_arena_printf(a->arena, err, "; the %.0f %% interval %.3f to %.3f is inside +-%g",
                               100 * as_stat_detail(s, "/narrow_level"), lo, hi, margin);
        if (!tail) return false;
    }
    return as_leaf_set(a, leaf, outcome, cause, err,
                       "%s: %+.3f, 95 %% interval %.3f to %.3f, %s, n = %zu%s.", what, s->estimate,
                       s->lo, s->hi, as_p_text(s->p, p), (size_t)s->n, tail);
}
