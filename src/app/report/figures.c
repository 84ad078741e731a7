/* The figures made of lines: areas under the curve, asymmetries, head attributions, truncation,
 * gates, equivalence. A figure appears only when some check feeds it. */
#include "app/report/page.h"

#include <math.h>
#include <string.h>

/* --- choosing -------------------------------------------------------------------------------- */

bool as_check_is(const json_t *check, const char *kind)
{
    return strcmp(as_html_text_of(check, "check"), kind) == 0;
}

bool as_stat_is(const json_t *stat, const char *name)
{
    return strcmp(as_html_text_of(stat, "name"), name) == 0;
}

const json_t *as_check_stat(const json_t *check, const char *name, const char *of)
{
    const json_t *stats = json_object_get(check, "statistics");
    for (size_t k = 0; k < json_array_size(stats); k++) {
        const json_t *stat = json_array_get(stats, k);
        if (as_stat_is(stat, name) && (!of || strcmp(as_html_text_of(stat, "of"), of) == 0))
            return stat;
    }
    return NULL;
}

static double parameter(const json_t *check, const char *name)
{
    return as_html_number_in(json_object_get(json_object_get(check, "parameters"), name));
}

static as_line line_of(const json_t *check, const json_t *stat, size_t series)
{
    const char *of = as_html_text_of(stat, "of");
    return (as_line){.group = as_check_title(check),
                     .label = *of ? of : "all",
                     .check = as_check_title(check),
                     .from = check,
                     .stat = stat,
                     .series = series,
                     .gate = NAN,
                     .also = NAN};
}

static void add(as_page *p, const as_line *l)
{
    if (p->n_lines < p->room)
        p->line[p->n_lines++] = *l;
    else
        p->dropped++;
}

/* Lines of every statistic `name` of the checks of a kind; the gate is that parameter's. */
static void add_all(as_page *p, const char *kind, const char *name, size_t series, const char *gate)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        const json_t *stats = json_object_get(check, "statistics");
        if (!as_check_is(check, kind)) continue;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            const json_t *stat = json_array_get(stats, k);
            if (!as_stat_is(stat, name)) continue;
            as_line l = line_of(check, stat, series);
            if (gate) l.gate = parameter(check, gate);
            add(p, &l);
        }
    }
}

/* Writes the figure of the lines gathered, if any, and forgets them. */
static void put(as_page *p, as_lines *f)
{
    bool gates = false, nulls = false;
    f->line = p->line;
    f->n_lines = p->n_lines;
    for (size_t i = 0; i < p->n_lines; i++) {
        gates = gates || isfinite(p->line[i].gate);
        nulls = nulls || json_is_object(json_object_get(p->line[i].stat, "null"));
    }
    if (!gates) f->gate = NULL;
    if (!nulls) f->null = NULL;
    if (p->n_lines) as_lines_put(p->b, ++p->n_figures, f);
    if (p->n_lines && p->dropped)
        as_buf_printf(
            p->b,
            "<p class=\"note\">%zu more lines are not drawn; they stand with their checks "
            "below.</p>\n",
            p->dropped);
    p->n_lines = p->dropped = 0;
}

static bool uses_series(const as_page *p, size_t series)
{
    for (size_t i = 0; i < p->n_lines; i++)
        if (p->line[i].series == series) return true;
    return false;
}

/* --- areas under the curve ------------------------------------------------------------------- */

/* Published figures that are one probe each: several checks over the same column of names, or one
 * with at least three names. They have a figure of their own. */
static const json_t *names_column(const json_t *check)
{
    return json_object_get(json_object_get(check, "parameters"), "name");
}

static bool same_names(const json_t *a, const json_t *b)
{
    return as_check_is(a, "published-auc") && as_check_is(b, "published-auc") && names_column(a) &&
           json_equal(names_column(a), names_column(b));
}

static bool is_sweep(const as_page *p, const json_t *check)
{
    const json_t *stats = json_object_get(check, "statistics");
    size_t n = 0;
    for (size_t k = 0; k < json_array_size(stats); k++)
        n += as_stat_is(json_array_get(stats, k), "auc");
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *other = json_array_get(p->checks, i);
        if (other != check && same_names(check, other)) return true;
    }
    return n >= 3;
}

static void add_published(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        const json_t *stats = json_object_get(check, "statistics");
        if (!as_check_is(check, "published-auc") || is_sweep(p, check)) continue;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            if (!as_stat_is(json_array_get(stats, k), "auc")) continue;
            as_line l = line_of(check, json_array_get(stats, k), 2);
            l.gate = parameter(check, "gate");
            add(p, &l);
        }
    }
}

static void put_auc(as_page *p)
{
    add_all(p, "within-cv", "auc_out_of_fold", 0, "gate_auc");
    add_all(p, "transfer", "auc", 1, "gate_auc");
    add_published(p);
    as_lines f = {
        .title = "Probes, within distribution and on new rows",
        .caption =
            "Area under the ROC curve of each probe: the chance that it ranks a right answer "
            "above a wrong one, where 0.5 (the thin line) is a coin; a probe must reach its "
            "gate and leave the band that shuffled labels reach.",
        .axis = "AUC (share of pairs ranked rightly)",
        .reference = {0.5},
        .n_references = 1,
        .gate = "gate, where the plan or the check states it",
        .null = "shuffled labels: 5 % to 95 %, median",
        .interval = "interval (level in the table)",
    };
    if (uses_series(p, 0)) f.series[0] = "out of fold, recomputed";
    if (uses_series(p, 1)) f.series[1] = "on new rows, recomputed";
    if (uses_series(p, 2)) f.series[2] = "as published";
    put(p, &f);
}

static void put_repeated(as_page *p)
{
    add_all(p, "within-cv", "auc_repeated", 0, "gate_auc");
    for (size_t i = 0; i < p->n_lines; i++)
        p->line[i].points = json_object_get(json_object_get(p->line[i].stat, "detail"), "values");
    as_lines f = {
        .title = "The luck of the folds",
        .caption = "The same cross-validation with other fold seeds: one dot for each seed, their "
                   "mean; one folding, also one named in advance, is one draw of this lottery.",
        .axis = "AUC, out of fold",
        .reference = {0.5},
        .n_references = 1,
        .series = {"mean over fold seeds"},
        .points = "one fold seed",
        .gate = "gate, where the plan or the check states it",
    };
    put(p, &f);
}

static void add_sweep_line(as_page *p, const json_t *check, const json_t *stat, size_t series)
{
    as_line l = line_of(check, stat, series);
    l.group = l.label;
    l.label = as_check_title(check);
    l.gate = parameter(check, "gate");
    add(p, &l);
}

/* The lines of one name in every check of the sweep that `first` opens. */
static void add_sweep(as_page *p, size_t first, as_lines *f)
{
    const json_t *check = json_array_get(p->checks, first);
    const json_t *stats = json_object_get(check, "statistics");
    for (size_t k = 0; k < json_array_size(stats) && k < AS_LINES_SHOWN; k++) {
        const json_t *stat = json_array_get(stats, k);
        if (!as_stat_is(stat, "auc")) continue;
        size_t series = 0;
        for (size_t i = first; i < json_array_size(p->checks); i++) {
            const json_t *other = json_array_get(p->checks, i);
            if (i != first && !same_names(check, other)) continue;
            const json_t *match =
                i == first ? stat : as_check_stat(other, "auc", as_html_text_of(stat, "of"));
            if (match) add_sweep_line(p, other, match, series);
            if (series < AS_N_SHAPES) f->series[series] = as_check_title(other);
            series++;
        }
    }
}

static void put_sweeps(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        bool seen = !as_check_is(check, "published-auc") || !is_sweep(p, check);
        for (size_t k = 0; k < i && !seen; k++)
            seen = same_names(check, json_array_get(p->checks, k));
        if (seen) continue;
        as_lines f = {
            .title = "One probe for each name",
            .caption = "Published areas under the ROC curve, name by name, with the interval that "
                       "the numbers of positives and negatives allow; with several names some fall "
                       "on either side of 0.5 (the thin line) by chance.",
            .axis = "AUC (share of pairs ranked rightly)",
            .reference = {0.5},
            .n_references = 1,
            .gate = "gate, where the plan or the check states it",
            .interval = "interval (level in the table)",
        };
        add_sweep(p, i, &f);
        put(p, &f);
    }
}

/* --- asymmetries ----------------------------------------------------------------------------- */

/* The asymmetry gate that a check used stands with its measured false-positive rate. */
static void add_bars(as_page *p)
{
    for (size_t i = 0; i < p->n_lines; i++) {
        as_line *l = &p->line[i];
        const json_t *rate = as_check_stat(l->from, "gate_false_positive_rate", NULL);
        double bar = as_html_number_of(json_object_get(rate, "detail"), "bar");
        if (isfinite(bar)) l->gate = bar;
    }
}

static void put_balanced(as_page *p)
{
    add_all(p, "within-cv", "asym_out_of_fold", 0, "gate_asym");
    add_all(p, "transfer", "asym_balanced", 1, "gate_asym");
    add_bars(p);
    as_lines f = {
        .title = "Gated asymmetry against shuffled labels",
        .caption =
            "Asymmetry at the best allowed threshold of each probe (more negative is better) "
            "beside what the same search finds with shuffled labels.",
        .axis = "P(pass | wrong) \u2212 P(pass | right)",
        .reference = {0},
        .n_references = 1,
        .gate = "gate, where the plan or the check states it",
        .null = "shuffled labels: 5 % to 95 %, median",
    };
    if (uses_series(p, 0)) f.series[0] = "out of fold";
    if (uses_series(p, 1)) f.series[1] = "on new rows";
    put(p, &f);
}

static void put_gates(as_page *p)
{
    add_all(p, "within-cv", "gate_false_positive_rate", 0, NULL);
    add_all(p, "transfer", "gate_false_positive_rate", 1, NULL);
    for (size_t i = 0; i < p->n_lines; i++)
        p->line[i].also =
            as_html_number_of(json_object_get(p->line[i].stat, "detail"), "share_both");
    as_lines f = {
        .title = "How often noise passes the gate",
        .caption = "Measured false-positive rate of each asymmetry gate: the share of runs with "
                   "shuffled labels that reach it, and the share that reach the AUC gate as well.",
        .axis = "share of shuffled runs",
        .is_share = true,
        .also = "asymmetry and AUC gates together",
        .interval = "interval (level in the table)",
    };
    if (uses_series(p, 0)) f.series[0] = "asymmetry gate, out of fold";
    if (uses_series(p, 1)) f.series[1] = "asymmetry gate, on new rows";
    put(p, &f);
}

static void put_cells_asymmetry(as_page *p)
{
    add_all(p, "cells", "asym", 0, NULL);
    for (size_t i = 0; i < p->n_lines; i++) {
        p->line[i].label = p->line[i].check;
        p->line[i].group = NULL;
    }
    as_lines f = {
        .title = "Assertion asymmetry",
        .caption = "How much more often wrong answers are asserted than right ones; a model that "
                   "hedges when it is wrong lies left of zero.",
        .axis = "P(assert | wrong) \u2212 P(assert | right)",
        .reference = {0},
        .n_references = 1,
        .series = {"asymmetry of the counts above"},
        .interval = "interval (level in the table)",
    };
    put(p, &f);
}

/* The margins of an equivalence check stand with its two one-sided tests. */
static void add_margins(as_line *l, const json_t *check)
{
    const json_t *stats = json_object_get(check, "statistics");
    for (size_t k = 0; k < json_array_size(stats); k++) {
        const json_t *stat = json_array_get(stats, k);
        double margin = as_html_number_of(json_object_get(stat, "detail"), "margin");
        if (!as_stat_is(stat, "tost") || !isfinite(margin)) continue;
        if (l->n_margins < sizeof l->margin / sizeof l->margin[0])
            l->margin[l->n_margins++] = margin;
    }
}

static void put_equivalence(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        const json_t *stats = json_object_get(check, "statistics");
        if (!as_check_is(check, "equivalence")) continue;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            if (!as_stat_is(json_array_get(stats, k), "asym")) continue;
            as_line l = line_of(check, json_array_get(stats, k), 0);
            l.label = l.check;
            l.group = NULL;
            add_margins(&l, check);
            add(p, &l);
        }
    }
    as_lines f = {
        .title = "Is no difference shown?",
        .caption = "\u201cNo difference\u201d is shown only when the whole interval lies between a "
                   "margin and its mirror image.",
        .axis = "P(assert | wrong) \u2212 P(assert | right)",
        .reference = {0},
        .n_references = 1,
        .series = {"asymmetry"},
        .margin = "margins of equivalence",
        .interval = "interval (level in the table)",
    };
    put(p, &f);
}

/* --- heads and endings ----------------------------------------------------------------------- */

static void put_attribution(as_page *p)
{
    add_all(p, "attribution-null", "maximum", 0, NULL);
    for (size_t i = 0; i < p->n_lines; i++) {
        p->line[i].label = p->line[i].check;
        p->line[i].group = NULL;
    }
    as_lines f = {
        .title = "Largest effects and the largest of noise",
        .caption =
            "The largest effect size over all heads beside the largest that as many heads of "
            "pure noise give; a maximum inside the band is no finding.",
        .axis = "largest effect size (Cohen\u2019s d)",
        .series = {"reported maximum"},
        .null = "maximum of noise: 5 % to 95 %, median",
    };
    put(p, &f);
}

static void put_truncation(as_page *p)
{
    for (size_t i = 0; i < json_array_size(p->checks); i++) {
        const json_t *check = json_array_get(p->checks, i);
        const json_t *stats = json_object_get(check, "statistics");
        if (!as_check_is(check, "truncation")) continue;
        for (size_t k = 0; k < json_array_size(stats); k++) {
            const json_t *stat = json_array_get(stats, k);
            if (!as_stat_is(stat, "unfinished_lenient")) continue;
            as_line l = line_of(check, stat, 0);
            l.group = NULL;
            l.is_bar = true;
            l.gate = parameter(check, "max_rate");
            add(p, &l);
        }
    }
    as_lines f = {
        .title = "Answers that do not end",
        .caption =
            "Share of the texts of each file whose last visible character closes neither a "
            "sentence nor markup: they were cut, and whatever was scored is only a beginning.",
        .axis = "share of the texts",
        .is_share = true,
        .bar = "unfinished, and finished (light)",
        .interval = "interval (level in the table)",
        .gate = "largest share allowed",
    };
    put(p, &f);
}

static void put_strict(as_page *p)
{
    add_all(p, "truncation", "finished_strict", 0, NULL);
    for (size_t i = 0; i < p->n_lines; i++) p->line[i].group = NULL;
    as_lines f = {
        .title = "Answers that end like a sentence",
        .caption = "The strict reading of the same files: the share of texts whose last visible "
                   "character is a full stop, an exclamation mark or a question mark.",
        .axis = "share of the texts",
        .is_share = true,
        .series = {"ends in . ! ?"},
        .interval = "interval (level in the table)",
    };
    put(p, &f);
}

void as_page_figures(as_page *p)
{
    put_auc(p);
    put_repeated(p);
    put_sweeps(p);
    put_balanced(p);
    put_gates(p);
    as_page_principal(p);
    as_page_cells(p);
    put_cells_asymmetry(p);
    put_equivalence(p);
    as_page_doses(p);
    put_attribution(p);
    put_truncation(p);
    put_strict(p);
}
