/* The progress line: done/total, rate, time left and what is being done. On a terminal it moves,
 * elsewhere one line at most every 30 s. */
#ifndef AS_BASE_PROGRESS_H
#define AS_BASE_PROGRESS_H

#include "base/log.h"

typedef struct as_progress as_progress;

/* label: what is counted ("checks"). log may be NULL: a silent progress. */
AS_MUST_CHECK as_progress *as_progress_new(as_log *log, const char *label, size_t total,
                                           as_error *err);
/* Sets how many are done and what is under way (borrowed for the call; may be NULL). Any thread. */
void as_progress_set(as_progress *p, size_t done, const char *doing);
/* That many were done before: rate and time left are those of the rest, from now on. */
void as_progress_skip(as_progress *p, size_t done);
void as_progress_end(as_progress *p); /* clears the line, frees; accepts NULL */

#endif
