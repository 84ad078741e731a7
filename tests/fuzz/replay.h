/* A fuzz target defines LLVMFuzzerTestOneInput. libFuzzer drives it in `make fuzz`; compiled with
 * -DAS_REPLAY this header adds a main instead, which replays every file of the corpus directory
 * given, and each file cut at every byte (at most about 2,000 cuts a file, evenly spread). It
 * prints "REPLAY name files inputs" and fails when the corpus is empty. */
#ifndef FUZZ_REPLAY_H
#define FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef AS_REPLAY

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* The input stands in a block of exactly its size, so that the address sanitizer sees any byte read
 * past it. */
static void replay_one(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    if (size) memcpy(copy, bytes, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t replay_file(const char *path)
{
    as_error err = {0};
    as_buf bytes = {0};
    size_t inputs = 1;
    if (!as_file_read(path, (size_t)64 << 20, &bytes, &err)) {
        fprintf(stderr, "%s: %s\n", err.where, err.what);
        exit(1);
    }
    replay_one(as_buf_text(&bytes), bytes.size);
    for (size_t cut = 0; cut < bytes.size; cut += 1 + bytes.size / 2000, inputs++) {
        replay_one(as_buf_text(&bytes), cut);
    }
    as_buf_clear(&bytes);
    return inputs;
}

int main(int argc, char **argv)
{
    size_t files = 0, inputs = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    DIR *dir = opendir(argv[1]);
    if (!dir) {
        perror(argv[1]);
        return 1;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        inputs += replay_file(path);
        files++;
    }
    (void)closedir(dir);
    const char *slash = strrchr(argv[1], '/');
    printf("REPLAY %s %zu %zu\n", slash ? slash + 1 : argv[1], files, inputs);
    return files ? 0 : 1;
}

#endif
#endif
