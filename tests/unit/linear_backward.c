/* Gradients of products with packed weights: every table, type and shape against one fused
 * multiply-add after the other on what the reference decoder reads. */
#include "check.h"

#include "engine/tensor/linear.h"
#include "weights.h"

enum { MOST_ROWS = 220, MOST_IN = 600, MOST_OUT = 1100, GUARD = 5 };

static const as_dtype types[] = {AS_F32,  AS_F16,  AS_BF16, AS_Q8_0, AS_Q4_0,
                                 AS_Q4_K, AS_Q5_K, AS_Q6_K, AS_NF4};
enum { N_TYPES = sizeof types / sizeof *types };

static float dy[1 + MOST_ROWS * (MOST_OUT + GUARD)], start[1 + MOST_ROWS * (MOST_IN + GUARD)];
static float want[1 + MOST_ROWS * (MOST_IN + GUARD)], got[1 + MOST_ROWS * (MOST_IN + GUARD)];
static float matrix[MOST_OUT * MOST_IN], spare[MOST_IN];
static as_error err;

/* dy at an odd address, with rows out + GUARD apart and no number between them. */
static void fill(size_t rows, size_t out, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "dy", 0);
    for (size_t i = 0; i < rows * (out + GUARD); i++)
        dy[1 + i] = i % (out + GUARD) < out ? (float)as_rng_normal(&r) : NAN;
    for (size_t i = 0; i < sizeof start / sizeof *start; i++) start[i] = (float)as_rng_normal(&r);
}

static void decode(const stored *s)
{
    for (size_t o = 0; o < s->source.out; o++)
        stored_row_floats(s, o, matrix + o * s->source.in, spare);
}

/* want += dy W, in the order the header states; rows in + GUARD apart. */
static void reference(const stored *s, size_t rows)
{
    const size_t in = s->source.in, out = s->source.out;
    for (size_t r = 0; r < rows; r++) {
        float *to = want + 1 + r * (in + GUARD);
        for (size_t o = 0; o < out; o++) {
            const float g = dy[1 + r * (out + GUARD) + o];
            for (size_t i = 0; i < in; i++) to[i] = fmaf(g, matrix[o * in + i], to[i]);
        }
    }
}

static void backward(const as_exec *ex, const as_weight *w, size_t first, size_t rows)
{
    const size_t ldx = w->in + GUARD, ldy = w->out + GUARD;
    const as_product_back p = {w, dy + 1 + first * ldy, ldy};
    as_linear_backward(ex, got + 1 + first * ldx, ldx, &p, 1, rows);
}

static void check_weight(const char *kernels, const stored *s, const size_t *rows, size_t n_rows)
{
    as_exec ex;
    as_weight w;
    CHECK(as_exec_init(&ex, kernels, 1, &err) && as_weight_pack(&ex, &w, &s->source, &err));
    for (size_t i = 0; i < n_rows && !check_bad; i++) {
        memcpy(want, start, sizeof want);
        memcpy(got, start, sizeof got);
        reference(s, rows[i]);
        backward(&ex, &w, 0, rows[i]);
        CHECK(same_floats(got, want, sizeof got / sizeof *got));
        if (check_bad)
            printf("%s, type %s, out %zu, in %zu, rows %zu\n", kernels, as_dtype_name(w.type),
                   w.out, w.in, rows[i]);
    }
    as_weight_clear(&w);
    as_exec_clear(&ex);
}

static void on_every_table(const stored *s, const size_t *rows, size_t n_rows)
{
    size_t n;
    const as_kernels *const *all = as_kernels_all(&n);
    decode(s);
    fill(rows[n_rows - 1], s->source.out, s->source.in);
    for (size_t i = 0; i < n && !check_bad; i++) {
        if (all[i]->is_supported()) check_weight(all[i]->name, s, rows, n_rows);
    }
}

/* Tasks whose columns begin within a block, a part of a strip at the end, a part of a panel. */
static void every_type(void)
{
    for (size_t t = 0; t < N_TYPES && !check_bad; t++) {
        const size_t block = as_dtype_block(types[t]);
        stored s = stored_new(types[t], 67, block == 1 ? 261 : 512, AS_BF16, 1 + t);
        s.source.nf4 = &s.nf4;
        on_every_table(&s, (const size_t[]){1, 2, 3, 5, 6, 7, 13, 31}, 8);
        stored_free(&s);
    }
}

static void every_shape(void)
{
    for (size_t i = 1; i <= 130 && !check_bad; i++) {
        stored s = stored_new(i % 2 ? AS_BF16 : AS_F32, 1 + i * 29 % 67, i, AS_F32, i);
        on_every_table(&s, (const size_t[]){1 + i % 16, 20}, 2);
        stored_free(&s);
    }
    for (size_t i = 1; i <= 5 && !check_bad; i++) {
        stored s = stored_new(AS_Q8_0, 17 * i, 32 * i, AS_F32, i), n;
        on_every_table(&s, (const size_t[]){1 + 3 * i}, 1);
        stored_free(&s);
        n = stored_new(AS_NF4, 17 * i, 64 * i, AS_F16, i);
        n.source.nf4 = &n.nf4;
        on_every_table(&n, (const size_t[]){1 + 3 * i}, 1);
        stored_free(&n);
    }
}

/* More outputs than are turned at once. */
static void many_outputs(void)
{
    for (size_t out = 1023; out <= 1100 && !check_bad; out += 11) {
        stored s = stored_new(AS_BF16, out, 70, AS_F32, out);
        on_every_table(&s, (const size_t[]){9}, 1);
        stored_free(&s);
    }
}

/* 1, 2 and 7 threads, whose tasks are cut differently, and the rows in two calls. */
static void threads_and_cuts(void)
{
    static const size_t in[] = {40, 64, 600};
    for (size_t i = 0; i < 3; i++) {
        stored s = stored_new(AS_F16, 50, in[i], AS_F32, i);
        decode(&s);
        fill(MOST_ROWS, 50, i);
        memcpy(want, start, sizeof want);
        reference(&s, MOST_ROWS);
        for (size_t threads = 1; threads <= 7; threads += threads == 1 ? 1 : 5) {
            as_exec ex;
            as_weight w;
            CHECK(as_exec_init(&ex, "auto", threads, &err));
            CHECK(as_weight_pack(&ex, &w, &s.source, &err));
            for (size_t cut = 0; cut <= MOST_ROWS; cut += 110) {
                memcpy(got, start, sizeof got);
                backward(&ex, &w, 0, cut);
                backward(&ex, &w, cut, MOST_ROWS - cut);
                CHECK(memcmp(got, want, sizeof got) == 0);
            }
            as_weight_clear(&w);
            as_exec_clear(&ex);
        }
        stored_free(&s);
    }
}

/* Three products of one x at once are three after each other. */
static void several_products(void)
{
    static float first[30 * 200];
    as_exec ex;
    as_weight a, b;
    stored s = stored_new(AS_F32, 19, 192, AS_F32, 1), t = stored_new(AS_Q4_0, 40, 192, AS_F32, 2);
    fill(30, 50, 3);
    CHECK(as_exec_init(&ex, "auto", 2, &err));
    CHECK(as_weight_pack(&ex, &a, &s.source, &err) && as_weight_pack(&ex, &b, &t.source, &err));
    const as_product_back p[] = {{&a, dy + 1, 55}, {&b, dy + 3, 55}, {&a, dy + 7, 55}};
    memcpy(got, start, sizeof got);
    memcpy(first, start, sizeof first);
    as_linear_backward(&ex, got, 200, p, 3, 30);
    for (size_t i = 0; i < 3; i++) as_linear_backward(&ex, first, 200, p + i, 1, 30);
    CHECK(memcmp(got, first, sizeof first) == 0);
    as_linear_backward(&ex, got, 200, p, 0, 30);
    as_linear_backward(&ex, got, 200, p, 3, 0);
    CHECK(memcmp(got, first, sizeof first) == 0);
    as_weight_clear(&a);
    as_weight_clear(&b);
    as_exec_clear(&ex);
    stored_free(&s);
    stored_free(&t);
}

/* Against central differences of loss = sum(dy * y). The loss is linear in x, so a step of 1 is as
 * good as any; a chain of n fused multiply-adds is off by at most n 2^-24 of its terms' sizes
 * (Higham 2002, section 3.1), and 40 outputs of 96 inputs of size near 1 make terms up to 1e3. */
static void against_differences(void)
{
    enum { IN = 96, OUT = 40 };
    static float x[IN], y[2][OUT], dx[IN];
    as_exec ex;
    as_weight w;
    stored s = stored_new(AS_Q8_0, OUT, IN, AS_F32, 5);
    fill(1, OUT, 4);
    memcpy(x, start, sizeof x);
    CHECK(as_exec_init(&ex, "auto", 1, &err) && as_weight_pack(&ex, &w, &s.source, &err));
    const as_product_back p = {&w, dy + 1, OUT};
    as_linear_backward(&ex, dx, IN, &p, 1, 1);
    for (size_t i = 0; i < IN; i++) {
        double slope = 0;
        const float at = x[i];
        for (size_t side = 0; side < 2; side++) {
            x[i] = at + (side ? 1.0f : -1.0f);
            const as_product f = {&w, y[side], OUT};
            as_linear(&ex, &f, 1, x, IN, 1);
        }
        x[i] = at;
        for (size_t o = 0; o < OUT; o++)
            slope += (double)dy[1 + o] * ((double)y[1][o] - (double)y[0][o]) / 2;
        CHECK_NEAR(dx[i], slope, 1e3 * 96 * 0x1p-24);
    }
    as_weight_clear(&w);
    as_exec_clear(&ex);
    stored_free(&s);
}

int main(void)
{
    RUN(every_type);
    RUN(every_shape);
    RUN(many_outputs);
    RUN(threads_and_cuts);
    RUN(several_products);
    RUN(against_differences);
    return check_end();
}
