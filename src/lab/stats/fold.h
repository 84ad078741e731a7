/* Which row is held out when. A folding is an array fold (n) of small numbers 0..k-1. */
#ifndef AS_LAB_STATS_FOLD_H
#define AS_LAB_STATS_FOLD_H

#include <stdint.h>

#include "base/error.h"

#define AS_FOLD_MAX 255

/* A literal folding: exactly n digits, fold of row 0 first. *k = highest digit + 1; every fold must
 * have a row and k >= 2. AS_EFORMAT by 0-based position. */
AS_MUST_CHECK bool as_fold_parse(uint8_t *fold, size_t *k, const char *text, size_t n,
                                 as_error *err);

/* Every fold 0..k-1 has a row, none is beyond, 2 <= k <= AS_FOLD_MAX; AS_EFORMAT otherwise. */
AS_MUST_CHECK bool as_fold_check(const uint8_t *fold, size_t n, size_t k, as_error *err);

/* Stratified k-fold with shuffle: each class is shuffled by stream (seed, "fold/stratified",
 * repeat) and dealt to folds 0, 1, .., k-1, 0, .., class 1 going on where class 0 stopped; so sizes
 * and class counts differ by at most one between folds. A repeated cross-validation
 * counts `repeat` up. AS_EUSAGE when a class has fewer than k rows. */
AS_MUST_CHECK bool as_fold_stratified(uint8_t *fold, const uint8_t *y, size_t n, size_t k,
                                      uint64_t seed, uint64_t repeat, as_error *err);

/* Grouped k-fold: rows with the same group number are never split. Groups go, largest first (equal
 * sizes in an order shuffled by stream (seed, "fold/grouped", repeat)), to the fold with the
 * fewest rows, lowest number first. AS_EUSAGE with fewer than k groups. */
AS_MUST_CHECK bool as_fold_grouped(uint8_t *fold, const uint64_t *group, size_t n, size_t k,
                                   uint64_t seed, uint64_t repeat, as_error *err);

#endif
