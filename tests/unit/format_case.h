/* What the tests of checkpoint formats share: files of the corpus, hostile variations of them, and
 * a folder of their own. */
#ifndef FORMAT_CASE_H
#define FORMAT_CASE_H

#include "check.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/format/tensors.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static inline as_buf bytes_of(const char *path)
{
    as_error err = {0};
    as_buf b = {0};
    if (!as_file_read(path, (size_t)64 << 20, &b, &err)) {
        char text[512];
        printf("%s\n", as_error_text(&err, text, sizeof text));
        exit(1);
    }
    return b;
}

static inline void save(const char *path, const void *bytes, size_t size)
{
    as_error err = {0};
    if (!as_file_replace(path, bytes, size, &err)) exit(1);
}

/* The message without its first place, the file. */
static inline const char *message(const as_error *err, char *out, size_t size)
{
    const char *text = as_error_text(err, out, size), *colon = strstr(text, ": ");
    return colon ? colon + 2 : text;
}

/* Opens bytes that stand in a block of exactly their size, so that the address sanitizer sees any
 * byte read past them; looks at everything, and closes. Returns whether they opened. */
static inline bool opens(const char *name, const void *bytes, size_t size)
{
    as_error err = {0};
    as_key key;
    void *copy = malloc(size ? size : 1);
    if (!copy) abort();
    if (size) memcpy(copy, bytes, size);
    as_tensors *t = as_tensors_over(name, copy, size, &err);
    CHECK((t != NULL) == (err.class_ == AS_OK));
    if (t) {
        for (size_t i = 0; i < as_tensors_count(t); i++)
            (void)as_tensors_scan(as_tensors_at(t, i), NULL);
        CHECK(as_tensors_digest(t, key, &err));
    } else {
        CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        CHECK(err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
    }
    as_tensors_close(t);
    free(copy);
    return t != NULL;
}

typedef void with_file(const char *name, const as_buf *bytes);

/* Every file of the folder whose name starts so. */
static inline void for_files(const char *folder, const char *start, with_file *run)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512];
        if (strncmp(e->d_name, start, strlen(start)) != 0) continue;
        (void)snprintf(path, sizeof path, "%s%s", folder, e->d_name);
        as_buf b = bytes_of(path);
        run(e->d_name, &b);
        as_buf_clear(&b);
        n++;
    }
    if (dir) (void)closedir(dir);
    CHECK(n > 0);
}

/* Removes a folder that holds files, links and folders of such. */
static inline void empty_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        as_buf path = {0};
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        as_buf_printf(&path, "%s/%s", folder, e->d_name);
        if (lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode))
            empty_folder(path.data);
        else
            (void)remove(path.data);
        as_buf_clear(&path);
    }
    if (dir) (void)closedir(dir);
    (void)rmdir(folder);
}

/* Each of the first `most` bytes set to 00 7F 80 FF and one more or less. */
static inline void spoil_bytes(const char *name, const as_buf *bytes, size_t most)
{
    for (size_t i = 0; i < bytes->size && i < most; i++) {
        char was = bytes->data[i];
        const char values[] = {0, 0x7f, (char)0x80, (char)0xff, (char)(was + 1), (char)(was - 1)};
        for (size_t k = 0; k < sizeof values; k++) {
            bytes->data[i] = values[k];
            (void)opens(name, bytes->data, bytes->size);
        }
        bytes->data[i] = was;
    }
}

#endif
