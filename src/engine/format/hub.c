/* Names of models to places on this disk. The cache's layout is the one that huggingface_hub keeps:
 * models--ORG--NAME/{refs,snapshots,blobs}. */
#include "engine/format/hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MOST_NAME = 96, MOST_REV = 128, MOST_COMMIT = 64, MOST_REF_FILE = 256 };

/* ORG/NAME[@REV], pointing into the text given. */
typedef struct {
    const char *org, *name, *rev;
    size_t org_size, name_size, rev_size;
} repo;

/* Letters, digits, and these; the first is no '-' or '.', and there is no "..". */
static bool is_name(const char *text, size_t size, const char *others, size_t most)
{
    if (size == 0 || size > most || strchr("-./", text[0])) return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr(others, c))) return false;
        if (i > 0 && c == '.' && text[i - 1] == '.') return false;
    }
    return true;
}

static bool parse(const char *text, repo *r)
{
    const char *slash = strchr(text, '/'), *at = strchr(text, '@');
    if (!slash || (at && at < slash)) return false;
    r->org = text;
    r->org_size = (size_t)(slash - text);
    r->name = slash + 1;
    r->name_size = at ? (size_t)(at - r->name) : strlen(r->name);
    r->rev = at ? at + 1 : "main";
    r->rev_size = strlen(r->rev);
    return is_name(r->org, r->org_size, "-_.", MOST_NAME) &&
           is_name(r->name, r->name_size, "-_.", MOST_NAME) &&
           is_name(r->rev, r->rev_size, "-_./", MOST_REV);
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The folder of the cache, and what it was taken from. */
static bool find_cache(as_buf *out, const char **from, as_error *err)
{
    const char *value;
    if ((value = environment("HF_HUB_CACHE"))) {
        *from = "HF_HUB_CACHE";
        as_buf_puts(out, value);
    } else if ((value = environment("HF_HOME"))) {
        *from = "HF_HOME";
        as_buf_printf(out, "%s/hub", value);
    } else if ((value = environment("HOME"))) {
        *from = "HOME";
        as_buf_printf(out, "%s/.cache/huggingface/hub", value);
    } else {
        return as_fail(err, AS_EUSAGE,
                       "no cache to look in (HF_HUB_CACHE, HF_HOME and HOME are not set)");
    }
    return as_buf_ok(out, err);
}

static bool is_commit(const char *text, size_t size)
{
    return size >= 40 && size <= MOST_COMMIT && strspn(text, "0123456789abcdef") >= size;
}

/* The commit that refs/REV holds, or REV itself when it is one. */
static bool find_commit(const repo *r, const char *folder, as_buf *commit, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], rev_shown[AS_ESCAPE_SIZE];
    as_buf ref = {0};
    bool ok = false;
    as_buf_printf(&ref, "%s/refs/%.*s", folder, (int)r->rev_size, r->rev);
    if (!as_buf_ok(&ref, err)) goto out;
    if (as_file_exists(ref.data)) {
        if (!as_file_read(ref.data, MOST_REF_FILE, commit, err)) goto out;
        while (commit->size && strchr("\r\n", commit->data[commit->size - 1])) commit->size--;
        ok = is_commit(as_buf_text(commit), commit->size) ||
             as_fail(err, AS_EFORMAT, "%s: commit (found \"%s\", expected 40 hexadecimal digits)",
                     as_escape(ref.data, ref.size, shown),
                     as_escape(as_buf_text(commit), commit->size, rev_shown));
    } else if (is_commit(r->rev, r->rev_size)) {
        as_buf_puts(commit, r->rev);
        ok = as_buf_ok(commit, err);
    } else {
        ok = as_fail(err, AS_EIO, "revision %s is not in the cache (looked for %s)",
                     as_escape(r->rev, r->rev_size, rev_shown),
                     as_escape(ref.data, ref.size, shown));
    }
out:
    as_buf_clear(&ref);
    return ok;
}

static bool find_snapshot(const repo *r, as_buf *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *from = "";
    bool ok = false;
    as_buf folder = {0}, commit = {0};
    size_t before = path->size;
    if (!find_cache(&folder, &from, err)) goto out;
    as_buf_printf(&folder, "/models--%.*s--%.*s", (int)r->org_size, r->org, (int)r->name_size,
                  r->name);
    if (!as_buf_ok(&folder, err)) goto out;
    if (!as_file_exists(folder.data)) {
        (void)as_fail(err, AS_EIO,
                      "no such file or folder, and not in the cache (looked for %s, from %s)",
                      as_escape(folder.data, folder.size, shown), from);
        as_error_hint(err, "Assay downloads nothing; fetch it with `hf download %.*s`",
                      (int)(r->name + r->name_size - r->org), r->org);
        goto out;
    }
    if (!find_commit(r, folder.data, &commit, err)) goto out;
    as_buf_printf(path, "%s/snapshots/%.*s", folder.data, (int)commit.size, as_buf_text(&commit));
    ok = as_buf_ok(path, err) &&
         (as_file_exists(path->data + before) ||
          as_fail(err, AS_EIO, "snapshot is not in the cache (looked for %s)",
                  as_escape(path->data + before, path->size - before, shown)));
out:
    as_buf_clear(&folder);
    as_buf_clear(&commit);
    return ok;
}

bool as_hub_resolve(const char *name, as_buf *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    repo r = {0};
    bool ok;
    size_t before = path->size;
    if (as_file_exists(name)) {
        as_buf_puts(path, name);
        return as_buf_ok(path, err);
    }
    if (parse(name, &r))
        ok = find_snapshot(&r, path, err);
    else
        ok = as_fail(err, AS_EUSAGE,
                     "no such file or folder, and not a name of the hub (expected ORG/NAME or "
                     "ORG/NAME@REV)");
    if (ok) return true;
    path->size = before;
    if (path->data) path->data[before] = '\0';
    as_error_at(err, "\"%s\"", as_escape(name, strlen(name), shown));
    return false;
}
