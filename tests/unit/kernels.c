/* The tables of inner loops: finding them, and their products and widening against the scalar one.
 */
#include "check.h"

#include "engine/tensor/ceiling.h"
#include "engine/tensor/linear.h"
#include "weights.h"

static as_error err;

static void found_by_name(void)
{
    size_t n;
    const as_kernels *const *all = as_kernels_all(&n);
    CHECK(n >= 1 && strcmp(all[0]->name, "scalar") == 0 && all[0]->is_supported());
    const as_kernels *fastest = NULL;
    for (size_t i = 0; i < n; i++) {
        const as_kernels *k = as_kernels_find(all[i]->name, &err);
        CHECK(k == (all[i]->is_supported() ? all[i] : NULL));
        if (k) fastest = k;
        err = (as_error){0};
    }
    CHECK(as_kernels_find("auto", &err) == fastest);
    CHECK(!as_kernels_find("fa\nst", &err) && err.class_ == AS_EUSAGE);
    CHECK(strstr(err.what, "kernels (found \"fa\\x0ast\", expected auto, ") == err.what);
    CHECK(strstr(err.what, "scalar)") != NULL);
    err = (as_error){0};
    as_exec ex;
    CHECK(!as_exec_init(&ex, "none", 1, &err) && !ex.kernels && !ex.scratch);
    as_exec_clear(&ex);
    err = (as_error){0};
    CHECK(as_exec_init(&ex, "scalar", 2, &err));
    CHECK(as_exec_scratch(&ex, 1) == ex.scratch + AS_SCRATCH && (uintptr_t)ex.scratch % 64 == 0);
    as_exec_clear(&ex);
}

enum { MOST = 67, WIDE = 80 };
static float a[MOST * MOST + 1], b[MOST * WIDE + 1], c[MOST * WIDE + 1], want[MOST * WIDE + 1];
static float start[MOST * WIDE + 1];

static void check_tile(const as_kernels *k, size_t m, size_t n, size_t depth)
{
    size_t n_tables;
    const as_kernels *scalar = as_kernels_all(&n_tables)[0];
    memcpy(c, start, sizeof c);
    memcpy(want, start, sizeof c);
    scalar->tile(want + 1, WIDE, a + 1, MOST, b + 1, WIDE, m, n, depth);
    k->tile(c + 1, WIDE, a + 1, MOST, b + 1, WIDE, m, n, depth);
    CHECK(same_floats(c, want, sizeof c / sizeof *c));
    if (check_bad) printf("%s: m %zu, n %zu, k %zu\n", k->name, m, n, depth);
}

static void tiles_agree(void)
{
    as_rng r = as_rng_at(1, "tile", 0);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) a[i] = (float)as_rng_normal(&r);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++) b[i] = (float)as_rng_normal(&r);
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) start[i] = (float)as_rng_normal(&r);
    a[5] = NAN, a[80] = INFINITY, a[200] = 3e38f, a[300] = -0.0f, a[301] = 1e-44f;
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 1; t < n_tables; t++) {
        if (!all[t]->is_supported()) continue;
        for (size_t m = 0; m <= MOST && !check_bad; m++) {
            for (size_t n = 0; n <= WIDE && !check_bad; n += 16)
                check_tile(all[t], m, n, (m * 5 + n / 16) % (MOST + 1));
        }
        for (size_t k = 0; k <= MOST && !check_bad; k++) check_tile(all[t], 17, 48, k);
    }
}

/* Every size, into a larger y whose other elements must stay as they are. */
static void transposes(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) a[i] = as_f32_of_bits((uint32_t)i * 77777u);
    for (size_t t = 0; t < n_tables; t++) {
        if (!all[t]->is_supported()) continue;
        for (size_t rows = 0; rows <= 35; rows++) {
            for (size_t cols = 0; cols <= 35 && !check_bad; cols++) {
                for (size_t i = 0; i < sizeof c / sizeof *c; i++) want[i] = c[i] = 777;
                for (size_t i = 0; i < rows * cols; i++)
                    want[1 + i % cols * 50 + i / cols] = a[1 + i / cols * 47 + i % cols];
                all[t]->transpose(c + 1, 50, a + 1, 47, rows, cols);
                CHECK(memcmp(c, want, sizeof c) == 0);
            }
        }
        if (check_bad) printf("%s\n", all[t]->name);
    }
}

/* One product by hand, so that the scalar table itself is held to something. */
static void scalar_tile_by_hand(void)
{
    size_t n;
    const as_kernels *scalar = as_kernels_all(&n)[0];
    float x[2][2] = {{1, 2}, {3, 4}}, w[2][16] = {{0}}, y[2][16] = {{0}};
    w[0][0] = 5, w[0][15] = 6, w[1][0] = 7, y[1][0] = 100;
    scalar->tile(y[0], 16, x[0], 2, w[0], 16, 2, 16, 2);
    CHECK(y[0][0] == 19 && y[0][15] == 6 && y[1][0] == 143 && y[1][15] == 18 && y[1][7] == 0);
    /* Fused: 1 + 2^-12 squared less 1 keeps the 2^-24 that a rounded product would lose. */
    float t = 1 + 0x1p-12f, u[16] = {1 + 0x1p-12f}, z[16] = {-1};
    scalar->tile(z, 16, &t, 1, u, 16, 1, 16, 1);
    CHECK(z[0] == 0x1p-11f + 0x1p-24f);
}

/* Stretches of a panel, against the decoder. */
static void check_widen(const as_kernels *k, const stored *s)
{
    as_exec ex;
    as_weight w;
    static float wide[1024 * 20], row[1024], spare[1024];
    const size_t in = s->source.in, whole = as_dtype_block(s->source.type);
    const size_t block = whole > 64 ? 64 : whole;
    CHECK(as_exec_init(&ex, k->name, 1, &err) && as_weight_pack(&ex, &w, &s->source, &err));
    for (size_t from = 0; from < in && !check_bad; from += block) {
        for (size_t n = block; from + n <= in; n += block * (n < 8 ? 1 : 5)) {
            for (size_t i = 0; i < 1024 * 20; i++) wide[i] = 777;
            k->widen[w.type](wide + 1, 19, w.panels, in, from, n);
            CHECK(wide[0] == 777 && wide[1 + (n - 1) * 19 + 16] == 777);
            for (size_t o = 0; o < 16; o++) {
                stored_row_floats(s, o, row, spare);
                for (size_t i = 0; i < n; i++) spare[i] = wide[1 + i * 19 + o];
                CHECK(same_floats(spare, row + from, n));
            }
        }
    }
    if (check_bad) printf("%s: %s\n", k->name, as_dtype_name(w.type));
    as_weight_clear(&w);
    as_exec_clear(&ex);
}

static void widening_agrees(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 0; t < n_tables; t++) {
        if (!all[t]->is_supported()) continue;
        for (as_dtype type = AS_F32; type <= AS_NF4 && !check_bad; type++) {
            stored s = stored_new(type, 16, as_dtype_block(type) == 1 ? 67 : 768, AS_BF16, type);
            s.source.nf4 = &s.nf4;
            check_widen(all[t], &s);
            stored_free(&s);
        }
        CHECK(!all[t]->widen[AS_U8] && !all[t]->widen[AS_OTHER]);
    }
}

static void peak_counts(void)
{
    size_t n_tables;
    const as_kernels *const *all = as_kernels_all(&n_tables);
    for (size_t t = 0; t < n_tables; t++) {
        if (!all[t]->is_supported()) continue;
        CHECK(all[t]->peak(1000) > 0 && all[t]->peak(2000) == 2 * all[t]->peak(1000));
    }
}

static void ceilings_are_measured(void)
{
    static const char buffer[(3 << 20) + 17];
    for (size_t threads = 1; threads <= 2; threads++) {
        as_exec ex;
        CHECK(as_exec_init(&ex, "auto", threads, &err));
        CHECK(as_ceiling_flops(&ex, 0.001) > 1e6);
        CHECK(as_ceiling_bytes(&ex, buffer, sizeof buffer) > 1e6);
        as_exec_clear(&ex);
    }
    double before = as_seconds();
    CHECK(as_seconds() >= before);
}

int main(void)
{
    RUN(found_by_name);
    RUN(tiles_agree);
    RUN(transposes);
    RUN(scalar_tile_by_hand);
    RUN(widening_agrees);
    RUN(peak_counts);
    RUN(ceilings_are_measured);
    return check_end();
}
