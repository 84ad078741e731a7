/* Foreign text made safe and visible; numbers made legible. */
#include "app/report/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- foreign text ---------------------------------------------------------------------------- */

typedef struct {
    uint32_t first, last;
} range;

static bool is_in(uint32_t cp, const range *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= list[i].first && cp <= list[i].last) return true;
    return false;
}

/* Characters that have no shape of their own, or that move or join others: C1 controls, soft
 * hyphen, fillers, zero width and bidi marks, line separators, variation selectors, tags,
 * noncharacters. */
static bool is_hidden(uint32_t cp)
{
    static const range hidden[] = {
        {0x80, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
        {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfdd0, 0xfdef},
        {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    return (cp & 0xfffe) == 0xfffe || is_in(cp, hidden, sizeof hidden / sizeof hidden[0]);
}

static bool is_combining(uint32_t cp)
{
    static const range marks[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff},
                                  {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};
    return is_in(cp, marks, sizeof marks / sizeof marks[0]);
}

static bool is_wide(uint32_t cp)
{
    static const range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                 {0xf900, 0xfaff}, {0xff00, 0xff60},   {0x1f300, 0x1faff},
                                 {0xfdfd, 0xfdfd}, {0x12000, 0x1254f}, {0x20000, 0x3fffd}};
    return is_in(cp, wide, sizeof wide / sizeof wide[0]);
}

typedef struct {
    char bytes[24]; /* as it stands in the page */
    size_t width;   /* columns */
} glyph;

static glyph code_glyph(uint32_t cp)
{
    glyph g;
    int n = snprintf(g.bytes, sizeof g.bytes, "\u27e8U+%04X\u27e9", (unsigned)cp);
    g.width = n > 4 ? (size_t)n - 4 : 8; /* each bracket is three bytes and one column */
    return g;
}

/* What stands for one character; `piled` counts the combining marks just before it. */
static glyph glyph_of(const char *p, size_t size, uint32_t cp, size_t piled)
{
    glyph g = {.width = 1};
    const char *entity = cp == '&'    ? "&amp;"
                         : cp == '<'  ? "&lt;"
                         : cp == '>'  ? "&gt;"
                         : cp == '"'  ? "&quot;"
                         : cp == '\'' ? "&#39;"
                                      : NULL;
    if (entity) {
        snprintf(g.bytes, sizeof g.bytes, "%s", entity);
    } else if (cp < 0x20 || cp == 0x7f) { /* U+2400.., U+2421: three bytes of UTF-8 */
        unsigned picture = cp == 0x7f ? 0x21 : (unsigned)cp;
        snprintf(g.bytes, sizeof g.bytes, "\xe2\x90%c", (char)(0x80 + picture));
    } else if (is_hidden(cp) || (is_combining(cp) && piled >= 3)) {
        g = code_glyph(cp);
    } else {
        memcpy(g.bytes, p, size);
        g.bytes[size] = '\0';
        g.width = is_combining(cp) ? 0 : is_wide(cp) ? 2 : 1;
    }
    return g;
}

/* Walks the text; what lies in columns [from, to) is written when b is given. Returns the columns.
 */
static size_t walk(as_buf *b, const char *text, size_t from, size_t to)
{
    size_t left = strlen(text), columns = 0, piled = 0;
    while (left) {
        uint32_t cp;
        size_t size = as_utf8_next(text, left, &cp);
        glyph g = size ? glyph_of(text, size, cp, piled) : glyph_of("\xef\xbf\xbd", 3, 0xfffd, 0);
        if (!size) size = 1; /* not UTF-8: the replacement character stands for the byte */
        piled = g.width ? 0 : piled + 1;
        if (b && columns >= from && columns + g.width <= to) as_buf_puts(b, g.bytes);
        columns += g.width;
        text += size;
        left -= size;
    }
    return columns;
}

void as_html_put(as_buf *b, const char *text)
{
    walk(b, text, 0, SIZE_MAX);
}

size_t as_html_width(const char *text)
{
    return walk(NULL, text, 0, SIZE_MAX);
}

void as_html_put_cut(as_buf *b, const char *text, size_t width)
{
    size_t all = as_html_width(text), tail = width / 3;
    if (all <= width) {
        as_html_put(b, text);
        return;
    }
    walk(b, text, 0, width - tail - 1);
    as_buf_puts(b, "\u2026");
    walk(b, text, all - tail, SIZE_MAX);
}

/* --- members --------------------------------------------------------------------------------- */

const char *as_html_text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

double as_html_number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static double whole_number(const char *text, size_t size)
{
    char copy[64], *end;
    if (!size || size >= sizeof copy || !strchr("0123456789.-+", text[0])) return NAN;
    memcpy(copy, text, size);
    copy[size] = '\0';
    double x = strtod(copy, &end);
    return *end || !isfinite(x) ? NAN : x;
}

double as_html_number_in(const json_t *value)
{
    if (json_is_number(value)) return json_number_value(value);
    const char *text = json_string_value(value);
    if (!text) return NAN;
    const char *slash = strchr(text, '/');
    if (!slash) return whole_number(text, strlen(text));
    double below = whole_number(slash + 1, strlen(slash + 1));
    double x = whole_number(text, (size_t)(slash - text)) / below;
    return isfinite(x) ? x : NAN;
}

/* --- values ---------------------------------------------------------------------------------- */

enum { items_shown = 200, depth_shown = 6 };

static void put_real(as_buf *b, double x)
{
    char text[40];
    snprintf(text, sizeof text, "%.6g", x);
    as_buf_puts(b, text[0] == '-' ? "\u2212" : "");
    as_buf_puts(b, text[0] == '-' ? text + 1 : text);
}

static void put_value(as_buf *b, const json_t *value, size_t depth);

static void put_list(as_buf *b, const json_t *list, size_t depth)
{
    size_t n = json_array_size(list);
    as_buf_puts(b, "[");
    for (size_t i = 0; i < n && i < items_shown; i++) {
        if (i) as_buf_puts(b, ", ");
        put_value(b, json_array_get(list, i), depth + 1);
    }
    if (n > items_shown) as_buf_printf(b, ", \u2026 %zu in all", n);
    as_buf_puts(b, "]");
}

static void put_object(as_buf *b, const json_t *object, size_t depth)
{
    const char *key;
    json_t *value;
    size_t i = 0, n = json_object_size(object);
    if (depth) as_buf_puts(b, "{");
    json_object_foreach((json_t *)object, key, value)
    {
        if (i == items_shown) {
            as_buf_printf(b, "; \u2026 %zu in all", n);
            break;
        }
        if (i++) as_buf_puts(b, "; ");
        as_html_put(b, key);
        as_buf_puts(b, ": ");
        put_value(b, value, depth + 1);
    }
    if (depth) as_buf_puts(b, "}");
}

static void put_value(as_buf *b, const json_t *value, size_t depth)
{
    if (depth > depth_shown)
        as_buf_puts(b, "\u2026");
    else if (json_is_string(value))
        as_html_put(b, json_string_value(value));
    else if (json_is_real(value))
        put_real(b, json_real_value(value));
    else if (json_is_integer(value))
        as_buf_printf(b, "%s%" JSON_INTEGER_FORMAT, "", json_integer_value(value));
    else if (json_is_boolean(value))
        as_buf_puts(b, json_is_true(value) ? "true" : "false");
    else if (json_is_array(value))
        put_list(b, value, depth);
    else if (json_is_object(value))
        put_object(b, value, depth);
    else
        as_buf_puts(b, "\u2013");
}

void as_html_value(as_buf *b, const json_t *value)
{
    put_value(b, value, 0);
}

/* --- numbers --------------------------------------------------------------------------------- */

const char *as_html_fixed(double x, int decimals, char out[AS_HTML_NUMBER])
{
    char text[40];
    snprintf(text, sizeof text, "%.*f", decimals, fabs(x) < 1e15 ? x : copysign(1e15, x));
    bool minus = text[0] == '-', is_zero = strspn(text, "-0.") == strlen(text);
    snprintf(out, AS_HTML_NUMBER, "%s%s", minus && !is_zero ? "\u2212" : "",
             minus ? text + 1 : text);
    return out;
}

const char *as_html_short(double x, char out[AS_HTML_NUMBER])
{
    char text[40];
    if (!isfinite(x)) return as_html_number(x, false, out);
    snprintf(text, sizeof text, "%.4g", fabs(x));
    snprintf(out, AS_HTML_NUMBER, "%s%s", x < 0 ? "\u2212" : "", text);
    return out;
}

/* "4.9×10⁻⁶" */
static const char *powers(double x, char out[AS_HTML_NUMBER])
{
    static const char *const digit[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                        "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
    char text[32];
    snprintf(text, sizeof text, "%.1e", fabs(x));
    char *e = strchr(text, 'e');
    int n = snprintf(out, AS_HTML_NUMBER, "%s%.*s\u00d710%s", x < 0 ? "\u2212" : "",
                     (int)(e - text), text, e[1] == '-' ? "\u207b" : "");
    const char *p = e + 2;
    while (*p == '0' && p[1]) p++;
    for (; *p; p++) n += snprintf(out + n, (size_t)(AS_HTML_NUMBER - n), "%s", digit[*p - '0']);
    return out;
}

/* Digits in groups of three with narrow spaces, from ten thousand on. */
static const char *grouped(double x, char out[AS_HTML_NUMBER])
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.0f", fabs(x)), at = 0;
    at += snprintf(out, AS_HTML_NUMBER, "%s", x < 0 ? "\u2212" : "");
    for (int i = 0; i < n; i++) {
        if (n > 4 && i && (n - i) % 3 == 0)
            at += snprintf(out + at, (size_t)(AS_HTML_NUMBER - at), "\u202f");
        at += snprintf(out + at, (size_t)(AS_HTML_NUMBER - at), "%c", text[i]);
    }
    return out;
}

const char *as_html_number(double x, bool is_count, char out[AS_HTML_NUMBER])
{
    double size = fabs(x);
    if (isnan(x)) {
        snprintf(out, AS_HTML_NUMBER, "\u2013");
        return out;
    }
    if (isinf(x)) {
        snprintf(out, AS_HTML_NUMBER, "%s\u221e", x < 0 ? "\u2212" : "");
        return out;
    }
    if (is_count && size < 1e12 && size == floor(size)) return grouped(x, out);
    if (size < 1e-12) return as_html_fixed(0, 3, out); /* rounding noise */
    if (size < 0.0005 || size >= 1e12) return powers(x, out);
    if (size >= 10000) return grouped(x, out);
    return as_html_fixed(x, size < 10 ? 3 : size < 100 ? 2 : 1, out);
}

const char *as_html_p(double p, char out[AS_HTML_NUMBER])
{
    if (!(p < 0.001)) return as_html_number(p, false, out);
    snprintf(out, AS_HTML_NUMBER, "&lt; 0.001"); /* goes into the page as it is */
    return out;
}

void as_html_base64(const as_key key, char out[45])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char hex[] = "0123456789abcdef";
    uint8_t byte[33] = {0};
    for (size_t i = 0; i < 64; i++) {
        const char *at = key[i] ? strchr(hex, key[i]) : NULL;
        byte[i / 2] = (uint8_t)(byte[i / 2] << 4 | (at ? at - hex : 0));
    }
    for (size_t i = 0; i < 11; i++) { /* 32 bytes: ten triples and a pair */
        uint32_t bits = (uint32_t)byte[3 * i] << 16 | (uint32_t)byte[3 * i + 1] << 8;
        bits |= byte[3 * i + 2];
        for (size_t k = 0; k < 4; k++) out[4 * i + k] = letters[bits >> (18 - 6 * k) & 63];
    }
    out[43] = '=';
    out[44] = '\0';
}
