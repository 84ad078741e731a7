/* Cutting strings and lists: strip, split, replace, join, search, slices. All of it keeps track of
 * which bytes are content. */
#include "engine/text/template_internal.h"

#include <string.h>

/* ---- searching ---- */

/* Work is bounded by steps; the first byte finds candidates. */
bool as_tpl_search(tpl_run *r, const tpl_text *t, const tpl_text *part, size_t from, size_t *out)
{
    *out = SIZE_MAX;
    if (part->size == 0) {
        *out = from;
        return true;
    }
    size_t work = 0;
    while (t->size >= part->size && from <= t->size - part->size) {
        size_t left = t->size - part->size - from + 1;
        const char *p = memchr(t->bytes + from, part->bytes[0], left);
        if (!p) {
            work += left;
            break;
        }
        size_t at = (size_t)(p - t->bytes);
        work += at - from + part->size;
        if (memcmp(p, part->bytes, part->size) == 0) {
            *out = at;
            break;
        }
        from = at + 1;
        if (!as_tpl_step(r, work / 64)) return false;
        work %= 64;
    }
    return as_tpl_step(r, work / 64);
}

/* The last place of `part` that ends at or before `end`. */
static bool search_back(tpl_run *r, const tpl_text *t, const tpl_text *part, size_t end,
                        size_t *out)
{
    *out = SIZE_MAX;
    if (part->size > end) return true;
    for (size_t at = end - part->size + 1; at-- > 0;) {
        if (at % 64 == 0 && !as_tpl_step(r, 1 + part->size / 64)) return false;
        if (memcmp(t->bytes + at, part->bytes, part->size) != 0) continue;
        *out = at;
        break;
    }
    return true;
}

/* ---- strip ---- */

static bool is_among(const tpl_text *chars, uint32_t cp)
{
    if (!chars) return as_tpl_is_blank(cp);
    for (size_t at = 0; at < chars->size;) {
        uint32_t c = 0;
        at += as_utf8_next(chars->bytes + at, chars->size - at, &c);
        if (c == cp) return true;
    }
    return false;
}

/* Where the character that ends at `end` starts. */
static size_t character_before(const tpl_text *t, size_t end)
{
    do end--;
    while (((unsigned char)t->bytes[end] & 0xc0) == 0x80);
    return end;
}

bool as_tpl_strip(tpl_run *r, const tpl_text *t, const tpl_value *chars, bool left, bool right,
                  tpl_value *out)
{
    size_t start = 0, end = t->size;
    const tpl_text *set = NULL;
    uint32_t cp = 0;
    if (chars->kind == TPL_TEXT)
        set = chars->text;
    else if (chars->kind != TPL_MISSING && chars->kind != TPL_NONE)
        return as_tpl_fail_kind(r, "characters to strip", chars, "text");
    size_t price = set ? 1 + set->size / 64 : 0;
    while (left && start < end) {
        size_t n = as_utf8_next(t->bytes + start, end - start, &cp);
        if (!is_among(set, cp)) break;
        start += n;
        if (!as_tpl_step(r, price)) return false;
    }
    while (right && end > start) {
        size_t at = character_before(t, end);
        (void)as_utf8_next(t->bytes + at, end - at, &cp);
        if (!is_among(set, cp)) break;
        end = at;
        if (!as_tpl_step(r, price)) return false;
    }
    const tpl_text *s = as_tpl_slice(r, t, start, end);
    *out = as_tpl_of_text(s);
    return s != NULL && as_tpl_step(r, (t->size - s->size) / 64);
}

/* ---- replace ---- */

/* An empty `old` stands before each character and at the end. */
static bool replace_empty(tpl_run *r, const tpl_text *t, const tpl_text *new_, int64_t count,
                          tpl_rope *rope)
{
    size_t at = 0;
    for (; count != 0; count--) {
        uint32_t cp;
        if (!as_tpl_rope_text(r, rope, new_)) return false;
        if (at == t->size) return true;
        size_t end = at + as_utf8_next(t->bytes + at, t->size - at, &cp);
        const tpl_text *c = as_tpl_slice(r, t, at, end);
        if (!c || !as_tpl_rope_text(r, rope, c)) return false;
        at = end;
    }
    const tpl_text *rest = as_tpl_slice(r, t, at, t->size);
    return rest && as_tpl_rope_text(r, rope, rest);
}

bool as_tpl_replace(tpl_run *r, const tpl_text *t, const tpl_text *old, const tpl_text *new_,
                    int64_t count, tpl_value *out)
{
    tpl_rope rope = {0};
    size_t at = 0, found = 0;
    if (old->size == 0)
        return replace_empty(r, t, new_, count, &rope) && as_tpl_rope_value(r, &rope, out);
    for (; found != SIZE_MAX; count--) {
        found = SIZE_MAX;
        if (count != 0 && !as_tpl_search(r, t, old, at, &found)) return false;
        const tpl_text *part = as_tpl_slice(r, t, at, found == SIZE_MAX ? t->size : found);
        if (!part || !as_tpl_rope_text(r, &rope, part)) return false;
        if (found == SIZE_MAX) break;
        if (!as_tpl_rope_text(r, &rope, new_)) return false;
        at = found + old->size;
    }
    return as_tpl_rope_value(r, &rope, out);
}

/* ---- split ---- */

/* Adds t[start, end) to a list of parts. */
static bool add_part(tpl_run *r, tpl_list *list, size_t *room, const tpl_text *t, size_t start,
                     size_t end)
{
    if (list->n == *room) {
        tpl_value *item = as_tpl_new(r, *room * 2, sizeof *item);
        if (!item) return false;
        memcpy(item, list->item, list->n * sizeof *item);
        list->item = item;
        *room *= 2;
    }
    const tpl_text *part = as_tpl_slice(r, t, start, end);
    if (!part) return false;
    list->item[list->n++] = as_tpl_of_text(part);
    return true;
}

static bool split_at(tpl_run *r, const tpl_text *t, const tpl_text *sep, int64_t most,
                     tpl_list *list, size_t *room)
{
    size_t at = 0, found;
    for (; most != 0; most--) {
        if (!as_tpl_search(r, t, sep, at, &found)) return false;
        if (found == SIZE_MAX) break;
        if (!add_part(r, list, room, t, at, found)) return false;
        at = found + sep->size;
    }
    return add_part(r, list, room, t, at, t->size);
}

static bool split_back(tpl_run *r, const tpl_text *t, const tpl_text *sep, int64_t most,
                       tpl_list *list, size_t *room)
{
    size_t end = t->size, found;
    for (; most != 0; most--) {
        if (!search_back(r, t, sep, end, &found)) return false;
        if (found == SIZE_MAX) break;
        if (!add_part(r, list, room, t, found + sep->size, end)) return false;
        end = found;
    }
    return add_part(r, list, room, t, 0, end);
}

/* Skips characters from *at while they are blank (or while they are not). */
static void skip(const tpl_text *t, size_t *at, bool blank)
{
    uint32_t cp;
    for (size_t n; *at < t->size; *at += n) {
        n = as_utf8_next(t->bytes + *at, t->size - *at, &cp);
        if (as_tpl_is_blank(cp) != blank) return;
    }
}

static void skip_back(const tpl_text *t, size_t *end, bool blank)
{
    uint32_t cp;
    for (size_t at; *end > 0; *end = at) {
        at = character_before(t, *end);
        (void)as_utf8_next(t->bytes + at, *end - at, &cp);
        if (as_tpl_is_blank(cp) != blank) return;
    }
}

static bool split_blanks(tpl_run *r, const tpl_text *t, int64_t most, tpl_list *list, size_t *room)
{
    size_t at = 0;
    for (skip(t, &at, true); at < t->size; skip(t, &at, true), most--) {
        size_t start = at;
        if (most == 0) return add_part(r, list, room, t, start, t->size);
        skip(t, &at, false);
        if (!add_part(r, list, room, t, start, at)) return false;
    }
    return true;
}

static bool split_blanks_back(tpl_run *r, const tpl_text *t, int64_t most, tpl_list *list,
                              size_t *room)
{
    size_t end = t->size;
    for (skip_back(t, &end, true); end > 0; skip_back(t, &end, true), most--) {
        size_t last = end;
        if (most == 0) return add_part(r, list, room, t, 0, end);
        skip_back(t, &end, false);
        if (!add_part(r, list, room, t, end, last)) return false;
    }
    return true;
}

bool as_tpl_split(tpl_run *r, const tpl_text *t, const tpl_text *sep, int64_t most, bool from_right,
                  tpl_value *out)
{
    size_t room = 4;
    if (sep && sep->size == 0)
        return as_fail(r->err, AS_EFORMAT, "split (found an empty separator)");
    if (!as_tpl_list_new(r, TPL_LIST, room, out) || !as_tpl_step(r, t->size / 64)) return false;
    tpl_list *list = out->list;
    list->n = 0;
    if (!from_right)
        return sep ? split_at(r, t, sep, most, list, &room) : split_blanks(r, t, most, list, &room);
    bool ok =
        sep ? split_back(r, t, sep, most, list, &room) : split_blanks_back(r, t, most, list, &room);
    for (size_t i = 0; i < list->n / 2; i++) {
        tpl_value last = list->item[list->n - 1 - i];
        list->item[list->n - 1 - i] = list->item[i];
        list->item[i] = last;
    }
    return ok;
}

bool as_tpl_lines(tpl_run *r, const tpl_text *t, bool keep_ends, tpl_value *out)
{
    size_t room = 4, start = 0, at = 0;
    if (!as_tpl_list_new(r, TPL_LIST, room, out) || !as_tpl_step(r, t->size / 64)) return false;
    out->list->n = 0;
    while (at < t->size) {
        uint32_t cp;
        size_t end = at;
        at += as_utf8_next(t->bytes + at, t->size - at, &cp);
        if (!as_tpl_is_line_end(cp)) continue;
        if (cp == '\r' && at < t->size && t->bytes[at] == '\n') at++;
        if (!add_part(r, out->list, &room, t, start, keep_ends ? at : end)) return false;
        start = at;
    }
    return start == t->size || add_part(r, out->list, &room, t, start, t->size);
}

/* ---- join ---- */

bool as_tpl_join(tpl_run *r, const tpl_text *sep, const tpl_list *items, bool strict,
                 tpl_value *out)
{
    tpl_rope rope = {0};
    for (size_t i = 0; i < items->n; i++) {
        const tpl_value *v = &items->item[i];
        if (strict && v->kind != TPL_TEXT) return as_tpl_fail_kind(r, "item to join", v, "text");
        if (!as_tpl_step(r, 1)) return false;
        if (i && !as_tpl_rope_text(r, &rope, sep)) return false;
        if (!as_tpl_print(r, &rope, v)) return false;
    }
    return as_tpl_rope_value(r, &rope, out);
}

/* ---- slices ---- */

/* Python's rule for a bound of a slice over n items: from the end when negative, then cut to what
 * there is. */
static bool bound(tpl_run *r, const tpl_value *v, int64_t n, int64_t step, int64_t missing,
                  int64_t *out)
{
    *out = missing;
    if (v->kind == TPL_MISSING || v->kind == TPL_NONE) return true;
    if (!as_tpl_is_number(v, out)) return as_tpl_fail_kind(r, "slice", v, "an integer");
    if (*out < 0) *out += n;
    if (*out < 0) *out = step < 0 ? -1 : 0;
    if (*out >= n) *out = step < 0 ? n - 1 : n;
    return true;
}

static bool cut_text(tpl_run *r, const tpl_text *t, int64_t start, int64_t step, size_t n,
                     tpl_value *out)
{
    tpl_rope rope = {0};
    tpl_list *chars;
    size_t from, to;
    if (t->is_safe)
        return as_fail(r->err, AS_EFORMAT,
                       "a slice of a text from 'safe' or 'escape' is not supported");
    if (step == 1 || n == 0) {
        if (!as_tpl_offset(r, t, (size_t)start, &from) ||
            !as_tpl_offset(r, t, (size_t)start + n, &to))
            return false;
        const tpl_text *s = as_tpl_slice(r, t, n ? from : 0, n ? to : 0);
        *out = as_tpl_of_text(s);
        return s != NULL;
    }
    tpl_value v = as_tpl_of_text(t);
    if (!as_tpl_items(r, &v, &chars)) return false;
    for (size_t i = 0; i < n; i++, start += step)
        if (!as_tpl_rope_text(r, &rope, chars->item[start].text)) return false;
    return as_tpl_rope_value(r, &rope, out);
}

bool as_tpl_cut(tpl_run *r, const tpl_value *v, const tpl_value part[3], tpl_value *out)
{
    int64_t start, end, step = 1;
    bool is_list = v->kind == TPL_LIST || v->kind == TPL_TUPLE || v->kind == TPL_RANGE;
    if (!is_list && v->kind != TPL_TEXT) return as_tpl_fail_kind(r, "slice", v, "text or a list");
    if (part[2].kind != TPL_MISSING && part[2].kind != TPL_NONE &&
        !as_tpl_is_number(&part[2], &step))
        return as_tpl_fail_kind(r, "slice", &part[2], "an integer");
    if (step == 0) return as_fail(r->err, AS_EFORMAT, "slice (found a step of 0)");
    int64_t size = (int64_t)(is_list ? v->list->n : v->text->n);
    if (step > size) step = size + 1; /* the first item only, either way */
    if (step < -size) step = -size - 1;
    if (!bound(r, &part[0], size, step, step < 0 ? size - 1 : 0, &start) ||
        !bound(r, &part[1], size, step, step < 0 ? -1 : size, &end))
        return false;
    int64_t span = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    size_t n = span > 0 ? (size_t)((span + stride - 1) / stride) : 0;
    if (!is_list) return cut_text(r, v->text, start, step, n, out);
    if (!as_tpl_list_new(r, v->kind, n, out)) return false;
    for (size_t i = 0; i < n; i++, start += step) out->list->item[i] = v->list->item[start];
    if (v->list->seen) *v->list->seen = true;
    return true;
}
