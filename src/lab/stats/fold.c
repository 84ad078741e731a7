/* Foldings: read, dealt by class, dealt by group. */
#include "lab/stats/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"

static bool check_k(size_t k, as_error *err)
{
    if (k >= 2 && k <= AS_FOLD_MAX) return true;
    return as_fail(err, AS_EUSAGE, "folds (found %zu, expected 2 to %d)", k, AS_FOLD_MAX);
}

bool as_fold_check(const uint8_t *fold, size_t n, size_t k, as_error *err)
{
    bool seen[AS_FOLD_MAX + 1] = {false};
    if (!check_k(k, err)) return false;
    for (size_t i = 0; i < n; i++) {
        if (fold[i] >= k)
            return as_fail(err, AS_EFORMAT, "fold of row %zu (found %u, expected below %zu)", i,
                           (unsigned)fold[i], k);
        seen[fold[i]] = true;
    }
    for (size_t f = 0; f < k; f++)
        if (!seen[f]) return as_fail(err, AS_EFORMAT, "fold %zu of %zu holds no row", f, k);
    return true;
}

bool as_fold_parse(uint8_t *fold, size_t *k, const char *text, size_t n, as_error *err)
{
    size_t length = strlen(text);
    *k = 0;
    for (size_t i = 0; i < length && i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            char bad[AS_ESCAPE_SIZE];
            return as_fail(err, AS_EFORMAT, "position %zu (found \"%s\", expected a digit)", i,
                           as_escape(text + i, 1, bad));
        }
        fold[i] = (uint8_t)(text[i] - '0');
        if (fold[i] + (size_t)1 > *k) *k = fold[i] + (size_t)1;
    }
    if (length != n)
        return as_fail(err, AS_EFORMAT, "folds (found %zu digits, expected %zu)", length, n);
    return as_fold_check(fold, n, *k, err);
}

bool as_fold_stratified(uint8_t *fold, const uint8_t *y, size_t n, size_t k, uint64_t seed,
                        uint64_t repeat, as_error *err)
{
    if (!check_k(k, err)) return false;
    size_t *rows = as_new(n, sizeof *rows, err);
    if (!rows) return false;
    bool ok = true;
    as_rng rng = as_rng_at(seed, "fold/stratified", repeat);
    size_t dealt = 0;
    for (unsigned class_ = 0; ok && class_ < 2; class_++) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            if (y[i] == class_) rows[m++] = i;
        if (m < k)
            ok = as_fail(err, AS_EUSAGE, "rows with label %u (found %zu, expected at least %zu)",
                         class_, m, k);
        if (ok) as_rng_shuffle(&rng, rows, m);
        for (size_t i = 0; ok && i < m; i++) fold[rows[i]] = (uint8_t)(dealt++ % k);
    }
    free(rows);
    if (ok && dealt != n) ok = as_fail(err, AS_EFORMAT, "labels other than 0 and 1");
    return ok;
}

/* --- groups ---------------------------------------------------------------------------------- */

typedef struct {
    uint64_t group;
    size_t row;
} member;

static int member_order(const void *a, const void *b)
{
    const member *p = a, *q = b;
    if (p->group != q->group) return p->group < q->group ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

typedef struct {
    size_t first, size; /* among the sorted members */
    size_t place;       /* where the shuffle put it */
} herd;

static int herd_order(const void *a, const void *b)
{
    const herd *p = a, *q = b;
    if (p->size != q->size) return p->size > q->size ? -1 : 1;
    return (p->place > q->place) - (p->place < q->place);
}

static size_t find_herds(herd *herds, const member *rows, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || rows[i].group != rows[i - 1].group) herds[count++] = (herd){i, 0, 0};
        herds[count - 1].size++;
    }
    return count;
}

static void deal_herds(uint8_t *fold, const member *rows, const herd *herds, size_t n_herds,
                       size_t k)
{
    size_t filled[AS_FOLD_MAX] = {0};
    for (size_t h = 0; h < n_herds; h++) {
        size_t least = 0;
        for (size_t f = 1; f < k; f++)
            if (filled[f] < filled[least]) least = f;
        filled[least] += herds[h].size;
        for (size_t i = 0; i < herds[h].size; i++)
            fold[rows[herds[h].first + i].row] = (uint8_t)least;
    }
}

bool as_fold_grouped(uint8_t *fold, const uint64_t *group, size_t n, size_t k, uint64_t seed,
                     uint64_t repeat, as_error *err)
{
    bool ok = false;
    if (!check_k(k, err)) return false;
    member *rows = as_new(n, sizeof *rows, err);
    herd *herds = as_new(n, sizeof *herds, err);
    size_t *place = as_new(n, sizeof *place, err);
    if (!rows || !herds || !place) goto out;
    for (size_t i = 0; i < n; i++) rows[i] = (member){group[i], i};
    if (n > 1) qsort(rows, n, sizeof *rows, member_order);
    size_t n_herds = find_herds(herds, rows, n);
    if (n_herds < k) {
        as_fail(err, AS_EUSAGE, "groups (found %zu, expected at least %zu)", n_herds, k);
        goto out;
    }
    for (size_t h = 0; h < n_herds; h++) place[h] = h;
    as_rng rng = as_rng_at(seed, "fold/grouped", repeat);
    as_rng_shuffle(&rng, place, n_herds);
    for (size_t h = 0; h < n_herds; h++) herds[place[h]].place = h;
    qsort(herds, n_herds, sizeof *herds, herd_order);
    deal_herds(fold, rows, herds, n_herds, k);
    ok = true;
out:
    free(rows);
    free(herds);
    free(place);
    return ok;
}
