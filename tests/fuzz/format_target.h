/* What the targets for checkpoint formats share. */
#ifndef FORMAT_TARGET_H
#define FORMAT_TARGET_H

#include <string.h>

#include "engine/format/tensors.h"
#include "replay.h"

/* Reads every byte, so that the address sanitizer sees those that are not ours. */
static inline void touch(const void *bytes, size_t size)
{
    const volatile unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++) (void)p[i];
}

static inline void read_tensor(const as_tensor *t)
{
    float x[300];
    size_t n = as_tensor_count(t), some = n < 300 ? n : 300;
    AS_CHECK(t->name && t->type && t->file && t->n_dims <= AS_TENSOR_DIMS);
    AS_CHECK((t->dtype == AS_NF4) == (t->nf4 != NULL));
    touch(t->data, t->bytes);
    if (as_dequantise(t->dtype, t->nf4, x, t->data, n - some, some))
        AS_CHECK(t->dtype != AS_U8 && t->dtype != AS_OTHER);
    as_scan s = as_tensors_scan(t, NULL);
    AS_CHECK(s.n_nan + s.n_inf == 0 || s.first < n);
}

static inline int read_checkpoint(const char *name, const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_key key;
    as_tensors *t = as_tensors_over(name, data, size, &err);
    if (!t) {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(strncmp(err.where, name, strlen(name)) == 0);
        AS_CHECK(err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
        return 0;
    }
    AS_CHECK(err.class_ == AS_OK);
    for (size_t i = 0; i < as_tensors_count(t); i++) {
        const as_tensor *one = as_tensors_at(t, i);
        AS_CHECK(as_tensors_find(t, one->name) == one);
        read_tensor(one);
    }
    AS_CHECK(as_tensors_digest(t, key, &err));
    as_tensors_close(t);
    return 0;
}

#endif
