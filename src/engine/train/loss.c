/* Cross-entropy over blocks of targets, and the DPO loss of a pair. */
#include "engine/train/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tensor/ops.h"

enum { BLOCK = 512 };
#define BLOCK_FLOATS ((size_t)1 << 25) /* logits held at once: 128 MiB, or one row */

struct as_loss {
    const as_model *m;
    const as_exec *ex;
    as_tape *tape;
    size_t vocab, dim, rows;  /* of a block */
    float *final, *d_final;   /* (rows, dim) */
    float *logits, *d_logits; /* (rows, vocab) */
};

static size_t block_rows(const as_config *c, size_t max_rows)
{
    size_t rows = BLOCK_FLOATS / c->vocab;
    if (rows > max_rows) rows = max_rows;
    return rows > 0 ? rows : 1;
}

size_t as_loss_bytes(const as_model *m, size_t max_rows)
{
    const as_config *c = as_model_config(m);
    return block_rows(c, max_rows) * (2 * c->dim + 2 * c->vocab) * sizeof(float);
}

as_loss *as_loss_new(const as_model *m, const as_exec *ex, as_tape *tape, size_t max_rows,
                     as_error *err)
{
    const as_config *c = as_model_config(m);
    as_loss *l = as_new(1, sizeof *l, err);
    if (!l) return NULL;
    *l = (as_loss){.m = m, .ex = ex, .tape = tape, .vocab = c->vocab, .dim = c->dim};
    l->rows = block_rows(c, max_rows);
    l->final = as_new(l->rows * l->dim, sizeof(float), err);
    l->d_final = l->final ? as_new(l->rows * l->dim, sizeof(float), err) : NULL;
    l->logits = l->d_final ? as_new(l->rows * l->vocab, sizeof(float), err) : NULL;
    l->d_logits = l->logits ? as_new(l->rows * l->vocab, sizeof(float), err) : NULL;
    if (l->d_logits) {
        as_prefer_huge(l->logits, l->rows * l->vocab * sizeof(float));
        as_prefer_huge(l->d_logits, l->rows * l->vocab * sizeof(float));
        return l;
    }
    as_loss_free(l);
    return NULL;
}

void as_loss_free(as_loss *l)
{
    if (!l) return;
    free(l->d_logits);
    free(l->logits);
    free(l->d_final);
    free(l->final);
    free(l);
}

/* ---- cross-entropy ---- */

typedef struct {
    as_loss *l;
    const as_target *target;
    double *out;
    float scale;
    bool has_gradient;
} rows_job;

/* Row i of a block: its loss, and scale (softmax - onehot) in d_logits. */
static void nll_row(void *context, size_t i, size_t worker)
{
    (void)worker;
    const rows_job *j = context;
    const as_loss *l = j->l;
    const as_kernels *k = l->ex->kernels;
    const float *z = l->logits + i * l->vocab;
    const double all = as_logsumexp(l->ex, z, l->vocab);
    j->out[i] = all - (double)z[j->target[i].id];
    if (!j->has_gradient) return;
    float *d = l->d_logits + i * l->vocab;
    float shift[BLOCK]; /* pieces of a row stay in the first cache */
    for (size_t v = 0; v < BLOCK; v++) shift[v] = (float)-all;
    for (size_t v = 0, n; v < l->vocab; v += n) {
        n = l->vocab - v < BLOCK ? l->vocab - v : BLOCK;
        k->add(d + v, z + v, shift, n);
        k->exp(d + v, d + v, n);
        if (j->target[i].id - v < n) d[j->target[i].id] -= 1;
        k->scale(d + v, d + v, j->scale, n);
    }
}

static void gather(const as_loss *l, float *to, const float *final, const as_target *target,
                   size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * l->dim, final + target[i].row * l->dim, l->dim * sizeof *to);
}

void as_loss_nll(as_loss *l, const float *final, const as_target *target, size_t n, double *nll,
                 float *d_final, float scale)
{
    for (size_t at = 0, rows; at < n; at += rows) {
        rows = n - at < l->rows ? n - at : l->rows;
        rows_job j = {l, target + at, nll + at, scale, d_final != NULL};
        gather(l, l->final, final, target + at, rows);
        as_model_head(l->m, l->ex, l->logits, l->final, rows);
        as_pool_run(l->ex->pool, rows, nll_row, &j);
        if (!d_final) continue;
        memset(l->d_final, 0, rows * l->dim * sizeof *l->d_final);
        as_tape_head_backward(l->tape, l->d_final, l->d_logits, l->logits, l->final, rows);
        for (size_t i = 0; i < rows; i++) {
            float *to = d_final + target[at + i].row * l->dim;
            l->ex->kernels->add(to, to, l->d_final + i * l->dim, l->dim);
        }
    }
}

/* ---- divergence ---- */

/* log sum exp of z in double: what is left of two that nearly cancel must be right. */
static double log_total(const float *z, size_t n)
{
    double top = -INFINITY, sum = 0;
    for (size_t v = 0; v < n; v++)
        if ((double)z[v] > top) top = (double)z[v];
    for (size_t v = 0; v < n; v++) sum += exp((double)z[v] - top);
    return top + log(sum);
}

/* logits holds p's, d_logits q's. */
static void kl_row(void *context, size_t i, size_t worker)
{
    (void)worker;
    const rows_job *j = context;
    const as_loss *l = j->l;
    const float *p = l->logits + i * l->vocab, *q = l->d_logits + i * l->vocab;
    const double all_p = log_total(p, l->vocab), all_q = log_total(q, l->vocab);
    double sum = 0;
    for (size_t v = 0; v < l->vocab; v++) {
        const double log_p = (double)p[v] - all_p, log_q = (double)q[v] - all_q;
        if (!(log_p <= -40)) /* less is below a double's rounding */
            sum += exp(log_p) * (log_p - log_q);
    }
    j->out[i] = sum < 0 ? 0 : sum; /* rounding; NaN stays */
}

void as_loss_kl(as_loss *l, const float *final, const float *other, const as_target *target,
                size_t n, double *kl)
{
    for (size_t at = 0, rows; at < n; at += rows) {
        rows = n - at < l->rows ? n - at : l->rows;
        rows_job j = {.l = l, .target = target + at, .out = kl + at};
        gather(l, l->final, final, target + at, rows);
        as_model_head(l->m, l->ex, l->logits, l->final, rows);
        gather(l, l->final, other, target + at, rows);
        as_model_head(l->m, l->ex, l->d_logits, l->final, rows);
        as_pool_run(l->ex->pool, rows, kl_row, &j);
    }
}

/* ---- preferences ---- */

/* log(1 + exp(x)) */
static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

double as_dpo(const as_pair_logps *p, double beta, double smoothing, double *slope)
{
    const double delta = (p->chosen - p->ref_chosen) - (p->rejected - p->ref_rejected);
    const double x = beta * delta, low = 1 / (1 + exp(x)); /* sigmoid(-x) */
    *slope = -beta * ((1 - smoothing) * low - smoothing * (1 - low));
    return (1 - smoothing) * softplus(-x) + smoothing * softplus(x);
}
