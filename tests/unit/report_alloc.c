/* app/report: every allocation of making a study's report and its page refused in turn. */
#include "refuse_each.h"

#define STORE_IN_MEMORY
#include "store_rows.h"

#include "app/report/report.h"

static const char plan_text[] =
    "{\"steps\":{\"ask\":{\"do\":\"answer\",\"set\":\"S\",\"ladder\":[\"8\"],\"arms\":{\"a\":"
    "\"base\"}}},\"claims\":{\"c1\":{\"truth\":{\"verdict\":\"refuted\"}}}}";

static as_design put_study(as_store *s)
{
    as_design d = {.name = "tiny", .plan = plan_text, .inputs = "{}", .code = "assay", .seed = 7};
    must(as_design_key(&d, &err) && as_store_put_design(s, &d, &err));
    as_prompt p = make_prompt(&d, "S", 0, "question");
    as_generation g = make_generation(&p, "ask.a", "answer");
    as_judgement j = make_judgement(&g, "coverage", 0.5);
    must(as_store_put_prompt(s, &p, &err) && as_store_put_generation(s, &g, &err) &&
         as_store_put_judgement(s, &j, &err));
    as_verdict v = {.claim = "c1",
                    .word = "refuted",
                    .cause = "",
                    .tree = "{\"sentence\":\"\",\"stopped_at\":0,\"branches\":[]}"};
    memcpy(v.design, d.key, sizeof v.design);
    must(as_verdict_key(&v, &err) && as_store_put_verdict(s, &v, &err));
    static const char *const checks[] = {"step/ask", "answers/ask.a", "arm/ask.a"};
    for (size_t i = 0; i < 3; i++) {
        as_statistic r = make_statistic(&d, checks[i], i == 1 ? "items" : "accuracy", 0.5);
        r.inputs = "[]";
        must(as_statistic_key(&r, &err) && as_store_put_statistic(s, &r, &err));
    }
    return d;
}

static as_store *store;
static as_design design;

static bool make_object(as_error *e)
{
    json_t *report = as_report_json(store, &design, "2026-01-01T00:00:00Z", e);
    json_decref(report);
    return report != NULL;
}

static json_t *made;

static bool make_page(as_error *e)
{
    as_buf page = {0};
    bool ok = as_report_html(made, &page, e);
    as_buf_clear(&page);
    return ok;
}

static void object(void)
{
    refuse_each(make_object);
}

static void page(void)
{
    made = as_report_json(store, &design, "2026-01-01T00:00:00Z", &err);
    must(made != NULL);
    refuse_each(make_page);
    json_decref(made);
}

int main(void)
{
    fail_alloc_init();
    fresh();
    store = open_store(AS_STORE_WRITE);
    must(store != NULL);
    design = put_study(store);
    must(make_object(&err));
    RUN(object);
    RUN(page);
    as_store_close(store);
    tidy();
    return check_end();
}
