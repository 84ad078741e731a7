/* assay run --dry-run: the steps of a study with what each will take. */
#include "app/cli/forecast.h"

#include <math.h>
#include <string.h>

#include "app/cli/engine.h"
#include "base/map.h"
#include "lab/experiment/study.h"

/* "0.4 s", "41 s", "2 min 10 s", "3 h 5 min". */
static void say_seconds(as_buf *b, double seconds)
{
    const unsigned long whole = (unsigned long)round(seconds);
    if (isnan(seconds))
        as_buf_puts(b, "not predicted");
    else if (seconds < 10)
        as_buf_printf(b, "%.1f s", seconds);
    else if (whole < 120)
        as_buf_printf(b, "%lu s", whole);
    else if (whole < 7200)
        as_buf_printf(b, "%lu min %lu s", whole / 60, whole % 60);
    else
        as_buf_printf(b, "%lu h %lu min", whole / 3600, whole / 60 % 60);
}

static void say_step(as_buf *b, const as_forecast_step *f)
{
    const as_step_spec *s = f->step;
    as_buf_printf(b, "  %-14s %-10s", s->id, s->kind->name);
    if (s->kind == &as_step_answer)
        as_buf_printf(b, " %zu prompts x %zu arms = %zu answers", f->answers / s->n_arms, s->n_arms,
                      f->answers);
    if (f->updates) as_buf_printf(b, " %zu updates", f->updates);
    if (s->from) as_buf_printf(b, " from %s.%s", s->from->id, s->from_arm);
    as_buf_puts(b, "  ");
    say_seconds(b, f->seconds);
    as_buf_puts(b, "\n");
}

static void say(as_buf *b, const as_forecast *f)
{
    const as_plan *p = f->plan;
    as_buf_printf(b, "%s: %zu steps, %zu tables, %zu checks, %zu claims\n", p->name, p->n_steps,
                  p->n_tables, p->n_checks, p->n_claims);
    as_buf_puts(b, "  (questions, and judges on trial)  ");
    say_seconds(b, f->before);
    as_buf_puts(b, "\n");
    for (size_t i = 0; i < p->n_steps; i++) say_step(b, &f->step[i]);
    as_buf_puts(b, "  (checks)  ");
    say_seconds(b, f->checks);
    as_buf_puts(b, "\nabout ");
    say_seconds(b, f->seconds);
    as_buf_printf(b, " on %zu thread%s (measured: %zu answers, %zu training steps)\n", f->threads,
                  f->threads == 1 ? "" : "s", f->answers, f->updates);
    if (f->n_unknown) as_buf_puts(b, "without what these checks take:");
    for (size_t i = 0; i < f->n_unknown; i++) as_buf_printf(b, " %s", f->unknown[i]);
    if (f->n_unknown) as_buf_puts(b, "\n");
}

int as_cli_forecast(const as_cli *c, const as_plan *plan, as_sandbox *sandbox, as_error *err)
{
    as_exec ex = {0};
    as_forecast f;
    as_buf b = {0};
    bool ok = false;
    const char *cache = as_cli_cache(c, err);
    as_cli_write_only(c, NULL, 0, cache);
    if (!as_map_guard(err) || !as_engine_exec(&ex, c, err)) goto out;
    const as_run_options o = {.data = as_cli_value(c, "data", NULL),
                              .cache = cache,
                              .ex = &ex,
                              .sandbox = sandbox,
                              .pool = ex.pool,
                              .log = c->log,
                              .stop = c->stop};
    if (!as_forecast_make(plan, &o, c->arena, &f, err)) goto out;
    if (!c->json) say(&b, &f);
    ok = c->json ? as_print_json(as_forecast_json(&f), err) : as_print(&b, err);
out:
    as_buf_clear(&b);
    as_exec_clear(&ex);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}
