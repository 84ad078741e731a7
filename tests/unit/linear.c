/* Products with packed weights: every table, type and shape against one fused multiply-add after
 * the other on what the reference decoder reads. */
#include "check.h"

#include "engine/tensor/linear.h"
#include "weights.h"

enum { MOST_ROWS = 64, MOST_IN = 1024, MOST_OUT = 67, GUARD = 5 };

static const as_dtype types[] = {AS_F32,  AS_F16,  AS_BF16, AS_Q8_0, AS_Q4_0,
                                 AS_Q4_K, AS_Q5_K, AS_Q6_K, AS_NF4};
enum { N_TYPES = sizeof types / sizeof *types };

static float x[MOST_ROWS * (MOST_IN + 3) + 1], want[MOST_ROWS * MOST_OUT];
static float got[MOST_ROWS * (2 * MOST_OUT + GUARD)], row[MOST_IN], spare[MOST_IN];
static float matrix[MOST_OUT * MOST_IN];
static as_error err;

static void fill_x(uint64_t seed)
{
    as_rng r = as_rng_at(seed, "x", 0);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)as_rng_normal(&r);
}

/* want (rows, out), from x at an odd address with rows in + 3 apart. */
static void reference(const stored *s, size_t rows)
{
    size_t in = s->source.in, out = s->source.out;
    for (size_t o = 0; o < out; o++) {
        stored_row_floats(s, o, row, spare);
        memcpy(matrix + o * in, row, in * sizeof *row);
        for (size_t i = 0; i < rows; i++) {
            float sum = 0;
            for (size_t k = 0; k < in; k++) sum = fmaf(x[1 + i * (in + 3) + k], row[k], sum);
            want[i * out + o] = sum;
        }
    }
}

/* One product into a larger y whose other columns must stay as they are. */
static void check_product(const as_exec *ex, const as_weight *w, size_t rows)
{
    size_t ldy = w->out + GUARD;
    for (size_t i = 0; i < rows * ldy; i++) got[i] = 12345.0f;
    as_product p = {w, got, ldy};
    as_linear(ex, &p, 1, x + 1, w->in + 3, rows);
    for (size_t i = 0; i < rows; i++) {
        CHECK(same_floats(got + i * ldy, want + i * w->out, w->out));
        for (size_t g = 0; g < GUARD; g++) CHECK(got[i * ldy + w->out + g] == 12345.0f);
    }
    if (check_bad)
        printf("%s, type %s, out %zu, in %zu, rows %zu\n", ex->kernels->name,
               as_dtype_name(w->type), w->out, w->in, rows);
}

static void check_weight(const as_exec *ex, const stored *s, const size_t *rows, size_t n_rows)
{
    as_weight w;
    bool ok = as_weight_pack(ex, &w, &s->source, &err);
    CHECK(ok);
    if (!ok) return;
    CHECK(w.out == s->source.out && w.in == s->source.in && (uintptr_t)w.panels % 64 == 0);
    for (size_t i = 0; i < n_rows && !check_bad; i++) check_product(ex, &w, rows[i]);
    for (size_t o = 0; o < w.out && !check_bad; o++) {
        as_weight_row(ex, &w, o, row);
        CHECK(same_floats(row, matrix + o * w.in, w.in));
    }
    as_weight_clear(&w);
    CHECK(!w.panels);
}

/* For each table this processor has, on one thread. */
static void on_every_table(const stored *s, const size_t *rows, size_t n_rows)
{
    size_t n, most = 0;
    const as_kernels *const *all = as_kernels_all(&n);
    for (size_t i = 0; i < n_rows; i++) most = rows[i] > most ? rows[i] : most;
    reference(s, most);
    for (size_t i = 0; i < n && !check_bad; i++) {
        as_exec ex;
        if (!all[i]->is_supported()) continue;
        bool ok = as_exec_init(&ex, all[i]->name, 1, &err);
        CHECK(ok);
        if (!ok) return;
        check_weight(&ex, s, rows, n_rows);
        as_exec_clear(&ex);
    }
}

static void every_count_of_rows(void)
{
    size_t rows[18];
    for (size_t i = 0; i < 17; i++) rows[i] = i + 1;
    rows[17] = 64;
    for (size_t t = 0; t < N_TYPES && !check_bad; t++) {
        size_t in = as_dtype_block(types[t]) == 1 ? 261 : 512;
        stored s = stored_new(types[t], 67, in, AS_BF16, 1 + t);
        s.source.nf4 = &s.nf4;
        fill_x(t);
        on_every_table(&s, rows, 18);
        stored_free(&s);
    }
}

static void every_shape(void)
{
    for (size_t t = 0; t < N_TYPES && !check_bad; t++) {
        size_t block = types[t] == AS_NF4 ? 1 : as_dtype_block(types[t]);
        for (size_t i = 0; i <= 68 && !check_bad; i++) {
            size_t in = (i == 68 ? 256 : i) * block;
            if (in > MOST_IN) break;
            const size_t rows[] = {1, 2 + i % 16, 1 + i * 7 % 31};
            stored s = stored_new(types[t], 1 + (i * 29 + t) % 67, in, AS_BF16, i);
            s.source.nf4 = &s.nf4;
            fill_x(i);
            on_every_table(&s, rows, 3);
            stored_free(&s);
        }
    }
    for (size_t out = 1; out <= 67 && !check_bad; out++) {
        stored s = stored_new(AS_BF16, out, 33, AS_F32, out);
        on_every_table(&s, (const size_t[]){1, 5, 20}, 3);
        stored_free(&s);
    }
}

/* NF4 rounded to each type, blocks within rows and across them; a scale whose values lie too far
 * from any other's is laid out decoded. */
static void nf4_roundings(void)
{
    static const as_dtype to[] = {AS_F32, AS_F16, AS_BF16};
    for (size_t t = 0; t < 3 && !check_bad; t++) {
        for (size_t in = 64; in <= 192; in += 32) {
            stored s = stored_new(AS_NF4, 50, in, to[t], in);
            s.source.nf4 = &s.nf4;
            on_every_table(&s, (const size_t[]){1, 3, 17}, 3);
            stored_free(&s);
        }
    }
    stored s = stored_new(AS_NF4, 20, 64, AS_BF16, 1);
    s.source.nf4 = &s.nf4;
    for (size_t c = 0; c < 16; c++) /* each value a tie: up, down, up, ... */
        s.nf4.map[c] = as_f32_of_bits(0x3f808000u + 0x10000u * (uint32_t)c);
    s.absmax[3] = 1;
    as_exec ex;
    as_weight w;
    CHECK(as_exec_init(&ex, "auto", 1, &err) && as_weight_pack(&ex, &w, &s.source, &err));
    CHECK(w.type == AS_BF16);
    as_weight_clear(&w);
    as_exec_clear(&ex);
    on_every_table(&s, (const size_t[]){1, 3}, 2);
    stored_free(&s);
}

/* Panels hold what the file holds: a little more for the scales of Q4_K and Q5_K, which lie in
 * whole bytes, and for NF4's head; NF4 blocks carry their absmax. Ties do not make NF4 decoded. */
static void panels_are_no_larger(void)
{
    static const as_dtype to[] = {AS_F32, AS_F16, AS_BF16};
    as_exec ex;
    CHECK(as_exec_init(&ex, "auto", 1, &err));
    for (size_t t = 0; t < N_TYPES; t++) {
        for (size_t r = 0; r < 3; r++) {
            as_weight w;
            stored s = stored_new(types[t], 64, 1024, to[r], t);
            s.source.nf4 = &s.nf4;
            CHECK(as_weight_pack(&ex, &w, &s.source, &err) && w.type == types[t]);
            size_t block = as_dtype_block(types[t]), blocks = 64 * 1024 / block;
            double bytes = (double)(blocks * as_dtype_block_bytes(types[t]));
            if (types[t] == AS_NF4) bytes += 4 * (double)blocks;
            CHECK((double)as_weight_bytes(&w) <= 1.03 * bytes);
            as_weight_clear(&w);
            stored_free(&s);
        }
    }
    as_exec_clear(&ex);
}

static void maps_of_rows_and_columns(void)
{
    size_t rows[40], cols[100];
    as_rng r = as_rng_at(5, "maps", 0);
    for (size_t i = 0; i < 100; i++) cols[i] = i;
    as_rng_shuffle(&r, cols, 100);
    for (size_t i = 0; i < 40; i++) rows[i] = (size_t)as_rng_below(&r, 30);
    for (size_t t = 0; t < N_TYPES && !check_bad; t++) {
        bool plain = as_dtype_block(types[t]) == 1;
        stored s = stored_new(types[t], 40, plain ? 100 : 256, AS_BF16, t);
        s.source.nf4 = &s.nf4;
        s.source.rows = rows;
        if (plain) s.source.cols = cols;
        on_every_table(&s, (const size_t[]){1, 9}, 2);
        stored_free(&s);
    }
}

/* Two products of the same x, for 1, 2 and 7 threads; each row alone as among the others. */
static void threads_and_neighbours(void)
{
    stored a = stored_new(AS_BF16, 67, 300, AS_F32, 1), b = stored_new(AS_F16, 40, 300, AS_F32, 2);
    static float first[33 * 107], again[33 * 107];
    fill_x(9);
    for (size_t n = 1; n <= 7; n += n == 1 ? 1 : 5) {
        as_exec ex;
        as_weight v, w;
        CHECK(as_exec_init(&ex, "auto", n, &err));
        CHECK(as_weight_pack(&ex, &v, &a.source, &err) && as_weight_pack(&ex, &w, &b.source, &err));
        float *y = n == 1 ? first : again;
        const as_product p[2] = {{&v, y, 107}, {&w, y + 67, 107}};
        for (int round = 0; round < 20; round++) {
            as_linear(&ex, p, 2, x, 301, 33);
            if (n > 1) CHECK(memcmp(first, again, sizeof first) == 0);
        }
        for (size_t i = 0; i < 33; i++) {
            float alone[107];
            const as_product q[2] = {{&v, alone, 1000}, {&w, alone + 67, 1000}};
            as_linear(&ex, q, 2, x + i * 301, 7, 1);
            CHECK(memcmp(alone, first + i * 107, sizeof alone) == 0);
        }
        as_linear(&ex, p, 0, x, 301, 33);
        as_linear(&ex, p, 2, x, 301, 0);
        as_weight_clear(&v);
        as_weight_clear(&w);
        as_exec_clear(&ex);
    }
    stored_free(&a);
    stored_free(&b);
}

/* Without a pool the caller's thread does it all. */
static void no_pool(void)
{
    as_exec ex, alone;
    stored s = stored_new(AS_Q8_0, 67, 96, AS_F32, 3);
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    alone = ex;
    alone.pool = NULL;
    reference(&s, 20);
    check_weight(&alone, &s, (const size_t[]){1, 20}, 2);
    as_exec_clear(&ex);
    stored_free(&s);
}

/* A chain of n fused multiply-adds is off by at most n u / (1 - n u) times the sum of |x w|, with
 * u = 2^-24 (Higham 2002, section 3.1). */
static void close_to_the_exact_sum(void)
{
    const double n = MOST_IN, bound = n * 0x1p-24 / (1 - n * 0x1p-24);
    stored s = stored_new(AS_BF16, 30, MOST_IN, AS_F32, 6);
    fill_x(6);
    reference(&s, 4);
    for (size_t i = 0; i < 4; i++) {
        for (size_t o = 0; o < 30; o++) {
            double exact = 0, size = 0;
            for (size_t k = 0; k < MOST_IN; k++) {
                double term =
                    (double)x[1 + i * (MOST_IN + 3) + k] * (double)matrix[o * MOST_IN + k];
                exact += term, size += fabs(term);
            }
            CHECK(fabs((double)want[i * 30 + o] - exact) <= bound * size);
        }
    }
    on_every_table(&s, (const size_t[]){1, 4}, 2);
    stored_free(&s);
}

static void odd_values_pass_through(void)
{
    static const uint32_t odd[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 0x7f7fffffu,
                                   0x00000001u, 0x80000000u, 0x7f800001u};
    for (size_t t = 0; t < 3 && !check_bad; t++) {
        stored s = stored_new(types[t], 40, 65, AS_F32, t);
        size_t bytes = as_dtype_block_bytes(types[t]);
        fill_x(t);
        for (size_t i = 0; i < 7; i++) {
            uint32_t v = odd[i];
            uint16_t h = t == 1 ? (uint16_t)(v >> 16 & 0xfc00u) : (uint16_t)(v >> 16);
            if (v == 0x7f800001u && t == 2) h = 0x7f81u; /* a signalling NaN */
            uint8_t *at = s.data + (i * 5 * 65 + 7 * i) * bytes;
            if (bytes == 4)
                memcpy(at, &v, 4);
            else
                memcpy(at, &h, 2);
            x[1 + i * 68 + 3 * i] = as_f32_of_bits(v);
        }
        on_every_table(&s, (const size_t[]){1, 2, 16}, 3);
        stored_free(&s);
    }
    for (size_t t = 3; t < 8 && !check_bad; t++) { /* scales that are no numbers, or the largest */
        stored s = stored_new(types[t], 20, 256, AS_F32, t);
        size_t d = types[t] == AS_Q6_K ? offsetof(as_block_q6_k, d) : 0,
               row_bytes = 256 / as_dtype_block(types[t]) * as_dtype_block_bytes(types[t]);
        for (size_t i = 0; i < 5; i++) {
            static const uint16_t scale[] = {0x7e01u, 0x7c00u, 0x7bffu, 0x0001u, 0xfc00u};
            memcpy(s.data + 3 * i * row_bytes + d, &scale[i], 2);
        }
        fill_x(t);
        on_every_table(&s, (const size_t[]){1, 2, 16}, 3);
        stored_free(&s);
    }
}

static void refusals(void)
{
    as_exec ex;
    as_weight w;
    char text[256];
    CHECK(as_exec_init(&ex, "auto", 1, &err));
    const as_weight_source bytes = {.type = AS_U8, .out = 1, .in = 1, .data = ""};
    CHECK(!as_weight_pack(&ex, &w, &bytes, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "type (found U8, expected F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K or NF4)");
    err = (as_error){0};
    const as_weight_source cut = {.type = AS_Q4_K, .out = 1, .in = 128, .data = ""};
    CHECK(!as_weight_pack(&ex, &w, &cut, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(as_error_text(&err, text, sizeof text),
               "Q4_K row (found 128 elements, expected a multiple of 256)");
    err = (as_error){0};
    stored s = stored_new(AS_NF4, 3, 96, AS_F32, 1);
    s.source.nf4 = &s.nf4;
    s.nf4.n_blocks--;
    CHECK(!as_weight_pack(&ex, &w, &s.source, &err) && err.class_ == AS_EFORMAT);
    CHECK_TEXT(as_error_text(&err, text, sizeof text), "NF4 absmax (found 4, expected at least 5)");
    err = (as_error){0};
    const as_weight_source huge = {.type = AS_F32, .out = SIZE_MAX / 8, .in = 64, .data = ""};
    CHECK(!as_weight_pack(&ex, &w, &huge, &err) && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    as_weight none = {0};
    as_weight_clear(&none);
    CHECK(as_weight_bytes(&none) == 0);
    stored_free(&s);
    as_exec_clear(&ex);
}

int main(void)
{
    RUN(every_count_of_rows);
    RUN(every_shape);
    RUN(nf4_roundings);
    RUN(panels_are_no_larger);
    RUN(maps_of_rows_and_columns);
    RUN(threads_and_neighbours);
    RUN(no_pool);
    RUN(close_to_the_exact_sum);
    RUN(odd_values_pass_through);
    RUN(refusals);
    return check_end();
}
