/* Messages and progress for people, on stderr. The library is handed a sink; it never prints by
 * itself. */
#ifndef AS_BASE_LOG_H
#define AS_BASE_LOG_H

#include "base/error.h"

typedef enum { AS_QUIET = -1, AS_NORMAL = 0, AS_VERBOSE = 1 } as_loudness;

/* A sink for messages and progress; NULL everywhere means silence. */
typedef struct as_log as_log;

/* fd: where to write (2). Colour and the moving progress line are used only when is_terminal. */
AS_MUST_CHECK as_log *as_log_new(int fd, as_loudness loudness, bool is_terminal, bool colour,
                                 as_error *err);
void as_log_free(as_log *log);

void as_log_note(as_log *log, const char *fmt, ...) AS_PRINTF(2, 3); /* verbose only */
void as_log_say(as_log *log, const char *fmt, ...) AS_PRINTF(2, 3);  /* unless quiet */
void as_log_warn(as_log *log, const char *fmt, ...) AS_PRINTF(2, 3); /* always */

#endif
