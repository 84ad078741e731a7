/* Do evaluation texts lie inside the training texts, word for word or nearly? Nearly is measured by
 * the Jaccard index of their sets of character n-grams (Broder 1997), in lower case and with white
 * space evened out. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lab/audit/instrument_internal.h"
#include "lab/judge/pattern.h"

#define SHOWN 10

static const as_param params[] = {
    {"train", AS_PARAM_COLUMN, NULL, "training texts", NULL},
    {"eval", AS_PARAM_COLUMN, NULL, "evaluation texts", NULL},
    {"ngram", AS_PARAM_SIZE, "6", "characters of an n-gram, 1 to 64", "1 to 64"},
    {"threshold", AS_PARAM_NUMBER, "0.5", "similarity above which two texts are near", "0 to 1"},
    AS_INSTRUMENT_PARAMS_END};

/* --- n-grams --------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* FNV-1a over code points, with the finaliser of splitmix64 (Steele, Lea & Flood 2014). */
static uint64_t hash(const uint32_t *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

/* The distinct n-grams of one text, as sorted hashes; a shorter text is its own n-gram. */
typedef struct {
    const uint64_t *gram;
    size_t n;
} gram_set;

static bool grams_of(as_audit *a, const char *text, size_t ngram, gram_set *out, as_error *err)
{
    bool ok = false;
    *out = (gram_set){0};
    uint32_t *point = as_new(as_text_chars(text), sizeof *point, err);
    if (!point) return false;
    size_t n = as_text_fold(text, point), kept = 0;
    size_t n_grams = n == 0 ? 0 : n < ngram ? 1 : n - ngram + 1;
    uint64_t *gram = as_arena_push(a->arena, n_grams + 1, sizeof *gram, err);
    if (!gram) goto out;
    for (size_t i = 0; i < n_grams; i++) gram[i] = hash(point + i, n < ngram ? n : ngram);
    qsort(gram, n_grams, sizeof *gram, by_hash);
    for (size_t i = 0; i < n_grams; i++)
        if (i == 0 || gram[i] != gram[kept - 1]) gram[kept++] = gram[i];
    *out = (gram_set){gram, kept};
    ok = true;
out:
    free(point);
    return ok;
}

static gram_set *all_grams(as_audit *a, const as_column *c, size_t ngram, as_error *err)
{
    gram_set *set = as_arena_push(a->arena, c->n + 1, sizeof *set, err);
    for (size_t i = 0; set && i < c->n; i++)
        if (c->text[i] && !grams_of(a, c->text[i], ngram, &set[i], err)) return NULL;
    return set;
}

/* --- index ----------------------------------------------------------------------------------- */

typedef struct {
    uint64_t gram;
    size_t text;
} posting;

static int by_gram(const void *a, const void *b)
{
    const posting *x = a, *y = b;
    if (x->gram != y->gram) return x->gram < y->gram ? -1 : 1;
    return (x->text > y->text) - (x->text < y->text);
}

typedef struct {
    const gram_set *train, *eval;
    size_t n_train;
    posting *list; /* sorted by gram */
    size_t n_list;
    size_t *count; /* (workers, n_train) grams shared with the text in hand; zero between tasks */
    double *best;  /* (eval) highest similarity, NaN without n-grams */
    size_t *at;    /* (eval) the first training text that has it */
} search;

static bool build_index(search *s, as_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_train; i++) n += s->train[i].n;
    s->list = as_new(n, sizeof *s->list, err);
    if (!s->list) return false;
    for (size_t i = 0; i < s->n_train; i++)
        for (size_t k = 0; k < s->train[i].n; k++)
            s->list[s->n_list++] = (posting){s->train[i].gram[k], i};
    qsort(s->list, s->n_list, sizeof *s->list, by_gram);
    return true;
}

/* The first posting of gram, or where it would stand. */
static size_t lower_bound(const search *s, uint64_t gram)
{
    size_t lo = 0, hi = s->n_list;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->list[mid].gram < gram)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void look_up(void *ctx, size_t task, size_t worker)
{
    const search *s = ctx;
    const gram_set *e = &s->eval[task];
    size_t *count = s->count + worker * s->n_train;
    s->best[task] = NAN;
    if (e->n == 0) return;
    for (size_t k = 0; k < e->n; k++)
        for (size_t i = lower_bound(s, e->gram[k]); i < s->n_list && s->list[i].gram == e->gram[k];
             i++)
            count[s->list[i].text]++;
    for (size_t i = 0; i < s->n_train; i++) {
        if (s->train[i].n == 0) continue;
        double x = (double)count[i] / (double)(e->n + s->train[i].n - count[i]);
        if (!(x <= s->best[task])) { /* NaN at first */
            s->best[task] = x;
            s->at[task] = i;
        }
        count[i] = 0;
    }
}

static bool find_nearest(as_audit *a, const as_column *train, const as_column *eval, search *s,
                         as_error *err)
{
    size_t ngram = as_arg_size(a, "ngram"), counters = 0;
    bool ok = false;
    *s = (search){.n_train = train->n};
    s->train = all_grams(a, train, ngram, err);
    s->eval = s->train ? all_grams(a, eval, ngram, err) : NULL;
    s->best = as_arena_push(a->arena, eval->n + 1, sizeof *s->best, err);
    s->at = as_arena_push(a->arena, eval->n + 1, sizeof *s->at, err);
    if (!s->eval || !s->best || !s->at || !build_index(s, err)) goto out;
    if (!as_size_mul(as_pool_size(a->pool), s->n_train, &counters, err)) goto out;
    s->count = as_new(counters, sizeof *s->count, err);
    if (!s->count) goto out;
    as_pool_run(a->pool, eval->n, look_up, s);
    ok = true;
out:
    free(s->list);
    free(s->count);
    s->list = NULL;
    s->count = NULL;
    return ok;
}

/* --- statistics ------------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool emit_exact(as_audit *a, const as_column *train, const as_column *eval, as_error *err)
{
    size_t n_train = 0, n_found = 0;
    const char **text = as_arena_push(a->arena, train->n + 1, sizeof *text, err);
    if (!text) return false;
    for (size_t i = 0; i < train->n; i++)
        if (train->text[i]) text[n_train++] = train->text[i];
    qsort(text, n_train, sizeof *text, by_text);
    as_statistic *s =
        as_emit(a, "exact", "", "evaluation texts found verbatim in training [Leakage]", err);
    if (!s) return false;
    json_t *rows = json_array(), *detail = json_object();
    for (size_t i = 0; i < eval->n; i++) {
        if (!eval->text[i] || !bsearch(&eval->text[i], text, n_train, sizeof *text, by_text))
            continue;
        if (n_found++ < SHOWN) as_json_append(&rows, json_integer((json_int_t)i));
    }
    as_json_put(&detail, "rows", rows);
    as_json_put_size(&detail, "n_train", n_train);
    s->n = eval->n - eval->n_missing;
    s->missing = eval->n_missing;
    s->estimate = s->n && n_train ? (double)n_found : NAN;
    return as_emit_detail(a, s, detail, err);
}

static json_t *pair_of(const search *s, size_t i)
{
    json_t *pair = json_object();
    as_json_put_size(&pair, "eval", i);
    as_json_put_size(&pair, "train", s->at[i]);
    as_json_put_real(&pair, "similarity", s->best[i]);
    return pair;
}

static bool emit_near(as_audit *a, const search *s, size_t n_eval, as_error *err)
{
    double threshold = as_arg_number(a, "threshold"), top = NAN;
    size_t n = 0, n_near = 0, at = 0;
    json_t *pairs = json_array(), *detail = NULL;
    for (size_t i = 0; i < n_eval; i++) {
        if (isnan(s->best[i])) continue;
        n++;
        if (!(s->best[i] <= top)) top = s->best[at = i];
        if (s->best[i] > threshold && n_near++ < SHOWN) as_json_append(&pairs, pair_of(s, i));
    }
    as_statistic *near =
        as_emit(a, "near", "", "evaluation texts with a near training text [Leakage]", err);
    as_statistic *max = near ? as_emit(a, "max_similarity", "",
                                       "highest Jaccard index of character n-grams [Leakage]", err)
                             : NULL;
    if (!max) {
        json_decref(pairs);
        return false;
    }
    near->n = max->n = n;
    near->missing = max->missing = n_eval - n;
    near->estimate = n ? (double)n_near : NAN;
    max->estimate = top;
    detail = json_object();
    as_json_put(&detail, "pairs", pairs);
    if (!as_emit_detail(a, near, detail, err)) return false;
    return n == 0 || as_emit_detail(a, max, pair_of(s, at), err);
}

static bool measure(as_audit *a, as_error *err)
{
    const as_column *train = as_arg_column(a, "train"), *eval = as_arg_column(a, "eval");
    size_t ngram = as_arg_size(a, "ngram");
    search s;
    if (!as_need_kind(a, "train", AS_COLUMN_TEXT, err) ||
        !as_need_kind(a, "eval", AS_COLUMN_TEXT, err))
        return false;
    if (ngram < 1 || ngram > 64)
        return as_audit_fail(a, "ngram", err, "characters (found %zu, expected 1 to 64)", ngram);
    return emit_exact(a, train, eval, err) && find_nearest(a, train, eval, &s, err) &&
           emit_near(a, &s, eval->n, err);
}

static bool decide(const as_audit *a, as_leaf *leaf, as_error *err)
{
    const as_statistic *exact = as_stat_need(a, "exact", "", err);
    const as_statistic *near = exact ? as_stat_need(a, "near", "", err) : NULL;
    const as_statistic *max = near ? as_stat_need(a, "max_similarity", "", err) : NULL;
    if (!max) return false;
    if (isnan(exact->estimate) || isnan(near->estimate))
        return as_leaf_set(a, leaf, AS_UNKNOWN, "evidence missing", err,
                           "there are no texts to compare (%" PRIu64 " evaluation texts, %.0f "
                           "training texts)",
                           exact->n, as_stat_detail(exact, "/n_train"));
    bool bad = exact->estimate > 0 || near->estimate > 0;
    return as_leaf_set(a, leaf, bad ? AS_FAILS : AS_HOLDS, bad ? "leakage" : "", err,
                       "%.0f of %" PRIu64 " evaluation texts stand verbatim among %.0f training "
                       "texts, %.0f are nearer than %.2f; the highest similarity is %.3f",
                       exact->estimate, exact->n, as_stat_detail(exact, "/n_train"), near->estimate,
                       as_arg_number(a, "threshold"), max->estimate);
}

const as_check as_check_leakage = {
    "leakage",
    "do evaluation texts occur among the training texts, verbatim or nearly",
    "evaluation prompts that the model was trained on",
    params,
    measure,
    decide};
