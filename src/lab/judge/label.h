/* Labels in a judge's reply, read by exact token. A label that is part of another (CERTAIN in
 * UNCERTAIN, CORRECT in INCORRECT) cannot be told apart by looking whether the reply contains it;
 * as_label_lint finds readers that do. */
#ifndef AS_LAB_JUDGE_LABEL_H
#define AS_LAB_JUDGE_LABEL_H

#include "base/bytes.h"

/* The label that the reply is, as a whole: white space around it is skipped, and one full stop
 * after it; capitals count. n when it is none of the n labels, or more than a label. */
size_t as_label_read(const char *const *labels, size_t n, const char *reply);

/* The first pair (a, b), a != b, where label a is part of label b; false when there is none. Two
 * equal labels are such a pair. */
bool as_label_collision(const char *const *labels, size_t n, size_t *a, size_t *b);

/* Tries a reader of labels on each label alone (it must find it), inside longer words (UNlabel,
 * INlabel, labelLY: none of the n, unless the word is one), beside another label, denied, and on
 * nothing (none of the n). AS_EFORMAT with the first reply that it reads otherwise. */
typedef size_t as_label_reader(const char *const *labels, size_t n, const char *reply);
AS_MUST_CHECK bool as_label_lint(as_label_reader *reader, const char *const *labels, size_t n,
                                 as_error *err);

#endif
