/* Adapters that are trained: forward and backward against their formulas in double, against central
 * differences, and in bits. */
#include "adapter_case.h"

#include "base/rng.h"
#include "engine/model/tape.h"
#include "engine/operator/operator.h"

static const char *const families[] = {"tiny-qwen3", "tiny-llama", "tiny-qwen35", "tiny-gemma4"};
enum { N_FAMILIES = sizeof families / sizeof *families };

static as_exec ex;
static as_model *model; /* tiny-qwen3: v_proj of layer 1 is 64 x 64 */

static as_adapter *make(const as_model *m, const as_exec *on, as_adapter_options o)
{
    as_error err = {0};
    if (!o.rank) o.rank = 4;
    if (o.alpha == 0) o.alpha = 8;
    as_adapter *a = as_adapter_new(m, on, &o, &err);
    must(a != NULL, &err);
    return a;
}

/* ---- one map under the hook ---- */

enum { ROWS = 300, MOST = 200 }; /* ROWS is more than a chunk */

static const char *const only_v[] = {"v_proj"}, *const only_down[] = {"down_proj"};

/* A stretch of rows and what came of it. */
typedef struct {
    const as_parameter *a, *b;
    size_t in, out, rank;
    float x[ROWS * MOST], y[ROWS * MOST], dy[ROWS * MOST], dx[ROWS * MOST];
} bench;

static void fill(float *x, size_t n, uint64_t seed)
{
    as_rng r = as_rng_at(seed, "adapter", 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * as_rng_uniform(&r) - 1);
}

/* Values of x, y (what the base map left), dy and dx (what came from elsewhere); gradients 0. */
static void prepare(bench *t, const as_adapter *a)
{
    size_t n;
    t->a = as_adapter_params(a, &n);
    t->b = t->a + 1;
    t->rank = t->a->rows, t->in = t->a->cols, t->out = t->b->rows;
    CHECK(n == 2 && t->in <= MOST && t->out <= MOST && t->b->cols == t->rank);
    fill(t->x, ROWS * t->in, 1), fill(t->y, ROWS * t->out, 2);
    fill(t->dy, ROWS * t->out, 3), fill(t->dx, ROWS * t->in, 4);
    memset(t->a->grad, 0, t->rank * t->in * sizeof(float));
    memset(t->b->grad, 0, t->rank * t->out * sizeof(float));
}

/* Rows [from, to) cut into runs of at most `piece` rows, of one example each 50 positions. */
static void call(const as_adapter *a, const as_exec *on, bench *t, size_t from, size_t to,
                 size_t piece, bool is_back)
{
    const as_hook *h = as_adapter_hooks(a)->hook[0];
    as_site_rows runs[ROWS];
    size_t n = 0;
    for (size_t at = from, rows; at < to; at += rows) {
        size_t left = 50 - at % 50;
        rows = to - at < piece ? to - at : piece;
        if (rows > left) rows = left;
        float *y = is_back ? t->dy : t->y;
        runs[n++] = (as_site_rows){.run = at / 50,
                                   .first = (uint32_t)(at % 50),
                                   .rows = rows,
                                   .y = y + at * t->out,
                                   .ldy = t->out,
                                   .width = t->out,
                                   .x = t->x + at * t->in,
                                   .ldx = t->in,
                                   .in = t->in,
                                   .dx = is_back ? t->dx + at * t->in : NULL,
                                   .lddx = t->in};
    }
    (is_back ? h->backward : h->forward)(h, on, runs, n);
}

/* ---- against double ---- */

/* y = s B A x~ of one row in double; mask (in) holds what x is multiplied by. */
static void naive_row(const bench *t, double s, const double *mask, const float *x, double *v,
                      double *y)
{
    for (size_t j = 0; j < t->rank; j++) {
        v[j] = 0;
        for (size_t k = 0; k < t->in; k++)
            v[j] += (double)t->a->value[j * t->in + k] * x[k] * mask[k];
    }
    for (size_t o = 0; o < t->out; o++) {
        y[o] = 0;
        for (size_t j = 0; j < t->rank; j++) y[o] += s * t->b->value[o * t->rank + j] * v[j];
    }
}

/* What the mask of a row is, found out by a hook of its own: A = 1 at one input, B = 1. */
static void find_mask(as_adapter *a, bench *t, double *mask)
{
    static float keep_a[MOST * 32], keep_b[MOST * 32];
    size_t n_a = t->rank * t->in, n_b = t->out * t->rank;
    memcpy(keep_a, t->a->value, n_a * sizeof(float));
    memcpy(keep_b, t->b->value, n_b * sizeof(float));
    memset(t->b->value, 0, n_b * sizeof(float));
    t->b->value[0] = 1;
    for (size_t k = 0; k < t->in; k++) {
        memset(t->a->value, 0, n_a * sizeof(float));
        t->a->value[k] = 1;
        as_adapter_refresh(a);
        memset(t->y, 0, ROWS * t->out * sizeof(float));
        call(a, &ex, t, 0, ROWS, ROWS, false);
        for (size_t i = 0; i < ROWS; i++)
            mask[i * t->in + k] = (double)t->y[i * t->out] / 2 / (double)t->x[i * t->in + k];
    }
    memcpy(t->a->value, keep_a, n_a * sizeof(float));
    memcpy(t->b->value, keep_b, n_b * sizeof(float));
    as_adapter_refresh(a);
}

static double ratio(double worst, double value, double expected, double size)
{
    double d = fabs(value - expected) / size;
    return d <= worst ? worst : d;
}

/* Forward and backward of all rows; s is 2. Tolerances are relative to the sums of absolute
 * values, here at most `in`, `out` or ROWS terms below 1: 1e-6 is some tens of roundings. */
static void compare(as_adapter *a, const double *mask)
{
    static bench t;
    static double v[64], y[MOST], dv[64], da[64 * MOST], db[64 * MOST], dx[MOST];
    double worst = 0;
    prepare(&t, a);
    memset(da, 0, sizeof da), memset(db, 0, sizeof db);
    static float before[ROWS * MOST], dx_before[ROWS * MOST];
    memcpy(before, t.y, sizeof before), memcpy(dx_before, t.dx, sizeof dx_before);
    call(a, &ex, &t, 0, ROWS, ROWS, false);
    call(a, &ex, &t, 0, ROWS, ROWS, true);
    for (size_t i = 0; i < ROWS; i++) {
        const float *x = t.x + i * t.in, *dy = t.dy + i * t.out;
        const double *m = mask + i * t.in;
        naive_row(&t, 2, m, x, v, y);
        for (size_t o = 0; o < t.out; o++)
            worst = ratio(worst, t.y[i * t.out + o], before[i * t.out + o] + y[o], 8);
        for (size_t j = 0; j < t.rank; j++) {
            dv[j] = 0;
            for (size_t o = 0; o < t.out; o++) {
                dv[j] += 2 * (double)dy[o] * t.b->value[o * t.rank + j];
                db[o * t.rank + j] += 2 * (double)dy[o] * v[j];
            }
        }
        for (size_t k = 0; k < t.in; k++) {
            dx[k] = dx_before[i * t.in + k];
            for (size_t j = 0; j < t.rank; j++) {
                da[j * t.in + k] += dv[j] * x[k] * m[k];
                dx[k] += m[k] * dv[j] * t.a->value[j * t.in + k];
            }
            worst = ratio(worst, t.dx[i * t.in + k], dx[k], 8);
        }
    }
    for (size_t i = 0; i < t.rank * t.in; i++) worst = ratio(worst, t.a->grad[i], da[i], ROWS);
    for (size_t i = 0; i < t.rank * t.out; i++) worst = ratio(worst, t.b->grad[i], db[i], ROWS);
    CHECK(worst < 1e-6);
    if (!(worst < 1e-6)) printf("  off by %g\n", worst);
}

static as_adapter *one_map(size_t rank, double dropout, const char *const *target,
                           const as_exec *on)
{
    static const size_t layer[] = {1};
    return make(model, on,
                (as_adapter_options){.rank = rank,
                                     .alpha = 2 * (double)rank,
                                     .dropout = dropout,
                                     .targets = target,
                                     .n_targets = 1,
                                     .layers = layer,
                                     .n_layers = 1,
                                     .init = AS_INIT_RANDOM,
                                     .seed = 7});
}

static const uint64_t keys[] = {11, 12, 1u << 20, UINT64_MAX, 0, 5};

static void formulas_in_double(void)
{
    static double mask[ROWS * MOST];
    static const size_t ranks[] = {1, 5, 16, 33};
    for (size_t i = 0; i < ROWS * MOST; i++) mask[i] = 1;
    for (size_t i = 0; i < 4; i++) {
        as_adapter *a = one_map(ranks[i], 0, i % 2 ? only_down : only_v, &ex);
        compare(a, mask);
        as_adapter_close(a);
    }
}

static void formulas_with_dropout(void)
{
    static double mask[ROWS * MOST];
    static bench t;
    as_adapter *a = one_map(3, 0.25, only_v, &ex);
    as_adapter_keys(a, keys, 6);
    prepare(&t, a);
    for (size_t i = 0; i < ROWS * t.in; i++) /* no x of 0 hides a mask */
        if (fabsf(t.x[i]) < 1e-3f) t.x[i] = 1e-3f;
    find_mask(a, &t, mask);
    double kept = 0;
    for (size_t i = 0; i < ROWS * t.in; i++) {
        CHECK(mask[i] == 0 || fabs(mask[i] * 0.75 - 1) < 1e-6);
        kept += mask[i] != 0;
    }
    kept /= (double)(ROWS * t.in); /* standard deviation 0.003 */
    CHECK_NEAR(kept, 0.75, 0.013);
    compare(a, mask);
    as_adapter_close(a);
}

/* sum(dy y) of the last rows */
static double loss(const as_adapter *a, bench *t, const float *y)
{
    double sum = 0;
    memcpy(t->y, y, ROWS * t->out * sizeof(float));
    call(a, &ex, t, 0, ROWS, ROWS, false);
    for (size_t i = 0; i < ROWS * t->out; i++)
        sum += (double)t->dy[i] * ((double)t->y[i] - (double)y[i]);
    return sum;
}

/* The loss is linear in A, in B and in x, each alone: differences are exact up to rounding, which
 * is some 1e-7 of a y of 1, over 1e4 elements and a step of 0.5. */
static void central_differences(void)
{
    static bench t;
    static float zero[ROWS * MOST];
    as_adapter *a = one_map(5, 0.25, only_v, &ex);
    as_adapter_keys(a, keys, 6);
    prepare(&t, a);
    memset(t.dx, 0, sizeof t.dx);
    call(a, &ex, &t, 0, ROWS, ROWS, true);
    for (size_t i = 0; i < 60; i++) {
        const as_parameter *p = i % 2 ? t.b : t.a;
        float *at = i % 3 == 2 ? &t.x[i * 97] : &p->value[i * 5];
        double grad = i % 3 == 2 ? (double)t.dx[i * 97] : (double)p->grad[i * 5];
        float was = *at;
        *at = was + 0.5f;
        as_adapter_refresh(a);
        double up = loss(a, &t, zero);
        *at = was - 0.5f;
        as_adapter_refresh(a);
        double down = loss(a, &t, zero);
        *at = was;
        as_adapter_refresh(a);
        CHECK_NEAR(up - down, grad, 1e-4);
    }
    as_adapter_close(a);
}

/* ---- bits ---- */

static bool same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof(float)) == 0;
}

/* Forward and backward with these cuts, into `t`. */
static void both_ways(as_adapter *a, const as_exec *on, bench *t, size_t cut, size_t piece)
{
    prepare(t, a);
    call(a, on, t, 0, cut, piece, false);
    if (cut < ROWS) call(a, on, t, cut, ROWS, piece, false);
    call(a, on, t, 0, cut, piece, true);
    if (cut < ROWS) call(a, on, t, cut, ROWS, piece, true);
}

static void bits_of(const as_exec *on, size_t cut, size_t piece)
{
    static bench first, t;
    as_adapter *a = one_map(5, 0.25, only_v, &ex), *b = one_map(5, 0.25, only_v, on);
    as_adapter_keys(a, keys, 6), as_adapter_keys(b, keys, 6);
    both_ways(a, &ex, &first, ROWS, ROWS);
    both_ways(b, on, &t, cut, piece);
    CHECK(same(first.y, t.y, ROWS * t.out) && same(first.dx, t.dx, ROWS * t.in));
    CHECK(same(first.a->grad, t.a->grad, t.rank * t.in));
    CHECK(same(first.b->grad, t.b->grad, t.rank * t.out));
    as_adapter_close(a);
    as_adapter_close(b);
}

static void cuts_change_no_bit(void)
{
    bits_of(&ex, ROWS, 7);
    bits_of(&ex, 123, 1);
    bits_of(&ex, 1, 50);
}

static void threads_and_tables_change_no_bit(void)
{
    static const size_t threads[] = {1, 2, 7};
    size_t n;
    const as_kernels *const *all = as_kernels_all(&n);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < 3 && all[k]->is_supported(); i++) {
            as_exec on;
            as_error err = {0};
            must(as_exec_init(&on, all[k]->name, threads[i], &err), &err);
            bits_of(&on, ROWS, ROWS);
            as_exec_clear(&on);
        }
}

/* The mask follows the example, wherever its row stands in the step. */
static void masks_belong_to_examples(void)
{
    static bench one, other;
    static const uint64_t turned[] = {12, 11}, changed[] = {12, 13};
    as_adapter *a = one_map(4, 0.5, only_v, &ex);
    prepare(&one, a);
    for (size_t i = 0; i < 100 * one.in; i++) one.x[i] = 1;
    memset(one.y, 0, sizeof one.y);
    other = one;
    as_adapter_keys(a, keys, 2);
    call(a, &ex, &one, 0, 100, 50, false);
    as_adapter_keys(a, turned, 2);
    call(a, &ex, &other, 0, 100, 50, false);
    const size_t half = 50 * one.out;
    CHECK(same(one.y, other.y + half, half) && same(one.y + half, other.y, half));
    CHECK(!same(one.y, one.y + half, half) && !same(one.y, one.y + one.out, one.out));
    memset(other.y, 0, sizeof other.y);
    as_adapter_keys(a, changed, 2);
    call(a, &ex, &other, 0, 100, 50, false);
    CHECK(same(one.y + half, other.y, half) && !same(one.y, other.y + half, half));
    as_adapter_close(a);
}

static void no_keys_no_dropout(void)
{
    static bench one, other;
    as_adapter *a = one_map(4, 0.5, only_v, &ex), *b = one_map(4, 0, only_v, &ex);
    both_ways(a, &ex, &one, ROWS, ROWS);
    both_ways(b, &ex, &other, ROWS, ROWS);
    CHECK(same(one.y, other.y, ROWS * one.out) && same(one.dx, other.dx, ROWS * one.in));
    as_adapter_close(a);
    as_adapter_close(b);
}

/* What is trained is what the operator runs: a saved adapter gives the same bits. */
static void as_the_operator_runs_it(void)
{
    static float own[STEP * VOCAB], operators[STEP * VOCAB], base[STEP * VOCAB];
    for (size_t i = 0; i < N_FAMILIES; i++) {
        as_error err = {0};
        char text[192];
        as_model *m = tiny(families[i], "", AS_F32, &ex);
        as_adapter *a = make(m, &ex,
                             (as_adapter_options){.rank = 3,
                                                  .alpha = 1,
                                                  .is_rslora = i % 2,
                                                  .target = "all-linear",
                                                  .init = AS_INIT_RANDOM});
        const char *folder = place("saved");
        must(as_adapter_save(a, folder, "base", &err), &err);
        (void)snprintf(text, sizeof text, "lora: %s", folder);
        as_arm *arm = as_arm_open(text, m, &ex, NULL, &err);
        must(arm != NULL, &err);
        run_logits(m, &ex, NULL, base);
        run_logits(m, &ex, as_adapter_hooks(a), own);
        run_logits(m, &ex, as_arm_hooks(arm), operators);
        CHECK(same(own, operators, STEP * VOCAB));
        CHECK(largest_difference(own, base) > 1e-3);
        as_arm_close(arm);
        as_adapter_close(a);
        as_model_close(m);
    }
}

/* ---- in a model ---- */

enum { TOKENS = 24 };

/* sum(w final) of two sequences of TOKENS / 2 tokens, in double; with the gradients. */
static double model_loss(as_tape *tape, const as_adapter *a, const float *w, size_t dim)
{
    uint32_t ids[TOKENS];
    const float *final;
    double sum = 0;
    as_error err = {0};
    as_tape_run runs[2];
    for (size_t i = 0; i < TOKENS; i++) ids[i] = (uint32_t)(i * 37 + 5) % 256;
    for (size_t i = 0; i < 2; i++)
        runs[i] = (as_tape_run){ids + i * TOKENS / 2, TOKENS / 2, as_adapter_hooks(a)};
    must(as_tape_forward(tape, runs, 2, false, &final, &err), &err);
    for (size_t i = 0; i < TOKENS * dim; i++) sum += (double)w[i] * (double) final[i];
    as_tape_backward(tape, w);
    return sum;
}

/* values += step direction */
static void walk(as_adapter *a, double step)
{
    size_t n;
    const as_parameter *p = as_adapter_params(a, &n);
    for (size_t i = 0; i < n; i++) {
        as_rng r = as_rng_at(9, p[i].name, 0);
        for (size_t k = 0; k < p[i].rows * p[i].cols; k++)
            p[i].value[k] += (float)(step * (2 * as_rng_uniform(&r) - 1));
    }
    as_adapter_refresh(a);
}

/* The derivative of a model's loss along a direction of all factors at once, dropout included,
 * relative to itself. The step is as short as a loss of floats allows (which leaves some 5e-4), so
 * that its square, times how much the tiny models curve, is less. */
static void gradients_through_models(void)
{
    static const uint64_t examples[] = {3, 4};
    static float w[TOKENS * 256];
    for (size_t f = 0; f < N_FAMILIES; f++) {
        size_t n;
        as_error err = {0};
        as_model *m = tiny(families[f], "", AS_F32, &ex);
        const size_t dim = as_model_config(m)->dim;
        as_adapter *a = make(
            m, &ex,
            (as_adapter_options){.target = "all-linear", .dropout = 0.1, .init = AS_INIT_RANDOM});
        const as_parameter *p = as_adapter_params(a, &n);
        as_tape_options o = {.max_tokens = TOKENS, .longest = TOKENS / 2, .n_kept = 2};
        as_tape *tape = as_tape_new(m, &ex, NULL, &o, &err);
        must(tape && dim <= 256, &err);
        fill(w, TOKENS * dim, 8);
        as_adapter_keys(a, examples, 2);
        (void)model_loss(tape, a, w, dim);
        double along = 0, far = 3e-5;
        for (size_t i = 0; i < n; i++) {
            as_rng r = as_rng_at(9, p[i].name, 0);
            for (size_t k = 0; k < p[i].rows * p[i].cols; k++)
                along += (double)p[i].grad[k] * (2 * as_rng_uniform(&r) - 1);
        }
        walk(a, far);
        double up = model_loss(tape, a, w, dim);
        walk(a, -2 * far);
        double slope = (up - model_loss(tape, a, w, dim)) / (2 * far);
        CHECK(fabs(slope / along - 1) < 2e-3);
        if (!(fabs(slope / along - 1) < 2e-3))
            printf("  %s: slope %g, expected %g\n", families[f], slope, along);
        as_tape_free(tape);
        as_adapter_close(a);
        as_model_close(m);
    }
}

int main(void)
{
    as_error err = {0};
    if (!mkdtemp(root) || !as_exec_init(&ex, "auto", 2, &err)) return 1;
    model = tiny("tiny-qwen3", "", AS_F32, &ex);
    RUN(formulas_in_double);
    RUN(formulas_with_dropout);
    RUN(central_differences);
    RUN(cuts_change_no_bit);
    RUN(threads_and_tables_change_no_bit);
    RUN(masks_belong_to_examples);
    RUN(no_keys_no_dropout);
    RUN(as_the_operator_runs_it);
    RUN(gradients_through_models);
    as_model_close(model);
    as_exec_clear(&ex);
    remove_all(root);
    return check_end();
}
