/* The answers of a study side by side: the first prompts of each step, every arm beside the others,
 * with what was judged of it. All of it is foreign. */
#include <math.h>
#include <string.h>

#include "app/report/page.h"

enum { answers_bytes = 1500 * 1024 };

/* Text with its line feeds; the style keeps blanks. */
static void put_lines(as_buf *b, const char *text)
{
    as_buf line = {0};
    for (;;) {
        size_t n = strcspn(text, "\n");
        line.size = 0;
        as_buf_add(&line, text, n);
        as_html_put(b, as_buf_text(&line));
        if (!text[n]) break;
        as_buf_puts(b, "\n");
        text += n + 1;
    }
    b->failed = b->failed || line.failed;
    as_buf_clear(&line);
}

static void put_text(as_buf *b, const json_t *o, const char *key, const char *class)
{
    const char *text = as_html_text_of(o, key);
    if (*text) {
        as_buf_printf(b, "<p class=\"%s\">", class);
        put_lines(b, text);
        as_buf_puts(b, "</p>\n");
    } else {
        as_buf_printf(b, "<p class=\"note\">%s</p>\n",
                      json_is_string(json_object_get(o, key)) ? "(empty)" : "(not known)");
    }
    if (json_is_true(json_object_get(o, "is_cut")))
        as_buf_puts(b, "<p class=\"note\">Cut here; the store has all of it.</p>\n");
}

static void put_said(as_buf *b, const json_t *value)
{
    char text[AS_HTML_NUMBER];
    if (json_is_object(value)) {
        as_buf_puts(b, "missing: ");
        as_html_put(b, as_html_text_of(value, "missing"));
    } else if (json_is_number(value)) {
        double x = json_number_value(value);
        as_buf_puts(b, as_html_number(x, x == floor(x), text));
    } else {
        as_html_value(b, value);
    }
}

/* What most readers look for stands open, the rest behind a fold. */
static bool is_main(const char *axis)
{
    static const char *const names[] = {"coverage", "verbal", "certainty", "passed", "tokens"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], axis) == 0) return true;
    return false;
}

static size_t put_pairs(as_buf *b, const json_t *judgements, bool is_open)
{
    const char *axis;
    json_t *value;
    size_t left = 0;
    as_buf_puts(b, "<dl class=\"pairs\">");
    json_object_foreach((json_t *)judgements, axis, value)
    {
        if (is_main(axis) != is_open) {
            left++;
            continue;
        }
        as_buf_puts(b, "<div><dt>");
        as_html_put(b, axis);
        as_buf_puts(b, "</dt><dd>");
        put_said(b, value);
        as_buf_puts(b, "</dd></div>");
    }
    as_buf_puts(b, "</dl>");
    return left;
}

static void put_judgements(as_buf *b, const json_t *judgements)
{
    size_t n = json_object_size(judgements);
    if (!n) return;
    as_buf_puts(b, "<div class=\"judged\">");
    size_t left = put_pairs(b, judgements, true);
    if (left) {
        as_buf_printf(b, "<details><summary>%zu more judgement%s</summary>", left,
                      left == 1 ? "" : "s");
        put_pairs(b, judgements, false);
        as_buf_puts(b, "</details>");
    }
    as_buf_puts(b, "</div>");
}

static void put_answer(as_buf *b, const json_t *answer)
{
    const char *finish = as_html_text_of(answer, "finish");
    as_buf_puts(b, "<li>\n<p class=\"by\"><b>");
    as_html_put(b, as_html_text_of(answer, "arm"));
    as_buf_puts(b, "</b>");
    if (*finish) {
        as_buf_puts(b, " \u00b7 ended by ");
        as_html_put(b, finish);
    }
    as_buf_puts(b, "</p>\n");
    put_text(b, answer, "text", "said");
    put_judgements(b, json_object_get(answer, "judgements"));
    as_buf_puts(b, "</li>\n");
}

/* Returns how many answers were left out. */
static size_t put_example(const as_page *p, const json_t *example, size_t start)
{
    as_buf *b = p->b;
    const json_t *answers = json_object_get(example, "answers");
    size_t n = json_array_size(answers), shown = 0;
    double position = as_html_number_of(example, "position");
    if (b->size - start >= answers_bytes) return n;
    as_buf_puts(b, "<h4>");
    if (position >= 0 && position < 1e15) as_buf_printf(b, "Prompt %.0f of set ", position + 1);
    as_html_put(b, as_html_text_of(example, "set"));
    as_buf_puts(b, "</h4>\n");
    put_text(b, example, "prompt", "said asked");
    as_buf_puts(b, "<ul class=\"answers\">\n");
    for (; shown < n && b->size - start < answers_bytes; shown++)
        put_answer(b, json_array_get(answers, shown));
    as_buf_puts(b, "</ul>\n");
    return n - shown;
}

static bool is_of(const json_t *example, const json_t *step)
{
    return strcmp(as_html_text_of(example, "step"), as_html_text_of(step, "id")) == 0;
}

/* The examples of one step: the first prompt open, the others folded. */
static size_t put_step(const as_page *p, const json_t *step, size_t start)
{
    const json_t *examples = json_object_get(p->report, "examples");
    size_t left = 0, n = 0, seen = 0;
    for (size_t i = 0; i < json_array_size(examples); i++)
        n += is_of(json_array_get(examples, i), step);
    if (!n) return 0;
    as_page_step_title(p->b, step, "h3");
    for (size_t i = 0; i < json_array_size(examples); i++) {
        const json_t *example = json_array_get(examples, i);
        if (!is_of(example, step)) continue;
        left += put_example(p, example, start);
        if (++seen == 1 && n > 1)
            as_buf_printf(p->b, "<details><summary>%zu more prompt%s</summary>\n", n - 1,
                          n == 2 ? "" : "s");
    }
    if (n > 1) as_buf_puts(p->b, "</details>\n");
    return left;
}

void as_page_answers(as_page *p)
{
    const json_t *steps = json_object_get(p->report, "steps");
    size_t left = 0, start = p->b->size;
    if (!json_array_size(json_object_get(p->report, "examples"))) return;
    as_buf_puts(p->b,
                "<section aria-labelledby=\"answers\">\n<h2 id=\"answers\">Answers side by side"
                "</h2>\n<p>The first prompts of each step, chosen by their place in the set and "
                "nothing else, with the answers of all arms as they were given and what the judges "
                "said of each.</p>\n");
    for (size_t i = 0; i < json_array_size(steps); i++)
        left += put_step(p, json_array_get(steps, i), start);
    if (left)
        as_buf_printf(p->b,
                      "<p class=\"note\">%zu more answers have no room here; they stand in the "
                      "report\u2019s JSON.</p>\n",
                      left);
    as_buf_puts(p->b, "</section>\n");
}
