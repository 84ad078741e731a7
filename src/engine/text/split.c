/* The known expressions, run by PCRE2 with Unicode classes, compiled by its JIT where the machine
 * allows (the results are the same without). Words of ASCII letters, which are most pieces of most
 * texts, are found without it. */
#include "engine/text/split.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

/* A run of white space costs the expressions two steps a byte and they never step back into a
 * piece already cut, so a limit in proportion to the largest text is no danger. */
enum { MATCH_LIMIT = 0x7fffffff, DEPTH_LIMIT = 10000, HEAP_LIMIT_KIB = 65536 };

/* PCRE2 10.42 knows Unicode 14.0 and takes U+180E for white space. The `tokenizers` library (0.23)
 * goes by Unicode 16.0, in its Digits by 17.0, so what came after 14.0 is named here; a newer PCRE2
 * knows it twice, which does no harm. */
#define NEW_LETTERS                                                                                \
    "\\x{1c89}-\\x{1c8a}\\x{a7cb}-\\x{a7cd}\\x{a7da}-\\x{a7dc}\\x{105c0}-\\x{105f3}"               \
    "\\x{10d4a}-\\x{10d65}\\x{10d6f}-\\x{10d85}\\x{10ec2}-\\x{10ec4}\\x{1123f}-\\x{11240}"         \
    "\\x{11380}-\\x{11389}\\x{1138b}\\x{1138e}\\x{11390}-\\x{113b5}\\x{113b7}\\x{113d1}"           \
    "\\x{113d3}\\x{11bc0}-\\x{11be0}\\x{11f02}\\x{11f04}-\\x{11f10}\\x{11f12}-\\x{11f33}"          \
    "\\x{1342f}\\x{13441}-\\x{13446}\\x{13460}-\\x{143fa}\\x{16100}-\\x{1611d}"                    \
    "\\x{16d40}-\\x{16d6c}\\x{18cff}\\x{1b132}\\x{1b155}\\x{1df25}-\\x{1df2a}"                     \
    "\\x{1e030}-\\x{1e06d}\\x{1e4d0}-\\x{1e4eb}\\x{1e5d0}-\\x{1e5ed}\\x{1e5f0}\\x{2b739}"          \
    "\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"
#define NEW_MARKS                                                                                  \
    "\\x{897}\\x{cf3}\\x{ece}\\x{10d69}-\\x{10d6d}\\x{10efc}-\\x{10eff}\\x{11241}"                 \
    "\\x{113b8}-\\x{113c0}\\x{113c2}\\x{113c5}\\x{113c7}-\\x{113ca}\\x{113cc}-\\x{113d0}"          \
    "\\x{113d2}\\x{113e1}-\\x{113e2}\\x{11f00}-\\x{11f01}\\x{11f03}\\x{11f34}-\\x{11f3a}"          \
    "\\x{11f3e}-\\x{11f42}\\x{11f5a}\\x{13440}\\x{13447}-\\x{13455}\\x{1611e}-\\x{1612f}"          \
    "\\x{1e08f}\\x{1e4ec}-\\x{1e4ef}\\x{1e5ee}-\\x{1e5ef}"
#define NEW_NUMBERS                                                                                \
    "\\x{10d40}-\\x{10d49}\\x{116d0}-\\x{116e3}\\x{11bf0}-\\x{11bf9}\\x{11f50}-\\x{11f59}"         \
    "\\x{16130}-\\x{16139}\\x{16d70}-\\x{16d79}\\x{1ccf0}-\\x{1ccf9}\\x{1d2c0}-\\x{1d2d3}"         \
    "\\x{1e4f0}-\\x{1e4f9}\\x{1e5f1}-\\x{1e5fa}"
#define NEW_DIGITS "\\x{11de0}-\\x{11de9}\\x{16ff4}-\\x{16ff6}"

#define S "\\p{White_Space}"
#define L "\\p{L}" NEW_LETTERS
#define M "\\p{M}" NEW_MARKS
#define N "\\p{N}" NEW_NUMBERS
#define D N NEW_DIGITS
#define CONTRACTION "'s|'t|'re|'ve|'m|'ll|'d"
#define QWEN_TAIL "[\\r\\n]*|[" S "]*[\\r\\n]+|[" S "]+(?![^" S "])|[" S "]+"

/* `written` is the expression of tokenizer.json, `meant` what it means with the classes above.
 * [AS_SPLIT_GPT2_DIGITS] is the cut at every numeric character and the expression inside each cut
 * in one: white space followed by a digit stands at the end of its cut. */
static const struct {
    const char *written, *meant;
} patterns[] = {
    [AS_SPLIT_QWEN3] = {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                        " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                        "(?i:" CONTRACTION ")|[^\\r\\n" L N "]?[" L "]+|[" N "]|"
                        " ?[^" S L N "]+" QWEN_TAIL},
    [AS_SPLIT_QWEN35] = {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|"
                         "\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|"
                         "\\s+",
                         "(?i:" CONTRACTION ")|[^\\r\\n" L N "]?[" L M "]+|[" N "]|"
                         " ?[^" S L M N "]+" QWEN_TAIL},
    [AS_SPLIT_GPT2] = {NULL, CONTRACTION "| ?[" L "]+| ?[" N "]+| ?[^" S L N "]+|"
                                         "[" S "]+(?![^" S "])|[" S "]+"},
    [AS_SPLIT_GPT2_DIGITS] = {NULL, CONTRACTION "|[" D "]| ?[" L "]+| ?[^" S L D "]+|"
                                                "[" S "]+(?![^" S D "])|[" S "]+"},
};

struct as_split {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_code *code;
    bool starved; /* an allocation was refused */
};

struct as_split_scratch {
    pcre2_general_context *memory;
    pcre2_match_data *match;
};

const char *as_split_pattern(as_split_kind kind)
{
    return patterns[kind].written;
}

/* context: a bool that remembers a refusal. */
static void *take(size_t size, void *context)
{
    void *block = malloc(size);
    if (!block && context) *(bool *)context = true;
    return block;
}

static void give(void *block, void *context)
{
    (void)context;
    free(block);
}

as_split *as_split_new(as_split_kind kind, as_error *err)
{
    int code;
    size_t at;
    as_split *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    s->memory = pcre2_general_context_create(take, give, &s->starved);
    if (!s->memory) goto memory;
    s->limits = pcre2_match_context_create(s->memory);
    pcre2_compile_context *compile = pcre2_compile_context_create(s->memory);
    if (s->limits && compile)
        s->code = pcre2_compile((PCRE2_SPTR)patterns[kind].meant, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &code, &at, compile);
    pcre2_compile_context_free(compile);
    if (!s->code) goto memory; /* the expressions are constants and correct */
    (void)pcre2_set_match_limit(s->limits, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(s->limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(s->limits, HEAP_LIMIT_KIB);
    (void)pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE); /* fails where memory may not run */
    if (s->starved) goto memory;
    return s;
memory:
    as_split_free(s);
    (void)as_fail(err, AS_EMEM, "out of memory for a split expression");
    return NULL;
}

void as_split_free(as_split *s)
{
    if (!s) return;
    pcre2_code_free(s->code);
    pcre2_match_context_free(s->limits);
    pcre2_general_context_free(s->memory);
    free(s);
}

as_split_scratch *as_split_scratch_new(as_error *err)
{
    as_split_scratch *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    s->memory = pcre2_general_context_create(take, give, NULL);
    if (s->memory) s->match = pcre2_match_data_create(1, s->memory);
    if (s->match) return s;
    as_split_scratch_free(s);
    (void)as_fail(err, AS_EMEM, "out of memory for a split match");
    return NULL;
}

void as_split_scratch_free(as_split_scratch *s)
{
    if (!s) return;
    pcre2_match_data_free(s->match);
    pcre2_general_context_free(s->memory);
    free(s);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where a word of ASCII letters, perhaps after one space, ends; 0 when there is none at `at` or
 * when a character beyond ASCII follows, which may belong to it. All expressions agree on these. */
static size_t ascii_word(const char *text, size_t size, size_t at)
{
    size_t start = at + (text[at] == ' '), i = start;
    while (i < size && is_letter(text[i])) i++;
    if (i == start || (i < size && ((unsigned char)text[i] & 0x80))) return 0;
    return i;
}

bool as_split_next(const as_split *s, as_split_scratch *scratch, const char *text, size_t size,
                   size_t at, size_t *end, as_error *err)
{
    *end = ascii_word(text, size, at);
    if (*end) return true;
    int n = pcre2_match(s->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, scratch->match,
                        s->limits);
    if (n < 0)
        return as_fail(err, n == PCRE2_ERROR_NOMEMORY ? AS_EMEM : AS_ELIMIT,
                       "byte %zu: splitting stopped (PCRE2 error %d)", at, n);
    *end = pcre2_get_ovector_pointer(scratch->match)[1];
    AS_CHECK(*end > at && *end <= size);
    return true;
}
