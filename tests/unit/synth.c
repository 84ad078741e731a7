/* The embedded study: the same seed gives the same bytes and another seed others, study.json lists
 * what is there, and nobody else's folder is written over. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "check.h"
#include "lab/experiment/synth.h"
#include "lab/stats/blas.h"

static char home[64];

static const char *in_home(char out[320], const char *dir, const char *file)
{
    snprintf(out, 320, "%s/%s%s%s", home, dir, file ? "/" : "", file ? file : "");
    return out;
}

static bool make_study(const char *dir, uint64_t seed)
{
    as_error err = {0};
    char path[320];
    bool ok = as_synth_study(in_home(path, dir, NULL), seed, &err);
    if (!ok) printf("%s: %s\n", err.where, err.what);
    return ok;
}

/* The bytes of a file; empty when it cannot be read. */
static as_buf bytes_of(const char *dir, const char *file)
{
    as_error err = {0};
    as_buf b = {0};
    char path[320];
    if (!as_file_read(in_home(path, dir, file), (size_t)1 << 26, &b, &err)) as_buf_clear(&b);
    return b;
}

static json_t *study_of(const char *dir)
{
    as_error err = {0};
    char path[320];
    return as_json_read(in_home(path, dir, "study.json"), &err);
}

static bool same_file(const char *a, const char *b, const char *file)
{
    as_buf x = bytes_of(a, file), y = bytes_of(b, file);
    bool same = x.size > 0 && x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    as_buf_clear(&x);
    as_buf_clear(&y);
    return same;
}

/* How many of the files listed in a's study.json are the same in b. */
static size_t count_same(const char *a, const char *b, size_t *n)
{
    json_t *study = study_of(a);
    const json_t *files = json_object_get(study, "files");
    size_t same = 0;
    *n = json_array_size(files);
    for (size_t i = 0; i < *n; i++)
        same +=
            same_file(a, b, json_string_value(json_object_get(json_array_get(files, i), "file")));
    json_decref(study);
    return same;
}

static void same_seed_same_bytes(void)
{
    size_t n;
    CHECK(make_study("first", 1) && make_study("again", 1));
    CHECK(count_same("first", "again", &n) == n && n > 20);
    CHECK(same_file("first", "again", "study.json"));
}

/* Figures that do not depend on chance may be the same: the published ones. */
static void other_seed_other_bytes(void)
{
    size_t n;
    CHECK(make_study("first", 1) && make_study("other", 2));
    CHECK(count_same("first", "other", &n) <= 1);
    CHECK(!same_file("first", "other", "study.json"));
}

static void over_itself(void)
{
    size_t n;
    char path[320], mark[320];
    CHECK(make_study("other", 2) && make_study("twice", 1) && make_study("twice", 2));
    CHECK(count_same("twice", "other", &n) == n && n > 20);
    /* interrupted: the mark of a begun study is there, study.json is not */
    CHECK(rename(in_home(path, "twice", "study.json"), in_home(mark, "twice", "study.part")) == 0);
    CHECK(make_study("twice", 1));
    CHECK(make_study("first", 1) && same_file("twice", "first", "study.json"));
    CHECK(!as_file_exists(mark));
}

static void lists_what_is_there(void)
{
    json_t *study = NULL;
    size_t total = 0, n_files = 0, i;
    char path[320];
    CHECK(make_study("first", 1));
    study = study_of("first");
    CHECK_TEXT(json_string_value(json_object_get(study, "schema")), AS_STUDY_SCHEMA);
    CHECK(json_integer_value(json_object_get(study, "seed")) == 1);
    CHECK(json_integer_value(json_object_get(study, "version")) == AS_STUDY_VERSION);
    json_t *entry;
    json_array_foreach(json_object_get(study, "files"), i, entry)
    {
        as_error err = {0};
        as_key key = "";
        const char *file = json_string_value(json_object_get(entry, "file"));
        as_buf b = bytes_of("first", file);
        CHECK(b.size > 0 && as_sha256_of(b.data, b.size, key, &err));
        CHECK_TEXT(json_string_value(json_object_get(entry, "sha256")), key);
        CHECK((size_t)json_integer_value(json_object_get(entry, "bytes")) == b.size);
        total += b.size;
        as_buf_clear(&b);
    }
    CHECK(total > 0 && total < (size_t)6 << 20);
    DIR *d = opendir(in_home(path, "first", NULL)); /* ".", "..", study.json and the listed files */
    while (d && readdir(d)) n_files++;
    if (d) closedir(d);
    CHECK(n_files == 3 + json_array_size(json_object_get(study, "files")));
    json_decref(study);
}

static void truths_are_words(void)
{
    size_t n = 0, count[3] = {0};
    const as_planted *t = as_planted_truths(&n);
    for (size_t i = 0; i < n; i++) {
        bool supported = strcmp(t[i].truth, "supported") == 0;
        count[0] += supported;
        count[1] += strcmp(t[i].truth, "refuted") == 0;
        count[2] += strcmp(t[i].truth, "inconclusive") == 0;
        CHECK(supported == (t[i].cause[0] == '\0'));
        for (size_t k = 0; k < i; k++) CHECK(strcmp(t[i].id, t[k].id) != 0);
    }
    CHECK(count[0] >= 5 && count[1] >= 10 && count[2] >= 7);
    CHECK(count[0] + count[1] + count[2] == n);
}

static void refuses(const char *file, const char *text)
{
    as_error err = {0};
    char dir[320], path[320];
    CHECK(as_dir_make(in_home(dir, "foreign", NULL), &err));
    CHECK(as_file_replace(in_home(path, "foreign", file), text, strlen(text), &err));
    CHECK(!as_synth_study(dir, 1, &err) && err.class_ == AS_ESTATE);
    as_buf b = bytes_of("foreign", file);
    CHECK_TEXT(as_buf_text(&b), text); /* untouched */
    as_buf_clear(&b);
    CHECK(!as_file_exists(in_home(dir, "foreign", "judge_v4_step16.json")));
    CHECK(!as_file_exists(in_home(dir, "foreign", "study.part")));
    CHECK(remove(path) == 0);
}

static void foreign_folders(void)
{
    as_error err = {0};
    refuses("notes.txt", "mine");
    refuses("study.json", "{\"schema\": \"assay.report/1\"}");
    refuses("study.json", "not JSON");
    refuses("eval_baseline.json", "{\"rows\": []}");
    char path[320];
    CHECK(as_file_replace(in_home(path, "file", NULL), "x", 1, &err));
    CHECK(!as_synth_study(path, 1, &err));
}

static void clear_home(void)
{
    static const char *const dirs[] = {"first", "again", "other", "twice", "foreign"};
    char path[640];
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        char dir[320];
        DIR *d = opendir(in_home(dir, dirs[i], NULL));
        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            if (e->d_name[0] != '.') remove(path);
        }
        if (d) closedir(d);
        rmdir(dir);
    }
    snprintf(path, sizeof path, "%s/file", home);
    remove(path);
    rmdir(home);
}

int main(void)
{
    as_stats_init();
    snprintf(home, sizeof home, "/tmp/assay-synth-%ld", (long)getpid());
    if (mkdir(home, 0700) != 0) {
        SKIP(all, "no folder for the test can be made");
        return check_end();
    }
    RUN(same_seed_same_bytes);
    RUN(other_seed_other_bytes);
    RUN(over_itself);
    RUN(lists_what_is_there);
    RUN(truths_are_words);
    RUN(foreign_folders);
    clear_home();
    return check_end();
}
