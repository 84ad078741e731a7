/* The page of a report: foreign text stays text, tags balance, the style's hash is the style's, and
 * a report with little or nothing in it still gives a page. With an argument, writes the hostile
 * page there for a browser to look at. */
#include "check.h"

#include <stdlib.h>

#include "app/report/report.h"
#include "app/report/text.h"

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "<svg/onload=alert(1)>",
    "</svg><script>alert(1)</script>",
    "</text></svg><a xlink:href=\"javascript:alert(1)\">x</a>",
    "<!-- comment",
    "--><b>x</b><!--",
    "<![CDATA[<b>x</b>]]>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE html><html>",
    "&lt;b&gt; &amp; &#60;b&#62;",
    "&notanentity; & && &",
    "<a href=\"javascript:alert(1)\">click</a>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<base href=\"https://example.org/\">",
    "<meta http-equiv=refresh content=0>",
    "<style>body{display:none}</style>",
    "<details open ontoggle=alert(1)>",
    "\342\200\256"
    "evil\342\200\254",
    "\342\201\246"
    "isolate\342\201\251",
    "a\342\200\213"
    "b\342\200\214"
    "c\342\200\215"
    "d\357\273\277e",
    "soft\302\255hyphen",
    "\001\002\007\010\013\014\016\033[31mred\033[0m\177",
    "c1 \302\200\302\205\302\233",
    "tab\there, line\nthere, return\rend",
    "line\342\200\250separator\342\200\251paragraph",
    "tag \363\240\200\201\363\240\201\241",
    "Z\315\201\315\201\315\201\315\201\315\201\315\201\315\201\315\201",
    "\357\277\276\360\237\277\277 noncharacters",
    "\327\251\327\234\327\225\327\235 \331\205\330\261\330\255\330\250\330\247",
    "\344\270\255\346\226\207\345\255\227\347\254\246 \360\237\230\200\360\237\221\215",
    "javascript:alert(1)",
    "=cmd|' /C calc'!A0",
    "`${alert(1)}` {{7*7}} %s%n%999999s \\u003cscript\\u003e",
    "$(touch x); `id` | rm -rf \"$HOME\" && echo 'x'",
    "",
    " ",
};
enum { n_hostile = sizeof hostile / sizeof hostile[0] };

/* --- a report with every kind of part -------------------------------------------------------- */

/* One statistic; x is shifted so that several differ. */
static json_t *statistic(const char *name, const char *of, const char *s, double x, json_t *detail)
{
    json_t *o = json_pack(
        "{s:s,s:s,s:f,s:i,s:i,s:{s:f,s:f,s:f,s:s},s:f,s:{s:s,s:i,s:f,s:f,s:f},s:s,s:[{s:s,s:s},s],"
        "s:o,s:s}",
        "name", name, "of", of, "estimate", x, "n", 100, "missing", 2, "interval", "lo", x - 0.1,
        "hi", x + 0.1, "level", 0.95, "method", s, "p", 1e-6, "null", "kind", s, "draws", 200,
        "q05", 0.4, "median", 0.5, "q95", 0.6, "method", s, "inputs", "column", s, "rows", s, s,
        "detail", detail, "key", s);
    json_object_set_new(json_object_get(o, "detail"), *s ? s : "empty", json_string(s));
    return o;
}

static json_t *check(const char *kind, const char *s, const char *gate, json_t *stats)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:[s],s:{s:s,s:s,s:s,s:s},s:o}", "id", s, "check",
                     kind, "about", s, "outcome", "fails", "cause", s, "sentence", s, "needs", s,
                     "parameters", "gate", "0.65", "gate_auc", "13/20", gate, "0.05", "name", s,
                     "statistics", stats);
}

/* Checks of every kind that feeds a figure. */
static json_t *checks_of(const char *s)
{
    json_t *list = json_array();
    json_array_append_new(
        list, check("within-cv", s, "gate_asym",
                    json_pack("[o,o,o,o]", statistic("auc_out_of_fold", s, s, 0.55, json_object()),
                              statistic("auc_repeated", s, s, 0.56,
                                        json_pack("{s:[f,f,s,n]}", "values", 0.5, 0.6, s)),
                              statistic("asym_out_of_fold", s, s, -0.1, json_object()),
                              statistic("gate_false_positive_rate", s, s, 0.2,
                                        json_pack("{s:f,s:f}", "share_both", 0.1, "bar", -0.2)))));
    json_array_append_new(list,
                          check("transfer", s, "gate_asym",
                                json_pack("[o,o]", statistic("auc", s, s, 0.5, json_object()),
                                          statistic("asym_balanced", s, s, -0.15, json_object()))));
    json_array_append_new(list,
                          check("published-auc", s, "require",
                                json_pack("[o]", statistic("auc", s, s, 0.66, json_object()))));
    json_array_append_new(list,
                          check("published-auc", s, "require",
                                json_pack("[o]", statistic("auc", s, s, 0.44, json_object()))));
    json_array_append_new(
        list,
        check("pca", s, "standardise",
              json_pack("[o,o]", statistic("explained_variance", "PC1", s, 0.14, json_object()),
                        statistic("scores", s, s, 0,
                                  json_pack("{s:[f,f,s],s:[f,f,f],s:[i,i,s]}", "pc1", 1.0, -2.0, s,
                                            "pc2", 0.5, 3.0, 1.0, "label", 0, 1, s)))));
    json_array_append_new(
        list, check("cells", s, "expect",
                    json_pack("[o,o,o,o,o,o]", statistic("cell", "cr", s, 53, json_object()),
                              statistic("cell", "hr", s, 5, json_object()),
                              statistic("cell", "cw", s, 38, json_object()),
                              statistic("cell", "hw", s, 4, json_object()),
                              statistic("p_assert_correct", s, s, 0.9, json_object()),
                              statistic("asym", s, s, -0.01, json_object()))));
    json_array_append_new(
        list, check("equivalence", s, "margin",
                    json_pack("[o,o]", statistic("asym", s, s, -0.01, json_object()),
                              statistic("tost", s, s, -0.01, json_pack("{s:f}", "margin", 0.1)))));
    json_array_append_new(
        list,
        check("dose-response", s, "dose",
              json_pack(
                  "[o,o]",
                  statistic("asym", s, s, -0.1, json_pack("{s:f,s:f}", "dose", 0.5, "p_holm", 0.1)),
                  statistic("replication_asym", s, s, 0.1, json_pack("{s:f}", "dose", 0.5)))));
    json_array_append_new(list,
                          check("attribution-null", s, "effect",
                                json_pack("[o]", statistic("maximum", s, s, 0.6, json_object()))));
    json_array_append_new(
        list, check("truncation", s, "max_rate",
                    json_pack("[o,o]", statistic("unfinished_lenient", s, s, 0.8, json_object()),
                              statistic("finished_strict", s, s, 0.05, json_object()))));
    return list;
}

static json_t *leaf(const char *role, const char *s, int step)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s}", "role", role, "check", s, "outcome", s,
                     "cause", s, "sentence", s, "step", step, "step_name", s);
}

static json_t *report_of(const char *s)
{
    json_t *published = json_pack("{s:s}", *s ? s : "empty", s);
    json_t *claim =
        json_pack("{s:s,s:s,s:o,s:s,s:s,s:s,s:i,s:[o,o,o,o,o],s:s,s:s,s:s}", "id", s, "says", s,
                  "published", published, "verdict", s, "cause", s, "sentence", s, "stopped_at", 2,
                  "leaves", leaf("step", s, 1), leaf("step", s, 2), leaf("step", s, 3),
                  leaf("must_hold", s, 0), leaf(s, s, 0), "settles", s, "credit", s, "key", s);
    json_t *study = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s},s:s}", "name", s, "title", s,
                              "source", s, "about", s, "plan_sha256", s, "design", s, "seed", s,
                              "draws", *s ? s : "empty", s, "alpha", s);
    return json_pack(
        "{s:s,s:{s:s,s:s},s:o,s:{s:i,s:i,s:i},s:[o],s:o,s:[{s:s,s:s,s:i,s:i,s:s,s:{s:s},"
        "s:s}],s:[{s:s,s:s}]}",
        "schema", "assay.report/1", "made_by", "assay", s, "time", s, "study", study, "summary",
        "supported", 0, "refuted", 1, "inconclusive", 2, "claims", claim, "checks", checks_of(s),
        "tables", "name", s, "about", s, "n", 3, "n_all", 4, "absent", s, "facts", *s ? s : "empty",
        s, "digest", s, "inputs", "file", s, "sha256", s);
}

/* --- a study with every kind of part --------------------------------------------------------- */

static json_t *steps_of(const char *s)
{
    static const char *const names[] = {"gate",    "arm",   "records", "training",
                                        "maximum", "probe", "marked",  "other"};
    json_t *stats = json_array();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *detail = json_pack("{s:s,s:s,s:f,s:[s,s],s:[s,n],s:s,s:[{s:s,s:i,s:f}]}", "voice",
                                   s, "version", s, "bar", 0.9, "kept", s, s, "reasons", s,
                                   "training", s, "heads", "layer", s, "head", 1, "d", 0.5);
        json_array_append_new(stats, statistic(names[i], s, s, 0.5, detail));
    }
    return json_pack("[{s:s,s:s,s:s,s:s,s:{s:s},s:o},{},i,n]", "id", s, "do", s, "about", s, "from",
                     s, "settings", *s ? s : "empty", s, "statistics", stats, 7);
}

static json_t *arms_of(const char *s)
{
    static const char *const names[] = {"accuracy", "asymmetry", "cut_rate", "passed"};
    json_t *stats = json_array(), *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_array_append_new(stats, statistic(names[i], "", s, 0.5, json_object()));
    json_array_append_new(stats, statistic(s, s, s, 0.5, json_object()));
    json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:i,s:{s:s},s:{s:s},s:o}", "step", s, "arm",
                                          s, "set", s, "n", 100, "treatment", *s ? s : "empty", s,
                                          "facts", *s ? s : "empty", s, "statistics", stats));
    json_array_append_new(list, json_null());
    return list;
}

static json_t *study_of(const char *s)
{
    json_t *report = report_of(s), *judged = json_object();
    json_object_set_new(judged, *s ? s : "empty", json_string(s));
    json_object_set_new(judged, "coverage", json_pack("{s:s}", "missing", s));
    json_object_set_new(report, "steps", steps_of(s));
    json_object_set_new(report, "arms", arms_of(s));
    json_object_set_new(report, "examples",
                        json_pack("[{s:s,s:s,s:i,s:s,s:b,s:[{s:s,s:s,s:b,s:s,s:o},n]},n]", "step",
                                  s, "set", s, "position", 0, "prompt", s, "is_cut", 1, "answers",
                                  "arm", s, "text", s, "is_cut", 1, "finish", s, "judgements",
                                  judged));
    json_object_set_new(report, "rerun",
                        json_pack("{s:s,s:s,s:[s,s,n]}", "plan", s, "design", s, "commands", s, s));
    json_object_set_new(report, "truths",
                        json_pack("{s:[{s:s,s:s,s:s,s:s,s:s,s:b}],s:{s:{s:i}},s:i,s:i}", "claims",
                                  "id", s, "truth", s, "truth_cause", s, "verdict", s, "cause", s,
                                  "is_right", 1, "counts", "supported", "refuted", 2, "right", 1,
                                  "wrong", 0));
    CHECK(json_object_size(report) == 13);
    return report;
}

/* --- a page under the lens ------------------------------------------------------------------- */

static bool is_in(const char *word, size_t size, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == size && strncmp(*list, word, size) == 0) return true;
    return false;
}

static const char *const elements[] = {
    "html",  "head",    "meta",  "title",   "style",   "body",       "header", "main",
    "nav",   "section", "h1",    "h2",      "h3",      "h4",         "p",      "a",
    "b",     "i",       "em",    "strong",  "code",    "pre",        "small",  "br",
    "span",  "div",     "ul",    "ol",      "li",      "dl",         "dt",     "dd",
    "table", "caption", "thead", "tbody",   "tr",      "th",         "td",     "figure",
    "svg",   "defs",    "desc",  "g",       "use",     "line",       "rect",   "circle",
    "path",  "text",    "tspan", "details", "summary", "figcaption", NULL};
static const char *const attributes[] = {"lang",
                                         "charset",
                                         "http-equiv",
                                         "content",
                                         "name",
                                         "class",
                                         "id",
                                         "href",
                                         "role",
                                         "scope",
                                         "tabindex",
                                         "width",
                                         "height",
                                         "x",
                                         "y",
                                         "x1",
                                         "x2",
                                         "y1",
                                         "y2",
                                         "cx",
                                         "cy",
                                         "r",
                                         "d",
                                         "dx",
                                         "transform",
                                         "fill-opacity",
                                         "aria-label",
                                         "aria-labelledby",
                                         "aria-describedby",
                                         "aria-hidden",
                                         NULL};
static const char *const void_elements[] = {"meta", "br", NULL};

/* One tag at p ("<name a="v">"); its attributes are known and quoted, ids and links ours. Returns
 * the end, NULL when it is not well formed. */
static const char *read_tag(const char *p, const char **name, size_t *size, bool *closes,
                            bool *empty)
{
    *closes = *++p == '/';
    if (*closes) p++;
    *name = p;
    *size = strspn(p, "abcdefghijklmnopqrstuvwxyz1234");
    if (!is_in(p, *size, elements)) return NULL;
    for (p += *size; *p == ' ';) {
        size_t n = strspn(++p, "abcdefghijklmnopqrstuvwxyz-0123456789");
        if (!is_in(p, n, attributes) || p[n] != '=' || p[n + 1] != '"') return NULL;
        bool is_link = n == 4 && strncmp(p, "href", 4) == 0;
        p += n + 2;
        if (is_link && *p != '#') return NULL;
        p += strcspn(p, "\"<>");
        if (*p++ != '"') return NULL;
    }
    *empty = *p == '/';
    if (*empty) p++;
    return *p == '>' ? p + 1 : NULL;
}

/* Whether the tags of a page nest. */
static bool is_balanced(const char *page)
{
    const char *open[64] = {0}, *name, *p = page + strlen("<!DOCTYPE html>\n");
    size_t sizes[64] = {0}, depth = 0, size;
    bool closes, empty;
    if (strncmp(page, "<!DOCTYPE html>\n", 16) != 0) return false;
    while ((p = strpbrk(p, "<>"))) {
        const char *next = *p == '<' ? read_tag(p, &name, &size, &closes, &empty) : NULL;
        if (!next) {
            printf("not a tag: %.60s\n", p);
            return false;
        }
        if (closes) {
            if (!depth || sizes[depth - 1] != size || strncmp(open[depth - 1], name, size) != 0) {
                printf("closes nothing: %.60s (open %.*s)\n", p, depth ? (int)sizes[depth - 1] : 0,
                       depth ? open[depth - 1] : "");
                return false;
            }
            depth--;
        } else if (!empty && !is_in(name, size, void_elements)) {
            if (depth == 64) return false;
            open[depth] = name;
            sizes[depth++] = size;
        }
        p = !closes && size == 5 && strncmp(name, "style", 5) == 0 ? strstr(next, "</style>")
                                                                   : next;
    }
    return depth == 0;
}

/* No control, bidi or zero-width character left but the line feed. */
static bool is_visible(const char *page)
{
    size_t left = strlen(page);
    while (left) {
        uint32_t cp;
        size_t n = as_utf8_next(page, left, &cp);
        bool hidden = !n || (cp < 0x20 && cp != '\n') || (cp >= 0x7f && cp < 0xa0) || cp == 0xad ||
                      (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
                      (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp & 0xfffe) == 0xfffe ||
                      (cp >= 0xe0000 && cp <= 0xe0fff) || cp == 0x61c;
        if (hidden) {
            printf("hidden U+%04X before %.40s\n", (unsigned)cp, page + n);
            return false;
        }
        page += n;
        left -= n;
    }
    return true;
}

static as_buf page_of(const json_t *report)
{
    as_error err = {0};
    as_buf page = {0};
    bool ok = as_report_html(report, &page, &err);
    if (!ok) printf("%s\n", err.what);
    CHECK(ok);
    return page;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (text = strstr(text, part); text; text = strstr(text + 1, part)) n++;
    return n;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void foreign_text_stays_text(void)
{
    for (size_t i = 0; i < n_hostile; i++) {
        json_t *report = study_of(hostile[i]);
        CHECK(report != NULL);
        as_buf page = page_of(report);
        const char *text = as_buf_text(&page);
        bool ok = is_balanced(text) && is_visible(text);
        if (strpbrk(hostile[i], "<>&\"'\x01\t\x7f")) ok = ok && !strstr(text, hostile[i]);
        ok = ok && !strstr(text, "<script") && !strstr(text, " style=") && !strstr(text, "<img");
        if (!ok) printf("hostile text %zu\n", i);
        CHECK(ok);
        as_buf_clear(&page);
        json_decref(report);
    }
}

static void foreign_text_is_shown(void)
{
    static const char *const pairs[][2] = {
        {"<b a=\"1\" c='2'>&", "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;"},
        {"\x01\n\x7f", "\xe2\x90\x81\xe2\x90\x8a\xe2\x90\xa1"},
        {"\xe2\x80\xae", "\xe2\x9f\xa8U+202E\xe2\x9f\xa9"},
        {"a\xcc\x81", "a\xcc\x81"},
        {"a\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
         "a\xcc\x81\xcc\x81\xcc\x81\xe2\x9f\xa8U+0301\xe2\x9f\xa9"},
        {"\xff", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        as_buf b = {0};
        as_html_put(&b, pairs[i][0]);
        CHECK_TEXT(as_buf_text(&b), pairs[i][1]);
        as_buf_clear(&b);
    }
    as_buf b = {0};
    as_html_put_cut(&b, "abcdefghij", 10);
    as_buf_puts(&b, " ");
    as_html_put_cut(&b, "abcdefghijk", 10);
    as_buf_puts(&b, " ");
    as_html_put_cut(&b, "<<<<<<", 4);
    CHECK_TEXT(as_buf_text(&b), "abcdefghij abcdef\xe2\x80\xa6ijk &lt;&lt;\xe2\x80\xa6&lt;");
    as_buf_clear(&b);
}

static void long_words(void)
{
    char *word = malloc(20001);
    if (!word) return;
    memset(word, 'W', 20000);
    word[20000] = '\0';
    json_t *report = study_of(word);
    as_buf page = page_of(report);
    CHECK(is_balanced(as_buf_text(&page)));
    as_buf_clear(&page);
    json_decref(report);
    free(word);
}

static size_t digit(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(letters, c);
    return at && c ? (size_t)(at - letters) : 0;
}

static void allowed_by_its_hash(json_t *report)
{
    as_error err = {0};
    as_key digest, said;
    as_buf page = page_of(report);
    const char *text = as_buf_text(&page), *style = strstr(text, "<style>");
    const char *policy = strstr(text, "'sha256-");
    CHECK(style && policy && policy < style && count(text, "<style>") == 1);
    if (style && policy) {
        style += strlen("<style>");
        policy += strlen("'sha256-");
        size_t size = (size_t)(strstr(style, "</style>") - style);
        CHECK(as_sha256_of(style, size, digest, &err));
        for (size_t i = 0; i < 64; i++) { /* each hex digit is four of the six-bit letters' bits */
            size_t bit = 4 * i, pair = digit(policy[bit / 6]) << 6 | digit(policy[bit / 6 + 1]);
            said[i] = "0123456789abcdef"[pair >> (8 - bit % 6) & 15];
        }
        said[64] = '\0';
        CHECK_TEXT(said, digest);
        CHECK(policy[43] == '=' && policy[44] == '\'');
        CHECK(memchr(style, '<', size) == NULL);
    }
    CHECK(strstr(text, "default-src 'none'") && !strstr(text, "unsafe-inline"));
    CHECK(!strstr(text, "http://") && !strstr(text, "https://") && !strstr(text, "url("));
    as_buf_clear(&page);
    json_decref(report);
}

static void style_is_allowed_by_its_hash(void)
{
    allowed_by_its_hash(report_of("x"));
    allowed_by_its_hash(study_of("x"));
    char base64[45];
    as_html_base64("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", base64);
    CHECK_TEXT(base64, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void every_figure_needs_its_check(void)
{
    json_t *report = report_of("x"), *checks = json_object_get(report, "checks");
    as_buf page = page_of(report);
    CHECK(count(as_buf_text(&page), "<figure ") == 13);
    CHECK(count(as_buf_text(&page), "role=\"img\"") == 13);
    CHECK(count(as_buf_text(&page), "<table class=\"data\">") >= 13);
    as_buf_clear(&page);
    json_array_clear(checks);
    page = page_of(report);
    CHECK(count(as_buf_text(&page), "<figure") == 0);
    CHECK(strstr(as_buf_text(&page), "id=\"figures\"") == NULL);
    as_buf_clear(&page);
    json_decref(report);
    report = study_of("x");
    page = page_of(report);
    CHECK(count(as_buf_text(&page), "<figure ") == 15);
    as_buf_clear(&page);
    json_decref(report);
}

static void little_or_nothing(void)
{
    static const char *const reports[] = {
        "{}",
        "{\"schema\":\"assay.report/1\",\"claims\":[],\"checks\":[],\"tables\":[],\"inputs\":[]}",
        "{\"claims\":[{}],\"checks\":[{}],\"tables\":[{}],\"inputs\":[{}],\"study\":{},\"summary\":"
        "{}}",
        "{\"claims\":[null,1,\"x\",[]],\"checks\":[null,1,\"x\",[]],\"tables\":[null],\"inputs\":["
        "7]}",
        "{\"claims\":7,\"checks\":\"x\",\"tables\":{},\"inputs\":null,\"study\":[],\"summary\":"
        "\"x\"}",
        "{\"checks\":[{\"check\":\"pca\",\"statistics\":[{\"name\":\"scores\",\"detail\":{\"pc1\":["
        "null]"
        ",\"pc2\":[null],\"label\":null}}]},{\"check\":\"transfer\",\"parameters\":{\"gate_auc\":"
        "null},"
        "\"statistics\":[{\"name\":\"auc\"},{\"name\":\"auc\",\"estimate\":1e300,\"interval\":{"
        "\"lo\":"
        "-1e308,\"hi\":1e308}},null]}]}",
        "{\"checks\":[{\"check\":\"cells\",\"statistics\":[{\"name\":\"cell\",\"of\":\"cr\"}]},{"
        "\"check\":"
        "\"dose-response\",\"statistics\":[{\"name\":\"asym\",\"detail\":{\"dose\":1}}]}]}",
    };
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        as_error err = {0};
        json_t *report = as_json_parse("report", reports[i], strlen(reports[i]), &err);
        CHECK(report != NULL);
        as_buf page = page_of(report);
        CHECK(is_balanced(as_buf_text(&page)));
        CHECK(!strstr(as_buf_text(&page), "nan") && !strstr(as_buf_text(&page), "inf%"));
        CHECK(count(as_buf_text(&page), "<h1>") == 1);
        as_buf_clear(&page);
        json_decref(report);
    }
}

/* Every number of a full report null. */
static void make_null(json_t *value)
{
    const char *key;
    void *next;
    json_t *member;
    if (json_is_object(value)) {
        json_object_foreach_safe(value, next, key, member)
        {
            if (json_is_number(member))
                json_object_set_new(value, key, json_null());
            else
                make_null(member);
        }
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (json_is_number(json_array_get(value, i)))
            json_array_set_new(value, i, json_null());
        else
            make_null(json_array_get(value, i));
    }
}

static void no_numbers(void)
{
    json_t *report = study_of("x");
    make_null(report);
    as_buf page = page_of(report);
    CHECK(is_balanced(as_buf_text(&page)) && !strstr(as_buf_text(&page), "nan"));
    as_buf_clear(&page);
    json_decref(report);
}

static void same_bytes(void)
{
    json_t *report = study_of("<&>"), *copy = json_deep_copy(report);
    as_buf a = page_of(report), b = page_of(copy);
    CHECK(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
    as_buf_clear(&a);
    as_buf_clear(&b);
    json_decref(report);
    json_decref(copy);
}

static void large_report(void)
{
    json_t *report = report_of("x"), *checks = json_object_get(report, "checks");
    json_t *x = json_array(), *y = json_array();
    for (int i = 0; i < 20000; i++) {
        json_array_append_new(x, json_real(i * 0.37 - 1000));
        json_array_append_new(y, json_real(i % 97));
    }
    json_array_append_new(
        checks, check("pca", "many", "standardise",
                      json_pack("[o]", statistic("scores", "", "x", 0,
                                                 json_pack("{s:o,s:o}", "pc1", x, "pc2", y)))));
    for (int k = 0; k < 100; k++) {
        json_t *stats = json_array();
        for (int i = 0; i < 20; i++)
            json_array_append_new(stats, statistic("auc", "C=1", "method", 0.5, json_object()));
        json_array_append_new(checks, check("transfer", "many", "gate_asym", stats));
    }
    as_buf page = page_of(report);
    CHECK(page.size < 5 * 1024 * 1024);
    CHECK(strstr(as_buf_text(&page), "more lines are not drawn") != NULL);
    as_buf_clear(&page);
    json_decref(report);
}

static void numbers_read_well(void)
{
    char out[AS_HTML_NUMBER];
    CHECK_TEXT(as_html_number(0.53368, false, out), "0.534");
    CHECK_TEXT(as_html_number(-0.0, false, out), "0.000");
    CHECK_TEXT(as_html_number(-1.2e-17, false, out), "0.000");
    CHECK_TEXT(as_html_number(-0.1234, false, out), "\xe2\x88\x92"
                                                    "0.123");
    CHECK_TEXT(as_html_number(1, false, out), "1.000");
    CHECK_TEXT(as_html_number(1, true, out), "1");
    CHECK_TEXT(as_html_number(53.1, false, out), "53.10");
    CHECK_TEXT(as_html_number(4800, true, out), "4800");
    CHECK_TEXT(as_html_number(48000, true, out), "48\xe2\x80\xaf"
                                                 "000");
    CHECK_TEXT(as_html_number(4.87e-6, false, out), "4.9\xc3\x97"
                                                    "10\xe2\x81\xbb\xe2\x81\xb6");
    CHECK_TEXT(as_html_number(NAN, false, out), "\xe2\x80\x93");
    CHECK_TEXT(as_html_number(-INFINITY, true, out), "\xe2\x88\x92\xe2\x88\x9e");
    CHECK_TEXT(as_html_p(1e-9, out), "&lt; 0.001");
    CHECK_TEXT(as_html_p(0.0495, out), "0.050");
    CHECK_TEXT(as_html_p(NAN, out), "\xe2\x80\x93");
}

static void other_schema_is_refused(void)
{
    static const char *const reports[] = {"[]", "{\"schema\":\"assay.report/2\"}"};
    for (size_t i = 0; i < 2; i++) {
        as_error err = {0};
        as_buf page = {0};
        json_t *report = as_json_parse("report", reports[i], strlen(reports[i]), &err);
        CHECK(report && !as_report_html(report, &page, &err) && err.class_ == AS_EFORMAT);
        as_buf_clear(&page);
        json_decref(report);
    }
}

/* All hostile texts in one report: each claim and check speaks another one. */
static int write_page(const char *path)
{
    json_t *all = study_of(hostile[0]);
    for (size_t i = 1; i < n_hostile; i++) {
        json_t *one = study_of(hostile[i]);
        json_array_extend(json_object_get(all, "claims"), json_object_get(one, "claims"));
        json_array_extend(json_object_get(all, "checks"), json_object_get(one, "checks"));
        json_array_extend(json_object_get(all, "tables"), json_object_get(one, "tables"));
        json_array_extend(json_object_get(all, "steps"), json_object_get(one, "steps"));
        json_array_extend(json_object_get(all, "arms"), json_object_get(one, "arms"));
        json_array_extend(json_object_get(all, "examples"), json_object_get(one, "examples"));
        json_decref(one);
    }
    as_error err = {0};
    as_buf page = {0};
    bool ok = as_report_html(all, &page, &err);
    FILE *f = ok ? fopen(path, "wb") : NULL;
    ok = f && fwrite(page.data, 1, page.size, f) == page.size;
    if (f && fclose(f) != 0) ok = false;
    as_buf_clear(&page);
    json_decref(all);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2) return write_page(argv[1]);
    RUN(foreign_text_stays_text);
    RUN(foreign_text_is_shown);
    RUN(long_words);
    RUN(style_is_allowed_by_its_hash);
    RUN(every_figure_needs_its_check);
    RUN(little_or_nothing);
    RUN(no_numbers);
    RUN(same_bytes);
    RUN(large_report);
    RUN(numbers_read_well);
    RUN(other_schema_is_refused);
    return check_end();
}
