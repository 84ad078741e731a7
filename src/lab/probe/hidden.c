/* Probes of hidden states: one tap each, of which the engine already keeps what is wanted. */
#include "lab/probe/probe.h"

#include <string.h>

static bool take(const as_probe *p, const as_tap_row *rows, float *out)
{
    (void)p;
    return as_tap_row_value(rows, out);
}

static bool make(as_probe *p, as_tap tap, as_arena *a, as_error *err)
{
    p->tap = as_arena_push(a, 1, sizeof *p->tap, err);
    if (!p->tap) return false;
    *p->tap = tap;
    p->n_taps = 1;
    p->dim = p->config->dim;
    p->reduce = take;
    if (!p->selector) p->selector = as_selector_name(tap.selector);
    return true;
}

static bool open_last(as_probe *p, const char *argument, as_arena *a, as_error *err)
{
    as_tap tap = {AS_READ_HIDDEN, p->config->n_layers, 1, AS_LAST_CONTENT};
    if (argument && !as_tap_parse(&tap, argument, p->config, err)) return false;
    if (tap.selector == AS_EVERY)
        return as_fail(err, AS_EUSAGE, "selector (found every, which is not one vector an answer)");
    if (argument && strchr(argument, ':'))
        return as_fail(err, AS_EUSAGE,
                       "selector (found a mean over layers, expected last_layers: K for that)");
    return make(p, tap, a, err);
}

static bool open_mean(as_probe *p, const char *argument, as_arena *a, as_error *err)
{
    as_tap tap = {AS_READ_HIDDEN, 0, 1, AS_MEAN_CONTENT};
    return as_probe_number(argument, "layer", 0, p->config->n_layers, &tap.layer, err) &&
           make(p, tap, a, err);
}

static bool open_layers(as_probe *p, const char *argument, as_arena *a, as_error *err)
{
    as_tap tap = {AS_READ_HIDDEN, 0, 0, AS_LAST_CONTENT};
    if (!as_probe_number(argument, "layers", 1, p->config->n_layers, &tap.n_layers, err))
        return false;
    tap.layer = p->config->n_layers + 1 - tap.n_layers;
    p->selector = as_arena_printf(a, err, "mean_last_layers:%zu", tap.n_layers);
    return p->selector && make(p, tap, a, err);
}

const as_probe_kind as_probe_h_last = {"h_last", "h_last[: SELECTOR]",
                                       "the state after the final norm at one token", open_last};
const as_probe_kind as_probe_h_mean = {"h_mean", "h_mean: LAYER",
                                       "mean over the reply of one layer's states", open_mean};
const as_probe_kind as_probe_last_layers = {
    "last_layers", "last_layers: K", "mean of the last K layers' states at the reply's last token",
    open_layers};
