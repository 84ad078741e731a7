/* The task file: prompts with checklists from a JSONL file, one object a line:
 *
 *   {"id"?, "prompt", "claims": [{"text", "keys"?, "wrong"?, "kind"?, "weight"?}], "cluster"?,
 *    "category"?, "difficulty"?, "certainty"?, "writer"?, "created"?}
 *
 * Claims without keys get one made of the text's content words: all its numbers, and of the words
 * of three letters or more that are not in the list below the three longest (the earlier of
 * equals), where a word of more than five letters stands without its last two and with *. Weights
 * other than 1 are refused: coverage counts every claim alike. Texts other than the prompt have at
 * most 400 bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonl.h"
#include "lab/task/canon_internal.h"
#include "lab/task/task.h"

enum { MAX_ROWS = 1 << 20, MAX_CLAIMS = 64, KEY_WORDS = 3, LONG_WORD = 5 };

/* --- keys ---------------------------------------------------------------------------------- */

static const char filler[] =
    " about above after again all also and any are because been before being below between both "
    "but "
    "can could did does down each for from further had has have her here him his how into its just "
    "may might more most must not now off once only other our out over own same shall she should "
    "some such than that the their them then there these they this those through too under until "
    "upon use used very was were what when where which while who why will with would you your ";

static bool is_filler(const char *word, size_t n)
{
    for (const char *p = filler; (p = strchr(p, ' ')) && p[1]; p++)
        if (strncmp(p + 1, word, n) == 0 && p[1 + n] == ' ') return true;
    return false;
}

/* A word's place and length; n 0 for none. */
typedef struct {
    const char *at;
    size_t n;
} word;

static bool is_number(word w)
{
    return w.n > 0 && strspn(w.at, "0123456789") >= w.n;
}

/* Keeps the longest words, in the order of the text. */
static void keep_long(word best[KEY_WORDS + 1], size_t *n, word w)
{
    size_t shortest = 0;
    best[(*n)++] = w;
    if (*n <= KEY_WORDS) return;
    for (size_t i = 1; i < *n; i++)
        if (best[i].n <= best[shortest].n) shortest = i;
    memmove(&best[shortest], &best[shortest + 1], (*n - 1 - shortest) * sizeof *best);
    --*n;
}

static bool make_key(const char *text, as_arena *a, const char **out, as_error *err)
{
    word best[KEY_WORDS + 1];
    size_t n = 0;
    as_buf key = {0};
    char *folded = as_said_fold(text, err);
    if (!folded) return false;
    for (char *p = folded; *p; p++)
        if (*p == '\n') *p = ' ';
    for (const char *p = folded; *p;) {
        word w = {p, strcspn(p, " ")};
        if (is_number(w))
            as_buf_printf(&key, "%s%.*s", key.size ? " " : "", (int)w.n, w.at);
        else if (w.n >= 3 && !is_filler(w.at, w.n))
            keep_long(best, &n, w);
        p += w.n + (p[w.n] == ' ');
    }
    for (size_t i = 0; i < n; i++) {
        bool is_long = best[i].n > LONG_WORD;
        as_buf_printf(&key, "%s%.*s%s", key.size ? " " : "", (int)best[i].n - (is_long ? 2 : 0),
                      best[i].at, is_long ? "*" : "");
    }
    bool ok = as_buf_ok(&key, err);
    if (ok && key.size == 0)
        ok = as_fail(err, AS_EFORMAT,
                     "text (found no word to make keys of, expected keys beside it)");
    if (ok) *out = as_arena_copy(a, as_buf_text(&key), key.size, err);
    as_buf_clear(&key);
    free(folded);
    return ok && *out;
}

/* --- claims -------------------------------------------------------------------------------- */

static bool read_optional(const json_t *object, const char *name, const char *otherwise,
                          as_arena *a, const char **out, as_error *err)
{
    *out = otherwise;
    return !json_object_get(object, name) || as_field_text(object, name, a, out, err);
}

static bool read_keys(const json_t *claim, as_arena *a, as_claim *out, as_error *err)
{
    if (json_object_get(claim, "keys"))
        return as_field_texts(claim, "keys", 1, a, &out->keys, err) &&
               as_form_keys(&out->keys, err);
    const char **key = as_arena_push(a, 1, sizeof *key, err);
    if (!key || !make_key(out->text, a, key, err)) return false;
    out->keys = (as_texts){key, 1};
    return true;
}

static bool read_claim(const json_t *claim, as_arena *a, as_claim *out, as_error *err)
{
    static const char *const known[] = {"text", "keys", "wrong", "kind", "weight", NULL};
    char shown[AS_ESCAPE_SIZE];
    if (!as_field_known(claim, known, err) || !as_field_text(claim, "text", a, &out->text, err) ||
        !read_optional(claim, "kind", "claim", a, &out->kind, err) ||
        !read_keys(claim, a, out, err))
        return false;
    const json_t *weight = json_object_get(claim, "weight");
    if (weight && !(json_is_number(weight) && json_number_value(weight) == 1))
        return as_fail(err, AS_EFORMAT, "weight (found %s, expected 1 or none)",
                       as_json_shown(weight, shown));
    if (!json_object_get(claim, "wrong")) return true;
    return as_field_texts(claim, "wrong", 0, a, &out->wrong, err);
}

static bool read_claims(const json_t *row, as_arena *a, as_item *out, as_error *err)
{
    const json_t *list;
    if (!as_field_list(row, "claims", MAX_CLAIMS, &list, err)) return false;
    size_t n = json_array_size(list);
    as_claim *claim = as_arena_push(a, n, sizeof *claim, err);
    if (!claim) return false;
    for (size_t i = 0; i < n; i++) {
        if (read_claim(json_array_get(list, i), a, &claim[i], err)) continue;
        as_error_at(err, "claims %zu", i + 1);
        return false;
    }
    out->claim = claim;
    out->n_claims = n;
    return true;
}

/* --- rows ---------------------------------------------------------------------------------- */

/* One of the words, by number. */
static bool read_word(const json_t *row, const char *name, const char *const words[3],
                      size_t otherwise, size_t *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *value = json_object_get(row, name);
    *out = otherwise;
    if (!value) return true;
    for (*out = 0; json_is_string(value) && *out < 3; ++*out)
        if (strcmp(json_string_value(value), words[*out]) == 0) return true;
    return as_fail(err, AS_EFORMAT, "%s (found %s, expected %s, %s or %s)", name,
                   as_json_shown(value, shown), words[0], words[1], words[2]);
}

static bool read_prompt(const json_t *row, as_arena *a, as_item *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const json_t *prompt = json_object_get(row, "prompt");
    if (!json_is_string(prompt) || json_string_length(prompt) == 0)
        return as_fail(err, AS_EFORMAT, "prompt (found %s, expected a text)",
                       as_json_shown(prompt, shown));
    out->prompt = as_arena_copy(a, json_string_value(prompt), json_string_length(prompt), err);
    if (out->prompt) out->id = as_item_id(out->prompt, a, err);
    return out->id && read_optional(row, "id", out->id, a, &out->id, err);
}

static bool read_row(const json_t *row, as_arena *a, as_item *out, as_error *err)
{
    static const char *const known[] = {"id",         "prompt",    "claims", "cluster", "category",
                                        "difficulty", "certainty", "writer", "created", NULL};
    static const char *const levels[] = {"easy", "medium", "hard"};
    static const char *const kinds[] = {"CERTAIN", "UNCERTAIN", "AMBIGUOUS"};
    size_t level, kind;
    if (!as_field_known(row, known, err) || !read_prompt(row, a, out, err) ||
        !read_optional(row, "cluster", out->id, a, &out->cluster, err) ||
        !read_optional(row, "category", "all", a, &out->category, err) ||
        !read_word(row, "difficulty", levels, 1, &level, err) ||
        !read_word(row, "certainty", kinds, 0, &kind, err) || !read_claims(row, a, out, err))
        return false;
    out->difficulty = levels[level];
    out->certainty = (as_certainty)kind;
    return true;
}

/* An index of the items by one of their texts, to find a double without comparing all. */
typedef struct {
    const char *text;
    size_t at;
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool check_once(const char *path, const as_item *item, size_t n, bool is_id, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool ok = true;
    place *list = as_new(n, sizeof *list, err);
    if (!list) return false;
    for (size_t i = 0; i < n; i++) list[i] = (place){is_id ? item[i].id : item[i].prompt, i};
    qsort(list, n, sizeof *list, by_place);
    for (size_t i = 1; ok && i < n; i++)
        if (strcmp(list[i - 1].text, list[i].text) == 0)
            ok = as_fail(err, AS_EFORMAT, "%s:%zu: the same %s as in line %zu",
                         as_escape(path, strlen(path), shown), list[i].at + 1,
                         is_id ? "id" : "prompt", list[i - 1].at + 1);
    free(list);
    return ok;
}

/* Rows come one at a time and items must stand in a row: the list grows outside the arena. */
static bool read_rows(as_jsonl *file, const char *path, as_arena *a, as_item **item, size_t *n,
                      as_error *err)
{
    size_t room = 0;
    char shown[AS_ESCAPE_SIZE];
    for (;;) {
        json_t *row = NULL;
        if (!as_jsonl_next(file, &row, err)) return false;
        if (!row) return true;
        if (*n == room) {
            as_item *more = room < MAX_ROWS ? realloc(*item, (2 * room + 64) * sizeof *more) : NULL;
            if (!more) {
                json_decref(row);
                return as_fail(err, room < MAX_ROWS ? AS_EMEM : AS_ELIMIT, "%s: more than %zu rows",
                               as_escape(path, strlen(path), shown), room);
            }
            *item = more;
            room = 2 * room + 64;
        }
        (*item)[*n] = (as_item){0};
        bool ok = read_row(row, a, &(*item)[*n], err);
        json_decref(row);
        if (!ok) {
            as_error_at(err, "%s:%zu", as_escape(path, strlen(path), shown), as_jsonl_line(file));
            return false;
        }
        ++*n;
    }
}

static bool file_items(const char *data, const char *set, size_t n, uint64_t seed, as_arena *a,
                       as_items *out, as_error *err)
{
    (void)seed;
    char shown[AS_ESCAPE_SIZE];
    as_item *item = NULL, *kept = NULL;
    size_t n_rows = 0;
    if (strcmp(set, "all") != 0)
        return as_fail(err, AS_EUSAGE, "set (found \"%s\", expected all)",
                       as_escape(set, strlen(set), shown));
    as_jsonl *file = as_jsonl_open(data, err);
    bool ok = file && read_rows(file, data, a, &item, &n_rows, err);
    as_jsonl_close(file);
    if (ok && (n_rows == 0 || n > n_rows))
        ok = as_fail(err, n_rows ? AS_EUSAGE : AS_EFORMAT,
                     "%s: rows (found %zu, expected at least %zu)",
                     as_escape(data, strlen(data), shown), n_rows, n ? n : 1);
    ok = ok && check_once(data, item, n_rows, false, err) &&
         check_once(data, item, n_rows, true, err);
    if (ok) kept = as_arena_push(a, n ? n : n_rows, sizeof *kept, err);
    if (kept) {
        memcpy(kept, item, (n ? n : n_rows) * sizeof *kept);
        *out = (as_items){.item = kept, .n = n ? n : n_rows};
    }
    free(item);
    return kept && as_items_seal(out, err);
}

static const as_task_set sets[] = {{"all", 0, "every line of the file"}, {NULL, 0, NULL}};

const as_task as_task_file = {
    .name = "file",
    .summary = "prompts with checklists from a JSONL file",
    .sets = sets,
    .items = file_items,
};
