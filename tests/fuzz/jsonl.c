/* Any bytes are rows followed by an end or by an error that names a line. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonl.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    json_t *row = NULL;
    size_t rows = 0;
    as_jsonl *r = as_jsonl_over("fuzz", (const char *)data, size, &err);
    AS_CHECK(r);
    while (as_jsonl_next(r, &row, &err) && row) {
        rows++;
        AS_CHECK(json_is_object(row) && as_jsonl_line(r) == rows);
        json_decref(row);
    }
    if (err.class_ != AS_OK) {
        AS_CHECK(!row && strncmp(err.where, "fuzz:", 5) == 0 && err.what[0]);
    }
    as_jsonl_close(r);
    return 0;
}
