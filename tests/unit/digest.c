/* Remembering weight digests: what is believed, what is computed again, what is refused. */
#include "unit/format_case.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/format/tensors_internal.h"

static char dir[] = "/tmp/assay-digest-XXXXXX";
enum { NO_WAIT = -1000 }; /* any file has been quiet for that long */

/* DIR/NAME. */
static const char *in(const char *name)
{
    static char path[2][256];
    static size_t next;
    next = 1 - next;
    (void)snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void write_file(const char *name, float x)
{
    as_error err = {0};
    const as_tensor_source t = {.name = "a", .dtype = AS_F32, .n_dims = 1, .dim = {1}, .data = &x};
    if (!as_safetensors_write(in(name), &t, 1, NULL, 0, &err)) exit(1);
}

static bool digest(const char *name, int64_t quiet_s, as_key out, as_error *err)
{
    as_tensors *t = as_tensors_open(in(name), err);
    bool ok = t && as_tensors_digest_quiet(t, in("cache"), quiet_s, out, err);
    as_tensors_close(t);
    return ok;
}

static void plain(const char *name, as_key out)
{
    as_error err = {0};
    as_tensors *t = as_tensors_open(in(name), &err);
    CHECK(t && as_tensors_digest(t, out, &err));
    as_tensors_close(t);
}

/* The one entry of the cache; "" when there is none. */
static const char *entry(void)
{
    static char path[512];
    DIR *d = opendir(in("cache/digests"));
    const struct dirent *e;
    path[0] = '\0';
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.')
            (void)snprintf(path, sizeof path, "%s/%.100s", in("cache/digests"), e->d_name);
    if (d) (void)closedir(d);
    return path;
}

static void forget(void)
{
    while (*entry()) CHECK(remove(entry()) == 0);
}

/* An entry that says `digest` instead, with a sum that is right unless `spoil`. */
static void forge(const as_key digest_, bool spoil)
{
    as_error err = {0};
    as_key sum;
    char name[512], text[512];
    (void)snprintf(name, sizeof name, "%s", entry());
    const char *key = strrchr(name, '/') + 1;
    (void)snprintf(text, sizeof text, "assay.digest/1 %s %s\n", key, digest_);
    CHECK(as_sha256_of(text, strlen(text), sum, &err));
    if (spoil) sum[0] = sum[0] == '0' ? '1' : '0';
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", sum);
    save(name, text, strlen(text));
    CHECK(chmod(name, 0644) == 0);
}

static const as_key other = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void remembers(void)
{
    as_error err = {0};
    as_key want, got;
    write_file("m.safetensors", 1);
    plain("m.safetensors", want);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err) && *entry());
    CHECK_TEXT(got, want);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, want);
    forge(other, false); /* shows that it is read at all */
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, other);
}

/* Another state of the file is another key, though size and mtime are set back. */
static void sees_changes(void)
{
    as_error err = {0};
    as_key want, got;
    struct stat before, after;
    CHECK(stat(in("m.safetensors"), &before) == 0);
    const float x = 2;
    int fd = open(in("m.safetensors"), O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, &x, sizeof x, before.st_size - 4) == 4 && close(fd) == 0);
    const struct timespec times[2] = {before.st_mtim, before.st_mtim};
    CHECK(utimensat(AT_FDCWD, in("m.safetensors"), times, 0) == 0);
    CHECK(stat(in("m.safetensors"), &after) == 0);
    CHECK(after.st_ino == before.st_ino && after.st_size == before.st_size);
    CHECK(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
    plain("m.safetensors", want);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, want);
    CHECK(strcmp(got, other) != 0);
    forget();
}

static void doubts_entries(void)
{
    as_error err = {0};
    as_key want, got;
    static const char *const junk[] = {"", "\n", "assay.digest/1", "assay.digest/2 a b\nc\n"};
    plain("m.safetensors", want);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    forge(other, true);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, want); /* and the entry is mended */
    forge(other, false);
    CHECK(chmod(entry(), 0666) == 0); /* anyone may have written it */
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, want);
    for (size_t i = 0; i < COUNT(junk); i++) {
        save(entry(), junk[i], strlen(junk[i]));
        CHECK(digest("m.safetensors", NO_WAIT, got, &err));
        CHECK_TEXT(got, want);
    }
    forge(other, false);
    CHECK(chmod(in("cache/digests"), 0777) == 0);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err));
    CHECK_TEXT(got, want);
    CHECK(chmod(in("cache/digests"), 0755) == 0);
    forget();
}

/* A file that has just changed may change again within the same tick of the clock. */
static void waits(void)
{
    as_error err = {0};
    as_key got;
    CHECK(digest("m.safetensors", 60, got, &err) && !*entry());
    as_tensors *t = as_tensors_open(in("m.safetensors"), &err);
    CHECK(t && as_tensors_digest_in(t, in("cache"), got, &err) && !*entry());
    CHECK(t && as_tensors_digest_in(t, NULL, got, &err));
    write_file("m.safetensors", 3); /* changed while it is in use */
    CHECK(t && as_tensors_digest_quiet(t, in("cache"), NO_WAIT, got, &err) && !*entry());
    as_tensors_close(t);
    CHECK(err.class_ == AS_OK);
}

/* A cache that cannot be written is none. */
static void no_room(void)
{
    as_error err = {0};
    as_key want, got;
    plain("m.safetensors", want);
    save(in("file"), "x", 1);
    as_tensors *t = as_tensors_open(in("m.safetensors"), &err);
    CHECK(t && as_tensors_digest_quiet(t, in("file"), NO_WAIT, got, &err));
    CHECK_TEXT(got, want);
    as_tensors_close(t);
}

/* Which tensors count is said by the index, which is no part of any file's state. */
static void knows_the_index(void)
{
    as_error err = {0};
    as_key one, two;
    static const float x[2] = {1, 2};
    static const char both[] = "{\"weight_map\":{\"a\":\"s\",\"b\":\"s\"}}";
    static const char less[] = "{\"weight_map\":{\"a\":\"s\"}}";
    const as_tensor_source t[] = {
        {.name = "a", .dtype = AS_F32, .n_dims = 1, .dim = {2}, .data = x},
        {.name = "b", .dtype = AS_F32, .n_dims = 1, .dim = {2}, .data = x}};
    CHECK(as_dir_make(in("cut"), &err) && as_safetensors_write(in("cut/s"), t, 2, NULL, 0, &err));
    save(in("cut/model.safetensors.index.json"), both, strlen(both));
    CHECK(digest("cut", NO_WAIT, one, &err));
    save(in("cut/model.safetensors.index.json"), less, strlen(less));
    CHECK(digest("cut", NO_WAIT, two, &err) && strcmp(one, two) != 0);
    forget();
}

static void checks_blobs(void)
{
    as_error err = {0};
    as_key name, got, want;
    char blob[256], text[2048];
    as_buf bytes = bytes_of(in("m.safetensors"));
    CHECK(as_sha256_of(bytes.data, bytes.size, name, &err) && as_dir_make(in("blobs"), &err));
    as_buf_clear(&bytes);
    (void)snprintf(blob, sizeof blob, "blobs/%s", name);
    CHECK(rename(in("m.safetensors"), in(blob)) == 0);
    CHECK(symlink(blob, in("m.safetensors")) == 0);
    plain("m.safetensors", want);
    CHECK(digest("m.safetensors", NO_WAIT, got, &err) && *entry());
    CHECK_TEXT(got, want);
    forget();
    CHECK(remove(in(blob)) == 0);
    write_file(blob, 5);
    CHECK(!digest("m.safetensors", NO_WAIT, got, &err) && !*entry());
    CHECK(err.class_ == AS_EFORMAT);
    (void)as_error_text(&err, text, sizeof text);
    CHECK(strstr(text, "m.safetensors: SHA-256 (found ") && strstr(text, name));
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    RUN(remembers);
    RUN(sees_changes);
    RUN(doubts_entries);
    RUN(waits);
    RUN(no_room);
    RUN(knows_the_index);
    RUN(checks_blobs);
    empty_folder(dir);
    return check_end();
}
