/* The folder of the embedded study: who may be written over, in which order, and what is planted.
 */
#include "lab/experiment/synth.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "lab/experiment/synth_internal.h"

/* Each id is a claim of plans/embedded-study.yaml. */
static const as_planted truths[] = {
    {"probe-signal", "supported", ""},
    {"coding-gain", "supported", ""},
    {"heads-signal", "supported", ""},
    {"decoupling", "supported", ""},
    {"judge-agrees", "supported", ""},

    {"probe-noise", "refuted", "stops at step 1: no within-distribution signal"},
    {"probe-topic-bound", "refuted", "stops at step 2: does not transfer"},
    {"misaligned-profile", "refuted", "artefact: misaligned join"},
    {"mixing-join", "refuted", "artefact: index join of different prompts"},
    {"heads-noise", "refuted", "artefact: maximum of noise"},
    {"tempering-lucky-dose", "refuted", "artefact: multiplicity"},
    {"tempering-unrepeated", "refuted", "artefact: replication"},
    {"leaked-gain", "refuted", "artefact: leakage"},
    {"truncated-gain", "refuted", "artefact: truncation"},
    {"other-run", "refuted", "published figure differs from the released files"},
    {"unconverged-auc", "refuted", "optimiser not converged"},

    {"unrecorded-gain", "inconclusive", "instrument unverified"},
    {"style-reward", "inconclusive", "instrument refuted: instrument rewards the trained style"},
    {"nine-positives", "inconclusive", "instrument refuted: degenerate asymmetry"},
    {"saturated-rate", "inconclusive", "instrument refuted: saturated"},
    {"small-table", "inconclusive", "under-powered"},
    {"judge-disagrees", "inconclusive", "instrument refuted: judge disagrees with the checklist"},
    {"constant-certainty", "inconclusive", "instrument refuted: constant label"},
    {"heads-directional", "inconclusive", "evidence missing"},
};

const as_planted *as_planted_truths(size_t *n)
{
    *n = sizeof truths / sizeof truths[0];
    return truths;
}

/* --- chance ---------------------------------------------------------------------------------- */

as_rng as_synth_rng(const as_synth *s, const char *purpose, uint64_t index)
{
    return as_rng_at(s->seed, purpose, index);
}

void as_synth_choose(const as_synth *s, const char *purpose, bool *out, size_t n, size_t n_true)
{
    as_rng r = as_synth_rng(s, purpose, 0);
    for (size_t i = 0; i < n; i++) { /* selection sampling, Knuth, TAOCP 2, 3.4.2 S */
        out[i] = as_rng_below(&r, n - i) < n_true;
        n_true -= out[i];
    }
}

double as_synth_coverage(as_rng *r, bool right)
{
    return ((double)as_rng_below(r, 3) + (right ? 3 : 0)) / 5;
}

/* --- files ----------------------------------------------------------------------------------- */

void as_synth_push(json_t **list, json_t *item)
{
    if (*list && json_array_append_new(*list, item) == 0) return;
    if (!*list) json_decref(item);
    json_decref(*list);
    *list = NULL;
}

json_t *as_synth_real(double x, int decimals)
{
    double unit = pow(10, decimals);
    return as_json_real(nearbyint(x * unit) / unit);
}

/* Puts NAME on the list of files, as it now stands in the folder. */
static bool list_file(as_synth *s, const char *name, const as_buf *bytes, as_error *err)
{
    as_key key;
    if (!as_sha256_of(bytes->data, bytes->size, key, err)) return false;
    as_synth_push(&s->files, json_pack("{s:s,s:s,s:I}", "file", name, "sha256", key, "bytes",
                                       (json_int_t)bytes->size));
    return s->files || as_fail(err, AS_EMEM, "out of memory");
}

static bool write_file(as_synth *s, const char *name, const as_buf *bytes, as_error *err)
{
    as_buf path = {0};
    bool ok = as_buf_ok(bytes, err) && as_path_join(&path, s->dir, name, err) &&
              as_file_replace(as_buf_text(&path), bytes->data, bytes->size, err);
    as_buf_clear(&path);
    return ok;
}

bool as_synth_json(as_synth *s, const char *name, json_t *value, as_error *err)
{
    as_buf b = {0};
    if (!value) return as_fail(err, AS_EMEM, "out of memory");
    as_json_write_pretty(&b, value);
    bool ok = write_file(s, name, &b, err) && list_file(s, name, &b, err);
    as_buf_clear(&b);
    json_decref(value);
    return ok;
}

bool as_synth_jsonl(as_synth *s, const char *name, json_t *rows, as_error *err)
{
    as_buf b = {0};
    if (!rows) return as_fail(err, AS_EMEM, "out of memory");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        as_json_write(&b, json_array_get(rows, i));
        as_buf_puts(&b, "\n");
    }
    bool ok = write_file(s, name, &b, err) && list_file(s, name, &b, err);
    as_buf_clear(&b);
    json_decref(rows);
    return ok;
}

bool as_synth_npz(as_synth *s, const char *name, const as_npz_source *arrays, size_t n,
                  as_error *err)
{
    as_buf path = {0}, bytes = {0};
    bool ok = as_path_join(&path, s->dir, name, err) &&
              as_npz_write(as_buf_text(&path), arrays, n, err) &&
              as_file_read(as_buf_text(&path), (size_t)1 << 26, &bytes, err) &&
              list_file(s, name, &bytes, err);
    as_buf_clear(&path);
    as_buf_clear(&bytes);
    return ok;
}

/* --- the folder ------------------------------------------------------------------------------ */

#define WHOLE "study.json"
#define BEGUN "study.part" /* there while the files are written: a folder that was interrupted */

/* Is path a file that says it is a study's? */
static bool says_study(const char *path)
{
    as_error ignored = {0};
    as_buf bytes = {0};
    json_t *o = NULL;
    if (as_file_exists(path) && as_file_read(path, (size_t)1 << 20, &bytes, &ignored))
        o = as_json_parse(path, as_buf_text(&bytes), bytes.size, &ignored);
    const char *schema = json_string_value(json_object_get(o, "schema"));
    bool is = schema && strcmp(schema, AS_STUDY_SCHEMA) == 0;
    as_buf_clear(&bytes);
    json_decref(o);
    return is;
}

static bool is_empty(const char *dir, bool *empty, as_error *err)
{
    DIR *d = opendir(dir);
    *empty = true;
    if (!d) return as_fail(err, AS_EIO, "cannot list: %s", strerror(errno));
    for (struct dirent *e = readdir(d); e && *empty; e = readdir(d))
        *empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return true;
}

/* Makes dir, or finds that it may be written over. */
static bool enter(const char *dir, const char *whole, const char *begun, as_error *err)
{
    bool empty = false;
    if (!as_dir_make(dir, err)) return false;
    if (!is_empty(dir, &empty, err)) return false;
    if (empty || says_study(whole) || says_study(begun)) return true;
    as_fail(err, AS_ESTATE, "folder (found other files, expected none or a study)");
    as_error_hint(err, "name an empty or a new folder");
    return false;
}

static bool forget(const char *path, as_error *err)
{
    if (remove(path) == 0 || errno == ENOENT) return true;
    return as_fail(err, AS_EIO, "cannot remove: %s", strerror(errno));
}

static json_t *head(const as_synth *s)
{
    return json_pack("{s:s,s:i,s:I}", "schema", AS_STUDY_SCHEMA, "version", AS_STUDY_VERSION,
                     "seed", (json_int_t)s->seed);
}

static bool write_object(as_synth *s, const char *name, json_t *object, as_error *err)
{
    as_buf b = {0};
    if (!object) return as_fail(err, AS_EMEM, "out of memory");
    as_json_write_pretty(&b, object);
    bool ok = write_file(s, name, &b, err);
    as_buf_clear(&b);
    json_decref(object);
    return ok;
}

static json_t *whole_of(as_synth *s)
{
    json_t *object = head(s), *list = json_array();
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++)
        as_synth_push(&list, json_pack("{s:s,s:s,s:s}", "id", truths[i].id, "truth",
                                       truths[i].truth, "cause", truths[i].cause));
    if (object && list && json_object_set(object, "files", s->files) == 0 &&
        json_object_set(object, "truths", list) == 0) {
        json_decref(list);
        return object;
    }
    json_decref(object);
    json_decref(list);
    return NULL;
}

static void begin(as_synth *s)
{
    as_rng r = as_synth_rng(s, "dishes", 0);
    for (size_t i = 0; i < AS_SYNTH_DISHES; i++) s->dish[i] = i;
    as_rng_shuffle(&r, s->dish, AS_SYNTH_DISHES);
    as_synth_choose(s, "right evaluation answers", s->eval, AS_SYNTH_EVAL, AS_SYNTH_EVAL_RIGHT);
    as_synth_choose(s, "right fresh answers", s->fresh, AS_SYNTH_FRESH, AS_SYNTH_FRESH_RIGHT);
}

bool as_synth_study(const char *dir, uint64_t seed, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    as_buf whole = {0}, begun = {0};
    bool ok = false;
    as_synth *s = as_new(1, sizeof *s, err);
    if (!s) return false;
    *s = (as_synth){.dir = dir, .seed = seed, .files = json_array()};
    if (seed > INT64_MAX) { /* it has to fit a JSON integer */
        as_fail(err, AS_EUSAGE, "seed (found more than %lld)", (long long)INT64_MAX);
        goto out;
    }
    if (!as_path_join(&whole, dir, WHOLE, err) || !as_path_join(&begun, dir, BEGUN, err)) goto out;
    if (!enter(dir, as_buf_text(&whole), as_buf_text(&begun), err) ||
        !write_object(s, BEGUN, head(s), err) || !forget(as_buf_text(&whole), err))
        goto out;
    begin(s);
    if (!as_synth_probes(s, err) || !as_synth_judged(s, err) || !as_synth_profiles(s, err) ||
        !as_synth_paired(s, err) || !as_synth_edits(s, err))
        goto out;
    ok = write_object(s, WHOLE, whole_of(s), err) && forget(as_buf_text(&begun), err);
out:
    if (!ok) as_error_at(err, "%s", as_escape(dir, strlen(dir), shown));
    json_decref(s->files);
    free(s);
    as_buf_clear(&whole);
    as_buf_clear(&begun);
    return ok;
}
