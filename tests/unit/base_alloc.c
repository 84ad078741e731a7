/* base: every allocation refused in turn, once and from there on; and the memory JSON may take. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jsonl.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/tree.h"
#include "fail_alloc.h"
#include "lab/record.h"

/* A scenario releases all it took, and returns false with err set when it failed. */
typedef bool scenario(as_error *err);

/* k = 1, 2, ... until nothing is refused: each run is whole, or ends in AS_EMEM, and leaks nothing.
 */
static void refuse_each(scenario *run)
{
    for (int from_on = 0; from_on < 2; from_on++) {
        size_t k = 1;
        for (bool refused = true; refused; k++) {
            as_error err = {0};
            size_t before = fail_alloc_live();
            fail_alloc_at(k, from_on == 1);
            bool ok = run(&err);
            refused = fail_alloc_hit();
            fail_alloc_at(0, false);
            CHECK(ok == !refused);
            CHECK(err.class_ == (refused ? AS_EMEM : AS_OK));
            CHECK(fail_alloc_live() == before);
            if (check_bad) {
                printf("allocation %zu%s: %s\n", k, from_on ? " and on" : "", err.what);
                return;
            }
        }
        CHECK(k > 2); /* something was refused at all */
    }
}

static const char rich[] =
    "{\"na\\u006de\":[1,2.5,\"t\\next\",null,{\"a\":{\"b\":[]}}],\"q\":\"plain\","
    "\"long\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],"
    "\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9}";

static bool parse_and_write(as_error *err)
{
    as_buf b = {0};
    json_t *v = as_json_parse("in", rich, sizeof rich - 1, err);
    if (v) as_json_write(&b, v);
    if (v) as_json_write_pretty(&b, v);
    bool ok = v && as_buf_ok(&b, err);
    json_decref(v);
    as_buf_clear(&b);
    return ok;
}

static bool read_rows(as_jsonl *r, as_error *err)
{
    json_t *row = NULL;
    bool ok = r;
    while (ok && (ok = as_jsonl_next(r, &row, err)) && row) json_decref(row);
    as_jsonl_close(r);
    return ok;
}

static bool rows_in_memory(as_error *err)
{
    static const char rows[] = "{\"a\":\"x\\ty\"}\n{\"a\":[1,2,3]}\n{\"b\":0.5}";
    return read_rows(as_jsonl_over("rows", rows, sizeof rows - 1, err), err);
}

static bool rows_in_a_file(as_error *err)
{
    return read_rows(as_jsonl_open("tests/golden/rng_cases.jsonl", err), err);
}

static bool json_file(as_error *err)
{
    json_t *v = as_json_read("tests/fuzz/corpus/json/ok_nested", err);
    bool ok = v != NULL;
    json_decref(v);
    return ok;
}

static bool arena(as_error *err)
{
    as_arena *a = as_arena_new(err);
    bool ok = a && as_arena_push(a, 10, 8, err) && as_arena_push(a, 100000, 1, err) &&
              as_arena_text(a, "text", err) && as_arena_printf(a, err, "%070000d", 7) &&
              as_arena_copy(a, "abc", 2, err);
    as_arena_free(a);
    return ok;
}

static bool buffer(as_error *err)
{
    as_buf b = {0};
    for (int i = 0; i < 300; i++) as_buf_printf(&b, "%d, ", i);
    as_buf_escape(&b, "\n\n\n\n", 4);
    bool ok = as_buf_ok(&b, err);
    as_buf_clear(&b);
    return ok;
}

static bool digest_and_keys(as_error *err)
{
    as_key key;
    const float values[3] = {1, 2, 3};
    as_reading r = {.generation = "g", .site = "s", .values = values, .dim = 3};
    as_verdict v = {.design = "d", .claim = "c", .word = "refuted", .cause = "", .tree = "{}"};
    as_sha256 *h = as_sha256_new(err);
    return h && as_sha256_add(h, "x", 1, err) && as_sha256_end(h, key, err) &&
           as_reading_key(&r, err) && as_verdict_key(&v, err);
}

static bool files(as_error *err)
{
    char path[] = "/tmp/assay-alloc-XXXXXX", lock[64];
    as_buf b = {0}, joined = {0};
    int fd = mkstemp(path);
    CHECK(fd >= 0 && close(fd) == 0);
    (void)snprintf(lock, sizeof lock, "%s.lock", path);
    bool ok = as_file_replace(path, "some bytes", 10, err) && as_file_read(path, 99, &b, err) &&
              as_path_join(&joined, "/tmp", "name", err) && as_dir_make("/tmp", err);
    as_lock *l = ok ? as_lock_take(lock, err) : NULL;
    ok = ok && l;
    as_lock_release(l);
    as_buf_clear(&b);
    as_buf_clear(&joined);
    CHECK(unlink(path) == 0);
    (void)unlink(lock);
    return ok;
}

static bool tree_to_json(as_error *err)
{
    as_tree leaf = {.kind = AS_TREE_TEXT, .key = "k", .text = "v", .file = "f"},
            *in_map[] = {&leaf};
    as_tree map = {.kind = AS_TREE_MAP, .n = 1, .child = in_map, .file = "f"},
            *in_list[] = {&map, &map};
    as_tree list = {.kind = AS_TREE_LIST, .n = 2, .child = in_list, .file = "f"};
    json_t *v = as_tree_json(&list, err);
    bool ok = v != NULL;
    json_decref(v);
    return ok;
}

static bool sinks(as_error *err)
{
    as_log *log = as_log_new(2, AS_NORMAL, false, false, err);
    as_progress *p = log ? as_progress_new(log, "x", 3, err) : NULL;
    bool ok = p != NULL;
    as_progress_end(p);
    as_log_free(log);
    return ok;
}

static void nothing(void *ctx, size_t task, size_t worker)
{
    (void)ctx, (void)task, (void)worker;
}

static bool pool(as_error *err)
{
    as_pool *p = as_pool_new(3, err);
    if (p) as_pool_run(p, 10, nothing, NULL);
    as_pool_free(p);
    return p != NULL;
}

static void json_survives(void)
{
    refuse_each(parse_and_write);
}

static void json_file_survives(void)
{
    refuse_each(json_file);
}

static void jsonl_survives(void)
{
    refuse_each(rows_in_memory);
    refuse_each(rows_in_a_file);
}

static void memory_survives(void)
{
    refuse_each(arena);
    refuse_each(buffer);
}

static void digests_survive(void)
{
    refuse_each(digest_and_keys);
}

static void files_survive(void)
{
    refuse_each(files);
}

static void tree_survives(void)
{
    refuse_each(tree_to_json);
}

static void sinks_survive(void)
{
    refuse_each(sinks);
}

static void pool_survives(void)
{
    refuse_each(pool);
}

/* The tree of a text takes at most 8 times its size and 64 MiB, or is refused. */
static void json_memory(void)
{
    static const char *const items[] = {
        "{},", "[],", "1,", "\"\",", "{\"a\":1},", "0.5,", "\"\\n abcdefgh\","};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        as_buf b = {0};
        as_error err = {0};
        as_buf_puts(&b, "[");
        while (b.size < (4 << 20)) as_buf_puts(&b, items[i]);
        as_buf_puts(&b, "0]");
        size_t before = fail_alloc_live() - b.size;
        fail_alloc_at(0, false);
        json_t *v = as_json_parse("in", b.data, b.size, &err);
        CHECK(fail_alloc_peak() - before <= 8 * b.size + ((size_t)64 << 20));
        CHECK(v || err.class_ == AS_ELIMIT);
        json_decref(v);
        as_buf_clear(&b);
    }
}

int main(void)
{
    fail_alloc_init();
    RUN(json_survives);
    RUN(json_file_survives);
    RUN(jsonl_survives);
    RUN(memory_survives);
    RUN(digests_survive);
    RUN(files_survive);
    RUN(tree_survives);
    RUN(sinks_survive);
    RUN(pool_survives);
    RUN(json_memory);
    return check_end();
}
