/* The page of one training: what it was, what came of it in sentences, curves over the steps, and
 * the steps as a table. */
#include "app/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/curve.h"
#include "app/report/page.h"

enum { rows_listed = 2000 };

typedef struct {
    as_buf *b;
    const json_t *report, *training, *steps;
    size_t n; /* steps */
    uint64_t *step;
    double *value[AS_CURVE_LINES]; /* of the figure in the making */
    size_t n_figures;
} page;

/* --- the front ------------------------------------------------------------------------------- */

static const char *objective(const char *kind)
{
    static const struct {
        const char *kind, *name;
    } known[] = {
        {"sft", "Fine-tuning on examples (SFT)"},
        {"dpo", "Preference optimisation (DPO)"},
        {"lm", "Language modelling"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(kind, known[i].kind) == 0) return known[i].name;
    return kind;
}

static void put_fact(as_buf *b, const char *name, const char *text, bool is_hash)
{
    if (!*text) return;
    as_buf_puts(b, "<div><dt>");
    as_html_put(b, name);
    as_buf_printf(b, "</dt><dd%s>", is_hash ? " class=\"hash\"" : "");
    as_html_put(b, text);
    as_buf_puts(b, "</dd></div>\n");
}

static void put_front(const page *p)
{
    as_buf *b = p->b;
    const json_t *list = json_object_get(p->report, "sentences");
    as_buf_puts(b, "<header>\n<p class=\"kind\">Assay training report</p>\n<h1>");
    as_html_put(b, as_html_text_of(p->training, "name"));
    as_buf_puts(b, "</h1>\n<p class=\"source\">");
    as_html_put(b, objective(as_html_text_of(p->training, "objective")));
    as_buf_puts(b, "</p>\n</header>\n<section class=\"summary\" aria-label=\"Summary\">\n"
                   "<ul class=\"sentences\">\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        as_buf_puts(b, "<li>");
        as_html_put(b, text ? text : "");
        as_buf_puts(b, "</li>\n");
    }
    as_buf_puts(b, "</ul>\n</section>\n");
}

/* JSON a line at a time; a line break in a text of it is an escape, so none is lost. */
static void put_pretty(as_buf *b, const json_t *value)
{
    as_buf text = {0};
    if (!value) return;
    as_json_write_pretty(&text, value);
    if (text.failed) b->failed = true;
    as_buf_puts(b, "<pre class=\"plan\" tabindex=\"0\">");
    for (char *line = text.failed ? NULL : text.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        if (!end) break;
        *end = '\0';
        as_html_put(b, line);
        as_buf_puts(b, "\n");
    }
    as_buf_puts(b, "</pre>");
    as_buf_clear(&text);
}

static void put_made_of(const page *p)
{
    as_buf *b = p->b;
    char text[AS_HTML_NUMBER];
    const char *name;
    json_t *value;
    const json_t *made_by = json_object_get(p->report, "made_by");
    as_buf_puts(b,
                "<section aria-labelledby=\"made-of\">\n<h2 id=\"made-of\">What decided it</h2>"
                "\n<p>The same plan, inputs and program give the same numbers at every step.</p>\n"
                "<dl class=\"facts\">\n");
    json_object_foreach(json_object_get(p->training, "inputs"), name, value)
    {
        const char *digest = json_string_value(value);
        put_fact(b, name, digest ? digest : "none", digest != NULL);
    }
    put_fact(b, "plan", as_html_text_of(p->training, "plan_sha256"), true);
    put_fact(b, "program", as_html_text_of(made_by, "assay"), false);
    (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(p->training, "seed")));
    put_fact(b, "seed", text, false);
    put_fact(b, "key", as_html_text_of(p->training, "key"), true);
    put_fact(b, "page made", as_html_text_of(made_by, "time"), false);
    as_buf_puts(b, "</dl>\n<details><summary>The plan</summary>\n");
    put_pretty(b, json_object_get(p->training, "plan"));
    as_buf_puts(b, "</details>\n</section>\n");
}

/* --- curves ---------------------------------------------------------------------------------- */

typedef struct {
    const char *title, *axis, *caption;
    const char *key[AS_CURVE_LINES], *name[AS_CURVE_LINES];
    bool is_share, has_zero;
} figure;

static const figure figures[] = {
    {"Loss",
     "loss",
     "Loss of each step's batch, before the step, and on the held-out examples. For preferences it "
     "is a pair's, otherwise a target token's, in nats.",
     {"loss", "held_loss"},
     {"training", "held out"},
     false,
     false},
    {"Learning rate", "learning rate", "By schedule.", {"rate"}, {"rate"}, false, true},
    {"Gradient norm",
     "L2 norm",
     "Over all trained values, before clipping.",
     {"gradient_norm"},
     {"norm"},
     false,
     true},
    {"Margin",
     "margin",
     "Mean over pairs of the reward of the chosen completion less that of the rejected one; a "
     "reward is \u03b2 times the log-probability less the reference's.",
     {"margin", "held_margin"},
     {"training", "held out"},
     false,
     true},
    {"Accuracy",
     "share of pairs",
     "Pairs whose chosen completion has the greater reward.",
     {"accuracy", "held_accuracy"},
     {"training", "held out"},
     true,
     false},
    {"Drift from the reference",
     "nats a completion",
     "Mean over pairs of the log-probability less the reference's. Both may fall while the margin "
     "grows.",
     {"drift_chosen", "drift_rejected"},
     {"chosen", "rejected"},
     false,
     true},
    {"Length",
     "tokens",
     "Mean over pairs of the tokens of the chosen completion less those of the rejected one. Far "
     "from 0, length alone can tell them apart.",
     {"length_delta"},
     {"difference"},
     false,
     true},
    {"KL to the base model",
     "nats a token",
     "KL(trained || base), mean over the held-out targets, exact over the vocabulary.",
     {"held_kl"},
     {"KL"},
     false,
     true},
    {"Speed",
     "tokens a second",
     "As it was where and when each step was first kept; it decides nothing.",
     {"tokens_per_second"},
     {"tokens a second"},
     false,
     true},
};

/* The measures of a step; timings stand beside them. */
static double value_at(const json_t *step, const char *key)
{
    double x = as_html_number_of(json_object_get(step, "values"), key);
    return isnan(x) ? as_html_number_of(step, key) : x;
}

static void put_figure(page *p, const figure *f)
{
    as_curve c = {.title = f->title,
                  .caption = f->caption,
                  .axis = f->axis,
                  .step = p->step,
                  .n = p->n,
                  .is_share = f->is_share,
                  .has_zero = f->has_zero};
    for (; c.n_lines < AS_CURVE_LINES && f->key[c.n_lines]; c.n_lines++) {
        double *value = p->value[c.n_lines];
        for (size_t i = 0; i < p->n; i++)
            value[i] = value_at(json_array_get(p->steps, i), f->key[c.n_lines]);
        c.line[c.n_lines] = (as_curve_line){f->name[c.n_lines], value};
    }
    if (as_curve_put(p->b, p->n_figures + 1, &c)) p->n_figures++;
}

static void put_figures(page *p)
{
    as_buf_puts(p->b, "<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">Step by step</h2>"
                      "\n<p>Point at a step to read its values.</p>\n");
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) put_figure(p, &figures[i]);
    as_buf_puts(p->b, "</section>\n");
}

/* --- the table ------------------------------------------------------------------------------- */

static bool is_known(const page *p, const char *key)
{
    const json_t *measures = json_object_get(json_object_get(p->report, "summary"), "measures");
    return json_object_get(measures, key) != NULL;
}

static void put_row(const page *p, size_t i)
{
    as_buf *b = p->b;
    char text[AS_HTML_NUMBER];
    const json_t *values = json_object_get(json_array_get(p->steps, i), "values");
    as_buf_printf(b, "<tr><th scope=\"row\" class=\"num\">%" PRIu64 "</th>", p->step[i]);
    for (size_t k = 0; k < as_n_training_measures; k++) {
        const as_training_measure *m = &as_training_measures[k];
        if (is_known(p, m->key))
            as_buf_printf(b, "<td class=\"num\">%s</td>",
                          as_html_number(as_html_number_of(values, m->key), m->is_count, text));
    }
    as_buf_puts(b, "</tr>\n");
}

static void put_table(const page *p)
{
    as_buf *b = p->b;
    size_t every = (p->n + rows_listed - 1) / rows_listed, listed = 0;
    for (size_t i = 0; i < p->n; i++) listed += i % every == 0 || i + 1 == p->n;
    as_buf_printf(b,
                  "<section aria-labelledby=\"table\">\n<h2 id=\"table\">The steps</h2>\n"
                  "<details><summary>The steps as a table (%zu row%s)</summary>\n"
                  "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n",
                  listed, listed == 1 ? "" : "s");
    if (every > 1)
        as_buf_printf(b, "<caption>one of every %zu of %zu steps, and the last</caption>", every,
                      p->n);
    as_buf_puts(b, "<thead><tr><th scope=\"col\" class=\"num\">step</th>");
    for (size_t k = 0; k < as_n_training_measures; k++)
        if (is_known(p, as_training_measures[k].key))
            as_buf_printf(b, "<th scope=\"col\" class=\"num\">%s</th>",
                          as_training_measures[k].name);
    as_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->n; i++)
        if (i % every == 0 || i + 1 == p->n) put_row(p, i);
    as_buf_puts(b, "</tbody></table></div></details>\n</section>\n");
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Arrays for the steps. A step that is no whole number of at least 0 is none of ours. */
static bool take_steps(page *p, as_error *err)
{
    p->n = json_array_size(p->steps);
    p->step = as_new(p->n + 1, sizeof *p->step, err);
    for (size_t k = 0; k < AS_CURVE_LINES && p->step; k++) {
        p->value[k] = as_new(p->n + 1, sizeof *p->value[k], err);
        if (!p->value[k]) return false;
    }
    if (!p->step) return false;
    for (size_t i = 0; i < p->n; i++) {
        const json_t *at = json_object_get(json_array_get(p->steps, i), "step");
        json_int_t step = json_is_integer(at) ? json_integer_value(at) : -1;
        if (step < 0 || (i && (uint64_t)step <= p->step[i - 1]))
            return as_fail(err, AS_EFORMAT,
                           "report: steps[%zu].step (found %" JSON_INTEGER_FORMAT
                           ", expected whole numbers that grow)",
                           i, step);
        p->step[i] = (uint64_t)step;
    }
    return true;
}

bool as_training_html(const json_t *report, as_buf *out, as_error *err)
{
    bool ok = false;
    page p = {.b = out, .report = report};
    const char *schema = as_html_text_of(report, "schema");
    if (strcmp(schema, "assay.training/1") != 0) {
        char found[AS_ESCAPE_SIZE];
        return as_fail(err, AS_EFORMAT, "report: schema (found %s, expected assay.training/1)",
                       as_escape(schema, strlen(schema), found));
    }
    p.training = json_object_get(report, "training");
    p.steps = json_object_get(report, "steps");
    const char *name = as_html_text_of(p.training, "name");
    if (!take_steps(&p, err) ||
        !as_page_head_put(out, *name ? name : "Training report", false, err))
        goto out;
    as_page_symbols_put(out);
    put_front(&p);
    as_buf_puts(out, "<main>\n");
    if (p.n) put_figures(&p);
    put_made_of(&p);
    if (p.n) put_table(&p);
    as_buf_puts(out, "</main>\n</body>\n</html>\n");
    ok = as_buf_ok(out, err);
out:
    free(p.step);
    for (size_t k = 0; k < AS_CURVE_LINES; k++) free(p.value[k]);
    return ok;
}
