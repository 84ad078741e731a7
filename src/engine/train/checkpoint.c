/* The saver: a thread that writes checkpoints from a copy. Every file goes to disk before its name
 * counts, MANIFEST before the folder's own name, that name before an older checkpoint goes. */
#include "engine/train/checkpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "engine/train/manifest.h"

enum { CHUNK = 1 << 20 };

struct as_saver {
    char *folder;
    size_t keep;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_started;
    bool is_busy, stop; /* under the mutex */
    as_error failed;    /* the same; of the last one written, AS_OK: none */
    /* The copy; the thread's while it is busy. */
    as_manifest manifest; /* names borrowed from `names` */
    size_t room_parts;
    as_buf names, state;
    unsigned char *bytes;
    size_t room;
    /* The thread's own: steps of checkpoints that it wrote or looked through. */
    size_t *known;
    size_t n_known;
};

/* ---- older checkpoints ---- */

static bool know(as_saver *s, size_t step, as_error *err)
{
    size_t *more = as_new(s->n_known + 1, sizeof *more, err);
    if (!more) return false;
    if (s->n_known) memcpy(more, s->known, s->n_known * sizeof *more);
    more[s->n_known++] = step;
    free(s->known);
    s->known = more;
    return true;
}

static void forget(as_saver *s, size_t step)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i] != step) s->known[n++] = s->known[i];
    s->n_known = n;
}

static bool look_through(as_saver *s, size_t step, bool *is_whole, as_error *err)
{
    as_error why = {0};
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i] == step) return *is_whole = true;
    *is_whole = as_checkpoint_check(s->folder, step, &why);
    if (*is_whole) return know(s, step, err);
    if (why.class_ != AS_EMEM) return true;
    *err = why;
    return false;
}

/* First under a name that does not count, so that half a checkpoint is never taken for one. */
static bool drop(as_saver *s, size_t step, as_error *err)
{
    as_buf path = {0}, old = {0};
    forget(s, step);
    bool ok = as_checkpoint_path(&path, s->folder, step, "", err) &&
              as_checkpoint_path(&old, s->folder, step, ".old.tmp", err) &&
              as_dir_remove(old.data, err) && as_file_move(path.data, old.data, err) &&
              as_dir_remove(old.data, err);
    as_buf_clear(&path);
    as_buf_clear(&old);
    return ok;
}

/* What is older than `keep` whole ones, the newest of which is `step`. */
static bool prune(as_saver *s, size_t step, as_error *err)
{
    size_t *steps = NULL, n = 0, n_whole = 0;
    bool ok = as_checkpoint_steps(s->folder, &steps, &n, err), is_whole;
    for (size_t i = 0; ok && i < n; i++) {
        if (steps[i] > step) continue;
        if (n_whole == s->keep)
            ok = drop(s, steps[i], err);
        else if ((ok = look_through(s, steps[i], &is_whole, err)) && is_whole)
            n_whole++;
    }
    free(steps);
    return ok;
}

/* ---- writing ---- */

static bool put_parts(void *context, as_file_out *out, as_error *err)
{
    as_saver *s = context;
    const unsigned char *at = s->bytes;
    for (size_t i = 0; i < s->manifest.n; i++) {
        as_manifest_part *p = &s->manifest.part[i];
        as_sha256 *h = as_sha256_new(err);
        bool ok = h != NULL;
        for (size_t left = p->bytes; ok && left > 0;) {
            const size_t n = left < CHUNK ? left : CHUNK;
            ok = as_sha256_add(h, at, n, err) && as_file_put(out, at, n, err);
            at += n;
            left -= n;
        }
        if (!ok) {
            as_sha256_free(h);
            return false;
        }
        if (!as_sha256_end(h, p->sha256, err)) return false;
    }
    return true;
}

static bool write_files(as_saver *s, as_buf *path, as_error *err)
{
    const size_t step = s->manifest.step;
    as_manifest_part *state = &s->manifest.state;
    as_buf text = {0};
    state->bytes = s->state.size;
    bool ok = as_checkpoint_path(path, s->folder, step, ".tmp/parts", err) &&
              as_file_replace_by(path->data, put_parts, s, err) &&
              as_checkpoint_path(path, s->folder, step, ".tmp/state.json", err) &&
              as_file_replace(path->data, s->state.data, s->state.size, err) &&
              as_sha256_of(s->state.data, s->state.size, state->sha256, err) &&
              as_manifest_write(&s->manifest, &text, err) &&
              as_checkpoint_path(path, s->folder, step, ".tmp/MANIFEST", err) &&
              as_file_replace(path->data, text.data, text.size, err);
    as_buf_clear(&text);
    return ok;
}

static bool write_folder(as_saver *s, as_error *err)
{
    const size_t step = s->manifest.step;
    as_buf temp = {0}, whole = {0}, path = {0};
    bool ok = as_checkpoint_path(&temp, s->folder, step, ".tmp", err) &&
              as_checkpoint_path(&whole, s->folder, step, "", err) &&
              as_dir_remove(temp.data, err) && as_dir_make(temp.data, err) &&
              write_files(s, &path, err) && as_file_move(temp.data, whole.data, err);
    if (!ok && temp.data) {
        as_error ignored = {0}; /* the first failure is the one to hear about */
        (void)!as_dir_remove(temp.data, &ignored);
    }
    as_buf_clear(&temp);
    as_buf_clear(&whole);
    as_buf_clear(&path);
    return ok;
}

static bool write_checkpoint(as_saver *s, as_error *err)
{
    const size_t step = s->manifest.step;
    as_buf path = {0};
    bool ok = as_checkpoint_path(&path, s->folder, step, "", err), is_whole = false;
    if (ok && as_file_exists(path.data))
        ok = look_through(s, step, &is_whole, err) && (is_whole || drop(s, step, err));
    if (ok && !is_whole) ok = write_folder(s, err) && know(s, step, err);
    ok = ok && prune(s, step, err);
    as_buf_clear(&path);
    return ok;
}

static void *saver_main(void *arg)
{
    as_saver *s = arg;
    (void)pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (!s->is_busy && !s->stop) (void)pthread_cond_wait(&s->changed, &s->mutex);
        if (!s->is_busy) break;
        (void)pthread_mutex_unlock(&s->mutex);
        as_error err = {0};
        if (!write_checkpoint(s, &err))
            as_error_at(&err, "checkpoint of step %zu", s->manifest.step);
        (void)pthread_mutex_lock(&s->mutex);
        s->failed = err;
        s->is_busy = false;
        (void)pthread_cond_broadcast(&s->changed);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* ---- the copy ---- */

/* A copy of the names, each with its NUL; the manifest borrows them. */
static bool copy_names(as_saver *s, const as_part *parts, size_t n, as_error *err)
{
    s->names.size = 0;
    for (size_t i = 0; i < n; i++) {
        char escaped[AS_ESCAPE_SIZE];
        const size_t size = strlen(parts[i].name);
        if (!as_utf8_valid(parts[i].name, size, NULL))
            return as_fail(err, AS_EFORMAT, "name of a part (found %s, expected UTF-8)",
                           as_escape(parts[i].name, size, escaped));
        as_buf_add(&s->names, parts[i].name, size + 1);
    }
    if (!as_buf_ok(&s->names, err)) return false;
    const char *name = as_buf_text(&s->names);
    for (size_t i = 0; i < n; i++) {
        s->manifest.part[i] = (as_manifest_part){.name = name, .bytes = parts[i].bytes};
        name += strlen(name) + 1;
    }
    return true;
}

static bool make_room(as_saver *s, const as_part *parts, size_t n, as_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        if (!as_size_add(bytes, parts[i].bytes, &bytes, err)) return false;
    if (n > s->room_parts || !s->manifest.part) {
        free(s->manifest.part);
        s->room_parts = 0;
        s->manifest.part = as_new(n, sizeof *s->manifest.part, err);
        if (!s->manifest.part) return false;
        s->room_parts = n;
    }
    if (bytes > s->room || !s->bytes) {
        free(s->bytes);
        s->room = 0;
        s->bytes = as_new(bytes, 1, err);
        if (!s->bytes) return false;
        s->room = bytes;
    }
    s->manifest.n = n;
    s->manifest.bytes = bytes;
    return true;
}

static bool check_disk(const as_saver *s, as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    uint64_t found, need = s->manifest.bytes;
    need += s->state.size + s->names.size + 256 * (s->manifest.n + 1);
    need += need / 10;
    if (!as_disk_room(s->folder, &found, err)) return false;
    if (found >= need) return true;
    (void)as_fail(err, AS_EIO, "disk (found %llu bytes free, expected at least %llu)",
                  (unsigned long long)found, (unsigned long long)need);
    as_error_at(err, "%s", as_escape(s->folder, strlen(s->folder), escaped));
    as_error_at(err, "checkpoint of step %zu", s->manifest.step);
    return false;
}

static bool copy(as_saver *s, size_t step, const as_part *parts, size_t n, const json_t *state,
                 as_error *err)
{
    as_buf_clear(&s->state);
    as_json_write(&s->state, state);
    if (!as_buf_ok(&s->state, err) || !make_room(s, parts, n, err) || !copy_names(s, parts, n, err))
        return false;
    s->manifest.step = step;
    if (!check_disk(s, err)) return false;
    unsigned char *to = s->bytes;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].bytes) memcpy(to, parts[i].data, parts[i].bytes);
        to += parts[i].bytes;
    }
    return true;
}

/* ---- from outside ---- */

static bool sweep_one(void *context, const char *name, as_error *err)
{
    const as_saver *s = context;
    const size_t size = strlen(name);
    as_buf path = {0};
    if (strncmp(name, "step-", 5) != 0 || size < 9 || strcmp(name + size - 4, ".tmp") != 0)
        return true;
    as_buf_printf(&path, "%s/%s", s->folder, name);
    bool ok = as_buf_ok(&path, err) && as_dir_remove(path.data, err);
    as_buf_clear(&path);
    return ok;
}

/* Signals are the caller's business. */
static bool start(as_saver *s, as_error *err)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->thread, NULL, saver_main, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->is_started = failed == 0;
    return s->is_started ||
           as_fail(err, AS_EIO, "cannot start the thread that saves: %s", strerror(failed));
}

as_saver *as_saver_new(const char *folder, size_t keep, as_error *err)
{
    if (keep < 2) {
        (void)as_fail(err, AS_EUSAGE, "checkpoints kept (found %zu, expected at least 2)", keep);
        return NULL;
    }
    as_saver *s = as_new(1, sizeof *s, err);
    if (!s) return NULL;
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    s->keep = keep;
    s->folder = as_new(strlen(folder) + 1, 1, err);
    if (s->folder) {
        memcpy(s->folder, folder, strlen(folder));
        if (as_dir_make(folder, err) && as_dir_each(folder, sweep_one, s, err) && start(s, err))
            return s;
    }
    as_saver_free(s);
    return NULL;
}

void as_saver_free(as_saver *s)
{
    if (!s) return;
    if (s->is_started) {
        (void)pthread_mutex_lock(&s->mutex);
        s->stop = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->mutex);
        (void)pthread_join(s->thread, NULL);
    }
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mutex);
    as_manifest_clear(&s->manifest);
    as_buf_clear(&s->names);
    as_buf_clear(&s->state);
    free(s->bytes);
    free(s->known);
    free(s->folder);
    free(s);
}

bool as_saver_begin(as_saver *s, size_t step, const as_part *parts, size_t n, const json_t *state,
                    as_error *err)
{
    if (!as_saver_wait(s, err) || !copy(s, step, parts, n, state, err)) return false;
    (void)pthread_mutex_lock(&s->mutex);
    s->is_busy = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
    return true;
}

bool as_saver_wait(as_saver *s, as_error *err)
{
    (void)pthread_mutex_lock(&s->mutex);
    while (s->is_busy) (void)pthread_cond_wait(&s->changed, &s->mutex);
    const as_error failed = s->failed;
    s->failed = (as_error){0};
    (void)pthread_mutex_unlock(&s->mutex);
    if (failed.class_ == AS_OK) return true;
    if (err->class_ == AS_OK) *err = failed;
    return false;
}
