/* lab/sandbox: every allocation of opening and running refused in turn. */
#include "check.h"

#include "fail_alloc.h"
#include "lab/sandbox/sandbox.h"

static bool open_and_run(as_error *err)
{
    as_run_result r;
    as_program p = {.program = "def f():\n    return 1\n",
                    .preamble = "",
                    .entry_point = "f",
                    .test = "def check(c):\n    assert c() == 1\n"};
    as_sandbox *s = as_sandbox_open(&(as_sandbox_options){0}, err);
    bool ok = s && as_sandbox_run(s, &p, &r, err);
    as_sandbox_close(s);
    return ok;
}

static void each_refused(void)
{
    bool refused = true;
    for (size_t k = 1; refused && !check_bad; k++) {
        as_error err = {0};
        size_t before = fail_alloc_live();
        fail_alloc_at(k, false);
        bool ok = open_and_run(&err);
        refused = fail_alloc_hit();
        fail_alloc_at(0, false);
        CHECK(ok == !refused && err.class_ == (refused ? AS_EMEM : AS_OK));
        CHECK(fail_alloc_live() == before);
    }
}

int main(void)
{
    as_error err = {0};
    char text[1600];
    if (open_and_run(&err))
        RUN(each_refused);
    else
        SKIP(each_refused, as_error_text(&err, text, sizeof text));
    return check_end();
}
