/* The components of a tokenizer.json: which of them are known, with which parameters, and in which
 * company. Component and parameter names are those of the `tokenizers` library's own files. */
#include "engine/text/tokenizer_internal.h"

#include <string.h>

#define SPACE "\xe2\x96\x81" /* U+2581 */

/* --- small readers --------------------------------------------------------------------------- */

bool as_recipe_keys(const json_t *o, const char *const *keys, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *key;
    json_t *value;
    if (!json_is_object(o)) return as_fail(err, AS_EFORMAT, "expected an object");
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        size_t k = 0;
        while (keys[k] && strcmp(keys[k], key) != 0) k++;
        if (!keys[k])
            return as_fail(err, AS_EFORMAT, "unknown parameter \"%s\"",
                           as_escape(key, strlen(key), shown));
    }
    return true;
}

bool as_recipe_flag(const json_t *o, const char *key, bool missing, bool *out, as_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = v ? json_is_true(v) : missing;
    return !v || json_is_boolean(v) || as_fail(err, AS_EFORMAT, "%s (expected true or false)", key);
}

/* o[key] must be there and be `expected`. */
static bool flag_is(const json_t *o, const char *key, bool missing, bool expected, as_error *err)
{
    bool is;
    if (!as_recipe_flag(o, key, missing, &is, err)) return false;
    return is == expected || as_fail(err, AS_EFORMAT, "%s (found %s, expected %s)", key,
                                     is ? "true" : "false", expected ? "true" : "false");
}

/* o[key] must be this text. */
static bool text_is(const json_t *o, const char *key, const char *expected, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *found = json_string_value(json_object_get(o, key));
    if (found && strcmp(found, expected) == 0) return true;
    return as_fail(err, AS_EFORMAT, "%s (found %s%s%s, expected \"%s\")", key, found ? "\"" : "",
                   found ? as_escape(found, strlen(found), shown) : "no text", found ? "\"" : "",
                   expected);
}

/* The component's type: a text under "type". */
static const char *type_of(const json_t *o, as_error *err)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    if (!type) (void)as_fail(err, AS_EFORMAT, "expected an object with a type");
    return type;
}

static bool fail_type(const char *type, const char *expected, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    return as_fail(err, AS_EFORMAT, "component (found \"%s\", expected %s)",
                   as_escape(type, strlen(type), shown), expected);
}

/* --- components ------------------------------------------------------------------------------ */

typedef enum {
    NFC,
    REPLACE_SPACE, /* " " by U+2581 */
    SPLIT_QWEN3,
    SPLIT_QWEN35,
    SPLIT_SPACE, /* does nothing where no space is left */
    DIGITS,
    BYTES_SPLIT,  /* ByteLevel with its own expression */
    BYTES,        /* ByteLevel without */
    REPLACE_MARK, /* U+2581 by " " */
    BYTE_FALLBACK,
    FUSE
} step;

/* Reads one component. */
typedef bool read_step(const json_t *o, const char *type, step *out, as_error *err);

/* Replace: a text, not an expression, by another. */
static bool read_replace(const json_t *o, const char *from, const char *to, as_error *err)
{
    static const char *const keys[] = {"type", "pattern", "content", NULL};
    static const char *const pattern_keys[] = {"String", NULL};
    const json_t *pattern = json_object_get(o, "pattern");
    if (!as_recipe_keys(o, keys, err)) return false;
    if (!as_recipe_keys(pattern, pattern_keys, err) || !text_is(pattern, "String", from, err)) {
        as_error_at(err, "pattern");
        return false;
    }
    return text_is(o, "content", to, err);
}

static bool read_normaliser(const json_t *o, const char *type, step *out, as_error *err)
{
    static const char *const keys[] = {"type", NULL};
    if (strcmp(type, "NFC") == 0) {
        *out = NFC;
        return as_recipe_keys(o, keys, err);
    }
    *out = REPLACE_SPACE;
    if (strcmp(type, "Replace") == 0) return read_replace(o, " ", SPACE, err);
    return fail_type(type, "NFC, Replace or a Sequence of them", err);
}

static bool read_split(const json_t *o, step *out, as_error *err)
{
    static const char *const keys[] = {"type", "pattern", "behavior", "invert", NULL};
    static const char *const pattern_keys[] = {"String", "Regex", NULL};
    char shown[AS_ESCAPE_SIZE];
    const json_t *pattern = json_object_get(o, "pattern");
    if (!as_recipe_keys(o, keys, err) || !flag_is(o, "invert", false, false, err)) return false;
    if (!as_recipe_keys(pattern, pattern_keys, err)) {
        as_error_at(err, "pattern");
        return false;
    }
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    if (!regex) {
        *out = SPLIT_SPACE;
        return text_is(pattern, "String", " ", err) &&
               text_is(o, "behavior", "MergedWithPrevious", err);
    }
    *out = SPLIT_QWEN3;
    if (strcmp(regex, as_split_pattern(AS_SPLIT_QWEN3)) != 0) *out = SPLIT_QWEN35;
    if (*out == SPLIT_QWEN35 && strcmp(regex, as_split_pattern(AS_SPLIT_QWEN35)) != 0)
        return as_fail(err, AS_EFORMAT, "pattern (found \"%s\", expected that of Qwen3 or Qwen3.5)",
                       as_escape(regex, strlen(regex), shown));
    return text_is(o, "behavior", "Isolated", err);
}

static bool read_byte_level(const json_t *o, bool free_prefix, bool *use_regex, as_error *err)
{
    static const char *const keys[] = {"type", "add_prefix_space", "trim_offsets", "use_regex",
                                       NULL};
    bool any;
    return as_recipe_keys(o, keys, err) && as_recipe_flag(o, "trim_offsets", true, &any, err) &&
           as_recipe_flag(o, "use_regex", true, use_regex, err) &&
           (free_prefix ? as_recipe_flag(o, "add_prefix_space", true, &any, err)
                        : flag_is(o, "add_prefix_space", true, false, err));
}

static bool read_pre_tokeniser(const json_t *o, const char *type, step *out, as_error *err)
{
    static const char *const keys[] = {"type", "individual_digits", NULL};
    bool use_regex;
    if (strcmp(type, "Split") == 0) return read_split(o, out, err);
    if (strcmp(type, "Digits") == 0) {
        *out = DIGITS;
        return as_recipe_keys(o, keys, err) && flag_is(o, "individual_digits", false, true, err);
    }
    if (strcmp(type, "ByteLevel") != 0)
        return fail_type(type, "Split, Digits, ByteLevel or a Sequence of them", err);
    if (!read_byte_level(o, false, &use_regex, err)) return false;
    *out = use_regex ? BYTES_SPLIT : BYTES;
    return true;
}

static bool read_decoder(const json_t *o, const char *type, step *out, as_error *err)
{
    static const char *const keys[] = {"type", NULL};
    bool any;
    *out = BYTES;
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(o, true, &any, err);
    *out = REPLACE_MARK;
    if (strcmp(type, "Replace") == 0) return read_replace(o, SPACE, " ", err);
    *out = strcmp(type, "Fuse") == 0 ? FUSE : BYTE_FALLBACK;
    if (*out == BYTE_FALLBACK && strcmp(type, "ByteFallback") != 0)
        return fail_type(type, "ByteLevel or a Sequence of Replace, ByteFallback, Fuse", err);
    return as_recipe_keys(o, keys, err);
}

/* --- sequences ------------------------------------------------------------------------------- */

enum { MOST_STEPS = 3 };

typedef struct {
    step step[MOST_STEPS];
    size_t n;
} steps;

static bool read_one(const json_t *o, read_step *read, steps *out, as_error *err)
{
    const char *type = type_of(o, err);
    if (!type) return false;
    if (out->n == MOST_STEPS)
        return as_fail(err, AS_EFORMAT, "too many components (expected at most %d)", MOST_STEPS);
    return read(o, type, &out->step[out->n++], err);
}

/* null, a component, or a Sequence with a list of components under `list`. */
static bool read_steps(const json_t *root, const char *name, const char *list, read_step *read,
                       steps *out, as_error *err)
{
    const json_t *o = json_object_get(root, name);
    *out = (steps){0};
    if (!o || json_is_null(o)) return true;
    const char *keys[] = {"type", list, NULL}, *type = type_of(o, err);
    if (type && strcmp(type, "Sequence") != 0) {
        if (read_one(o, read, out, err)) return true;
    } else if (type && as_recipe_keys(o, keys, err)) {
        const json_t *parts = json_object_get(o, list);
        size_t n = json_array_size(parts), i = 0;
        if (!json_is_array(parts)) (void)as_fail(err, AS_EFORMAT, "%s (expected a list)", list);
        while (i < n && read_one(json_array_get(parts, i), read, out, err)) i++;
        if (i == n && json_is_array(parts)) return true;
        if (i < n) as_error_at(err, "%s[%zu]", list, i);
    }
    as_error_at(err, "%s", name);
    return false;
}

static bool are(const steps *s, size_t n, const step *expected)
{
    return s->n == n && (n == 0 || memcmp(s->step, expected, n * sizeof *expected) == 0);
}

/* null, ByteLevel, or a template that is the text alone. */
static bool read_post_processor(const json_t *o, as_error *err)
{
    static const char *const sequence_keys[] = {"Sequence", NULL};
    bool any;
    if (!o || json_is_null(o)) return true;
    const char *type = type_of(o, err);
    if (!type) return false;
    if (strcmp(type, "ByteLevel") == 0) return read_byte_level(o, true, &any, err);
    if (strcmp(type, "TemplateProcessing") != 0)
        return fail_type(type, "null, ByteLevel or TemplateProcessing", err);
    const json_t *single = json_object_get(o, "single"), *part = json_array_get(single, 0);
    if (json_array_size(single) != 1 || !as_recipe_keys(part, sequence_keys, err) ||
        !text_is(json_object_get(part, "Sequence"), "id", "A", err)) {
        if (err->class_ == AS_OK)
            (void)as_fail(err, AS_EFORMAT, "found %zu parts (expected the text alone)",
                          json_array_size(single));
        as_error_at(err, "single");
        return false;
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Absent, null or "". */
static bool is_nothing(const json_t *o, const char *key, as_error *err)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0)) return true;
    return as_fail(err, AS_EFORMAT, "%s (expected null)", key);
}

static bool read_model(const json_t *model, as_recipe *out, as_error *err)
{
    static const char *const keys[] = {
        "type",     "dropout",       "unk_token",     "continuing_subword_prefix", "vocab",
        "fuse_unk", "byte_fallback", "ignore_merges", "end_of_word_suffix",        "merges",
        NULL};
    const json_t *unknown = json_object_get(model, "unk_token");
    if (!as_recipe_keys(model, keys, err) || !text_is(model, "type", "BPE", err)) return false;
    if (!is_nothing(model, "dropout", err) ||
        !is_nothing(model, "continuing_subword_prefix", err) ||
        !is_nothing(model, "end_of_word_suffix", err) ||
        !flag_is(model, "ignore_merges", false, false, err) ||
        !as_recipe_flag(model, "fuse_unk", false, &out->is_fused, err) ||
        !as_recipe_flag(model, "byte_fallback", false, &out->has_fall_back, err))
        return false;
    out->unknown = json_string_value(unknown);
    if (unknown && !json_is_null(unknown) && !out->unknown)
        return as_fail(err, AS_EFORMAT, "unk_token (expected a text or null)");
    if (!out->is_spaced && out->has_fall_back)
        return as_fail(err, AS_EFORMAT,
                       "byte_fallback (found true, expected false: the tokens "
                       "are bytes already)");
    return true;
}

/* Which of the known pipelines the components make. */
static bool match_pipeline(const steps *normal, const steps *pre, const steps *decode,
                           as_recipe *out, as_error *err)
{
    static const step spaced[] = {REPLACE_SPACE}, spaced_split[] = {SPLIT_SPACE};
    static const step spaced_back[] = {REPLACE_MARK, BYTE_FALLBACK, FUSE};
    static const step nfc[] = {NFC}, bytes[] = {BYTES};
    static const struct {
        step step[2];
        size_t n;
        as_split_kind kind;
    } rows[] = {
        {{SPLIT_QWEN3, BYTES}, 2, AS_SPLIT_QWEN3},
        {{SPLIT_QWEN35, BYTES}, 2, AS_SPLIT_QWEN35},
        {{BYTES_SPLIT}, 1, AS_SPLIT_GPT2},
        {{DIGITS, BYTES_SPLIT}, 2, AS_SPLIT_GPT2_DIGITS},
    };
    *out = (as_recipe){.is_spaced = are(normal, 1, spaced), .has_nfc = are(normal, 1, nfc)};
    if (out->is_spaced) {
        if (pre->n > 0 && !are(pre, 1, spaced_split))
            return as_fail(err, AS_EFORMAT,
                           "pre_tokenizer: does not go with the normalizer "
                           "(expected null or Split at the space)");
        return are(decode, 3, spaced_back) ||
               as_fail(err, AS_EFORMAT,
                       "decoder: does not go with the normalizer (expected a "
                       "Sequence of Replace, ByteFallback, Fuse)");
    }
    if (normal->n > 0 && !out->has_nfc)
        return as_fail(err, AS_EFORMAT, "normalizer: several components (expected one)");
    size_t k = 0;
    while (k < sizeof rows / sizeof rows[0] && !are(pre, rows[k].n, rows[k].step)) k++;
    if (k == sizeof rows / sizeof rows[0])
        return as_fail(err, AS_EFORMAT,
                       "pre_tokenizer: unknown combination (expected that of "
                       "Qwen3, Qwen3.5, GPT-2, SmolLM2 or Gemma 4)");
    out->split = rows[k].kind;
    return are(decode, 1, bytes) ||
           as_fail(err, AS_EFORMAT,
                   "decoder: does not go with the pre_tokenizer (expected ByteLevel)");
}

bool as_recipe_read(const json_t *root, as_recipe *out, as_error *err)
{
    static const char *const keys[] = {
        "version",       "truncation",     "padding", "added_tokens", "normalizer",
        "pre_tokenizer", "post_processor", "decoder", "model",        NULL};
    steps normal, pre, decode;
    if (!as_recipe_keys(root, keys, err) || !text_is(root, "version", "1.0", err)) return false;
    if (!read_steps(root, "normalizer", "normalizers", read_normaliser, &normal, err) ||
        !read_steps(root, "pre_tokenizer", "pretokenizers", read_pre_tokeniser, &pre, err) ||
        !read_steps(root, "decoder", "decoders", read_decoder, &decode, err))
        return false;
    if (!read_post_processor(json_object_get(root, "post_processor"), err)) {
        as_error_at(err, "post_processor");
        return false;
    }
    if (!match_pipeline(&normal, &pre, &decode, out, err)) return false;
    if (read_model(json_object_get(root, "model"), out, err)) return true;
    as_error_at(err, "model");
    return false;
}
