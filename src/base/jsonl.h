/* JSON Lines: one object a line, UTF-8, LF or CRLF, last line closed by a newline. */
#ifndef AS_BASE_JSONL_H
#define AS_BASE_JSONL_H

#include "base/json.h"

#define AS_JSONL_MAX_LINE ((size_t)64 << 20)

typedef struct as_jsonl as_jsonl;

AS_MUST_CHECK as_jsonl *as_jsonl_open(const char *path, as_error *err);
/* A stream over bytes in memory; borrows them until close. */
AS_MUST_CHECK as_jsonl *as_jsonl_over(const char *name, const char *bytes, size_t size,
                                      as_error *err);
void as_jsonl_close(as_jsonl *r);

/* Next row: true with *row set (gives: json_decref), or true with *row NULL at the end. Errors say
 * NAME:LINE; an unclosed last line that does not parse says how many whole rows came before it.
 * Blank lines are errors. */
AS_MUST_CHECK bool as_jsonl_next(as_jsonl *r, json_t **row, as_error *err);
size_t as_jsonl_line(const as_jsonl *r); /* 1-based line of the last row */

#endif
