/* The tables, slowest first; which one a processor can use; finding one by name. */
#include "engine/tensor/kernels.h"

#include <string.h>

#include "base/bytes.h"
#include "engine/tensor/linear_internal.h"
#include "engine/tensor/vector_internal.h"

#define LOOPS(set)                                                                                 \
    .is_supported = set##_is_supported, .tile = as_##set##_tile,                                   \
    .transpose = as_##set##_transpose, .dot = as_##set##_dot, .sum = as_##set##_sum,               \
    .max = as_##set##_max, .exp = as_##set##_exp, .silu = as_##set##_silu,                         \
    .sigmoid = as_##set##_sigmoid, .tanh = as_##set##_tanh, .gelu = as_##set##_gelu,               \
    .mul = as_##set##_mul, .add = as_##set##_add, .scale = as_##set##_scale,                       \
    .axpy = as_##set##_axpy, .is_finite = as_##set##_is_finite, .soften = as_##set##_soften,       \
    .delta_step = as_##set##_delta_step, .adamw = as_##set##_adamw, .peak = as_##set##_peak,       \
    .widen = {                                                                                     \
        [AS_F32] = as_##set##_widen_f32,   [AS_F16] = as_##set##_widen_f16,                        \
        [AS_BF16] = as_##set##_widen_bf16, [AS_Q8_0] = as_##set##_widen_q8_0,                      \
        [AS_Q4_0] = as_##set##_widen_q4_0, [AS_Q4_K] = as_##set##_widen_q4_k,                      \
        [AS_Q5_K] = as_##set##_widen_q5_k, [AS_Q6_K] = as_##set##_widen_q6_k,                      \
        [AS_NF4] = as_##set##_widen_nf4,                                                           \
    }

static bool scalar_is_supported(void)
{
    return true;
}

static const as_kernels scalar = {.name = "scalar", LOOPS(scalar)};

#ifdef __x86_64__
/* Half-precision conversion (F16C) came before AVX2 in every line of processors. */
static bool avx2_is_supported(void)
{
    return AS_CPU_HAS("avx2") && AS_CPU_HAS("fma");
}

static bool avx512_is_supported(void)
{
    return avx2_is_supported() && AS_CPU_HAS("avx512f") && AS_CPU_HAS("avx512bw") &&
           AS_CPU_HAS("avx512vl") && AS_CPU_HAS("avx512dq");
}

static const as_kernels avx2 = {.name = "avx2", LOOPS(avx2), .few = as_avx2_few, .few_rows = 4};
static const as_kernels avx512 = {
    .name = "avx512", LOOPS(avx512), .few = as_avx512_few, .few_rows = 96};
#endif

static const as_kernels *const tables[] = {
    &scalar,
#ifdef __x86_64__
    &avx2,
    &avx512,
#endif
};
enum { N_TABLES = sizeof tables / sizeof *tables };

const as_kernels *const *as_kernels_all(size_t *n)
{
    *n = N_TABLES;
    return tables;
}

const as_kernels *as_kernels_find(const char *name, as_error *err)
{
    char has[64] = "", escaped[AS_ESCAPE_SIZE];
    size_t used = 0;
    for (size_t i = N_TABLES; i-- > 0;) {
        if (!tables[i]->is_supported()) continue;
        if (strcmp(name, "auto") == 0 || strcmp(name, tables[i]->name) == 0) return tables[i];
        size_t length = strlen(tables[i]->name);
        memcpy(has + used, ", ", 2);
        memcpy(has + used + 2, tables[i]->name, length + 1);
        used += length + 2;
    }
    (void)as_fail(err, AS_EUSAGE, "kernels (found \"%s\", expected auto%s)",
                  as_escape(name, strlen(name), escaped), has);
    return NULL;
}
