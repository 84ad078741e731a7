/* What the tests of lab/experiment share: a folder of their own, files in it, plans in memory. */
#ifndef EXPERIMENT_FILES_H
#define EXPERIMENT_FILES_H

#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/cli/plan_yaml.h"
#include "base/file.h"
#include "engine/format/npz.h"
#include "lab/experiment/run.h"

static char files_dir[64];

static inline bool files_begin(void)
{
    (void)snprintf(files_dir, sizeof files_dir, "/tmp/assay-experiment-XXXXXX");
    return mkdtemp(files_dir) != NULL;
}

/* Removes every file of the folder, and the folder when it is the end. */
static inline void files_clear(bool end)
{
    char path[512];
    DIR *d = opendir(files_dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", files_dir, e->d_name);
        (void)unlink(path);
    }
    if (d) (void)closedir(d);
    if (end) (void)rmdir(files_dir);
}

/* The path of a file of the folder, good until the fourth next call. */
static inline const char *files_path(const char *name)
{
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", files_dir, name);
    return path;
}

static inline bool files_put(const char *name, const void *bytes, size_t size)
{
    as_error err = {0};
    bool ok = as_file_replace(files_path(name), bytes, size, &err);
    CHECK(ok);
    return ok;
}

static inline bool files_text(const char *name, const char *text)
{
    return files_put(name, text, strlen(text));
}

static inline const as_tree *files_plan(const char *text, as_arena *a)
{
    as_error err = {0};
    const as_tree *t = as_plan_read_over("p.yaml", text, strlen(text), a, &err);
    CHECK_TEXT(err.what, "");
    return t;
}

#endif
