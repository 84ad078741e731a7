/* Causal attention over paged caches. A page holds the keys and values of AS_PAGE consecutive
 * positions of one layer for all its key heads; page p covers positions p*AS_PAGE onwards. A query
 * walks the pages from the first one in its window, block by block, with a running maximum (Milakov
 * & Gimelshein 2018, arXiv:1805.02867), so its bits depend on its own keys alone: not on how the
 * prompt was cut, nor on who is beside it. */
#ifndef AS_ENGINE_TENSOR_ATTENTION_H
#define AS_ENGINE_TENSOR_ATTENTION_H

#include <stdint.h>

#include "engine/tensor/exec.h"

#define AS_PAGE 64

/* One page, for each key head in turn: keys (d, AS_PAGE), element by element, then values
 * (AS_PAGE, d). */
size_t as_page_floats(size_t key_heads,
                      size_t d); /* floats in a page; AS_PAGE * key_heads * d * 2 */

/* Writes k, v (rows, key_heads, d; rows ldk, ldv apart) of positions first, first + 1, ... */
void as_page_store(const as_exec *ex, float *const *pages, uint32_t first, const float *k,
                   size_t ldk, const float *v, size_t ldv, size_t rows, size_t key_heads, size_t d);

/* One run of consecutive positions of one row: queries q at first .. first + rows - 1, whose keys
 * and values up to first + rows - 1 are in pages. */
typedef struct {
    const float *q; /* (rows, heads, d), rows ldq apart */
    float *o;       /* (rows, heads, d), rows ldo apart */
    float *const *pages;
    uint32_t first;
    size_t rows;
    float *lse; /* NULL, or (rows, heads): gets log sum_j exp(scale q . k_j) */
} as_attention_run;

/* o_i = sum_j softmax_j(scale q_i . k_j) v_j over j <= i and, with window > 0, j > i - window.
 * Query head h reads key head h / (heads / key_heads). For each block of AS_PAGE positions (cut to
 * what query i may see): s_j = scale * (q . k_j), the products added in order by fma;
 * m' = max(m, max s); p_j = exp(s_j - m'); l = l exp(m - m') + sum of p (in order);
 * o = o exp(m - m') + p_j v_j (j ascending, fma). At the end o / l.
 * Runs whose pages are the same memory are taken together. Shared out over (run, key head). */
void as_attention(const as_exec *ex, const as_attention_run *runs, size_t n_runs, size_t ldq,
                  size_t ldo, size_t heads, size_t key_heads, size_t d, float scale, size_t window);

/* Gradients of a whole sequence (first = 0), the weights computed again from lse (Dao et al. 2022,
 * arXiv:2205.14135). With p_ij = exp(scale q_i . k_j - lse_i) and D_i = d_o_i . o_i:
 *   dv_j += sum_i p_ij d_o_i;   ds_ij = p_ij (d_o_i . v_j - D_i)
 *   dq_i += scale sum_j ds_ij k_j;   dk_j += scale sum_i ds_ij q_i
 * Keys and values come from pages; dk, dv sum over the query heads of their key head, in an order
 * that depends on nothing but the sequence. Shared out over (run, key head). */
typedef struct {
    const float *q, *o, *d_o; /* (rows, heads, d), rows ldq apart (all three) */
    const float *lse;         /* (rows, heads) */
    float *const *pages;
    float *dq;      /* (rows, heads, d), rows ldq apart */
    float *dk, *dv; /* (rows, key_heads, d), rows ldk apart */
    size_t rows;
} as_attention_back;
void as_attention_backward(const as_exec *ex, const as_attention_back *runs, size_t n_runs,
                           size_t ldq, size_t ldk, size_t heads, size_t key_heads, size_t d,
                           float scale, size_t window);

#endif
