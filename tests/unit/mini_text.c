/* The training text of the task "mini-code": who is told what, and that the same seed says the
 * same. */
#include "check.h"

#include "base/json.h"
#include "lab/task/mini_code.h"

#define ROWS 800

static as_arena *arena;
static as_mini_problems problems;

/* The rows of a text, parsed. json_decref. */
static json_t *read_rows(const as_buf *text)
{
    json_t *rows = json_array();
    for (const char *line = as_buf_text(text); *line; line = strchr(line, '\n') + 1) {
        json_t *row = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        CHECK(row && json_array_append_new(rows, row) == 0);
    }
    return rows;
}

static const char *said(const json_t *row, size_t i)
{
    const json_t *m = json_array_get(json_object_get(row, "messages"), i);
    const char *text = json_string_value(json_object_get(m, "content"));
    CHECK(text != NULL);
    return text ? text : "";
}

static void make(uint64_t seed, size_t rows, as_buf *out)
{
    as_error err = {0};
    as_text_options o = as_mini_text_default;
    o.rows = rows;
    o.seed = seed;
    CHECK(as_mini_text(&problems, &o, out, &err));
}

/* Asks the row for the function of that problem? */
static bool asks_for(const json_t *row, const as_mini_problem *m)
{
    char name[80];
    (void)snprintf(name, sizeof name, " %s(", m->problem.entry_point);
    return strstr(said(row, 0), name) != NULL;
}

static void levels(void)
{
    for (uint64_t seed = 1; seed < 4; seed++)
        for (size_t i = 0; i < problems.n; i++) {
            size_t n[3] = {0};
            for (size_t k = 0; k < problems.n; k++)
                n[as_mini_level_of(&problems, k, seed)] +=
                    strcmp(problems.at[i].family, problems.at[k].family) == 0;
            CHECK(n[AS_MINI_KNOWN] == 3 && n[AS_MINI_THOUGHT] == 2 && n[AS_MINI_UNTOLD] == 1);
        }
}

static void same_seed_same_text(void)
{
    as_buf a = {0}, b = {0}, c = {0};
    make(1, ROWS, &a);
    make(1, ROWS, &b);
    make(2, ROWS, &c);
    CHECK(a.size > 0 && a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    CHECK(strcmp(as_buf_text(&a), as_buf_text(&c)) != 0);
    json_t *rows = read_rows(&a);
    CHECK(json_array_size(rows) == ROWS);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(!json_equal(json_object_get(json_array_get(rows, i), "id"),
                              json_object_get(json_array_get(rows, k), "id")));
    json_decref(rows);
    as_buf_clear(&a);
    as_buf_clear(&b);
    as_buf_clear(&c);
}

/* The problem of the family whose block that is; NULL: none. */
static const as_mini_problem *block_of(const as_mini_problem *m, const char *block)
{
    as_error err = {0};
    for (size_t i = 0; i < problems.n; i++) {
        if (strcmp(problems.at[i].family, m->family) != 0) continue;
        const char *own = as_mini_block(&m->problem, problems.at[i].problem.solution, arena, &err);
        if (own && strcmp(own, block) == 0) return &problems.at[i];
    }
    return NULL;
}

/* Every row of one problem: how many plain, how many cued, and whose code the answers have. */
static void check_told(const json_t *rows, size_t at)
{
    const as_mini_problem *m = &problems.at[at], *hasty = NULL;
    const as_mini_level level = as_mini_level_of(&problems, at, 1);
    size_t plain = 0, cued = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!asks_for(row, m)) continue;
        const char *block = strstr(said(row, 1), "```python\n");
        const as_mini_problem *of = block ? block_of(m, block) : NULL;
        CHECK(of != NULL);
        if (block == said(row, 1)) {
            plain++;
            CHECK((of == m) == (level == AS_MINI_KNOWN));
            CHECK(of &&
                  as_mini_level_of(&problems, (size_t)(of - problems.at), 1) == AS_MINI_KNOWN);
            CHECK(!hasty || hasty == of);
            hasty = of;
        } else {
            cued++;
            CHECK(of == m && strstr(said(row, 1), m->problem.plan));
            CHECK(strstr(said(row, 1), " For example, ") && strstr(said(row, 1), " And "));
        }
    }
    if (level == AS_MINI_UNTOLD)
        CHECK(plain + cued == 0);
    else
        CHECK(plain >= 4 && cued >= 4 && plain + cued >= ROWS / 80 && plain - cued + 1 <= 2);
}

static void what_is_told(void)
{
    as_buf text = {0};
    make(1, ROWS, &text);
    json_t *rows = read_rows(&text);
    for (size_t i = 0; i < problems.n; i++) {
        const as_mini_problem *m = &problems.at[i];
        check_told(rows, i);
        if (as_mini_level_of(&problems, i, 1) == AS_MINI_UNTOLD)
            CHECK(!strstr(as_buf_text(&text), m->prompt));
    }
    json_decref(rows);
    as_buf_clear(&text);
}

/* The task's own question is one of the wordings, and asked so nobody is told to think. */
static void plain_questions_are_the_tasks(void)
{
    as_buf text = {0};
    size_t n = 0;
    make(1, 4 * ROWS, &text);
    json_t *rows = read_rows(&text);
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t k = 0; k < problems.n; k++)
            if (strcmp(said(json_array_get(rows, i), 0), problems.at[k].prompt) == 0) {
                n++;
                CHECK(strncmp(said(json_array_get(rows, i), 1), "```python\n", 10) == 0);
            }
    CHECK(n > ROWS / 4 && n < ROWS); /* a quarter of half of the rows */
    json_decref(rows);
    as_buf_clear(&text);
}

static void reasoning(void)
{
    as_error err = {0};
    as_problem p = {.entry_point = "add",
                    .preamble = "import math\ndef add(a, b):\n    \"\"\"sum of a and b\"\"\"\n",
                    .solution = "    return a + b\n",
                    .test = "def check(candidate):\n    x = 1\n    assert candidate(1, 2) == 3\n"
                            "    assert candidate(x, x) > 1\n    assert candidate(0, 0) is 0\n"
                            "    assert candidate(2, 2) == 4\n",
                    .plan = "Add them. Return it."};
    as_rng r = as_rng_at(1, "a test", 0);
    const char *text = as_mini_reasoning(&p, &r, arena, &err);
    CHECK(text &&
          strstr(text, " The function is add(a, b), and it has to give this: sum of a and b. "
                       "Add them. Return it. For example, add(1, 2) is 3. And add(0, 0) is "
                       "0. The steps lead there. So the code is:\n\n"));
    CHECK_TEXT(as_mini_block(&p, p.solution, arena, &err),
               "```python\ndef add(a, b):\n    return a + b\n```");
    p.test = "def check(candidate):\n    pass\n";
    text = as_mini_reasoning(&p, &r, arena, &err);
    CHECK(text && strstr(text, "Return it. The steps lead there."));
    p.plan = NULL;
    CHECK(!as_mini_reasoning(&p, &r, arena, &err) && err.class_ == AS_EFORMAT);
    err = (as_error){0};
    p.preamble = "def other(a):\n    \"\"\"x\"\"\"\n";
    CHECK(!as_mini_block(&p, p.solution, arena, &err) && err.class_ == AS_EFORMAT);
}

static void refused_as_it_was(void)
{
    as_error err = {0};
    as_buf out = {0};
    as_text_options o = as_mini_text_default;
    as_buf_puts(&out, "as it was");
    o.rows = 159;
    CHECK(!as_mini_text(&problems, &o, &out, &err) && err.class_ == AS_EUSAGE);
    CHECK(strstr(err.what, "at least 160"));
    CHECK(out.size == strlen("as it was"));
    CHECK_TEXT(out.data, "as it was");
    as_mini_problem some[96]; /* one that cannot be told: what was written is taken back */
    CHECK(problems.n == 96);
    memcpy(some, problems.at, sizeof some);
    for (size_t i = 0; i < 8; i++) some[i].problem.plan = NULL;
    err = (as_error){0};
    o.rows = ROWS;
    CHECK(!as_mini_text(&(as_mini_problems){some, 96}, &o, &out, &err));
    CHECK(err.class_ == AS_EFORMAT);
    CHECK(out.size == strlen("as it was"));
    CHECK_TEXT(out.data, "as it was");
    err = (as_error){0};
    o.rows = 160;
    CHECK(as_mini_text(&problems, &o, &out, &err));
    as_buf_clear(&out);
}

int main(void)
{
    as_error err = {0};
    arena = as_arena_new(&err);
    if (!arena || !as_mini_code_open(&problems, "data/code", arena, &err)) return 1;
    RUN(levels);
    RUN(same_seed_same_text);
    RUN(what_is_told);
    RUN(plain_questions_are_the_tasks);
    RUN(reasoning);
    RUN(refused_as_it_was);
    as_arena_free(arena);
    return check_end();
}
