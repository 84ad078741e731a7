/* What the files of the vocabulary's training share. */
#ifndef AS_TEXT_BPE_TRAIN_INTERNAL_H
#define AS_TEXT_BPE_TRAIN_INTERNAL_H

#include "engine/text/bpe_train.h"

/* The different pieces of the training text and how often each occurs. Start from {0}. */
typedef struct {
    as_buf bytes;    /* all pieces, one after the other */
    size_t *end;     /* (n) where each ends in bytes */
    uint64_t *count; /* (n) */
    size_t n, room;
    uint32_t *slot; /* (n_slots) by hash: number of the piece + 1, 0 for none */
    size_t n_slots; /* a power of two, at least twice n */
} as_pieces;

/* Counts a piece (size > 0), the *which-th of the different ones. AS_ELIMIT from 2^30 bytes of
 * different pieces on. */
AS_MUST_CHECK bool as_pieces_add(as_pieces *p, const char *text, size_t size, uint32_t *which,
                                 as_error *err);
void as_pieces_clear(as_pieces *p);

typedef struct {
    uint32_t left, right;
} as_merge_pair;

/* What was learned. Start from {0}. */
typedef struct {
    as_pieces token;      /* texts of the tokens: 256 bytes in the order given, then those made; the
                             counts mean nothing */
    as_merge_pair *merge; /* (n_merges) in order */
    size_t n_merges;
} as_learned;

/* Merges the most frequent pair of neighbours inside pieces until there are `most` tokens, or no
 * pair occurs `least` times.
 *
 *   alphabet  (256) the byte of each of the first ids
 *   progress  counts from 30 to 100; may be NULL */
AS_MUST_CHECK bool as_bpe_learn(const as_pieces *p, const unsigned char alphabet[256], size_t most,
                                size_t least, as_progress *progress, as_learned *out,
                                as_error *err);
void as_learned_clear(as_learned *l);

#endif
