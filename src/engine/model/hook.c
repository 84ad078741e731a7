/* Which hooks stand where, and calling them. The hooks of a step are sorted once; a place without
 * any then costs one comparison. */
#include "engine/model/hook.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/step_internal.h"

size_t as_hooks_first(const as_hooks *h, size_t n_layers)
{
    size_t first = n_layers + 1;
    for (size_t i = 0; i < h->n; i++) {
        const as_hook *hook = h->hook[i];
        if (hook->reads_only) continue;
        size_t layer = hook->site == AS_SITE_FINAL ? n_layers : hook->layer;
        if (layer < first) first = layer;
    }
    return first;
}

/* ---- index ---- */

static size_t slot_of(const as_model *m, const as_hook *h)
{
    size_t n_layers = m->config->n_layers;
    if (h->site == AS_SITE_FINAL) return n_layers * AS_N_SLOTS;
    AS_CHECK(h->layer < n_layers);
    size_t base = h->layer * AS_N_SLOTS;
    if (h->site == AS_SITE_RESIDUAL) return base + AS_SLOT_RESIDUAL;
    /* a hook on a map that the layer does not have would never be called */
    AS_CHECK(h->proj < AS_N_PROJ && m->layer[h->layer].proj[h->proj].panels);
    if (h->site == AS_SITE_OUTPUT) return base + (size_t)h->proj;
    AS_CHECK(h->proj == AS_O_PROJ || h->proj == AS_OUT_PROJ);
    return base + AS_SLOT_INPUT;
}

static bool make_room(as_work *w, size_t n, as_error *err)
{
    if (n <= w->entry_room) return true;
    as_hook_entry *more = as_new(n, sizeof *more, err);
    if (!more) return false;
    free(w->entry);
    w->entry = more;
    w->entry_room = n;
    return true;
}

bool as_step_index(as_step *s, as_error *err)
{
    as_work *w = s->w;
    size_t n = 0, *slot = w->slot;
    for (size_t r = 0; r < s->n_runs; r++) n += s->runs[r].hooks ? s->runs[r].hooks->n : 0;
    w->n_entries = n;
    if (n == 0) return true;
    if (!make_room(w, n, err)) return false;

    /* Counts stand two places up, so that after filling slot[k] is where slot k begins. */
    memset(slot, 0, (w->n_slots + 2) * sizeof *slot);
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_hooks *h = s->runs[r].hooks;
        for (size_t i = 0; h && i < h->n; i++) slot[slot_of(s->m, h->hook[i]) + 2]++;
    }
    for (size_t k = 2; k < w->n_slots + 2; k++) slot[k] += slot[k - 1];
    for (size_t r = 0; r < s->n_runs; r++) {
        const as_hooks *h = s->runs[r].hooks;
        for (size_t i = 0; h && i < h->n; i++)
            w->entry[slot[slot_of(s->m, h->hook[i]) + 1]++] =
                (as_hook_entry){.hook = h->hook[i], .run = r};
    }
    return true;
}

/* ---- calls ---- */

static as_site_rows rows_of(const as_step *s, size_t run, const as_site_view *v)
{
    const as_run_state *state = &s->w->state[run];
    as_site_rows rows = {.run = run,
                         .first = state->first,
                         .rows = state->rows,
                         .y = v->y + state->row * v->ldy,
                         .ldy = v->ldy,
                         .width = v->width};
    if (!v->x) return rows;
    rows.x = v->x + state->row * v->ldx;
    rows.ldx = v->ldx;
    rows.in = v->in;
    if (!v->dx) return rows;
    rows.dx = v->dx + state->row * v->in;
    rows.lddx = v->in;
    return rows;
}

/* From entry i on: the pieces of the neighbouring runs whose next hook is the same. */
static size_t collect(as_step *s, size_t i, size_t end, const as_site_view *v)
{
    as_work *w = s->w;
    const as_hook *hook = w->entry[i].hook;
    size_t n = 0, run = w->entry[i].run;
    w->site[n++] = rows_of(s, run, v);
    w->entry[i].done = true;
    if (w->state[run].is_idle) return n;
    for (size_t j = i + 1; j < end; j++) {
        as_hook_entry *e = &w->entry[j];
        if (e->done || e->run == run || w->state[e->run].is_idle) continue;
        if (e->hook != hook || w->state[e->run].place != w->state[run].place + 1) break;
        w->site[n++] = rows_of(s, e->run, v);
        e->done = true;
        run = e->run;
    }
    return n;
}

/* A parent stands before its children, so what an idle run reads has been changed by then. */
void as_step_hooks(as_step *s, size_t slot, const as_site_view *view)
{
    as_work *w = s->w;
    if (w->n_entries == 0) return;
    for (size_t i = w->slot[slot]; i < w->slot[slot + 1]; i++) {
        const as_hook_entry *e = &w->entry[i];
        const as_run_state *state = &w->state[e->run];
        if (e->done || state->rows == 0) continue;
        if (state->is_idle && !e->hook->reads_only) continue;
        size_t n = collect(s, i, w->slot[slot + 1], view);
        e->hook->forward(e->hook, s->ex, w->site, n);
    }
}

/* ---- the way back ---- */

void as_step_hooks_again(as_step *s, size_t slot)
{
    as_work *w = s->w;
    if (w->n_entries == 0) return;
    for (size_t i = w->slot[slot]; i < w->slot[slot + 1]; i++)
        w->entry[i].done = w->entry[i].hook->reads_only;
}

/* The last entry of the run that begins at entry i whose turn has not been; end when there is none.
 */
static size_t last_pending(const as_work *w, size_t i, size_t end)
{
    size_t found = end;
    for (size_t run = w->entry[i].run; i < end && w->entry[i].run == run; i++)
        if (!w->entry[i].done && !w->entry[i].hook->reads_only) found = i;
    return found;
}

static size_t next_run(const as_work *w, size_t i, size_t end)
{
    for (size_t run = w->entry[i].run; i < end && w->entry[i].run == run; i++) {
    }
    return i;
}

/* From the run that begins at entry i on: the neighbouring runs whose last hook is the same. */
static size_t collect_back(as_step *s, size_t i, size_t end, const as_site_view *v)
{
    as_work *w = s->w;
    const size_t first = last_pending(w, i, end);
    const as_hook *hook = w->entry[first].hook;
    size_t n = 0, run = w->entry[first].run, next;
    for (; i < end; i = next) {
        next = next_run(w, i, end);
        size_t last = last_pending(w, i, end);
        as_hook_entry *e = &w->entry[last];
        if (n > 0 && (last == end || e->hook != hook || e->run != run + n)) break;
        w->site[n++] = rows_of(s, e->run, v);
        e->done = true;
    }
    return n;
}

void as_step_hooks_back(as_step *s, size_t slot, const as_site_view *view)
{
    as_work *w = s->w;
    if (w->n_entries == 0) return;
    as_step_hooks_again(s, slot);
    const size_t end = w->slot[slot + 1];
    for (size_t i = w->slot[slot]; i < end;) {
        const size_t last = last_pending(w, i, end);
        if (last == end) {
            i = next_run(w, i, end);
            continue;
        }
        const as_hook *hook = w->entry[last].hook;
        const size_t n = collect_back(s, i, end, view);
        hook->backward(hook, s->ex, w->site, n);
    }
}
