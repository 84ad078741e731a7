/* app/report: every allocation of making a study's report and its page refused in turn. */
#include "refuse_each.h"

#define STORE_IN_MEMORY
#include "store_rows.h"

#include "app/report/report.h"

static const char plan_text[] =
    "{\"steps\":{\"ask\":{\"do\":\"answer\",\"set\":\"S\",\"ladder\":[\"8\"],\"arms\":{\"a\":"
    "\"base\"}},\"sft\":{\"do\":\"train\"},\"top\":{\"do\":\"heads\",\"from\":\"ask.a\"},\"probe\":"
    "{"
    "\"do\":\"probe\",\"from\":\"ask.a\"},\"try\":{\"do\":\"answer\",\"set\":\"S\",\"arms\":{\"a\":"
    "\"base\",\"s\":\"lora: {sft.1}\",\"t\":\"temper: {top.top}=0.5\",\"p\":\"temper: "
    "{top.placebo-1}=0.5\"}},\"gate\":{\"do\":\"gate\",\"from\":\"try.a\",\"probe\":\"probe\"}},"
    "\"tables\":{\"a\":{\"answers\":\"try.a\"},\"s\":{\"answers\":\"try.s\"}},\"checks\":{\"kept\":"
    "{"
    "\"check\":\"preserved\",\"a\":\"a.coverage\",\"b\":\"s.coverage\"},\"cv\":{\"check\":"
    "\"within-cv\",\"features\":\"a.h_last\"}},\"claims\":{\"c1\":{\"truth\":{\"verdict\":"
    "\"refuted\"}}}}";

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
    static const char *const checks[] = {"check/kept", "check/cv"};
    for (size_t i = 0; i < 2; i++) {
        v.claim = checks[i];
        v.tree = "{\"sentence\":\"\",\"needs\":null,\"parameters\":{}}";
        must(as_verdict_key(&v, &err) && as_store_put_verdict(s, &v, &err));
    }
    static const struct {
        const char *check, *name, *detail;
    } rows[] = {
        {"step/ask", "accuracy", "{}"},
        {"answers/ask.a", "items", "{}"},
        {"arm/ask.a", "accuracy", "{}"},
        {"table/a", "items", "{}"},
        {"table/s", "items", "{}"},
        {"lock", "lock", "{\"agrees\":false,\"hash\":\"aa\",\"time\":\"now\"}"},
        {"lock", "lock", "{\"agrees\":true,\"hash\":\"ab\",\"time\":\"then\"}"},
        {"lock", "deviation", "{\"hash\":\"aa\",\"locked\":1,\"now\":2,\"time\":\"now\"}"},
        {"power/kept", "mde", "{\"power\":0.8}"},
        {"kept", "change", "{}"},
        {"arm/try.a", "cell", "{}"},
        {"answers/try.a", "items", "{}"},
        {"step/sft", "training",
         "{\"training\":\"0000000000000000000000000000000000000000000000000000000000000000\"}"},
        {"step/top", "maximum",
         "{\"heads\":[{\"d\":1,\"head\":0,\"layer\":0}],\"null\":{\"median\":1},\"placebos\":[\"0."
         "1\"]"
         ",\"top\":\"0.0\"}"},
        {"step/probe", "probe", "{\"curve\":{\"p_c\":[1,0],\"p_w\":[1,0],\"t\":[0,1]}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        as_statistic r = make_statistic(&d, rows[i].check, rows[i].name, 0.5);
        r.inputs = "[]";
        r.detail = rows[i].detail;
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
