/* Messages for people. What is printed is escaped once more here, line by line, so that no text can
 * steer a terminal even when a caller forgot. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log_internal.h"

as_log *as_log_new(int fd, as_loudness loudness, bool is_terminal, bool colour, as_error *err)
{
    as_log *log = as_new(1, sizeof *log, err);
    if (!log) return NULL;
    log->fd = fd;
    log->loudness = loudness;
    log->is_terminal = is_terminal;
    log->colour = colour;
    (void)pthread_mutex_init(&log->mutex, NULL);
    return log;
}

void as_log_free(as_log *log)
{
    if (!log) return;
    (void)pthread_mutex_destroy(&log->mutex);
    free(log);
}

void as_log_write(as_log *log, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(log->fd, text, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text += n;
        size -= (size_t)n;
    }
}

/* The message with every line escaped and a newline at the end. */
static void add_lines(as_buf *out, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t n = newline ? (size_t)(newline - text) - at : size - at;
        as_buf_escape(out, text + at, n);
        as_buf_puts(out, "\n");
        at += n + 1;
    }
    if (size == 0) as_buf_puts(out, "\n");
}

static void message(as_log *log, const char *label, const char *fmt, va_list args) AS_PRINTF(3, 0);
static void message(as_log *log, const char *label, const char *fmt, va_list args)
{
    static const char no_memory[] = "out of memory while writing a message\n";
    as_buf text = {0}, line = {0};
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n > 0 && as_buf_reserve(&text, (size_t)n)) {
        (void)vsnprintf(text.data, (size_t)n + 1, fmt, again);
        text.size = (size_t)n;
    }
    va_end(again);

    (void)pthread_mutex_lock(&log->mutex);
    if (log->moving[0]) as_buf_puts(&line, "\r\x1b[K");
    if (label) as_buf_printf(&line, log->colour ? "\x1b[33m%s\x1b[0m: " : "%s: ", label);
    add_lines(&line, as_buf_text(&text), text.size);
    as_buf_puts(&line, log->moving);
    if (line.failed || text.failed) {
        as_log_write(log, no_memory, sizeof no_memory - 1);
    } else {
        as_log_write(log, as_buf_text(&line), line.size);
    }
    (void)pthread_mutex_unlock(&log->mutex);
    as_buf_clear(&text);
    as_buf_clear(&line);
}

void as_log_note(as_log *log, const char *fmt, ...)
{
    if (!log || log->loudness < AS_VERBOSE) return;
    va_list args;
    va_start(args, fmt);
    message(log, NULL, fmt, args);
    va_end(args);
}

void as_log_say(as_log *log, const char *fmt, ...)
{
    if (!log || log->loudness < AS_NORMAL) return;
    va_list args;
    va_start(args, fmt);
    message(log, NULL, fmt, args);
    va_end(args);
}

void as_log_warn(as_log *log, const char *fmt, ...)
{
    if (!log) return;
    va_list args;
    va_start(args, fmt);
    message(log, "warning", fmt, args);
    va_end(args);
}
