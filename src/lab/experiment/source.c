/* Files of a data folder. A plan names them; as_path_join keeps the names inside the folder. */
#include "lab/experiment/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/jsonl.h"
#include "engine/format/npz.h"

typedef struct loaded {
    struct loaded *next;
    char *name, *path;
    json_t *json; /* .json and .jsonl (as an array of rows) */
    as_buf bytes; /* .npz */
    as_npz *npz;
    as_key digest;
} loaded;

struct as_sources {
    const char *dir;
    loaded *first;
    as_arena *arena; /* converted arrays */
};

#define MAX_FILE ((size_t)1 << 30)

as_sources *as_sources_open(const char *dir, as_error *err)
{
    as_sources *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    s->dir = dir;
    s->arena = as_arena_new(err);
    if (s->arena) return s;
    free(s);
    return NULL;
}

static void forget(loaded *f)
{
    json_decref(f->json);
    as_npz_close(f->npz);
    as_buf_clear(&f->bytes);
    free(f->name);
    free(f->path);
    free(f);
}

void as_sources_close(as_sources *s)
{
    if (!s) return;
    while (s->first) {
        loaded *next = s->first->next;
        forget(s->first);
        s->first = next;
    }
    as_arena_free(s->arena);
    free(s);
}

static loaded *find(const as_sources *s, const char *file)
{
    loaded *f = s->first;
    while (f && strcmp(f->name, file) != 0) f = f->next;
    return f;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n > k && strcmp(name + n - k, ending) == 0;
}

static json_t *parse_lines(const char *path, const as_buf *bytes, as_error *err)
{
    json_t *rows = json_array(), *row = NULL;
    as_jsonl *r = rows ? as_jsonl_over(path, as_buf_text(bytes), bytes->size, err) : NULL;
    bool ok = r != NULL;
    if (!rows) as_fail(err, AS_EMEM, "out of memory");
    while (ok && (ok = as_jsonl_next(r, &row, err)) && row)
        if (json_array_append_new(rows, row) != 0) ok = as_fail(err, AS_EMEM, "out of memory");
    as_jsonl_close(r);
    if (ok) return rows;
    json_decref(rows);
    return NULL;
}

static bool parse(loaded *f, as_error *err)
{
    if (ends_in(f->name, ".npz")) {
        f->npz = as_npz_over(f->path, f->bytes.data, f->bytes.size, err);
        return f->npz != NULL;
    }
    f->json = ends_in(f->name, ".jsonl")
                  ? parse_lines(f->path, &f->bytes, err)
                  : as_json_parse(f->path, as_buf_text(&f->bytes), f->bytes.size, err);
    if (f->json) as_buf_clear(&f->bytes);
    return f->json != NULL;
}

static char *copy(const char *text, as_error *err)
{
    size_t size = strlen(text) + 1;
    char *p = as_new(size, 1, err);
    if (p) memcpy(p, text, size);
    return p;
}

/* Puts the place in the plan before an error that names the file only. */
static void unsafe_name(const as_tree *at, as_error *err)
{
    as_error plain = *err;
    *err = (as_error){0};
    as_tree_fail(at, err, "%s%s%s", plain.where, plain.where[0] ? ": " : "", plain.what);
}

bool as_sources_load(as_sources *s, const as_ref *ref, bool *found, as_error *err)
{
    as_buf path = {0};
    bool ok = false;
    loaded *f = find(s, ref->file);
    *found = true;
    if (f) return true;
    if (!ends_in(ref->file, ".npz") && !ends_in(ref->file, ".json") &&
        !ends_in(ref->file, ".jsonl"))
        return as_tree_fail(ref->at, err, "file type (expected .json, .jsonl or .npz)");
    if (!as_path_join(&path, s->dir, ref->file, err)) {
        if (err->class_ == AS_EFORMAT) unsafe_name(ref->at, err);
        goto out;
    }
    if (!as_file_exists(as_buf_text(&path))) {
        *found = false;
        ok = true;
        goto out;
    }
    f = as_new(1, sizeof *f, err);
    if (!f || !(f->name = copy(ref->file, err)) || !(f->path = copy(as_buf_text(&path), err)) ||
        !as_file_read(f->path, MAX_FILE, &f->bytes, err) ||
        !as_sha256_of(f->bytes.data, f->bytes.size, f->digest, err) || !parse(f, err))
        goto out;
    f->next = s->first;
    s->first = f;
    ok = true;
out:
    if (!ok && f) forget(f);
    as_buf_clear(&path);
    return ok;
}

/* --- references ------------------------------------------------------------------------------ */

typedef struct {
    const json_t **json;
    const char **key;
    size_t n, room;
    as_arena *arena;
    as_error *err;
} gathered;

static bool gather(gathered *g, const json_t *value, const char *key)
{
    if (g->n == g->room) {
        size_t room = g->room ? 2 * g->room : 256;
        const json_t **json = as_arena_push(g->arena, room, sizeof *json, g->err);
        const char **keys = as_arena_push(g->arena, room, sizeof *keys, g->err);
        if (!json || !keys) return false;
        if (g->n) {
            memcpy(json, g->json, g->n * sizeof *json);
            memcpy(keys, g->key, g->n * sizeof *keys);
        }
        g->json = json;
        g->key = keys;
        g->room = room;
    }
    g->json[g->n] = value;
    g->key[g->n++] = key;
    return true;
}

/* Walks `pointer` below value; steps between stars go through as_json_at. A star is a whole step.
 * `key` is the object name given by the innermost star so far. */
static bool walk(gathered *g, const json_t *value, const char *pointer, const char *key)
{
    const char *star = strstr(pointer, "/*");
    while (star && star[2] != '\0' && star[2] != '/') star = strstr(star + 1, "/*");
    char *before =
        as_arena_copy(g->arena, pointer, star ? (size_t)(star - pointer) : strlen(pointer), g->err);
    if (!before) return false;
    const json_t *at = as_json_at(value, before);
    if (!star) return gather(g, at, key);
    if (json_is_array(at)) {
        for (size_t i = 0; i < json_array_size(at); i++)
            if (!walk(g, json_array_get(at, i), star + 2, key)) return false;
        return true;
    }
    if (json_is_object(at)) {
        const char *name;
        json_t *item;
        json_object_foreach((json_t *)at, name, item)
        {
            if (!walk(g, item, star + 2, name)) return false;
        }
        return true;
    }
    char shown[AS_ESCAPE_SIZE];
    return as_fail(g->err, AS_EFORMAT, "%s: place (found %s, expected an array or object)",
                   as_escape(before, strlen(before), shown), at ? "a scalar" : "nothing");
}

static bool npz_values(as_sources *s, loaded *f, const as_ref *ref, as_values *out, as_error *err)
{
    size_t i = 0;
    as_npz_scan scan = {0};
    if (!as_npz_need(f->npz, ref->fragment, &i, err)) return false;
    const as_npz_array *array = as_npz_at(f->npz, i);
    if (array->n_dims != 1 && array->n_dims != 2)
        return as_fail(err, AS_EFORMAT, "%s: %s: dimensions (found %zu, expected 1 or 2)", f->path,
                       array->name, array->n_dims);
    out->n = array->dim[0];
    if (array->n_dims == 1) {
        double *x = as_arena_push(s->arena, array->count + 1, sizeof *x, err);
        if (!x || !as_npz_read_f64(f->npz, i, x, array->count, &scan, err)) return false;
        out->number = x;
    } else {
        float *x = as_arena_push(s->arena, array->count + 1, sizeof *x, err);
        if (!x || !as_npz_read_f32(f->npz, i, x, array->count, &scan, err)) return false;
        out->matrix = x;
        out->dim = array->dim[1];
    }
    if (scan.n_nan + scan.n_inf == 0) return true;
    return as_fail(err, AS_ENUMERIC,
                   "%s: %s: element %zu (found %zu NaN and %zu Inf, expected "
                   "finite numbers)",
                   f->path, array->name, scan.first, scan.n_nan, scan.n_inf);
}

bool as_sources_values(as_sources *s, const as_ref *ref, as_arena *a, as_values *out, as_error *err)
{
    bool found = false;
    *out = (as_values){0};
    if (!as_sources_load(s, ref, &found, err)) return false;
    if (!found) return as_tree_fail(ref->at, err, "file (found none in the data folder)");
    loaded *f = find(s, ref->file);
    if (f->npz) return npz_values(s, f, ref, out, err);
    gathered g = {.arena = a, .err = err};
    if (ref->fragment[0] != '\0' && ref->fragment[0] != '/')
        return as_tree_fail(ref->at, err, "JSON pointer (expected \"\" or a leading /)");
    if (!walk(&g, f->json, ref->fragment, NULL)) {
        as_error_at(err, "%s", f->path);
        return false;
    }
    static const json_t *const none[1];
    out->n = g.n;
    out->json = g.json ? g.json : none;
    out->key = g.key;
    return true;
}

bool as_sources_digests(const as_sources *s, as_buf *out, as_error *err)
{
    json_t *map = json_object();
    bool ok = map != NULL;
    for (const loaded *f = s->first; ok && f; f = f->next)
        ok = json_object_set_new(map, f->name, json_string(f->digest)) == 0;
    if (ok)
        as_json_write(out, map);
    else
        as_fail(err, AS_EMEM, "out of memory");
    json_decref(map);
    return ok && as_buf_ok(out, err);
}

const char *as_sources_digest(const as_sources *s, const char *file, as_arena *a, as_error *err)
{
    const loaded *f = file ? find(s, file) : NULL;
    as_buf b = {0};
    const char *text = NULL;
    json_t *list =
        f ? json_pack("[{s:s,s:s}]", "file", f->name, "sha256", f->digest) : json_array();
    if (list)
        as_json_write(&b, list);
    else
        as_fail(err, AS_EMEM, "out of memory");
    if (list && as_buf_ok(&b, err)) text = as_arena_text(a, as_buf_text(&b), err);
    json_decref(list);
    as_buf_clear(&b);
    return text;
}
