/* A file of training rows, read whole: the loop over its lines and what is checked over all of
 * them. What a row becomes is in dataset_rows.c, which tokens count in dataset_mask.c. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonl.h"
#include "engine/train/dataset_internal.h"

const char *as_mask_name(as_mask m)
{
    static const char *const names[] = {"completion", "assistant", "text"};
    return m <= AS_MASK_TEXT ? names[m] : "?";
}

/* ---- the whole ---- */

static bool add_sequence(as_dataset *d, as_sha256 *h, const as_sequence *s, size_t side,
                         as_error *err)
{
    uint64_t size[2] = {s->n, s->n_prompt};
    d->n_tokens += s->n;
    d->n_labels += s->n_labels;
    d->n_cut += s->is_cut;
    d->n_cut_chosen += s->is_cut && d->n_sides == 2 && side == 0;
    d->n_cut_rejected += s->is_cut && side == 1;
    d->n_prompt_cut += s->is_prompt_cut;
    if (s->n > d->longest) d->longest = s->n;
    return as_sha256_add(h, size, sizeof size, err) &&
           as_sha256_add(h, s->ids, s->n * sizeof *s->ids, err) &&
           as_sha256_add(h, s->label, s->n, err);
}

bool as_dataset_sum(as_dataset *d, as_error *err)
{
    d->n_tokens = d->n_labels = d->n_cut = d->n_cut_chosen = d->n_cut_rejected = 0;
    d->n_prompt_cut = d->longest = 0;
    as_sha256 *h = as_sha256_new(err);
    if (!h) return false;
    for (size_t i = 0; i < d->n; i++) {
        bool ok = as_sha256_add(h, &d->example[i].key, sizeof d->example[i].key, err);
        for (size_t side = 0; ok && side < d->n_sides; side++)
            ok = add_sequence(d, h, &d->example[i].sequence[side], side, err);
        if (ok) continue;
        as_sha256_free(h);
        return false;
    }
    return as_sha256_end(h, d->digest, err);
}

void as_dataset_clear(as_dataset *d)
{
    for (size_t i = 0; i < d->n; i++) json_decref((json_t *)(uintptr_t)d->example[i].row);
    free(d->example);
    as_arena_free(d->arena);
    *d = (as_dataset){0};
}

/* ---- names ---- */

/* The row's own id, or the SHA-256 of its canonical form. */
static bool name_row(as_row_reader *r, const json_t *row, as_example *out, as_error *err)
{
    const json_t *id = json_object_get(row, "id");
    as_key key;
    if (json_is_integer(id)) {
        out->id = as_arena_printf(r->arena, err, "%lld", (long long)json_integer_value(id));
    } else if (json_is_string(id) && json_string_length(id)) {
        out->id = as_arena_text(r->arena, json_string_value(id), err);
    } else if (id) {
        return as_fail(err, AS_EFORMAT, "id (found %s, expected a text or a whole number)",
                       json_is_string(id) ? "an empty text" : "something else");
    } else {
        r->joined.size = 0;
        as_json_write(&r->joined, row);
        if (!as_buf_ok(&r->joined, err) || !as_sha256_of(r->joined.data, r->joined.size, key, err))
            return false;
        out->id = as_arena_text(r->arena, key, err);
    }
    if (!out->id || !as_sha256_of(out->id, strlen(out->id), key, err)) return false;
    key[16] = '\0';
    out->key = strtoull(key, NULL, 16);
    return true;
}

static int by_id(const void *a, const void *b)
{
    const as_example *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order ? order : (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static bool check_unique(const as_dataset *d, const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    bool ok = true;
    const as_example **sorted = as_new(d->n, sizeof *sorted, err);
    if (!sorted) return false;
    for (size_t i = 0; i < d->n; i++) sorted[i] = &d->example[i];
    qsort(sorted, d->n, sizeof *sorted, by_id);
    for (size_t i = 1; ok && i < d->n; i++) {
        const as_example *a = sorted[i - 1], *b = sorted[i];
        if (strcmp(a->id, b->id) != 0) continue;
        ok = json_object_get(b->row, "id")
                 ? as_fail(err, AS_EFORMAT, "%s:%zu: id (found \"%s\" as in line %zu)", path,
                           b->line, as_escape(b->id, strlen(b->id), shown), a->line)
                 : as_fail(err, AS_EFORMAT, "%s:%zu: the row of line %zu again", path, b->line,
                           a->line);
    }
    free(sorted);
    return ok;
}

/* ---- reading ---- */

static bool check_options(const as_dataset_options *o, as_error *err)
{
    if (o->max_length < 2)
        return as_fail(err, AS_EUSAGE, "max_length (found %zu, expected at least 2)",
                       o->max_length);
    if (o->is_pair && o->mask != AS_MASK_COMPLETION)
        return as_fail(err, AS_EUSAGE, "mask of pairs (found %s, expected completion)",
                       as_mask_name(o->mask));
    if (o->max_prompt >= o->max_length)
        return as_fail(err, AS_EUSAGE, "max_prompt (found %zu, expected below max_length, %zu)",
                       o->max_prompt, o->max_length);
    return true;
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Formats that training data often come in and that are not read. */
static bool check_format(const char *path, const char *shown, as_error *err)
{
    static const char *const packed[] = {".gz", ".zst", ".xz", ".bz2", ".zip"};
    static const char *const columns[] = {".parquet", ".arrow"};
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
        if (!ends_in(path, packed[i])) continue;
        (void)as_fail(err, AS_EFORMAT, "%s: format (found a compressed file, expected JSON Lines)",
                      shown);
        as_error_hint(err, "unpack it first, as with gunzip -k");
        return false;
    }
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (!ends_in(path, columns[i])) continue;
        (void)as_fail(err, AS_EFORMAT, "%s: format (found %s, expected JSON Lines)", shown,
                      columns[i] + 1);
        as_error_hint(err, "with Python's datasets: Dataset.from_%s(FILE).to_json(\"rows.jsonl\")",
                      i ? "file" : "parquet");
        return false;
    }
    return true;
}

/* The text of a token in the arena; NULL without one. */
static const char *token_text(as_row_reader *r, bool has, uint32_t id, as_error *err)
{
    size_t size = 0;
    const char *piece = has ? as_tokenizer_piece(r->tokenizer, id, &size) : NULL;
    return piece ? as_arena_copy(r->arena, piece, size, err) : NULL;
}

static bool start(as_row_reader *r, const uint32_t *stop, size_t n_stop, as_error *err)
{
    uint32_t bos = 0;
    bool has_bos = as_tokenizer_bos(r->tokenizer, &bos);
    r->has_eos = as_tokenizer_eos(r->tokenizer, &r->eos);
    r->vars.bos_token = token_text(r, has_bos, bos, err);
    r->vars.eos_token = token_text(r, r->has_eos, r->eos, err);
    r->vars.enable_thinking = r->options->thinking < 0   ? AS_THINKING_UNSET
                              : r->options->thinking > 0 ? AS_THINKING_ON
                                                         : AS_THINKING_OFF;
    return err->class_ == AS_OK && as_mask_start(r, stop, n_stop, err);
}

static as_example *add(as_dataset *d, size_t *room, as_error *err)
{
    if (d->n == *room) {
        size_t more = *room ? *room * 2 : 64, bytes;
        if (!as_size_mul(more, sizeof *d->example, &bytes, err)) return NULL;
        as_example *grown = realloc(d->example, bytes);
        if (!grown) {
            (void)as_fail(err, AS_EMEM, "out of memory");
            return NULL;
        }
        d->example = grown;
        *room = more;
    }
    d->example[d->n] = (as_example){0};
    return &d->example[d->n++];
}

static bool read_rows(as_dataset *d, as_row_reader *r, as_jsonl *file, const char *path,
                      as_error *err)
{
    size_t room = 0;
    char place[AS_ESCAPE_SIZE + 32];
    for (;;) {
        json_t *row = NULL;
        if (!as_jsonl_next(file, &row, err)) return false;
        if (!row) break;
        as_example *e = add(d, &room, err);
        if (!e) {
            json_decref(row);
            return false;
        }
        e->row = row; /* owned from here on */
        e->line = as_jsonl_line(file);
        (void)snprintf(place, sizeof place, "%s:%zu", path, e->line);
        r->place = place;
        if (!as_row_read(r, row, e, err) || !name_row(r, row, e, err)) {
            if (strncmp(err->where, place, strlen(place)) != 0) as_error_at(err, "%s", place);
            return false;
        }
        for (size_t side = 0; side < d->n_sides; side++)
            as_mask_count(r, &e->sequence[side], e->line);
    }
    return d->n || as_fail(err, AS_EFORMAT, "%s: no rows", path);
}

static void clear_reader(as_row_reader *r)
{
    as_encoded_clear(&r->prompt);
    as_encoded_clear(&r->whole[0]);
    as_encoded_clear(&r->whole[1]);
    as_buf_clear(&r->joined);
    as_ids_clear(&r->header);
    as_ids_clear(&r->one);
    free(r->id_is);
}

/* Reads all of `file` and closes it. `path` is escaped. */
static bool read_all(as_dataset *d, as_jsonl *file, const char *path, as_row_reader *r,
                     const uint32_t *stop, size_t n_stop, as_error *err)
{
    bool ok = false;
    if (!file) goto out;
    r->arena = d->arena = as_arena_new(err);
    if (!d->arena || !start(r, stop, n_stop, err) || !read_rows(d, r, file, path, err)) goto out;
    ok = check_unique(d, path, err) && as_mask_finish(r, path, err) && as_dataset_sum(d, err);
out:
    as_jsonl_close(file);
    clear_reader(r);
    if (!ok) as_dataset_clear(d);
    return ok;
}

bool as_dataset_open(as_dataset *d, const char *path, const as_dataset_options *o,
                     const as_tokenizer *tokenizer, as_template *chat, const uint32_t *stop,
                     size_t n_stop, size_t vocab, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_row_reader r = {.options = o, .tokenizer = tokenizer, .chat = chat, .vocab = vocab};
    *d = (as_dataset){.n_sides = o->is_pair ? 2 : 1};
    (void)as_escape(path, strlen(path), shown);
    if (!check_options(o, err) || !check_format(path, shown, err)) return false;
    return read_all(d, as_jsonl_open(path, err), shown, &r, stop, n_stop, err);
}

bool as_dataset_parse(as_dataset *d, const char *name, const char *bytes, size_t size,
                      const as_dataset_options *o, const as_tokenizer *tokenizer, as_template *chat,
                      const uint32_t *stop, size_t n_stop, size_t vocab, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_row_reader r = {.options = o, .tokenizer = tokenizer, .chat = chat, .vocab = vocab};
    *d = (as_dataset){.n_sides = o->is_pair ? 2 : 1};
    (void)as_escape(name, strlen(name), shown);
    return check_options(o, err) &&
           read_all(d, as_jsonl_over(name, bytes, size, err), shown, &r, stop, n_stop, err);
}
