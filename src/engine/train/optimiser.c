/* The table of optimisers, their state, and one step: prepare, try, commit. */
#include "engine/train/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/train/optimiser_internal.h"

_Static_assert(AS_PIECE % AS_BLOCK == 0, "a piece of adamw8 begins at a block");
_Static_assert(AS_PIECE <= AS_SCRATCH, "a trial of apollo-mini fits into scratch");

/* ---- the table ---- */

static const as_keeper *keep_adamw(const as_parameter *p)
{
    (void)p;
    return &as_keeper_adamw;
}

static const as_keeper *keep_adamw8(const as_parameter *p)
{
    return p->rows * p->cols < AS_SMALL ? &as_keeper_adamw : &as_keeper_adamw8;
}

static const as_keeper *keep_apollo(const as_parameter *p)
{
    return p->rows == 1 ? &as_keeper_adamw : &as_keeper_apollo;
}

static const as_optimiser_rule rules[] = {
    {"adamw", "AdamW with moments of 32 bits", 1e-8},
    {"adamw8", "AdamW with moments of 8 bits in blocks of 256", 1e-8},
    {"apollo-mini", "scaled gradients, moments of a projection to rank 1", 1e-6},
};
enum { N_RULES = sizeof rules / sizeof *rules };
static const as_keeper *(*const keeper_of[N_RULES])(const as_parameter *p) = {
    keep_adamw, keep_adamw8, keep_apollo};

const as_optimiser_rule *as_optimiser_rules(size_t *n)
{
    *n = N_RULES;
    return rules;
}

static bool rule_find(const char *name, size_t *row, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    for (*row = 0; *row < N_RULES; ++*row) {
        if (strcmp(rules[*row].name, name) == 0) return true;
    }
    return as_fail(err, AS_EUSAGE,
                   "optimiser (found \"%s\", expected adamw, adamw8 or apollo-mini)",
                   as_escape(name, strlen(name), escaped));
}

/* ---- making ---- */

/* NaN lies in no range. */
static bool within(const char *what, double x, double low, double high, as_error *err)
{
    if (x >= low && x <= high) return true;
    return as_fail(err, AS_EUSAGE, "optimiser: %s (found %g, expected %g to %g)", what, x, low,
                   high);
}

static bool check_options(const as_optimiser_options *o, as_error *err)
{
    const double least = 1e-6, most = 1.0 - 1e-6;
    if (!within("beta1", o->beta1, least, most, err)) return false;
    if (!within("beta2", o->beta2, least, most, err)) return false;
    if (!within("eps", o->eps, 1e-30, 1.0, err)) return false;
    return within("weight_decay", o->weight_decay, 0.0, 1.0, err);
}

static bool check_projection(const as_optimiser_options *o, as_error *err)
{
    if (!within("scale", o->scale, 1e-6, 1e6, err)) return false;
    if (o->period > 0) return true;
    return as_fail(err, AS_EUSAGE, "optimiser: period (found 0, expected 1 or more)");
}

static bool count(size_t *n_elements, const as_parameter *p, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    if (!as_size_mul(p->rows, p->cols, n_elements, err)) return false;
    if (*n_elements > 0) return true;
    return as_fail(err, AS_EUSAGE, "%s: shape (found %zux%zu, expected elements)",
                   as_escape(p->name, strlen(p->name), escaped), p->rows, p->cols);
}

void *as_state_push(as_optimiser *o, const as_slot *s, const char *name, size_t n, size_t size,
                    as_error *err)
{
    void *data = as_arena_push(o->arena, n, size, err);
    if (!data) return NULL;
    const char *full = as_arena_printf(o->arena, err, "%s.%s", s->param->name, name);
    if (!full) return NULL;
    o->parts[o->n_parts++] = (as_part){full, data, n * size};
    o->bytes += n * size;
    return data;
}

/* How many entries of a projected gradient make a task: about as many elements as elsewhere. */
static size_t low_per_piece(const as_slot *s)
{
    size_t per_entry = s->n / s->n_low;
    return per_entry < AS_PIECE / 64 ? AS_PIECE / per_entry : 64;
}

static size_t n_pieces_of(size_t n, size_t per_piece)
{
    return n / per_piece + (n % per_piece > 0);
}

static as_piece *cut(as_piece *to, size_t slot, size_t n, size_t per_piece)
{
    for (size_t at = 0; at < n; at += per_piece)
        *to++ = (as_piece){slot, at, n - at < per_piece ? n - at : per_piece};
    return to;
}

static bool begin_pieces(as_optimiser *o, as_error *err)
{
    for (size_t t = 0; t < o->n; t++) {
        as_slot *s = &o->slots[t];
        o->n_pieces += n_pieces_of(s->n, AS_PIECE);
        s->first_low = o->n_low_pieces;
        if (s->n_low > 0) s->n_low_pieces = n_pieces_of(s->n_low, low_per_piece(s));
        o->n_low_pieces += s->n_low_pieces;
    }
    o->pieces = as_arena_push(o->arena, o->n_pieces, sizeof *o->pieces, err);
    if (!o->pieces) return false;
    o->is_good = as_arena_push(o->arena, o->n_pieces, sizeof *o->is_good, err);
    if (!o->is_good) return false;
    o->low_pieces = as_arena_push(o->arena, o->n_low_pieces, sizeof *o->low_pieces, err);
    if (!o->low_pieces) return false;
    o->squares = as_arena_push(o->arena, o->n_low_pieces, sizeof *o->squares, err);
    if (!o->squares) return false;
    as_piece *piece = o->pieces, *low = o->low_pieces;
    for (size_t t = 0; t < o->n; t++) {
        const as_slot *s = &o->slots[t];
        piece = cut(piece, t, s->n, AS_PIECE);
        if (s->n_low > 0) low = cut(low, t, s->n_low, low_per_piece(s));
    }
    return true;
}

static bool begin_slots(as_optimiser *o, const as_parameter *params, size_t row, as_error *err)
{
    size_t n_parts = 0;
    if (!as_size_mul(o->n, AS_PARTS_OF_SLOT, &n_parts, err)) return false;
    o->slots = as_arena_push(o->arena, o->n, sizeof *o->slots, err);
    if (!o->slots) return false;
    o->parts = as_arena_push(o->arena, n_parts, sizeof *o->parts, err);
    if (!o->parts) return false;
    for (size_t t = 0; t < o->n; t++) {
        as_slot *s = &o->slots[t];
        *s = (as_slot){.param = &params[t], .number = t, .keeper = keeper_of[row](&params[t])};
        if (!count(&s->n, s->param, err) || !s->keeper->begin(o, s, err)) return false;
    }
    return begin_pieces(o, err);
}

as_optimiser *as_optimiser_new(const as_optimiser_options *options, const as_parameter *params,
                               size_t n, as_error *err)
{
    size_t row;
    if (!rule_find(options->name, &row, err) || !check_options(options, err)) return NULL;
    if (keeper_of[row] == keep_apollo && !check_projection(options, err)) return NULL;
    if (n == 0) {
        (void)as_fail(err, AS_EUSAGE, "optimiser: nothing to train (found 0 tensors)");
        return NULL;
    }
    as_optimiser *o = as_new(1, sizeof *o, err);
    if (!o) return NULL;
    o->options = *options;
    o->options.name = rules[row].name;
    o->n = n;
    o->arena = as_arena_new(err);
    if (o->arena && begin_slots(o, params, row, err)) return o;
    as_optimiser_free(o);
    return NULL;
}

void as_optimiser_free(as_optimiser *o)
{
    if (!o) return;
    as_arena_free(o->arena);
    free(o);
}

/* ---- a step ---- */

typedef struct {
    as_optimiser *o;
    const as_exec *ex;
    bool is_trial;
} pass;

static void step_piece(void *ctx, size_t task, size_t worker)
{
    pass *p = ctx;
    const as_piece *piece = &p->o->pieces[task];
    as_slot *s = &p->o->slots[piece->slot];
    bool is_good = s->keeper->step(p->o, p->ex, s, piece, worker, p->is_trial);
    if (p->is_trial) p->o->is_good[task] = is_good;
}

static void set_constants(as_optimiser *o, double lr, size_t k)
{
    const as_optimiser_options *by = &o->options;
    const double c1 = 1.0 - pow(by->beta1, (double)k);
    const double root = sqrt(1.0 - pow(by->beta2, (double)k));
    o->lr = lr;
    o->correction = root / c1;
    o->adamw[0] = (as_adamw){.of_m = (float)(1.0 - by->beta1),
                             .of_v = (float)(1.0 - by->beta2),
                             .rate = (float)(lr * o->correction),
                             .eps = (float)(by->eps * root)};
    o->adamw[1] = o->adamw[0];
    o->adamw[1].decay = (float)(lr * by->weight_decay);
}

/* A bad gradient is the cause of a bad update, so it is looked for first. */
static bool blame(const as_slot *s, as_error *err)
{
    char name[AS_ESCAPE_SIZE];
    const as_parameter *p = s->param;
    as_escape(p->name, strlen(p->name), name);
    for (size_t i = 0; i < s->n; i++) {
        if (isfinite(p->grad[i])) continue;
        return as_fail(err, AS_ENUMERIC,
                       "%s[%zu, %zu]: gradient (found %s, expected a finite number)", name,
                       i / p->cols, i % p->cols, isnan(p->grad[i]) ? "NaN" : "infinity");
    }
    return as_fail(err, AS_ENUMERIC,
                   "%s: update (found values that are not finite, expected finite ones)", name);
}

bool as_optimiser_step(as_optimiser *o, const as_exec *ex, double lr, as_error *err)
{
    const size_t k = o->steps + 1;
    if (!within("learning rate", lr, 0.0, 1e6, err)) return false;
    set_constants(o, lr, k);
    if (o->n_low_pieces > 0) as_apollo_prepare(o, ex);
    pass p = {o, ex, true};
    as_pool_run(ex->pool, o->n_pieces, step_piece, &p);
    for (size_t i = 0; i < o->n_pieces; i++) {
        if (!o->is_good[i]) return blame(&o->slots[o->pieces[i].slot], err);
    }
    p.is_trial = false;
    as_pool_run(ex->pool, o->n_pieces, step_piece, &p);
    as_apollo_commit(o);
    o->steps = k;
    return true;
}

/* ---- state ---- */

size_t as_optimiser_steps(const as_optimiser *o)
{
    return o->steps;
}

size_t as_optimiser_bytes(const as_optimiser *o)
{
    return o->bytes;
}

const as_part *as_optimiser_parts(const as_optimiser *o, size_t *n)
{
    *n = o->n_parts;
    return o->parts;
}

void as_optimiser_resume(as_optimiser *o, size_t steps)
{
    o->steps = steps;
}
