/* Any bytes are a manifest or an error that names its place. A JSON object is also tried with its
 * digest put right, so that what comes after the digest is met too; a manifest is written back as
 * it was. */
#include <stdlib.h>
#include <string.h>

#include "engine/train/manifest.h"
#include "replay.h"

static bool try_bytes(const char *bytes, size_t size)
{
    as_error err = {0};
    as_manifest m;
    if (!as_manifest_parse(&m, "fuzz", bytes, size, &err)) {
        AS_CHECK(err.class_ == AS_EFORMAT || err.class_ == AS_ELIMIT);
        AS_CHECK(strncmp(err.where, "fuzz", 4) == 0 && err.what[0]);
        AS_CHECK(!m.json && !m.part);
        return false;
    }
    AS_CHECK(err.class_ == AS_OK);
    size_t bytes_in_all = 0;
    for (size_t i = 0; i < m.n; i++) {
        AS_CHECK(m.part[i].name && strlen(m.part[i].sha256) == 64);
        bytes_in_all += m.part[i].bytes;
    }
    AS_CHECK(bytes_in_all == m.bytes && strlen(m.state.sha256) == 64);
    as_buf again = {0};
    as_manifest back;
    AS_CHECK(as_manifest_write(&m, &again, &err)); /* of another version, perhaps */
    AS_CHECK(as_manifest_parse(&back, "again", again.data, again.size, &err));
    AS_CHECK(back.n == m.n && back.bytes == m.bytes && back.step == m.step);
    as_manifest_clear(&back);
    as_manifest_clear(&m);
    as_buf_clear(&again);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_buf sealed = {0};
    (void)try_bytes((const char *)data, size);
    json_t *object = as_json_parse("object", (const char *)data, size, &err);
    if (json_is_object(object)) {
        AS_CHECK(as_manifest_seal(&object, &sealed, &err));
        (void)try_bytes(sealed.data, sealed.size);
    }
    json_decref(object);
    as_buf_clear(&sealed);
    return 0;
}
