/* From final states to losses and back. Logits are made only for tokens that are targets, a block
 * of them at a time, so that memory does not grow with the vocabulary times the batch. */
#ifndef AS_ENGINE_TRAIN_LOSS_H
#define AS_ENGINE_TRAIN_LOSS_H

#include "engine/model/tape.h"

typedef struct as_loss as_loss;

/* Work memory for states of this model; at most max_rows targets are taken together. Borrows model,
 * ex and tape until free. */
AS_MUST_CHECK as_loss *as_loss_new(const as_model *m, const as_exec *ex, as_tape *tape,
                                   size_t max_rows, as_error *err);
void as_loss_free(as_loss *l);
size_t as_loss_bytes(const as_model *m, size_t max_rows); /* what as_loss_new takes */

/* State `row` of a tape's final states predicts token `id`. */
typedef struct {
    size_t row;
    uint32_t id;
} as_target;

/* nll[i] = log sum exp z - z[id], z the logits of target i's state (as_model_head); n of them.
 * With d_final (rows, dim, as final): d_final[row] += scale (softmax(z) - onehot(id)) W, the
 * gradient of scale * nll, through a soft cap where there is one. Targets in order of their rows.
 */
void as_loss_nll(as_loss *l, const float *final, const as_target *target, size_t n, double *nll,
                 float *d_final, float scale);

/* kl[i] = sum_v p_v (log p_v - log q_v), p and q the distributions of target i's state in `final`
 * and in `other`: nats. */
void as_loss_kl(as_loss *l, const float *final, const float *other, const as_target *target,
                size_t n, double *kl);

/* ---- direct preference optimisation, Rafailov et al. 2023 (arXiv:2305.18290), eq. 7 ---- */

/* One pair: sums of log-probabilities of the completion's tokens. */
typedef struct {
    double chosen, rejected;         /* policy */
    double ref_chosen, ref_rejected; /* reference */
} as_pair_logps;

/* With delta = (chosen - ref_chosen) - (rejected - ref_rejected) and smoothing e (Mitchell 2023):
 *   loss = -(1 - e) log sigmoid(beta delta) - e log sigmoid(-beta delta)
 * Returns it; *slope = d loss / d delta = -beta ((1 - e) sigmoid(-beta delta) - e sigmoid(beta
 * delta)). */
double as_dpo(const as_pair_logps *p, double beta, double smoothing, double *slope);

#endif
