/* JSON Lines, one row in memory at a time. */
#include "base/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_internal.h"

enum { CHUNK = 256 << 10 };

struct as_jsonl {
    char *name;        /* escaped, for messages */
    int fd;            /* -1 over memory */
    const char *bytes; /* over memory: borrowed; from a file: buffer.data */
    size_t at, size;   /* the next line starts at `at` of `size` bytes */
    size_t scanned;    /* no newline in [at, scanned) */
    as_buf buffer;
    bool at_end; /* nothing more to read */
    bool broken; /* failed before */
    size_t line; /* of the last row */
};

static as_jsonl *reader_new(const char *name, as_error *err)
{
    as_buf escaped = {0};
    as_jsonl *r = as_new(1, sizeof *r, err);
    if (!r) return NULL;
    r->fd = -1;
    char short_name[AS_ESCAPE_SIZE];
    as_buf_puts(&escaped, as_escape(name, strlen(name), short_name));
    if (!escaped.data) escaped.failed = !as_buf_reserve(&escaped, 0);
    if (!as_buf_ok(&escaped, err)) {
        as_buf_clear(&escaped);
        free(r);
        return NULL;
    }
    r->name = escaped.data;
    return r;
}

as_jsonl *as_jsonl_over(const char *name, const char *bytes, size_t size, as_error *err)
{
    as_jsonl *r = reader_new(name, err);
    if (!r) return NULL;
    r->bytes = size ? bytes : "";
    r->size = size;
    r->at_end = true;
    return r;
}

as_jsonl *as_jsonl_open(const char *path, as_error *err)
{
    struct stat st;
    char reason[128];
    as_jsonl *r = reader_new(path, err);
    if (!r) return NULL;
    do {
        r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (r->fd < 0 && errno == EINTR);
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        if (strerror_r(errno, reason, sizeof reason) != 0) reason[0] = '\0';
        (void)as_fail(err, AS_EIO, "cannot open: %s", reason);
    } else if (!S_ISREG(st.st_mode)) {
        (void)as_fail(err, AS_EIO, "cannot read (found %s, expected a regular file)",
                      S_ISDIR(st.st_mode) ? "a directory" : "a special file");
    } else {
        return r;
    }
    as_error_at(err, "%s", r->name);
    as_jsonl_close(r);
    return NULL;
}

void as_jsonl_close(as_jsonl *r)
{
    if (!r) return;
    if (r->fd >= 0) (void)close(r->fd);
    as_buf_clear(&r->buffer);
    free(r->name);
    free(r);
}

/* Reads on behind the bytes of the present line, which move to the front of the buffer. */
static bool read_more(as_jsonl *r, as_error *err)
{
    as_buf *b = &r->buffer;
    if (r->at > 0) {
        memmove(b->data, b->data + r->at, r->size - r->at);
        b->size = r->size - r->at;
        r->scanned -= r->at;
        r->at = 0;
    }
    if (!as_buf_reserve(b, CHUNK)) return as_buf_ok(b, err);
    ssize_t n;
    do {
        n = read(r->fd, b->data + b->size, CHUNK);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        char reason[128];
        if (strerror_r(errno, reason, sizeof reason) != 0) reason[0] = '\0';
        return as_fail(err, AS_EIO, "cannot read: %s", reason);
    }
    b->size += (size_t)n;
    r->at_end = n == 0;
    r->bytes = b->data;
    r->size = b->size;
    return true;
}

/* The next line without its end; *closed tells whether it had one. *text NULL at the end. */
static bool next_line(as_jsonl *r, const char **text, size_t *size, bool *closed, as_error *err)
{
    const char *newline = NULL;
    for (;;) {
        if (r->scanned < r->size) {
            newline = memchr(r->bytes + r->scanned, '\n', r->size - r->scanned);
        }
        r->scanned = r->size;
        size_t length = newline ? (size_t)(newline - r->bytes) - r->at : r->size - r->at;
        if (length > AS_JSONL_MAX_LINE) {
            return as_fail(err, AS_ELIMIT, "line (found more than %zu bytes, expected at most %zu)",
                           AS_JSONL_MAX_LINE, AS_JSONL_MAX_LINE);
        }
        if (newline || r->at_end) break;
        if (!read_more(r, err)) return false;
    }
    *closed = newline != NULL;
    *text = NULL;
    if (!newline && r->at == r->size) return true;
    *text = r->bytes + r->at;
    *size = (newline ? (size_t)(newline - r->bytes) : r->size) - r->at;
    r->at += *size + (newline ? 1 : 0);
    r->scanned = r->at;
    if (newline && *size && (*text)[*size - 1] == '\r') --*size;
    return true;
}

static json_t *parse_row(const as_jsonl *r, const char *text, size_t size, bool closed,
                         as_error *err)
{
    size_t line, column, i = 0;
    while (i < size && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r')) i++;
    if (i == size && closed) {
        (void)as_fail(err, AS_EFORMAT, "blank line (found no row, expected an object)");
        return NULL;
    }
    json_t *row = as_json_build(text, size, false, &line, &column, err);
    if (!row) {
        as_error_at(err, "column %zu", column);
        if (!closed && err->class_ == AS_EFORMAT) {
            as_error_at(err, "last line is cut, %zu whole row%s before it", r->line - 1,
                        r->line == 2 ? "" : "s");
        }
        return NULL;
    }
    if (json_is_object(row)) return row;
    (void)as_fail(err, AS_EFORMAT, "row (found %s, expected an object)", as_json_kind(row));
    json_decref(row);
    return NULL;
}

bool as_jsonl_next(as_jsonl *r, json_t **row, as_error *err)
{
    const char *text = NULL;
    size_t size = 0;
    bool closed = false;
    *row = NULL;
    if (r->broken) {
        (void)as_fail(err, AS_ESTATE, "read on after an error");
        goto fail;
    }
    if (!next_line(r, &text, &size, &closed, err)) {
        r->line++;
        goto fail;
    }
    if (!text) return true;
    r->line++;
    *row = parse_row(r, text, size, closed, err);
    if (*row) return true;
fail:
    r->broken = true;
    as_error_at(err, "%s:%zu", r->name, r->line);
    return false;
}

size_t as_jsonl_line(const as_jsonl *r)
{
    return r->line;
}
