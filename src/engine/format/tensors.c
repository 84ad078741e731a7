/* The common face of checkpoint files: which format, which files, finding a tensor by its name.
 * Shards are shards.c, NF4 weights nf4.c, what reads values tensors_read.c. */
#include "engine/format/tensors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/tree.h"
#include "engine/format/tensors_internal.h"

/* ---- formats ---- */

static bool probe_safetensors(const unsigned char *head, size_t size)
{
    return size >= 9 && head[8] == '{' && memcmp(head + 4, "\0\0\0\0", 4) == 0;
}

static bool open_safetensors(as_tensors *t, const char *name, const void *bytes, size_t size,
                             as_error *err)
{
    as_safetensors *s = as_safetensors_over(name, bytes, size, err);
    if (!s) return false;
    AS_CHECK(t->n_parts < t->room);
    t->part[t->n_parts++] = s;
    return true;
}

static bool probe_gguf(const unsigned char *head, size_t size)
{
    return size >= 4 && memcmp(head, "GGUF", 4) == 0;
}

static bool open_gguf(as_tensors *t, const char *name, const void *bytes, size_t size,
                      as_error *err)
{
    t->gguf = as_gguf_over(name, bytes, size, err);
    return t->gguf != NULL;
}

const as_format as_format_safetensors = {
    "safetensors", "JSON header and raw tensors, one file or shards with an index", ".safetensors",
    probe_safetensors, open_safetensors};
const as_format as_format_gguf = {"gguf", "typed metadata and tensors, also quantised, in one file",
                                  ".gguf", probe_gguf, open_gguf};

static const as_format *const formats[] = {
    &as_format_safetensors,
    &as_format_gguf,
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

const as_format *const *as_formats(size_t *n)
{
    *n = N_FORMATS;
    return formats;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), n = strlen(end);
    return size >= n && strcmp(text + size - n, end) == 0;
}

static void hint_pickle(as_error *err)
{
    as_error_hint(err, "pickle files can run code when they are read, so Assay does not read them: "
                       "convert with save_pretrained(..., safe_serialization=True)");
}

static const as_format *find_format(const char *name, const unsigned char *head, size_t size,
                                    as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (ends_with(name, formats[i]->suffix)) return formats[i];
    }
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (formats[i]->probe(head, size)) return formats[i];
    }
    bool is_pickle = size >= 2 && (memcmp(head, "PK", 2) == 0 || head[0] == 0x80);
    (void)as_fail(err, AS_EFORMAT, "byte 0: format (found \"%s\"%s, expected safetensors or GGUF)",
                  as_escape((const char *)head, size < 8 ? size : 8, shown),
                  is_pickle ? ", a pickle" : "");
    if (is_pickle) hint_pickle(err);
    as_error_at(err, "%s", as_escape(name, strlen(name), shown));
    return NULL;
}

/* ---- opening ---- */

bool as_tensors_make_room(as_tensors *t, size_t n_files, as_error *err)
{
    t->room = n_files;
    t->map = as_arena_push(t->arena, n_files, sizeof(*t->map), err);
    t->part = as_arena_push(t->arena, n_files, sizeof(*t->part), err);
    return t->map && t->part;
}

bool as_tensors_add_file(as_tensors *t, const as_format *format, const char *path, as_error *err)
{
    AS_CHECK(t->n_maps < t->room);
    as_map *m = as_map_open(path, err);
    if (!m) return false;
    t->map[t->n_maps++] = m;
    if (!format) format = find_format(path, as_map_bytes(m), as_map_size(m), err);
    return format && format->open(t, path, as_map_bytes(m), as_map_size(m), err);
}

static int compare_names(const void *a, const void *b)
{
    const as_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

bool as_tensors_sort(as_tensors *t, as_error *err)
{
    if (t->n_all > 0) qsort(t->all, t->n_all, sizeof(*t->all), compare_names);
    for (size_t i = 1; i < t->n_all; i++) {
        const as_tensor *a = t->all[i - 1], *b = t->all[i];
        if (strcmp(a->name, b->name) != 0) continue;
        (void)as_fail(err, AS_EFORMAT, "name (found in %s too, expected once)", a->file);
        return as_tensor_fail_at(err, b->file, b->name);
    }
    return true;
}

/* The tensors of a single file. */
static bool list_one(as_tensors *t, as_error *err)
{
    t->n_all = t->gguf ? as_gguf_count(t->gguf) : as_safetensors_count(t->part[0]);
    t->all = as_arena_push(t->arena, t->n_all, sizeof(*t->all), err);
    if (!t->all) return false;
    for (size_t i = 0; i < t->n_all; i++)
        t->all[i] = t->gguf ? as_gguf_at(t->gguf, i) : as_safetensors_at(t->part[0], i);
    return as_tensors_sort(t, err);
}

static as_tensors *tensors_new(as_error *err)
{
    as_tensors *t = as_new(1, sizeof *t, err);
    if (t && !(t->arena = as_arena_new(err))) {
        free(t);
        t = NULL;
    }
    return t;
}

static bool name_it(as_tensors *t, const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    t->name = as_arena_text(t->arena, as_escape(path, strlen(path), shown), err);
    return t->name != NULL;
}

static bool open_file(as_tensors *t, const char *path, as_error *err)
{
    return name_it(t, path, err) && as_tensors_make_room(t, 1, err) &&
           as_tensors_add_file(t, NULL, path, err) && list_one(t, err);
}

static bool fail_no_weights(const char *dir, as_error *err)
{
    static const char *const pickles[] = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                          "model.bin", "adapter_model.bin", "consolidated.00.pth"};
    const char *found = NULL;
    char shown[AS_ESCAPE_SIZE];
    as_buf path = {0};
    bool ok = true;
    for (size_t i = 0; ok && !found && i < sizeof pickles / sizeof pickles[0]; i++) {
        path.size = 0;
        ok = as_path_join(&path, dir, pickles[i], err);
        if (ok && as_file_exists(path.data)) found = pickles[i];
    }
    as_buf_clear(&path);
    if (!ok) return false;
    (void)as_fail(err, AS_EFORMAT,
                  "weights (found %s, expected model.safetensors or model.safetensors.index.json)",
                  found ? found : "none");
    if (found) hint_pickle(err);
    as_error_at(err, "%s", as_escape(dir, strlen(dir), shown));
    return false;
}

/* A link that leads nowhere stands there too: opening it must fail, not pass as absence. */
static bool stands(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool open_folder(as_tensors *t, const char *dir, as_error *err)
{
    as_buf index = {0}, single = {0};
    bool ok = as_path_join(&index, dir, "model.safetensors.index.json", err) &&
              as_path_join(&single, dir, "model.safetensors", err);
    if (ok && stands(index.data))
        ok = name_it(t, index.data, err) && as_tensors_open_shards(t, dir, index.data, err);
    else if (ok && stands(single.data))
        ok = open_file(t, single.data, err);
    else
        ok = ok && fail_no_weights(dir, err);
    as_buf_clear(&index);
    as_buf_clear(&single);
    return ok;
}

as_tensors *as_tensors_open(const char *path, as_error *err)
{
    struct stat st;
    as_tensors *t = tensors_new(err);
    if (!t) return NULL;
    bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if ((is_folder ? open_folder(t, path, err) : open_file(t, path, err)) &&
        as_tensors_join_nf4(t, err))
        return t;
    as_tensors_close(t);
    return NULL;
}

as_tensors *as_tensors_over(const char *name, const void *bytes, size_t size, as_error *err)
{
    as_tensors *t = tensors_new(err);
    if (!t) return NULL;
    if (name_it(t, name, err) && as_tensors_make_room(t, 1, err)) {
        const as_format *format = find_format(name, bytes, size, err);
        if (format && format->open(t, name, bytes, size, err) && list_one(t, err) &&
            as_tensors_join_nf4(t, err))
            return t;
    }
    as_tensors_close(t);
    return NULL;
}

void as_tensors_close(as_tensors *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_parts; i++) as_safetensors_close(t->part[i]);
    as_gguf_close(t->gguf);
    for (size_t i = 0; i < t->n_maps; i++) as_map_close(t->map[i]);
    as_arena_free(t->arena);
    free(t);
}

bool as_tensors_check(const as_tensors *t, as_error *err)
{
    for (size_t i = 0; i < t->n_maps; i++)
        if (!as_map_check(t->map[i], err)) return false;
    return true;
}

/* ---- finding ---- */

size_t as_tensors_search(const as_tensor *const *list, size_t n, const char *name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(name, list[mid]->name);
        if (c == 0) return mid;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return n;
}

size_t as_tensors_count(const as_tensors *t)
{
    return t->n_seen;
}

const as_tensor *as_tensors_at(const as_tensors *t, size_t i)
{
    AS_CHECK(i < t->n_seen);
    return t->seen[i];
}

const as_tensor *as_tensors_find(const as_tensors *t, const char *name)
{
    size_t i = as_tensors_search(t->seen, t->n_seen, name);
    return i < t->n_seen ? t->seen[i] : NULL;
}

enum { MOST_NEAR = 4096 }; /* names looked at for a hint; it is only a hint */

static bool fail_missing(const as_tensors *t, const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_error ignored = {0};
    size_t n = t->n_seen < MOST_NEAR ? t->n_seen : MOST_NEAR;
    const char **names = as_new(n + 1, sizeof *names, &ignored);
    const char *near = NULL;
    if (names) {
        for (size_t i = 0; i < n; i++) names[i] = t->seen[i]->name;
        near = as_nearest(name, names);
    }
    if (near)
        (void)as_fail(err, AS_EFORMAT, "missing (found none; the nearest is \"%s\")",
                      as_escape(near, strlen(near), shown));
    else
        (void)as_fail(err, AS_EFORMAT, "missing (found none of that name)");
    free(names);
    return as_tensor_fail_at(err, t->name, name);
}

const as_tensor *as_tensors_need(const as_tensors *t, const char *name, as_error *err)
{
    const as_tensor *found = as_tensors_find(t, name);
    if (!found) {
        (void)fail_missing(t, name, err);
        return NULL;
    }
    if (found->dtype != AS_OTHER) return found;
    (void)as_fail(err, AS_EFORMAT, "type (found %s, expected one that Assay reads)", found->type);
    (void)as_tensor_fail_at(err, found->file, name);
    return NULL;
}

const char *as_tensors_name(const as_tensors *t)
{
    return t->name;
}

const char *as_tensors_note(const as_tensors *t)
{
    return t->note;
}

const char *as_tensors_metadata(const as_tensors *t, const char *key)
{
    return t->n_parts ? as_safetensors_metadata(t->part[0], key) : NULL;
}

const as_gguf *as_tensors_gguf(const as_tensors *t)
{
    return t->gguf;
}
