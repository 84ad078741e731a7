/* Checkpoints: whole or not there, whatever happens to their bytes, the disk or the process. */
#include "checkpoint_case.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { SMALL = 100 };

static as_saver *saver(const char *folder, size_t keep)
{
    as_error err = {0};
    as_saver *s = as_saver_new(folder, keep, &err);
    must(s != NULL, &err);
    return s;
}

/* A folder with steps 1 .. n of SMALL bytes. */
static const char *folder_of(const char *name, size_t n)
{
    const char *folder = place(name);
    as_error err = {0};
    values v = values_new(SMALL);
    as_saver *s = saver(folder, n < 2 ? 2 : n);
    for (size_t step = 1; step <= n; step++) must(save(s, &v, step, &err), &err);
    as_saver_free(s);
    values_free(&v);
    return folder;
}

/* ---- saved and read ---- */

static void round_trip(void)
{
    as_error err = {0};
    as_buf notice = {0};
    values v = values_new(3000001);
    const char *folder = place("deep/round");
    CHECK(newest(folder, &notice) == 0); /* not even a folder */
    as_saver *s = saver(folder, 3);
    CHECK(newest(folder, &notice) == 0);
    CHECK(as_saver_wait(s, &err));
    CHECK(begin(s, &v, 7, &err));
    values_fill(&v, 8); /* what is written is a copy */
    CHECK(as_saver_wait(s, &err));
    CHECK(newest(folder, &notice) == 7 && notice.size == 0);
    CHECK(reads(folder, &v, 7, &err));
    CHECK(begin(s, &v, 10, &err) && begin(s, &v, 9, &err)); /* the second waits for the first */
    as_saver_free(s);                                       /* and this for the second */
    CHECK(newest(folder, &notice) == 10 && notice.size == 0);
    CHECK(reads(folder, &v, 10, &err) && reads(folder, &v, 9, &err) && reads(folder, &v, 7, &err));
    CHECK(n_named(folder, "") == 3 && n_named(place("deep/round/step-9"), "") == 3);
    as_saver_free(NULL);
    values_free(&v);
}

static void nothing_to_keep(void)
{
    as_error err = {0};
    json_t *state = json_object(), *back = NULL;
    as_saver *s = saver(place("empty"), 2);
    CHECK(as_saver_begin(s, 0, NULL, 0, state, &err) && as_saver_wait(s, &err));
    CHECK(as_checkpoint_read(place("empty"), 0, NULL, 0, &back, &err) && json_equal(state, back));
    json_decref(state);
    json_decref(back);
    as_saver_free(s);
    CHECK(!as_saver_new(place("empty"), 1, &err) && err.class_ == AS_EUSAGE);
    CHECK_TEXT(err.what, "checkpoints kept (found 1, expected at least 2)");
    CHECK(unlink(place("empty/step-0/parts")) == 0);
}

static void older_ones_go(void)
{
    as_error err = {0};
    values v = values_new(SMALL);
    const char *folder = place("older");
    as_saver *s = saver(folder, 2);
    for (size_t step = 8; step < 13; step++) CHECK(save(s, &v, step, &err));
    CHECK(n_named(folder, "") == 2 && reads(folder, &v, 11, &err) && reads(folder, &v, 12, &err));
    as_saver_free(s);
    s = saver(folder, 2); /* another process */
    CHECK(save(s, &v, 13, &err));
    CHECK(n_named(folder, "") == 2 && reads(folder, &v, 12, &err) && reads(folder, &v, 13, &err));
    as_saver_free(s);
    values_free(&v);
}

static void flip(const char *path, off_t at)
{
    FILE *f = fopen(path, "r+b");
    if (!f || fseek(f, at, SEEK_SET) != 0) exit(1);
    const int c = fgetc(f);
    if (c == EOF || fseek(f, at, SEEK_SET) != 0) exit(1);
    (void)fputc(c ^ 1, f);
    (void)fclose(f);
}

/* A damaged one is no reason for a whole one to go; the same step again takes its place. */
static void damaged_ones_do_not_count(void)
{
    as_error err = {0};
    values v = values_new(SMALL);
    const char *folder = folder_of("count", 4);
    flip(place("count/step-4/parts"), 3);
    flip(place("count/step-2/state.json"), 3);
    CHECK(newest_quietly(folder) == 3);
    as_saver *s = saver(folder, 2);
    CHECK(save(s, &v, 3, &err));     /* is there: left as it is */
    CHECK(n_named(folder, "") == 4); /* 1 is the second whole one */
    CHECK(save(s, &v, 4, &err));     /* whole again: 2 and 1 are no longer needed */
    CHECK(newest_quietly(folder) == 4 && n_named(folder, "") == 2);
    CHECK(reads(folder, &v, 4, &err) && reads(folder, &v, 3, &err));
    as_saver_free(s);
    values_free(&v);
}

static void the_same_step_is_left(void)
{
    struct stat before, after;
    as_error err = {0};
    values v = values_new(SMALL);
    const char *folder = folder_of("same", 2);
    CHECK(stat(place("same/step-2/parts"), &before) == 0);
    as_saver *s = saver(folder, 2);
    CHECK(save(s, &v, 2, &err) && save(s, &v, 2, &err));
    CHECK(stat(place("same/step-2/parts"), &after) == 0 && before.st_ino == after.st_ino);
    CHECK(n_named(folder, "") == 2);
    as_saver_free(s);
    values_free(&v);
}

/* After a fall back the newest is not the one that was just written. */
static void later_ones_stay(void)
{
    as_error err = {0};
    values v = values_new(SMALL);
    const char *folder = folder_of("later", 4);
    as_saver *s = saver(folder, 2);
    CHECK(save(s, &v, 2, &err));
    CHECK(n_named(folder, "") == 4 && reads(folder, &v, 2, &err) && reads(folder, &v, 1, &err));
    as_saver_free(s);
    values_free(&v);
}

static void leftovers_go(void)
{
    as_error err = {0};
    const char *folder = folder_of("left", 2);
    must(as_dir_make(place("left/step-3.tmp"), &err) &&
             as_dir_make(place("left/step-1.old.tmp"), &err),
         &err);
    must(as_file_replace(place("left/step-3.tmp/parts.tmp.12"), "x", 1, &err), &err);
    must(as_dir_make(place("left/step-x"), &err) && as_dir_make(place("left/other.tmp"), &err),
         &err);
    must(as_file_replace(place("left/step-05"), "x", 1, &err), &err);
    CHECK(newest_quietly(folder) == 2);
    as_saver_free(saver(folder, 2));
    CHECK(n_named(folder, "") == 5); /* whose names are not ours */
    CHECK(!as_file_exists(place("left/step-3.tmp")) &&
          !as_file_exists(place("left/step-1.old.tmp")));
    /* A link is not followed. */
    must(as_file_replace(place("left/other.tmp/precious"), "x", 1, &err), &err);
    CHECK(symlink("other.tmp", place("left/step-9.tmp")) == 0);
    CHECK(!as_saver_new(folder, 2, &err) && err.class_ == AS_EIO);
    CHECK(as_file_exists(place("left/other.tmp/precious")));
}

/* ---- damage ---- */

static void must_pass_over(const char *folder, const char *name)
{
    as_buf notice = {0};
    CHECK(newest(folder, &notice) == 1);
    CHECK(starts_with(as_buf_text(&notice), "checkpoint of step 2 is damaged and passed over: "));
    CHECK(strstr(as_buf_text(&notice), name));
    if (check_bad) printf("%s: %s\n", name, as_buf_text(&notice));
    as_buf_clear(&notice);
}

/* Every byte of the file changed, and the file cut at every length and longer by one. */
static void damage(const char *folder, const char *name)
{
    char path[256];
    as_error err = {0};
    as_buf whole = {0};
    (void)snprintf(path, sizeof path, "%s/step-2/%s", folder, name);
    must(as_file_read(path, 1 << 20, &whole, &err), &err);
    FILE *f = fopen(path, "r+b");
    if (!f) exit(1);
    for (size_t i = 0; i < whole.size && !check_bad; i++) {
        (void)fseek(f, (long)i, SEEK_SET);
        (void)fputc(whole.data[i] ^ (1 << i % 8), f);
        (void)fflush(f);
        must_pass_over(folder, name);
        (void)fseek(f, (long)i, SEEK_SET);
        (void)fputc(whole.data[i], f);
        (void)fflush(f);
    }
    (void)fseek(f, 0, SEEK_END);
    (void)fputc('\n', f);
    (void)fclose(f);
    must_pass_over(folder, name);
    for (size_t i = whole.size; i-- > 0 && !check_bad;) {
        CHECK(truncate(path, (off_t)i) == 0);
        must_pass_over(folder, name);
    }
    CHECK(unlink(path) == 0);
    must_pass_over(folder, name);
    must(as_file_replace(path, whole.data, whole.size, &err), &err);
    CHECK(newest_quietly(folder) == 2);
    as_buf_clear(&whole);
}

static void damage_is_passed_over(void)
{
    const char *folder = folder_of("damage", 2);
    damage(folder, "parts");
    damage(folder, "state.json");
    damage(folder, "MANIFEST");
}

static void damage_names_the_part(void)
{
    as_error err = {0};
    as_buf notice = {0};
    const char *folder = folder_of("name", 3);
    flip(place("name/step-3/parts"), 0);
    flip(place("name/step-2/parts"), SMALL - 1);
    CHECK(truncate(place("name/step-1/parts"), SMALL / 3 + 1) == 0);
    CHECK(newest(folder, &notice) == 0);
    const char *text = as_buf_text(&notice);
    CHECK(strstr(text, "step-3/parts: part \"layers.0.q.A\": SHA-256 (found "));
    CHECK(strstr(text, "step-2/parts: part \"best\": SHA-256 (found "));
    CHECK(strstr(text, "step-1/parts: part \"best\": the file ends within it"));
    as_buf_clear(&notice);
    /* Refused before a byte of what is there has changed. */
    values v = values_new(SMALL);
    values_fill(&v, 50);
    CHECK(!reads(folder, &v, 2, &err) && err.class_ == AS_EFORMAT && values_are(&v, 50));
    err = (as_error){0};
    CHECK(!reads(folder, &v, 9, &err) && err.class_ == AS_EIO && values_are(&v, 50));
    values_free(&v);
}

/* What is no file at all is not waited for. */
static void odd_files(void)
{
    as_buf notice = {0};
    const char *folder = folder_of("odd", 3);
    CHECK(unlink(place("odd/step-3/parts")) == 0 && mkfifo(place("odd/step-3/parts"), 0600) == 0);
    CHECK(unlink(place("odd/step-2/MANIFEST")) == 0 &&
          mkdir(place("odd/step-2/MANIFEST"), 0700) == 0);
    CHECK(newest(folder, &notice) == 1);
    CHECK(strstr(as_buf_text(&notice), "step-3/parts: not a regular file"));
    CHECK(strstr(as_buf_text(&notice), "step-2/MANIFEST: cannot read (found a directory"));
    as_buf_clear(&notice);
}

/* A folder under another step's name is not that step. */
static void renamed(void)
{
    as_buf notice = {0};
    const char *folder = folder_of("renamed", 2);
    CHECK(rename(place("renamed/step-2"), place("renamed/step-20")) == 0);
    CHECK(newest(folder, &notice) == 1);
    CHECK(strstr(as_buf_text(&notice), "step-20/MANIFEST: step (found 2, expected 20)"));
    as_buf_clear(&notice);
}

static void other_parts(void)
{
    json_t *state = NULL;
    as_error err = {0};
    values v = values_new(SMALL), other = values_new(SMALL);
    const char *folder = folder_of("parts", 1);
    values_fill(&v, 50);
    CHECK(!as_checkpoint_read(folder, 1, v.part, 2, &state, &err) && err.class_ == AS_ESTATE);
    CHECK_TEXT(err.what, "parts (found 3, expected 2)");
    other.part[2].name = "worst";
    err = (as_error){0};
    CHECK(!as_checkpoint_read(folder, 1, other.part, 3, &state, &err) && err.class_ == AS_ESTATE);
    CHECK_TEXT(err.what, "part 2 (found \"best\" of 67 bytes, expected \"worst\" of 67)");
    other.part[2] = v.part[2];
    other.part[0].bytes--;
    err = (as_error){0};
    CHECK(!as_checkpoint_read(folder, 1, other.part, 3, &state, &err) && err.class_ == AS_ESTATE);
    CHECK(!state && values_are(&v, 50));
    other.part[0].name = "\xff";
    as_saver *s = saver(folder, 2);
    err = (as_error){0};
    state = json_object();
    CHECK(!as_saver_begin(s, 2, other.part, 3, state, &err) && err.class_ == AS_EFORMAT);
    json_decref(state);
    as_saver_free(s);
    values_free(&v);
    values_free(&other);
}

/* ---- the disk ---- */

/* A limit on file sizes lets a first part through, as a full disk does. */
static void full_disk(void)
{
    as_error err = {0};
    struct rlimit old, small;
    values v = values_new(20000);
    const char *folder = place("full");
    as_saver *s = saver(folder, 2);
    CHECK(save(s, &v, 1, &err) && save(s, &v, 2, &err));
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old, small.rlim_cur = 9000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(begin(s, &v, 3, &err));  /* the thread's affair, */
    CHECK(!begin(s, &v, 4, &err)); /* told with the next */
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    (void)signal(SIGXFSZ, handler);
    CHECK(err.class_ == AS_EIO && starts_with(err.where, "checkpoint of step 3: "));
    CHECK_TEXT(err.what, "cannot write: File too large");
    CHECK(n_named(folder, "") == 2);
    err = (as_error){0};
    CHECK(reads(folder, &v, 1, &err) && reads(folder, &v, 2, &err));
    CHECK(as_saver_wait(s, &err)); /* told once */
    CHECK(save(s, &v, 3, &err));   /* room again */
    CHECK(newest_quietly(folder) == 3 && reads(folder, &v, 3, &err));
    as_saver_free(s);
    values_free(&v);
}

/* size bytes and that many names. False where file systems may not be mounted. */
static bool mount_small(const char *at, const char *options)
{
    as_error err = {0};
    must(as_dir_make(at, &err), &err);
    return mount("none", at, "tmpfs", 0, options) == 0;
}

static void fill_up(const char *path, size_t left)
{
    as_error err = {0};
    uint64_t room;
    must(as_disk_room(root, &room, &err) && as_disk_room(place("disk"), &room, &err), &err);
    CHECK(room > left);
    char *bytes = calloc(1, (size_t)room - left);
    if (!bytes) exit(1);
    must(as_file_replace(path, bytes, (size_t)room - left, &err), &err);
    free(bytes);
}

/* Too little room is said before anything is written. */
static void little_room(void)
{
    as_error err = {0};
    values v = values_new(100000);
    as_saver *s = saver(place("disk/run"), 2);
    CHECK(save(s, &v, 1, &err) && save(s, &v, 2, &err));
    fill_up(place("disk/filler"), 60000);
    CHECK(!begin(s, &v, 3, &err) && err.class_ == AS_EIO);
    CHECK(starts_with(err.where, "checkpoint of step 3: "));
    CHECK(starts_with(err.what, "disk (found ") &&
          strstr(err.what, " bytes free, expected at least 11"));
    CHECK(n_named(place("disk/run"), "") == 2 && newest_quietly(place("disk/run")) == 2);
    CHECK(unlink(place("disk/filler")) == 0);
    err = (as_error){0};
    CHECK(save(s, &v, 3, &err) && newest_quietly(place("disk/run")) == 3);
    as_saver_free(s);
    values_free(&v);
    remove_all(place("disk/run"));
}

/* Room for bytes but not for names: met while writing, at each of the names in turn. */
static void no_names(void)
{
    as_error err = {0};
    values v = values_new(10000);
    as_saver *s = saver(place("disk/run"), 2);
    CHECK(save(s, &v, 1, &err) && save(s, &v, 2, &err));
    char path[256];
    size_t n = 0;
    for (bool is_full = false; !is_full; n++) {
        (void)snprintf(path, sizeof path, "%s%zu", place("disk/filler"), n);
        FILE *f = fopen(path, "w");
        is_full = !f;
        if (f) (void)fclose(f);
    }
    for (size_t missing = 4; missing > 0; missing--) { /* a folder and three files */
        err = (as_error){0};
        CHECK(!save(s, &v, 3, &err) && err.class_ == AS_EIO);
        CHECK(strstr(err.what, ": No space left on device"));
        CHECK(n_named(place("disk/run"), "") == 2);
        err = (as_error){0};
        CHECK(reads(place("disk/run"), &v, 1, &err) && reads(place("disk/run"), &v, 2, &err));
        (void)snprintf(path, sizeof path, "%s%zu", place("disk/filler"), missing - 1);
        CHECK(unlink(path) == 0);
    }
    CHECK(save(s, &v, 3, &err) && newest_quietly(place("disk/run")) == 3);
    as_saver_free(s);
    values_free(&v);
}

/* ---- the process ---- */

static void save_forever(const char *folder, int told)
{
    as_error err = {0};
    values v = values_new(30000);
    size_t step = newest_quietly(folder);
    as_saver *s = as_saver_new(folder, 2, &err);
    if (!s) _exit(1);
    while (save(s, &v, ++step, &err))
        if (write(told, &step, sizeof step) != sizeof step) break;
    _exit(1);
}

/* Killed at a random time: the newest is whole, of one piece, and not older than what was done. */
static void killed(void)
{
    const char *folder = place("killed");
    values v = values_new(30000);
    as_rng r = as_rng_at(1, "kill", 0);
    size_t last = 0;
    for (int i = 0; i < 20 && !check_bad; i++) {
        int told[2], status = 0;
        as_error err = {0};
        CHECK(pipe(told) == 0);
        pid_t child = fork();
        if (child == 0) save_forever(folder, told[1]);
        CHECK(child > 0 && close(told[1]) == 0);
        struct timespec wait = {.tv_nsec = (long)as_rng_below(&r, 100000000)};
        (void)nanosleep(&wait, NULL);
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status)); /* nothing else ended it */
        for (size_t step; read(told[0], &step, sizeof step) == sizeof step;) last = step;
        (void)close(told[0]);
        const size_t found = newest_quietly(folder);
        CHECK(found == last || found == last + 1);
        CHECK(found == 0 || reads(folder, &v, found, &err));
        CHECK(found < 2 || reads(folder, &v, found - 1, &err)); /* two at least */
        last = found;
    }
    CHECK(last > 0); /* or nothing was tried */
    values_free(&v);
}

int main(void)
{
    if (!mkdtemp(root)) {
        perror(root);
        return 1;
    }
    RUN(round_trip);
    RUN(nothing_to_keep);
    RUN(older_ones_go);
    RUN(damaged_ones_do_not_count);
    RUN(the_same_step_is_left);
    RUN(later_ones_stay);
    RUN(leftovers_go);
    RUN(damage_is_passed_over);
    RUN(damage_names_the_part);
    RUN(odd_files);
    RUN(renamed);
    RUN(other_parts);
    RUN(full_disk);
    if (mount_small(place("disk"), "size=600k,nr_inodes=100")) {
        RUN(little_room);
        RUN(no_names);
        (void)umount(place("disk"));
    } else {
        SKIP(little_room, "no file system may be mounted here");
        SKIP(no_names, "no file system may be mounted here");
    }
    RUN(killed);
    remove_all(root);
    return check_end();
}
