/* Any bytes are an error with a message or a value; a value's canonical form reads back as itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_buf first = {0}, second = {0}, pretty = {0};
    json_t *value = as_json_parse("fuzz", (const char *)data, size, &err);
    if (!value) {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(err.where[0] && err.what[0] && as_utf8_valid(err.what, strlen(err.what), NULL));
        return 0;
    }
    AS_CHECK(err.class_ == AS_OK);
    as_json_write(&first, value);
    as_json_write_pretty(&pretty, value);
    json_t *again = as_json_parse("canonical", as_buf_text(&first), first.size, &err);
    AS_CHECK(again);
    as_json_write(&second, again);
    AS_CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    json_decref(again);
    again = as_json_parse("pretty", as_buf_text(&pretty), pretty.size, &err);
    AS_CHECK(again);
    second.size = 0;
    as_json_write(&second, again);
    AS_CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    (void)as_json_at(value, "/a/0/~1");
    json_decref(again);
    json_decref(value);
    as_buf_clear(&first);
    as_buf_clear(&second);
    as_buf_clear(&pretty);
    return 0;
}
