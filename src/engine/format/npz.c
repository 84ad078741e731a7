/* .npz: the NPY header's grammar, the checks of shape against bytes, and element conversion. The
 * writer is npz_write.c; the archive itself is base/zip's business.
 * Format: numpy.lib.format, "Format Version 1.0" and "2.0". */
#include "engine/format/npz.h"

#include <math.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/zip.h"

#define MAGIC "\x93NUMPY"
enum { MAGIC_SIZE = 6, PREFIX_1 = 10, PREFIX_2 = 12 };

typedef struct {
    const char *name; /* as in the header */
    size_t size;
} type_row;
static const type_row types[] = {
    [AS_NPZ_F2] = {"<f2", 2}, [AS_NPZ_F4] = {"<f4", 4}, [AS_NPZ_F8] = {"<f8", 8},
    [AS_NPZ_I1] = {"|i1", 1}, [AS_NPZ_I2] = {"<i2", 2}, [AS_NPZ_I4] = {"<i4", 4},
    [AS_NPZ_I8] = {"<i8", 8}, [AS_NPZ_U1] = {"|u1", 1}, [AS_NPZ_U2] = {"<u2", 2},
    [AS_NPZ_U4] = {"<u4", 4}, [AS_NPZ_U8] = {"<u8", 8}, [AS_NPZ_B1] = {"|b1", 1},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

struct as_npz {
    as_zip *zip;
    char *file; /* for messages, escaped */
    size_t n;
    as_npz_array *array;
    size_t *start; /* of the data in each member: the header's size */
};

const char *as_npz_type_name(as_npz_type t)
{
    return types[t].name;
}

size_t as_npz_type_size(as_npz_type t)
{
    return types[t].size;
}

/* ---- header ---- */

/* The header text under the reader: a Python dict literal of three keys. */
typedef struct {
    const char *text;
    size_t size, at;
    size_t offset; /* of the text in the member, for messages */
    as_npz_array *array;
    bool has_descr, has_order, has_shape;
} header;

static bool fail_at(const header *h, as_error *err, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    size_t left = h->size - h->at, n = left < 16 ? left : 16;
    if (left == 0)
        return as_fail(err, AS_EFORMAT, "byte %zu: header ends (expected %s)", h->offset + h->at,
                       expected);
    return as_fail(err, AS_EFORMAT, "byte %zu: header (found \"%s\", expected %s)",
                   h->offset + h->at, as_escape(h->text + h->at, n, shown), expected);
}

static void skip_blanks(header *h)
{
    while (h->at < h->size && h->text[h->at] == ' ') h->at++;
}

/* The character c after any blanks. */
static bool accept(header *h, char c)
{
    skip_blanks(h);
    if (h->at == h->size || h->text[h->at] != c) return false;
    h->at++;
    return true;
}

static bool accept_word(header *h, const char *word)
{
    size_t n = strlen(word);
    if (h->size - h->at < n || memcmp(h->text + h->at, word, n) != 0) return false;
    h->at += n;
    return true;
}

/* 'text' or "text": printable ASCII, no backslash. */
static bool read_string(header *h, const char **text, size_t *size, as_error *err)
{
    skip_blanks(h);
    char quote = h->at < h->size ? h->text[h->at] : 0;
    if (quote != '\'' && quote != '"') return fail_at(h, err, "a quoted string");
    size_t start = ++h->at;
    while (h->at < h->size && h->text[h->at] != quote) {
        char c = h->text[h->at];
        if (c < ' ' || c > '~' || c == '\\') return fail_at(h, err, "a plain character");
        h->at++;
    }
    if (h->at == h->size) return fail_at(h, err, "a closing quote");
    *text = h->text + start;
    *size = h->at++ - start;
    return true;
}

static bool read_descr(header *h, as_error *err)
{
    const char *text;
    size_t size;
    char shown[AS_ESCAPE_SIZE];
    skip_blanks(h);
    if (h->at < h->size && h->text[h->at] == '[')
        return as_fail(err, AS_EFORMAT, "byte %zu: array of records (expected one number type)",
                       h->offset + h->at);
    size_t place = h->offset + h->at;
    if (!read_string(h, &text, &size, err)) return false;
    for (size_t t = 0; t < N_TYPES; t++)
        if (size == strlen(types[t].name) && memcmp(text, types[t].name, size) == 0) {
            h->array->type = (as_npz_type)t;
            return true;
        }
    as_escape(text, size, shown);
    if (size >= 2 && text[1] == 'O')
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: array of Python objects (found '%s', expected "
                       "numbers); such arrays run code when loaded",
                       place, shown);
    if (size >= 1 && text[0] == '>')
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: big-endian array (found '%s', expected '<%.*s'); "
                       "convert with a.astype('<%.*s')",
                       place, shown, (int)strlen(shown + 1), shown + 1, (int)strlen(shown + 1),
                       shown + 1);
    return as_fail(err, AS_EFORMAT,
                   "byte %zu: element type (found '%s', expected one of f2 f4 f8 "
                   "i1 i2 i4 i8 u1 u2 u4 u8 b1, little-endian)",
                   place, shown);
}

static bool read_order(header *h, as_error *err)
{
    skip_blanks(h);
    size_t place = h->offset + h->at;
    if (accept_word(h, "False")) return true;
    if (accept_word(h, "True"))
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: Fortran order (expected C order); convert with "
                       "numpy.ascontiguousarray(a)",
                       place);
    return fail_at(h, err, "True or False");
}

/* Digits, no sign, no leading zero. */
static bool read_dim(header *h, size_t *out, as_error *err)
{
    skip_blanks(h);
    size_t start = h->at, value = 0;
    for (; h->at < h->size && h->text[h->at] >= '0' && h->text[h->at] <= '9'; h->at++) {
        size_t digit = (size_t)(h->text[h->at] - '0');
        if (value > (SIZE_MAX - digit) / 10)
            return as_fail(err, AS_ELIMIT, "byte %zu: shape holds a number over 2^64",
                           h->offset + start);
        value = value * 10 + digit;
    }
    size_t digits = h->at - start;
    if (digits == 0 || (digits > 1 && h->text[start] == '0')) {
        h->at = start;
        return fail_at(h, err, "a whole number");
    }
    *out = value;
    return true;
}

/* (), (N,), (N, M), (N, M,) */
static bool read_shape(header *h, as_error *err)
{
    as_npz_array *a = h->array;
    bool comma = false;
    if (!accept(h, '(')) return fail_at(h, err, "a shape in parentheses");
    while (!accept(h, ')')) {
        if (a->n_dims > 0 && !comma) return fail_at(h, err, "',' or ')'");
        if (a->n_dims == AS_NPZ_MAX_DIMS)
            return as_fail(err, AS_ELIMIT, "byte %zu: shape has over %d dimensions",
                           h->offset + h->at, AS_NPZ_MAX_DIMS);
        if (!read_dim(h, &a->dim[a->n_dims], err)) return false;
        a->n_dims++;
        comma = accept(h, ',');
    }
    if (a->n_dims == 1 && !comma) {
        h->at--;
        return fail_at(h, err, "',' as in (N,)");
    }
    return true;
}

static bool read_field(header *h, as_error *err)
{
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    const char *text;
    size_t size, k = 0, place;
    char shown[AS_ESCAPE_SIZE];
    skip_blanks(h);
    place = h->offset + h->at;
    if (!read_string(h, &text, &size, err)) return false;
    while (k < 3 && (size != strlen(names[k]) || memcmp(text, names[k], size) != 0)) k++;
    if (k == 3)
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: unknown key '%s' (expected descr, fortran_order "
                       "and shape)",
                       place, as_escape(text, size, shown));
    bool *seen = k == 0 ? &h->has_descr : k == 1 ? &h->has_order : &h->has_shape;
    if (*seen) return as_fail(err, AS_EFORMAT, "byte %zu: key '%s' twice", place, names[k]);
    *seen = true;
    if (!accept(h, ':')) return fail_at(h, err, "':'");
    return k == 0 ? read_descr(h, err) : k == 1 ? read_order(h, err) : read_shape(h, err);
}

static bool read_dict(header *h, as_error *err)
{
    bool comma = true;
    if (!accept(h, '{')) return fail_at(h, err, "'{'");
    while (!accept(h, '}')) {
        if (!comma) return fail_at(h, err, "',' or '}'");
        if (!read_field(h, err)) return false;
        comma = accept(h, ',');
    }
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return as_fail(err, AS_EFORMAT, "byte %zu: header lacks key '%s'", h->offset,
                       !h->has_descr   ? "descr"
                       : !h->has_order ? "fortran_order"
                                       : "shape");
    if (!accept(h, '\n') || h->at != h->size)
        return fail_at(h, err, "blanks and a newline at the end");
    return true;
}

/* The product of the dimensions and the check against the bytes that the member holds. */
static bool check_shape(as_npz_array *a, uint64_t left, as_error *err)
{
    size_t count = 1, bytes;
    as_buf shape = {0};
    for (size_t k = 0; k < a->n_dims; k++) as_buf_printf(&shape, k ? ", %zu" : "%zu", a->dim[k]);
    for (size_t k = 0; k < a->n_dims; k++)
        if (!as_size_mul(count, a->dim[k], &count, err)) goto fail;
    if (!as_size_mul(count, types[a->type].size, &bytes, err)) goto fail;
    if (bytes != left) {
        as_fail(err, AS_EFORMAT, "data (found %" PRIu64 " bytes, expected %zu)", left, bytes);
        goto fail;
    }
    a->count = count;
    as_buf_clear(&shape);
    return true;
fail:
    as_error_at(err, "shape (%s) of '%s'", as_buf_text(&shape), types[a->type].name);
    as_buf_clear(&shape);
    return false;
}

/* NPY header of member i: magic, version, length, text. */
static bool read_header(as_npz *z, size_t i, const as_buf *head, as_error *err)
{
    const unsigned char *p = (const unsigned char *)as_buf_text(head);
    uint64_t size = as_zip_size(z->zip, i), length;
    header h = {.array = &z->array[i]};
    if (head->size < PREFIX_1 || memcmp(p, MAGIC, MAGIC_SIZE) != 0)
        return as_fail(err, AS_EFORMAT, "byte 0: not an NPY array");
    if (!(p[6] == 1 || p[6] == 2) || p[7] != 0)
        return as_fail(err, AS_EFORMAT, "byte 6: NPY version (found %d.%d, expected 1.0 or 2.0)",
                       p[6], p[7]);
    h.offset = p[6] == 1 ? PREFIX_1 : PREFIX_2;
    if (head->size < h.offset) return as_fail(err, AS_EFORMAT, "byte 8: cut in the header length");
    length = (uint64_t)p[8] | (uint64_t)p[9] << 8;
    if (p[6] == 2) length |= (uint64_t)p[10] << 16 | (uint64_t)p[11] << 24;
    if (length > size - h.offset)
        return as_fail(err, AS_EFORMAT,
                       "byte 8: header length (found %" PRIu64 ", expected at most %" PRIu64 ")",
                       length, (size - h.offset));
    if (length > AS_NPZ_MAX_HEADER)
        return as_fail(err, AS_ELIMIT,
                       "byte 8: header length (found %" PRIu64 ", expected at most %zu)", length,
                       AS_NPZ_MAX_HEADER);
    if (length > head->size - h.offset) return as_fail(err, AS_EFORMAT, "byte 8: header is cut");
    h.text = (const char *)p + h.offset;
    h.size = (size_t)length;
    z->start[i] = h.offset + h.size;
    return read_dict(&h, err) && check_shape(h.array, size - z->start[i], err);
}

/* ---- open and close ---- */

/* The array's name: the member's without ".npy", kept by z. */
static bool read_name(as_npz *z, size_t i, as_error *err)
{
    const char *member = as_zip_name(z->zip, i);
    size_t size = strlen(member);
    if (size < 5 || strcmp(member + size - 4, ".npy") != 0)
        return as_fail(err, AS_EFORMAT, "not an array (expected a member NAME.npy)");
    char *name = as_new(size - 3, 1, err);
    if (!name) return false;
    memcpy(name, member, size - 4);
    z->array[i].name = name;
    return true;
}

static bool open_array(as_npz *z, size_t i, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf head = {0};
    const char *member = as_zip_name(z->zip, i);
    bool read = as_zip_head(z->zip, i, PREFIX_2 + AS_NPZ_MAX_HEADER, &head, err);
    bool ok = read && read_name(z, i, err) && read_header(z, i, &head, err);
    if (read && !ok) { /* as_zip_head names the place itself */
        as_error_at(err, "%s", as_escape(member, strlen(member), shown));
        as_error_at(err, "%s", z->file);
    }
    as_buf_clear(&head);
    return ok;
}

/* Takes the archive, also on failure. */
static as_npz *open_zip(as_zip *zip, const char *file, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_npz *z = as_new(1, sizeof *z, err);
    if (!z) {
        as_zip_close(zip);
        return NULL;
    }
    z->zip = zip;
    size_t n = as_zip_count(zip), size = strlen(as_escape(file, strlen(file), shown)) + 1;
    z->file = as_new(size, 1, err);
    if (!z->file) goto fail;
    memcpy(z->file, shown, size);
    z->array = as_new(n, sizeof *z->array, err);
    if (!z->array) goto fail;
    z->start = as_new(n, sizeof *z->start, err);
    if (!z->start) goto fail;
    for (; z->n < n; z->n++)
        if (!open_array(z, z->n, err)) {
            free((char *)z->array[z->n].name);
            goto fail;
        }
    return z;
fail:
    as_npz_close(z);
    return NULL;
}

as_npz *as_npz_open(const char *path, as_error *err)
{
    as_zip *zip = as_zip_open(path, err);
    return zip ? open_zip(zip, path, err) : NULL;
}

as_npz *as_npz_over(const char *name, const void *bytes, size_t size, as_error *err)
{
    as_zip *zip = as_zip_over(name, bytes, size, err);
    return zip ? open_zip(zip, name, err) : NULL;
}

void as_npz_close(as_npz *z)
{
    if (!z) return;
    for (size_t i = 0; i < z->n; i++) free((char *)z->array[i].name);
    free(z->array);
    free(z->start);
    free(z->file);
    as_zip_close(z->zip);
    free(z);
}

size_t as_npz_count(const as_npz *z)
{
    return z->n;
}

const as_npz_array *as_npz_at(const as_npz *z, size_t i)
{
    AS_CHECK(i < z->n);
    return &z->array[i];
}

const as_npz_array *as_npz_find(const as_npz *z, const char *name, size_t *i)
{
    for (size_t k = 0; k < z->n; k++)
        if (strcmp(z->array[k].name, name) == 0) {
            if (i) *i = k;
            return &z->array[k];
        }
    return NULL;
}

bool as_npz_need(const as_npz *z, const char *name, size_t *i, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf there = {0};
    if (as_npz_find(z, name, i)) return true;
    for (size_t k = 0; k < z->n; k++) {
        if (k) as_buf_puts(&there, ", ");
        as_buf_puts(&there, z->array[k].name);
    }
    as_escape(as_buf_text(&there), there.size, shown);
    as_fail(err, AS_EFORMAT, "no array \"%s\" (found %s)", name, z->n ? shown : "none");
    as_error_at(err, "%s", z->file);
    as_buf_clear(&there);
    return false;
}

/* ---- read ---- */

typedef enum { OUT_F64, OUT_F32, OUT_I64 } out_kind;

/* Elements as they come out of the archive, in pieces that may split one. */
typedef struct {
    as_npz_type type;
    out_kind kind;
    double *f64;
    float *f32;
    int64_t *i64;
    size_t skip;  /* header bytes still to pass over */
    size_t done;  /* elements */
    uint64_t raw; /* of the element at hand, n_raw bytes so far */
    size_t n_raw;
    as_npz_scan scan;
} reader;

/* IEEE 754 binary16, section 3.4: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static double half_value(uint64_t raw)
{
    int exponent = (int)(raw >> 10 & 31), fraction = (int)(raw & 1023);
    double v = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
               : exponent     ? ldexp(1024 + fraction, exponent - 25)
                              : ldexp(fraction, -24);
    return raw >> 15 ? -v : v;
}

static double float_value(as_npz_type type, uint64_t raw)
{
    uint32_t low = (uint32_t)raw;
    float f;
    double d;
    if (type == AS_NPZ_F2) return half_value(raw);
    if (type == AS_NPZ_F4) {
        memcpy(&f, &low, sizeof f);
        return (double)f;
    }
    memcpy(&d, &raw, sizeof d);
    return d;
}

static bool put_float(reader *r, double v, as_error *err)
{
    char text[32];
    if (!isfinite(v)) {
        if (r->scan.n_nan + r->scan.n_inf == 0) r->scan.first = r->done;
        isnan(v) ? r->scan.n_nan++ : r->scan.n_inf++;
    }
    if (r->kind == OUT_F64) {
        r->f64[r->done] = v;
        return true;
    }
    if (isfinite(v) && fabs(v) >= 0x1.ffffffp127) /* halfway to the next would-be float */
        return as_fail(err, AS_ENUMERIC, "element %zu: %s is too large for 32 bits", r->done,
                       as_double_text(v, text));
    r->f32[r->done] = (float)v;
    return true;
}

/* An integer as sign and magnitude; refused when the output cannot hold it exactly. */
static bool put_integer(reader *r, bool negative, uint64_t magnitude, as_error *err)
{
    const double top = 0x1p64;
    bool exact = true;
    if (r->kind == OUT_I64) {
        exact = magnitude <= (uint64_t)INT64_MAX + negative;
        if (exact && negative) r->i64[r->done] = magnitude ? -(int64_t)(magnitude - 1) - 1 : 0;
        if (exact && !negative) r->i64[r->done] = (int64_t)magnitude;
    } else if (r->kind == OUT_F64) {
        double v = (double)magnitude;
        exact = v < top && (uint64_t)v == magnitude;
        r->f64[r->done] = negative ? -v : v;
    } else {
        float v = (float)magnitude;
        exact = (double)v < top && (uint64_t)v == magnitude;
        r->f32[r->done] = negative ? -v : v;
    }
    if (exact) return true;
    return as_fail(err, AS_ENUMERIC, "element %zu: %s%" PRIu64 " cannot be held exactly in %s",
                   r->done, negative ? "-" : "", magnitude,
                   r->kind == OUT_I64   ? "a signed 64-bit integer"
                   : r->kind == OUT_F64 ? "64-bit floating point"
                                        : "32-bit floating point");
}

static bool put(reader *r, as_error *err)
{
    switch (r->type) {
    case AS_NPZ_F2:
    case AS_NPZ_F4:
    case AS_NPZ_F8:
        return put_float(r, float_value(r->type, r->raw), err);
    case AS_NPZ_I1:
    case AS_NPZ_I2:
    case AS_NPZ_I4:
    case AS_NPZ_I8: {
        size_t bits = 8 * types[r->type].size;
        bool negative = r->raw >> (bits - 1) & 1;
        uint64_t mask = UINT64_MAX >> (64 - bits);
        return put_integer(r, negative, negative ? (~r->raw + 1) & mask : r->raw, err);
    }
    case AS_NPZ_B1:
        if (r->raw > 1)
            return as_fail(err, AS_EFORMAT, "element %zu: bool (found byte %u, expected 0 or 1)",
                           r->done, (unsigned)r->raw);
        return put_integer(r, false, r->raw, err);
    case AS_NPZ_U1:
    case AS_NPZ_U2:
    case AS_NPZ_U4:
    case AS_NPZ_U8:
        break;
    }
    return put_integer(r, false, r->raw, err);
}

static bool take(void *context, const unsigned char *bytes, size_t size, as_error *err)
{
    reader *r = context;
    size_t i = r->skip < size ? r->skip : size;
    r->skip -= i;
    while (i < size) {
        r->raw |= (uint64_t)bytes[i++] << 8 * r->n_raw++;
        if (r->n_raw < types[r->type].size) continue;
        if (!put(r, err)) return false;
        r->done++;
        r->raw = r->n_raw = 0;
    }
    return true;
}

/* The member's size was checked against the shape when it was opened, and the archive delivers
 * exactly that many bytes or fails, so `take` never writes beyond n elements. */
static bool read_array(as_npz *z, size_t i, reader *r, size_t n, as_error *err)
{
    AS_CHECK(i < z->n);
    char shown[AS_ESCAPE_SIZE];
    const as_npz_array *a = &z->array[i];
    as_escape(a->name, strlen(a->name), shown);
    r->type = a->type;
    r->skip = z->start[i];
    if (n != a->count) {
        as_fail(err, AS_EFORMAT, "elements (found %zu, expected %zu)", a->count, n);
        goto place;
    }
    if (r->kind == OUT_I64 &&
        (a->type == AS_NPZ_F2 || a->type == AS_NPZ_F4 || a->type == AS_NPZ_F8)) {
        as_fail(err, AS_EFORMAT, "element type (found '%s', expected integers)",
                types[a->type].name);
        goto place;
    }
    return as_zip_walk(z->zip, i, take, r, err);
place:
    as_error_at(err, "%s.npy", shown);
    as_error_at(err, "%s", z->file);
    return false;
}

bool as_npz_read_f64(as_npz *z, size_t i, double *out, size_t n, as_npz_scan *scan, as_error *err)
{
    reader r = {.kind = OUT_F64, .f64 = out};
    bool ok = read_array(z, i, &r, n, err);
    *scan = r.scan;
    return ok;
}

bool as_npz_read_f32(as_npz *z, size_t i, float *out, size_t n, as_npz_scan *scan, as_error *err)
{
    reader r = {.kind = OUT_F32, .f32 = out};
    bool ok = read_array(z, i, &r, n, err);
    *scan = r.scan;
    return ok;
}

bool as_npz_read_i64(as_npz *z, size_t i, int64_t *out, size_t n, as_error *err)
{
    reader r = {.kind = OUT_I64, .i64 = out};
    return read_array(z, i, &r, n, err);
}
