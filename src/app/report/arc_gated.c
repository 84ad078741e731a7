/* The third arc: a probe on frozen states and the gate made of it. The pipeline of falsification
 * step by step, what passes at each threshold, the cells before and after the gate, and how well
 * right answers are told from wrong ones, by reading, beside nuisances. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/arc.h"

/* --- the pipeline ----------------------------------------------------------------------------- */

/* The numbers by which a check of a pipeline decides, with the parameter that holds the bar and the
 * statistic that says how often noise passes it. */
static const struct {
    const char *check, *name, *words, *bar, *noise;
} deciding[] = {
    {"within-cv", "auc_out_of_fold", "AUC out of fold", "gate_auc", NULL},
    {"within-cv", "asym_out_of_fold", "asymmetry out of fold", "gate_asym",
     "gate_false_positive_rate"},
    {"grouped-cv", "auc_grouped", "AUC, no topic on both sides", "gate", NULL},
    {"gate-transfer", "asym", "asymmetry on new rows", "asym_gate", "gate_false_positive_rate"},
    {"gate-transfer", "auc", "AUC on new rows", NULL, NULL},
    {"transfer", "auc", "AUC on new rows", "gate_auc", NULL},
    {"transfer", "asym_balanced", "asymmetry on new rows", "gate_asym", "gate_false_positive_rate"},
    {"nuisance", "difference", "AUC above the nuisance", NULL, NULL},
    {"asymmetry-change", "asym_change", "change of asymmetry", "at_least", NULL},
    {"preserved", "change", "change", "margin", NULL},
};
enum { n_deciding = sizeof deciding / sizeof deciding[0] };

static void put_null_cell(as_buf *b, const json_t *stat, const json_t *noise)
{
    char text[3][AS_HTML_NUMBER];
    const json_t *null = json_object_get(stat, "null");
    as_buf_puts(b, "<td>");
    if (json_is_object(null))
        as_buf_printf(b, "<span class=\"nb\">%s (%s to %s)</span>",
                      as_html_number(as_html_number_of(null, "median"), false, text[0]),
                      as_html_number(as_html_number_of(null, "q05"), false, text[1]),
                      as_html_number(as_html_number_of(null, "q95"), false, text[2]));
    if (json_is_object(null) && noise) as_buf_puts(b, "<br>");
    if (noise)
        as_buf_printf(b, "<small>noise passes in %s of the draws</small>",
                      as_html_number(as_html_number_of(noise, "estimate"), false, text[0]));
    as_buf_puts(b, json_is_object(null) || noise ? "</td>" : "\u2013</td>");
}

static void put_bar_cell(as_buf *b, const json_t *check, const char *bar)
{
    char text[AS_HTML_NUMBER];
    const json_t *value = bar ? json_object_get(json_object_get(check, "parameters"), bar) : NULL;
    as_buf_printf(b, "<td class=\"num\">%s</td>",
                  as_html_short(value ? as_html_number_in(value) : NAN, text));
}

/* The cells of one number from estimate to bar. */
static void put_number(as_buf *b, const json_t *check, const json_t *stat, size_t k)
{
    char text[3][AS_HTML_NUMBER];
    const char *of = as_html_text_of(stat, "of");
    const json_t *noise = deciding[k].noise ? as_check_stat(check, deciding[k].noise, of) : NULL;
    as_buf_printf(b, "<td>%s", deciding[k].words);
    if (*of) {
        as_buf_puts(b, " <small>");
        as_html_put(b, of);
        as_buf_puts(b, "</small>");
    }
    as_buf_printf(b, "</td><td class=\"num\">%s</td><td>",
                  as_html_number(as_html_number_of(stat, "estimate"), false, text[0]));
    as_page_interval(b, stat);
    as_buf_printf(b, "</td><td class=\"num\">%s</td>",
                  as_html_p(as_html_number_of(stat, "p"), text[1]));
    put_null_cell(b, stat, noise);
    put_bar_cell(b, check, deciding[k].bar);
    as_buf_printf(b, "<td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(stat, "n"), true, text[2]));
}

/* The numbers of a check, in order; returns how many there are, and with b writes the i-th. */
static size_t numbers_of(const json_t *check, as_buf *b, size_t i)
{
    const json_t *stats = json_object_get(check, "statistics");
    size_t n = 0;
    for (size_t k = 0; k < n_deciding; k++) {
        if (!as_check_is(check, deciding[k].check)) continue;
        for (size_t j = 0; j < json_array_size(stats); j++) {
            const json_t *stat = json_array_get(stats, j);
            if (!as_stat_is(stat, deciding[k].name)) continue;
            if (b && n == i) put_number(b, check, stat, k);
            n++;
        }
    }
    return n;
}

static void put_leaf(const as_page *p, const json_t *leaf)
{
    as_buf *b = p->b;
    const char *id = as_html_text_of(leaf, "check"), *cause = as_html_text_of(leaf, "cause");
    const json_t *check = as_arc_check(p, id);
    const size_t n = numbers_of(check, NULL, 0), rows = n ? n : 1;
    char text[AS_HTML_NUMBER];
    as_buf_printf(b, "<tr><th scope=\"row\" rowspan=\"%zu\">%s. ", rows,
                  as_html_number(as_html_number_of(leaf, "step"), true, text));
    as_html_put(b, as_html_text_of(leaf, "step_name"));
    as_buf_printf(b, "</th><td rowspan=\"%zu\">", rows);
    as_arc_link(p, id, check ? as_check_title(check) : NULL);
    as_buf_puts(b, "</td>");
    if (n)
        (void)numbers_of(check, b, 0);
    else
        as_buf_puts(b, "<td colspan=\"7\">not measured</td>");
    as_buf_printf(b, "<td rowspan=\"%zu\">", rows);
    as_badge_put(b, as_html_text_of(leaf, "outcome"));
    if (*cause) {
        as_buf_puts(b, "<br><span class=\"cause\">");
        as_html_put(b, cause);
        as_buf_puts(b, "</span>");
    }
    if (json_object_get(check, "power")) {
        as_buf_puts(b, "<br><small>could see ");
        if (!as_arc_power(b, check, false)) as_buf_puts(b, "\u2013");
        as_buf_puts(b, "</small>");
    }
    as_buf_puts(b, "</td></tr>\n");
    for (size_t i = 1; i < n; i++) {
        as_buf_puts(b, "<tr>");
        (void)numbers_of(check, b, i);
        as_buf_puts(b, "</tr>\n");
    }
}

static void put_pipeline(const as_page *p, const json_t *claim, size_t place)
{
    static const char *const heads[] = {
        "step", "asked", "number", "estimate", "interval", "p", "null: median, 5 to 95\u00a0%",
        "bar",  "n",     "outcome"};
    as_buf *b = p->b;
    const json_t *leaves = json_object_get(claim, "leaves");
    const double stopped = as_html_number_of(claim, "stopped_at");
    char text[AS_HTML_NUMBER];
    as_buf_puts(b, "<h3>The pipeline of ");
    as_buf_printf(b, "<a href=\"#claim-%zu\"><code>", place + 1);
    as_html_put(b, as_html_text_of(claim, "id"));
    as_buf_puts(b, "</code></a> ");
    as_badge_put(b, as_html_text_of(claim, "verdict"));
    as_buf_puts(b, "</h3>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data pipeline\">\n"
                   "<thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        as_buf_printf(b, "<th scope=\"col\"%s>%s</th>",
                      i == 3 || i == 5 || i == 7 || i == 8 ? " class=\"num\"" : "", heads[i]);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(leaves); i++)
        if (strcmp(as_html_text_of(json_array_get(leaves, i), "role"), "step") == 0)
            put_leaf(p, json_array_get(leaves, i));
    as_buf_puts(b, "</tbody></table></div>\n");
    if (stopped > 0)
        as_buf_printf(b,
                      "<p class=\"note\">It stops at step %s; what follows is shown and decides "
                      "nothing.</p>\n",
                      as_html_number(stopped, true, text));
}

static bool has_steps(const json_t *claim)
{
    const json_t *leaves = json_object_get(claim, "leaves");
    for (size_t i = 0; i < json_array_size(leaves); i++)
        if (strcmp(as_html_text_of(json_array_get(leaves, i), "role"), "step") == 0) return true;
    return false;
}

/* --- thresholds and cells --------------------------------------------------------------------- */

static double *numbers(const json_t *list, size_t n, as_buf *b)
{
    as_error err = {0};
    double *x = as_new(n + 1, sizeof *x, &err);
    if (!x) b->failed = true;
    for (size_t i = 0; x && i < n; i++) x[i] = as_html_number_in(json_array_get(list, i));
    return x;
}

static const json_t *fitted(const as_page *p, const json_t *arc)
{
    return as_check_stat(as_arc_step(p, as_html_text_of(arc, "probe")), "probe", NULL);
}

/* What passes at each threshold, out of fold, with the chosen one. */
static void put_thresholds(const as_page *p, const json_t *arc)
{
    const json_t *detail = json_object_get(fitted(p, arc), "detail");
    const json_t *curve = json_object_get(detail, "curve"), *at = json_object_get(curve, "t");
    const size_t n = json_array_size(at);
    as_buf *b = p->b;
    if (!n) return;
    double *t = numbers(at, n, b), *right = numbers(json_object_get(curve, "p_c"), n, b);
    double *wrong = numbers(json_object_get(curve, "p_w"), n, b);
    if (t && right && wrong) {
        const as_trace trace[] = {{"right that pass", t, right, NULL, NULL, n, 0, false, NAN},
                                  {"wrong that pass", t, wrong, NULL, NULL, n, 1, false, NAN}};
        as_traces f = {.title = as_html_text_of(arc, "probe"),
                       .x_axis = "threshold on P(right)",
                       .of = "threshold",
                       .trace = trace,
                       .n_traces = 2,
                       .at = as_html_number_of(detail, "threshold"),
                       .level = as_html_number_of(detail, "coverage")};
        as_span_add(&f.x, 0);
        as_span_add(&f.x, 1);
        as_span_add(&f.y, 0);
        as_span_add(&f.y, 1);
        as_traces_put(b, &f);
    }
    free(t);
    free(right);
    free(wrong);
}

/* "STEP.ARM" as the arm of the report. */
static const json_t *arm_of(const as_page *p, const char *text)
{
    char step[256];
    const char *dot = strchr(text, '.');
    if (!dot || (size_t)(dot - text) >= sizeof step) return NULL;
    memcpy(step, text, (size_t)(dot - text));
    step[dot - text] = '\0';
    return as_arc_arm(p, step, dot + 1);
}

static const json_t *before(const as_page *p, const json_t *arc)
{
    return arm_of(p, as_html_text_of(arc, "from"));
}

static const json_t *after(const as_page *p, const json_t *arc)
{
    return as_arc_arm(p, as_html_text_of(arc, "gate"), "gated");
}

static void put_cells(as_buf *b, const char *title, const json_t *arm)
{
    if (!as_check_stat(arm, "cell", NULL)) return;
    as_cells_put(b, title, arm);
    as_buf_puts(b, "</div>\n");
}

static void put_curve_rows(as_buf *b, const as_page *p, const json_t *arcs)
{
    char text[3][AS_HTML_NUMBER];
    for (size_t i = 0; i < json_array_size(arcs); i++) {
        const json_t *arc = json_array_get(arcs, i);
        const json_t *curve = json_object_get(json_object_get(fitted(p, arc), "detail"), "curve");
        const json_t *t = json_object_get(curve, "t");
        for (size_t k = 0; k < json_array_size(t); k++) {
            as_buf_puts(b, "<tr><th scope=\"row\">");
            as_html_put(b, as_html_text_of(arc, "probe"));
            as_buf_printf(
                b,
                "</th><td class=\"num\">%s</td><td class=\"num\">%s</td><td class=\"num\">%s</td>"
                "</tr>\n",
                as_html_number(as_html_number_in(json_array_get(t, k)), false, text[0]),
                as_html_number(as_html_number_in(json_array_get(json_object_get(curve, "p_c"), k)),
                               false, text[1]),
                as_html_number(as_html_number_in(json_array_get(json_object_get(curve, "p_w"), k)),
                               false, text[2]));
        }
    }
}

static size_t n_thresholds(const as_page *p, const json_t *arcs)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(arcs); i++)
        n += json_array_size(as_json_at(fitted(p, json_array_get(arcs, i)), "/detail/curve/t"));
    return n;
}

static void put_gates(as_page *p, const json_t *arcs)
{
    as_buf *b = p->b;
    const size_t n = n_thresholds(p, arcs);
    if (!n) {
        as_buf_puts(b, "<p class=\"note\">What passes at each threshold: not measured.</p>\n");
        return;
    }
    as_arc_panels_open(p, "What passes the gate", NULL, "panels");
    for (size_t i = 0; i < json_array_size(arcs); i++) {
        const json_t *arc = json_array_get(arcs, i);
        put_thresholds(p, arc);
        put_cells(b, as_html_text_of(arc, "from"), before(p, arc));
        put_cells(b, as_html_text_of(arc, "gate"), after(p, arc));
    }
    as_figure_caption(
        b, "Of each probe the share of right and of wrong answers that it lets pass at each "
           "threshold, on rows that it was not fitted on; beside it the fresh answers, right or "
           "wrong and asserted or hedged, before the gate and behind it.");
    as_legend_open(b);
    as_buf_puts(b,
                "<li><svg width=\"30\" height=\"14\" aria-hidden=\"true\"><path class=\"run t0\" "
                "d=\"M0 7H30\"/></svg><span>right that pass</span></li>\n<li><svg width=\"30\" "
                "height=\"14\" aria-hidden=\"true\"><path class=\"run t1\" d=\"M0 7H30\"/></svg>"
                "<span>wrong that pass</span></li>\n");
    as_legend_item(b, "gate", "threshold chosen");
    as_buf_puts(b,
                "<li><svg width=\"30\" height=\"14\" aria-hidden=\"true\"><line class=\"margin\" "
                "x1=\"0\" x2=\"30\" y1=\"7\" y2=\"7\"/></svg><span>least share of right answers "
                "that must pass</span></li>\n");
    as_legend_close(b);
    as_figure_table(b, n);
    as_buf_puts(b,
                "<thead><tr><th scope=\"col\">probe</th><th scope=\"col\" class=\"num\">threshold"
                "</th><th scope=\"col\" class=\"num\">right that pass</th><th scope=\"col\" "
                "class=\"num\">wrong that pass</th></tr></thead>\n<tbody>\n");
    put_curve_rows(b, p, arcs);
    as_buf_puts(b, "</tbody>");
    as_figure_close(b);
}

static void put_arm_row(as_buf *b, const char *name, const json_t *arm)
{
    static const char *const cells[] = {"cr", "cw", "hr", "hw"};
    static const char *const rates[] = {"accuracy",          "assertion_rate", "hallucination_rate",
                                        "over_hedging_rate", "asymmetry",      "coverage"};
    char text[AS_HTML_NUMBER];
    as_buf_puts(b, "<tr><th scope=\"row\">");
    as_html_put(b, name);
    as_buf_printf(b, "</th><td class=\"num\">%s</td>",
                  as_html_number(as_html_number_of(arm, "n"), true, text));
    for (size_t i = 0; i < 4; i++) {
        const json_t *stat = as_check_stat(arm, "cell", cells[i]);
        if (stat)
            as_buf_printf(b, "<td class=\"num\">%s</td>",
                          as_html_number(as_html_number_of(stat, "estimate"), true, text));
        else
            as_arc_cell(b, NULL);
    }
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        as_arc_cell(b, as_check_stat(arm, rates[i], NULL));
    as_buf_puts(b, "</tr>\n");
}

static void put_gate_table(const as_page *p, const json_t *arcs)
{
    static const char *const heads[] = {
        "n",       "right, asserted", "wrong, asserted", "right, hedged", "wrong, hedged", "right",
        "asserts", "hallucinates",    "over-hedges",     "asymmetry",     "coverage"};
    as_buf *b = p->b;
    as_buf_puts(b, "<h3>Before the gate and behind it</h3>\n<div class=\"scroll\" tabindex=\"0\">"
                   "<table class=\"data arms dense\">\n<thead><tr><th scope=\"col\">answers</th>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        as_buf_printf(b, "<th scope=\"col\" class=\"num\">%s</th>", heads[i]);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < json_array_size(arcs); i++) {
        const json_t *arc = json_array_get(arcs, i);
        if (!*as_html_text_of(arc, "gate")) continue;
        put_arm_row(b, as_html_text_of(arc, "from"), before(p, arc));
        put_arm_row(b, as_html_text_of(arc, "gate"), after(p, arc));
    }
    as_buf_puts(b, "</tbody></table></div>\n");
}

/* --- areas under the curve -------------------------------------------------------------------- */

/* Which statistic of which check stands in the figure, as what. */
static const struct {
    const char *check, *name, *bar;
    size_t series;
} areas[] = {{"within-cv", "auc_out_of_fold", "gate_auc", 0},
             {"gate-transfer", "auc", NULL, 1},
             {"transfer", "auc", "gate_auc", 1},
             {"grouped-cv", "auc_grouped", "gate", 2},
             {"nuisance", "auc_probe", NULL, 2},
             {"nuisance", "auc_nuisance", NULL, 3}};

static void add_areas(as_page *p, const json_t *probe, const char *group)
{
    const char *id = as_html_text_of(probe, "check");
    const json_t *check = as_arc_check(p, id), *stats = json_object_get(check, "statistics");
    for (size_t k = 0; k < sizeof areas / sizeof areas[0]; k++) {
        if (!as_check_is(check, areas[k].check)) continue;
        for (size_t j = 0; j < json_array_size(stats) && p->n_lines < p->room; j++) {
            const json_t *stat = json_array_get(stats, j);
            if (!as_stat_is(stat, areas[k].name)) continue;
            const bool is_nuisance = areas[k].series == 3;
            p->line[p->n_lines++] = (as_line){
                .group = group,
                .label = is_nuisance ? as_html_text_of(stat, "of") : as_check_title(check),
                .check = id,
                .from = check,
                .stat = stat,
                .series = areas[k].series,
                .gate = areas[k].bar ? as_html_number_in(json_object_get(
                                           json_object_get(check, "parameters"), areas[k].bar))
                                     : NAN,
                .also = NAN};
        }
    }
}

static bool seen_family(const json_t *arcs, size_t i)
{
    const char *family = as_html_text_of(json_array_get(arcs, i), "family");
    for (size_t k = 0; k < i; k++)
        if (strcmp(as_html_text_of(json_array_get(arcs, k), "family"), family) == 0) return true;
    return false;
}

/* The checks of a family by reading, in the order in which the readings come. */
static void add_family(as_page *p, const json_t *arc, as_buf *group, size_t *n_groups)
{
    const json_t *probes = json_object_get(arc, "probes");
    for (size_t i = 0; i < json_array_size(probes); i++) {
        const char *reading = as_html_text_of(json_array_get(probes, i), "reading");
        bool is_new = true;
        for (size_t k = 0; k < i; k++)
            is_new = is_new &&
                     strcmp(as_html_text_of(json_array_get(probes, k), "reading"), reading) != 0;
        if (!is_new || *n_groups == AS_LINES_SHOWN) continue;
        as_buf *name = &group[(*n_groups)++];
        as_buf_puts(name, as_html_text_of(arc, "family"));
        as_buf_puts(name, ", ");
        as_buf_puts(name, reading);
        for (size_t k = i; k < json_array_size(probes); k++)
            if (strcmp(as_html_text_of(json_array_get(probes, k), "reading"), reading) == 0)
                add_areas(p, json_array_get(probes, k), as_buf_text(name));
        p->b->failed = p->b->failed || name->failed;
    }
}

static void put_areas(as_page *p, const json_t *arcs)
{
    as_error err = {0};
    size_t n_groups = 0;
    as_buf *group = as_new(AS_LINES_SHOWN, sizeof *group, &err);
    if (!group) {
        p->b->failed = true;
        return;
    }
    p->n_lines = 0;
    for (size_t i = 0; i < json_array_size(arcs); i++)
        if (!seen_family(arcs, i)) add_family(p, json_array_get(arcs, i), group, &n_groups);
    as_lines f = {.title = "Right from wrong, by reading",
                  .caption = "Area under the ROC curve of each probe and of plain numbers that "
                             "could stand behind it: 0.5 (the thin line) is a coin. A probe has to "
                             "leave the band of shuffled labels, reach its bar on fresh questions "
                             "and with topics kept apart, and beat the nuisances.",
                  .axis = "AUC (share of pairs ranked rightly)",
                  .reference = {0.5},
                  .n_references = 1,
                  .series = {"out of fold, same questions", "on fresh questions",
                             "topics kept apart", "nuisance: a plain number"},
                  .gate = "bar, where the check has one",
                  .null = "shuffled labels: 5 % to 95 %, median",
                  .interval = "interval (level in the table)",
                  .line = p->line,
                  .n_lines = p->n_lines};
    if (p->n_lines) as_lines_put(p->b, ++p->n_figures, &f);
    p->n_lines = 0;
    for (size_t i = 0; i < n_groups; i++) as_buf_clear(&group[i]);
    free(group);
}

/* --- the section ------------------------------------------------------------------------------ */

void as_page_gated(as_page *p)
{
    const json_t *arcs = json_object_get(json_object_get(p->report, "arcs"), "gated");
    const json_t *claims = json_object_get(p->report, "claims");
    bool has_gate = false;
    if (!json_array_size(arcs)) return;
    as_buf_puts(
        p->b,
        "<section aria-labelledby=\"gated\">\n<h2 id=\"gated\">Arc 3: probed and gated</h2>\n<p>A "
        "linear probe on frozen states says which answers to trust; the gate puts a hedge "
        "before the others and leaves what they say. Whether the probe reads more than "
        "these questions, their topics or their length is for the pipeline.</p>\n");
    for (size_t i = 0; i < json_array_size(claims); i++)
        if (has_steps(json_array_get(claims, i))) put_pipeline(p, json_array_get(claims, i), i);
    put_gates(p, arcs);
    for (size_t i = 0; i < json_array_size(arcs); i++)
        has_gate = has_gate || *as_html_text_of(json_array_get(arcs, i), "gate");
    if (has_gate) put_gate_table(p, arcs);
    put_areas(p, arcs);
    as_buf_puts(p->b, "</section>\n");
}
