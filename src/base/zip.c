/* ZIP archives. libzip inflates and verifies checksums; what it takes on trust is checked here
 * first, from the raw bytes: the directory's place, local against central headers, overlaps, names,
 * limits. The archive is held in memory, so it cannot change between check and use. */
#include "base/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "base/file.h"

/* Signatures and fixed sizes: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16.
 */
enum {
    SIGN_LOCAL = 0x04034b50,
    SIGN_CENTRAL = 0x02014b50,
    SIGN_END = 0x06054b50,
    SIGN_END64 = 0x06064b50,
    SIGN_LOCATOR64 = 0x07064b50,
    SIZE_LOCAL = 30,
    SIZE_CENTRAL = 46,
    SIZE_END = 22,
    SIZE_END64 = 56,
    SIZE_LOCATOR64 = 20,
    EXTRA_64 = 1, /* id of the extra field with 64-bit sizes */
    METHOD_STORED = 0,
    METHOD_DEFLATE = 8,
    METHOD_ZSTD = 93,
    FLAG_ENCRYPTED = 1 | 1 << 6 | 1 << 13,
    FLAG_SIZES_AFTER = 1 << 3,
    PIECE = 65536
};
#define FULL16 UINT16_MAX
#define FULL32 UINT32_MAX

typedef struct {
    char *name;
    uint64_t size, packed; /* expanded and stored bytes */
    size_t start, end;     /* of local header and data in the archive */
    uint32_t crc;
    uint16_t method, flags;
} member;

struct as_zip {
    char *file; /* for messages, escaped */
    as_buf own; /* the archive, when it came from a file */
    const unsigned char *bytes;
    size_t size;
    size_t n;
    member *member;
    zip_t *zip;
};

/* Where the central directory lies. */
typedef struct {
    uint64_t n, start, size;
    size_t end; /* where it must end: the first end record */
} directory;

static uint16_t get16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const unsigned char *p)
{
    return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* The last end record whose comment reaches exactly to the end of the archive. */
static bool find_end(const as_zip *z, size_t *at, as_error *err)
{
    if (z->size < SIZE_END)
        return as_fail(err, AS_EFORMAT, "not a ZIP archive (found %zu bytes, expected at least %d)",
                       z->size, SIZE_END);
    size_t last = z->size - SIZE_END;
    for (size_t comment = 0; comment <= FULL16 && comment <= last; comment++) {
        const unsigned char *p = z->bytes + last - comment;
        if (get32(p) != SIGN_END || get16(p + 20) != comment) continue;
        *at = last - comment;
        return true;
    }
    return as_fail(err, AS_EFORMAT,
                   "not a ZIP archive, or cut: no end record that closes the file");
}

/* The 64-bit end record, when a locator stands before the end record at `at`. */
static bool read_end64(const as_zip *z, size_t at, directory *d, as_error *err)
{
    const unsigned char *old = z->bytes + at, *locator = old - SIZE_LOCATOR64;
    uint64_t place = get64(locator + 8);
    size_t left = at - SIZE_LOCATOR64;
    if (get32(locator + 4) != 0 || get32(locator + 16) > 1)
        return as_fail(err, AS_EFORMAT, "archive in several parts");
    if (place > left || left - place != SIZE_END64)
        return as_fail(err, AS_EFORMAT, "byte %zu: place of the 64-bit end record", left + 8);
    const unsigned char *p = z->bytes + place;
    if (get32(p) != SIGN_END64 || get64(p + 4) != SIZE_END64 - 12)
        return as_fail(err, AS_EFORMAT, "byte %zu: malformed 64-bit end record", (size_t)place);
    if (get32(p + 16) != 0 || get32(p + 20) != 0 || get64(p + 24) != get64(p + 32))
        return as_fail(err, AS_EFORMAT, "archive in several parts");
    *d = (directory){
        .n = get64(p + 32), .size = get64(p + 40), .start = get64(p + 48), .end = (size_t)place};
    if ((get16(old + 10) != FULL16 && get16(old + 10) != d->n) ||
        (get32(old + 12) != FULL32 && get32(old + 12) != d->size) ||
        (get32(old + 16) != FULL32 && get32(old + 16) != d->start))
        return as_fail(err, AS_EFORMAT, "byte %zu: end record and 64-bit end record differ", at);
    return true;
}

static bool read_end(const as_zip *z, directory *d, as_error *err)
{
    size_t at = 0;
    if (!find_end(z, &at, err)) return false;
    const unsigned char *p = z->bytes + at;
    if (at >= SIZE_LOCATOR64 && get32(p - SIZE_LOCATOR64) == SIGN_LOCATOR64) {
        if (!read_end64(z, at, d, err)) return false;
    } else {
        if (get16(p + 4) != 0 || get16(p + 6) != 0 || get16(p + 8) != get16(p + 10))
            return as_fail(err, AS_EFORMAT, "archive in several parts");
        *d = (directory){
            .n = get16(p + 10), .size = get32(p + 12), .start = get32(p + 16), .end = at};
    }
    if (d->start > d->end || d->size != d->end - d->start)
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: central directory (found %" PRIu64 " bytes at %" PRIu64
                       ", expected it to end "
                       "at byte %zu)",
                       at, d->size, d->start, d->end);
    if (d->n > AS_ZIP_MAX_MEMBERS)
        return as_fail(err, AS_ELIMIT, "members (found %" PRIu64 ", expected at most %zu)", d->n,
                       AS_ZIP_MAX_MEMBERS);
    if (d->n > d->size / SIZE_CENTRAL)
        return as_fail(err, AS_EFORMAT,
                       "byte %zu: members (found %" PRIu64 ", but room for %" PRIu64 ")", at, d->n,
                       (d->size / SIZE_CENTRAL));
    return true;
}

/* Replaces each value that is saturated in the header by its 64-bit form from the extra field, in
 * the order of APPNOTE 4.5.3: size, packed size, offset. offset may be NULL. */
static bool read_extra(const unsigned char *p, size_t size, uint64_t *whole, uint64_t *packed,
                       uint64_t *offset, as_error *err)
{
    const unsigned char *at = NULL;
    size_t left = 0;
    for (size_t i = 0; i < size;) {
        if (size - i < 4 || size - i - 4 < get16(p + i + 2))
            return as_fail(err, AS_EFORMAT, "extra field past its end");
        if (get16(p + i) == EXTRA_64) {
            if (at) return as_fail(err, AS_EFORMAT, "64-bit extra field twice");
            at = p + i + 4;
            left = get16(p + i + 2);
        }
        i += 4 + (size_t)get16(p + i + 2);
    }
    uint64_t *value[3] = {whole, packed, offset};
    for (size_t k = 0; k < 3; k++) {
        if (!value[k] || *value[k] != FULL32) continue;
        if (left < 8) return as_fail(err, AS_EFORMAT, "64-bit extra field is missing or too short");
        *value[k] = get64(at);
        at += 8;
        left -= 8;
    }
    return true;
}

static bool check_name(const unsigned char *name, size_t size, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf path = {0}, text = {0};
    as_escape((const char *)name, size, shown);
    if (memchr(name, 0, size))
        return as_fail(err, AS_EFORMAT, "member name \"%s\" holds a NUL", shown);
    if (!as_utf8_valid((const char *)name, size, NULL))
        return as_fail(err, AS_EFORMAT, "member name \"%s\" is not UTF-8", shown);
    as_buf_add(&text, name, size);
    bool ok = as_buf_ok(&text, err) && as_path_join(&path, "", as_buf_text(&text), err);
    if (!ok) as_error_at(err, "member name");
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

/* Method, encryption, sizes and ratio of one member; `total` grows by its size. */
static bool check_limits(const as_zip *z, const member *m, uint64_t *total, as_error *err)
{
    if (m->flags & FLAG_ENCRYPTED) return as_fail(err, AS_EFORMAT, "encrypted");
    if (m->method != METHOD_STORED && m->method != METHOD_DEFLATE) {
        as_fail(err, AS_EFORMAT, "compression method (found %u, expected 0 stored or 8 deflate)",
                m->method);
        if (m->method == METHOD_ZSTD)
            as_error_hint(err, "an Inspect log: `inspect log convert --to json` rewrites it");
        return false;
    }
    if (m->method == METHOD_STORED && m->size != m->packed)
        return as_fail(err, AS_EFORMAT, "stored size (found %" PRIu64 ", expected %" PRIu64 ")",
                       m->packed, m->size);
    if (m->size > AS_ZIP_MAX_EXPANDED - *total)
        return as_fail(err, AS_ELIMIT, "expanded archive is over %" PRIu64 " bytes",
                       AS_ZIP_MAX_EXPANDED);
    *total += m->size;
    if (*total > AS_ZIP_FREE_EXPANDED &&
        (*total + AS_ZIP_MAX_RATIO - 1) / AS_ZIP_MAX_RATIO > z->size)
        return as_fail(err, AS_ELIMIT, "archive expands to over %" PRIu64 " times its %zu bytes",
                       AS_ZIP_MAX_RATIO, z->size);
    return true;
}

/* The local header at m->start against what the central one said. `end`: start of the directory. */
static bool check_local(const as_zip *z, member *m, const unsigned char *name, size_t name_size,
                        size_t end, as_error *err)
{
    if (m->start > end || end - m->start < SIZE_LOCAL)
        return as_fail(err, AS_EFORMAT, "local header at byte %zu is past the end", m->start);
    const unsigned char *p = z->bytes + m->start;
    if (get32(p) != SIGN_LOCAL)
        return as_fail(err, AS_EFORMAT, "no local header at byte %zu", m->start);
    size_t own_name = get16(p + 26), extra = get16(p + 28);
    size_t left = end - m->start - SIZE_LOCAL;
    if (own_name > left || extra > left - own_name)
        return as_fail(err, AS_EFORMAT, "local header at byte %zu is past the end", m->start);
    left -= own_name + extra;
    if (own_name != name_size || memcmp(p + SIZE_LOCAL, name, name_size) != 0)
        return as_fail(err, AS_EFORMAT, "another name in the local header at byte %zu", m->start);
    uint64_t packed = get32(p + 18), size = get32(p + 22);
    if (!read_extra(p + SIZE_LOCAL + own_name, extra, &size, &packed, NULL, err)) {
        as_error_at(err, "local header");
        return false;
    }
    if ((get16(p + 6) & FLAG_SIZES_AFTER) && (size != m->size || packed != m->packed))
        return as_fail(err, AS_EFORMAT,
                       "written as a stream, with sizes after the data; save it to a file instead");
    if (size != m->size || packed != m->packed)
        return as_fail(err, AS_EFORMAT,
                       "local header: sizes (found %" PRIu64 " and %" PRIu64
                       " stored, expected %" PRIu64 " and %" PRIu64 " as "
                       "in the central directory)",
                       size, packed, m->size, m->packed);
    if (get16(p + 6) != m->flags || get16(p + 8) != m->method || get32(p + 14) != m->crc)
        return as_fail(err, AS_EFORMAT,
                       "local header: flags, method or checksum differ from the central directory");
    if (m->packed > left)
        return as_fail(err, AS_EFORMAT, "data past the end (found %zu bytes, expected %" PRIu64 ")",
                       left, m->packed);
    m->end = m->start + SIZE_LOCAL + own_name + extra + (size_t)m->packed;
    return true;
}

/* One record of the central directory at *pos, which moves past it. */
static bool read_member(as_zip *z, const directory *d, size_t *pos, uint64_t *total, as_error *err)
{
    member *m = &z->member[z->n];
    const unsigned char *p = z->bytes + *pos;
    size_t left = d->end - *pos;
    if (left < SIZE_CENTRAL || get32(p) != SIGN_CENTRAL)
        return as_fail(err, AS_EFORMAT, "byte %zu: no central header of member %zu", *pos, z->n);
    size_t name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
    if (left - SIZE_CENTRAL < name + extra + comment)
        return as_fail(err, AS_EFORMAT, "byte %zu: central header of member %zu past the end", *pos,
                       z->n);
    if (!check_name(p + SIZE_CENTRAL, name, err)) {
        as_error_at(err, "byte %zu", *pos);
        return false;
    }
    m->name = as_new(name + 1, 1, err);
    if (!m->name) return false;
    memcpy(m->name, p + SIZE_CENTRAL, name);
    z->n++;
    m->flags = get16(p + 8);
    m->method = get16(p + 10);
    m->crc = get32(p + 16);
    m->packed = get32(p + 20);
    m->size = get32(p + 24);
    uint64_t start = get32(p + 42);
    if (!read_extra(p + SIZE_CENTRAL + name, extra, &m->size, &m->packed, &start, err) ||
        (get16(p + 34) != 0 && !as_fail(err, AS_EFORMAT, "archive in several parts")) ||
        !check_limits(z, m, total, err))
        goto member;
    m->start = start < z->size ? (size_t)start : z->size;
    if (!check_local(z, m, p + SIZE_CENTRAL, name, (size_t)d->start, err)) goto member;
    for (size_t i = 0; i + 1 < z->n; i++)
        if (strcmp(z->member[i].name, m->name) == 0) {
            as_fail(err, AS_EFORMAT, "name twice in the archive");
            goto member;
        }
    *pos += SIZE_CENTRAL + name + extra + comment;
    return true;
member:;
    char shown[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(m->name, strlen(m->name), shown));
    return false;
}

static int by_start(const void *a, const void *b)
{
    const member *x = *(const member *const *)a, *y = *(const member *const *)b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* No two members share bytes: a small archive cannot claim the same data a thousand times. */
static bool check_overlap(const as_zip *z, as_error *err)
{
    bool ok = false;
    const member **order = as_new(z->n, sizeof *order, err);
    if (!order) return false;
    for (size_t i = 0; i < z->n; i++) order[i] = &z->member[i];
    qsort(order, z->n, sizeof *order, by_start);
    for (size_t i = 1; i < z->n; i++)
        if (order[i]->start < order[i - 1]->end) {
            char shown[AS_ESCAPE_SIZE];
            as_fail(err, AS_EFORMAT, "%s: overlaps another member at byte %zu",
                    as_escape(order[i]->name, strlen(order[i]->name), shown), order[i]->start);
            goto out;
        }
    ok = true;
out:
    free(order);
    return ok;
}

/* libzip 1.7 forgets to name some of its own failed allocations: they come as "no error". */
static bool fail_zip(as_error *err, zip_error_t *e, const char *what)
{
    const int zlib_no_memory = -4; /* Z_MEM_ERROR */
    int code = zip_error_code_zip(e);
    if (code == ZIP_ER_OK || code == ZIP_ER_MEMORY ||
        (code == ZIP_ER_ZLIB && zip_error_code_system(e) == zlib_no_memory))
        return as_fail(err, AS_EMEM, "out of memory");
    if (code == ZIP_ER_CRC)
        return as_fail(err, AS_EFORMAT, "checksum of the data differs from the stored one");
    return as_fail(err, AS_EFORMAT, "%s (%s)", what, zip_error_strerror(e));
}

/* libzip finds the directory by itself; what it found must be what was checked. */
static bool check_same(const as_zip *z, as_error *err)
{
    if (zip_get_num_entries(z->zip, 0) != (zip_int64_t)z->n)
        return as_fail(err, AS_EFORMAT, "two central directories");
    for (size_t i = 0; i < z->n; i++) {
        const member *m = &z->member[i];
        const char *name = zip_get_name(z->zip, i, ZIP_FL_ENC_RAW);
        zip_stat_t s;
        if (!name || zip_stat_index(z->zip, i, 0, &s) != 0 || strcmp(name, m->name) != 0 ||
            s.size != m->size || s.comp_size != m->packed || s.crc != m->crc ||
            s.comp_method != m->method)
            return as_fail(err, AS_EFORMAT, "two central directories");
    }
    return true;
}

static bool open_libzip(as_zip *z, as_error *err)
{
    bool ok = false;
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *source = zip_source_buffer_create(z->bytes, z->size, 0, &e);
    if (source) z->zip = zip_open_from_source(source, ZIP_RDONLY, &e);
    if (!z->zip) {
        zip_source_free(source);
        fail_zip(err, &e, "not a readable ZIP archive");
        goto out;
    }
    ok = check_same(z, err);
out:
    zip_error_fini(&e);
    return ok;
}

/* Opens what z->bytes holds; frees z on failure. */
static as_zip *open_bytes(as_zip *z, as_error *err)
{
    directory d;
    uint64_t total = 0;
    if (!read_end(z, &d, err)) goto fail;
    z->member = as_new((size_t)d.n, sizeof *z->member, err);
    if (!z->member) goto fail;
    size_t pos = (size_t)d.start;
    while (z->n < d.n)
        if (!read_member(z, &d, &pos, &total, err)) goto fail;
    if (pos != d.end) {
        as_fail(err, AS_EFORMAT, "byte %zu: %zu bytes after the last central header", pos,
                d.end - pos);
        goto fail;
    }
    if (check_overlap(z, err) && open_libzip(z, err)) return z;
fail:
    as_error_at(err, "%s", z->file);
    as_zip_close(z);
    return NULL;
}

static as_zip *zip_new(const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_zip *z = as_new(1, sizeof *z, err);
    if (!z) return NULL;
    z->file = strdup(as_escape(name, strlen(name), shown));
    if (z->file) return z;
    as_fail(err, AS_EMEM, "out of memory");
    free(z);
    return NULL;
}

as_zip *as_zip_open(const char *path, as_error *err)
{
    as_zip *z = zip_new(path, err);
    if (!z) return NULL;
    if (!as_file_read(path, (size_t)AS_ZIP_MAX_ARCHIVE, &z->own, err)) {
        as_zip_close(z);
        return NULL;
    }
    z->bytes = (const unsigned char *)as_buf_text(&z->own);
    z->size = z->own.size;
    return open_bytes(z, err);
}

as_zip *as_zip_over(const char *name, const void *bytes, size_t size, as_error *err)
{
    as_zip *z = zip_new(name, err);
    if (!z) return NULL;
    z->bytes = bytes;
    z->size = size;
    return open_bytes(z, err);
}

void as_zip_close(as_zip *z)
{
    if (!z) return;
    if (z->zip) zip_discard(z->zip);
    for (size_t i = 0; i < z->n; i++) free(z->member[i].name);
    free(z->member);
    free(z->file);
    as_buf_clear(&z->own);
    free(z);
}

size_t as_zip_count(const as_zip *z)
{
    return z->n;
}

const char *as_zip_name(const as_zip *z, size_t i)
{
    AS_CHECK(i < z->n);
    return z->member[i].name;
}

uint64_t as_zip_size(const as_zip *z, size_t i)
{
    AS_CHECK(i < z->n);
    return z->member[i].size;
}

bool as_zip_find(const as_zip *z, const char *name, size_t *i)
{
    for (*i = 0; *i < z->n; ++*i)
        if (strcmp(z->member[*i].name, name) == 0) return true;
    return false;
}

/* The first `limit` bytes of member i, or all of them with the checksum verified. */
static bool walk(as_zip *z, size_t i, uint64_t limit, as_zip_take *take, void *context,
                 as_error *err)
{
    AS_CHECK(i < z->n);
    const member *m = &z->member[i];
    unsigned char piece[PIECE];
    uint64_t done = 0;
    bool ok = false;
    zip_file_t *f = zip_fopen_index(z->zip, i, 0);
    if (!f) {
        fail_zip(err, zip_get_error(z->zip), "cannot be read");
        goto out;
    }
    while (done < limit) {
        zip_int64_t n = zip_fread(f, piece, limit - done < PIECE ? limit - done : PIECE);
        if (n < 0) {
            fail_zip(err, zip_file_get_error(f), "damaged data");
            goto out;
        }
        done += (uint64_t)n;
        if (done > m->size || (n == 0 && done < m->size)) {
            as_fail(err, AS_EFORMAT,
                    "expanded size (found %s %" PRIu64 " bytes, expected %" PRIu64 ")",
                    n ? "over" : "only", (n ? m->size : done), m->size);
            goto out;
        }
        if (n == 0) break;
        if (!take(context, piece, (size_t)n, err)) goto out;
    }
    ok = true;
out:
    if (f) zip_fclose(f);
    if (!ok) {
        char shown[AS_ESCAPE_SIZE];
        as_error_at(err, "%s: %s", z->file, as_escape(m->name, strlen(m->name), shown));
    }
    return ok;
}

bool as_zip_walk(as_zip *z, size_t i, as_zip_take *take, void *context, as_error *err)
{
    return walk(z, i, UINT64_MAX, take, context, err);
}

static bool take_all(void *context, const unsigned char *bytes, size_t size, as_error *err)
{
    as_buf_add(context, bytes, size);
    return as_buf_ok(context, err);
}

bool as_zip_read(as_zip *z, size_t i, as_buf *out, as_error *err)
{
    return walk(z, i, UINT64_MAX, take_all, out, err);
}

bool as_zip_head(as_zip *z, size_t i, size_t limit, as_buf *out, as_error *err)
{
    return walk(z, i, limit, take_all, out, err);
}

static bool add_member(zip_t *zip, const as_zip_member *m, as_error *err)
{
    const zip_uint16_t midnight = 0, day = 1 << 5 | 1; /* 1980-01-01 in DOS form */
    zip_source_t *data = zip_source_buffer(zip, m->bytes, m->size, 0);
    zip_int64_t i = data ? zip_file_add(zip, m->name, data, ZIP_FL_ENC_UTF_8) : -1;
    if (i < 0) {
        zip_source_free(data);
        return fail_zip(err, zip_get_error(zip), "cannot be added");
    }
    if (zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip, (zip_uint64_t)i, midnight, day, 0) != 0)
        return fail_zip(err, zip_get_error(zip), "cannot be added");
    return true;
}

/* The bytes that libzip left in `source`. */
static bool read_source(zip_source_t *source, as_buf *out, as_error *err)
{
    char piece[PIECE];
    zip_int64_t n = 0;
    if (zip_source_open(source) != 0)
        return fail_zip(err, zip_source_error(source), "cannot write");
    while ((n = zip_source_read(source, piece, sizeof piece)) > 0)
        as_buf_add(out, piece, (size_t)n);
    if (n < 0) fail_zip(err, zip_source_error(source), "cannot write");
    zip_source_close(source);
    return n == 0 && as_buf_ok(out, err);
}

bool as_zip_write(const char *path, const as_zip_member *members, size_t n, as_error *err)
{
    bool ok = false;
    char shown[AS_ESCAPE_SIZE];
    as_buf out = {0};
    zip_t *zip = NULL;
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &e);
    if (source) zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &e);
    if (!zip) {
        zip_source_free(source);
        source = NULL;
        fail_zip(err, &e, "cannot write");
        goto out;
    }
    zip_source_keep(source); /* outlives zip_close, which fills it */
    if (n > AS_ZIP_MAX_MEMBERS) {
        as_fail(err, AS_ELIMIT, "members (found %zu, expected at most %zu)", n, AS_ZIP_MAX_MEMBERS);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if (!check_name((const unsigned char *)members[i].name, strlen(members[i].name), err) ||
            !add_member(zip, &members[i], err))
            goto out;
    if (zip_close(zip) != 0) {
        fail_zip(err, zip_get_error(zip), "cannot write");
        goto out;
    }
    zip = NULL;
    ok = read_source(source, &out, err);
out:
    if (zip) zip_discard(zip);
    if (source) zip_source_free(source);
    zip_error_fini(&e);
    if (!ok) as_error_at(err, "%s", as_escape(path, strlen(path), shown));
    ok = ok && as_file_replace(path, out.data, out.size, err); /* names path itself */
    as_buf_clear(&out);
    return ok;
}
