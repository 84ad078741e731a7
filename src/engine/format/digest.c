/* The digest of a model's weights, and remembering it: hashing a gigabyte takes a second, and the
 * files seldom change. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/format/tensors_internal.h"

/* ---- computing ---- */

/* What a tensor is called and measures: name, type, dimensions, bytes. */
static bool add_head(as_sha256 *h, const as_tensor *t, as_error *err)
{
    unsigned char length[8];
    char dim[32];
    if (!as_sha256_add(h, t->name, strlen(t->name) + 1, err)) return false;
    if (!as_sha256_add(h, t->type, strlen(t->type) + 1, err)) return false;
    for (size_t i = 0; i < t->n_dims; i++) {
        int n = snprintf(dim, sizeof dim, "%zu", t->dim[i]);
        if (!as_sha256_add(h, dim, (size_t)n + 1, err)) return false;
    }
    for (size_t i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)t->bytes >> (8 * i));
    return as_sha256_add(h, length, sizeof length, err);
}

bool as_tensors_digest(const as_tensors *t, as_key out, as_error *err)
{
    as_sha256 *h = as_sha256_new(err);
    bool ok = h != NULL;
    for (size_t i = 0; ok && i < t->n_all; i++)
        ok =
            add_head(h, t->all[i], err) && as_sha256_add(h, t->all[i]->data, t->all[i]->bytes, err);
    if (ok) return as_sha256_end(h, out, err);
    as_sha256_free(h);
    return false;
}

/* ---- which files, in which state ---- */

static bool add_stamp(as_sha256 *h, as_map_stamp s, as_error *err)
{
    char text[256];
    int n = snprintf(text, sizeof text,
                     "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 ".%" PRId64 " %" PRId64
                     ".%" PRId64 "\n",
                     s.device, s.inode, s.size, s.mtime_s, s.mtime_ns, s.ctime_s, s.ctime_ns);
    return as_sha256_add(h, text, (size_t)n, err);
}

/* The name of an entry. Which tensors of the files count is the index's affair, so they are in it.
 */
static bool key_of(const as_tensors *t, as_key out, as_error *err)
{
    as_sha256 *h = as_sha256_new(err);
    bool ok = h != NULL;
    for (size_t i = 0; ok && i < t->n_maps; i++) ok = add_stamp(h, as_map_seen(t->map[i]), err);
    for (size_t i = 0; ok && i < t->n_all; i++) ok = add_head(h, t->all[i], err);
    if (ok) return as_sha256_end(h, out, err);
    as_sha256_free(h);
    return false;
}

/* Have the files kept still for that long when they were opened? Their times tell one state from
 * another only then: clocks of file systems tick, and a writer through a mapping moves the times of
 * a page it has just written no more until the page is written back, after half a minute. */
static bool are_quiet(const as_tensors *t, int64_t quiet_s)
{
    for (size_t i = 0; i < t->n_maps; i++) {
        as_map_stamp s = as_map_seen(t->map[i]);
        int64_t limit = s.seen_s - quiet_s;
        if (s.ctime_s >= limit || s.mtime_s >= limit) return false;
    }
    return true;
}

/* Are they still as they were opened? */
static bool are_same(const as_tensors *t)
{
    struct stat st;
    for (size_t i = 0; i < t->n_maps; i++) {
        as_error ignored = {0};
        as_map_stamp s = as_map_seen(t->map[i]);
        if (!as_map_check(t->map[i], &ignored) || stat(as_map_path(t->map[i]), &st) != 0 ||
            (int64_t)st.st_ctim.tv_sec != s.ctime_s || (int64_t)st.st_ctim.tv_nsec != s.ctime_ns)
            return false;
    }
    return true;
}

/* ---- entries ---- */

static bool is_hex(const char *text, size_t size)
{
    return size == sizeof(as_key) - 1 && strspn(text, "0123456789abcdef") >= size;
}

/* The whole of an entry: its key and the digest, under a sum of their own. */
static bool entry_text(const as_key key, const as_key digest, as_buf *out, as_error *err)
{
    as_key sum;
    as_buf_printf(out, "assay.digest/1 %s %s\n", key, digest);
    if (!as_buf_ok(out, err) || !as_sha256_of(out->data, out->size, sum, err)) return false;
    as_buf_printf(out, "%s\n", sum);
    return as_buf_ok(out, err);
}

/* Nobody else can have written it. */
static bool is_own(const char *path, bool is_folder)
{
    struct stat st;
    return lstat(path, &st) == 0 && (is_folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)) &&
           st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* What a file of the cache says; false when it says nothing. */
static bool recall(const char *folder, const char *path, const as_key key, as_key out)
{
    as_error ignored = {0};
    as_buf text = {0}, whole = {0};
    const size_t at = sizeof "assay.digest/1 " - 1 + sizeof(as_key), size = sizeof(as_key) - 1;
    bool ok = is_own(folder, true) && is_own(path, false) &&
              as_file_read(path, 512, &text, &ignored) && text.size > at + size;
    if (ok) {
        as_key digest;
        memcpy(digest, text.data + at, size);
        digest[size] = '\0';
        ok = is_hex(digest, strlen(digest)) && entry_text(key, digest, &whole, &ignored) &&
             whole.size == text.size && memcmp(whole.data, text.data, text.size) == 0;
        if (ok) memcpy(out, digest, sizeof digest);
    }
    as_buf_clear(&text);
    as_buf_clear(&whole);
    return ok;
}

static void keep(const char *folder, const char *path, const as_key key, const as_key digest)
{
    as_error ignored = {0}; /* the digest is known; next time it is computed again */
    as_buf text = {0};
    bool kept = as_dir_make(folder, &ignored) && entry_text(key, digest, &text, &ignored) &&
                as_file_replace(path, text.data, text.size, &ignored);
    (void)kept;
    as_buf_clear(&text);
}

/* ---- blobs ---- */

/* A file called blobs/SHA256 must be what its name says. */
static bool check_blob(const as_map *m, as_error *err)
{
    char real[PATH_MAX];
    as_key found;
    if (!realpath(as_map_path(m), real)) return true; /* it has moved: are_same says so */
    const char *name = strrchr(real, '/');
    static const char folder[] = "/blobs";
    const size_t n = sizeof folder - 1;
    if (!name || (size_t)(name - real) < n || memcmp(name - n, folder, n) != 0) return true;
    if (!is_hex(name + 1, strlen(name + 1))) return true;
    if (!as_sha256_of(as_map_bytes(m), as_map_size(m), found, err)) return false;
    if (strcmp(found, name + 1) == 0) return true;
    (void)as_fail(err, AS_EFORMAT, "SHA-256 (found %s, expected %s, by which the cache calls it)",
                  found, name + 1);
    as_error_at(err, "%s", as_map_name(m));
    as_error_hint(err, "the download is damaged: delete the blob and fetch it again");
    return false;
}

/* ---- all of it ---- */

bool as_tensors_digest_quiet(const as_tensors *t, const char *cache, int64_t quiet_s, as_key out,
                             as_error *err)
{
    bool ok = false;
    as_key key;
    as_buf folder = {0}, path = {0};
    if (!cache || t->n_maps == 0 || !are_quiet(t, quiet_s)) return as_tensors_digest(t, out, err);
    if (!key_of(t, key, err)) return false;
    as_buf_printf(&folder, "%s/digests", cache);
    as_buf_printf(&path, "%s/digests/%s", cache, key);
    if (!as_buf_ok(&folder, err) || !as_buf_ok(&path, err)) goto out;
    ok = recall(folder.data, path.data, key, out);
    if (ok) goto out;
    for (size_t i = 0; i < t->n_maps; i++)
        if (!check_blob(t->map[i], err)) goto out;
    ok = as_tensors_digest(t, out, err);
    if (ok && are_same(t)) keep(folder.data, path.data, key, out);
out:
    as_buf_clear(&folder);
    as_buf_clear(&path);
    return ok;
}

bool as_tensors_digest_in(const as_tensors *t, const char *cache, as_key out, as_error *err)
{
    enum { QUIET_S = 60 };
    return as_tensors_digest_quiet(t, cache, QUIET_S, out, err);
}
