/* Sampling against the reference library's logits processors (tests/golden/engine/sampling.json),
 * and the draw itself. */
#include "engine/infer/sample.h"

#include <stdlib.h>

#include "base/json.h"
#include "check.h"

enum { VOCAB = 40 };

static float logits[VOCAB];
static as_candidate candidates[VOCAB];
static unsigned char marks[(VOCAB + 7) / 8];

static double real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One case: the same ids left, with the same log-probabilities; where equal logits straddle the cut
 * of top-p only the sorted values are defined. */
static void compare(const json_t *row)
{
    uint32_t seen[64];
    const json_t *list = json_object_get(row, "seen"), *want = json_object_get(row, "logprobs");
    as_decoding d = {real(row, "temperature"), (size_t)real(row, "top_k"), real(row, "top_p"),
                     real(row, "min_p"), real(row, "penalty")};
    double got[VOCAB], expected[VOCAB], sum = 0;
    size_t n_seen = json_array_size(list);
    for (size_t i = 0; i < VOCAB; i++) {
        logits[i] = (float)json_number_value(json_array_get(json_object_get(row, "logits"), i));
        const json_t *v = json_array_get(want, i);
        expected[i] = json_is_null(v) ? -1e9 : json_number_value(v);
        got[i] = -1e9;
    }
    for (size_t i = 0; i < n_seen; i++)
        seen[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    size_t n = as_sample_process(candidates, marks, logits, VOCAB, &d, seen, n_seen);
    for (size_t i = 0; i < n; i++) sum += exp((double)candidates[i].logit);
    for (size_t i = 0; i < n; i++) got[candidates[i].id] = (double)candidates[i].logit - log(sum);
    if (json_is_true(json_object_get(row, "tie_at_top_p"))) {
        qsort(got, VOCAB, sizeof *got, by_value);
        qsort(expected, VOCAB, sizeof *expected, by_value);
    }
    for (size_t i = 0; i < VOCAB; i++) CHECK_NEAR(got[i], expected[i], 1e-5);
    for (size_t i = 0; i < sizeof marks; i++) CHECK(marks[i] == 0);
}

static void reference_order(void)
{
    as_error err = {0};
    json_t *file = as_json_read("tests/golden/engine/sampling.json", &err);
    const json_t *cases = json_object_get(file, "cases");
    CHECK(json_array_size(cases) == 60);
    for (size_t i = 0; i < json_array_size(cases); i++) compare(json_array_get(cases, i));
    json_decref(file);
}

static void greedy_takes_lowest_id_of_ties(void)
{
    for (size_t i = 0; i < VOCAB; i++) logits[i] = i % 7 == 3 ? 2.0f : -1.0f;
    CHECK(as_sample(candidates, marks, logits, VOCAB, &as_decoding_greedy, NULL, 0, 1, 0) == 3);
    as_decoding d = as_decoding_greedy;
    uint32_t seen[] = {3, 3};
    d.penalty = 2;
    CHECK(as_sample(candidates, marks, logits, VOCAB, &d, seen, 2, 1, 0) == 10);
}

/* Frequencies of 40,000 draws within five standard errors, and each draw a function of (seed,
 * index). */
static void draws_follow_the_distribution(void)
{
    enum { N = 40000 };
    as_decoding d = {1, 0, 1, 0, 1};
    double p[VOCAB], sum = 0;
    size_t count[VOCAB] = {0};
    for (size_t i = 0; i < VOCAB; i++) {
        logits[i] = (float)(i % 5) - 0.1f * (float)i;
        sum += p[i] = exp((double)logits[i]);
    }
    for (uint64_t k = 0; k < N; k++) {
        uint32_t id = as_sample(candidates, marks, logits, VOCAB, &d, NULL, 0, 7, k);
        count[id]++;
        if (k % 1000 == 0)
            CHECK(id == as_sample(candidates, marks, logits, VOCAB, &d, NULL, 0, 7, k));
    }
    for (size_t i = 0; i < VOCAB; i++) {
        double q = p[i] / sum, se = sqrt(q * (1 - q) / N);
        CHECK(fabs((double)count[i] / N - q) < 5 * se + 1e-4);
    }
}

static void tiny_top_p_keeps_the_largest(void)
{
    as_decoding d = {0.5, 0, 1e-9, 0, 1};
    for (size_t i = 0; i < VOCAB; i++) logits[i] = (float)i;
    CHECK(as_sample_process(candidates, marks, logits, VOCAB, &d, NULL, 0) == 1);
    CHECK(candidates[0].id == VOCAB - 1);
}

static void bad_settings_are_named(void)
{
    static const struct {
        as_decoding d;
        const char *what;
    } bad[] = {{{-1, 0, 1, 0, 1}, "temperature (found -1, expected 0 or 1e-06 to 100)"},
               {{1e-40, 0, 1, 0, 1}, "temperature (found 1e-40, expected 0 or 1e-06 to 100)"},
               {{NAN, 0, 1, 0, 1}, "temperature (found nan, expected 0 or 1e-06 to 100)"},
               {{1, 0, 0, 0, 1}, "top-p (found 0, expected above 0, at most 1)"},
               {{1, 0, 1, 1, 1}, "min-p (found 1, expected 0 to below 1)"},
               {{1, 0, 1, 0, 0}, "repetition-penalty (found 0, expected 0.01 to 100)"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        as_error err = {0};
        CHECK(!as_decoding_check(&bad[i].d, &err));
        CHECK_TEXT(err.what, bad[i].what);
    }
}

int main(void)
{
    RUN(reference_order);
    RUN(greedy_takes_lowest_id_of_ties);
    RUN(draws_follow_the_distribution);
    RUN(tiny_top_p_keeps_the_largest);
    RUN(bad_settings_are_named);
    return check_end();
}
