/* The text of MANIFEST: written, sealed with its own digest, and read without trust. */
#include "engine/train/manifest.h"

#include <stdlib.h>
#include <string.h>

static const char format[] = "assay.checkpoint/1";

/* ---- writing ---- */

bool as_manifest_seal(json_t **object, as_buf *out, as_error *err)
{
    as_key sha256;
    (void)json_object_del(*object, "sha256");
    if (!as_json_hash(*object, sha256, err)) return false;
    as_json_put_text(object, "sha256", sha256);
    if (!*object) return as_fail(err, AS_EMEM, "out of memory");
    as_json_write_pretty(out, *object);
    return as_buf_ok(out, err);
}

static json_t *part_json(const as_manifest_part *p, bool is_named)
{
    json_t *part = json_object();
    if (is_named) as_json_put_text(&part, "name", p->name);
    as_json_put_size(&part, "bytes", p->bytes);
    as_json_put_text(&part, "sha256", p->sha256);
    return part;
}

bool as_manifest_write(const as_manifest *m, as_buf *out, as_error *err)
{
    json_t *object = json_object(), *parts = json_array();
    for (size_t i = 0; i < m->n; i++) as_json_append(&parts, part_json(&m->part[i], true));
    as_json_put_text(&object, "format", format);
    as_json_put_text(&object, "version", AS_VERSION);
    as_json_put_size(&object, "step", m->step);
    as_json_put(&object, "parts", parts);
    as_json_put(&object, "state", part_json(&m->state, false));
    bool ok = object ? as_manifest_seal(&object, out, err) : as_fail(err, AS_EMEM, "out of memory");
    json_decref(object);
    return ok;
}

/* ---- reading ---- */

static bool fail_field(as_error *err, const char *place, const json_t *found, const char *expected)
{
    char shown[AS_ESCAPE_SIZE];
    (void)as_fail(err, AS_EFORMAT, "(found %s, expected %s)", as_json_shown(found, shown),
                  expected);
    as_error_at(err, "%s", place);
    return false;
}

static bool size_field(const json_t *object, const char *name, size_t *out, as_error *err)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        (uint64_t)json_integer_value(v) > SIZE_MAX)
        return fail_field(err, name, v, "a whole number, not negative");
    *out = (size_t)json_integer_value(v);
    return true;
}

static bool digest_field(const json_t *object, as_key out, as_error *err)
{
    const json_t *v = json_object_get(object, "sha256");
    const char *text = json_string_value(v);
    if (!text || strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
        return fail_field(err, "sha256", v, "64 hexadecimal digits");
    memcpy(out, text, sizeof(as_key));
    return true;
}

static bool text_field(const json_t *object, const char *name, const char **out, as_error *err)
{
    const json_t *v = json_object_get(object, name);
    *out = json_string_value(v);
    return *out || fail_field(err, name, v, "a string");
}

static bool count_fields(const json_t *object, size_t n, as_error *err)
{
    if (json_object_size(object) == n) return true;
    return as_fail(err, AS_EFORMAT, "fields (found %zu, expected %zu)", json_object_size(object),
                   n);
}

static bool read_part(as_manifest *m, size_t i, const json_t *part, as_error *err)
{
    as_manifest_part *p = &m->part[i];
    bool ok = text_field(part, "name", &p->name, err) &&
              size_field(part, "bytes", &p->bytes, err) && digest_field(part, p->sha256, err) &&
              count_fields(part, 3, err) && as_size_add(m->bytes, p->bytes, &m->bytes, err);
    if (!ok) as_error_at(err, "parts[%zu]", i);
    return ok;
}

static bool read_parts(as_manifest *m, as_error *err)
{
    const json_t *parts = json_object_get(m->json, "parts");
    if (!json_is_array(parts)) return fail_field(err, "parts", parts, "an array");
    m->n = json_array_size(parts);
    m->part = as_new(m->n, sizeof *m->part, err);
    if (!m->part) return false;
    for (size_t i = 0; i < m->n; i++)
        if (!read_part(m, i, json_array_get(parts, i), err)) return false;
    return true;
}

static bool read_state(as_manifest *m, as_error *err)
{
    const json_t *state = json_object_get(m->json, "state");
    bool ok = size_field(state, "bytes", &m->state.bytes, err) &&
              digest_field(state, m->state.sha256, err) && count_fields(state, 2, err);
    if (!ok) as_error_at(err, "state");
    return ok;
}

/* No byte of the text may differ from the form in which it is written, or a changed blank would go
 * unseen; and the digest is that of the other fields, which alone stay in json. */
static bool check_seal(json_t *json, const char *bytes, size_t size, as_error *err)
{
    as_key claimed, found;
    as_buf again = {0};
    as_json_write_pretty(&again, json);
    bool ok = as_buf_ok(&again, err) &&
              ((again.size == size && memcmp(again.data, bytes, size) == 0) ||
               as_fail(err, AS_EFORMAT, "form (found another, expected the one it is written in)"));
    as_buf_clear(&again);
    if (!ok || !digest_field(json, claimed, err)) return false;
    (void)json_object_del(json, "sha256");
    if (!as_json_hash(json, found, err)) return false;
    return strcmp(found, claimed) == 0 ||
           as_fail(err, AS_EFORMAT, "sha256 of the other fields (found %s, expected %s)", found,
                   claimed);
}

static bool read_fields(as_manifest *m, as_error *err)
{
    const char *text;
    if (!text_field(m->json, "format", &text, err)) return false;
    if (strcmp(text, format) != 0)
        return fail_field(err, "format", json_object_get(m->json, "format"), format);
    return text_field(m->json, "version", &text, err) &&
           size_field(m->json, "step", &m->step, err) && read_parts(m, err) && read_state(m, err) &&
           count_fields(m->json, 5, err);
}

bool as_manifest_parse(as_manifest *m, const char *name, const char *bytes, size_t size,
                       as_error *err)
{
    char escaped[AS_ESCAPE_SIZE];
    *m = (as_manifest){0};
    m->json = as_json_parse(name, bytes, size, err);
    if (!m->json) return false;
    bool ok = json_is_object(m->json) || fail_field(err, "value", m->json, "an object");
    if (ok && check_seal(m->json, bytes, size, err) && read_fields(m, err)) return true;
    as_error_at(err, "%s", as_escape(name, strlen(name), escaped));
    as_manifest_clear(m);
    return false;
}

void as_manifest_clear(as_manifest *m)
{
    json_decref(m->json);
    free(m->part);
    *m = (as_manifest){0};
}
