/* base: directories as a whole, names made durable, what dead writers leave behind. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

/* A directory of our own, made by main; `at` names a file in it. */
static char dir[] = "/tmp/assay-dir-XXXXXX";

static const char *at(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", dir, name);
    return out;
}

static void put(const char *name)
{
    char p[128];
    as_error err = {0};
    CHECK(as_file_replace(at(name, p), "x", 1, &err));
}

static bool there(const char *name)
{
    char p[128];
    return as_file_exists(at(name, p));
}

typedef struct {
    size_t n, most;
    bool has_dots;
} tally;

static bool count(void *context, const char *name, as_error *err)
{
    tally *t = context;
    t->has_dots = t->has_dots || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (t->n++ < t->most) return true;
    return as_fail(err, AS_ELIMIT, "enough");
}

static void names(void)
{
    char p[128];
    as_error err = {0};
    tally t = {.most = 9};
    CHECK(as_dir_each(at("none", p), count, &t, &err) && t.n == 0);
    put("a"), put(".b"), put("c");
    CHECK(as_dir_each(dir, count, &t, &err) && t.n == 3 && !t.has_dots);
    t = (tally){.most = 1};
    CHECK(!as_dir_each(dir, count, &t, &err) && t.n == 2 && err.class_ == AS_ELIMIT);
    err = (as_error){0};
    CHECK(!as_dir_each(at("a", p), count, &t, &err) && err.class_ == AS_EIO);
    CHECK_TEXT(err.what, "cannot open the directory: Not a directory");
    CHECK_TEXT(err.where, p);
    CHECK(unlink(at("a", p)) == 0 && unlink(at(".b", p)) == 0 && unlink(at("c", p)) == 0);
}

static void removal(void)
{
    char p[128], q[128];
    as_error err = {0};
    CHECK(as_dir_remove(at("none", p), &err));
    CHECK(as_dir_make(at("d/inner", p), &err));
    put("d/file");
    CHECK(symlink("/nowhere", at("d/link", p)) == 0);
    CHECK(!as_dir_remove(at("d", p), &err) && err.class_ == AS_EIO);
    CHECK_TEXT(err.where, at("d/inner", q));
    CHECK(rmdir(at("d/inner", q)) == 0);
    err = (as_error){0};
    CHECK(as_dir_remove(p, &err) && !as_file_exists(p));
    CHECK(as_dir_make(at("kept", p), &err));
    put("kept/file");
    CHECK(symlink("kept", at("link", q)) == 0);
    CHECK(!as_dir_remove(q, &err) && there("kept/file")); /* not through a link */
    CHECK_TEXT(err.what, "cannot remove (found no directory)");
    err = (as_error){0};
    CHECK(unlink(q) == 0 && as_dir_remove(p, &err));
}

/* Files NAME.tmp.PID that nobody holds, and nothing else. */
static void sweeping(void)
{
    static const char *const kept[] = {"x.tmp", "x.tmp.", "x.tmp.1a", "x.TMP.1",
                                       "1",     ".tmp",   "tmp.1"};
    char p[128];
    as_error err = {0};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) put(kept[i]);
    put("x.tmp.1"), put("a.b.tmp.123456"), put("held.tmp.7");
    CHECK(as_dir_make(at("d.tmp.5", p), &err));
    int fd = open(at("held.tmp.7", p), O_RDONLY);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0); /* as its writer does */
    CHECK(as_dir_sweep(dir, &err));
    CHECK(!there("x.tmp.1") && !there("a.b.tmp.123456") && there("held.tmp.7") && there("d.tmp.5"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        CHECK(there(kept[i]));
        CHECK(unlink(at(kept[i], p)) == 0);
    }
    (void)close(fd);
    CHECK(as_dir_sweep(dir, &err) && !there("held.tmp.7"));
    CHECK(as_dir_sweep(at("none", p), &err));
    CHECK(rmdir(at("d.tmp.5", p)) == 0);
}

static void moving(void)
{
    char p[128], q[128];
    as_error err = {0};
    put("from"), put("to");
    CHECK(as_file_move(at("from", p), at("to", q), &err) && !there("from") && there("to"));
    CHECK(!as_file_move(p, q, &err) && err.class_ == AS_EIO);
    CHECK_TEXT(err.what, "cannot rename: No such file or directory");
    CHECK_TEXT(err.where, p);
    err = (as_error){0};
    CHECK(as_name_sync(q, &err) && as_name_sync("here", &err) && as_name_sync("/here", &err));
    CHECK(!as_name_sync(at("none/x", p), &err) && err.class_ == AS_EIO);
    CHECK(unlink(q) == 0);
}

static void room(void)
{
    char p[128];
    uint64_t bytes = 0;
    struct statvfs st;
    as_error err = {0};
    CHECK(as_disk_room(dir, &bytes, &err) && statvfs(dir, &st) == 0);
    const double now = (double)st.f_bavail * (double)st.f_frsize;
    CHECK(bytes > 0 && fabs((double)bytes - now) < 1e9 + now / 10); /* others write, too */
    CHECK(!as_disk_room(at("none", p), &bytes, &err) && err.class_ == AS_EIO);
}

static void shown(void)
{
    char out[AS_ESCAPE_SIZE];
    as_error err = {0};
    json_t *v = as_json_parse("v", "{ \"b\": [1, 2.50], \"a\": \"\\u202e\" }", 33, &err);
    CHECK_TEXT(as_json_shown(v, out), "{\"a\":\"\\xe2\\x80\\xae\",\"b\":[1,2.5]}");
    CHECK_TEXT(as_json_shown(NULL, out), "nothing");
    json_decref(v);
}

int main(void)
{
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    RUN(names);
    RUN(removal);
    RUN(sweeping);
    RUN(moving);
    RUN(room);
    RUN(shown);
    if (rmdir(dir) != 0) {
        perror(dir);
        return 1;
    }
    return check_end();
}
