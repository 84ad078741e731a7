/* Examples to losses and gradients, one micro-batch after the other. How examples are cut into
 * micro-batches changes memory and speed, and no bit of any sum: every sum runs over the examples
 * in order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "engine/train/train_internal.h"

/* ---- memory ---- */

static size_t sides(const as_batches *b)
{
    return b->o->is_dpo ? 2 : 1;
}

static size_t tokens_of(const as_batches *b, const as_example *e)
{
    return e->sequence[0].n + (b->o->is_dpo ? e->sequence[1].n : 0);
}

static void measure(const as_batches *b, const as_dataset *d, size_t *most, size_t *longest,
                    size_t *shortest, size_t *n)
{
    for (size_t i = 0; d && i < d->n; i++) {
        const as_example *e = &d->example[i];
        if (tokens_of(b, e) > *most) *most = tokens_of(b, e);
        for (size_t s = 0; s < sides(b); s++) {
            if (e->sequence[s].n > *longest) *longest = e->sequence[s].n;
            if (e->sequence[s].n < *shortest) *shortest = e->sequence[s].n;
        }
    }
    if (d && d->n > *n) *n = d->n;
}

/* As many layers kept whole as fit beside the model, the rest of the batch's memory and what is
 * trained. */
static bool fit(const as_batches *b, size_t kept, as_tape_options *tape, as_error *err)
{
    const as_model *m = b->what->model;
    size_t bytes = 0, fixed = kept + as_model_bytes(m) + as_loss_bytes(m, b->most) +
                              2 * b->most * b->dim * sizeof(float);
    if (b->what->weights) fixed += as_model_config(m)->vocab * b->dim * sizeof(float); /* head */
    tape->n_kept = as_model_config(m)->n_layers;
    for (;; tape->n_kept--) {
        if (!as_tape_bytes(m, tape, &bytes, err)) return false;
        if (bytes <= b->o->memory && fixed <= b->o->memory - bytes) return true;
        if (tape->n_kept == 0) break;
    }
    (void)as_fail(
        err, AS_ELIMIT,
        "memory (found a budget of %zu bytes, expected at least %zu for micro-batches of %zu "
        "tokens)",
        b->o->memory, fixed + bytes, tape->max_tokens);
    as_error_hint(err, "a smaller pack or max_length, or a larger memory");
    return false;
}

bool as_batches_init(as_batches *b, const as_train_options *o, const as_trainee *what,
                     const as_dataset *data, const as_dataset *held, size_t kept, size_t *n_kept,
                     as_error *err)
{
    *b = (as_batches){.o = o, .what = what, .dim = as_model_config(what->model)->dim};
    size_t longest = 0, shortest = SIZE_MAX, n = 0;
    b->most = o->pack;
    measure(b, data, &b->most, &longest, &shortest, &n);
    measure(b, held, &b->most, &longest, &shortest, &n);
    const size_t fitting = b->most / shortest, there = n * sides(b);
    as_tape_options tape = {
        .max_tokens = b->most, .longest = longest, .most_runs = fitting < there ? fitting : there};
    if (!fit(b, kept, &tape, err)) return false;
    *n_kept = tape.n_kept;
    b->tape = as_tape_new(what->model, what->ex, what->weights, &tape, err);
    b->loss = b->tape ? as_loss_new(what->model, what->ex, b->tape, b->most, err) : NULL;
    b->run = b->loss ? as_new(b->most, sizeof *b->run, err) : NULL;
    b->key = b->run ? as_new(b->most, sizeof *b->key, err) : NULL;
    b->target = b->key ? as_new(b->most, sizeof *b->target, err) : NULL;
    b->nll = b->target ? as_new(b->most, sizeof *b->nll, err) : NULL;
    b->kl = b->nll ? as_new(b->most, sizeof *b->kl, err) : NULL;
    b->cut = b->kl ? as_new(n + 1, sizeof *b->cut, err) : NULL;
    b->order = b->cut ? as_new(n, sizeof *b->order, err) : NULL;
    b->d_final = b->order ? as_new(b->most * b->dim, sizeof *b->d_final, err) : NULL;
    b->other = b->d_final ? as_new(b->most * b->dim, sizeof *b->other, err) : NULL;
    return b->other != NULL;
}

void as_batches_clear(as_batches *b)
{
    free(b->other);
    free(b->d_final);
    free(b->order);
    free(b->cut);
    free(b->kl);
    free(b->nll);
    free(b->target);
    free(b->key);
    free(b->run);
    as_loss_free(b->loss);
    as_tape_free(b->tape);
    *b = (as_batches){0};
}

/* ---- one micro-batch ---- */

/* Its examples, as runs of one step of the model. */
typedef struct {
    const as_dataset *d;
    const size_t *order;
    size_t n; /* examples */
    size_t n_runs, rows;
    size_t n_targets;
} piece;

/* Targets of the sequence whose first row is `row`. */
static size_t add_targets(as_target *target, const as_sequence *s, size_t row)
{
    size_t n = 0;
    for (size_t i = 1; i < s->n; i++)
        if (s->label[i]) target[n++] = (as_target){row + i - 1, s->ids[i]};
    return n;
}

static void lay_out(as_batches *b, piece *p, const as_hooks *hooks, size_t step)
{
    p->n_runs = p->rows = p->n_targets = 0;
    for (size_t i = 0; i < p->n; i++) {
        const as_example *e = &p->d->example[p->order[i]];
        for (size_t s = 0; s < sides(b); s++) {
            const as_sequence *q = &e->sequence[s];
            as_rng rng = as_rng_at(e->key, "example", 2 * step + s);
            b->key[p->n_runs] = as_rng_u64(&rng);
            b->run[p->n_runs++] = (as_tape_run){q->ids, q->n, hooks};
            p->n_targets += add_targets(b->target + p->n_targets, q, p->rows);
            p->rows += q->n;
        }
    }
}

static bool fail_example(const piece *p, size_t i, double found, as_error *err)
{
    const as_example *e = &p->d->example[p->order[i]];
    char shown[AS_ESCAPE_SIZE];
    return as_fail(err, AS_ENUMERIC, "example \"%s\" (line %zu): loss (found %s, expected finite)",
                   as_escape(e->id, strlen(e->id), shown), e->line,
                   isnan(found) ? "NaN" : "an infinity");
}

static double sum(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i];
    return s;
}

/* Losses of an SFT piece, and their gradients scaled by `scale`. */
static bool sft_piece(as_batches *b, const piece *p, const float *final, bool has_gradient,
                      double scale, as_sums *sums, as_error *err)
{
    as_loss_nll(b->loss, final, b->target, p->n_targets, b->nll, has_gradient ? b->d_final : NULL,
                (float)scale);
    for (size_t i = 0, at = 0; i < p->n; i++) {
        const size_t n = p->d->example[p->order[i]].sequence[0].n_labels;
        const double loss = sum(b->nll + at, n);
        if (!isfinite(loss)) return fail_example(p, i, loss, err);
        sums->loss += loss * (b->o->by_micro ? scale : 1);
        at += n;
    }
    return true;
}

static void scale_rows(const as_batches *b, size_t row, size_t n, double by)
{
    float *x = b->d_final + row * b->dim;
    b->what->ex->kernels->scale(x, x, (float)by, n * b->dim);
}

static void add_pair(const as_batches *b, const as_example *e, const as_pair_logps *l, double loss,
                     as_sums *sums)
{
    const double chosen = l->chosen - l->ref_chosen, rejected = l->rejected - l->ref_rejected;
    sums->loss += loss;
    sums->drift_chosen += chosen;
    sums->drift_rejected += rejected;
    sums->reward_chosen += b->o->beta * chosen;
    sums->reward_rejected += b->o->beta * rejected;
    sums->margin += b->o->beta * (chosen - rejected);
    sums->accuracy += chosen > rejected;
    sums->length_delta += (double)e->sequence[0].n_labels - (double)e->sequence[1].n_labels;
}

/* The same for pairs: each side's gradient is that of its log-probability times the loss's slope.
 */
static bool dpo_piece(as_batches *b, const piece *p, const double *ref, const float *final,
                      bool has_gradient, size_t n_pairs, as_sums *sums, as_error *err)
{
    as_loss_nll(b->loss, final, b->target, p->n_targets, b->nll, has_gradient ? b->d_final : NULL,
                1);
    for (size_t i = 0, at = 0, row = 0; i < p->n; i++) {
        const size_t example = p->order[i];
        const as_example *e = &p->d->example[example];
        const as_sequence *c = &e->sequence[0], *r = &e->sequence[1];
        const as_pair_logps l = {-sum(b->nll + at, c->n_labels),
                                 -sum(b->nll + at + c->n_labels, r->n_labels), ref[2 * example],
                                 ref[2 * example + 1]};
        double slope, loss = as_dpo(&l, b->o->beta, b->o->smoothing, &slope);
        if (!isfinite(loss)) return fail_example(p, i, loss, err);
        add_pair(b, e, &l, loss, sums);
        if (has_gradient) {
            scale_rows(b, row, c->n, -slope / (double)n_pairs);
            scale_rows(b, row + c->n, r->n, slope / (double)n_pairs);
        }
        at += c->n_labels + r->n_labels;
        row += c->n + r->n;
    }
    return true;
}

static const as_hooks *policy(const as_batches *b)
{
    return b->what->adapter ? as_adapter_hooks(b->what->adapter) : NULL;
}

/* ---- a step ---- */

static size_t count_targets(const as_batches *b, const as_dataset *d, const size_t *order, size_t n)
{
    size_t targets = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < sides(b); s++) targets += d->example[order[i]].sequence[s].n_labels;
    return targets;
}

bool as_batches_step(as_batches *b, const as_dataset *d, const size_t *order, size_t n, size_t step,
                     as_sums *sums, as_error *err)
{
    const size_t pieces = as_dataset_pack(d, order, n, b->o->pack, b->o->micro, b->cut);
    const size_t targets = count_targets(b, d, order, n);
    *sums = (as_sums){.n_units = b->o->is_dpo ? n : targets, .n_targets = targets};
    if (b->o->by_micro && !b->o->is_dpo) sums->n_units = 1;
    for (size_t i = 0; i < pieces; i++) {
        piece p = {d, order + b->cut[i], b->cut[i + 1] - b->cut[i], 0, 0, 0};
        const float *final;
        lay_out(b, &p, policy(b), step);
        if (b->what->adapter) as_adapter_keys(b->what->adapter, b->key, p.n_runs);
        if (!as_tape_forward(b->tape, b->run, p.n_runs, false, &final, err)) return false;
        memset(b->d_final, 0, p.rows * b->dim * sizeof *b->d_final);
        const double scale =
            b->o->by_micro ? 1 / ((double)p.n_targets * (double)pieces) : 1 / (double)targets;
        if (b->o->is_dpo ? !dpo_piece(b, &p, b->logp, final, true, n, sums, err)
                         : !sft_piece(b, &p, final, true, scale, sums, err))
            return false;
        as_tape_backward(b->tape, b->d_final);
        sums->n_tokens += p.rows;
    }
    if (b->what->weights) as_weights_gather(b->what->weights);
    return true;
}

/* ---- without gradients ---- */

static bool base_states(as_batches *b, const piece *p, as_error *err)
{
    const float *final;
    for (size_t r = 0; r < p->n_runs; r++) b->run[r].hooks = NULL;
    if (!as_tape_forward(b->tape, b->run, p->n_runs, true, &final, err)) return false;
    memcpy(b->other, final, p->rows * b->dim * sizeof *final);
    return true;
}

bool as_batches_evaluate(as_batches *b, const as_dataset *d, const double *ref, as_sums *sums,
                         as_error *err)
{
    for (size_t i = 0; i < d->n; i++) b->order[i] = i;
    const size_t pieces = as_dataset_pack(d, b->order, d->n, b->o->pack, 0, b->cut);
    *sums = (as_sums){.n_targets = count_targets(b, d, b->order, d->n)};
    sums->n_units = b->o->is_dpo ? d->n : sums->n_targets;
    if (b->what->adapter) as_adapter_keys(b->what->adapter, NULL, 0);
    for (size_t i = 0; i < pieces; i++) {
        piece p = {d, b->order + b->cut[i], b->cut[i + 1] - b->cut[i], 0, 0, 0};
        const float *final;
        lay_out(b, &p, policy(b), 0);
        if (b->what->adapter && !base_states(b, &p, err)) return false;
        for (size_t r = 0; r < p.n_runs; r++) b->run[r].hooks = policy(b);
        if (!as_tape_forward(b->tape, b->run, p.n_runs, true, &final, err)) return false;
        if (b->o->is_dpo ? !dpo_piece(b, &p, ref, final, false, d->n, sums, err)
                         : !sft_piece(b, &p, final, false, 1, sums, err))
            return false;
        sums->n_tokens += p.rows;
        if (!b->what->adapter) continue;
        as_loss_kl(b->loss, final, b->other, b->target, p.n_targets, b->kl);
        for (size_t k = 0; k < p.n_targets; k++) sums->kl += b->kl[k];
        if (!isfinite(sums->kl))
            return as_fail(err, AS_ENUMERIC, "divergence from the base (found %g, expected finite)",
                           sums->kl);
    }
    return true;
}

bool as_batches_reference(as_batches *b, const as_dataset *d, size_t first, size_t n,
                          const as_hooks *hooks, double *ref, as_error *err)
{
    for (size_t i = 0; i < n; i++) b->order[i] = first + i;
    const size_t pieces = as_dataset_pack(d, b->order, n, b->o->pack, 0, b->cut);
    for (size_t i = 0; i < pieces; i++) {
        piece p = {d, b->order + b->cut[i], b->cut[i + 1] - b->cut[i], 0, 0, 0};
        const float *final;
        lay_out(b, &p, hooks, 0);
        if (!as_tape_forward(b->tape, b->run, p.n_runs, true, &final, err)) return false;
        as_loss_nll(b->loss, final, b->target, p.n_targets, b->nll, NULL, 0);
        for (size_t k = 0, at = 0; k < p.n; k++)
            for (size_t s = 0; s < 2; s++) {
                const size_t m = d->example[p.order[k]].sequence[s].n_labels;
                double *to = &ref[2 * p.order[k] + s];
                *to = -sum(b->nll + at, m);
                if (!isfinite(*to)) return fail_example(&p, k, *to, err);
                at += m;
            }
    }
    return true;
}
