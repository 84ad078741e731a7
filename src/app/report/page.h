/* One page in the making, and its parts. Each part reads the report and appends; what the report
 * does not hold is left out. */
#ifndef AS_APP_REPORT_PAGE_H
#define AS_APP_REPORT_PAGE_H

#include "app/report/chart.h"

typedef struct {
    as_buf *b;
    const json_t *report; /* borrowed */
    const json_t *checks; /* its checks; NULL when there are none */
    as_line *line;        /* room for the lines of one figure */
    size_t n_lines, room, dropped;
    size_t n_figures;
    bool is_study; /* the report has steps, or claims of known truth */
} as_page;

/* The style sheet, byte for byte as it stands between <style> and </style>; that of a study has
 * more. */
void as_page_style_put(as_buf *b, bool is_study);

/* Everything before the body's content, with the style and the policy that allows it by its hash;
 * and the marks of the charts. */
AS_MUST_CHECK bool as_page_head_put(as_buf *b, const char *title, bool is_study, as_error *err);
void as_page_symbols_put(as_buf *b);

/* The measures of a step of training, in the order of tables. */
typedef struct {
    const char *key, *name; /* in the store, in words */
    bool is_count;
} as_training_measure;
extern const as_training_measure as_training_measures[];
extern const size_t as_n_training_measures;

/* What a check is called: its `about`, else its id. Borrows. */
const char *as_check_title(const json_t *check);
/* Position of the check with that id; SIZE_MAX when there is none. */
size_t as_check_place(const as_page *p, const char *id);
/* "✓ holds" in a badge. The word is foreign. */
void as_badge_put(as_buf *b, const char *word);

/* How many lines one figure may have. */
enum { AS_LINES_SHOWN = 400 };

/* Whether a check is of that kind, whether a statistic has that name, and what to make of both. */
bool as_check_is(const json_t *check, const char *kind);
bool as_stat_is(const json_t *stat, const char *name);
/* The first statistic of that name and variant (any variant when `of` is NULL), or NULL. */
const json_t *as_check_stat(const json_t *check, const char *name, const char *of);

/* figures.c, figures_plane.c: the figures that some check feeds, in the order of the page. */
void as_page_figures(as_page *p);
void as_page_principal(as_page *p); /* scatter of rows on two principal components */
void as_page_cells(as_page *p);     /* two by two tables */
void as_page_doses(as_page *p);     /* asymmetry by dose */
/* Opens a panel with the counts `cell` of a check or an arm, two by two; the caller closes it. */
void as_cells_put(as_buf *b, const char *title, const json_t *check);

/* sections.c, checks.c */
void as_page_claims_table(const as_page *p);
void as_page_truths(const as_page *p);
void as_page_claims(const as_page *p);
void as_page_checks(const as_page *p);
void as_page_tables(const as_page *p);
void as_page_inputs(const as_page *p);
void as_page_rerun(const as_page *p);

/* arc_trained.c, arc_chosen.c, arc_gated.c: the three arcs of a study, as far as its plan has steps
 * for them. What the store lacks is said to be not measured. */
void as_page_trained(as_page *p);
void as_page_chosen(as_page *p);
void as_page_gated(as_page *p);

/* study_arms.c, study_answers.c, study_made.c: nothing where the report has no such part. How much
 * of the page they take is limited; what has no room is counted. */
void as_page_arms(as_page *p); /* with figures */
void as_page_answers(as_page *p);
void as_page_made(as_page *p);
void as_page_judges(as_page *p);
void as_page_losses(as_page *p);
/* The step's id and what it is about, in a heading of that tag. */
void as_page_step_title(as_buf *b, const json_t *step, const char *tag);

#endif
