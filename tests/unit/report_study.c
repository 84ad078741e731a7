/* The report of a study: steps, arms, answers and truths are what the store holds, in the order of
 * the plan; long texts are cut and said to be; foreign text stays text; a page of many answers
 * stays small; a plan without steps has none of it. With an argument, writes a page there. */
#include "report_case.h"

#include "app/report/study.h"

/* --- stores ----------------------------------------------------------------------------------- */

static const char plan_text[] =
    "{\"schema\":\"assay.plan/1\",\"name\":\"tiny\",\"title\":\"Tiny\",\"sets\":{\"S\":{}},"
    "\"steps\":{"
    "\"ask\":{\"do\":\"answer\",\"about\":\"two arms\",\"model\":\"m\",\"set\":\"S\","
    "\"ladder\":[\"16\",\"128\"],\"arms\":{\"treated\":\"lora: {sft.1}\",\"base\":\"base\"}},"
    "\"heads\":{\"do\":\"heads\",\"from\":\"ask.base\",\"k\":\"3\"},"
    "\"gate\":{\"do\":\"gate\",\"from\":\"ask.base\",\"probe\":\"probe\"}},"
    "\"claims\":{\"right\":{\"says\":\"a\",\"must_hold\":[],\"truth\":{\"verdict\":\"supported\","
    "\"cause\":\"\"}},\"wrong\":{\"says\":\"b\",\"must_hold\":[],\"truth\":{\"verdict\":\"refuted\""
    ",\"cause\":\"no effect\"}},\"open\":{\"says\":\"c\",\"settles\":\"more\",\"must_hold\":[]}}}";

static as_design put_design(as_store *s, const char *name, const char *plan)
{
    as_design d = {.name = name, .plan = plan, .inputs = "{}", .code = "assay 0.1.0", .seed = 7};
    must(as_design_key(&d, &err) && as_store_put_design(s, &d, &err));
    return d;
}

static void put_verdict(as_store *s, const as_design *d, const char *claim, const char *word)
{
    as_verdict v = {.claim = claim,
                    .word = word,
                    .cause = "",
                    .tree = "{\"sentence\":\"so\",\"stopped_at\":0,\"branches\":[]}"};
    memcpy(v.design, d->key, sizeof v.design);
    must(as_verdict_key(&v, &err) && as_store_put_verdict(s, &v, &err));
}

static void put_statistic(as_store *s, const as_design *d, const char *check, uint64_t position,
                          const char *name, double estimate, const char *detail)
{
    as_statistic r = make_statistic(d, check, name, estimate);
    r.position = position;
    r.method = "by itself [Arms]";
    r.inputs = "[]";
    r.detail = detail;
    r.missing = 2;
    if (strncmp(check, "arm/", 4) == 0) {
        r.lo = estimate - 0.1;
        r.hi = estimate + 0.1;
        r.level = 0.95;
        r.interval = "Wilson";
    }
    must(as_statistic_key(&r, &err) && as_store_put_statistic(s, &r, &err));
}

static void put_word(as_store *s, const as_generation *g, const char *axis, double score,
                     const char *label, const char *missing)
{
    as_judgement r = {
        .axis = axis, .score = score, .label = label, .missing = missing, .judge = "claims"};
    memcpy(r.generation, g->key, sizeof r.generation);
    must(as_judgement_key(&r, &err) && as_store_put_judgement(s, &r, &err));
}

/* One arm's answers to n prompts, what was judged, its closing row and its numbers. */
static void put_arm(as_store *s, const as_design *d, const char *arm, const as_prompt *prompt,
                    size_t n, const char *text)
{
    char check[256];
    for (size_t i = 0; i < n; i++) {
        as_generation g = {.arm = arm, .text = text, .finish = "stop", .subject = "local/x"};
        memcpy(g.prompt, prompt[i].key, sizeof g.prompt);
        must(as_generation_key(&g, &err) && as_store_put_generation(s, &g, &err));
        put_word(s, &g, "coverage", 0.25, NULL, NULL);
        put_word(s, &g, "verbal", NAN, "ASSERT", NULL);
        put_word(s, &g, "logprob", NAN, NULL, "unknown");
    }
    (void)snprintf(check, sizeof check, "answers/%s", arm);
    put_statistic(s, d, check, 0, "items", (double)n, "{\"facts\":{\"system\":\"none\"}}");
    (void)snprintf(check, sizeof check, "arm/%s", arm);
    put_statistic(s, d, check, 0, "accuracy", 0.5, "{}");
    put_statistic(s, d, check, 1, "asymmetry", -0.25, "{}");
    put_statistic(s, d, check, 2, "cut_rate", 0.125, "{}");
}

static as_prompt *put_prompts(as_store *s, const as_design *d, size_t n, const char *text)
{
    as_prompt *prompt = calloc(n, sizeof *prompt);
    if (!prompt) abort();
    for (size_t i = 0; i < n; i++) {
        prompt[i] = make_prompt(d, "S", i, text);
        must(as_store_put_prompt(s, &prompt[i], &err));
    }
    return prompt;
}

static as_store *new_store(void)
{
    fresh();
    as_store *s = open_store(AS_STORE_WRITE);
    must(s != NULL);
    return s;
}

static as_design put_tiny(as_store *s, const char *text)
{
    as_design d = put_design(s, "tiny", plan_text);
    must(as_store_begin(s, &err));
    as_prompt *prompt = put_prompts(s, &d, 7, text);
    put_arm(s, &d, "ask.base", prompt, 7, text);
    put_arm(s, &d, "ask.treated", prompt, 7, text);
    put_arm(s, &d, "ask.base@128", prompt, 7, text);
    put_arm(s, &d, "ask.base@16", prompt, 7, text);
    put_arm(s, &d, "gate.gated", prompt, 7, text);
    put_statistic(s, &d, "step/heads", 1, "maximum", 1.25,
                  "{\"heads\":[{\"d\":1.25,\"head\":2,\"layer\":0}],\"p\":0.002}");
    put_statistic(s, &d, "step/ask", 0, "gate", 0.95, "{\"bar\":0.9,\"judge\":\"claims\"}");
    put_statistic(s, &d, "step/heads", 1, "novelty", 0.5, "{}");
    put_verdict(s, &d, "right", "supported");
    put_verdict(s, &d, "wrong", "inconclusive");
    put_verdict(s, &d, "open", "refuted");
    must(as_store_commit(s, &err));
    free(prompt);
    return d;
}

static json_int_t whole_at(const json_t *o, const char *pointer)
{
    return json_integer_value(as_json_at(o, pointer));
}

/* --- tests ----------------------------------------------------------------------------------- */

static void object(void)
{
    static const char *const arms[] = {"treated", "base", "base@16", "base@128", "gated"};
    as_store *s = new_store();
    as_design d = put_tiny(s, "word");
    json_t *r = report_of(s, &d, NULL);
    CHECK(json_array_size(json_object_get(r, "steps")) == 3);
    CHECK_TEXT(text_at(r, "/steps/0/do"), "answer");
    CHECK_TEXT(text_at(r, "/steps/0/about"), "two arms");
    CHECK(json_is_null(as_json_at(r, "/steps/0/from")));
    CHECK_TEXT(text_at(r, "/steps/0/settings/model"), "m");
    CHECK(!as_json_at(r, "/steps/0/settings/do"));
    CHECK_TEXT(text_at(r, "/steps/1/from"), "ask.base");
    CHECK(json_array_size(as_json_at(r, "/steps/1/statistics")) == 2);
    CHECK(json_array_size(json_object_get(r, "arms")) == 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *arm = json_array_get(json_object_get(r, "arms"), i);
        CHECK_TEXT(json_string_value(json_object_get(arm, "arm")), arms[i]);
        CHECK_TEXT(json_string_value(json_object_get(arm, "set")), "S");
        CHECK(json_integer_value(json_object_get(arm, "n")) == 100);
        CHECK_TEXT(text_at(arm, "/facts/system"), "none");
        CHECK(json_array_size(json_object_get(arm, "statistics")) == 3);
        CHECK_TEXT(text_at(arm, "/statistics/0/name"), "accuracy");
        CHECK_TEXT(text_at(arm, "/statistics/2/name"), "cut_rate");
    }
    CHECK_TEXT(text_at(r, "/arms/0/treatment"), "lora: {sft.1}");
    CHECK_TEXT(text_at(r, "/arms/2/treatment"), "base");
    CHECK(json_is_null(as_json_at(r, "/arms/4/treatment")));
    CHECK_TEXT(text_at(r, "/rerun/plan"), "tiny");
    CHECK_TEXT(text_at(r, "/rerun/design"), d.key);
    CHECK_TEXT(text_at(r, "/rerun/commands/1"),
               "assay run tiny.plan.json --db STORE --work FOLDER --report tiny.html");
    json_decref(r);
    as_store_close(s);
}

static void answers_stand_side_by_side(void)
{
    as_store *s = new_store();
    as_design d = put_tiny(s, "word");
    json_t *r = report_of(s, &d, NULL);
    const json_t *examples = json_object_get(r, "examples");
    CHECK(json_array_size(examples) == 10); /* the first five of seven, of two steps */
    for (size_t i = 0; i < json_array_size(examples); i++) {
        const json_t *e = json_array_get(examples, i);
        CHECK(whole_at(e, "/position") == (json_int_t)(i % 5));
        CHECK_TEXT(text_at(e, "/step"), i < 5 ? "ask" : "gate");
        CHECK_TEXT(text_at(e, "/prompt"), "word");
        CHECK(json_array_size(json_object_get(e, "answers")) == (i < 5 ? 4 : 1));
    }
    CHECK_TEXT(text_at(examples, "/0/answers/0/arm"), "treated");
    CHECK_TEXT(text_at(examples, "/0/answers/0/finish"), "stop");
    CHECK(json_is_false(as_json_at(examples, "/0/answers/0/is_cut")));
    const json_t *said = as_json_at(examples, "/0/answers/3/judgements");
    CHECK(json_object_size(said) == 3);
    CHECK_NEAR(json_number_value(json_object_get(said, "coverage")), 0.25, 0);
    CHECK_TEXT(text_at(said, "/verbal"), "ASSERT");
    CHECK_TEXT(text_at(said, "/logprob/missing"), "unknown");
    json_decref(r);
    as_store_close(s);
}

static void truths_are_counted(void)
{
    as_store *s = new_store();
    as_design d = put_tiny(s, "word");
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    CHECK(json_array_size(as_json_at(r, "/truths/claims")) == 2);
    CHECK(json_is_true(as_json_at(r, "/truths/claims/0/is_right")));
    CHECK(json_is_false(as_json_at(r, "/truths/claims/1/is_right")));
    CHECK_TEXT(text_at(r, "/truths/claims/1/truth_cause"), "no effect");
    CHECK(whole_at(r, "/truths/counts/supported/supported") == 1);
    CHECK(whole_at(r, "/truths/counts/refuted/inconclusive") == 1);
    CHECK(whole_at(r, "/truths/counts/refuted/refuted") == 0);
    CHECK(whole_at(r, "/truths/right") == 1 && whole_at(r, "/truths/wrong") == 1);
    CHECK(count(as_buf_text(&page), "class=\"num right-call\">1<") == 1);
    as_buf_clear(&page);
    json_decref(r);
    as_store_close(s);
}

/* n times a piece of text. */
static char *times(const char *piece, size_t n)
{
    size_t size = strlen(piece);
    char *text = malloc(n * size + 1);
    if (!text) abort();
    for (size_t i = 0; i < n; i++) memcpy(text + i * size, piece, size);
    text[n * size] = '\0';
    return text;
}

static void long_texts_are_cut(void)
{
    for (size_t more = 0; more < 2; more++) {
        as_store *s = new_store();
        char *text = times("\303\251", AS_EXAMPLE_CHARACTERS + more);
        as_design d = put_tiny(s, text);
        as_buf page = {0};
        json_t *r = report_of(s, &d, &page);
        const char *shown = text_at(r, "/examples/0/answers/0/text");
        CHECK(shown && strlen(shown) == 2 * (size_t)AS_EXAMPLE_CHARACTERS);
        CHECK(json_is_true(as_json_at(r, "/examples/0/answers/0/is_cut")) == (more == 1));
        CHECK(json_is_true(as_json_at(r, "/examples/0/is_cut")) == (more == 1));
        CHECK((count(as_buf_text(&page), "Cut here; the store") > 0) == (more == 1));
        as_buf_clear(&page);
        json_decref(r);
        as_store_close(s);
        free(text);
    }
}

static void the_page_has_its_parts(void)
{
    static const char *const parts[] = {"arms", "answers", "made", "judges", "losses", "truths"};
    char id[40];
    as_store *s = new_store();
    as_design d = put_tiny(s, "one\n  two");
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    const char *text = as_buf_text(&page);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        (void)snprintf(id, sizeof id, "<h2 id=\"%s\">", parts[i]);
        CHECK(count(text, id) == 1);
        (void)snprintf(id, sizeof id, "<a href=\"#%s\">", parts[i]);
        CHECK(count(text, id) == 1);
    }
    CHECK(count(text, "class=\"h-settles\"") == 1 && count(text, "class=\"c-settles\"") == 3);
    CHECK(count(text, "class=\"h-credit") + count(text, "class=\"h-published") == 0);
    CHECK(count(text, "class=\"c-credit") + count(text, "class=\"c-published") == 0);
    CHECK(strstr(text, "one\n  two") != NULL); /* line feeds and blanks as they were given */
    CHECK(count(text, "<figure ") == 6 && count(text, "role=\"img\"") == 6);
    CHECK(strstr(text, "0.500<br><small><span class=\"nb\">0.400 to 0.600</span></small>"
                       "<br><small>n = 100<br>2 missing") != NULL);
    CHECK(strstr(text, "0.2: 1.250") && strstr(text, "novelty"));
    CHECK(strstr(text, "assay run tiny.plan.json") && !strstr(text, "assay reaudit"));
    CHECK(strstr(text, "<html lang=\"en\">") && !strstr(text, "<script"));
    CHECK(count(text, "<th ") == count(text, "<th scope="));
    as_buf again = {0};
    json_t *second = report_of(s, &d, &again);
    CHECK(again.size == page.size && memcmp(again.data, page.data, page.size) == 0);
    as_buf_clear(&page);
    as_buf_clear(&again);
    json_decref(r);
    json_decref(second);
    as_store_close(s);
}

static void no_steps_no_parts(void)
{
    static const char *const names[] = {"steps",    "arms",  "arcs",  "lock",
                                        "examples", "rerun", "truths"};
    as_store *s = new_store();
    as_design d = put_design(s, "plain", "{\"schema\":\"assay.plan/1\"}");
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    const char *text = as_buf_text(&page);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK(json_object_get(r, names[i]) == NULL);
    CHECK(!strstr(text, ".answers") && strstr(text, "Assay audit report"));
    CHECK(strstr(text, "assay reaudit plan.json") != NULL);
    CHECK(!strstr(text, "id=\"arms\"") && !strstr(text, "#arms"));
    as_buf_clear(&page);
    json_decref(r);
    as_store_close(s);
}

/* A name that a shell would read otherwise is not put into a command. */
static void commands_are_plain(void)
{
    static const char *const names[] = {"a; rm -rf b", "$(x)", "-f", "../up", "\342\200\256x"};
    as_store *s = new_store();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        as_design d = put_design(s, names[i], "{\"steps\":{\"a\":{\"do\":\"probe\"}}}");
        json_t *r = report_of(s, &d, NULL);
        CHECK_TEXT(text_at(r, "/rerun/commands/1"),
                   "assay run plan.plan.json --db STORE --work FOLDER --report plan.html");
        CHECK_TEXT(text_at(r, "/rerun/plan"), names[i]);
        json_decref(r);
    }
    as_store_close(s);
}

static void foreign_answers_stay_text(void)
{
    static const char *const hostile[] = {
        "<script>alert(1)</script>",    "</p></li></ul><img src=x onerror=alert(1)>",
        "\342\200\256evil\342\200\254", "</style><b>x</b>",
        "\" onfocus=\"alert(1)\"",      "bell\007 escape\033[31m"};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        as_store *s = new_store();
        as_design d = put_tiny(s, hostile[i]);
        as_buf page = {0};
        json_t *r = report_of(s, &d, &page);
        CHECK_TEXT(text_at(r, "/examples/0/answers/0/text"), hostile[i]);
        CHECK(!strstr(as_buf_text(&page), hostile[i]));
        CHECK(!strstr(as_buf_text(&page), "<img") && !strstr(as_buf_text(&page), "<b>x"));
        as_buf_clear(&page);
        json_decref(r);
        as_store_close(s);
    }
}

/* --- many answers ---------------------------------------------------------------------------- */

/* A step with n_arms arms in the plan and n prompts, each answer the same text. */
static as_design put_many(as_store *s, as_buf *plan, size_t n_arms, size_t n, const char *text)
{
    char arm[64];
    as_buf_puts(plan, "{\"steps\":{\"ask\":{\"do\":\"answer\",\"set\":\"S\",\"arms\":{");
    for (size_t i = 0; i < n_arms; i++) as_buf_printf(plan, "%s\"a%zu\":\"base\"", i ? "," : "", i);
    as_buf_puts(plan, "}}}}");
    as_design d = put_design(s, "many", as_buf_text(plan));
    must(as_store_begin(s, &err));
    as_prompt *prompt = put_prompts(s, &d, n, text);
    for (size_t i = 0; i < n_arms; i++) {
        (void)snprintf(arm, sizeof arm, "ask.a%zu", i);
        put_arm(s, &d, arm, prompt, n, text);
    }
    must(as_store_commit(s, &err));
    free(prompt);
    return d;
}

static void ten_thousand_answers(void)
{
    static const size_t n_arms[] = {10, 2000};
    char *text = times("<&'\"", 300);
    for (size_t i = 0; i < 2; i++) {
        as_store *s = new_store();
        as_buf page = {0}, plan = {0};
        as_design d = put_many(s, &plan, n_arms[i], 10000 / n_arms[i], text);
        json_t *r = report_of(s, &d, &page);
        size_t n = json_array_size(as_json_at(r, "/examples/4/answers"));
        bool is_short = strstr(as_buf_text(&page), "have no room here") != NULL;
        CHECK(page.size < 5 * 1024 * 1024 && n == n_arms[i]);
        CHECK(is_short == (i == 1));
        CHECK((strstr(as_buf_text(&page), "more arms are not shown") != NULL) == (i == 1));
        as_buf_clear(&page);
        as_buf_clear(&plan);
        json_decref(r);
        as_store_close(s);
    }
    free(text);
}

static int write_page(const char *to)
{
    as_store *s = new_store();
    char *text = times("a <b>bold</b> word\n\tand\342\200\256 more\n\n", 40);
    as_design d = put_tiny(s, text);
    as_buf page = {0};
    json_t *r = report_of(s, &d, &page);
    write_all(to, page.data, page.size);
    as_buf_clear(&page);
    json_decref(r);
    as_store_close(s);
    free(text);
    tidy();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2) return write_page(argv[1]);
    RUN(object);
    RUN(answers_stand_side_by_side);
    RUN(truths_are_counted);
    RUN(long_texts_are_cut);
    RUN(the_page_has_its_parts);
    RUN(no_steps_no_parts);
    RUN(commands_are_plain);
    RUN(foreign_answers_stay_text);
    RUN(ten_thousand_answers);
    tidy();
    return check_end();
}
