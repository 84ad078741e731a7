/* Learning a vocabulary: the merges of the reference library (made by tools/golden/bpe.py), the
 * definition carried out by counting everything every time, and what is refused. */
#include "check.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/rng.h"
#include "engine/text/bpe.h"
#include "engine/text/bpe_train.h"
#include "engine/text/split.h"
#include "engine/text/tokenizer.h"

#define GOLDEN "tests/golden/train/bpe.json"

/* The tokenizer.json that was learned, parsed; NULL with err when it could not be. */
static json_t *learn(const as_bpe_train_options *o, const char *const *text, const size_t *size,
                     size_t n, as_tokenizer **made, as_error *err)
{
    as_buf json = {0};
    json_t *root = NULL;
    size_t n_merges = 0;
    *made = NULL;
    if (as_bpe_train(o, text, size, n, NULL, &json, &n_merges, err)) {
        root = as_json_parse("learned", as_buf_text(&json), json.size, err);
        *made = as_tokenizer_parse("learned", as_buf_text(&json), json.size, NULL, 0, err);
        CHECK(*made);
        CHECK(n_merges == json_array_size(as_json_at(root, "/model/merges")));
    }
    as_buf_clear(&json);
    return root;
}

/* --- against the reference library ---------------------------------------------------------- */

static void case_of(const json_t *row, const char *const *text, const size_t *size, size_t n)
{
    as_error err = {0};
    const char *special[8];
    const json_t *list = json_object_get(row, "special");
    as_bpe_train_options o = {.pipeline = json_string_value(json_object_get(row, "like")),
                              .vocab = (size_t)json_integer_value(json_object_get(row, "vocab")),
                              .least = (size_t)json_integer_value(json_object_get(row, "least")),
                              .special = special,
                              .n_special = json_array_size(list)};
    for (size_t i = 0; i < o.n_special; i++)
        special[i] = json_string_value(json_array_get(list, i));
    as_tokenizer *t;
    json_t *made = learn(&o, text, size, n, &t, &err);
    const json_t *merges = json_object_get(row, "merges");
    CHECK(made && json_equal((json_t *)(uintptr_t)as_json_at(made, "/model/merges"), merges));
    size_t words = 256 + json_array_size(merges);
    CHECK(json_object_size(as_json_at(made, "/model/vocab")) == words);
    CHECK(t && as_tokenizer_size(t) == words + o.n_special);
    for (size_t i = 0; t && i < o.n_special; i++) {
        uint32_t id = 0;
        CHECK(as_tokenizer_find(t, special[i], &id) && id == words + i);
        CHECK(as_tokenizer_is_special(t, id));
    }
    as_tokenizer_free(t);
    json_decref(made);
}

static void reference(void)
{
    as_error err = {0};
    enum { MOST = 128 };
    const char *text[MOST];
    size_t size[MOST];
    json_t *golden = as_json_read(GOLDEN, &err);
    const json_t *texts = json_object_get(golden, "texts"),
                 *cases = json_object_get(golden, "cases");
    size_t n = json_array_size(texts);
    CHECK(golden && n > 20 && n <= MOST && json_array_size(cases) >= 5);
    for (size_t i = 0; i < n && i < MOST; i++) {
        text[i] = json_string_value(json_array_get(texts, i));
        size[i] = json_string_length(json_array_get(texts, i));
    }
    for (size_t i = 0; golden && n <= MOST && i < json_array_size(cases); i++)
        case_of(json_array_get(cases, i), text, size, n);
    json_decref(golden);
}

/* --- against the definition ------------------------------------------------------------------ */

enum { MOST_TEXT = 200, MOST_WORDS = 4000, MOST_IDS = 400 };

/* Words as lists of symbols; symbols as texts. */
typedef struct {
    struct {
        uint32_t id[MOST_TEXT];
        size_t n;
    } word[MOST_WORDS];
    size_t n_words;
    char token[MOST_IDS][MOST_TEXT + 1];
    size_t n_tokens;
} naive;

static void add_words(naive *v, const char *text, size_t size)
{
    as_error err = {0};
    as_split *split = as_split_new(AS_SPLIT_QWEN3, &err);
    as_split_scratch *scratch = as_split_scratch_new(&err);
    for (size_t at = 0, end; split && scratch && at < size && v->n_words < MOST_WORDS; at = end) {
        if (!as_split_next(split, scratch, text, size, at, &end, &err)) break;
        for (size_t i = at; i < end; i++) {
            uint32_t id = 0;
            while (v->token[id][0] != text[i]) id++;
            v->word[v->n_words].id[v->word[v->n_words].n++] = id;
        }
        v->n_words++;
    }
    as_split_free(split);
    as_split_scratch_free(scratch);
}

/* The most frequent pair; how often it occurs. */
static size_t best_pair(const naive *v, uint32_t *left, uint32_t *right)
{
    static size_t count[MOST_IDS][MOST_IDS];
    size_t best = 0;
    memset(count, 0, sizeof count);
    for (size_t w = 0; w < v->n_words; w++)
        for (size_t i = 0; i + 1 < v->word[w].n; i++)
            count[v->word[w].id[i]][v->word[w].id[i + 1]]++;
    for (uint32_t l = 0; l < v->n_tokens; l++)
        for (uint32_t r = 0; r < v->n_tokens; r++)
            if (count[l][r] > best) {
                best = count[l][r];
                *left = l;
                *right = r;
            }
    return best;
}

static void merge_all(naive *v, uint32_t left, uint32_t right)
{
    uint32_t made = (uint32_t)v->n_tokens++;
    size_t half = strlen(v->token[left]);
    memcpy(v->token[made], v->token[left], half);
    memcpy(v->token[made] + half, v->token[right], strlen(v->token[right]));
    for (size_t w = 0; w < v->n_words; w++) {
        size_t n = 0;
        for (size_t i = 0; i < v->word[w].n; i++) {
            uint32_t *id = v->word[w].id;
            bool here = i + 1 < v->word[w].n && id[i] == left && id[i + 1] == right;
            id[n++] = here ? made : id[i];
            i += here;
        }
        v->word[w].n = n;
    }
}

/* Printable ASCII is first in the alphabet, so ids here are those of the file but for the space,
 * which is not in these texts. */
static void definition_once(as_rng *rng)
{
    enum { MOST_TEXTS = 40 };
    static const char *const alphabets[] = {"ab", "abc-", "a", "xyz=123", "ab\"\\"};
    static char store[MOST_TEXTS][MOST_TEXT + 1];
    const char *text[MOST_TEXTS];
    size_t size[MOST_TEXTS], n = 1 + as_rng_below(rng, MOST_TEXTS);
    const char *letters = alphabets[as_rng_below(rng, 5)];
    naive *v = calloc(1, sizeof *v);
    if (!v) return;
    for (char c = '!'; c <= '~'; c++) v->token[v->n_tokens++][0] = c;
    size_t plain = v->n_tokens;
    for (size_t i = 0; i < n; i++) {
        text[i] = store[i];
        size[i] = as_rng_below(rng, MOST_TEXT);
        for (size_t k = 0, run = 0; k < size[i]; k++, run--) {
            bool again = k > 0 && run > 0;
            if (!again) run = 1 + as_rng_below(rng, 1 + as_rng_below(rng, 30));
            store[i][k] = again ? store[i][k - 1] : letters[as_rng_below(rng, strlen(letters))];
        }
        add_words(v, text[i], size[i]);
    }
    size_t least = as_rng_below(rng, 4), wanted = 1 + as_rng_below(rng, 150);
    as_bpe_train_options o = {.pipeline = "qwen3", .vocab = 256 + wanted, .least = least};
    as_error err = {0};
    as_tokenizer *t;
    json_t *made = learn(&o, text, size, n, &t, &err);
    const json_t *merges = as_json_at(made, "/model/merges");
    uint32_t l = 0, r = 0;
    size_t k = 0;
    for (size_t count; k < wanted && (count = best_pair(v, &l, &r)) > 0 && count >= least; k++) {
        const json_t *pair = json_array_get(merges, k);
        CHECK_TEXT(json_string_value(json_array_get(pair, 0)), v->token[l]);
        CHECK_TEXT(json_string_value(json_array_get(pair, 1)), v->token[r]);
        merge_all(v, l, r);
        if (check_bad) break;
    }
    CHECK(json_array_size(merges) == k && v->n_tokens == plain + k);
    as_tokenizer_free(t);
    json_decref(made);
    free(v);
}

static void definition(void)
{
    for (uint64_t i = 0; i < 60 && !check_bad; i++) {
        as_rng rng = as_rng_at(5, "bpe_train", i);
        definition_once(&rng);
        if (check_bad) printf("round %d\n", (int)i);
    }
}

/* --- the rest -------------------------------------------------------------------------------- */

static const char *const words[] = {"the cat sat on the mat", "that hat, that cat",
                                    "e\xcc\x81t\xc3\xa9", "<|end|>the end<|end|>",
                                    "bro\xffken \xe2\x82 text"};
static const size_t sizes[] = {22, 18, 6, 21, 15};

static char *bytes_of(const as_bpe_train_options *o, const char *const *text, const size_t *size,
                      size_t n)
{
    as_error err = {0};
    as_buf json = {0};
    size_t n_merges;
    CHECK(as_bpe_train(o, text, size, n, NULL, &json, &n_merges, &err));
    return json.data;
}

/* Neither the order of the texts nor how they are cut into calls matters. */
static void order_of_texts(void)
{
    static const char *const end[] = {"<|end|>"};
    as_bpe_train_options o = {
        .pipeline = "smollm", .vocab = 290, .least = 1, .special = end, .n_special = 1};
    const char *back[5];
    size_t back_size[5];
    for (size_t i = 0; i < 5; i++) {
        back[i] = words[4 - i];
        back_size[i] = sizes[4 - i];
    }
    char *a = bytes_of(&o, words, sizes, 5), *b = bytes_of(&o, back, back_size, 5);
    CHECK(a && b && strcmp(a, b) == 0);
    free(a);
    free(b);
}

/* A broken byte counts as U+FFFD, a special token as nothing at all. */
static void mended_and_cut(void)
{
    static const char *const end[] = {"<|end|>"};
    const char *const same[] = {words[0], words[1], words[2], "the end",
                                "bro\xef\xbf\xbdken \xef\xbf\xbd text"};
    static const size_t same_size[] = {22, 18, 6, 7, 19};
    as_bpe_train_options o = {
        .pipeline = "qwen35", .vocab = 300, .least = 1, .special = end, .n_special = 1};
    char *a = bytes_of(&o, words, sizes, 5), *b = bytes_of(&o, same, same_size, 5);
    CHECK(a && b && strcmp(a, b) == 0);
    free(a);
    free(b);
}

/* With merges to the last pair each piece is one token, and decoding gives the text back. */
static void used(void)
{
    as_error err = {0};
    as_ids ids = {0};
    as_buf back = {0};
    as_tokenizer *t;
    as_bpe_train_options o = {.pipeline = "smollm", .vocab = 2000, .least = 0};
    json_t *made = learn(&o, words, sizes, 2, &t, &err);
    CHECK(t && as_tokenizer_size(t) < 2000);
    CHECK(t && as_tokenizer_encode(t, words[0], sizes[0], AS_TEXT_PLAIN, &ids, &err));
    CHECK(ids.n == 6);
    if (t) as_tokenizer_decode(t, ids.id, ids.n, false, &back);
    CHECK_TEXT(as_buf_text(&back), words[0]);
    as_ids_clear(&ids);
    as_buf_clear(&back);
    as_tokenizer_free(t);
    json_decref(made);
}

static void no_text(void)
{
    as_error err = {0};
    as_tokenizer *t;
    as_bpe_train_options o = {.pipeline = "qwen3", .vocab = 300, .least = 2};
    const char *empty[] = {""};
    const size_t none[] = {0};
    json_t *made = learn(&o, empty, none, 1, &t, &err);
    CHECK(t && as_tokenizer_size(t) == 256);
    for (uint32_t id = 0; t && id < 256; id++) {
        size_t size = 0;
        CHECK(as_tokenizer_piece(t, id, &size) && size == 1);
    }
    as_tokenizer_free(t);
    json_decref(made);
}

/* A token's text has a limit; the run is 2^18 bytes of one piece. */
static void long_run(void)
{
    enum { RUN = 1 << 18 };
    as_error err = {0};
    as_tokenizer *t;
    char *run = malloc(RUN);
    const size_t size[] = {RUN};
    if (!run) return;
    memset(run, '=', RUN);
    as_bpe_train_options o = {.pipeline = "qwen3", .vocab = 300, .least = 2};
    json_t *made = learn(&o, (const char *const[]){run}, size, 1, &t, &err);
    size_t longest = 0, length;
    for (uint32_t id = 0; t && id < as_tokenizer_size(t); id++)
        if (as_tokenizer_piece(t, id, &length) && length > longest) longest = length;
    CHECK(t && longest == 1 << 15 && longest <= AS_BPE_MAX_TOKEN);
    as_tokenizer_free(t);
    json_decref(made);
    free(run);
}

static void refuse(const as_bpe_train_options *o, const char *what)
{
    as_error err = {0};
    as_buf json = {0};
    size_t n_merges;
    CHECK(!as_bpe_train(o, words, sizes, 2, NULL, &json, &n_merges, &err));
    CHECK(err.class_ == AS_EUSAGE && json.size == 0);
    CHECK_TEXT(err.what, what);
    as_buf_clear(&json);
}

static void refused(void)
{
    char long_one[1026];
    memset(long_one, 'x', 1025);
    long_one[1025] = '\0';
    const char *one[2] = {"<a>", "<b>"};
    as_bpe_train_options o = {
        .pipeline = "qwen3", .vocab = 257, .least = 2, .special = one, .n_special = 2};
    refuse(&o, "vocabulary (found 257, expected 258 to 1073741824)");
    o.vocab = SIZE_MAX;
    refuse(&o, "vocabulary (found 18446744073709551615, expected 258 to 1073741824)");
    o.vocab = 300;
    o.pipeline = "gemma4";
    refuse(&o, "pipeline (found gemma4, expected qwen3, qwen35 or smollm)");
    o.pipeline = "qwen3";
    one[1] = "<a>";
    refuse(&o, "special token 1: \"<a>\" is there twice");
    one[1] = "";
    refuse(&o, "special token 1: \"\" is empty");
    one[1] = "\xff";
    refuse(&o, "special token 1: \"\\xff\" is no UTF-8");
    one[1] = "Q";
    refuse(&o, "special token 1: \"Q\" is also how token 48 is written");
    one[1] = "\xc4\xa0"
             "cat"; /* the byte alphabet's " cat" */
    refuse(&o, "special token 1: \"\xc4\xa0"
               "cat\" is also how token 260 is written");
    one[1] = long_one;
    as_error err = {0};
    as_buf json = {0};
    size_t n_merges;
    CHECK(!as_bpe_train(&o, words, sizes, 2, NULL, &json, &n_merges, &err));
    CHECK(err.class_ == AS_EUSAGE && strstr(err.what, "is too long"));
}

int main(void)
{
    RUN(reference);
    RUN(definition);
    RUN(order_of_texts);
    RUN(mended_and_cut);
    RUN(used);
    RUN(no_text);
    RUN(long_run);
    RUN(refused);
    return check_end();
}
