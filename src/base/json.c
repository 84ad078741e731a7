/* Reading JSON (RFC 8259) into jansson values. The text is checked and the tree built in one pass
 * without recursion, so that every refusal says what was found and where, memory is counted before
 * it is taken, and a failed allocation is an error rather than a shortened string. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_internal.h"

typedef struct {
    const char *start, *p, *end;
    json_t *root;                /* owned */
    json_t *open[AS_JSON_DEPTH]; /* containers not yet closed, borrowed from root */
    size_t depth;
    as_buf name, text;           /* the name a value will stand under; scratch */
    size_t need, longest, limit; /* bytes of the tree, of the longest scratch text, allowed */
    bool is_wide;                /* integers beyond 64 bits are read as numbers */
    as_error *err;
} reader;

/* --- failing ------------------------------------------------------------------------------- */

enum { FOUND_SIZE = 48 };

/* What stands at p, for a message: 'x', byte \xff, end of text. */
static const char *found_at(const reader *r, const char *p, char out[FOUND_SIZE])
{
    char escaped[AS_ESCAPE_SIZE];
    uint32_t cp;
    if (p >= r->end) return "end of text";
    size_t n = as_utf8_next(p, (size_t)(r->end - p), &cp);
    as_escape(p, n ? n : 1, escaped);
    (void)snprintf(out, FOUND_SIZE, escaped[0] == '\\' && escaped[1] ? "byte %.20s" : "'%.20s'",
                   escaped);
    return out;
}

static bool fail_found(reader *r, const char *what, const char *expected)
{
    char found[FOUND_SIZE];
    return as_fail(r->err, AS_EFORMAT, "%s (found %s, expected %s)", what, found_at(r, r->p, found),
                   expected);
}

static bool fail_memory(reader *r)
{
    return as_fail(r->err, AS_EMEM, "out of memory while reading JSON");
}

static void place_of(const reader *r, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (const char *q = r->start; q < r->p; q++) {
        if (*q == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)*q & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

/* Counts bytes the tree is about to take. The figures in the callers are what jansson 2.14 and a
 * 64-bit malloc use, rounded up; scratch text can be three times its length while it grows. */
static bool charge(reader *r, size_t bytes)
{
    r->need += bytes;
    if (r->need + 3 * r->longest <= r->limit) return true;
    return as_fail(
        r->err, AS_ELIMIT,
        "memory (found too many small values, expected a tree of at most %zu bytes for a "
        "text of %zu)",
        r->limit, (size_t)(r->end - r->start));
}

/* --- putting values in place ---------------------------------------------------------------- */

/* Puts v (owned, may be NULL when out of memory) where the next value belongs. */
static bool put(reader *r, json_t *v)
{
    if (!v) return fail_memory(r);
    if (r->depth == 0) {
        r->root = v;
        return true;
    }
    json_t *in = r->open[r->depth - 1];
    if (json_is_array(in)) {
        if (json_array_append_new(in, v) != 0) return fail_memory(r);
        return charge(r, 24);
    }
    if (json_object_setn_new_nocheck(in, as_buf_text(&r->name), r->name.size, v) != 0) {
        return fail_memory(r);
    }
    return charge(r, 128 + r->name.size);
}

static bool open_container(reader *r, bool is_array)
{
    if (r->depth == AS_JSON_DEPTH) {
        return as_fail(r->err, AS_ELIMIT, "nesting (found %d levels, expected at most %d)",
                       AS_JSON_DEPTH + 1, AS_JSON_DEPTH);
    }
    if (!charge(r, is_array ? 128 : 256)) return false;
    json_t *v = is_array ? json_array() : json_object();
    if (!put(r, v)) return false;
    r->open[r->depth++] = v;
    r->p++;
    return true;
}

/* --- strings ------------------------------------------------------------------------------- */

/* Four hex digits at p + 2 of a \u escape. */
static bool read_hex4(reader *r, uint32_t *out)
{
    uint32_t c = 0;
    for (size_t i = 2; i < 6; i++) {
        char h = r->p + i < r->end ? r->p[i] : '\0';
        uint32_t d = h >= '0' && h <= '9'   ? (uint32_t)(h - '0')
                     : h >= 'a' && h <= 'f' ? (uint32_t)(h - 'a') + 10
                     : h >= 'A' && h <= 'F' ? (uint32_t)(h - 'A') + 10
                                            : 16;
        if (d == 16) {
            r->p += i;
            return fail_found(r, "\\u escape", "four hex digits");
        }
        c = c << 4 | d;
    }
    *out = c;
    return true;
}

static void add_utf8(as_buf *b, uint32_t c)
{
    char u[4];
    size_t n = 1;
    if (c < 0x80) {
        u[0] = (char)c;
    } else if (c < 0x800) {
        n = 2;
        u[0] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        n = 3;
        u[0] = (char)(0xe0 | c >> 12);
    } else {
        n = 4;
        u[0] = (char)(0xf0 | c >> 18);
    }
    for (size_t i = 1; i < n; i++) u[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    as_buf_add(b, u, n);
}

static bool read_u_escape(reader *r, as_buf *out)
{
    uint32_t c, low;
    const char *start = r->p;
    if (!read_hex4(r, &c)) return false;
    if (c == 0)
        return as_fail(r->err, AS_EFORMAT, "NUL in a string (found \\u0000, expected none)");
    r->p += 6;
    if (c >= 0xd800 && c <= 0xdbff && r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u') {
        if (!read_hex4(r, &low)) return false;
        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            r->p += 6;
        }
    }
    if (c >= 0xd800 && c <= 0xdfff) {
        r->p = start;
        return as_fail(r->err, AS_EFORMAT, "surrogate (found \\u%04x alone, expected a pair)",
                       (unsigned)c);
    }
    add_utf8(out, c);
    return true;
}

static bool read_escape(reader *r, as_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->end - r->p > 1 ? r->p[1] : '\0';
    if (c == 'u') return read_u_escape(r, out);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at) {
        r->p++;
        return fail_found(r, "escape in a string", "one of \" \\ / b f n r t u");
    }
    as_buf_add(out, to + (at - from), 1);
    r->p += 2;
    return true;
}

/* Passes over characters that stand for themselves. */
static bool skip_plain(reader *r)
{
    while (r->p < r->end && *r->p != '"' && *r->p != '\\') {
        uint32_t cp;
        size_t n = as_utf8_next(r->p, (size_t)(r->end - r->p), &cp);
        if (n == 0) return fail_found(r, "string", "valid UTF-8");
        if (cp < 0x20) return fail_found(r, "control byte in a string", "an escape");
        r->p += n;
    }
    return true;
}

/* The string whose opening quote is at p. *text points into the input when it holds no escape, and
 * into out otherwise. */
static bool read_string(reader *r, as_buf *out, const char **text, size_t *size)
{
    const char *plain = ++r->p;
    out->size = 0;
    for (;;) {
        if (!skip_plain(r)) return false;
        if (r->p >= r->end) return fail_found(r, "string", "a closing '\"'");
        if (*r->p == '"') break;
        as_buf_add(out, plain, (size_t)(r->p - plain));
        if (!read_escape(r, out)) return false;
        if (out->failed) return fail_memory(r);
        plain = r->p;
        if (out->size > r->longest) r->longest = out->size;
        if (!charge(r, 0)) return false;
    }
    if (out->size == 0) {
        *text = plain;
        *size = (size_t)(r->p - plain);
    } else {
        as_buf_add(out, plain, (size_t)(r->p - plain));
        if (out->failed) return fail_memory(r);
        *text = out->data;
        *size = out->size;
    }
    r->p++;
    return true;
}

static bool read_text(reader *r)
{
    const char *text;
    size_t size;
    if (!read_string(r, &r->text, &text, &size)) return false;
    return charge(r, 80 + size) && put(r, json_stringn_nocheck(text, size));
}

static bool fail_twice(reader *r, const char *start)
{
    char escaped[AS_ESCAPE_SIZE];
    as_escape(start + 1, (size_t)(r->p - start) - 2, escaped);
    r->p = start;
    return as_fail(r->err, AS_EFORMAT, "name given twice (found \"%s\" again, expected it once)",
                   escaped);
}

/* --- numbers and words ---------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(reader *r, const char *what)
{
    if (r->p >= r->end || !is_digit(*r->p)) return fail_found(r, what, "a digit");
    while (r->p < r->end && is_digit(*r->p)) r->p++;
    return true;
}

static bool fail_number(reader *r, const char *start, const char *what, const char *expected)
{
    char escaped[AS_ESCAPE_SIZE];
    as_escape(start, (size_t)(r->p - start), escaped);
    r->p = start;
    return as_fail(r->err, AS_EFORMAT, "%s (found %s, expected %s)", what, escaped, expected);
}

static bool put_real(reader *r, const char *start)
{
    size_t size = (size_t)(r->p - start);
    if (size > r->longest) r->longest = size;
    if (!charge(r, 32)) return false;
    r->text.size = 0;
    as_buf_add(&r->text, start, size);
    if (r->text.failed) return fail_memory(r);
    double x = strtod(r->text.data, NULL);
    if (!isfinite(x)) return fail_number(r, start, "number", "one of at most 1.8e308");
    return put(r, json_real(x));
}

static bool put_integer(reader *r, const char *start)
{
    bool negative = *start == '-';
    uint64_t x = 0, most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (const char *q = start + (negative ? 1 : 0); q < r->p; q++) {
        uint64_t d = (uint64_t)(*q - '0');
        if (x > (most - d) / 10 && r->is_wide) return put_real(r, start);
        if (x > (most - d) / 10) return fail_number(r, start, "integer", "one of 64 bits");
        x = x * 10 + d;
    }
    int64_t value = !negative ? (int64_t)x : x == 0 ? 0 : -(int64_t)(x - 1) - 1;
    return charge(r, 32) && put(r, json_integer(value));
}

static bool read_number(reader *r)
{
    const char *start = r->p;
    bool is_real = false;
    if (*r->p == '-') r->p++;
    bool zero = r->p < r->end && *r->p == '0';
    const char *digits = r->p;
    if (!skip_digits(r, "number")) return false;
    if (zero && r->p - digits > 1) {
        return fail_number(r, start, "number", "no zero in front");
    }
    if (r->p < r->end && *r->p == '.') {
        is_real = true;
        r->p++;
        if (!skip_digits(r, "number")) return false;
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        is_real = true;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) r->p++;
        if (!skip_digits(r, "exponent")) return false;
    }
    return is_real ? put_real(r, start) : put_integer(r, start);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool read_word(reader *r)
{
    const char *start = r->p;
    while (r->p < r->end && is_letter(*r->p)) r->p++;
    size_t n = (size_t)(r->p - start);
    if (n == 4 && memcmp(start, "true", 4) == 0) return put(r, json_true());
    if (n == 5 && memcmp(start, "false", 5) == 0) return put(r, json_false());
    if (n == 4 && memcmp(start, "null", 4) == 0) return put(r, json_null());
    return fail_number(r, start, "word", "true, false, null, or a quoted string");
}

/* --- the grammar --------------------------------------------------------------------------- */

static void skip_blank(reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool read_value(reader *r, const char *expected)
{
    char c = r->p < r->end ? *r->p : '\0';
    if (c == '[' || c == '{') return open_container(r, c == '[');
    if (c == '"') return read_text(r);
    if (c == '-' || is_digit(c)) return read_number(r);
    if (is_letter(c)) return read_word(r);
    if (r->p == r->start && r->end - r->p >= 3 && memcmp(r->p, "\xef\xbb\xbf", 3) == 0) {
        return as_fail(r->err, AS_EFORMAT, "byte order mark (found U+FEFF, expected none)");
    }
    return fail_found(r, "value", expected);
}

/* "name" : with r->name set. */
static bool read_name(reader *r, const char *expected)
{
    const char *text, *start = r->p;
    size_t size;
    if (r->p >= r->end || *r->p != '"') return fail_found(r, "name", expected);
    if (!read_string(r, &r->name, &text, &size)) return false;
    if (json_object_getn(r->open[r->depth - 1], text, size)) return fail_twice(r, start);
    if (text != r->name.data) {
        if (size > r->longest) r->longest = size;
        if (!charge(r, 0)) return false;
        r->name.size = 0;
        as_buf_add(&r->name, text, size);
        if (r->name.failed) return fail_memory(r);
    }
    skip_blank(r);
    if (r->p >= r->end || *r->p != ':') return fail_found(r, "name", "':' after it");
    r->p++;
    return true;
}

/* What may follow an opened bracket, a value, a comma; at depth 0 there is nothing left. */
typedef enum { OPENED, VALUE_DONE, COMMA } state;

/* One step inside the innermost container. */
static bool step(reader *r, state *s)
{
    bool in_array = json_is_array(r->open[r->depth - 1]);
    char close = in_array ? ']' : '}', c = r->p < r->end ? *r->p : '\0';
    if (c == close && *s != COMMA) {
        r->p++;
        r->depth--;
        *s = VALUE_DONE;
        return true;
    }
    if (*s == VALUE_DONE) {
        if (c != ',')
            return fail_found(r, in_array ? "array" : "object",
                              in_array ? "',' or ']'" : "',' or '}'");
        r->p++;
        *s = COMMA;
        return true;
    }
    if (!in_array) {
        if (!read_name(r, *s == OPENED ? "'\"' or '}'" : "'\"'")) return false;
        skip_blank(r);
    }
    size_t depth = r->depth;
    if (!read_value(r, in_array && *s == OPENED ? "a value or ']'" : "a value")) return false;
    *s = r->depth > depth ? OPENED : VALUE_DONE;
    return true;
}

static bool read_all(reader *r)
{
    state s = OPENED;
    skip_blank(r);
    if (!read_value(r, "a value")) return false;
    while (r->depth > 0) {
        skip_blank(r);
        if (!step(r, &s)) return false;
    }
    skip_blank(r);
    return r->p >= r->end || fail_found(r, "text after the value", "end of text");
}

json_t *as_json_build(const char *bytes, size_t size, bool is_wide, size_t *line, size_t *column,
                      as_error *err)
{
    *line = *column = 1;
    if (size > AS_JSON_MAX_BYTES) {
        (void)as_fail(err, AS_ELIMIT, "size (found %zu bytes, expected at most %zu)", size,
                      AS_JSON_MAX_BYTES);
        return NULL;
    }
    reader r = {.start = bytes, .p = bytes, .end = bytes + size, .is_wide = is_wide, .err = err};
    r.limit = 7 * size + ((size_t)64 << 20); /* the text itself makes it 8 */
    bool ok = read_all(&r);
    if (!ok) place_of(&r, line, column);
    as_buf_clear(&r.name);
    as_buf_clear(&r.text);
    if (ok) return r.root;
    json_decref(r.root);
    return NULL;
}

static json_t *parse(const char *name, const char *bytes, size_t size, bool is_wide, as_error *err)
{
    size_t line, column;
    char escaped[AS_ESCAPE_SIZE];
    json_t *value = as_json_build(size ? bytes : "", size, is_wide, &line, &column, err);
    if (value) return value;
    as_error_at(err, "%zu:%zu", line, column);
    as_error_at(err, "%s", as_escape(name, strlen(name), escaped));
    return NULL;
}

json_t *as_json_parse(const char *name, const char *bytes, size_t size, as_error *err)
{
    return parse(name, bytes, size, false, err);
}

json_t *as_json_parse_wide(const char *name, const char *bytes, size_t size, as_error *err)
{
    return parse(name, bytes, size, true, err);
}

json_t *as_json_read(const char *path, as_error *err)
{
    as_buf bytes = {0};
    json_t *value = NULL;
    if (as_file_read(path, AS_JSON_MAX_BYTES, &bytes, err)) {
        value = as_json_parse(path, as_buf_text(&bytes), bytes.size, err);
    }
    as_buf_clear(&bytes);
    return value;
}

const char *as_json_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}
