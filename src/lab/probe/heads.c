/* Probes of attention heads: what each head hands to the output projection of its layer, over the
 * last tokens of the reply. */
#include "lab/probe/probe.h"

#include <math.h>

enum { USUAL = 32, LEAST = 2, MOST = 1 << 20 };

size_t as_probe_heads(const as_config *config, size_t *layer, size_t *head)
{
    size_t n = 0;
    for (size_t l = 0; l < config->n_layers; l++) {
        if (config->layer[l].mixer != AS_MIX_ATTENTION) continue;
        for (size_t h = 0; h < config->layer[l].heads; h++, n++) {
            if (layer) layer[n] = l;
            if (head) head[n] = h;
        }
    }
    return n;
}

/* The window's tokens [*from, *to) among all that were computed; false when they are too few. A row
 * of the tap is a position, from the prompt's first on. */
static bool window_of(const as_probe *p, const as_tap_row *r, size_t *from, size_t *to)
{
    *to = r->stop_at < r->n_every ? r->stop_at : r->n_every;
    *from = *to > p->window ? *to - p->window : 0;
    if (*from < r->prompt) *from = r->prompt;
    return *to >= *from + LEAST;
}

static double norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static bool mean_norms(const as_probe *p, const as_tap_row *rows, float *out)
{
    size_t from, to;
    if (!window_of(p, &rows[0], &from, &to)) return false;
    for (size_t t = 0; t < p->n_taps; t++) {
        const size_t width = as_head_width(p->config, p->tap[t].layer);
        const size_t heads = p->config->layer[p->tap[t].layer].heads;
        for (size_t h = 0; h < heads; h++) {
            double sum = 0;
            for (size_t i = from; i < to; i++)
                sum += norm_of(rows[t].every + i * rows[t].width + h * width, width);
            *out++ = (float)(sum / (double)(to - from));
        }
    }
    return true;
}

static bool mean_vectors(const as_probe *p, const as_tap_row *rows, float *out)
{
    size_t from, to;
    if (!window_of(p, &rows[0], &from, &to)) return false;
    for (size_t t = 0; t < p->n_taps; t++)
        for (size_t j = 0; j < rows[t].width; j++) {
            double sum = 0;
            for (size_t i = from; i < to; i++) sum += (double)rows[t].every[i * rows[t].width + j];
            *out++ = (float)(sum / (double)(to - from));
        }
    return true;
}

/* A tap for each layer with attention. *columns: of all of them. */
static bool open_window(as_probe *p, const char *argument, size_t *columns, as_arena *a,
                        as_error *err)
{
    const as_config *c = p->config;
    p->window = USUAL;
    if (argument && !as_probe_number(argument, "window", LEAST, MOST, &p->window, err))
        return false;
    p->tap = as_arena_push(a, c->n_layers, sizeof *p->tap, err);
    p->selector = as_arena_printf(a, err, "last_tokens:%zu", p->window);
    if (!p->tap || !p->selector) return false;
    *columns = 0;
    for (size_t l = 0; l < c->n_layers; l++) {
        if (c->layer[l].mixer != AS_MIX_ATTENTION) continue;
        p->tap[p->n_taps++] = (as_tap){AS_READ_HEADS, l, 1, AS_EVERY};
        *columns += c->layer[l].heads * as_head_width(c, l);
    }
    return p->n_taps > 0 || as_fail(err, AS_EUSAGE, "the model has no layer with attention");
}

static bool open_norms(as_probe *p, const char *argument, as_arena *a, as_error *err)
{
    size_t columns;
    p->reduce = mean_norms;
    p->dim = as_probe_heads(p->config, NULL, NULL);
    return open_window(p, argument, &columns, a, err);
}

static bool open_vectors(as_probe *p, const char *argument, as_arena *a, as_error *err)
{
    p->reduce = mean_vectors;
    return open_window(p, argument, &p->dim, a, err);
}

const as_probe_kind as_probe_norms = {
    "heads", "heads[: WINDOW]", "mean norm of each attention head over the reply's last tokens",
    open_norms};
const as_probe_kind as_probe_vectors = {
    "head_vectors", "head_vectors[: WINDOW]",
    "mean vector of each attention head over the reply's last tokens", open_vectors};
