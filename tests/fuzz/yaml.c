/* Any bytes are an error with a message or a plan; a plan of plain ASCII written as JSON, which is
 * YAML, reads back as itself. */
#include <string.h>

#include "app/cli/plan_yaml.h"
#include "replay.h"

/* Nodes belong together: parents, keys, kinds. Returns how many. */
static size_t walk(const as_tree *t, size_t depth)
{
    size_t n = 1;
    AS_CHECK((t->line > 0) == (t->column > 0) && t->file && depth <= AS_PLAN_MAX_DEPTH + 1);
    AS_CHECK((t->kind == AS_TREE_TEXT) == (t->text != NULL));
    for (size_t i = 0; i < t->n; i++) {
        AS_CHECK(t->child[i]->parent == t);
        AS_CHECK((t->kind == AS_TREE_MAP) == (t->child[i]->key != NULL));
        n += walk(t->child[i], depth + 1);
    }
    return n;
}

static bool is_simple(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] >= 0x7f || data[i] == '\\') return false;
    return true;
}

static void check_again(const as_tree *t, as_arena *a)
{
    as_error err = {0}, again = {0};
    as_buf first = {0}, second = {0};
    json_t *j = as_tree_json(t, &err);
    AS_CHECK(j);
    as_json_write(&first, j);
    json_decref(j);
    as_tree *u = as_plan_read_over("again", as_buf_text(&first), first.size, a, &again);
    if (u) { /* else: a key too long for YAML */
        j = as_tree_json(u, &err);
        AS_CHECK(j);
        as_json_write(&second, j);
        json_decref(j);
        AS_CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    as_buf_clear(&first);
    as_buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const assignments[] = {"a.b=c", "a[0]=d", "list[1].n=e", "seed=1"};
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    AS_CHECK(a);
    as_tree *t = as_plan_read_over("fuzz", data, size, a, &err);
    if (t) {
        AS_CHECK(err.class_ == AS_OK && walk(t, 1) <= AS_PLAN_MAX_NODES);
        if (is_simple(data, size)) check_again(t, a);
        for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++) {
            as_error set = {0};
            AS_CHECK(as_plan_set(t, assignments[i], a, &set) == (set.class_ == AS_OK));
        }
        (void)walk(t, 1);
    } else {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
    }
    as_arena_free(a);
    return 0;
}
