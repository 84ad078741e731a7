/* A model cut into several safetensors files: the index names the file of every tensor. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/format/tensors_internal.h"

/* Everything the steps share. */
typedef struct {
    as_tensors *t;
    const char *dir;
    json_t *index;      /* owned */
    const json_t *map;  /* tensor name: file name */
    json_t *files;      /* owned; file name: true, the files once each */
    const char **names; /* those files, ascending; borrowed from `files` */
    size_t n_unlisted;
    const as_tensor *unlisted; /* the first */
} shards;

static bool is_plain(const char *name)
{
    return *name && strlen(name) <= NAME_MAX && strcmp(name, ".") != 0 && !strchr(name, '/') &&
           !strchr(name, '\\') && !strstr(name, "..");
}

static bool fail_entry(const shards *s, const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s: weight_map \"%s\"", s->t->name, as_escape(name, strlen(name), shown));
    return false;
}

static bool read_index(shards *s, const char *path, as_error *err)
{
    const char *name;
    char shown[AS_ESCAPE_SIZE];
    json_t *file;
    s->index = as_json_read(path, err);
    if (!s->index) return false;
    s->map = json_object_get(s->index, "weight_map");
    if (!json_is_object(s->map)) {
        (void)as_fail(err, AS_EFORMAT, "weight_map (found %s, expected an object)",
                      s->map ? "another value" : "none");
        as_error_at(err, "%s", s->t->name);
        return false;
    }
    s->files = json_object();
    if (!s->files) return as_fail(err, AS_EMEM, "out of memory");
    json_object_foreach((json_t *)(uintptr_t)s->map, name, file)
    {
        const char *text = json_string_value(file);
        if (text && is_plain(text)) {
            if (json_object_set_new(s->files, text, json_true()) == 0) continue;
            return as_fail(err, AS_EMEM, "out of memory");
        }
        (void)as_fail(err, AS_EFORMAT, "file (found %s, expected a plain name)",
                      text ? as_escape(text, strlen(text), shown) : "no text");
        return fail_entry(s, name, err);
    }
    return true;
}

/* Is `file` below `dir`, links followed? For the hub's cache, whose snapshots are links, `dir` is
 * .../snapshots/COMMIT and the files are in .../blobs. */
static bool lies_inside(const char *dir, const char *file)
{
    static const char snapshots[] = "/snapshots/";
    size_t n = strlen(dir);
    if (strncmp(file, dir, n) == 0 && file[n] == '/') return true;
    const char *last = strrchr(dir, '/');
    size_t before = sizeof snapshots - 2; /* "/snapshots" stands before the last part */
    if (!last || (size_t)(last - dir) < before) return false;
    const char *root_end = last - before;
    n = (size_t)(root_end - dir);
    return strncmp(root_end, snapshots, before) == 0 && strncmp(file, dir, n) == 0 &&
           strncmp(file + n, "/blobs/", 7) == 0;
}

static bool check_place(const char *dir, const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    char real_dir[PATH_MAX], real_path[PATH_MAX];
    bool ok = true; /* what cannot be resolved cannot be opened either, and says so there */
    if (realpath(dir, real_dir) && realpath(path, real_path) && !lies_inside(real_dir, real_path)) {
        ok = as_fail(err, AS_EFORMAT, "link (found it leading to %s, expected a file of the model)",
                     as_escape(real_path, strlen(real_path), shown));
        as_error_at(err, "%s", as_escape(path, strlen(path), shown));
    }
    return ok;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Opens every file of the index, in order of names. */
static bool open_files(shards *s, as_error *err)
{
    bool ok = false;
    size_t n = json_object_size(s->files), i = 0;
    const char *name;
    json_t *value;
    as_buf path = {0};
    const char **names = s->names = as_arena_push(s->t->arena, n, sizeof(*names), err);
    if (!names || !as_tensors_make_room(s->t, n, err)) return false;
    json_object_foreach(s->files, name, value) names[i++] = name;
    if (n > 0) qsort(names, n, sizeof *names, compare_texts);
    for (i = 0; i < n; i++) {
        path.size = 0;
        if (!as_path_join(&path, s->dir, names[i], err)) goto out;
        if (!check_place(s->dir, path.data, err)) goto out;
        if (!as_tensors_add_file(s->t, &as_format_safetensors, path.data, err)) goto out;
        s->n_unlisted += as_safetensors_count(s->t->part[i]); /* until they are found in the map */
    }
    ok = true;
out:
    as_buf_clear(&path);
    return ok;
}

/* Takes the tensors of a part that the index gives to its file `name`. */
static bool take_part(shards *s, const as_safetensors *part, const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < as_safetensors_count(part); i++) {
        const as_tensor *t = as_safetensors_at(part, i);
        const char *file = json_string_value(json_object_get(s->map, t->name));
        if (!file) {
            if (!s->unlisted) s->unlisted = t;
            continue;
        }
        if (strcmp(file, name) != 0) {
            (void)as_fail(err, AS_EFORMAT, "file (found this one, expected %s by the index)",
                          as_escape(file, strlen(file), shown));
            return as_tensor_fail_at(err, t->file, t->name);
        }
        s->t->all[s->t->n_all++] = t;
        s->n_unlisted--;
    }
    return true;
}

static bool check_complete(const shards *s, as_error *err)
{
    const as_tensors *t = s->t;
    char shown[AS_ESCAPE_SIZE];
    const char *name;
    json_t *file;
    if (t->n_all == json_object_size(s->map)) return true;
    json_object_foreach((json_t *)(uintptr_t)s->map, name, file)
    {
        if (as_tensors_search(t->all, t->n_all, name) < t->n_all) continue;
        const char *text = json_string_value(file);
        (void)as_fail(err, AS_EFORMAT, "tensor (found none of that name in %s, expected it)",
                      as_escape(text, strlen(text), shown));
        return fail_entry(s, name, err);
    }
    return true;
}

static bool take_all(shards *s, as_error *err)
{
    as_tensors *t = s->t;
    char shown[AS_ESCAPE_SIZE];
    t->all = as_arena_push(t->arena, s->n_unlisted, sizeof(*t->all), err);
    if (!t->all) return false;
    for (size_t i = 0; i < t->n_parts; i++) {
        if (!take_part(s, t->part[i], s->names[i], err)) return false;
    }
    if (!as_tensors_sort(t, err) || !check_complete(s, err)) return false;
    if (s->n_unlisted == 0) return true;
    t->note =
        as_arena_printf(t->arena, err,
                        "%s: %zu tensors that the index does not list are left out (the first: "
                        "\"%s\")",
                        s->unlisted->file, s->n_unlisted,
                        as_escape(s->unlisted->name, strlen(s->unlisted->name), shown));
    return t->note != NULL;
}

bool as_tensors_open_shards(as_tensors *t, const char *dir, const char *index, as_error *err)
{
    shards s = {.t = t, .dir = dir};
    bool ok = read_index(&s, index, err) && open_files(&s, err) && take_all(&s, err);
    json_decref(s.files);
    json_decref(s.index);
    return ok;
}
