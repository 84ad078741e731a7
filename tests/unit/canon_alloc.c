/* lab/task: every allocation of opening a canon, making sets and training text, and reading a gold
 * list refused in turn. */
#include "refuse_each.h"

#include "canon_case.h"
#include "lab/task/task.h"

static bool open_canon(as_error *err)
{
    as_canon c;
    as_arena *a = as_arena_new(err);
    bool ok = a && as_canon_open(&c, case_dir, a, err);
    as_arena_free(a);
    return ok;
}

static bool make_items(const char *task, const char *data, const char *set, size_t n, as_error *err)
{
    as_items items;
    as_arena *a = as_arena_new(err);
    bool ok = a && as_task_find(task)->items(data, set, n, 1, a, &items, err);
    as_arena_free(a);
    return ok;
}

static bool make_s(as_error *err)
{
    return make_items("chef", case_dir, "S", 3, err);
}

static bool make_u(as_error *err)
{
    return make_items("chef", case_dir, "U", 5, err);
}

static bool make_file(as_error *err)
{
    return make_items("file", case_path("gold.jsonl"), "all", 0, err);
}

static bool make_text(as_error *err)
{
    as_canon c;
    as_buf out = {0};
    as_text_options o = as_chef_text_default;
    o.rows = 6;
    as_arena *a = as_arena_new(err);
    bool ok = a && as_canon_open(&c, case_dir, a, err) && as_chef_text(&c, &o, &out, err);
    as_buf_clear(&out);
    as_arena_free(a);
    return ok;
}

static void opening(void)
{
    refuse_each(open_canon);
}

static void sets(void)
{
    refuse_each(make_s);
    refuse_each(make_u);
}

static void training_text(void)
{
    refuse_each(make_text);
}

static void gold_list(void)
{
    refuse_each(make_file);
}

/* A shipped grammar in place of one of the small ones. */
static bool copy_grammar(const char *from, const char *to)
{
    as_error err = {0};
    as_buf text = {0};
    bool ok = as_file_read(from, (size_t)1 << 20, &text, &err) &&
              as_file_replace(case_path(to), text.data, text.size, &err);
    as_buf_clear(&text);
    return ok;
}

int main(void)
{
    fail_alloc_init();
    if (!case_begin()) return 1;
    case_write(0, NULL, NULL);
    RUN(opening);
    if (!copy_grammar("data/chef/grammar/U.json", "grammar/T.json")) return 1;
    RUN(sets);
    if (!copy_grammar("data/chef/grammar/training.json", "grammar/T.json")) return 1;
    RUN(training_text);
    case_put("gold.jsonl", "{'prompt':'P','claims':[{'text':'hold the butter at 60'},{'text':'x',"
                           "'keys':['y'],'wrong':['z']}],'category':'c'}\n");
    RUN(gold_list);
    case_end();
    return check_end();
}
