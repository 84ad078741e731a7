/* The canon's folder: which files there are, their order, and the rules between entries. */
#include "lab/task/canon.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "lab/task/canon_internal.h"

enum { MAX_FILE = 16 << 20, MAX_FILES = 256 };

typedef struct {
    const char *folder;
    as_arena *arena;
    as_canon *canon;
    as_canon_entry *entry; /* room for AS_CANON_MAX_ENTRIES */
    const char **file_of;  /* entry's file, for messages; parallel to entry */
    as_canon_grammar *grammar;
    as_sha256 *hash;
} opener;

/* --- files -------------------------------------------------------------------------------- */

typedef struct {
    as_arena *arena;
    const char *folder;
    const char *name[MAX_FILES];
    size_t n;
} listing;

static bool take_name(void *context, const char *name, as_error *err)
{
    listing *l = context;
    char shown[AS_ESCAPE_SIZE];
    size_t size = strlen(name);
    if (name[0] == '.') return true;
    if (size < 6 || strcmp(name + size - 5, ".json") != 0)
        return as_fail(err, AS_EFORMAT, "%s: name (found %s, expected NAME.json)", l->folder,
                       as_escape(name, size, shown));
    if (l->n == MAX_FILES)
        return as_fail(err, AS_ELIMIT, "%s: files (found more than %d)", l->folder, MAX_FILES);
    l->name[l->n] = as_arena_text(l->arena, name, err);
    return l->name[l->n++] != NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads FOLDER/NAME, adds name, size and bytes to the digest, and hands the value to take. */
typedef bool take_file(opener *o, const char *name, const json_t *file, as_error *err);

static bool hash_file(opener *o, const char *name, const as_buf *bytes, as_error *err)
{
    char size[32];
    int n = snprintf(size, sizeof size, "%zu", bytes->size);
    return as_sha256_add(o->hash, name, strlen(name) + 1, err) &&
           as_sha256_add(o->hash, size, (size_t)n + 1, err) &&
           as_sha256_add(o->hash, as_buf_text(bytes), bytes->size, err);
}

static bool read_one(opener *o, const char *name, take_file *take, as_error *err)
{
    bool ok = false;
    char shown[AS_ESCAPE_SIZE];
    as_buf path = {0}, bytes = {0};
    json_t *file = NULL;
    as_buf_printf(&path, "%s/%s", o->folder, name);
    if (!as_buf_ok(&path, err) || !as_file_read(as_buf_text(&path), MAX_FILE, &bytes, err) ||
        !hash_file(o, name, &bytes, err))
        goto out;
    file = as_json_parse(as_buf_text(&path), as_buf_text(&bytes), bytes.size, err);
    if (!file) goto out;
    ok = take(o, name, file, err);
    if (!ok) as_error_at(err, "%s", as_escape(as_buf_text(&path), path.size, shown));
out:
    json_decref(file);
    as_buf_clear(&bytes);
    as_buf_clear(&path);
    return ok;
}

/* All files of a folder below, in the order of their names. */
static bool read_all(opener *o, const char *below, take_file *take, size_t *n, as_error *err)
{
    listing l = {.arena = o->arena};
    as_buf path = {0};
    as_buf_printf(&path, "%s/%s", o->folder, below);
    l.folder = as_buf_text(&path);
    bool ok = as_buf_ok(&path, err) && as_dir_each(l.folder, take_name, &l, err);
    as_buf_clear(&path);
    if (!ok) return false;
    qsort(l.name, l.n, sizeof *l.name, by_text);
    for (size_t i = 0; i < l.n; i++) {
        const char *name = as_arena_printf(o->arena, err, "%s/%s", below, l.name[i]);
        if (!name || !read_one(o, name, take, err)) return false;
    }
    *n = l.n;
    return true;
}

static bool take_works(opener *o, const char *name, const json_t *file, as_error *err)
{
    (void)name;
    return as_canon_read_works(file, o->arena, o->canon, err);
}

static bool take_disputes(opener *o, const char *name, const json_t *file, as_error *err)
{
    (void)name;
    return as_canon_read_disputes(file, o->arena, o->canon, err);
}

/* Is name "canon/NAME.json" of a NAME that works.json names? */
static bool is_named(const as_canon *c, const char *name)
{
    for (size_t i = 0; i < c->files.n; i++) {
        const size_t n = strlen(c->files.text[i]);
        if (strncmp(name + 6, c->files.text[i], n) == 0 && strcmp(name + 6 + n, ".json") == 0)
            return true;
    }
    return false;
}

static bool take_entries(opener *o, const char *name, const json_t *file, as_error *err)
{
    size_t from = o->canon->n;
    if (!is_named(o->canon, name))
        return as_fail(err, AS_EFORMAT, "file (found, expected only those that works.json names)");
    if (!as_canon_read_entries(file, o->canon, o->arena, o->entry, &o->canon->n, err)) return false;
    for (size_t i = from; i < o->canon->n; i++) o->file_of[i] = name;
    return true;
}

static bool take_grammar(opener *o, const char *name, const json_t *file, as_error *err)
{
    (void)name;
    as_canon_grammar *g = &o->grammar[o->canon->n_grammars];
    if (!as_canon_read_grammar(file, o->arena, g, err)) return false;
    for (size_t i = 0; i < o->canon->n_grammars; i++)
        if (strcmp(o->grammar[i].name, g->name) == 0)
            return as_fail(err, AS_EFORMAT, "name (found \"%s\" in two files)", g->name);
    o->canon->n_grammars++;
    return true;
}

/* --- between entries ---------------------------------------------------------------------- */

/* A name in lower case without accents, and where it stands. */
typedef struct {
    const char *folded;
    size_t entry;
    const char *field;
} naming;

static int by_naming(const void *a, const void *b)
{
    const naming *x = a, *y = b;
    int order = strcmp(x->folded, y->folded);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* Of two entries the one that comes later in its files is at fault. */
static bool fail_twice(const opener *o, size_t a, size_t b, const char *what, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const as_canon_entry *first = &o->entry[a < b ? a : b], *second = &o->entry[a < b ? b : a];
    (void)as_fail(err, AS_EFORMAT, "%s as %s in %s", what, first->id, o->file_of[a < b ? a : b]);
    as_error_at(err, "%s", second->id);
    as_error_at(err, "%s/%s", as_escape(o->folder, strlen(o->folder), shown),
                o->file_of[a < b ? b : a]);
    return false;
}

static bool fold_into(naming *out, const char *text, as_arena *a, as_error *err)
{
    char *folded = as_said_fold(text, err);
    if (folded) out->folded = as_arena_text(a, folded, err);
    free(folded);
    return folded && out->folded;
}

/* Names and aliases (and before them ids) are used once. */
static bool check_names(const opener *o, as_error *err)
{
    size_t n = o->canon->n;
    naming *list = as_new(n, 2 * sizeof *list, err);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        list[2 * i] = (naming){NULL, i, "name"};
        list[2 * i + 1] = (naming){NULL, i, "alias"};
        ok = fold_into(&list[2 * i], o->entry[i].name, o->arena, err) &&
             fold_into(&list[2 * i + 1], o->entry[i].alias, o->arena, err);
    }
    if (ok) qsort(list, 2 * n, sizeof *list, by_naming);
    for (size_t i = 1; ok && i < 2 * n; i++)
        if (strcmp(list[i - 1].folded, list[i].folded) == 0)
            ok = fail_twice(o, list[i - 1].entry, list[i].entry, "the same name or alias", err);
    free(list);
    return ok;
}

static bool share_text(const as_texts *a, const as_texts *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (as_texts_have(b, a->text[i])) return true;
    return false;
}

static bool check_between(const opener *o, as_error *err)
{
    for (size_t i = 0; i < o->canon->n; i++) {
        const as_canon_entry *x = &o->entry[i];
        for (size_t k = 0; k < i; k++) {
            const as_canon_entry *y = &o->entry[k];
            if (strcmp(x->id, y->id) == 0) return fail_twice(o, k, i, "the same id", err);
            if (share_text(&x->fact[0].says, &y->fact[0].says) &&
                share_text(&x->fact[1].says, &y->fact[1].says))
                return fail_twice(o, k, i, "the same cause and remedy", err);
        }
    }
    return check_names(o, err);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const as_canon_entry *)a)->id, ((const as_canon_entry *)b)->id);
}

static int by_dispute(const void *a, const void *b)
{
    return strcmp(((const as_canon_dispute *)a)->id, ((const as_canon_dispute *)b)->id);
}

/* Ids and questions once each; in the order of ids. */
static bool sort_disputes(opener *o, as_error *err)
{
    as_canon *c = o->canon;
    as_canon_dispute *d = as_arena_push(o->arena, c->n_disputes, sizeof *d, err);
    if (!d) return false;
    memcpy(d, c->dispute, c->n_disputes * sizeof *d);
    qsort(d, c->n_disputes, sizeof *d, by_dispute);
    c->dispute = d;
    for (size_t i = 0; i < c->n_disputes; i++)
        for (size_t k = 0; k < i; k++) {
            const char *what = strcmp(d[k].id, d[i].id) == 0          ? "the same id"
                               : share_text(&d[k].asked, &d[i].asked) ? "the same question"
                                                                      : NULL;
            if (what)
                return as_fail(err, AS_EFORMAT, "%s/disputes.json: %s: %s as %s", o->folder,
                               d[i].id, what, d[k].id);
        }
    return true;
}

/* A canon that lost a file would ask other questions under the same name. */
static bool check_files(const opener *o, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < o->canon->files.n; i++) {
        const char *name = o->canon->files.text[i];
        const size_t n = strlen(name);
        size_t k = 0;
        while (k < o->canon->n && (strncmp(o->file_of[k] + 6, name, n) != 0 ||
                                   strcmp(o->file_of[k] + 6 + n, ".json") != 0))
            k++;
        if (k == o->canon->n)
            return as_fail(err, AS_EFORMAT,
                           "%s/canon/%s.json: file (found none, expected those that works.json "
                           "names)",
                           o->folder, as_escape(name, n, shown));
    }
    return true;
}

/* --- opening ------------------------------------------------------------------------------ */

static bool read_folder(opener *o, as_error *err)
{
    as_canon *c = o->canon;
    size_t n_files = 0, n_grammars = 0;
    if (!read_one(o, "works.json", take_works, err) ||
        !read_all(o, "canon", take_entries, &n_files, err) ||
        !read_one(o, "disputes.json", take_disputes, err) ||
        !read_all(o, "grammar", take_grammar, &n_grammars, err))
        return false;
    if (!check_files(o, err) || !check_between(o, err) || !sort_disputes(o, err)) return false;
    qsort(o->entry, c->n, sizeof *o->entry, by_id);
    c->entry = o->entry;
    c->grammar = o->grammar;
    as_sha256 *hash = o->hash;
    o->hash = NULL;
    return as_sha256_end(hash, c->digest, err);
}

bool as_canon_open(as_canon *c, const char *folder, as_arena *a, as_error *err)
{
    *c = (as_canon){0};
    opener o = {.folder = folder, .arena = a, .canon = c};
    o.entry = as_arena_push(a, AS_CANON_MAX_ENTRIES, sizeof *o.entry, err);
    if (o.entry) o.file_of = as_arena_push(a, AS_CANON_MAX_ENTRIES, sizeof *o.file_of, err);
    if (o.file_of) o.grammar = as_arena_push(a, MAX_FILES, sizeof *o.grammar, err);
    if (o.grammar) o.hash = as_sha256_new(err);
    bool ok = o.hash && read_folder(&o, err);
    as_sha256_free(o.hash);
    return ok;
}

const as_canon_entry *as_canon_find(const as_canon *c, const char *id)
{
    size_t lo = 0, hi = c->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = strcmp(c->entry[mid].id, id);
        if (order == 0) return &c->entry[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const as_texts *as_canon_flaw(const as_canon_entry *e, const char *vocabulary)
{
    return vocabulary[0] == 't' ? &e->told : vocabulary[0] == 'a' ? &e->asked : &e->service;
}
