/* The task "mini-code" and the judge "unit_tests": the problems as they are shipped, files that
 * must be refused, what is taken for the code of an answer, and the self-test in the sandbox. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "lab/judge/unit_tests.h"
#include "lab/task/mini_code.h"
#include "sandbox_case.h"

#define DATA "data/code"

extern const as_task as_task_mini_code;
extern const as_judge as_judge_unit_tests;

static as_arena *arena;

static void shipped(void)
{
    as_error err = {0};
    as_mini_problems p;
    char text[600];
    CHECK(as_mini_code_open(&p, DATA, arena, &err));
    if (err.class_) printf("%s\n", as_error_text(&err, text, sizeof text));
    CHECK(p.n >= 48);
    for (size_t i = 0; i < p.n; i++) {
        size_t variants = 0, lines = 0;
        for (size_t k = 0; k < p.n; k++) variants += strcmp(p.at[i].family, p.at[k].family) == 0;
        for (const char *c = p.at[i].problem.solution; *c; c++) lines += *c == '\n';
        CHECK(variants == 6 && lines >= 1 && lines <= 4);
        CHECK(strlen(p.at[i].prompt) <= 120);
        if (strcmp(p.at[i].id, "count-letter-count-a") == 0)
            CHECK_TEXT(p.at[i].prompt,
                       "Write the function count_a(text): number of times a occurs in text.");
    }
}

/* A function of (set, n, seed); the first k of n are those of k. */
static void drawn(void)
{
    as_error err = {0};
    as_items all, some, other;
    CHECK(as_task_mini_code.items(DATA, "all", 0, 1, arena, &all, &err));
    CHECK(as_task_mini_code.items(DATA, "all", 10, 1, arena, &some, &err));
    CHECK(as_task_mini_code.items(DATA, "all", 10, 2, arena, &other, &err));
    CHECK(all.n == 96 && some.n == 10 && strcmp(some.digest, other.digest) != 0);
    for (size_t i = 0; i < 10; i++) CHECK_TEXT(some.item[i].id, all.item[i].id);
    CHECK(strlen(all.item[0].id) == 16 && all.item[0].problem && all.item[0].n_claims == 0);
    CHECK(!as_task_mini_code.items(DATA, "S", 0, 1, arena, &all, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_task_mini_code.items(DATA, "all", 97, 1, arena, &all, &err));
    CHECK(err.class_ == AS_EUSAGE);
    err = (as_error){0};
    CHECK(!as_task_mini_code.items("/nowhere", "all", 0, 1, arena, &all, &err));
    CHECK(err.class_ == AS_EIO);
}

/* Whoever is taught on one set has not seen the other, and both make the whole. */
static void sets_part(void)
{
    as_error err = {0};
    as_items all, teach, fresh, again;
    CHECK(as_task_mini_code.items(DATA, "all", 0, 1, arena, &all, &err));
    CHECK(as_task_mini_code.items(DATA, "teach", 0, 1, arena, &teach, &err));
    CHECK(as_task_mini_code.items(DATA, "fresh", 0, 1, arena, &fresh, &err));
    CHECK(as_task_mini_code.items(DATA, "teach", 0, 2, arena, &again, &err));
    CHECK(teach.n == 32 && fresh.n == 64 && again.n == 32);
    for (size_t i = 0; i < all.n; i++) {
        size_t in_teach = 0, in_fresh = 0, in_again = 0;
        for (size_t k = 0; k < teach.n; k++) {
            in_teach += strcmp(teach.item[k].id, all.item[i].id) == 0;
            in_again += strcmp(again.item[k].id, all.item[i].id) == 0;
        }
        for (size_t k = 0; k < fresh.n; k++)
            in_fresh += strcmp(fresh.item[k].id, all.item[i].id) == 0;
        CHECK(in_teach + in_fresh == 1 && in_again == in_teach); /* whatever the seed */
    }
    for (size_t i = 0; i < teach.n; i++) {
        size_t of_family = 0;
        for (size_t k = 0; k < teach.n; k++)
            of_family += strcmp(teach.item[i].cluster, teach.item[k].cluster) == 0;
        CHECK(of_family == 2);
    }
    CHECK(!as_task_mini_code.items(DATA, "teach", 33, 1, arena, &all, &err));
    CHECK(err.class_ == AS_EUSAGE && strstr(err.what, "at most 32"));
}

/* --- files that must be refused ------------------------------------------------------------- */

static const char good[] =
    "{\"schema\": \"assay.problems/1\", \"problems\": [{\"id\": \"a\", \"family\": \"f\", "
    "\"category\": \"c\", \"difficulty\": \"easy\", \"entry_point\": \"f\", \"preamble\": \"import "
    "math\\ndef f(x):\\n    \\\"\\\"\\\"x plus 1\\\"\\\"\\\"\\n\", \"solution\": \"    return x + "
    "1\\n\", \"test\": \"def check(candidate):\\n    assert 1\\n    assert 1\\n    assert 1\\n    "
    "assert 1\\n    assert 1\\n\", \"plan\": \"Add.\"}]}";

/* Writes `good` with `from` replaced, and reads it. */
static bool opens_with(const char *from, const char *to, as_error *err)
{
    char folder[] = "/tmp/assay-problems-XXXXXX", path[64];
    as_buf b = {0};
    as_mini_problems p;
    as_error ignored = {0};
    const char *at = strstr(good, from);
    if (!at || !mkdtemp(folder)) return false;
    as_buf_add(&b, good, (size_t)(at - good));
    as_buf_puts(&b, to);
    as_buf_puts(&b, at + strlen(from));
    snprintf(path, sizeof path, "%s/problems.json", folder);
    bool ok =
        as_file_replace(path, b.data, b.size, err) && as_mini_code_open(&p, folder, arena, err);
    CHECK(as_dir_remove(folder, &ignored));
    as_buf_clear(&b);
    return ok;
}

static void refused(void)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"problems/1", "problems/2", "schema"},
        {"\"plan\"", "\"plans\"", "plans: unknown key"},
        {"\"plan\": \"Add.\"", "\"plan\": 1", "plan: kind"},
        {"\"id\": \"a\"", "\"id\": \"A b\"", "form"},
        {"\"id\": \"a\", ", "", "id: kind"},
        {"\"easy\"", "\"simple\"", "difficulty"},
        {"\"f\", \"preamble\"", "\"g\", \"preamble\"", "preamble: form"},
        {"\"f\", \"preamble\"", "\"f()\", \"preamble\"", "entry_point: form"},
        {"\\\"\\\"\\\"x plus 1\\\"\\\"\\\"\\n", "pass\\n", "preamble: form"},
        {"x plus 1", "", "preamble: form"},
        {"\\\"\\\"\\\"\\n\", \"solution", "\\\"\\\"\\\"\\nx\\n\", \"solution", "preamble: form"},
        {"    return x + 1", "return x + 1", "solution: form"},
        {"x + 1\\n", "x + 1", "solution: length"},
        {"check(candidate)", "check(c)", "test: form"},
        {"    assert 1\\n", "", "found 4 assertions"},
        {"{\"id\"", "7, {\"id\"", "problem 1: kind"},
        {"}]}", "}], \"problems\": []}", "problems"},
        {"}]}", "}", "json"},
    };
    as_error err = {0};
    char text[1500];
    CHECK(opens_with("x plus 1", "x plus one", &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err = (as_error){0};
        CHECK(!opens_with(cases[i].from, cases[i].to, &err));
        as_error_text(&err, text, sizeof text);
        CHECK(err.class_ == AS_EFORMAT && strstr(text, "problems.json"));
        CHECK(strstr(text, cases[i].says));
        if (!strstr(text, cases[i].says)) printf("%zu: %s\n", i, text);
    }
}

/* --- the code of an answer ------------------------------------------------------------------ */

static void extraction(void)
{
    static const struct {
        const char *answer, *code;
    } cases[] = {
        {"", ""},
        {"    return 1\n", "    return 1\n"},
        {"  x", "  x"},
        {"\n\n    return 1", "\n\n    return 1"},
        {"Sure.\n```python\n    return 1\n```\nDone.", "    return 1\n"},
        {"```\na\n```\n```python\nb\n```\n", "a\n"},
        {"```sh\npip\n```\n```py\nb\n```\n", "b\n"},
        {"```sh\npip\n```\n```js\nb\n```\n", "pip\n"},
        {"```python\na\n", "a\n"},
        {"```python\na", "a"},
        {"```python", ""},
        {"``` Python3 \na\n```", "a\n"},
        {"```python3\r\na\r\n```\r\n", "a\r\n"},
        {"````\n```\na\n```\n````\n", "```\na\n```\n"},
        {"  ```\n  a\n  ```\n", "  a\n"},
        {"Use ```x``` here\n```x``` too\nb", "Use ```x``` here\n```x``` too\nb"},
        {"```\ns = '''```x'''\n```\n", "s = '''```x'''\n"},
        {"<think>a</think>b", "b"},
        {"<think>\n```\nno\n```\n</think>\n```\nyes\n```", "yes\n"},
        {"a<think>b", "a"},
        {"<think>```python\na\n```", ""},
        {"a</think>b", "b"},
        {"x<think>a</think>b</think>c", "c"},
        {"a<think>1</think>b<think>2</think>c", "abc"},
        {"a<think>1</think>b<think>2", "ab"},
        {"\xEF\xBB\xBF"
         "a",
         "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_buf b = {0};
        CHECK(as_code_extract(cases[i].answer, &b, &err));
        CHECK_TEXT(as_buf_text(&b), cases[i].code);
        as_buf_clear(&b);
    }
}

/* --- with the sandbox ------------------------------------------------------------------------ */

static as_sandbox *box;

static void self_test(void)
{
    as_error err = {0};
    as_items all;
    char text[600];
    CHECK(as_task_mini_code.items(DATA, "all", 0, 1, arena, &all, &err));
    CHECK(as_unit_tests_self_test(box, &all, &err));
    if (err.class_) printf("%s\n", as_error_text(&err, text, sizeof text));
}

/* A solution that is wrong, and one that `return None` satisfies, are found. */
static void self_test_fails(void)
{
    as_problem p = {.entry_point = "f",
                    .preamble = "def f(x):\n    \"\"\"d\"\"\"\n",
                    .solution = "    return x\n",
                    .test = "def check(candidate):\n    assert candidate(1) == 2\n"};
    as_item item = {.id = "0", .problem = &p};
    as_items one = {.item = &item, .n = 1};
    as_error err = {0};
    CHECK(!as_unit_tests_self_test(box, &one, &err) && err.class_ == AS_ESANDBOX);
    CHECK(strstr(err.what, "must pass") && strstr(err.what, "assert candidate(1) == 2"));
    err = (as_error){0};
    p.solution = "    pass\n";
    p.test = "def check(candidate):\n    assert candidate(1) is None\n";
    CHECK(!as_unit_tests_self_test(box, &one, &err) && strstr(err.what, "must not pass"));
    err = (as_error){0};
    p.test = "def check(candidate):\n    pass\n";
    CHECK(!as_unit_tests_self_test(box, &one, &err) && strstr(err.what, "not-run"));
    err = (as_error){0};
    one.n = 0;
    CHECK(as_unit_tests_self_test(box, &one, &err));
}

static void judged(void)
{
    as_error err = {0};
    as_ruling r[2];
    as_problem p = {.entry_point = "f",
                    .preamble = "import math\ndef f(x):\n    \"\"\"d\"\"\"\n",
                    .solution = "    return x\n",
                    .test = "def check(candidate):\n    assert candidate(4) == 2\n"};
    as_item item = {.id = "0", .problem = &p}, none = {.id = "1"};
    as_tools tools = {box, arena};
    const char *why = NULL;
    const as_judge *j = &as_judge_unit_tests;
    as_answer a = {&item, "```python\ndef f(x):\n    return math.isqrt(x)\n```", "stop"};
    CHECK(j->judge(&tools, &a, r, &err));
    CHECK_TEXT(r[0].axis, "passed");
    CHECK_TEXT(r[1].axis, "outcome");
    CHECK(r[0].score == 1 && !r[0].label && !r[0].missing);
    CHECK(isnan(r[1].score) && !r[1].missing);
    CHECK_TEXT(r[1].label, "pass");
    a.text = "I cannot say.";
    CHECK(j->judge(&tools, &a, r, &err) && r[0].score == 0);
    CHECK_TEXT(r[1].label, "error");
    a.text = "";
    CHECK(j->judge(&tools, &a, r, &err) && r[0].score == 0);
    CHECK_TEXT(r[1].label, "wrong");
    CHECK(as_unit_tests_why(&tools, &p, "    return x\n", &why, &err));
    CHECK_TEXT(why, "wrong: assert candidate(4) == 2");
    CHECK(as_unit_tests_why(&tools, &p, "    return 2\n", &why, &err) && !why);
    p.test = "def check(candidate):\n    nothing()\n";
    CHECK(j->judge(&tools, &a, r, &err) && isnan(r[0].score) && !r[1].label);
    CHECK(r[0].missing && strstr(r[0].missing, "NameError"));
    a.item = &none;
    CHECK(j->judge(&tools, &a, r, &err) && r[0].missing && r[1].missing);
    a.item = &item;
    CHECK(!j->judge(&(as_tools){NULL, arena}, &a, r, &err) && err.class_ == AS_ESANDBOX);
}

static void gate(void)
{
    as_error err = {0};
    as_items some;
    as_tools tools = {box, arena};
    size_t right = 0;
    CHECK(as_task_mini_code.items(DATA, "all", 12, 3, arena, &some, &err));
    for (size_t i = 0; i < some.n; i++) {
        const char *yes = NULL, *no = NULL;
        as_ruling a[2], b[2];
        CHECK(as_judge_unit_tests.pair(&some.item[i], 0, arena, &yes, &no, &err));
        CHECK(!as_judge_unit_tests.pair(&some.item[i], 1, arena, &yes, &no, &err) && !err.class_);
        CHECK(as_judge_unit_tests.judge(&tools, &(as_answer){&some.item[i], yes, NULL}, a, &err));
        CHECK(as_judge_unit_tests.judge(&tools, &(as_answer){&some.item[i], no, NULL}, b, &err));
        right += a[0].score > b[0].score;
    }
    CHECK(right == some.n);
}

int main(void)
{
    as_error err = {0};
    char text[1600];
    arena = as_arena_new(&err);
    if (!arena) return 1;
    if (!UNDER_TSAN) box = as_sandbox_open(&(as_sandbox_options){0}, &err);
    RUN(shipped);
    RUN(drawn);
    RUN(sets_part);
    RUN(refused);
    RUN(extraction);
    if (box) {
        RUN(self_test);
        RUN(self_test_fails);
        RUN(judged);
        RUN(gate);
    } else {
        SKIP(self_test, as_error_text(&err, text, sizeof text));
    }
    as_sandbox_close(box);
    as_arena_free(arena);
    return check_end();
}
