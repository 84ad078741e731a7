/* Characters of template strings: which are blank, end lines or can be printed, and the cases of
 * letters. Simple mappings of Unicode; a character whose case takes several characters is refused.
 */
#include "engine/text/template_internal.h"

#include <utf8proc.h>

bool as_tpl_is_blank(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

bool as_tpl_is_line_end(uint32_t cp)
{
    return (cp >= 0x0a && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

bool as_tpl_is_printable(uint32_t cp)
{
    if (cp < 0x80) return cp >= 0x20 && cp < 0x7f;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
        return false;
    default:
        return true;
    }
}

/* Characters with a full case mapping of several characters, or one that depends on its neighbours
 * (Unicode, SpecialCasing.txt); all of polytonic Greek for short. */
static bool is_special(uint32_t cp, bool to_lower)
{
    if (to_lower) return cp == 0x130 || cp == 0x3a3;
    return cp == 0xdf || cp == 0x149 || cp == 0x1f0 || cp == 0x390 || cp == 0x3b0 || cp == 0x587 ||
           (cp >= 0x1e96 && cp <= 0x1e9a) || (cp >= 0x1f50 && cp <= 0x1fff) ||
           (cp >= 0xfb00 && cp <= 0xfb17);
}

static bool is_cased(uint32_t cp)
{
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT ||
           utf8proc_tolower(c) != c || utf8proc_toupper(c) != c;
}

/* Letters that count as lower case for title() though they have no case of their own. */
static bool is_modifier(uint32_t cp)
{
    return cp == 0xaa || cp == 0xba ||
           utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_LM;
}

static bool fail_case(tpl_run *r, uint32_t cp)
{
    return as_fail(r->err, AS_EFORMAT, "case of U+%04X is not supported", (unsigned)cp);
}

/* What splits words for the title filter: [-\s({\[<]. */
static bool is_word_break(uint32_t cp)
{
    return cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<' || as_tpl_is_blank(cp);
}

static tpl_case case_of(tpl_case how, uint32_t cp, bool is_first, bool after_letter,
                        bool *after_break)
{
    bool starts = *after_break;
    switch (how) {
    case TPL_CAPITALIZE:
        return is_first ? TPL_TITLE : TPL_LOWER;
    case TPL_TITLE:
        return after_letter ? TPL_LOWER : TPL_TITLE;
    case TPL_TITLE_WORDS:
        *after_break = is_word_break(cp);
        return starts ? TPL_UPPER : TPL_LOWER;
    default:
        return how;
    }
}

static bool put_case(tpl_run *r, tpl_rope *rope, uint32_t cp, tpl_case how, bool is_content)
{
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    utf8proc_uint8_t out[4];
    if (is_special(cp, how == TPL_LOWER)) return fail_case(r, cp);
    c = how == TPL_LOWER   ? utf8proc_tolower(c)
        : how == TPL_UPPER ? utf8proc_toupper(c)
                           : utf8proc_totitle(c);
    utf8proc_ssize_t n = utf8proc_encode_char(c, out);
    return as_tpl_rope_copy(r, rope, (const char *)out, (size_t)n, is_content);
}

/* ASCII letters in the case asked for. */
static char plain_case(char c, tpl_case how)
{
    if (how == TPL_LOWER) return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

bool as_tpl_case(tpl_run *r, const tpl_text *t, tpl_case how, tpl_value *out)
{
    tpl_rope rope = {0};
    bool after_letter = false, after_break = true;
    char *plain = as_tpl_new(r, t->size, 1);
    if (!plain) return false;
    for (size_t at = 0; at < t->size;) {
        bool is_content, ok;
        size_t end = as_tpl_stretch(t, at, &is_content);
        while (at < end) {
            uint32_t cp = 0;
            size_t n = as_utf8_next(t->bytes + at, t->size - at, &cp);
            tpl_case one = case_of(how, cp, at == 0, after_letter, &after_break);
            after_letter = is_cased(cp);
            if (n > 1 && how == TPL_TITLE && is_modifier(cp)) return fail_case(r, cp);
            plain[at] = plain_case(t->bytes[at], one);
            ok = n == 1 ? as_tpl_rope_add(r, &rope, plain + at, 1, is_content)
                        : put_case(r, &rope, cp, one, is_content);
            if (!ok) return false;
            at += n;
        }
    }
    return as_tpl_rope_value(r, &rope, out);
}
