/* What base/json.c and base/jsonl.c share. */
#ifndef AS_BASE_JSON_INTERNAL_H
#define AS_BASE_JSON_INTERNAL_H

#include "base/json.h"

/* Parses one value; on failure *line and *column (1-based, in characters) say where, and err holds
 * no place yet. is_wide: as_json_parse_wide. Gives: json_decref. */
AS_MUST_CHECK json_t *as_json_build(const char *bytes, size_t size, bool is_wide, size_t *line,
                                    size_t *column, as_error *err);

/* "an object", "an array", "a string" ... */
const char *as_json_kind(const json_t *value);

#endif
