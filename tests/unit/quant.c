/* Block types against the reference libraries (tools/golden/quant.py), bit for bit; conversions of
 * halves against all their values; NF4 there and back. */
#include "check.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/rng.h"
#include "engine/format/tensors.h"

/* The same float, or both NaN. */
static bool same(float a, float b)
{
    return as_f32_bits(a) == as_f32_bits(b) || (isnan(a) && isnan(b));
}

static as_buf read_golden(const char *name)
{
    char path[256];
    as_error err = {0};
    as_buf b = {0};
    (void)snprintf(path, sizeof path, "tests/golden/quant/%s", name);
    CHECK(as_file_read(path, 1 << 20, &b, &err));
    return b;
}

static uint32_t first_u32(const as_buf *b)
{
    uint32_t n = 0;
    if (b->size >= 4) memcpy(&n, b->data, 4);
    return n;
}

/* ---- halves ---- */

static double f16_value(unsigned h)
{
    int e = (int)(h >> 10 & 31);
    double m = h & 0x3ff, x = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -x : x;
}

static void halves_widen(void)
{
    for (unsigned h = 0; h < 0x10000; h++) {
        float x = as_f32_of_f16((uint16_t)h);
        unsigned rest = h & 0x7fff;
        if (rest > 0x7c00)
            CHECK(isnan(x) && (as_f32_bits(x) & 0x400000));
        else if (rest == 0x7c00)
            CHECK(isinf(x) && (x < 0) == (h >= 0x8000));
        else
            CHECK((double)x == f16_value(h) && !signbit(x) == (h < 0x8000));
        if (rest <= 0x7c00) CHECK(as_f16_of_f32(x) == h);
        if (rest > 0x7c00) CHECK(as_f16_of_f32(x) == (h | 0x200));
        float y = as_f32_of_bf16((uint16_t)h);
        CHECK(as_f32_bits(y) == (uint32_t)h << 16);
        CHECK(as_bf16_of_f32(y) == (isnan(y) ? (h | 0x40) : h));
        if (check_bad) return;
    }
}

/* Between two neighbours the nearer one, from the middle the even one. */
static void halves_round(void)
{
    for (unsigned h = 0; h < 0x7bff; h++) {
        float a = as_f32_of_f16((uint16_t)h), b = as_f32_of_f16((uint16_t)(h + 1));
        float middle = (a + b) / 2; /* exact */
        unsigned even = h % 2 == 0 ? h : h + 1;
        CHECK(as_f16_of_f32(middle) == even && as_f16_of_f32(-middle) == (even | 0x8000));
        CHECK(as_f16_of_f32(nextafterf(middle, 0)) == h);
        CHECK(as_f16_of_f32(nextafterf(middle, INFINITY)) == h + 1);
    }
    for (uint32_t h = 0; h < 0x7f7f; h += 3) {
        uint32_t u = h << 16 | 0x8000;
        CHECK(as_bf16_of_f32(as_f32_of_bits(u)) == (h % 2 ? h + 1 : h));
        CHECK(as_bf16_of_f32(as_f32_of_bits(u - 1)) == h);
        CHECK(as_bf16_of_f32(as_f32_of_bits(u + 1)) == h + 1);
    }
    CHECK(as_f16_of_f32(65519.996f) == 0x7bff);
    CHECK(as_f16_of_f32(65520.0f) == 0x7c00);
    CHECK(as_f16_of_f32(3.4e38f) == 0x7c00);
    CHECK(as_bf16_of_f32(3.4e38f) == 0x7f80);
    CHECK(as_f16_of_f32(as_f32_of_bits(0x7f800001)) == 0x7e00);
    CHECK(as_bf16_of_f32(as_f32_of_bits(0xff800001)) == 0xffc0);
}

/* ---- blocks ---- */

/* All at once, and in every kind of piece, from an odd address. */
static void check_pieces(as_dtype t, const void *blocks, size_t bytes, const float *want, size_t n)
{
    unsigned char *odd = malloc(bytes + 1);
    float *got = malloc(n * sizeof *got);
    if (!odd || !got) abort();
    memcpy(odd + 1, blocks, bytes);
    as_rng r = as_rng_at(1, "pieces", t);
    for (size_t trial = 0; trial < 300; trial++) {
        size_t first = trial ? as_rng_below(&r, n) : 0;
        size_t count = trial ? as_rng_below(&r, n - first + 1) : n;
        memset(got, 0x55, n * sizeof *got);
        CHECK(as_dequantise(t, NULL, got, odd + 1, first, count));
        for (size_t i = 0; i < count; i++) CHECK(same(got[i], want[first + i]));
        for (size_t i = count; i < n; i++) CHECK(as_f32_bits(got[i]) == 0x55555555);
        if (check_bad) break;
    }
    free(odd);
    free(got);
}

static void blocks_decode(void)
{
    static const struct {
        as_dtype type;
        const char *file;
    } rows[] = {{AS_Q8_0, "q8_0.bin"},
                {AS_Q4_0, "q4_0.bin"},
                {AS_Q4_K, "q4_k.bin"},
                {AS_Q5_K, "q5_k.bin"},
                {AS_Q6_K, "q6_k.bin"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        as_dtype t = rows[i].type;
        as_buf b = read_golden(rows[i].file);
        size_t n = first_u32(&b) * as_dtype_block(t);
        size_t bytes = first_u32(&b) * as_dtype_block_bytes(t);
        CHECK(n > 0 && b.size == 4 + bytes + 4 * n);
        if (!check_bad) {
            float *want = malloc(4 * n);
            if (!want) abort();
            memcpy(want, b.data + 4 + bytes, 4 * n);
            check_pieces(t, b.data + 4, bytes, want, n);
            free(want);
        }
        as_buf_clear(&b);
    }
}

static void blocks_encode(void)
{
    static const as_dtype types[] = {AS_F16, AS_BF16, AS_Q8_0, AS_Q4_0};
    unsigned char got[4096];
    float x[1024];
    as_buf b = read_golden("encode.bin");
    size_t n = first_u32(&b), at = 4 + 4 * n;
    CHECK(n > 0 && n <= 1024 && b.size > at);
    if (!check_bad) memcpy(x, b.data + 4, 4 * n);
    for (size_t i = 0; !check_bad && i < 4; i++) {
        size_t bytes = n / as_dtype_block(types[i]) * as_dtype_block_bytes(types[i]);
        CHECK(as_quantise(types[i], got, x, n));
        CHECK(at + bytes <= b.size && memcmp(got, b.data + at, bytes) == 0);
        at += bytes;
    }
    CHECK(at == b.size);
    CHECK(as_quantise(AS_F32, got, x, n) && memcmp(got, x, 4 * n) == 0);
    as_buf_clear(&b);
}

static void hostile_floats_encode(void)
{
    float x[32] = {NAN, INFINITY, -INFINITY, 1e-45f, -1e-45f, 3e38f};
    unsigned char got[34];
    for (int round = 0; round < 2; round++) {
        CHECK(as_quantise(AS_Q8_0, got, x, 32));
        CHECK(as_quantise(AS_Q4_0, got, x, 32));
        x[1] = x[2] = x[5] = 0; /* NaN and the smallest subnormals alone */
    }
}

static void types_that_do_not_decode(void)
{
    float out = 1.0f;
    unsigned char bytes[64] = {0};
    CHECK(!as_dequantise(AS_U8, NULL, &out, bytes, 0, 1) && out == 1.0f);
    CHECK(!as_dequantise(AS_OTHER, NULL, &out, bytes, 0, 1) && out == 1.0f);
    CHECK(!as_dequantise(AS_NF4, NULL, &out, bytes, 0, 1) && out == 1.0f);
    CHECK(!as_quantise(AS_Q4_K, bytes, &out, 0));
    CHECK(!as_quantise(AS_Q8_0, bytes, &out, 1));
    CHECK_TEXT(as_dtype_name(AS_Q4_K), "Q4_K");
    CHECK_TEXT(as_dtype_name(AS_OTHER), "other");
    CHECK(as_dtype_block(AS_NF4) == 64 && as_dtype_block_bytes(AS_NF4) == 32);
}

/* ---- NF4 ---- */

static const char *const packs[] = {"nested", "partial", "plain", "whole"};

static const as_tensor *tensor_of(const as_tensors *file, const char *pack, const char *part)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", pack, part);
    const as_tensor *t = as_tensors_find(file, name);
    CHECK(t != NULL);
    return t;
}

/* All elements of a plain tensor. Gives: free. */
static float *floats_of(const as_tensor *t)
{
    size_t n = as_tensor_count(t);
    float *x = malloc(n * sizeof *x + 1);
    if (!x) abort();
    CHECK(as_dequantise(t->dtype, t->nf4, x, t->data, 0, n));
    return x;
}

static void nf4_decodes(void)
{
    as_error err = {0};
    as_tensors *file = as_tensors_open("tests/golden/quant/nf4.safetensors", &err);
    CHECK(file != NULL);
    if (!file) return;
    CHECK(as_tensors_count(file) == 12); /* weight, source and decoded, four times */
    for (size_t i = 0; i < 4; i++) {
        const as_tensor *w = tensor_of(file, packs[i], "weight");
        const as_tensor *d = tensor_of(file, packs[i], "decoded");
        if (!w || !d) break;
        CHECK(w->dtype == AS_NF4 && w->nf4 && w->n_dims == 2);
        CHECK(as_tensor_shape_is(w, d->n_dims, d->dim, &err));
        CHECK(w->nf4->round_to == d->dtype);
        CHECK(memcmp(w->nf4->map, as_nf4_map, sizeof as_nf4_map) == 0);
        size_t n = as_tensor_count(w);
        float *got = floats_of(w), *want = floats_of(d);
        for (size_t k = 0; k < n; k++) CHECK(same(got[k], want[k]));
        float piece[7] = {0};
        CHECK(as_dequantise(AS_NF4, w->nf4, piece, w->data, 61, 7));
        for (size_t k = 0; k < 7; k++) CHECK(same(piece[k], want[61 + k]));
        as_scan scan = as_tensors_scan(w, NULL);
        CHECK(scan.n_nan == 0 && scan.n_inf == 0);
        free(got);
        free(want);
    }
    as_tensors_close(file);
}

static void nf4_encodes(void)
{
    as_error err = {0};
    as_tensors *file = as_tensors_open("tests/golden/quant/nf4.safetensors", &err);
    CHECK(file != NULL);
    if (!file) return;
    for (size_t i = 0; i < 4; i++) {
        const as_tensor *w = tensor_of(file, packs[i], "weight");
        const as_tensor *source = tensor_of(file, packs[i], "source");
        if (!w || !source) break;
        size_t n = as_tensor_count(w), n_blocks = w->nf4->n_blocks,
               n_nests = (n_blocks + 255) / 256;
        float map[256], offset;
        float *x = floats_of(source), *absmax = malloc(4 * n_blocks), *nested = malloc(4 * n_nests);
        unsigned char *codes = malloc((n + 1) / 2), *nest = malloc(n_blocks);
        if (!absmax || !nested || !codes || !nest) abort();
        as_nf4_quantise(codes, absmax, x, n);
        /* bitsandbytes pads an odd count with code 7 (zero), we with 0 */
        if (n % 2) codes[n / 2] |= 7;
        CHECK(memcmp(codes, w->data, (n + 1) / 2) == 0);
        for (size_t b = 0; b < n_blocks && i >= 2; b++) CHECK(absmax[b] == w->nf4->absmax[b]);
        as_nf4_nest_map(map);
        as_nf4_nest(nest, nested, &offset, map, absmax, n_blocks);
        as_nf4_unnest(absmax, map, nest, nested, offset, n_blocks);
        /* the mean is added up in another order there; a code's width is a hundredth of absmax */
        for (size_t b = 0; b < n_blocks && i < 2; b++)
            CHECK_NEAR(absmax[b], w->nf4->absmax[b], 1e-7);
        free(x), free(absmax), free(nested), free(codes), free(nest);
    }
    as_tensors_close(file);
}

/* The map, against the one bitsandbytes stored: the codes of a row of absmax are kept. */
static void nf4_nest_map_is_the_stored_one(void)
{
    float map[256], stored[256];
    as_buf b = read_golden("nf4.safetensors");
    uint64_t header = 0;
    as_nf4_nest_map(map);
    for (size_t i = 1; i < 256; i++) CHECK(map[i] > map[i - 1]);
    CHECK(map[127] == 0.0f && map[255] == 1.0f && map[254] < 1.0f && map[0] == -map[254]);
    if (b.size > 2048) {
        memcpy(&header, b.data, 8);
        memcpy(stored, b.data + 8 + header + 8,
               sizeof stored); /* after nested.weight.nested_absmax */
        for (size_t i = 0; i < 256; i++) CHECK(map[i] == stored[i]);
    }
    as_buf_clear(&b);
}

static void nf4_corners(void)
{
    float x[67] = {0}, absmax[2], out[67];
    unsigned char codes[34];
    x[64] = -2.0f, x[65] = 2.0f, x[66] = 0.01f;
    as_nf4_quantise(codes, absmax, x, 67);
    CHECK(absmax[0] == 0.0f && absmax[1] == 2.0f);
    for (size_t i = 0; i < 32; i++) CHECK(codes[i] == 0x77);
    CHECK(codes[32] == 0x0f && codes[33] == 0x70);
    as_nf4 nf4 = {.absmax = absmax, .n_blocks = 2, .round_to = AS_BF16};
    memcpy(nf4.map, as_nf4_map, sizeof nf4.map);
    CHECK(as_dequantise(AS_NF4, &nf4, out, codes, 0, 67));
    CHECK(out[0] == 0.0f && out[63] == 0.0f && out[64] == -2.0f && out[65] == 2.0f &&
          out[66] == 0.0f);
    /* A midpoint belongs to the lower code. */
    float pair[2] = {1.0f, (as_nf4_map[14] + as_nf4_map[15]) / 2};
    as_nf4_quantise(codes, absmax, pair, 2);
    CHECK(codes[0] == 0xfe);
    float offset, map[256], nested[1];
    as_nf4_nest_map(map);
    as_nf4_nest(codes, nested, &offset, map, absmax, 1);
    CHECK(offset == absmax[0] && nested[0] == 0.0f && codes[0] == 127);
}

int main(void)
{
    RUN(halves_widen);
    RUN(halves_round);
    RUN(blocks_decode);
    RUN(blocks_encode);
    RUN(hostile_floats_encode);
    RUN(types_that_do_not_decode);
    RUN(nf4_decodes);
    RUN(nf4_encodes);
    RUN(nf4_nest_map_is_the_stored_one);
    RUN(nf4_corners);
    return check_end();
}
