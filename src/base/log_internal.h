/* What base/log.c and base/progress.c share: the sink and the line that moves on it. */
#ifndef AS_BASE_LOG_INTERNAL_H
#define AS_BASE_LOG_INTERNAL_H

#include <pthread.h>

#include "base/log.h"

enum { AS_LOG_LINE = 512 };

struct as_log {
    int fd;
    as_loudness loudness;
    bool is_terminal, colour;
    pthread_mutex_t mutex;
    char moving[AS_LOG_LINE]; /* what the progress line shows; "" when there is none. Under mutex */
};

/* All of the text to the log's descriptor, errors ignored: there is nobody left to tell. The caller
 * holds the mutex. */
void as_log_write(as_log *log, const char *text, size_t size);

#endif
