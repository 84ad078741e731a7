/* Products and widening, one element at a time: what the other tables must reproduce. */
#include <math.h>

#include "engine/tensor/linear_internal.h"

void as_scalar_tile(float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb,
                    size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            float x = a[i * lda + p];
            for (size_t j = 0; j < n; j++) c[i * ldc + j] = fmaf(x, b[p * ldb + j], c[i * ldc + j]);
        }
    }
}

void as_scalar_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < cols; j++) y[j * ldy + i] = x[i * ldx + j];
    }
}

double as_scalar_peak(size_t n)
{
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < 8; j++) x[j] = fmaf(x[j], 0.75f, 0.5f);
    }
    volatile float used = 0;
    for (size_t j = 0; j < 8; j++) used = used + x[j];
    return 16 * (double)n;
}

/* ---- plain types ---- */

void as_scalar_widen_f32(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                         size_t nk)
{
    (void)n_in;
    const float *w = (const float *)panel + 16 * k0;
    for (size_t k = 0; k < nk; k++) memcpy(out + k * ldo, w + 16 * k, 16 * sizeof *w);
}

void as_scalar_widen_f16(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                         size_t nk)
{
    (void)n_in;
    const uint16_t *w = (const uint16_t *)panel + 16 * k0;
    for (size_t k = 0; k < nk; k++) {
        for (size_t l = 0; l < 16; l++) out[k * ldo + l] = as_f32_of_f16(w[16 * k + l]);
    }
}

void as_scalar_widen_bf16(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const uint32_t *w = panel;
    for (size_t k = k0; k < k0 + nk; k++, out += ldo) {
        for (size_t l = 0; l < 16; l++) {
            uint32_t pair = w[16 * (k / 2) + l];
            out[l] = as_f32_of_bits(k % 2 ? pair & 0xffff0000u : pair << 16);
        }
    }
}

/* ---- blocks ---- */

void as_scalar_widen_q8_0(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const as_panel_q8_0 *p = (const as_panel_q8_0 *)panel + k0 / 32;
    for (size_t k = 0; k < nk; k++, out += ldo) {
        const as_panel_q8_0 *b = p + k / 32;
        for (size_t l = 0; l < 16; l++) out[l] = as_f32_of_f16(b->d[l]) * (float)b->q[k % 32][l];
    }
}

/* Code k of lanes that hold eight codes of four bits each. */
static int nibble(const uint32_t q[][16], size_t k, size_t lane)
{
    return (int)(q[k / 8][lane] >> (4 * (k % 8)) & 15);
}

void as_scalar_widen_q4_0(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const as_panel_q4_0 *p = (const as_panel_q4_0 *)panel + k0 / 32;
    for (size_t k = 0; k < nk; k++, out += ldo) {
        const as_panel_q4_0 *b = p + k / 32;
        for (size_t l = 0; l < 16; l++)
            out[l] = as_f32_of_f16(b->d[l]) * (float)(nibble(b->q, k % 32, l) - 8);
    }
}

void as_scalar_widen_q4_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const as_panel_q4_k *p = panel;
    for (size_t k = k0; k < k0 + nk; k++, out += ldo) {
        const as_panel_q4_k *b = p + k / 256;
        size_t s = k % 256 / 32;
        for (size_t l = 0; l < 16; l++) {
            float scale = as_f32_of_f16(b->d[l]) * (float)b->sub[s].scale[l];
            float min = as_f32_of_f16(b->dmin[l]) * (float)b->sub[s].min[l];
            out[l] = scale * (float)nibble(b->sub[s].q, k % 32, l) - min;
        }
    }
}

static int five_bits(const uint32_t q[5][16], size_t k, size_t lane)
{
    if (k < 30) return (int)(q[k / 6][lane] >> (5 * (k % 6)) & 31);
    size_t first = k == 30 ? 0 : 2;
    uint32_t top = q[4][lane] >> (k == 30 ? 30 : 31) & 1;
    return (int)(q[first][lane] >> 30 | q[first + 1][lane] >> 30 << 2 | top << 4);
}

void as_scalar_widen_q5_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const as_panel_q5_k *p = panel;
    for (size_t k = k0; k < k0 + nk; k++, out += ldo) {
        const as_panel_q5_k *b = p + k / 256;
        size_t s = k % 256 / 32;
        for (size_t l = 0; l < 16; l++) {
            float scale = as_f32_of_f16(b->d[l]) * (float)b->sub[s].scale[l];
            float min = as_f32_of_f16(b->dmin[l]) * (float)b->sub[s].min[l];
            out[l] = scale * (float)five_bits(b->sub[s].q, k % 32, l) - min;
        }
    }
}

static int six_bits(const uint32_t q[3][16], size_t k, size_t lane)
{
    uint32_t last = q[0][lane] >> 30 | q[1][lane] >> 30 << 2 | q[2][lane] >> 30 << 4;
    uint32_t code = k < 15 ? q[k / 5][lane] >> (6 * (k % 5)) & 63 : last;
    return (int)(code ^ 32) - 32; /* two's complement */
}

void as_scalar_widen_q6_k(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                          size_t nk)
{
    (void)n_in;
    const as_panel_q6_k *p = panel;
    for (size_t k = k0; k < k0 + nk; k++, out += ldo) {
        const as_panel_q6_k *b = p + k / 256;
        size_t s = k % 256 / 16;
        for (size_t l = 0; l < 16; l++) {
            float scale = as_f32_of_f16(b->d[l]) * (float)b->sub[s].scale[l];
            out[l] = scale * (float)six_bits(b->sub[s].q, k % 16, l);
        }
    }
}

void as_scalar_widen_nf4(float *out, size_t ldo, const void *panel, size_t n_in, size_t k0,
                         size_t nk)
{
    (void)n_in;
    const as_panel_nf4_head *head = panel;
    const as_panel_nf4 *p = (const as_panel_nf4 *)(head + 1) + k0 / 64;
    for (size_t k = 0; k < nk; k++, out += ldo) {
        const as_panel_nf4 *b = p + k / 64;
        for (size_t l = 0; l < 16; l++) {
            float w = head->map[nibble(b->q, k % 64, l)] * b->scale[l];
            out[l] = head->round_to == AS_BF16 ? as_nf4_cut(w)
                                               : as_round_to((as_dtype)head->round_to, w);
        }
    }
}
