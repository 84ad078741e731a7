/* Checkpoints read back: the newest whose every byte is as it was written, and its parts. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/train/manifest.h"

enum { CHUNK = 1 << 20 };

static void at_path(as_error *err, const char *path)
{
    char escaped[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(path, strlen(path), escaped));
}

bool as_checkpoint_path(as_buf *path, const char *folder, size_t step, const char *suffix,
                        as_error *err)
{
    path->size = 0;
    as_buf_printf(path, "%s/step-%zu%s", folder, step, suffix);
    return as_buf_ok(path, err);
}

/* ---- steps ---- */

typedef struct {
    size_t *step;
    size_t n, room;
} steps;

/* "step-120" */
static bool parse_name(const char *name, size_t *step)
{
    if (strncmp(name, "step-", 5) != 0 || (name[5] == '0' && name[6])) return false;
    size_t x = 0;
    for (name += 5; *name >= '0' && *name <= '9' && x <= (SIZE_MAX - 9) / 10; name++)
        x = x * 10 + (size_t)(*name - '0');
    *step = x;
    return !*name && name[-1] != '-';
}

static bool take_name(void *context, const char *name, as_error *err)
{
    steps *s = context;
    size_t step;
    if (!parse_name(name, &step)) return true;
    if (s->n == s->room) {
        size_t *more = as_new(2 * s->room + 8, sizeof *more, err);
        if (!more) return false;
        if (s->n) memcpy(more, s->step, s->n * sizeof *more);
        free(s->step);
        s->step = more;
        s->room = 2 * s->room + 8;
    }
    s->step[s->n++] = step;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

bool as_checkpoint_steps(const char *folder, size_t **step, size_t *n, as_error *err)
{
    steps s = {0};
    if (!as_dir_each(folder, take_name, &s, err)) {
        free(s.step);
        return false;
    }
    if (s.n) qsort(s.step, s.n, sizeof *s.step, newest_first);
    *step = s.step;
    *n = s.n;
    return true;
}

/* ---- parts ---- */

/* Exactly `size` bytes of fd; what was there instead is said. */
static bool read_whole(int fd, unsigned char *out, size_t size, as_error *err)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, out + got, size - got < SSIZE_MAX ? size - got : SSIZE_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return as_fail_system(err, "read");
        if (n == 0) return as_fail(err, AS_EFORMAT, "the file ends within it");
        got += (size_t)n;
    }
    return true;
}

static bool fail_digest(as_error *err, const as_key found, const as_key expected)
{
    return as_fail(err, AS_EFORMAT, "SHA-256 (found %s, expected %s)", found, expected);
}

/* The next part of fd, into data or, when that is NULL, through the buffer (CHUNK). */
static bool walk_part(int fd, const as_manifest_part *p, unsigned char *data, unsigned char *buffer,
                      as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    as_key found;
    as_sha256 *h = as_sha256_new(err);
    bool ok = h != NULL;
    for (size_t at = 0; ok && at < p->bytes; at += CHUNK) {
        const size_t n = p->bytes - at < CHUNK ? p->bytes - at : CHUNK;
        unsigned char *to = data ? data + at : buffer;
        ok = read_whole(fd, to, n, err) && as_sha256_add(h, to, n, err);
    }
    if (ok) {
        ok = as_sha256_end(h, found, err);
        h = NULL;
    }
    ok = ok && (strcmp(found, p->sha256) == 0 || fail_digest(err, found, p->sha256));
    as_sha256_free(h);
    if (!ok) as_error_at(err, "part \"%s\"", as_escape(p->name, strlen(p->name), escaped));
    return ok;
}

static int open_parts(const char *path, as_error *err)
{
    struct stat st;
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        (void)as_fail_system(err, "open");
    } else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)as_fail(err, AS_EFORMAT, "not a regular file");
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* All parts in order, and then the end; into (m->n) are where they go, or NULL: only looked at. */
static bool walk_parts(const char *path, const as_manifest *m, const as_part *into, as_error *err)
{
    unsigned char *buffer = NULL, more;
    bool ok = false;
    int fd = open_parts(path, err);
    if (fd < 0) goto out;
    buffer = as_new(1, CHUNK, err);
    ok = buffer != NULL;
    for (size_t i = 0; ok && i < m->n; i++)
        ok = walk_part(fd, &m->part[i], into ? into[i].data : NULL, buffer, err);
    if (ok && read(fd, &more, 1) != 0)
        ok = as_fail(err, AS_EFORMAT, "bytes after the last part (expected %zu in all)", m->bytes);
out:
    if (fd >= 0) (void)close(fd);
    free(buffer);
    if (!ok) at_path(err, path);
    return ok;
}

/* ---- the other files ---- */

static bool read_manifest(as_manifest *m, const char *folder, size_t step, as_error *err)
{
    as_buf path = {0}, text = {0};
    bool ok = as_checkpoint_path(&path, folder, step, "/MANIFEST", err) &&
              as_file_read(path.data, AS_JSON_MAX_BYTES, &text, err) &&
              as_manifest_parse(m, path.data, as_buf_text(&text), text.size, err);
    if (ok && m->step != step) {
        ok = as_fail(err, AS_EFORMAT, "step (found %zu, expected %zu)", m->step, step);
        at_path(err, path.data);
        as_manifest_clear(m);
    }
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

static bool check_state(const as_manifest *m, const as_buf *text, as_error *err)
{
    as_key found;
    if (text->size != m->state.bytes)
        return as_fail(err, AS_EFORMAT, "size (found %zu bytes, expected %zu)", text->size,
                       m->state.bytes);
    if (!as_sha256_of(as_buf_text(text), text->size, found, err)) return false;
    return strcmp(found, m->state.sha256) == 0 || fail_digest(err, found, m->state.sha256);
}

static json_t *read_state(const as_manifest *m, const char *folder, as_error *err)
{
    as_buf path = {0}, text = {0};
    json_t *state = NULL;
    if (!as_checkpoint_path(&path, folder, m->step, "/state.json", err) ||
        !as_file_read(path.data, AS_JSON_MAX_BYTES, &text, err))
        goto out;
    if (check_state(m, &text, err))
        state = as_json_parse(path.data, as_buf_text(&text), text.size, err);
    else
        at_path(err, path.data);
out:
    as_buf_clear(&path);
    as_buf_clear(&text);
    return state;
}

/* ---- whole checkpoints ---- */

bool as_checkpoint_check(const char *folder, size_t step, as_error *err)
{
    as_manifest m = {0};
    as_buf path = {0};
    json_t *state = NULL;
    bool ok = read_manifest(&m, folder, step, err) && (state = read_state(&m, folder, err)) &&
              as_checkpoint_path(&path, folder, step, "/parts", err) &&
              walk_parts(path.data, &m, NULL, err);
    json_decref(state);
    as_manifest_clear(&m);
    as_buf_clear(&path);
    return ok;
}

/* One more line of what was passed over, and why. */
static void note(as_buf *notice, size_t step, const as_error *why)
{
    char text[sizeof why->where + sizeof why->what];
    as_buf_printf(notice, "%scheckpoint of step %zu is damaged and passed over: %s",
                  notice->size ? "\n" : "", step, as_error_text(why, text, sizeof text));
}

bool as_checkpoint_find(const char *folder, bool *found, size_t *step, as_buf *notice,
                        as_error *err)
{
    size_t *steps_there = NULL, n = 0;
    *found = false;
    bool ok = as_checkpoint_steps(folder, &steps_there, &n, err);
    for (size_t i = 0; ok && !*found && i < n; i++) {
        as_error why = {0};
        *found = as_checkpoint_check(folder, steps_there[i], &why);
        if (*found) {
            *step = steps_there[i];
        } else if (why.class_ == AS_EMEM) {
            *err = why;
            ok = false;
        } else {
            note(notice, steps_there[i], &why);
            ok = as_buf_ok(notice, err);
        }
    }
    free(steps_there);
    return ok;
}

static bool match_parts(const as_manifest *m, const as_part *parts, size_t n, as_error *err)
{
    char a[AS_ESCAPE_SIZE], b[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < n && i < m->n; i++) {
        const as_manifest_part *p = &m->part[i];
        if (strcmp(p->name, parts[i].name) == 0 && p->bytes == parts[i].bytes) continue;
        return as_fail(err, AS_ESTATE,
                       "part %zu (found \"%s\" of %zu bytes, expected \"%s\" of %zu)", i,
                       as_escape(p->name, strlen(p->name), a), p->bytes,
                       as_escape(parts[i].name, strlen(parts[i].name), b), parts[i].bytes);
    }
    return m->n == n || as_fail(err, AS_ESTATE, "parts (found %zu, expected %zu)", m->n, n);
}

bool as_checkpoint_read(const char *folder, size_t step, const as_part *parts, size_t n,
                        json_t **state, as_error *err)
{
    as_manifest m = {0};
    as_buf path = {0};
    bool ok = false;
    *state = NULL;
    if (!read_manifest(&m, folder, step, err) ||
        !as_checkpoint_path(&path, folder, step, "/parts", err))
        goto out;
    if (!match_parts(&m, parts, n, err)) {
        at_path(err, path.data);
        goto out;
    }
    *state = read_state(&m, folder, err);
    ok = *state && walk_parts(path.data, &m, NULL, err) && walk_parts(path.data, &m, parts, err);
out:
    as_manifest_clear(&m);
    as_buf_clear(&path);
    if (ok) return true;
    json_decref(*state);
    *state = NULL;
    return false;
}
