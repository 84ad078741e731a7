/* A tiny model with a tokenizer and a chat template in a folder of its own, opened as the lab opens
 * one. Needs tests/golden. */
#ifndef SUBJECT_CASE_H
#define SUBJECT_CASE_H

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "engine/model/synth.h"
#include "lab/subject/local.h"

/* What fails here is the test's own affair: say so and stop. */
static inline void must(bool ok, const as_error *err)
{
    char text[2048];
    if (ok) return;
    printf("%s: %s\n", check_name, as_error_text(err, text, sizeof text));
    exit(1);
}

static char subject_root[] = "/tmp/assay-subject-XXXXXX";

/* "ROOT/NAME"; four of them are there at a time. */
static inline const char *in_root(const char *name)
{
    static char text[4][160];
    static size_t i;
    i = (i + 1) % 4;
    (void)snprintf(text[i], sizeof text[i], "%s/%s", subject_root, name);
    return text[i];
}

static inline void copy_file(const char *from, const char *to)
{
    as_error err = {0};
    as_buf b = {0};
    must(as_file_read(from, (size_t)1 << 24, &b, &err) &&
             as_file_replace(to, as_buf_text(&b), b.size, &err),
         &err);
    as_buf_clear(&b);
}

/* ROOT/NAME: a "tiny-..." model, of 512 tokens, with a tokenizer of 488 and Qwen3's template. */
static inline const char *subject_make(const char *name, const char *like)
{
    static const char config[] = "{\"eos_token\": \"<|im_end|>\"}";
    as_error err = {0};
    char path[256];
    const char *folder = in_root(name);
    must(as_synth_model(folder, like, 0, AS_F32, NULL, &err), &err);
    (void)snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    copy_file("tests/golden/tokenizer/small.json", path);
    (void)snprintf(path, sizeof path, "%s/chat_template.jinja", folder);
    copy_file("tests/golden/template/qwen3.jinja", path);
    (void)snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    must(as_file_replace(path, config, sizeof config - 1, &err), &err);
    return folder;
}

static inline void subject_begin(void)
{
    if (!mkdtemp(subject_root)) exit(1);
}

/* Removes a file, or a folder of such. */
static inline bool subject_remove(void *context, const char *name, as_error *err)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    if (unlink(path) == 0) return true;
    return as_dir_each(path, subject_remove, path, err) &&
           (rmdir(path) == 0 || as_fail(err, AS_EIO, "%s: left", path));
}

static inline void subject_end(void)
{
    as_error err = {0};
    must(as_dir_each(subject_root, subject_remove, subject_root, &err), &err);
    (void)rmdir(subject_root);
}

#endif
