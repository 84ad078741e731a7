/* The tokens of a template: data between tags, with the blanks that trim_blocks, lstrip_blocks and
 * the signs in tags take away; and the words inside tags. Grammar: jinja2 3.1's lexer. */
#include "engine/text/template_internal.h"

#include <stdlib.h>
#include <string.h>

bool as_tpl_lexer_init(tpl_lexer *x, as_arena *a, const char *text, size_t size, as_error *err)
{
    *x = (tpl_lexer){.line = 1, .is_line_start = true, .arena = a, .err = err};
    char *copy = as_arena_copy(a, text, size, err);
    if (!copy) return false;
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r' && i + 1 < size && text[i + 1] == '\n') continue;
        copy[n++] = text[i] == '\r' ? '\n' : text[i];
    }
    if (n > 0 && copy[n - 1] == '\n') n--; /* a last line end is not part of the template */
    copy[n] = '\0';
    x->text = copy;
    x->size = n;
    return true;
}

/* ---- looking ---- */

static char at(const tpl_lexer *x, size_t i)
{
    return i < x->size ? x->text[i] : '\0';
}

static bool is_word(const tpl_lexer *x, size_t i, const char *word)
{
    size_t n = strlen(word);
    return x->size - i >= n && i <= x->size && memcmp(x->text + i, word, n) == 0;
}

static size_t skip_blanks(const tpl_lexer *x, size_t i)
{
    uint32_t cp;
    for (size_t n; i < x->size && (n = as_utf8_next(x->text + i, x->size - i, &cp)); i += n)
        if (!as_tpl_is_blank(cp)) break;
    return i;
}

/* The end of text [start, end) without the blanks at its end. */
static size_t before_blanks(const tpl_lexer *x, size_t start, size_t end)
{
    size_t last = start;
    uint32_t cp;
    for (size_t i = start, n; i < end && (n = as_utf8_next(x->text + i, end - i, &cp)); i += n)
        if (!as_tpl_is_blank(cp)) last = i + n;
    return last;
}

/* The end of text [start, end) that stands before a tag with this sign. */
static size_t data_end(const tpl_lexer *x, size_t start, size_t end, char sign, bool is_print)
{
    if (sign == '-') return before_blanks(x, start, end);
    if (sign == '+' || is_print) return end;
    size_t line = end;
    while (line > start && x->text[line - 1] != '\n') line--;
    if (line == start && !x->is_line_start) return end;
    return before_blanks(x, line, end) == line ? line : end;
}

/* How many bytes close a tag at i ("%}" or "#}" in `close`), blanks and line end included; 0 when
 * it does not close there. */
static size_t tag_close(const tpl_lexer *x, size_t i, const char *close)
{
    if (is_word(x, i, close)) return at(x, i + 2) == '\n' ? 3 : 2;
    if (at(x, i) == '+' && is_word(x, i + 1, close)) return 3;
    if (at(x, i) == '-' && is_word(x, i + 1, close)) return skip_blanks(x, i + 3) - i;
    return 0;
}

static bool fail_at(tpl_lexer *x, size_t line, const char *what)
{
    (void)as_fail(x->err, AS_EFORMAT, "%s", what);
    as_error_at(x->err, "%zu", line);
    return false;
}

/* The line of byte i; i never goes back. */
static size_t line_of(tpl_lexer *x, size_t i)
{
    for (; x->line_at < i; x->line_at++) x->line += x->text[x->line_at] == '\n';
    return x->line;
}

static void move(tpl_lexer *x, size_t to)
{
    if (to > x->at) x->is_line_start = x->text[to - 1] == '\n';
    x->at = to;
}

/* ---- data ---- */

static char sign_at(const tpl_lexer *x, size_t i)
{
    char c = at(x, i);
    return c == '-' || c == '+' ? c : '\0';
}

/* The bytes of "{% NAME %}" at i with any signs and blanks; 0 when something else stands there.
 * Only the end of endraw takes a line end with it, and knows '+'. */
static size_t raw_tag(const tpl_lexer *x, size_t i, const char *name)
{
    bool is_end = strcmp(name, "endraw") == 0;
    size_t j = skip_blanks(x, i + 2 + (sign_at(x, i + 2) != '\0'));
    if (!is_word(x, j, name)) return 0;
    j = skip_blanks(x, j + strlen(name));
    if (is_word(x, j, "%}")) return j + 2 + (is_end && at(x, j + 2) == '\n') - i;
    if (at(x, j) == '-' && is_word(x, j + 1, "%}")) return skip_blanks(x, j + 3) - i;
    return is_end && at(x, j) == '+' && is_word(x, j + 1, "%}") ? j + 3 - i : 0;
}

/* After "{% raw %}": everything up to the next endraw is data. */
static bool lex_raw(tpl_lexer *x, tpl_token *out)
{
    size_t start = x->at, line = line_of(x, start);
    for (size_t i = start; i < x->size; i++) {
        size_t n = is_word(x, i, "{%") ? raw_tag(x, i, "endraw") : 0;
        if (n == 0) continue;
        size_t end = data_end(x, start, i, sign_at(x, i + 2), false);
        *out = (tpl_token){
            .kind = TPL_T_DATA, .line = line, .bytes = x->text + start, .size = end - start};
        move(x, i + n);
        return true;
    }
    return fail_at(x, line, "raw block (found no endraw, expected one)");
}

static bool skip_comment(tpl_lexer *x, size_t start)
{
    size_t line = line_of(x, start);
    for (size_t i = start + 2 + (sign_at(x, start + 2) != '\0'); i < x->size; i++) {
        size_t n = tag_close(x, i, "#}");
        if (n == 0) continue;
        move(x, i + n);
        return true;
    }
    return fail_at(x, line, "comment (found no end, expected #})");
}

/* Data up to the next tag, which is entered. May be empty: the caller comes again. */
static bool lex_data(tpl_lexer *x, tpl_token *out)
{
    size_t start = x->at, i = start;
    while (i < x->size && !is_word(x, i, "{{") && !is_word(x, i, "{%") && !is_word(x, i, "{#")) i++;
    *out = (tpl_token){.kind = TPL_T_DATA, .line = line_of(x, start), .bytes = x->text + start};
    if (i == x->size) {
        out->size = i - start;
        x->at = i;
        return true;
    }
    char sign = sign_at(x, i + 2);
    bool is_print = x->text[i + 1] == '{';
    out->size = data_end(x, start, i, sign, is_print) - start;
    if (x->text[i + 1] == '#') return skip_comment(x, i);
    size_t raw = is_print ? 0 : raw_tag(x, i, "raw");
    if (raw > 0) {
        tpl_token body;
        move(x, i + raw);
        if (out->size == 0) return lex_raw(x, out);
        if (!lex_raw(x, &body)) return false;
        x->ahead = body;
        x->has_ahead = true;
        return true;
    }
    x->ahead =
        (tpl_token){.kind = is_print ? TPL_T_PRINT_OPEN : TPL_T_TAG_OPEN, .line = line_of(x, i)};
    x->has_ahead = true;
    x->state = is_print ? TPL_IN_PRINT : TPL_IN_TAG;
    move(x, i + 2 + (sign != '\0'));
    return true;
}

/* ---- strings ---- */

static void put_utf8(char **to, uint32_t c)
{
    char *p = *to;
    if (c < 0x80) {
        *p++ = (char)c;
    } else if (c < 0x800) {
        *p++ = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        *p++ = (char)(0xf0 | c >> 18);
        *p++ = (char)(0x80 | (c >> 12 & 0x3f));
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80) *p++ = (char)(0x80 | (c & 0x3f));
    *to = p;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* At most `most` digits of `base` at *i. Returns how many there were. */
static size_t read_digits(const tpl_lexer *x, size_t *i, size_t most, int base, uint32_t *out)
{
    size_t n = 0;
    for (*out = 0; n < most && digit_of(at(x, *i)) < base; n++, ++*i)
        *out = *out * (uint32_t)base + (uint32_t)digit_of(at(x, *i));
    return n;
}

/* One escape of a Python string at i (its backslash), decoded to *to. */
static bool read_escape(tpl_lexer *x, size_t *i, char **to, size_t line)
{
    static const char from[] = "\\'\"abfnrtv", plain[] = "\\'\"\a\b\f\n\r\t\v";
    char c = at(x, *i + 1);
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t cp = 0;
    *i += 2;
    if (known) {
        *(*to)++ = plain[known - from];
        return true;
    }
    if (c == '\n') return true;
    if (c >= '0' && c <= '7') {
        --*i;
        (void)read_digits(x, i, 3, 8, &cp);
    } else if (c == 'x' || c == 'u' || c == 'U') {
        size_t need = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        if (read_digits(x, i, need, 16, &cp) != need)
            return fail_at(x, line, "escape in a string (expected two, four or eight hex digits)");
    } else if (c == 'N' || (unsigned char)c >= 0x80 || c == '\0') {
        return fail_at(x, line,
                       "escape in a string (\\N, and \\ before such a character, are not "
                       "supported)");
    } else { /* an unknown escape is kept as it stands */
        *(*to)++ = '\\';
        *(*to)++ = c;
        return true;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return fail_at(x, line,
                       "escape in a string (found NUL, half of a surrogate pair or no "
                       "character, expected a character)");
    put_utf8(to, cp);
    return true;
}

static bool lex_string(tpl_lexer *x, tpl_token *out)
{
    char quote = at(x, x->at);
    size_t i = x->at + 1, end = i;
    while (end < x->size && x->text[end] != quote) end += x->text[end] == '\\' ? 2 : 1;
    if (end >= x->size) return fail_at(x, out->line, "string (found no end, expected a quote)");
    char *to = as_arena_push(x->arena, end - i + 1, 1, x->err); /* escapes only shrink */
    if (!to) return false;
    out->kind = TPL_T_TEXT;
    out->bytes = to;
    while (i < end) {
        if (x->text[i] != '\\')
            *to++ = x->text[i++];
        else if (!read_escape(x, &i, &to, out->line))
            return false;
    }
    out->size = (size_t)(to - out->bytes);
    move(x, end + 1);
    return true;
}

/* ---- numbers ---- */

/* Digits with single underscores between. Returns the end, `i` when there is none. */
static size_t skip_number(const tpl_lexer *x, size_t i, int base)
{
    size_t start = i;
    while (digit_of(at(x, i)) < base) {
        i++;
        if (at(x, i) == '_' && digit_of(at(x, i + 1)) < base) i++;
    }
    return i > start ? i : start;
}

/* The end of the float at x->at, or 0 when what stands there is none. */
static size_t float_end(const tpl_lexer *x)
{
    if (x->at > 0 && x->text[x->at - 1] == '.') return 0;
    size_t i = skip_number(x, x->at, 10), whole = i;
    if (at(x, i) == '.') {
        size_t j = skip_number(x, i + 1, 10);
        if (j > i + 1) i = j;
    }
    if (at(x, i) == 'e' || at(x, i) == 'E') {
        size_t j = i + 1 + (sign_at(x, i + 1) != '\0'), k = skip_number(x, j, 10);
        if (k > j) i = k;
    }
    return i > whole ? i : 0;
}

static bool lex_float(tpl_lexer *x, size_t end, tpl_token *out)
{
    char digits[64];
    size_t n = 0;
    for (size_t i = x->at; i < end; i++) {
        if (x->text[i] == '_') continue;
        if (n == sizeof digits - 1) return fail_at(x, out->line, "number (found too many digits)");
        digits[n++] = x->text[i];
    }
    digits[n] = '\0';
    out->kind = TPL_T_REAL;
    out->f = strtod(digits, NULL);
    move(x, end);
    return true;
}

static bool lex_number(tpl_lexer *x, tpl_token *out)
{
    size_t end = float_end(x), start = x->at;
    if (end) return lex_float(x, end, out);
    int base = 10;
    if (at(x, start) == '0') {
        char c = (char)(at(x, start + 1) | 0x20);
        base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
        size_t from = start + 2 + (at(x, start + 2) == '_');
        if (base != 10 && skip_number(x, from, base) > from)
            start = from;
        else
            base = 10;
    }
    end = skip_number(x, start, base);
    if (base == 10 && at(x, start) == '0') /* "012" is 0 and then 12 */
        for (end = start + 1; at(x, end) == '0' || (at(x, end) == '_' && at(x, end + 1) == '0');)
            end++;
    out->kind = TPL_T_INT;
    for (size_t i = start; i < end; i++) {
        if (x->text[i] == '_') continue;
        int d = digit_of(x->text[i]);
        if (out->i > (INT64_MAX - d) / base)
            return fail_at(x, out->line, "number (found more than 64 bits)");
        out->i = out->i * base + d;
    }
    move(x, end);
    return true;
}

/* ---- inside tags ---- */

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool lex_operator(tpl_lexer *x, tpl_token *out)
{
    static const char two[][3] = {"//", "**", "==", "!=", ">=", "<="};
    static const char open[] = "([{", close[] = ")]}";
    char c = at(x, x->at), shown[AS_ESCAPE_SIZE];
    out->kind = TPL_T_OP;
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        if (!is_word(x, x->at, two[i])) continue;
        out->op = TPL_OP2(two[i][0], two[i][1]);
        move(x, x->at + 2);
        return true;
    }
    if (!c || !strchr("+-/*%~[](){}><=.:|,;", c)) {
        uint32_t cp;
        size_t n = as_utf8_next(x->text + x->at, x->size - x->at, &cp);
        (void)as_fail(x->err, AS_EFORMAT, "unexpected character '%s'",
                      as_escape(x->text + x->at, n, shown));
        as_error_at(x->err, "%zu", out->line);
        return false;
    }
    const char *which = strchr(open, c);
    if (which && x->n_open == AS_TEMPLATE_NESTING) {
        (void)as_fail(x->err, AS_ELIMIT, "nesting (found more than %d brackets)",
                      AS_TEMPLATE_NESTING);
        as_error_at(x->err, "%zu", out->line);
        return false;
    }
    if (which) x->closer[x->n_open++] = close[which - open];
    if (strchr(close, c) && (x->n_open == 0 || x->closer[--x->n_open] != c))
        return fail_at(x, out->line,
                       "brackets (found a closing one that no opening one waits for)");
    out->op = c;
    move(x, x->at + 1);
    return true;
}

/* The end of the tag, when it stands here and no bracket is open. */
static bool lex_close(tpl_lexer *x, tpl_token *out)
{
    size_t n = 0;
    if (x->n_open > 0) return false;
    if (x->state == TPL_IN_TAG)
        n = tag_close(x, x->at, "%}");
    else if (is_word(x, x->at, "}}"))
        n = 2;
    else if (is_word(x, x->at, "-}}"))
        n = skip_blanks(x, x->at + 3) - x->at;
    if (n == 0) return false;
    out->kind = x->state == TPL_IN_TAG ? TPL_T_TAG_CLOSE : TPL_T_PRINT_CLOSE;
    x->state = TPL_IN_DATA;
    move(x, x->at + n);
    return true;
}

static bool lex_word(tpl_lexer *x, tpl_token *out)
{
    if (!lex_close(x, out)) move(x, skip_blanks(x, x->at));
    if (out->kind != TPL_T_END) return true;
    out->line = line_of(x, x->at);
    if (x->at == x->size || lex_close(x, out)) return true;
    char c = at(x, x->at);
    if (c >= '0' && c <= '9') return lex_number(x, out);
    if (c == '"' || c == '\'') return lex_string(x, out);
    if (!is_name_start(c)) return lex_operator(x, out);
    size_t end = x->at + 1;
    while (is_name_start(at(x, end)) || (at(x, end) >= '0' && at(x, end) <= '9')) end++;
    out->kind = TPL_T_NAME;
    out->bytes = x->text + x->at;
    out->size = end - x->at;
    move(x, end);
    return true;
}

bool as_tpl_lex(tpl_lexer *x, tpl_token *out)
{
    for (;;) {
        if (x->has_ahead) {
            *out = x->ahead;
            x->has_ahead = false;
            if (out->kind == TPL_T_DATA && out->size == 0) continue;
            return true;
        }
        *out = (tpl_token){.kind = TPL_T_END, .line = line_of(x, x->at)};
        if (x->state != TPL_IN_DATA) return lex_word(x, out);
        if (x->at == x->size) return true;
        if (!lex_data(x, out)) return false;
        if (out->size > 0) return true;
    }
}

const char *as_tpl_token_text(const tpl_token *t, char out[AS_ESCAPE_SIZE])
{
    char op[3] = {0};
    switch (t->kind) {
    case TPL_T_NAME:
    case TPL_T_TEXT:
        return as_escape(t->bytes, t->size, out);
    case TPL_T_OP:
        op[0] = (char)(t->op > 255 ? t->op >> 8 : t->op);
        op[1] = (char)(t->op > 255 ? t->op & 255 : 0);
        return as_escape(op, strlen(op), out);
    case TPL_T_END:
        return "end of template";
    case TPL_T_DATA:
        return "text";
    case TPL_T_PRINT_OPEN:
        return "{{";
    case TPL_T_PRINT_CLOSE:
        return "}}";
    case TPL_T_TAG_OPEN:
        return "{%";
    case TPL_T_TAG_CLOSE:
        return "%}";
    default:
        return "a number";
    }
}
