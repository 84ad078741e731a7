/* lab/experiment/plan_each: one entry that stands for several, what comes of it in order, and every
 * way to get it wrong with the exact message and place. */
#include "check.h"

#include <stdio.h>

#include "app/cli/plan_yaml.h"
#include "lab/experiment/plan_each.h"

/* The tree expanded, as JSON in the order of the tree; "" when it is refused. */
static const char *expanded(const char *yaml, as_arena *a, as_error *err)
{
    const as_tree *t = as_plan_read_over("p.yaml", yaml, strlen(yaml), a, err);
    const as_tree *all = t ? as_plan_each(t, a, err) : NULL;
    if (!all) return "";
    as_buf b = {0};
    json_t *o = as_tree_json(all, err);
    char *text = json_dumps(o, JSON_COMPACT);
    as_buf_puts(&b, text);
    free(text);
    json_decref(o);
    const char *out = as_arena_text(a, as_buf_text(&b), err);
    as_buf_clear(&b);
    return out;
}

static void entries_multiply(void)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"a: {x_<n>: {each: {n: [1, 2]}, y: <n>}}", "{'a':{'x_1':{'y':'1'},'x_2':{'y':'2'}}}"},
        {"a: {z: 0, <n>: {each: {n: [q]}, y: 1<n><n>}, w: 1}",
         "{'a':{'z':'0','q':{'y':'1qq'},'w':'1'}}"},
        {"a: {<s>.<t>: {each: {s: [1, 2], t: [x, y]}, l: [<t>, {<s>: <t>}]}}",
         "{'a':{'1.x':{'l':['x',{'1':'x'}]},'1.y':{'l':['y',{'1':'y'}]},"
         "'2.x':{'l':['x',{'2':'x'}]},'2.y':{'l':['y',{'2':'y'}]}}}"},
        /* an entry within an entry, whose values are filled in too */
        {"a: {<s>: {each: {s: [1, 2]}, i: {<t>: {each: {t: [x, '<s>0']}, v: '<s><t>'}}}}",
         "{'a':{'1':{'i':{'x':{'v':'1x'},'10':{'v':'110'}}},"
         "'2':{'i':{'x':{'v':'2x'},'20':{'v':'220'}}}}}"},
        /* what was filled in is not looked at again */
        {"a: {<s>: {each: {s: ['<z>']}, v: <s>}}", "{'a':{'<z>':{'v':'<z>'}}}"},
        /* not a name, or not within an entry that has them: a text like any other */
        {"a: {<s>: {each: {s: [1]}, v: '<S> < > <s <1> <s>'}}",
         "{'a':{'1':{'v':'<S> < > <s <1> 1'}}}"},
        {"a: {b: <n>, l: [{each: 1}]}", "{'a':{'b':'<n>','l':[{'each':'1'}]}}"},
        /* the entries of the top level are not many */
        {"a: {each: {n: [1]}, x: 2}", "{'a':{'each':{'n':['1']},'x':'2'}}"},
        /* an alias brings its names along */
        {"a: {x<n>: {each: &e {n: [1, 2]}, v: <n>}, y<n>: {each: *e, v: <n>}}",
         "{'a':{'x1':{'v':'1'},'x2':{'v':'2'},'y1':{'v':'1'},'y2':{'v':'2'}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        char want[512];
        (void)snprintf(want, sizeof want, "%s", cases[i].json);
        for (char *p = want; *p; p++)
            if (*p == '\'') *p = '"';
        CHECK_TEXT(expanded(cases[i].yaml, a, &err), want);
        CHECK_TEXT(err.what, "");
        as_arena_free(a);
    }
}

static void refusals(void)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"a: {x: {each: {n: [1]}, v: <n>}}",
         "p.yaml:1:5: a.x: key (found no <n>, expected every name of each)"},
        {"a: {<n>: {each: {n: [1], m: [2]}, v: <n><m>}}",
         "p.yaml:1:5: a.<n>: key (found no <m>, expected every name of each)"},
        {"a: {<n>: {each: {n: [1, 2]}, v: 1}}",
         "p.yaml:1:18: a.<n>.each.n: name (found <n> in the key alone)"},
        {"a: {<n>: {each: {n: [1]}, v: <m><n>}}",
         "p.yaml:1:30: a.<n>.v: placeholder (found <m>, expected a name of each)"},
        {"a: {<n><m>: {each: {n: [1]}, v: <n>}}",
         "p.yaml:1:5: a.<n><m>: placeholder (found <m>, expected a name of each)"},
        {"a: {<n>: {each: {n: [<m>]}, i: {<k>: {each: {k: [<q>]}, v: <k><n>}}}}",
         "p.yaml:1:50: a.<n>.i.<k>.each.k[0]: placeholder (found <q>, expected a name of each)"},
        {"a: {<n>: {each: {n: []}, v: <n>}}",
         "p.yaml:1:18: a.<n>.each.n: values (found none, expected at least one)"},
        {"a: {<n>: {each: {n: 1}, v: <n>}}",
         "p.yaml:1:21: a.<n>.each.n: kind (found a value, expected a list)"},
        {"a: {<n>: {each: {n: [[1]]}, v: <n>}}",
         "p.yaml:1:22: a.<n>.each.n[0]: kind (found a list, expected a value)"},
        {"a: {<n>: {each: [n], v: <n>}}",
         "p.yaml:1:11: a.<n>.each: kind (found a list, expected a mapping)"},
        {"a: {<n>: {each: {}, v: <n>}}",
         "p.yaml:1:11: a.<n>.each: names (found none, expected at least one)"},
        {"a: {<n>: {each: {N: [1]}, v: <n>}}",
         "p.yaml:1:18: a.<n>.each.N: name (found N, expected small letters and _)"},
        {"a: {<n>: {each: {n: [1]}, i: {<n>: {each: {n: [1]}, v: <n>}}}}",
         "p.yaml:1:44: a.<n>.i.<n>.each.n: name (found also in an entry around this one)"},
        {"a: {x1: 0, x<n>: {each: {n: [2, 1]}, v: <n>}}",
         "p.yaml:1:12: a.x1: key (found x1 twice, with each expanded)"},
        {"a: {x<n>: {each: {n: [1, 1]}, v: <n>}}",
         "p.yaml:1:5: a.x1: key (found x1 twice, with each expanded)"},
        {"a: {<n>: {each: {n: [x]}, i: {x: 1, <n>: 2}}}",
         "p.yaml:1:42: a.x.i.x: key (found x twice, with each expanded)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_error err = {0};
        as_arena *a = as_arena_new(&err);
        char said[2048];
        CHECK_TEXT(expanded(cases[i].yaml, a, &err), "");
        CHECK(err.class_ == AS_EUSAGE);
        CHECK_TEXT(as_error_text(&err, said, sizeof said), cases[i].says);
        as_arena_free(a);
    }
}

/* -o sees the plan as written, where an entry that is made does not stand. */
static void made_entries_are_not_set(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    char said[2048];
    as_tree *t = NULL;
    const char *yaml = "a: {x_<n>: {each: {n: [1, 2]}, y: <n>}}";
    t = as_plan_read_over("p.yaml", yaml, strlen(yaml), a, &err);
    CHECK(t && as_plan_set(t, "a.x_<n>.z=3", a, &err) && as_plan_each(t, a, &err));
    CHECK(t && as_plan_set(t, "a.x_1.z=3", a, &err) && !as_plan_each(t, a, &err));
    CHECK(err.class_ == AS_EUSAGE);
    CHECK_TEXT(as_error_text(&err, said, sizeof said),
               "command line: a.x_1: key (found x_1, which each makes, expected x_<n>, the entry "
               "as written)");
    as_arena_free(a);
}

/* "a: {<x><y>: {each: {x: [0, ...], y: [0, ...]}, v: TEXT}}" with n values of each name. */
static const char *square(size_t n, const char *text, as_arena *a, as_error *err)
{
    as_buf b = {0};
    as_buf_puts(&b, "a: {<x>.<y>: {each: {x: [0");
    for (size_t i = 1; i < n; i++) as_buf_printf(&b, ", %zu", i);
    as_buf_puts(&b, "], y: [0");
    for (size_t i = 1; i < n; i++) as_buf_printf(&b, ", %zu", i);
    as_buf_printf(&b, "]}, v: '%s<y>'}}", text);
    const char *out = as_arena_text(a, as_buf_text(&b), err);
    as_buf_clear(&b);
    return out;
}

/* The same limit as of aliases: 2 + 2 * 70 * 70 nodes fit, 2 + 2 * 71 * 71 do not. */
static void limits(void)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    char said[2048], *wide = as_arena_push(a, (1 << 16) + 1, 1, &err);
    CHECK(wide && expanded(square(70, "<x>", a, &err), a, &err)[0]);
    CHECK_TEXT(expanded(square(71, "<x>", a, &err), a, &err), "");
    CHECK_TEXT(as_error_text(&err, said, sizeof said),
               "p.yaml:1:5: a.<x>.<y>: plan with each expanded (expected at most 10000 nodes)");
    err = (as_error){0};
    for (size_t i = 0; wide && i < 1 << 16; i++) wide[i] = "<x>"[i % 3];
    CHECK_TEXT(expanded(square(40, wide, a, &err), a, &err), "");
    CHECK(err.class_ == AS_EUSAGE && strstr(err.what, "expected at most 4194304 bytes"));
    as_arena_free(a);
}

int main(void)
{
    RUN(entries_multiply);
    RUN(refusals);
    RUN(made_entries_are_not_set);
    RUN(limits);
    return check_end();
}
