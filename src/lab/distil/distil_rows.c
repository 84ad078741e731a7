/* Records as rows that training reads. */
#include "lab/distil/distil_internal.h"

/* A list of one message. */
static json_t *message(const char *role, const json_t *content)
{
    json_t *list = json_array(), *one = json_object();
    as_json_put_text(&one, "role", role);
    as_json_put_text(&one, "content", json_string_value(content));
    as_json_append(&list, one);
    return list;
}

static void put_reply(json_t **row, const char *name, const json_t *record, const char *from)
{
    as_json_put(row, name, message("assistant", json_object_get(record, from)));
}

static bool write_row(const json_t *record, size_t type, as_buf *out, as_error *err)
{
    static const char *const answer[] = {"response", "corrected_response", NULL, "response"};
    as_buf id = {0};
    json_t *row = json_object();
    as_buf_printf(&id, "%s.%zu", json_string_value(json_object_get(record, "id")), type);
    as_json_put_text(&row, "id", as_buf_text(&id));
    as_json_put(&row, "prompt", message("user", json_object_get(record, "prompt")));
    if (type == 3) {
        put_reply(&row, "chosen", record, "chosen");
        put_reply(&row, "rejected", record, "rejected");
    } else {
        put_reply(&row, "completion", record, answer[type - 1]);
    }
    bool ok = as_buf_ok(&id, err) && (row || as_fail(err, AS_EMEM, "out of memory for a row"));
    if (ok) {
        as_json_write(out, row);
        as_buf_puts(out, "\n");
    }
    json_decref(row);
    as_buf_clear(&id);
    return ok;
}

bool as_distil_rows(const json_t *records, bool pairs, as_buf *out, as_error *err)
{
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *record = json_array_get(records, i);
        if (!as_record_check(record, err)) {
            as_error_at(err, "record %zu", i + 1);
            return false;
        }
        size_t type = as_record_type(record);
        if ((type == 3) == pairs && !write_row(record, type, out, err)) return false;
    }
    return as_buf_ok(out, err);
}
