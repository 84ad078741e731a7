/* What the steps of a study made, how sound its judges are, and what it lost on the way. */
#include <string.h>

#include "app/report/page.h"

enum { made_bytes = 400 * 1024, heads_shown = 8 };

static const json_t *statistics_of(const json_t *step)
{
    return json_object_get(step, "statistics");
}

static void open_table(as_buf *b)
{
    as_buf_puts(b, "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<thead><tr>");
}

static void put_head(as_buf *b, const char *head, bool is_number)
{
    as_buf_printf(b, "<th scope=\"col\"%s>%s</th>", is_number ? " class=\"num\"" : "", head);
}

static void close_table(as_buf *b, bool is_open)
{
    if (is_open) as_buf_puts(b, "</tbody></table></div>\n");
}

static void put_row_head(as_buf *b, const json_t *step)
{
    as_buf_puts(b, "<tr><th scope=\"row\"><code>");
    as_html_put(b, as_html_text_of(step, "id"));
    as_buf_puts(b, "</code></th>");
}

static void put_foreign(as_buf *b, const char *text)
{
    as_buf_puts(b, "<td>");
    as_html_put(b, *text ? text : "\u2013");
    as_buf_puts(b, "</td>");
}

static void put_count(as_buf *b, double x)
{
    char text[AS_HTML_NUMBER];
    as_buf_printf(b, "<td class=\"num\">%s</td>", as_html_number(x, true, text));
}

/* --- the steps ------------------------------------------------------------------------------- */

static void put_steps(const as_page *p, const json_t *steps)
{
    as_buf *b = p->b;
    open_table(b);
    put_head(b, "step", false);
    put_head(b, "does", false);
    put_head(b, "from", false);
    put_head(b, "settings", false);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        put_row_head(b, step);
        put_foreign(b, as_html_text_of(step, "do"));
        put_foreign(b, as_html_text_of(step, "from"));
        as_buf_puts(b, "<td class=\"settings\">");
        as_html_value(b, json_object_get(step, "settings"));
        as_buf_puts(b, "</td></tr>\n");
    }
    close_table(b, true);
}

/* --- what they made -------------------------------------------------------------------------- */

typedef enum { MADE_NUMBER, MADE_COUNT, MADE_P, MADE_VALUE, MADE_HEADS, MADE_HASH } made_form;

/* A column shows a member of the statistic's detail, or with @ of the statistic itself. */
typedef struct {
    const char *head, *key;
    made_form form;
} made_column;

static const struct {
    const char *name, *title, *about;
    made_column column[8]; /* ends with head NULL */
} kinds[] = {
    {"records",
     "Records for training",
     "Kept and refused by the validator, for each of the four stages.",
     {{"voice", "voice", MADE_VALUE},
      {"records", "@estimate", MADE_COUNT},
      {"kept", "kept", MADE_VALUE},
      {"refused", "refused", MADE_VALUE}}},
    {"training",
     "Trainings",
     "One for each seed; the key finds its curve with assay report --training.",
     {{"seed", "seed", MADE_COUNT},
      {"examples", "@n", MADE_COUNT},
      {"steps", "steps", MADE_COUNT},
      {"tokens", "tokens", MADE_COUNT},
      {"targets", "targets", MADE_COUNT},
      {"trained values", "trainable", MADE_COUNT},
      {"key", "training", MADE_HASH}}},
    {"maximum",
     "Attention heads",
     "The largest effect over all heads, the chance that shuffled labels give one as large, and "
     "the heads that lead (layer.head: Cohen\u2019s d).",
     {{"largest d", "@estimate", MADE_NUMBER},
      {"p", "p", MADE_P},
      {"answers", "@n", MADE_COUNT},
      {"leading heads", "heads", MADE_HEADS}}},
    {"direction",
     "Directions",
     "Effect size along the direction, on the rows it was made of and out of fold.",
     {{"d in sample", "@estimate", MADE_NUMBER},
      {"d out of fold", "crossfit", MADE_NUMBER},
      {"p", "p", MADE_P},
      {"cosine of folds", "cosine", MADE_NUMBER},
      {"length", "distance", MADE_NUMBER},
      {"answers", "@n", MADE_COUNT}}},
    {"probe",
     "Probes",
     "The threshold chosen out of fold and what passes it there.",
     {{"threshold", "threshold", MADE_NUMBER},
      {"asymmetry", "@estimate", MADE_NUMBER},
      {"right that pass", "p_c", MADE_NUMBER},
      {"wrong that pass", "p_w", MADE_NUMBER},
      {"converged", "is_converged", MADE_VALUE},
      {"answers", "@n", MADE_COUNT}}},
    {"marked",
     "Pasted markers",
     "Answers that got the surface marker of another arm.",
     {{"marked", "@estimate", MADE_COUNT}, {"answers", "@n", MADE_COUNT}}},
};
enum { n_kinds = sizeof kinds / sizeof kinds[0] };

/* The heads that lead, and how many there are. */
static void put_heads(as_buf *b, const json_t *heads)
{
    char text[3][AS_HTML_NUMBER];
    size_t n = json_array_size(heads);
    for (size_t i = 0; i < n && i < heads_shown; i++) {
        const json_t *head = json_array_get(heads, i);
        as_buf_printf(b, "%s<span class=\"nb\">%s.%s: %s</span>", i ? "; " : "",
                      as_html_number(as_html_number_of(head, "layer"), true, text[0]),
                      as_html_number(as_html_number_of(head, "head"), true, text[1]),
                      as_html_number(as_html_number_of(head, "d"), false, text[2]));
    }
    if (n > heads_shown) as_buf_printf(b, "; \u2026 %zu in all", n);
}

static void put_made_cell(as_buf *b, const json_t *stat, const made_column *c)
{
    char text[AS_HTML_NUMBER];
    const json_t *value = *c->key == '@' ? json_object_get(stat, c->key + 1)
                                         : json_object_get(json_object_get(stat, "detail"), c->key);
    double x = json_is_number(value) ? json_number_value(value) : as_html_number_of(NULL, "");
    if (c->form == MADE_NUMBER || c->form == MADE_COUNT || c->form == MADE_P) {
        as_buf_printf(b, "<td class=\"num\">%s</td>",
                      c->form == MADE_P ? as_html_p(x, text)
                                        : as_html_number(x, c->form == MADE_COUNT, text));
        return;
    }
    as_buf_puts(b, c->form == MADE_HASH ? "<td class=\"hash\">" : "<td>");
    if (c->form == MADE_HEADS)
        put_heads(b, value);
    else
        as_html_value(b, value);
    as_buf_puts(b, "</td>");
}

static void put_kind_head(as_buf *b, size_t k)
{
    as_buf_printf(b, "<h3>%s</h3>\n<p>%s</p>\n", kinds[k].title, kinds[k].about);
    open_table(b);
    put_head(b, "step", false);
    for (const made_column *c = kinds[k].column; c->head; c++)
        put_head(b, c->head, c->form == MADE_NUMBER || c->form == MADE_COUNT || c->form == MADE_P);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
}

static void put_kind(const as_page *p, const json_t *steps, size_t k)
{
    as_buf *b = p->b;
    bool is_open = false;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i), *stats = statistics_of(step);
        for (size_t j = 0; j < json_array_size(stats); j++) {
            const json_t *stat = json_array_get(stats, j);
            if (!as_stat_is(stat, kinds[k].name)) continue;
            if (!is_open) put_kind_head(b, k);
            is_open = true;
            put_row_head(b, step);
            for (const made_column *c = kinds[k].column; c->head; c++) put_made_cell(b, stat, c);
            as_buf_puts(b, "</tr>\n");
        }
    }
    close_table(b, is_open);
}

static bool is_known(const json_t *stat)
{
    bool known = as_stat_is(stat, "gate") || as_stat_is(stat, "arm");
    for (size_t k = 0; k < n_kinds; k++) known = known || as_stat_is(stat, kinds[k].name);
    return known;
}

/* Statistics of steps that no table above is for. */
static void put_others(const as_page *p, const json_t *steps)
{
    as_buf *b = p->b;
    bool is_open = false;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i), *stats = statistics_of(step);
        for (size_t j = 0; j < json_array_size(stats); j++) {
            const json_t *stat = json_array_get(stats, j);
            if (is_known(stat)) continue;
            if (!is_open) {
                as_buf_puts(b, "<h3>Other numbers of steps</h3>\n");
                open_table(b);
                put_head(b, "step", false);
                put_head(b, "number", false);
                put_head(b, "of", false);
                as_stat_head(b);
                put_head(b, "detail", false);
                as_buf_puts(b, "</tr></thead>\n<tbody>\n");
            }
            is_open = true;
            put_row_head(b, step);
            put_foreign(b, as_html_text_of(stat, "name"));
            put_foreign(b, as_html_text_of(stat, "of"));
            as_stat_cells(b, stat, false);
            as_buf_puts(b, "<td class=\"wide\">");
            as_html_value(b, json_object_get(stat, "detail"));
            as_buf_puts(b, "</td></tr>\n");
        }
    }
    close_table(b, is_open);
}

void as_page_made(as_page *p)
{
    const json_t *steps = json_object_get(p->report, "steps");
    if (!json_array_size(steps)) return;
    as_buf_puts(p->b, "<section aria-labelledby=\"made\">\n<h2 id=\"made\">What was done and made"
                      "</h2>\n<p>The steps of the plan in order, then what they made for later "
                      "ones.</p>\n");
    put_steps(p, steps);
    for (size_t k = 0; k < n_kinds; k++) put_kind(p, steps, k);
    put_others(p, steps);
    as_buf_puts(p->b, "</section>\n");
}

/* --- the judges ------------------------------------------------------------------------------ */

static void put_gate(as_buf *b, const json_t *step, const json_t *stat)
{
    char text[AS_HTML_NUMBER];
    const json_t *detail = json_object_get(stat, "detail");
    double share = as_html_number_of(stat, "estimate"), bar = as_html_number_of(detail, "bar");
    put_row_head(b, step);
    put_foreign(b, as_html_text_of(stat, "of"));
    put_foreign(b, as_html_text_of(detail, "version"));
    as_buf_puts(b, "<td>");
    as_badge_put(b, share >= bar ? "holds" : share < bar ? "fails" : "unknown");
    as_buf_printf(b, "</td><td class=\"num\">%s</td>", as_html_number(share, false, text));
    put_count(b, as_html_number_of(detail, "right"));
    put_count(b, as_html_number_of(stat, "n"));
    put_count(b, as_html_number_of(stat, "missing"));
    as_buf_printf(b, "<td class=\"num\">%s</td></tr>\n", as_html_number(bar, false, text));
}

static bool has_statistic(const json_t *steps, const char *name)
{
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (as_check_stat(json_array_get(steps, i), name, NULL)) return true;
    return false;
}

void as_page_judges(as_page *p)
{
    static const char *const heads[] = {"share", "ranked rightly", "pairs", "missing", "bar"};
    const json_t *steps = json_object_get(p->report, "steps");
    as_buf *b = p->b;
    if (!has_statistic(steps, "gate")) return;
    as_buf_puts(b, "<section aria-labelledby=\"judges\">\n<h2 id=\"judges\">The judges</h2>\n<p>"
                   "Before a judge may score, it has to put an answer known to be good above one "
                   "known to be bad, in at least the share of pairs that the bar says.</p>\n");
    open_table(b);
    put_head(b, "step", false);
    put_head(b, "judge", false);
    put_head(b, "version", false);
    put_head(b, "gate", false);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) put_head(b, heads[i], true);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i), *stats = statistics_of(step);
        for (size_t j = 0; j < json_array_size(stats); j++)
            if (as_stat_is(json_array_get(stats, j), "gate"))
                put_gate(b, step, json_array_get(stats, j));
    }
    close_table(b, true);
    as_buf_puts(b, "</section>\n");
}

/* --- losses ---------------------------------------------------------------------------------- */

/* "accuracy 3; tokens 100", or a dash. */
static void put_missing(as_buf *b, const json_t *stats)
{
    char text[AS_HTML_NUMBER];
    bool any = false;
    as_buf_puts(b, "<td>");
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *stat = json_array_get(stats, i);
        double missing = as_html_number_of(stat, "missing");
        if (!(missing > 0)) continue;
        as_buf_puts(b, any ? "; " : "");
        as_html_put(b, as_html_text_of(stat, "name"));
        as_buf_printf(b, " %s", as_html_number(missing, true, text));
        any = true;
    }
    if (!any) as_buf_puts(b, json_array_size(stats) ? "none" : "\u2013");
    as_buf_puts(b, "</td>");
}

static void put_arm_loss(as_buf *b, const json_t *arm)
{
    char text[AS_HTML_NUMBER];
    const json_t *cut = as_check_stat(arm, "cut_rate", NULL);
    as_buf_puts(b, "<tr><th scope=\"row\"><code>");
    as_html_put(b, as_html_text_of(arm, "step"));
    as_buf_puts(b, ".");
    as_html_put(b, as_html_text_of(arm, "arm"));
    as_buf_puts(b, "</code></th>");
    put_count(b, as_html_number_of(arm, "n"));
    as_buf_printf(b, "<td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(cut, "estimate"), false, text));
    put_missing(b, json_object_get(arm, "statistics"));
    as_buf_puts(b, "<td class=\"num\">\u2013</td></tr>\n");
}

static void put_records_loss(as_buf *b, const json_t *step)
{
    const json_t *stat = as_check_stat(step, "records", NULL);
    if (!stat) return;
    put_row_head(b, step);
    put_count(b, as_html_number_of(stat, "n"));
    as_buf_puts(b, "<td class=\"num\">\u2013</td><td>\u2013</td>");
    put_count(b, as_html_number_of(stat, "missing"));
    as_buf_puts(b, "</tr>\n");
}

/* Why items were refused records, those of the first refusals. */
static void put_reasons(as_buf *b, const json_t *steps)
{
    enum { reasons_shown = 20 };
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const json_t *stat = as_check_stat(step, "records", NULL);
        const json_t *why = json_object_get(json_object_get(stat, "detail"), "reasons");
        const size_t n = json_array_size(why);
        if (!n) continue;
        as_buf_puts(b, "<details><summary>Why records of <code>");
        as_html_put(b, as_html_text_of(step, "id"));
        as_buf_puts(b, "</code> were refused</summary>\n<ul>\n");
        for (size_t k = 0; k < n && k < reasons_shown; k++) {
            as_buf_puts(b, "<li>");
            as_html_value(b, json_array_get(why, k));
            as_buf_puts(b, "</li>\n");
        }
        as_buf_puts(b, "</ul>\n");
        if (n > reasons_shown)
            as_buf_printf(b, "<p class=\"note\">%zu more stand in the report\u2019s JSON.</p>\n",
                          n - reasons_shown);
        as_buf_puts(b, "</details>\n");
    }
}

void as_page_losses(as_page *p)
{
    const json_t *steps = json_object_get(p->report, "steps");
    const json_t *arms = json_object_get(p->report, "arms");
    as_buf *b = p->b;
    size_t left = 0, start = b->size;
    if (!json_array_size(arms) && !has_statistic(steps, "records")) return;
    as_buf_puts(b, "<section aria-labelledby=\"losses\">\n<h2 id=\"losses\">Cut, missing, refused"
                   "</h2>\n<p>Answers that ran into the token budget, answers that a measure could "
                   "not be read of, and training records that the validator refused.</p>\n");
    open_table(b);
    put_head(b, "rows", false);
    put_head(b, "number", true);
    put_head(b, "share cut", true);
    put_head(b, "missing", false);
    put_head(b, "refused", true);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(arms); i++) {
        if (b->size - start < made_bytes)
            put_arm_loss(b, json_array_get(arms, i));
        else
            left++;
    }
    for (size_t i = 0; i < json_array_size(steps); i++)
        put_records_loss(b, json_array_get(steps, i));
    close_table(b, true);
    put_reasons(b, steps);
    if (left)
        as_buf_printf(b, "<p class=\"note\">%zu more arms stand in the report\u2019s JSON.</p>\n",
                      left);
    as_buf_puts(b, "</section>\n");
}
