/* Taps: hooks that read one row. */
#include "engine/infer/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *const selectors[] = {"last_prompt", "last_content", "end_of_turn",
                                        "mean_content", "every"};

const char *as_reading_site_name(as_reading_site s)
{
    return s == AS_READ_HIDDEN ? "hidden" : "heads";
}

const char *as_selector_name(as_selector s)
{
    return selectors[s];
}

bool as_tap_parse(as_tap *t, const char *selector, const as_config *config, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++)
        if (strcmp(selector, selectors[i]) == 0) {
            t->selector = (as_selector)i;
            return true;
        }
    if (strncmp(selector, "mean_last_layers:", 17) == 0) {
        char *end = NULL;
        unsigned long k = strtoul(selector + 17, &end, 10);
        if (end != selector + 17 && !*end && k >= 1 && k <= config->n_layers) {
            *t = (as_tap){AS_READ_HIDDEN, config->n_layers + 1 - k, k, AS_LAST_CONTENT};
            return true;
        }
    }
    return as_fail(err, AS_EUSAGE,
                   "selector (found \"%s\", expected last_prompt, last_content, end_of_turn, "
                   "mean_content, every or mean_last_layers:K)",
                   as_escape(selector, strlen(selector), shown));
}

/* Does the token at this position count? */
static bool counts(const as_tap_row *r, size_t position)
{
    switch (r->tap.selector) {
    case AS_LAST_PROMPT:
        return position + 1 == r->prompt;
    case AS_END_OF_TURN:
        return position == r->stop_at;
    case AS_EVERY:
        return true;
    default:
        return position >= r->prompt && position < r->stop_at;
    }
}

static void tap_forward(const as_hook *h, const as_exec *ex, const as_site_rows *runs,
                        size_t n_runs)
{
    (void)ex;
    as_tap_row *r = h->state;
    size_t at = (size_t)(h - r->hook), bytes = r->width * sizeof(float);
    for (size_t k = 0; k < n_runs; k++)
        for (size_t i = 0; i < runs[k].rows; i++) {
            const float *y = runs[k].y + i * runs[k].ldy;
            if (!counts(r, runs[k].first + i)) continue;
            if (at == 0) r->n++;
            if (r->tap.selector == AS_EVERY && r->n_every < r->room)
                memcpy(r->every + r->n_every++ * r->width, y, bytes);
            else if (r->tap.selector == AS_MEAN_CONTENT)
                for (size_t j = 0; j < r->width; j++) r->sum[j] += (double)y[j];
            else
                memcpy(r->last + at * r->width, y, bytes);
        }
}

static bool check(const as_tap *t, const as_config *c, as_error *err)
{
    size_t top = t->site == AS_READ_HIDDEN ? c->n_layers : c->n_layers - 1;
    if (t->layer > top || t->n_layers < 1 || t->n_layers > top + 1 - t->layer)
        return as_fail(err, AS_EUSAGE, "%s layer (found %zu, expected 0 to %zu)",
                       as_reading_site_name(t->site), t->layer, top);
    if (t->n_layers > 1 && (t->selector == AS_MEAN_CONTENT || t->selector == AS_EVERY))
        return as_fail(err, AS_EUSAGE, "a mean over layers is of one token, not of %s",
                       as_selector_name(t->selector));
    return true;
}

bool as_tap_row_init(as_tap_row *r, const as_tap *tap, const as_config *config, size_t prompt,
                     size_t capacity, as_error *err)
{
    memset(r, 0, sizeof *r);
    if (!check(tap, config, err)) return false;
    bool heads = tap->site == AS_READ_HEADS;
    const as_layer_shape *shape = heads ? &config->layer[tap->layer] : NULL;
    r->tap = *tap;
    r->prompt = prompt;
    r->stop_at = SIZE_MAX;
    r->width = heads ? shape->heads * as_head_width(config, tap->layer) : config->dim;
    size_t n = tap->n_layers;
    r->hook = as_new(n, sizeof *r->hook, err);
    r->last = r->hook ? as_new(n * r->width, sizeof *r->last, err) : NULL;
    if (!r->last) return false;
    if (tap->selector == AS_MEAN_CONTENT) {
        r->sum = as_new(r->width, sizeof *r->sum, err);
        if (!r->sum) return false;
    }
    if (tap->selector == AS_EVERY) {
        size_t floats;
        r->room = capacity;
        if (!as_size_mul(capacity, r->width, &floats, err)) return false;
        r->every = as_new(floats, sizeof *r->every, err);
        if (!r->every) return false;
    }
    for (size_t i = 0; i < n; i++) {
        size_t layer = tap->layer + i;
        as_site site = heads                      ? AS_SITE_INPUT
                       : layer < config->n_layers ? AS_SITE_RESIDUAL
                                                  : AS_SITE_FINAL;
        as_proj proj = heads && shape->mixer == AS_MIX_DELTA ? AS_OUT_PROJ : AS_O_PROJ;
        r->hook[i] = (as_hook){.site = site,
                               .layer = layer,
                               .proj = proj,
                               .forward = tap_forward,
                               .state = r,
                               .reads_only = true};
    }
    return true;
}

void as_tap_row_clear(as_tap_row *r)
{
    free(r->hook);
    free(r->last);
    free(r->sum);
    free(r->every);
    memset(r, 0, sizeof *r);
}

bool as_tap_row_value(const as_tap_row *r, float *out)
{
    if (!r->n) return false;
    for (size_t j = 0; j < r->width; j++) {
        double x = 0;
        for (size_t i = 0; i < r->tap.n_layers; i++)
            x += r->sum ? r->sum[j] / (double)r->n : (double)r->last[i * r->width + j];
        out[j] = (float)(x / (double)r->tap.n_layers);
    }
    return true;
}
