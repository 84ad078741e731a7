/* What can be said of a text by looking at its characters alone: whether it ends, how long it is,
 * how often it uses the words of a list, whether it speaks of its topic. No model is asked, so the
 * same text always gets the same answer. It is not a judge of meaning: a word list counts "might"
 * in "with all his might" too.
 *
 * Texts are NUL-terminated UTF-8; a byte that is not valid UTF-8 counts as one character that is
 * neither a letter nor a full stop. Everything here borrows its arguments for the call. */
#ifndef AS_LAB_JUDGE_PATTERN_H
#define AS_LAB_JUDGE_PATTERN_H

#include <stdint.h>

#include "base/error.h"

/* --- endings and lengths ------------------------------------------------------------- */

/* Is the last character that is not white space or zero-width one of . ! ? (strict), or one of
 * . ! ? U+2026 : * ) ] " U+201D U+00BB U+3002 U+FF01 U+FF1F (lenient: markup, quotations and full
 * stops of other scripts may close an answer too)? A text with no such character does not end. */
bool as_text_ends_strict(const char *text);
bool as_text_ends_lenient(const char *text);

/* Code points. */
size_t as_text_chars(const char *text);
/* Words: the longest runs of letters, digits and combining marks of any script; an apostrophe (' or
 * U+2019) between two of them belongs to the word, a hyphen does not. */
size_t as_text_words(const char *text);

/* The text in lower case, each run of white space as one blank and none at the ends, as code
 * points. points has room for as_text_chars(text). Returns how many were written. For comparing
 * texts that differ in nothing but layout and capitals. */
size_t as_text_fold(const char *text, uint32_t *points);

/* --- word lists ---------------------------------------------------------------------- */

typedef struct as_lexicon as_lexicon;

/* entries (n): a word ("perhaps"), several in a row ("it seems"), or a last word that need only
 * begin so ("uncertain*"). Compared by whole words, letters of Latin, Greek and Cyrillic in lower
 * case, U+2019 as '. An entry without a word, or with a * elsewhere, is AS_EUSAGE. Gives:
 * as_lexicon_free. */
AS_MUST_CHECK as_lexicon *as_lexicon_new(const char *const *entries, size_t n, as_error *err);
void as_lexicon_free(as_lexicon *l);

/* Matches from left to right, at each word the longest entry that fits, none overlapping; and the
 * number of words of the text. Fails for memory only. */
AS_MUST_CHECK bool as_lexicon_count(const as_lexicon *l, const char *text, size_t *n_matches,
                                    size_t *n_words, as_error *err);

/* Matches per 100 words; NaN for a text without words. Fails for memory only. */
AS_MUST_CHECK bool as_lexicon_rate(const as_lexicon *l, const char *text, double *rate,
                                   as_error *err);

/* --- topics -------------------------------------------------------------------------- */

/* Share of the distinct words of topic that also occur in text. A word here is a run of at least
 * four letters a-z, after lower case and without accents: the letters of Latin-1 and Latin
 * Extended-A are replaced by their base letter as in Unicode's canonical decomposition, and
 * combining marks U+0300..U+036F are dropped. Letters without a decomposition (ae and oe joined,
 * o with stroke, sharp s) end a run. NaN when topic has no word. Fails for memory only. */
AS_MUST_CHECK bool as_topic_overlap(const char *topic, const char *text, double *share,
                                    as_error *err);

#endif
