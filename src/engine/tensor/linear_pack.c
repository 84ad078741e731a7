/* From stored rows to panels: linear_internal.h says how they lie. Stored codes are moved, never
 * computed anew; the one exception is told at nf4_scale. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "engine/tensor/linear_internal.h"

typedef struct {
    const as_weight_source *source;
    as_weight *w;
    atomic_bool failed; /* a NF4 block has no scale: nf4_scale */
} job;

static size_t lanes_of(const as_weight *w, size_t panel)
{
    size_t left = w->out - 16 * panel;
    return left < 16 ? left : 16;
}

static size_t stored_row(const as_weight_source *s, size_t output)
{
    return s->rows ? s->rows[output] : output;
}

/* The bytes of the stored row of an output; for plain types and whole blocks. */
static const uint8_t *row_bytes(const as_weight_source *s, size_t output)
{
    size_t in_bytes = s->in / as_dtype_block(s->type) * as_dtype_block_bytes(s->type);
    return (const uint8_t *)s->data + stored_row(s, output) * in_bytes;
}

/* ---- plain types ---- */

static uint16_t half_at(const as_weight_source *s, const uint8_t *row, size_t k)
{
    uint16_t h;
    memcpy(&h, row + 2 * (s->cols ? s->cols[k] : k), sizeof h);
    return h;
}

static void pack_f32(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    float *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k++)
        memcpy(p + 16 * k + lane, row + 4 * (s->cols ? s->cols[k] : k), 4);
}

static void pack_f16(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    uint16_t *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k++) p[16 * k + lane] = half_at(s, row, k);
}

static void pack_bf16(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    uint32_t *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 2) {
        uint32_t high = k + 1 < s->in ? half_at(s, row, k + 1) : 0;
        p[8 * k + lane] = half_at(s, row, k) | high << 16;
    }
}

/* ---- blocks ---- */

/* The low nibbles of eight bytes, first byte lowest. */
static uint32_t low_nibbles(uint64_t x)
{
    x &= 0x0f0f0f0f0f0f0f0fu;
    x = (x | x >> 4) & 0x00ff00ff00ff00ffu;
    x = (x | x >> 8) & 0x0000ffff0000ffffu;
    return (uint32_t)(x | x >> 16);
}

static uint64_t eight_bytes(const uint8_t *p)
{
    uint64_t x = 0;
    for (size_t i = 8; i-- > 0;) x = x << 8 | p[i];
    return x;
}

static void pack_q8_0(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_q8_0 *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 32, p++, row += sizeof(as_block_q8_0)) {
        as_block_q8_0 b;
        memcpy(&b, row, sizeof b);
        p->d[lane] = b.d;
        for (size_t i = 0; i < 32; i++) p->q[i][lane] = b.q[i];
    }
}

static void pack_q4_0(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_q4_0 *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 32, p++, row += sizeof(as_block_q4_0)) {
        as_block_q4_0 b;
        memcpy(&b, row, sizeof b);
        p->d[lane] = b.d;
        for (size_t j = 0; j < 2; j++) {
            uint64_t q = eight_bytes(b.q + 8 * j);
            p->q[j][lane] = low_nibbles(q);
            p->q[j + 2][lane] = low_nibbles(q >> 4);
        }
    }
}

static void pack_q4_k(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_q4_k *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 256, p++, row += sizeof(as_block_q4_k)) {
        as_block_q4_k b;
        memcpy(&b, row, sizeof b);
        p->d[lane] = b.d;
        p->dmin[lane] = b.dmin;
        for (size_t t = 0; t < 8; t++) {
            as_k_scale(b.scale, t, &p->sub[t].scale[lane], &p->sub[t].min[lane]);
            for (size_t j = 0; j < 4; j++) {
                uint64_t q = eight_bytes(b.q + 32 * (t / 2) + 8 * j);
                p->sub[t].q[j][lane] = low_nibbles(t % 2 ? q >> 4 : q);
            }
        }
    }
}

/* 32 codes of five bits into the lane of five rows. */
static void put_five_bits(uint32_t q[5][16], size_t lane, const uint8_t code[32])
{
    uint32_t top[5] = {code[30] & 3u, code[30] >> 2 & 3u, code[31] & 3u, code[31] >> 2 & 3u,
                       (uint32_t)(code[30] >> 4 | code[31] >> 4 << 1)};
    for (size_t j = 0; j < 5; j++) {
        uint32_t x = top[j] << 30;
        for (size_t i = 0; i < 6; i++) x |= (uint32_t)code[6 * j + i] << (5 * i);
        q[j][lane] = x;
    }
}

static void pack_q5_k(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_q5_k *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 256, p++, row += sizeof(as_block_q5_k)) {
        as_block_q5_k b;
        memcpy(&b, row, sizeof b);
        p->d[lane] = b.d;
        p->dmin[lane] = b.dmin;
        for (size_t t = 0; t < 8; t++) {
            uint8_t code[32];
            as_k_scale(b.scale, t, &p->sub[t].scale[lane], &p->sub[t].min[lane]);
            for (size_t l = 0; l < 32; l++) {
                int low = b.q[32 * (t / 2) + l] >> (t % 2 ? 4 : 0) & 15;
                code[l] = (uint8_t)(low | (b.high[l] >> t & 1) << 4);
            }
            put_five_bits(p->sub[t].q, lane, code);
        }
    }
}

static void pack_q6_k(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_q6_k *p = panel;
    const uint8_t *row = row_bytes(s, output);
    for (size_t k = 0; k < s->in; k += 256, p++, row += sizeof(as_block_q6_k)) {
        as_block_q6_k b;
        memcpy(&b, row, sizeof b);
        p->d[lane] = b.d;
        for (size_t t = 0; t < 16; t++) { /* 16 codes: half t / 8, part t / 2 % 4 of 32 */
            const size_t half = t / 8, part = t / 2 % 4, first = 16 * (t % 2);
            const uint8_t *low = b.low + 64 * half + 32 * (part & 1) + first;
            const uint8_t *high = b.high + 32 * half + first;
            uint32_t x[3] = {0};
            for (size_t i = 0; i < 16; i++) {
                uint32_t top = high[i] >> (2 * part) & 3u;
                uint32_t code = (low[i] >> (part < 2 ? 0 : 4) & 15u) | top << 4;
                code ^= 32; /* less 32, in two's complement */
                if (i < 15) x[i / 5] |= code << (6 * (i % 5));
                for (size_t j = 0; i == 15 && j < 3; j++) x[j] |= (code >> (2 * j) & 3) << 30;
            }
            p->sub[t].scale[lane] = b.scale[t];
            for (size_t j = 0; j < 3; j++) p->sub[t].q[j][lane] = x[j];
        }
    }
}

/* ---- NF4 ---- */

static bool scale_fits(const as_nf4 *nf4, const float want[16], float scale)
{
    bool fits = true;
    for (size_t c = 0; c < 16; c++)
        fits &= as_f32_bits(as_nf4_cut(nf4->map[c] * scale)) == as_f32_bits(want[c]);
    return fits;
}

/* The scale a panel holds for a block. Rounded to BF16, ties go up in the panel (as_panel_nf4) and
 * to even on disk; a scale a few units in the last place away gives the disk's sixteen values. */
static bool nf4_scale(const as_nf4 *nf4, float absmax, float *scale)
{
    enum { NEIGHBOURS = 8 };
    float want[16], below = absmax, above = absmax;
    *scale = absmax;
    if (nf4->round_to != AS_BF16) return true;
    for (size_t c = 0; c < 16; c++) want[c] = as_round_to(AS_BF16, nf4->map[c] * absmax);
    if (scale_fits(nf4, want, absmax)) return true;
    for (int i = 0; i < NEIGHBOURS; i++) {
        below = nextafterf(below, -INFINITY);
        above = nextafterf(above, INFINITY);
        *scale = below;
        if (scale_fits(nf4, want, below)) return true;
        *scale = above;
        if (scale_fits(nf4, want, above)) return true;
    }
    return false;
}

static bool pack_nf4(const as_weight_source *s, void *panel, size_t lane, size_t output)
{
    as_panel_nf4_head *head = panel;
    as_panel_nf4 *p = (as_panel_nf4 *)(head + 1);
    size_t first = stored_row(s, output) * s->in;
    const uint8_t *code = (const uint8_t *)s->data + first / 2;
    bool ok = true;
    for (size_t b = 0; b < s->in / 64; b++, code += 32) {
        ok &= nf4_scale(s->nf4, s->nf4->absmax[first / 64 + b], &p[b].scale[lane]);
        for (size_t j = 0; j < 8; j++) {
            uint32_t x = 0; /* eight codes, the first in the high nibble of the first byte */
            for (size_t i = 4; i-- > 0;) x = x << 8 | code[4 * j + i];
            p[b].q[j][lane] = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
        }
    }
    memcpy(head->map, s->nf4->map, sizeof head->map);
    head->round_to = (uint32_t)s->nf4->round_to;
    return ok;
}

/* A NF4 row as what it decodes to, element by element. */
static void pack_decoded(const as_weight_source *s, as_dtype to, void *panel, size_t lane,
                         size_t output)
{
    enum { PIECE = 64 };
    float value[PIECE];
    for (size_t k = 0; k < s->in; k += PIECE) {
        size_t n = s->in - k < PIECE ? s->in - k : PIECE;
        bool ok =
            as_dequantise(AS_NF4, s->nf4, value, s->data, stored_row(s, output) * s->in + k, n);
        AS_CHECK(ok);
        for (size_t i = 0; i < n; i++) {
            uint16_t h = to == AS_BF16 ? as_bf16_of_f32(value[i]) : as_f16_of_f32(value[i]);
            if (to == AS_F32) ((float *)panel)[16 * (k + i) + lane] = value[i];
            if (to == AS_F16) ((uint16_t *)panel)[16 * (k + i) + lane] = h;
            if (to != AS_BF16) continue;
            uint32_t *pair = (uint32_t *)panel + 16 * ((k + i) / 2) + lane;
            *pair = (k + i) % 2 ? *pair | (uint32_t)h << 16 : h;
        }
    }
}

/* ---- the whole ---- */

typedef void packer(const as_weight_source *s, void *panel, size_t lane, size_t output);
static packer *const packers[AS_N_DTYPES] = {
    [AS_F32] = pack_f32,   [AS_F16] = pack_f16,   [AS_BF16] = pack_bf16, [AS_Q8_0] = pack_q8_0,
    [AS_Q4_0] = pack_q4_0, [AS_Q4_K] = pack_q4_k, [AS_Q5_K] = pack_q5_k, [AS_Q6_K] = pack_q6_k,
};

static void pack_panel(void *context, size_t panel, size_t worker)
{
    (void)worker;
    job *j = context;
    const as_weight_source *s = j->source;
    void *p = (uint8_t *)j->w->panels + panel * j->w->panel_bytes;
    size_t lanes = lanes_of(j->w, panel);
    if (lanes < 16) memset(p, 0, j->w->panel_bytes);
    for (size_t lane = 0; lane < lanes; lane++) {
        size_t output = 16 * panel + lane;
        if (s->type != AS_NF4)
            packers[s->type](s, p, lane, output);
        else if (j->w->type != AS_NF4)
            pack_decoded(s, j->w->type, p, lane, output);
        else if (!pack_nf4(s, p, lane, output))
            atomic_store_explicit(&j->failed, true, memory_order_relaxed);
    }
}

/* Bytes of one panel. */
static bool panel_size(as_dtype t, size_t in, size_t *bytes, as_error *err)
{
    static const size_t block_bytes[AS_N_DTYPES] = {
        [AS_F32] = 16 * 4,
        [AS_F16] = 16 * 2,
        [AS_BF16] = 16 * 4,
        [AS_Q8_0] = sizeof(as_panel_q8_0),
        [AS_Q4_0] = sizeof(as_panel_q4_0),
        [AS_Q4_K] = sizeof(as_panel_q4_k),
        [AS_Q5_K] = sizeof(as_panel_q5_k),
        [AS_Q6_K] = sizeof(as_panel_q6_k),
        [AS_NF4] = sizeof(as_panel_nf4),
    };
    size_t block = t == AS_BF16 ? 2 : as_dtype_block(t);
    if (!as_size_mul(in / block + (in % block != 0), block_bytes[t], bytes, err)) return false;
    return t != AS_NF4 || as_size_add(*bytes, sizeof(as_panel_nf4_head), bytes, err);
}

static bool lay_out(const as_exec *ex, as_weight *w, const as_weight_source *s, as_dtype type,
                    bool *ok, as_error *err)
{
    job j = {.source = s, .w = w};
    size_t panels = w->out / 16 + (w->out % 16 != 0);
    w->type = type;
    if (!panel_size(type, w->in, &w->panel_bytes, err)) return false;
    w->panels = as_aligned_new(panels, w->panel_bytes, err);
    if (!w->panels) return false;
    atomic_init(&j.failed, false);
    as_pool_run(ex->pool, panels, pack_panel, &j);
    *ok = !atomic_load(&j.failed);
    return true;
}

static bool is_sound(const as_weight_source *s, as_error *err)
{
    if (s->type != AS_NF4 && !packers[s->type])
        return as_fail(err, AS_EFORMAT,
                       "type (found %s, expected F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K or "
                       "NF4)",
                       as_dtype_name(s->type));
    size_t block = as_dtype_block(s->type);
    AS_CHECK(block == 1 || !s->cols);
    if (s->type != AS_NF4) {
        if (s->in % block == 0) return true;
        return as_fail(err, AS_EFORMAT, "%s row (found %zu elements, expected a multiple of %zu)",
                       as_dtype_name(s->type), s->in, block);
    }
    AS_CHECK(s->nf4);
    size_t has = 0, last = 0, needs = 0;
    for (size_t i = 0; i < s->out; i++) {
        if (stored_row(s, i) > last) last = stored_row(s, i);
    }
    if (s->out > 0 && !as_size_mul(last + 1, s->in, &needs, err)) return false;
    if (!as_size_mul(s->nf4->n_blocks, AS_NF4_BLOCK, &has, err)) return false;
    if (has >= needs) return true;
    return as_fail(err, AS_EFORMAT, "NF4 absmax (found %zu, expected at least %zu)",
                   s->nf4->n_blocks, needs / AS_NF4_BLOCK + (needs % AS_NF4_BLOCK != 0));
}

bool as_weight_pack(const as_exec *ex, as_weight *w, const as_weight_source *source, as_error *err)
{
    bool ok = true;
    *w = (as_weight){.out = source->out, .in = source->in};
    if (!is_sound(source, err)) return false;
    if (source->type == AS_NF4) {
        w->nf4 = *source->nf4;
        w->nf4.absmax = NULL;
        w->nf4.n_blocks = 0;
        ok = source->in % AS_NF4_BLOCK == 0;
    }
    if (ok && !lay_out(ex, w, source, source->type, &ok, err)) return false;
    if (ok) return true;
    as_aligned_free(w->panels);
    return lay_out(ex, w, source, source->nf4->round_to, &ok, err);
}

void as_weight_refill(const as_exec *ex, as_weight *w, const float *values)
{
    AS_CHECK(w->type == AS_F32);
    const as_weight_source source = {.type = AS_F32, .out = w->out, .in = w->in, .data = values};
    job j = {.source = &source, .w = w};
    atomic_init(&j.failed, false);
    as_pool_run(ex->pool, w->out / 16 + (w->out % 16 != 0), pack_panel, &j);
}

void as_weight_clear(as_weight *w)
{
    as_aligned_free(w->panels);
    *w = (as_weight){0};
}

size_t as_weight_bytes(const as_weight *w)
{
    return (w->out / 16 + (w->out % 16 != 0)) * w->panel_bytes;
}
