/* The report of a training: what the store holds and nothing else, in an object and on a page where
 * foreign text stays text, every drawn point says its exact value, and the bytes repeat. With an
 * argument, writes pages into that folder for a browser to look at. */
#include "store_rows.h"

#include "app/report/curve.h"
#include "app/report/report.h"

static const char time_text[] = "2026-01-01T00:00:00Z";

/* --- stores ----------------------------------------------------------------------------------- */

static as_training put_training(as_store *s, const char *name, const char *kind, const char *plan,
                                const char *inputs)
{
    as_training t = {.name = name,
                     .kind = kind,
                     .plan = plan,
                     .inputs = inputs,
                     .code = "assay 0.1.0",
                     .seed = 7};
    must(as_training_key(&t, &err) && as_store_put_training(s, &t, &err));
    return t;
}

static void put_step(as_store *s, const as_training *t, uint64_t step, uint64_t of, double seconds,
                     const char *values)
{
    as_training_step r = {.step = step, .of = of, .values = values};
    as_timing time = {.step = step, .seconds = seconds, .tokens_per_second = 4096 / seconds};
    memcpy(r.training, t->key, sizeof r.training);
    memcpy(time.training, t->key, sizeof time.training);
    must(as_training_step_key(&r, &err) && as_store_put_training_step(s, &r, &err));
    if (isfinite(seconds)) must(as_store_put_timing(s, &time, &err));
}

static const char digests[] =
    "{\"data\":\"5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9\","
    "\"held\":null,\"model\":\"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\"}";

/* Numbers that look like a run's: something that falls, with waves on it. */
static double wave(size_t i, double n, double from, double to)
{
    double x = (double)i / n;
    return to + (from - to) * exp(-4 * x) + 0.06 * (from - to) * sin((double)(i * i % 97));
}

/* SFT: a loss at each step but the evaluation at 0, held-out values at each tenth. */
static as_training put_sft(as_store *s, const char *name, size_t n)
{
    char v[512], held[80];
    as_training t = put_training(
        s, name, "sft", "{\"batch\":{\"size\":8},\"data\":{\"mask\":\"completion\"}}", digests);
    must(as_store_begin(s, &err));
    put_step(s, &t, 0, n, NAN, "{\"epoch\":0,\"held_kl\":0,\"held_loss\":2.25}");
    for (size_t i = 1; i <= n; i++) {
        (void)snprintf(held, sizeof held, "\"held_kl\":%.9g,\"held_loss\":%.9g,",
                       0.002 * (double)i / (double)n, wave(i, (double)n, 2.25, 1.1));
        (void)snprintf(v, sizeof v,
                       "{\"epoch\":%.6g,\"gradient_norm\":%.9g,%s\"loss\":%.9g,\"rate\":%.9g,"
                       "\"targets\":128,\"tokens\":512}",
                       3 * (double)i / (double)n, 1 + 0.5 * cos((double)i),
                       i % 10 == 0 || i == n ? held : "", wave(i, (double)n, 2.3, 0.9),
                       2e-5 * (1 - (double)i / (double)n));
        put_step(s, &t, i, n, 0.5 + 0.01 * (double)(i % 7), v);
    }
    must(as_store_commit(s, &err));
    return t;
}

static as_training put_dpo(as_store *s, const char *name, size_t n)
{
    char v[768];
    as_training t = put_training(s, name, "dpo", "{\"dpo\":{\"beta\":0.1}}", digests);
    must(as_store_begin(s, &err));
    for (size_t i = 0; i <= n; i++) {
        double x = (double)i / (double)n;
        (void)snprintf(
            v, sizeof v,
            "{\"accuracy\":%.9g,\"drift_chosen\":%.9g,\"drift_rejected\":%.9g,\"epoch\":%.6g,"
            "\"gradient_norm\":%.9g,\"held_accuracy\":%.9g,\"held_kl\":%.9g,\"held_loss\":%.9g,"
            "\"held_margin\":%.9g,\"length_delta\":%.9g,\"loss\":%.9g,\"margin\":%.9g,"
            "\"rate\":%.9g,\"reward_chosen\":%.9g,\"reward_rejected\":%.9g,\"tokens\":900}",
            0.5 + 0.45 * x, -2 * x + 0.3 * sin((double)i), -14 * x, x, 3 - x, 0.5 + 0.3 * x,
            0.05 * x * x, wave(i, (double)n, 0.693, 0.4), x, 12 * sin((double)i),
            wave(i, (double)n, 0.693, 0.2), 1.2 * x, 5e-6 * x, -0.2 * x, -1.4 * x);
        put_step(s, &t, i, n, 1.5, v);
    }
    must(as_store_commit(s, &err));
    return t;
}

static as_store *new_store(void)
{
    fresh();
    as_store *s = open_store(AS_STORE_WRITE);
    if (!s) abort();
    return s;
}

/* The object and the page of a training. */
static json_t *report_of(as_store *s, const as_training *t, as_buf *html)
{
    json_t *o = as_training_json(s, t, time_text, &err);
    must(o != NULL);
    must(as_training_html(o, html, &err));
    return o;
}

static double at(const json_t *o, const char *pointer)
{
    const json_t *v = as_json_at(o, pointer);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static size_t count(const char *text, const char *piece)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, piece)); p += strlen(piece)) n++;
    return n;
}

/* --- the object ------------------------------------------------------------------------------- */

static void object(void)
{
    as_store *s = new_store();
    as_training t = put_sft(s, "run", 20);
    as_buf html = {0};
    json_t *o = report_of(s, &t, &html);
    CHECK_TEXT(json_string_value(as_json_at(o, "/schema")), "assay.training/1");
    CHECK_TEXT(json_string_value(as_json_at(o, "/made_by/time")), time_text);
    CHECK_TEXT(json_string_value(as_json_at(o, "/training/name")), "run");
    CHECK_TEXT(json_string_value(as_json_at(o, "/training/objective")), "sft");
    CHECK_TEXT(json_string_value(as_json_at(o, "/training/key")), t.key);
    CHECK(at(o, "/training/plan/batch/size") == 8 && at(o, "/training/seed") == 7);
    CHECK(json_is_null(as_json_at(o, "/training/inputs/held")));
    CHECK(json_array_size(as_json_at(o, "/steps")) == 21);
    CHECK(at(o, "/steps/0/step") == 0 && at(o, "/steps/0/values/held_loss") == 2.25);
    CHECK(json_is_null(as_json_at(o, "/steps/0/seconds")) && at(o, "/steps/3/seconds") == 0.53);
    CHECK(at(o, "/summary/steps") == 20 && at(o, "/summary/of") == 20);
    CHECK(at(o, "/summary/tokens") == 20 * 512 && at(o, "/summary/targets") == 20 * 128);
    CHECK(at(o, "/summary/measures/loss/first/step") == 1);
    CHECK(at(o, "/summary/measures/loss/last/step") == 20);
    CHECK(at(o, "/summary/measures/loss/last/value") == at(o, "/steps/20/values/loss"));
    CHECK(at(o, "/summary/measures/rate/greatest/step") == 1);
    CHECK(at(o, "/summary/measures/rate/least/value") == 0);
    CHECK(!as_json_at(o, "/summary/measures/margin"));
    double least = INFINITY;
    for (size_t i = 1; i <= 20; i++) {
        char pointer[40];
        (void)snprintf(pointer, sizeof pointer, "/steps/%zu/values/loss", i);
        least = fmin(least, at(o, pointer));
    }
    CHECK(at(o, "/summary/measures/loss/least/value") == least);
    CHECK(strncmp(json_string_value(as_json_at(o, "/sentences/0")),
                  "20 of 20 steps, 3 epochs, 10240 tokens, 2560 targets.", 53) == 0);
    json_decref(o);
    as_buf_clear(&html);
    as_store_close(s);
}

/* --- the page --------------------------------------------------------------------------------- */

/* Attributes up to `end` are NAME="VALUE" with harmless names, or a bare name. */
static bool harmless(const char *p, const char *end)
{
    while (p < end) {
        p += strspn(p, " \n/");
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        if (p >= end) return true;
        if (!n || strncmp(p, "on", 2) == 0 || (n == 5 && strncmp(p, "style", n) == 0)) return false;
        p += n;
        if (*p != '=') continue;
        if (p[1] != '"') return false;
        p = strchr(p + 2, '"');
        if (!p++ || p > end) return false;
    }
    return true;
}

/* Every tag that is opened is closed, in order; void ones of HTML and those closed in themselves
 * aside. */
static bool balanced(const char *html)
{
    char stack[64][16];
    size_t depth = 0;
    for (const char *p = html; (p = strchr(p, '<')); p++) {
        const char *end = strchr(p, '>');
        bool closes = p[1] == '/';
        size_t n = strcspn(p + 1 + closes, " >/\n");
        if (!end || n >= sizeof stack[0] || memchr(p + 1, '<', (size_t)(end - p - 1))) return false;
        if (strncmp(p, "<!DOCTYPE html>", 15) == 0) continue;
        if (!closes && !harmless(p + 1 + n, end)) return false;
        if (strncmp(p, "<meta ", 6) == 0 || end[-1] == '/') continue;
        if (!closes) {
            if (depth == 64) return false;
            memcpy(stack[depth], p + 1, n);
            stack[depth++][n] = '\0';
        } else if (!depth-- || strlen(stack[depth]) != n || memcmp(stack[depth], p + 2, n) != 0) {
            return false;
        }
        if (strncmp(p, "<style", 6) == 0) p = strstr(p, "</style>") - 1;
    }
    return depth == 0;
}

/* Text of a hover title stands there with the digits of the store. */
static void exact_values(void)
{
    as_store *s = new_store();
    as_training t = put_training(s, "exact", "sft", "{}", "{}");
    as_buf html = {0};
    put_step(s, &t, 0, 2, NAN, "{\"held_loss\":0.6931471805599453}");
    put_step(s, &t, 1, 2, NAN, "{\"loss\":1.0000000000000002,\"rate\":1e-300}");
    put_step(s, &t, 2, 2, NAN, "{\"held_loss\":0.1,\"loss\":123456789.125}");
    json_t *o = report_of(s, &t, &html);
    const char *page = as_buf_text(&html);
    CHECK(strstr(page, "<title>step 0: held out 0.6931471805599453</title>"));
    CHECK(strstr(page, "<title>step 1: training 1.0000000000000002</title>"));
    CHECK(strstr(page, "<title>step 2: training 123456789.125; held out 0.1</title>"));
    CHECK(strstr(page, "<title>step 1: rate 1e-300</title>"));
    CHECK(count(page, "<figure") == 2 && balanced(page));
    CHECK(strstr(page, "nan") == NULL && strstr(page, "inf") == NULL);
    json_decref(o);
    as_buf_clear(&html);
    as_store_close(s);
}

static void figures(void)
{
    as_store *s = new_store();
    as_training sft = put_sft(s, "sft", 20), dpo = put_dpo(s, "dpo", 12);
    as_training none = put_training(s, "none", "lm", "{}", "{}");
    as_buf html[3] = {0};
    json_decref(report_of(s, &sft, &html[0]));
    json_decref(report_of(s, &dpo, &html[1]));
    json_decref(report_of(s, &none, &html[2]));
    static const size_t expected[] = {5, 9, 0};
    for (size_t i = 0; i < 3; i++) {
        const char *page = as_buf_text(&html[i]);
        CHECK(count(page, "<figure") == expected[i] && balanced(page));
        CHECK(count(page, "<script") == 0 && count(page, " style=") == 0);
        CHECK(count(page, "default-src 'none'; style-src 'sha256-") == 1);
        CHECK(count(page, "http") == 1); /* http-equiv alone */
        as_buf_clear(&html[i]);
    }
    as_store_close(s);
}

/* --- thinning --------------------------------------------------------------------------------- */

static void thins(void)
{
    enum { N = 5000 };
    static double value[N];
    static unsigned char drawn[N];
    size_t known = 0, bucket = 0, least = 0, greatest = 0;
    static const size_t sizes[] = {0, 1, 2, 399, 400, 401, 402, 797, 799, 1200, N};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        size_t n = sizes[k];
        for (size_t i = 0; i < n; i++) {
            value[i] = i % 5 == 3 ? NAN : sin((double)(i * i % 1013));
            if (i && value[i] < value[least]) least = i;
            if (i && value[i] > value[greatest]) greatest = i;
        }
        memset(drawn, 0, sizeof drawn);
        size_t got = as_curve_thin(value, n, drawn, 2, &known, &bucket), marked = 0;
        for (size_t i = 0; i < n; i++) {
            marked += drawn[i] == 2;
            CHECK(drawn[i] == 0 || (drawn[i] == 2 && isfinite(value[i])));
        }
        CHECK(marked == got && got <= AS_CURVE_POINTS && known == n - (n + 1) / 5);
        CHECK(known > AS_CURVE_POINTS ? got > 150 && bucket > 1 : got == known && bucket == 1);
        if (known) CHECK(drawn[0] && drawn[least] && drawn[greatest]);
    }
}

static void thinned_page(void)
{
    as_store *s = new_store();
    as_training t = put_sft(s, "long", 3000);
    as_buf html = {0};
    json_t *o = report_of(s, &t, &html);
    const char *page = as_buf_text(&html);
    CHECK(strstr(page, "training: 376 of 3000 values are drawn, the least and the greatest of every"
                       " 16."));
    CHECK(strstr(page, "one of every 2 of 3001 steps, and the last"));
    CHECK(balanced(page) && html.size < (size_t)4 << 20);
    json_decref(o);
    as_buf_clear(&html);
    as_store_close(s);
}

/* --- foreign text ----------------------------------------------------------------------------- */

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style></svg></details><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)",
    "--><!-- <![CDATA[ ]]>",
    "&lt;b&gt; & &notanentity;",
    "\342\200\256evil\342\200\254 \342\200\250",
    "\001\002\033[31mred\177\n\t",
    "`${alert(1)}` {{7*7}} %s%n%999999s",
    "",
};

static json_t *hostile_object(const char *text, as_buf *plan)
{
    json_t *o = json_pack("{s:s,s:[s,{s:s}]}", "name", text, "list", text, "inner", text);
    must(o && json_object_set_new(o, *text ? text : "empty", json_string(text)) == 0);
    as_json_write(plan, o);
    return o;
}

static void escapes(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        as_store *s = new_store();
        as_buf plan = {0}, html = {0}, values = {0};
        json_t *o = hostile_object(hostile[i], &plan);
        json_t *v = json_pack("{s:f,s:s}", "loss", 0.5, "rate", hostile[i]);
        must(json_object_set_new(v, *hostile[i] ? hostile[i] : "empty", json_real(1)) == 0);
        as_json_write(&values, v);
        as_training t =
            put_training(s, hostile[i], hostile[i], as_buf_text(&plan), as_buf_text(&plan));
        put_step(s, &t, 0, 1, NAN, as_buf_text(&values));
        put_step(s, &t, 1, 1, 0.5, "[]");
        json_decref(report_of(s, &t, &html));
        const char *page = as_buf_text(&html);
        CHECK(balanced(page));
        CHECK(count(page, "<script") == 0 && count(page, "<img") == 0 && count(page, "<!--") == 0);
        CHECK(count(page, "\342\200\256") == 0 && count(page, "\033") == 0);
        json_decref(o);
        json_decref(v);
        as_buf_clear(&plan);
        as_buf_clear(&html);
        as_buf_clear(&values);
        as_store_close(s);
    }
}

/* --- repeats, refuses ------------------------------------------------------------------------- */

static void same_bytes(void)
{
    as_buf page[2] = {0}, object[2] = {0};
    for (int i = 0; i < 2; i++) {
        as_store *s = new_store();
        as_training t = i ? put_training(s, "other", "lm", "{}", "{}") : (as_training){0};
        t = put_dpo(s, "run", 12);
        json_t *o = report_of(s, &t, &page[i]);
        as_json_write_pretty(&object[i], o);
        json_decref(o);
        as_store_close(s);
    }
    CHECK(page[0].size == page[1].size && memcmp(page[0].data, page[1].data, page[0].size) == 0);
    CHECK(object[0].size == object[1].size &&
          memcmp(object[0].data, object[1].data, object[0].size) == 0);
    for (int i = 0; i < 2; i++) {
        as_buf_clear(&page[i]);
        as_buf_clear(&object[i]);
    }
}

static void refuses(void)
{
    static const struct {
        const char *report, *message;
    } cases[] = {
        {"{}", "schema (found , expected assay.training/1)"},
        {"{\"schema\":\"assay.report/1\"}", "schema (found assay.report/1"},
        {"{\"schema\":\"assay.training/1\",\"steps\":[{}]}", "steps[0].step (found -1"},
        {"{\"schema\":\"assay.training/1\",\"steps\":[{\"step\":2},{\"step\":2}]}",
         "steps[1].step (found 2"},
        {"{\"schema\":\"assay.training/1\",\"steps\":[{\"step\":-1}]}", "steps[0].step (found -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        as_buf html = {0};
        json_t *o = as_json_parse("r", cases[i].report, strlen(cases[i].report), &err);
        must(o != NULL);
        CHECK(!as_training_html(o, &html, &err) && says(AS_EFORMAT, cases[i].message));
        json_decref(o);
        as_buf_clear(&html);
    }
    static const char *const poor[] = {
        "{\"schema\":\"assay.training/1\"}",
        "{\"schema\":\"assay.training/1\",\"steps\":{},\"training\":[],\"sentences\":3}",
        ("{\"schema\":\"assay.training/1\",\"steps\":[{\"step\":1,\"values\":{\"loss\":1e308}},"
         "{\"step\":9007199254740993,\"values\":{\"loss\":-1e308,\"rate\":5e-324}}]}"),
    };
    for (size_t i = 0; i < sizeof poor / sizeof poor[0]; i++) {
        as_buf html = {0};
        json_t *o = as_json_parse("r", poor[i], strlen(poor[i]), &err);
        must(o != NULL);
        CHECK(as_training_html(o, &html, &err) && balanced(as_buf_text(&html)));
        CHECK(!strstr(as_buf_text(&html), "nan%") && !strstr(as_buf_text(&html), "inf"));
        json_decref(o);
        as_buf_clear(&html);
    }
    as_store *s = new_store();
    as_training t = put_training(s, "t", "sft", "{", "{}");
    CHECK(!as_training_json(s, &t, time_text, &err) && says(AS_EFORMAT, "training "));
    t = put_training(s, "u", "sft", "{}", "{}");
    put_step(s, &t, 1, 1, NAN, "{\"loss\":");
    CHECK(!as_training_json(s, &t, time_text, &err) && says(AS_EFORMAT, "training_step "));
    as_store_close(s);
}

static void write_pages(const char *folder)
{
    as_store *s = new_store();
    as_training t[] = {put_sft(s, "sft-long", 3000), put_dpo(s, "dpo-short", 12),
                       put_sft(s, "sft-one", 1), put_dpo(s, "</title><script>x</script>", 150)};
    for (size_t i = 0; i < 4; i++) {
        char name[400];
        as_buf html = {0};
        json_decref(report_of(s, &t[i], &html));
        (void)snprintf(name, sizeof name, "%s/%zu.html", folder, i);
        write_all(name, html.data, html.size);
        as_buf_clear(&html);
    }
    as_store_close(s);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        write_pages(argv[1]);
        tidy();
        return 0;
    }
    RUN(object);
    RUN(exact_values);
    RUN(figures);
    RUN(thins);
    RUN(thinned_page);
    RUN(escapes);
    RUN(same_bytes);
    RUN(refuses);
    tidy();
    return check_end();
}
