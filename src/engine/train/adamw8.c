/* AdamW whose moments are codes of 8 bits between steps: blocks of 256 values under one scale, the
 * largest magnitude of the block (Dettmers et al. 2022, arXiv:2110.02861). A step decodes a block,
 * does what AdamW does in 32 bits, and encodes it again; the parameter moves by the moments as they
 * were before encoding. */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/tensor/quant.h"
#include "engine/train/optimiser_internal.h"

/* ---- codes ---- */

/* Boundary k of n equal parts of [0.1, 1], rounded as the released maps are: counted from the
 * nearer end, one rounding. */
static float boundary(size_t k, size_t n)
{
    const float step = (1.0f - 0.1f) / (float)n;
    if (k < (n + 1) / 2) return (float)((double)0.1f + (double)step * (double)k);
    return (float)(1.0 - (double)step * (double)(n - k));
}

static uint8_t nearest(const as_codebook *b, float x)
{
    size_t c = 0;
    while (x > b->middle[c]) c++;
    return (uint8_t)c;
}

/* Values with the leading bits of key i reach from one power-and-fraction to just below the next;
 * those below the floor all belong to key 0. */
static void fill_starts(as_codebook *b)
{
    for (uint32_t i = 0; i < AS_CODE_STARTS; i++) {
        float least = as_f32_of_bits((i + AS_CODE_FLOOR) << AS_CODE_BITS);
        float most = as_f32_of_bits(((i + 1 + AS_CODE_FLOOR) << AS_CODE_BITS) - 1);
        b->start[0][i] = nearest(b, i == 0 ? 0.0f : least);
        b->start[1][i] = nearest(b, -most);
    }
}

void as_codebook_fill(as_codebook *b, bool is_signed)
{
    static const double decade[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
    size_t zero = is_signed ? 127 : 0, above = zero + 1;
    b->value[zero] = 0.0f;
    for (size_t i = 0; i < 7; i++) {
        const size_t n = (size_t)(is_signed ? 1 : 2) << i;
        for (size_t k = 0; k < n; k++, above++) {
            float centre = (boundary(k, n) + boundary(k + 1, n)) / 2.0f;
            b->value[above] = (float)decade[i] * centre;
            if (is_signed) b->value[2 * zero - above] = -b->value[above];
        }
    }
    b->value[above] = 1.0f;
    for (size_t c = 0; c < 255; c++) b->middle[c] = (b->value[c] + b->value[c + 1]) * 0.5f;
    b->middle[255] = b->middle[256] = INFINITY;
    fill_starts(b);
}

static uint8_t code_of(const as_codebook *b, float x)
{
    uint32_t bits = as_f32_bits(x), key = (bits & 0x7fffffff) >> AS_CODE_BITS;
    key = key > AS_CODE_FLOOR ? key - AS_CODE_FLOOR : 0;
    size_t c = b->start[bits >> 31][key];
    c += x > b->middle[c];
    c += x > b->middle[c];
    return (uint8_t)c;
}

void as_codes_encode(const as_codebook *b, uint8_t *codes, float *top, float *x, size_t n)
{
    float lane[16] = {0};
    for (size_t i = 0; i < AS_BLOCK; i += 16) {
        for (size_t l = 0; l < 16; l++) {
            float a = fabsf(x[i + l]);
            lane[l] = a > lane[l] ? a : lane[l];
        }
    }
    *top = 0.0f;
    for (size_t l = 0; l < 16; l++) *top = lane[l] > *top ? lane[l] : *top;
    const float divisor = *top > 0.0f ? *top : 1.0f;
    for (size_t i = 0; i < AS_BLOCK; i++) x[i] /= divisor;
    for (size_t i = 0; i < n; i++) codes[i] = code_of(b, x[i]);
}

void as_codes_decode(const as_codebook *b, float *x, const uint8_t *codes, float top, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = b->value[codes[i]] * top;
}

/* ---- the keeper ---- */

static bool begin_codebooks(as_optimiser *o, as_error *err)
{
    if (o->signed_codes) return true;
    as_codebook *both = as_arena_push(o->arena, 2, sizeof *both, err);
    if (!both) return false;
    as_codebook_fill(&both[0], true);
    as_codebook_fill(&both[1], false);
    o->signed_codes = &both[0];
    o->unsigned_codes = &both[1];
    return true;
}

static bool begin(as_optimiser *o, as_slot *s, as_error *err)
{
    const size_t n_blocks = s->n / AS_BLOCK + (s->n % AS_BLOCK > 0);
    if (!begin_codebooks(o, err)) return false;
    s->m_codes = as_state_push(o, s, "m8", s->n, 1, err);
    if (!s->m_codes) return false;
    s->m_tops = as_state_push(o, s, "m8.scale", n_blocks, sizeof *s->m_tops, err);
    if (!s->m_tops) return false;
    s->v_codes = as_state_push(o, s, "v8", s->n, 1, err);
    if (!s->v_codes) return false;
    s->v_tops = as_state_push(o, s, "v8.scale", n_blocks, sizeof *s->v_tops, err);
    return s->v_tops != NULL;
}

/* A piece begins at a block. */
static bool step(const as_optimiser *o, const as_exec *ex, as_slot *s, const as_piece *p,
                 size_t worker, bool is_trial)
{
    (void)worker;
    const as_parameter *of = s->param;
    bool is_finite = true;
    for (size_t at = p->at; at < p->at + p->n; at += AS_BLOCK) {
        float m[AS_BLOCK] = {0}, v[AS_BLOCK] = {0};
        size_t left = p->at + p->n - at, n = left < AS_BLOCK ? left : AS_BLOCK, b = at / AS_BLOCK;
        as_codes_decode(o->signed_codes, m, s->m_codes + at, s->m_tops[b], n);
        as_codes_decode(o->unsigned_codes, v, s->v_codes + at, s->v_tops[b], n);
        is_finite &= ex->kernels->adamw(of->value + at, m, v, of->grad + at, &o->adamw[of->decays],
                                        n, is_trial);
        if (is_trial) continue;
        as_codes_encode(o->signed_codes, s->m_codes + at, &s->m_tops[b], m, n);
        as_codes_encode(o->unsigned_codes, s->v_codes + at, &s->v_tops[b], v, n);
    }
    return is_finite;
}

const as_keeper as_keeper_adamw8 = {begin, step};
