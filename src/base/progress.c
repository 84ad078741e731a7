/* The progress line. The clock is the monotonic one. */
#include "base/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/bytes.h"
#include "base/log_internal.h"

enum { MOVE_MS = 100, LINE_MS = 30 * 1000, LABEL_BYTES = 64, DOING_BYTES = 256 };

struct as_progress {
    as_log *log;
    char label[LABEL_BYTES];
    size_t total, done, skipped; /* under the log's mutex, like what follows */
    long long started_ms, drawn_ms;
    bool is_drawn;
};

static long long now_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

as_progress *as_progress_new(as_log *log, const char *label, size_t total, as_error *err)
{
    as_progress *p = as_new(1, sizeof *p, err);
    if (!p) return NULL;
    p->log = log && log->loudness >= AS_NORMAL ? log : NULL;
    p->total = total;
    p->started_ms = p->drawn_ms = now_ms();
    (void)snprintf(p->label, sizeof p->label, "%s", label);
    return p;
}

/* "1:02:03" or "2:03" */
static void time_text(double seconds, char *out, size_t size)
{
    unsigned long long s = seconds < 3.6e8 ? (unsigned long long)(seconds + 0.5) : 360000000;
    unsigned long long h = s / 3600, m = s / 60 % 60;
    if (h) {
        (void)snprintf(out, size, "%llu:%02llu:%02llu", h, m, s % 60);
    } else {
        (void)snprintf(out, size, "%llu:%02llu", m, s % 60);
    }
}

static void line_text(const as_progress *p, long long now, const char *doing, char *out,
                      size_t size)
{
    char rate[32] = "", left[40] = "", foreign[AS_ESCAPE_SIZE] = "";
    double seconds = (double)(now - p->started_ms) / 1000.0;
    if (p->done > p->skipped && seconds > 0) {
        double per_second = (double)(p->done - p->skipped) / seconds;
        (void)snprintf(rate, sizeof rate, "  %.3g/s", per_second);
        if (p->total >= p->done) {
            char t[32];
            time_text((double)(p->total - p->done) / per_second, t, sizeof t);
            (void)snprintf(left, sizeof left, "  %s left", t);
        }
    }
    if (doing) as_escape(doing, strlen(doing), foreign);
    (void)snprintf(out, size, "%s %zu/%zu%s%s%s%s", p->label, p->done, p->total, rate, left,
                   foreign[0] ? "  " : "", foreign);
}

/* Cuts text to the width of the terminal, so that the line stays one line. */
static void cut_to_width(const as_log *log, char *text)
{
    struct winsize w = {0};
    size_t width = ioctl(log->fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
    size_t at = 0, columns = 0, size = strlen(text);
    while (at < size && columns + 1 < width) {
        uint32_t cp;
        size_t n = as_utf8_next(text + at, size - at, &cp);
        if (n == 0) break; /* a character that the buffer cut */
        columns += cp >= 0x1100 ? 2 : 1;
        at += n;
    }
    text[at] = '\0';
}

static void draw(as_progress *p, long long now, const char *doing)
{
    char line[AS_LOG_LINE], shown[AS_LOG_LINE + 8];
    line_text(p, now, doing, line, sizeof line);
    if (p->log->is_terminal) {
        cut_to_width(p->log, line);
        memcpy(p->log->moving, line, sizeof line);
    }
    int n = snprintf(shown, sizeof shown, p->log->is_terminal ? "\r\x1b[K%s" : "%s\n", line);
    as_log_write(p->log, shown, n > 0 ? (size_t)n : 0);
    p->drawn_ms = now;
    p->is_drawn = true;
}

void as_progress_set(as_progress *p, size_t done, const char *doing)
{
    if (!p || !p->log) return;
    (void)pthread_mutex_lock(&p->log->mutex);
    if (done > p->done) p->done = done; /* threads may report out of order */
    long long now = now_ms(), wait = p->log->is_terminal ? MOVE_MS : LINE_MS;
    if (now - p->drawn_ms >= wait) draw(p, now, doing);
    (void)pthread_mutex_unlock(&p->log->mutex);
}

void as_progress_skip(as_progress *p, size_t done)
{
    if (!p || !p->log) return;
    (void)pthread_mutex_lock(&p->log->mutex);
    if (done > p->done) p->done = done;
    p->skipped = p->done;
    p->started_ms = now_ms();
    (void)pthread_mutex_unlock(&p->log->mutex);
}

void as_progress_end(as_progress *p)
{
    if (!p) return;
    if (p->log) {
        (void)pthread_mutex_lock(&p->log->mutex);
        if (p->is_drawn && p->log->is_terminal) {
            static const char clear[] = "\r\x1b[K";
            as_log_write(p->log, clear, sizeof clear - 1);
        }
        p->log->moving[0] = '\0';
        (void)pthread_mutex_unlock(&p->log->mutex);
    }
    free(p);
}
