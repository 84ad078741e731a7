/* The arcs of a report: which arms, checks and rows belong together is read from the plan; tables
 * and figures show rows of the store and nothing else; what the store lacks is said to be not
 * measured; the lock and what checks could see are there when the store has them. */
#include "report_case.h"

#include "app/report/heat.h"
#include "app/report/panel.h"
#include "app/report/study.h"

/* One family with everything, and its rows; a second choice that nothing uses. */
static const char plan_text[] =
    "{\"schema\":\"assay.plan/1\",\"name\":\"tiny\",\"models\":{\"m\":\"M\"},\"sets\":{\"S\":{}},"
    "\"steps\":{"
    "\"ask\":{\"do\":\"answer\",\"model\":\"m\",\"set\":\"S\",\"arms\":{\"base\":\"base\"}},"
    "\"sft\":{\"do\":\"train\",\"model\":\"m\"},"
    "\"top\":{\"do\":\"heads\",\"from\":\"ask.base\"},"
    "\"way\":{\"do\":\"direction\",\"from\":\"ask.base\"},"
    "\"probe\":{\"do\":\"probe\",\"from\":\"ask.base\",\"reading\":\"h_mean\"},"
    "\"try\":{\"do\":\"answer\",\"model\":\"m\",\"set\":\"S\",\"arms\":{\"base\":\"base\","
    "\"asked\":{\"system\":\"Be careful.\",\"treats\":[\"system\"]},\"s-1\":\"lora: {sft.1}\","
    "\"t-05\":\"temper: {top.top}=0.5\",\"t-08\":\"temper: {top.top}=0.8\","
    "\"p-1\":{\"operators\":\"temper: {top.placebo-1}=0.5\"},"
    "\"both\":\"lora: {sft.1}; temper: {top.top}=0.5\","
    "\"s-2\":{\"operators\":\"lora: {sft.2}\",\"system\":\"Go.\",\"treats\":[\"system\"]},"
    "\"t-06\":{\"operators\":\"temper: {top.top}=0.6\",\"cut\":\"8\",\"treats\":[\"cut\"]},"
    "\"asked-8\":{\"system\":\"Go.\",\"cut\":\"8\",\"treats\":[\"system\",\"cut\"]}}},"
    "\"gate\":{\"do\":\"gate\",\"from\":\"try.base\",\"probe\":\"probe\"}},"
    "\"tables\":{\"b\":{\"answers\":\"try.base\",\"columns\":{\"ok\":{\"from\":\"coverage\","
    "\"rule\":\">=\",\"cut\":\"1/2\"}}},"
    "\"s\":{\"answers\":\"try.s-1\"},"
    "\"t\":{\"answers\":\"try.t-05\",\"columns\":{\"says\":{\"from\":\"verbal\",\"equals\":"
    "\"ASSERT\"}}},"
    "\"b2\":{\"answers\":\"try.base\"},\"some\":{\"answers\":\"try.s-1\",\"where\":[{\"column\":"
    "\"ok\",\"is\":\"present\"}]},\"b48\":{\"answers\":\"try.base@48\"}},"
    "\"checks\":{\"kept\":{\"check\":\"preserved\",\"about\":\"it stays\",\"a\":\"b.coverage\","
    "\"b\":\"s.coverage\"},"
    "\"seeds\":{\"check\":\"seeds\",\"base\":\"b.completeness\",\"treated\":[\"s.completeness\"]},"
    "\"dose\":{\"check\":\"trend\",\"doses\":[\"b.says\",\"t.says\"],\"dose\":[\"0\",\"1/2\"]},"
    "\"wins\":{\"check\":\"paired-binary\",\"a\":\"b.ok\",\"b\":\"t.coverage\"},"
    "\"ladder\":{\"check\":\"budget-ladder\",\"a\":[\"b48.coverage\",\"b.coverage\"],\"b\":"
    "[\"s.coverage\",\"s.coverage\"],\"budgets\":[\"48\",\"96.0\"]},"
    "\"of_some\":{\"check\":\"paired-change\",\"a\":\"b.coverage\",\"b\":\"some.coverage\"},"
    "\"other\":{\"check\":\"preserved\",\"a\":\"s.coverage\",\"b\":\"t.coverage\"},"
    "\"cv\":{\"check\":\"within-cv\",\"features\":\"b.h_mean\"}},"
    "\"claims\":{\"pipe\":{\"says\":\"p\"}}}";

static void put_row(as_store *s, const as_design *d, const char *check, const char *name,
                    const char *of, double estimate, const char *detail)
{
    static uint64_t position;
    as_statistic r = make_statistic(d, check, name, estimate);
    r.position = position++;
    r.of = of;
    r.method = "by itself [Arms]";
    r.inputs = "[]";
    r.detail = detail;
    if (!isnan(estimate)) {
        r.lo = estimate - 0.1;
        r.hi = estimate + 0.1;
        r.level = 0.95;
        r.interval = "Wilson";
    }
    must(as_statistic_key(&r, &err) && as_store_put_statistic(s, &r, &err));
}

static void put_verdict(as_store *s, const as_design *d, const char *claim, const char *word,
                        const char *tree)
{
    as_verdict v = {.claim = claim, .word = word, .cause = "", .tree = tree};
    memcpy(v.design, d->key, sizeof v.design);
    must(as_verdict_key(&v, &err) && as_store_put_verdict(s, &v, &err));
}

static void put_arms(as_store *s, const as_design *d)
{
    static const char *const arms[] = {"try.base", "try.asked", "try.s-1",   "try.t-05",
                                       "try.t-08", "try.p-1",   "gate.gated"};
    static const char *const measures[] = {"assertion_rate", "asymmetry", "coverage"};
    static const char *const cells[] = {"cr", "cw", "hr", "hw"};
    char check[64];
    for (size_t i = 0; i < sizeof arms / sizeof arms[0]; i++) {
        (void)snprintf(check, sizeof check, "answers/%s", arms[i]);
        put_row(s, d, check, "items", "", 100, "{\"facts\":{}}");
        (void)snprintf(check, sizeof check, "arm/%s", arms[i]);
        for (size_t k = 0; k < 3; k++)
            put_row(s, d, check, measures[k], "", 0.25 + 0.0625 * (double)i, "{}");
        for (size_t k = 0; k < 4; k++)
            put_row(s, d, check, "cell", cells[k], (double)(10 * i + k), "{}");
    }
    put_row(s, d, "answers/try.both", "absent", "", NAN, "{\"why\":\"step sft: too few\"}");
}

static void put_steps(as_store *s, const as_design *d)
{
    static const char *const values[] = {"{\"held_loss\":3}", "{\"loss\":2.5}",
                                         "{\"held_loss\":1.5,\"loss\":1.25}"};
    char detail[128];
    as_training t = {.name = "sft",
                     .kind = "sft",
                     .plan = "{}",
                     .inputs = "{}",
                     .code = "assay 0.1.0",
                     .seed = 7};
    must(as_training_key(&t, &err) && as_store_put_training(s, &t, &err));
    for (uint64_t i = 0; i < 3; i++) {
        as_training_step row = {.step = i, .of = 2, .values = values[i]};
        memcpy(row.training, t.key, sizeof row.training);
        must(as_training_step_key(&row, &err) && as_store_put_training_step(s, &row, &err));
    }
    (void)snprintf(detail, sizeof detail, "{\"training\":\"%s\"}", t.key);
    put_row(s, d, "step/sft", "training", "1", 10, detail);
    put_row(s, d, "step/top", "maximum", "", 0.75,
            "{\"heads\":[{\"d\":-0.75,\"head\":1,\"layer\":2},{\"d\":0.5,\"head\":0,\"layer\":0}],"
            "\"null\":{\"draws\":99,\"median\":0.3125,\"q05\":0.25,\"q95\":0.375},\"p\":0.25,"
            "\"placebos\":[\"0.0\"],\"top\":\"2.1\"}");
    put_row(s, d, "step/probe", "probe", "", -0.5,
            "{\"coverage\":0.7,\"curve\":{\"p_c\":[1,0.75],\"p_w\":[0.875,0.25],\"t\":[0.25,0.625]}"
            ",\"threshold\":0.625}");
}

static void put_checks(as_store *s, const as_design *d)
{
    static const char *const ids[] = {"check/kept", "check/seeds", "check/dose",   "check/other",
                                      "check/cv",   "check/wins",  "check/ladder", "check/of_some"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        put_verdict(s, d, ids[i], "unknown",
                    "{\"sentence\":\"so\",\"needs\":null,\"parameters\":{\"gate_auc\":\"0.65\"}}");
    put_verdict(s, d, "pipe", "inconclusive",
                "{\"sentence\":\"so\",\"stopped_at\":1,\"branches\":[{\"role\":\"step\",\"step\":1,"
                "\"step_name\":\"within\",\"check\":\"cv\",\"outcome\":\"unknown\",\"cause\":"
                "\"small\",\"sentence\":\"so\",\"key\":\"k\"}]}");
    put_row(s, d, "kept", "change", "", -0.0625, "{}");
    put_row(s, d, "dose", "effect", "dose=0.5", -0.125, "{}");
    put_row(s, d, "cv", "auc_out_of_fold", "C=1", 0.8125, "{}");
    for (const char *const *name = (const char *const[]){"b", "s", "t", "b2", "some", "b48", NULL};
         *name; name++) {
        char check[32];
        (void)snprintf(check, sizeof check, "table/%s", *name);
        put_row(s, d, check, "items", "", 100, "{}");
    }
}

typedef enum { BARE, WHOLE, LOCKED } how_much;

static as_store *new_study(as_design *d, how_much how)
{
    fresh();
    as_store *s = open_store(AS_STORE_WRITE);
    must(s != NULL);
    *d = (as_design){
        .name = "tiny", .plan = plan_text, .inputs = "{}", .code = "assay 0.1.0", .seed = 7};
    must(as_design_key(d, &err) && as_store_put_design(s, d, &err) && as_store_begin(s, &err));
    put_checks(s, d);
    if (how != BARE) {
        put_arms(s, d);
        put_steps(s, d);
    }
    if (how == LOCKED) {
        put_row(s, d, "lock", "lock", "", 1,
                "{\"agrees\":false,\"hash\":\"0123456789abcdef0123\",\"is_after\":true,\"time\":"
                "\"2026-02-03T04:05:06Z\"}");
        put_row(s, d, "lock", "deviation", "/seed", NAN,
                "{\"hash\":\"0123456789abcdef0123\",\"locked\":\"7\",\"now\":\"8\",\"time\":"
                "\"2026-02-03T04:05:06Z\"}");
        put_row(s, d, "power/kept", "mde", "", 0.1875,
                "{\"assumptions\":{\"sd\":1},\"power\":0.8,\"unit\":\"items\"}");
    }
    must(as_store_commit(s, &err));
    return s;
}

static size_t size_at(const json_t *o, const char *pointer)
{
    return json_array_size(as_json_at(o, pointer));
}

/* --- the object ------------------------------------------------------------------------------ */

static void arms_belong_to_arcs(void)
{
    static const char *const trained[] = {"base", "asked", "trained", "mixed", "mixed"};
    static const char *const chosen[] = {"base",    "asked", "chosen", "chosen",
                                         "placebo", "mixed", "mixed"};
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    json_t *r = report_of(s, &d, NULL);
    CHECK(size_at(r, "/arcs/trained") == 1 && size_at(r, "/arcs/trained/0/arms") == 5);
    for (size_t i = 0; i < 5; i++)
        CHECK_TEXT(json_string_value(json_object_get(
                       json_array_get(as_json_at(r, "/arcs/trained/0/arms"), i), "kind")),
                   trained[i]);
    CHECK_TEXT(text_at(r, "/arcs/trained/0/family"), "m");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/base"), "base");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/arms/2/from"), "sft");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/arms/2/name"), "1");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/arms/4/arm"), "s-2");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/arms/6/arm"), "t-06");
    CHECK(json_is_null(as_json_at(r, "/arcs/chosen/0/arms/6/name")));
    CHECK(size_at(r, "/arcs/chosen") == 2 && size_at(r, "/arcs/chosen/0/arms") == 7);
    for (size_t i = 0; i < 7; i++)
        CHECK_TEXT(json_string_value(json_object_get(
                       json_array_get(as_json_at(r, "/arcs/chosen/0/arms"), i), "kind")),
                   chosen[i]);
    CHECK_NEAR(json_number_value(as_json_at(r, "/arcs/chosen/0/arms/3/dose")), 0.8, 0);
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/arms/4/name"), "placebo-1");
    CHECK_TEXT(text_at(r, "/arcs/chosen/1/from"), "way");
    CHECK(json_is_null(as_json_at(r, "/arcs/chosen/1/step")));
    CHECK(size_at(r, "/arcs/gated") == 1 && size_at(r, "/arcs/gated/0/probes") == 1);
    CHECK_TEXT(text_at(r, "/arcs/gated/0/gate"), "gate");
    CHECK_TEXT(text_at(r, "/arcs/gated/0/reading"), "h_mean");
    CHECK_TEXT(text_at(r, "/arcs/gated/0/probes/0/check"), "cv");
    CHECK_TEXT(text_at(r, "/arms/6/absent"), "step sft: too few");
    json_decref(r);
    as_store_close(s);
}

/* Only what is held against the base, and only arms of the arc. */
static void changes_are_against_the_base(void)
{
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    json_t *r = report_of(s, &d, NULL);
    CHECK(size_at(r, "/arcs/trained/0/changes") == 3 && size_at(r, "/arcs/chosen/0/changes") == 2);
    CHECK_TEXT(text_at(r, "/arcs/trained/0/changes/2/check"), "ladder");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/changes/2/of"), "budget=96");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/changes/1/check"), "wins");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/changes/1/name"), "difference");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/changes/0/check"), "kept");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/changes/0/measure"), "coverage");
    CHECK_TEXT(text_at(r, "/arcs/trained/0/changes/1/of"), "s.completeness");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/changes/0/arm"), "t-05");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/changes/0/measure"), "assertion_rate");
    CHECK_TEXT(text_at(r, "/arcs/chosen/0/changes/0/of"), "dose=0.5");
    json_decref(r);
    as_store_close(s);
}

static void losses_are_by_step(void)
{
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    const json_t *run = as_json_at(r, "/arcs/trained/0/runs/0");
    CHECK(size_at(r, "/arcs/trained/0/runs") == 1 && size_at(run, "/steps") == 3);
    CHECK(json_is_null(as_json_at(run, "/loss/0")) &&
          json_is_null(as_json_at(run, "/held_loss/1")));
    CHECK_NEAR(json_number_value(as_json_at(run, "/loss/2")), 1.25, 0);
    CHECK_NEAR(json_number_value(as_json_at(run, "/held_loss/2")), 1.5, 0);
    CHECK_TEXT(text_at(run, "/from"), "sft");
    CHECK(count(as_buf_text(&page), "<td class=\"num\">2</td><td class=\"num\">2.500</td><td "
                                    "class=\"num\">1.250</td><td class=\"num\">1.500</td>") == 1);
    CHECK(count(as_buf_text(&page), "<title>1, step 2: 1.250; </title>") == 1);
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
}

static void lock_and_power(void)
{
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    CHECK(json_is_null(json_object_get(r, "lock")) && !as_json_at(r, "/checks/0/power"));
    CHECK(count(as_buf_text(&page), "was not locked") == 1);
    CHECK(!strstr(as_buf_text(&page), "Could see"));
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
    s = new_study(&d, LOCKED);
    r = report_of(s, &d, &page);
    CHECK_TEXT(text_at(r, "/lock/time"), "2026-02-03T04:05:06Z");
    CHECK_TEXT(text_at(r, "/lock/deviations/0/at"), "/seed");
    CHECK_TEXT(text_at(r, "/lock/deviations/0/now"), "8");
    CHECK(size_at(r, "/checks/0/power") == 1 && !as_json_at(r, "/checks/1/power"));
    CHECK(count(as_buf_text(&page), "departs from it") == 1);
    CHECK(count(as_buf_text(&page), "locked after the first answers") == 1);
    CHECK(count(as_buf_text(&page), "0.188 (power 0.8, n = 100 items)") == 1);
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
}

static bool has_all(const json_t *object, const json_t *schema)
{
    const char *name;
    json_t *value;
    size_t i, n = 0;
    const json_t *required;
    json_object_foreach((json_t *)object, name, value)
    {
        n += json_object_get(json_object_get(schema, "properties"), name) != NULL;
    }
    json_array_foreach(json_object_get(schema, "required"), i, required)
    {
        n += json_object_get(object, json_string_value(required)) ? 0 : 1000;
    }
    return n == json_object_size(object);
}

/* Each object has what the schema says it has, and nothing else. */
static void the_schema_knows_them(void)
{
    static const char *const lists[] = {"trained", "chosen", "gated"};
    as_design d;
    as_store *s = new_study(&d, LOCKED);
    json_t *r = report_of(s, &d, NULL);
    json_t *schema = as_json_read("docs/schemas/assay.report.1.json", &err);
    const json_t *defs = json_object_get(schema, "$defs");
    CHECK(has_all(as_json_at(r, "/arcs/trained/0/runs/0"),
                  as_json_at(defs, "/trained/properties/runs/items")));
    CHECK(schema && has_all(r, schema));
    CHECK(has_all(json_object_get(r, "arcs"), json_object_get(defs, "arcs")));
    CHECK(has_all(json_object_get(r, "lock"), as_json_at(defs, "/lock/anyOf/1")));
    for (size_t i = 0; i < 3; i++) {
        const json_t *list = json_object_get(json_object_get(r, "arcs"), lists[i]), *arc, *arm;
        size_t k, j;
        json_array_foreach(list, k, arc)
        {
            CHECK(has_all(arc, json_object_get(defs, lists[i])));
            json_array_foreach(json_object_get(arc, "arms"), j, arm)
            {
                CHECK(has_all(
                    arm, as_json_at(json_object_get(defs, lists[i]), "/properties/arms/items")));
            }
            json_array_foreach(json_object_get(arc, "changes"), j, arm)
            {
                CHECK(has_all(arm, json_object_get(defs, "change")));
            }
        }
    }
    json_decref(schema);
    json_decref(r);
    as_store_close(s);
}

/* --- the page -------------------------------------------------------------------------------- */

static void the_page_shows_the_arcs(void)
{
    static const char *const parts[] = {"trained", "chosen", "gated"};
    char id[40];
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    as_buf page = {0}, again = {0};
    json_t *r = report_of(s, &d, &page), *second = report_of(s, &d, &again);
    const char *text = as_buf_text(&page);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(id, sizeof id, "<h2 id=\"%s\">", parts[i]);
        CHECK(count(text, id) == 1);
        (void)snprintf(id, sizeof id, "<a href=\"#%s\">", parts[i]);
        CHECK(count(text, id) == 1);
    }
    CHECK(count(text, "\u0394 \u22120.062") == 1); /* the change of coverage, linked to its check */
    CHECK(count(text, "layer 2, head 1: d = \u22120.750, chosen") == 1);
    CHECK(count(text, "layer 0, head 0: d = 0.500, placebo 1") == 1);
    CHECK(count(text, "0.312 (0.250 to 0.375)") == 1); /* the null of the maximum */
    CHECK(count(text, "top, \u03bb 0.5: 0.438 (0.338 to 0.537)") == 6); /* in three panels, twice */
    CHECK(count(text, "right that pass, threshold 0.625: 0.750; wrong that pass, threshold 0.625: "
                      "0.250; ") == 1);
    CHECK(count(text, "AUC out of fold <small>C=1</small></td><td class=\"num\">0.812</td>") == 1);
    CHECK(count(text, "It stops at step 1") == 1);
    CHECK(count(text, "not measured: step sft: too few") == 1);
    CHECK(again.size == page.size && memcmp(again.data, page.data, page.size) == 0);
    CHECK(count(text, "<th ") == count(text, "<th scope=") && !strstr(text, "<script"));
    CHECK(count(text, "nan") == 0 && count(text, "inf\"") == 0);
    json_decref(r);
    json_decref(second);
    as_buf_clear(&page);
    as_buf_clear(&again);
    as_store_close(s);
}

static void what_is_lacking_is_said(void)
{
    as_design d;
    as_store *s = new_study(&d, BARE);
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    const char *text = as_buf_text(&page);
    CHECK(count(text, "The effects of <code>top</code>: not measured.") == 1);
    CHECK(count(text, "What passes at each threshold: not measured.") == 1);
    CHECK(count(text, "Losses of the trainings: not measured.") == 1);
    CHECK(count(text, "<small>not measured</small>") > 20);
    CHECK(size_at(r, "/arms") == 0 && size_at(r, "/arcs/trained/0/runs") == 0);
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
}

/* A row in the tables, and no seed and no dose of the lines. */
static void mixed_arms_stand_aside(void)
{
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    must(as_store_begin(s, &err));
    for (const char *const *arm = (const char *const[]){"arm/try.t-06", "arm/try.s-2", NULL}; *arm;
         arm++)
        put_row(s, &d, *arm, "coverage", "", 0.9375, "{}");
    must(as_store_commit(s, &err));
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    const char *text = as_buf_text(&page);
    CHECK(count(text, "t-06<br><small>and treated otherwise</small>") == 1);
    CHECK(count(text, "s-2<br><small>and treated otherwise</small>") == 1);
    CHECK(!strstr(text, "\u03bb 0.6") && !strstr(text, "<title>s-2: "));
    CHECK(!strstr(text, "base on the left") && !strstr(text, "too many to draw"));
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
}

static void too_many_heads_are_said(void)
{
    as_design d;
    as_store *s = new_study(&d, WHOLE);
    as_buf page = {0};
    json_t *r = report_of(s, &d, NULL), *heads = NULL, *step;
    size_t i;
    json_array_foreach(json_object_get(r, "steps"), i, step)
    {
        if (!heads) heads = (json_t *)as_json_at(step, "/statistics/0/detail/heads");
    }
    must(heads != NULL);
    for (i = json_array_size(heads); i < 1201; i++)
        (void)json_array_append(heads, json_array_get(heads, 0));
    must(as_report_html(r, &page, &err));
    CHECK(count(as_buf_text(&page), "The effects of the 1201 heads are too many to draw") == 1);
    CHECK(!strstr(as_buf_text(&page), "Effect of each head"));
    json_decref(r);
    as_buf_clear(&page);
    as_store_close(s);
}

/* --- parts ----------------------------------------------------------------------------------- */

static void lists_of_heads(void)
{
    json_t *placebos = json_pack("[s,s]", "0.1,3.2", "4.0");
    CHECK(as_heat_lists("1.2,11.3", 11, 3) && as_heat_lists("1.2,11.3", 1, 2));
    CHECK(!as_heat_lists("1.2,11.3", 1, 3) && !as_heat_lists("1.23", 1, 2));
    CHECK(!as_heat_lists("11.2", 1, 2) && !as_heat_lists(NULL, 0, 0) && !as_heat_lists("", 0, 0));
    CHECK(as_heat_placebo(placebos, 3, 2) == 1 && as_heat_placebo(placebos, 4, 0) == 2);
    CHECK(as_heat_placebo(placebos, 4, 1) == 0 && as_heat_placebo(NULL, 0, 0) == 0);
    json_decref(placebos);
}

/* The strongest head has the strongest tint, half of it half. */
static void tints(void)
{
    json_t *heads =
        json_pack("[{s:i,s:i,s:f},{s:i,s:i,s:f},{s:i,s:i,s:n}]", "layer", 7, "head", 0, "d", -2.0,
                  "layer", 3, "head", 1, "d", 1.0, "layer", 3, "head", 0, "d");
    as_heat f = {.title = "t", .caption = "c", .of = "<x>", .heads = heads, .top = "7.0"};
    as_buf b = {0};
    CHECK(as_heat_put(&b, 1, &f));
    CHECK(count(as_buf_text(&b), "class=\"below\" x=\"62\" y=\"60\" width=\"58\" height=\"36\" "
                                 "fill-opacity=\"0.500\"") == 1);
    CHECK(count(as_buf_text(&b), "class=\"above\" x=\"120\" y=\"24\" width=\"58\" height=\"36\" "
                                 "fill-opacity=\"0.250\"") == 1);
    CHECK(count(as_buf_text(&b), "<rect class=\"chosen\" x=\"64\" y=\"62\"") == 1);
    CHECK(strstr(as_buf_text(&b), "&lt;x&gt;") && !strstr(as_buf_text(&b), "nan"));
    as_buf_clear(&b);
    json_array_clear(heads);
    CHECK(!as_heat_put(&b, 1, &f) && b.size == 0);
    for (size_t i = 0; i < 1201; i++)
        (void)json_array_append_new(
            heads, json_pack("{s:I,s:i,s:f}", "layer", (json_int_t)i, "head", 0, "d", 1.0));
    CHECK(!as_heat_put(&b, 1, &f) && b.size == 0);
    json_decref(heads);
    as_buf_clear(&b);
}

/* A factor falls from left to right, a strength rises. */
static void doses_go_from_the_base(void)
{
    const double x[] = {0.5, 1}, y[] = {0, 1};
    const as_trace trace[] = {{"line", x, y, NULL, NULL, 2, 0, true, 1}};
    for (int falls = 0; falls < 2; falls++) {
        as_buf b = {0};
        as_traces f = {.title = "t",
                       .x_axis = "x",
                       .of = "x",
                       .trace = trace,
                       .n_traces = 1,
                       .tick = x,
                       .n_ticks = 2,
                       .is_falling = falls == 1,
                       .at = NAN,
                       .level = NAN};
        as_traces_put(&b, &f);
        CHECK(count(as_buf_text(&b),
                    falls ? "d=\"M282.0 156.0L54.0 6.0\"" : "d=\"M54.0 156.0L282.0 6.0\"") == 1);
        CHECK(count(as_buf_text(&b), ">0.5</text>") == 1);
        CHECK(count(as_buf_text(&b), "<title>line, x 0.5: 0.000</title>") == 1);
        CHECK(count(as_buf_text(&b), "<use href=\"#m0\"") == 1); /* the other one is bare */
        as_buf_clear(&b);
    }
}

/* Marks of a row stand together under its name, once; one that was not measured says so. */
static void rows_of_marks(void)
{
    json_t *stat = json_pack("{s:f,s:i,s:{s:f,s:f}}", "estimate", 0.5, "n", 9, "interval", "lo",
                             0.25, "hi", 0.75);
    const as_dot dot[] = {{"a", "a-1", stat, 0}, {"a", "a-2", NULL, 0}, {"b", "b", stat, 1}};
    as_dots f = {.title = "<t>", .dot = dot, .n_dots = 3, .base = stat};
    as_buf b = {0};
    as_span_add(&f.span, 0);
    as_span_add(&f.span, 1);
    as_dots_put(&b, &f);
    CHECK(count(as_buf_text(&b), ">a</text>") == 1 && count(as_buf_text(&b), ">b</text>") == 1);
    CHECK(count(as_buf_text(&b), "<title>a-1: 0.500 (0.250 to 0.750), n = 9</title>") == 1);
    CHECK(count(as_buf_text(&b), ">not measured</text>") == 1);
    CHECK(count(as_buf_text(&b), "class=\"m0\" x=\"188.0\" y=\"11.0\"") == 1);
    CHECK(count(as_buf_text(&b), "class=\"m1\" x=\"188.0\" y=\"46.0\"") == 1);
    CHECK(count(as_buf_text(&b), "class=\"as-base\" x1=\"188.0\"") == 1);
    CHECK(!strstr(as_buf_text(&b), "<t>"));
    json_decref(stat);
    as_buf_clear(&b);
}

static void short_numbers(void)
{
    char text[AS_HTML_NUMBER];
    CHECK_TEXT(as_html_short(0.5, text), "0.5");
    CHECK_TEXT(as_html_short(-0.15, text), "\u22120.15");
    CHECK_TEXT(as_html_short(1, text), "1");
    CHECK_TEXT(as_html_short(NAN, text), "\u2013");
}

int main(void)
{
    RUN(arms_belong_to_arcs);
    RUN(changes_are_against_the_base);
    RUN(losses_are_by_step);
    RUN(lock_and_power);
    RUN(the_schema_knows_them);
    RUN(the_page_shows_the_arcs);
    RUN(what_is_lacking_is_said);
    RUN(mixed_arms_stand_aside);
    RUN(too_many_heads_are_said);
    RUN(lists_of_heads);
    RUN(tints);
    RUN(doses_go_from_the_base);
    RUN(rows_of_marks);
    RUN(short_numbers);
    tidy();
    return check_end();
}
