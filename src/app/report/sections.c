/* The claims: the table of verdicts, and each claim's tree. */
#include "app/report/arc.h"

#include <math.h>
#include <string.h>

const char *as_check_title(const json_t *check)
{
    const char *about = as_html_text_of(check, "about");
    return *about ? about : as_html_text_of(check, "id");
}

size_t as_check_place(const as_page *p, const char *id)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++)
        if (strcmp(as_html_text_of(json_array_get(p->checks, i), "id"), id) == 0) return i;
    return SIZE_MAX;
}

void as_badge_put(as_buf *b, const char *word)
{
    static const struct {
        const char *word, *class, *sign;
    } known[] = {
        {"supported", "good", "\u2713"}, {"refuted", "bad", "\u2717"},
        {"inconclusive", "open", "?"},   {"holds", "good", "\u2713"},
        {"fails", "bad", "\u2717"},      {"unknown", "open", "?"},
        {"shown", "plain", "\u2022"},
    };
    size_t i = 0, n = sizeof known / sizeof known[0];
    while (i < n && strcmp(known[i].word, word) != 0) i++;
    as_buf_printf(b, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span>\u00a0",
                  i < n ? known[i].class : "plain", i < n ? known[i].sign : "\u2022");
    as_html_put(b, *word ? word : "no outcome");
    as_buf_puts(b, "</span>");
}

/* --- the table of verdicts ------------------------------------------------------------------- */

/* "name: value" lines of a flat object, or the value itself. */
static void put_published(as_buf *b, const json_t *published)
{
    const char *key;
    json_t *value;
    if (!json_is_object(published)) {
        as_html_value(b, published);
        return;
    }
    as_buf_puts(b, "<dl class=\"pairs\">");
    json_object_foreach((json_t *)published, key, value)
    {
        as_buf_puts(b, "<div><dt>");
        as_html_put(b, key);
        as_buf_puts(b, "</dt><dd>");
        as_html_value(b, value);
        as_buf_puts(b, "</dd></div>");
    }
    as_buf_puts(b, "</dl>");
}

static void put_text_or_dash(as_buf *b, const char *text)
{
    as_html_put(b, *text ? text : "\u2013");
}

static void put_verdict(as_buf *b, const json_t *claim)
{
    const char *cause = as_html_text_of(claim, "cause");
    as_badge_put(b, as_html_text_of(claim, "verdict"));
    if (!*cause) return;
    as_buf_puts(b, " <span class=\"cause\">");
    as_html_put(b, cause);
    as_buf_puts(b, "</span>");
}

/* Columns that are there when any claim has something for them. */
typedef struct {
    bool published, settles, credit;
} has_column;

static has_column columns_of(const json_t *claims)
{
    has_column has = {false, false, false};
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *claim = json_array_get(claims, i);
        const json_t *published = json_object_get(claim, "published");
        has.published |= json_is_object(published) ? json_object_size(published) > 0
                                                   : published && !json_is_null(published);
        has.settles |= *as_html_text_of(claim, "settles") != '\0';
        has.credit |= *as_html_text_of(claim, "credit") != '\0';
    }
    return has;
}

static void put_claims_head(as_buf *b, has_column has, bool is_study)
{
    const struct {
        const char *class, *name;
        bool is_there;
    } heads[] = {{"h-claim", "Claim", true},
                 {"h-verdict", "Verdict", true},
                 {"h-published", "Published", has.published},
                 {"h-found", is_study ? "What was found" : "What the files show", true},
                 {"h-settles", "What would settle it", has.settles},
                 {"h-credit", "Credit", has.credit}};
    as_buf_puts(b, "<thead role=\"rowgroup\"><tr role=\"row\">");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (heads[i].is_there)
            as_buf_printf(b, "<th scope=\"col\" role=\"columnheader\" class=\"%s\">%s</th>",
                          heads[i].class, heads[i].name);
    as_buf_puts(b, "</tr></thead>\n");
}

static void put_claim_row(as_buf *b, const json_t *claim, size_t i, has_column has)
{
    const char *says = as_html_text_of(claim, "says"), *credit = as_html_text_of(claim, "credit");
    as_buf_printf(
        b,
        "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><a href=\"#claim-%zu\">%zu.\u00a0",
        i + 1, i + 1);
    as_html_put(b, *says ? says : as_html_text_of(claim, "id"));
    as_buf_puts(b, "</a></th><td role=\"cell\" class=\"verdict\">");
    put_verdict(b, claim);
    if (has.published) {
        as_buf_puts(b, "</td><td role=\"cell\" class=\"c-published\">");
        put_published(b, json_object_get(claim, "published"));
    }
    as_buf_puts(b, "</td><td role=\"cell\" class=\"c-found\">");
    put_text_or_dash(b, as_html_text_of(claim, "sentence"));
    if (has.settles) {
        as_buf_puts(b, "</td><td role=\"cell\" class=\"c-settles\">");
        put_text_or_dash(b, as_html_text_of(claim, "settles"));
    }
    if (has.credit) {
        as_buf_printf(b, "</td><td role=\"cell\" class=\"c-credit%s\">", *credit ? "" : " none");
        put_text_or_dash(b, credit);
    }
    as_buf_puts(b, "</td></tr>\n");
}

void as_page_claims_table(const as_page *p)
{
    const json_t *claims = json_object_get(p->report, "claims");
    const has_column has = columns_of(claims);
    as_buf *b = p->b;
    as_buf_puts(b, "<section aria-labelledby=\"claims\">\n<h2 id=\"claims\">The claims</h2>\n");
    if (!json_array_size(claims)) {
        as_buf_puts(b, "<p>The plan makes no claim.</p>\n</section>\n");
        return;
    }
    as_buf_puts(b,
                "<p>A verdict is one of three words. <b>Supported</b>: every check that the claim "
                "rests on holds. <b>Refuted</b>: one that it rests on fails, or an artefact "
                "explains it. <b>Inconclusive</b>: the evidence does not tell, for the cause "
                "given.</p>\n<table class=\"claims\" role=\"table\">\n");
    put_claims_head(b, has, p->is_study);
    as_buf_puts(b, "<tbody role=\"rowgroup\">\n");
    for (size_t i = 0; i < json_array_size(claims); i++)
        put_claim_row(b, json_array_get(claims, i), i, has);
    as_buf_puts(b, "</tbody></table>\n</section>\n");
}

/* --- known truths ---------------------------------------------------------------------------- */

static const char *const words[] = {"supported", "refuted", "inconclusive"};
enum { n_words = sizeof words / sizeof words[0] };

/* Truths down, verdicts across; what was called right stands on the diagonal. */
static void put_confusion(as_buf *b, const json_t *counts)
{
    char text[AS_HTML_NUMBER];
    as_buf_puts(b, "<div class=\"scroll\" tabindex=\"0\"><table class=\"data confusion\">\n<thead>"
                   "<tr><th scope=\"col\">truth</th>");
    for (size_t i = 0; i < n_words; i++)
        as_buf_printf(b, "<th scope=\"col\" class=\"num\">called %s</th>", words[i]);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n_words; i++) {
        const json_t *row = json_object_get(counts, words[i]);
        as_buf_printf(b, "<tr><th scope=\"row\">%s</th>", words[i]);
        for (size_t k = 0; k < n_words; k++)
            as_buf_printf(b, "<td class=\"num%s\">%s</td>", i == k ? " right-call" : "",
                          as_html_number(as_html_number_of(row, words[k]), true, text));
        as_buf_puts(b, "</tr>\n");
    }
    as_buf_puts(b, "</tbody></table></div>\n");
}

static void put_word_and_cause(as_buf *b, const char *word, const char *cause)
{
    as_buf_puts(b, "<td>");
    as_badge_put(b, word);
    if (*cause) as_buf_puts(b, " <span class=\"cause\">");
    as_html_put(b, cause);
    as_buf_puts(b, *cause ? "</span></td>" : "</td>");
}

void as_page_truths(const as_page *p)
{
    const json_t *truths = json_object_get(p->report, "truths");
    const json_t *list = json_object_get(truths, "claims");
    char text[2][AS_HTML_NUMBER];
    as_buf *b = p->b;
    if (!json_array_size(list)) return;
    as_buf_printf(
        b,
        "<section aria-labelledby=\"truths\">\n<h2 id=\"truths\">Known truths</h2>\n<p>Of "
        "these claims the plan says what is true, so the verdicts themselves can be checked: "
        "<b>%s</b> called right, <b>%s</b> not. A verdict is right when it is the same word, "
        "for the cause that the plan names, if it names one.</p>\n",
        as_html_number(as_html_number_of(truths, "right"), true, text[0]),
        as_html_number(as_html_number_of(truths, "wrong"), true, text[1]));
    put_confusion(b, json_object_get(truths, "counts"));
    as_buf_puts(b, "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr><th "
                   "scope=\"col\">claim</th><th scope=\"col\">truth</th><th scope=\"col\">verdict"
                   "</th><th scope=\"col\">called</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        as_buf_puts(b, "<tr><th scope=\"row\">");
        as_html_put(b, as_html_text_of(o, "id"));
        as_buf_puts(b, "</th>");
        put_word_and_cause(b, as_html_text_of(o, "truth"), as_html_text_of(o, "truth_cause"));
        put_word_and_cause(b, as_html_text_of(o, "verdict"), as_html_text_of(o, "cause"));
        as_buf_printf(b, "<td>%s</td></tr>\n",
                      json_is_true(json_object_get(o, "is_right")) ? "right" : "not right");
    }
    as_buf_puts(b, "</tbody></table></div>\n</section>\n");
}

/* --- the tree of a claim --------------------------------------------------------------------- */

/* A claim's sentence ends in that of the leaf that decided. */
static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

static void put_leaf(const as_page *p, const json_t *claim, const json_t *leaf)
{
    as_buf *b = p->b;
    const char *sentence = as_html_text_of(leaf, "sentence");
    const char *id = as_html_text_of(leaf, "check"), *cause = as_html_text_of(leaf, "cause");
    size_t place = as_check_place(p, id);
    as_buf_puts(b, "<li>");
    as_badge_put(b, as_html_text_of(leaf, "outcome"));
    as_buf_puts(b, "<div>");
    if (place != SIZE_MAX) {
        as_buf_printf(b, "<a href=\"#check-%zu\">", place + 1);
        as_html_put(b, as_check_title(json_array_get(p->checks, place)));
        as_buf_puts(b, "</a>");
    } else {
        as_html_put(b, id);
    }
    if (*cause) {
        as_buf_puts(b, " <span class=\"cause\">");
        as_html_put(b, cause);
        as_buf_puts(b, "</span>");
    }
    if (*sentence && ends_with(as_html_text_of(claim, "sentence"), sentence) &&
        strcmp(as_html_text_of(claim, "verdict"), "supported") != 0)
        as_buf_puts(b, " <span class=\"decides\">\u25c0 gives the verdict</span>");
    as_buf_puts(b, "<p>");
    as_html_put(b, sentence);
    as_buf_puts(b, "</p>");
    if (place != SIZE_MAX && json_object_get(json_array_get(p->checks, place), "power")) {
        const json_t *check = json_array_get(p->checks, place);
        const char *kind = as_html_text_of(check, "check");
        const bool is_margin = strcmp(kind, "preserved") == 0 || strcmp(kind, "equivalence") == 0;
        as_buf_printf(b, "<p class=\"note\">Smallest %s: ",
                      is_margin ? "margin it could show" : "effect it could see");
        if (!as_arc_power(b, check, true)) as_buf_puts(b, "\u2013");
        as_buf_puts(b, "</p>");
    }
    as_buf_puts(b, "</div></li>\n");
}

static const struct {
    const char *role, *title, *rule;
} roles[] = {
    {"must_hold", "Must hold", "the claim needs each of these"},
    {"must_fail", "Must fail", "the claim says that there is nothing here"},
    {"instrument", "Instrument",
     "is it measured soundly? while one fails or is unknown, the claim cannot be supported"},
    {"artefact", "Artefact", "is there another explanation? one that fails refutes the claim"},
    {"context", "Context", "shown beside it; decides nothing"},
};

static bool has_role(const json_t *leaf, const char *role)
{
    return strcmp(as_html_text_of(leaf, "role"), role) == 0;
}

static void put_role(const as_page *p, const json_t *claim, const char *role, const char *title,
                     const char *rule)
{
    const json_t *leaves = json_object_get(claim, "leaves");
    bool open = false;
    for (size_t i = 0; i < json_array_size(leaves); i++) {
        const json_t *leaf = json_array_get(leaves, i);
        if (!has_role(leaf, role)) continue;
        if (!open)
            as_buf_printf(p->b,
                          "<h4>%s <span class=\"rule\">%s</span></h4>\n<ul class=\"leaves\">\n",
                          title, rule);
        open = true;
        put_leaf(p, claim, leaf);
    }
    if (open) as_buf_puts(p->b, "</ul>\n");
}

static double step_of(const json_t *leaf)
{
    return has_role(leaf, "step") ? as_html_number_of(leaf, "step") : NAN;
}

/* Leaves of a step stand together in the report, in the order of the steps. */
static void put_steps(const as_page *p, const json_t *claim)
{
    as_buf *b = p->b;
    const json_t *leaves = json_object_get(claim, "leaves");
    double open = NAN, stopped_at = as_html_number_of(claim, "stopped_at");
    for (size_t i = 0; i < json_array_size(leaves); i++) {
        const json_t *leaf = json_array_get(leaves, i);
        double step = step_of(leaf);
        if (isnan(step)) continue;
        if (isnan(open))
            as_buf_puts(b,
                        "<h4>Steps in order <span class=\"rule\">the first that does not hold ends "
                        "the walk</span></h4>\n<ol class=\"steps\">\n");
        if (step != open) {
            bool stops = step == stopped_at;
            as_buf_puts(b, isnan(open) ? "" : "</ul></li>\n");
            as_buf_printf(b, "<li class=\"step%s\"><p class=\"step-name\">Step %.0f: ",
                          stops                                 ? " stops"
                          : stopped_at > 0 && step > stopped_at ? " beyond"
                                                                : "",
                          step);
            as_html_put(b, as_html_text_of(leaf, "step_name"));
            as_buf_puts(b, stops ? " <strong class=\"stop\">\u25a0 stops here</strong>" : "");
            as_buf_puts(b, stopped_at > 0 && step > stopped_at
                               ? " <span class=\"rule\">beyond the stop</span>"
                               : "");
            as_buf_puts(b, "</p>\n<ul class=\"leaves\">\n");
            open = step;
        }
        put_leaf(p, claim, leaf);
    }
    if (!isnan(open)) as_buf_puts(b, "</ul></li>\n</ol>\n");
}

static void put_others(const as_page *p, const json_t *claim)
{
    const json_t *leaves = json_object_get(claim, "leaves");
    bool open = false;
    for (size_t i = 0; i < json_array_size(leaves); i++) {
        const json_t *leaf = json_array_get(leaves, i);
        bool known = !isnan(step_of(leaf));
        for (size_t k = 0; k < sizeof roles / sizeof roles[0] && !known; k++)
            known = has_role(leaf, roles[k].role);
        if (known) continue;
        if (!open) as_buf_puts(p->b, "<h4>Other</h4>\n<ul class=\"leaves\">\n");
        open = true;
        put_leaf(p, claim, leaf);
    }
    if (open) as_buf_puts(p->b, "</ul>\n");
}

static void put_fact(as_buf *b, const char *name, const char *text)
{
    if (!*text) return;
    as_buf_printf(b, "<div><dt>%s</dt><dd>", name);
    as_html_put(b, text);
    as_buf_puts(b, "</dd></div>\n");
}

/* Assay's sentence, unless a branch below says the very same. */
static void put_lead(as_buf *b, const json_t *claim)
{
    const json_t *leaves = json_object_get(claim, "leaves");
    const char *sentence = as_html_text_of(claim, "sentence");
    bool said = !*sentence;
    for (size_t i = 0; i < json_array_size(leaves) && !said; i++)
        said = strcmp(as_html_text_of(json_array_get(leaves, i), "sentence"), sentence) == 0;
    if (said) return;
    as_buf_puts(b, "<p class=\"lead\">");
    as_html_put(b, sentence);
    as_buf_puts(b, "</p>\n");
}

static void put_claim(const as_page *p, const json_t *claim, size_t i)
{
    as_buf *b = p->b;
    const char *says = as_html_text_of(claim, "says");
    as_buf_printf(b,
                  "<section class=\"claim\" aria-labelledby=\"claim-%zu\">\n<h3 id=\"claim-%zu\">"
                  "<span class=\"no\">%zu.</span> ",
                  i + 1, i + 1, i + 1);
    as_html_put(b, *says ? says : as_html_text_of(claim, "id"));
    as_buf_puts(b, "</h3>\n<p class=\"verdict\">");
    put_verdict(b, claim);
    as_buf_puts(b, "</p>\n");
    put_lead(b, claim);
    as_buf_puts(b, "<dl class=\"facts\">\n");
    if (!p->is_study || json_is_object(json_object_get(claim, "published"))) {
        as_buf_puts(b, "<div><dt>Published</dt><dd>");
        put_published(b, json_object_get(claim, "published"));
        as_buf_puts(b, "</dd></div>\n");
    }
    put_fact(b, "What would settle it", as_html_text_of(claim, "settles"));
    put_fact(b, "Credit", as_html_text_of(claim, "credit"));
    as_buf_puts(b, "</dl>\n");
    put_steps(p, claim);
    for (size_t k = 0; k < sizeof roles / sizeof roles[0]; k++)
        put_role(p, claim, roles[k].role, roles[k].title, roles[k].rule);
    put_others(p, claim);
    as_buf_puts(b, "</section>\n");
}

void as_page_claims(const as_page *p)
{
    const json_t *claims = json_object_get(p->report, "claims");
    if (!json_array_size(claims)) return;
    as_buf_puts(p->b,
                "<section aria-labelledby=\"trees\">\n<h2 id=\"trees\">Claim by claim</h2>\n"
                "<p>Each verdict follows from its branches. A check <em>holds</em> when what it "
                "looks for is there, or its instrument is clean; it <em>fails</em> when that is "
                "shown not to be so; <em>unknown</em> means that the evidence does not "
                "tell.</p>\n");
    for (size_t i = 0; i < json_array_size(claims); i++) put_claim(p, json_array_get(claims, i), i);
    as_buf_puts(p->b, "</section>\n");
}
