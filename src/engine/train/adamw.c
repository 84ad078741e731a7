/* AdamW with moments of 32 bits (Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019,
 * arXiv:1711.05101). The corrections of bias are folded into rate and eps, which saves a division:
 *   (m / c1) / (sqrt(v / c2) + eps) = (sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2)),
 * with c1 = 1 - beta1^k and c2 = 1 - beta2^k. */
#include "engine/train/optimiser_internal.h"

static bool begin(as_optimiser *o, as_slot *s, as_error *err)
{
    s->m = as_state_push(o, s, "m", s->n, sizeof *s->m, err);
    if (!s->m) return false;
    s->v = as_state_push(o, s, "v", s->n, sizeof *s->v, err);
    return s->v != NULL;
}

static bool step(const as_optimiser *o, const as_exec *ex, as_slot *s, const as_piece *p,
                 size_t worker, bool is_trial)
{
    (void)worker;
    const as_parameter *of = s->param;
    return ex->kernels->adamw(of->value + p->at, s->m + p->at, s->v + p->at, of->grad + p->at,
                              &o->adamw[of->decays], p->n, is_trial);
}

const as_keeper as_keeper_adamw = {begin, step};
