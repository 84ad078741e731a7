/* The task "mini-code": every allocation of reading problems, making a set and training text
 * refused in turn. */
#include "refuse_each.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "lab/task/mini_code.h"

#define PROBLEM(id, name)                                                                          \
    "{\"id\": \"" id "\", \"family\": \"f\", \"category\": \"c\", \"difficulty\": \"easy\", "      \
    "\"entry_point\": \"" name "\", \"preamble\": \"def " name "(x):\\n    \\\"\\\"\\\"" name      \
    " of x\\\"\\\"\\\"\\n\", \"solution\": \"    return x\\n\", \"test\": \"def "                  \
    "check(candidate):\\n    assert candidate(1) == 1\\n    assert candidate(2) == 2\\n    "       \
    "assert candidate(3) == 3\\n    assert candidate(4) == 4\\n    assert candidate(5) == "        \
    "5\\n\", \"plan\": \"Return it.\"}"

static const char file[] = "{\"schema\": \"assay.problems/1\", \"problems\": [" PROBLEM(
    "a", "one") ", " PROBLEM("b", "two") "]}";
static char folder[] = "/tmp/assay-problems-XXXXXX";

static bool make_items(as_error *err)
{
    as_items items;
    as_arena *a = as_arena_new(err);
    bool ok = a && as_task_find("mini-code")->items(folder, "fresh", 1, 1, a, &items, err);
    as_arena_free(a);
    return ok;
}

static bool make_text(as_error *err)
{
    as_buf out = {0};
    as_text_options o = as_mini_text_default;
    o.rows = 4;
    as_arena *a = as_arena_new(err);
    bool ok = a && as_task_find("mini-code")->text(folder, &o, a, &out, err);
    as_buf_clear(&out);
    as_arena_free(a);
    return ok;
}

static void sets(void)
{
    refuse_each(make_items);
}

static void text(void)
{
    refuse_each(make_text);
}

int main(void)
{
    as_error err = {0};
    char path[64];
    if (!mkdtemp(folder)) return 1;
    (void)snprintf(path, sizeof path, "%s/problems.json", folder);
    if (!as_file_replace(path, file, sizeof file - 1, &err)) return 1;
    fail_alloc_init();
    RUN(sets);
    RUN(text);
    if (!as_dir_remove(folder, &err)) return 1;
    return check_end();
}
