/* The folder of a run: whose it is, its two logs, the reference's log-probabilities, the result.
 *
 * log.jsonl decides: a checkpoint says how many of its rows belong to it, and these must be there.
 * timing.jsonl tells only how long a step took; its rows are known by their steps, and those that
 * are later than the log's last one, or follow one that cannot be read, are dropped. What was
 * passed over when a run went on stays in notices.jsonl. */
#include "engine/train/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/jsonl.h"
#include "engine/train/measure.h"

static bool in_folder(as_buf *path, const char *folder, const char *name, as_error *err)
{
    path->size = 0;
    as_buf_printf(path, "%s/%s", folder, name);
    return as_buf_ok(path, err);
}

static void at_path(as_error *err, const char *path)
{
    char escaped[AS_ESCAPE_SIZE];
    as_error_at(err, "%s", as_escape(path, strlen(path), escaped));
}

/* Replaces path by a JSON value for people to read; takes the value's reference (NULL: out of
 * memory). */
static bool write_json(const char *path, json_t *value, as_error *err)
{
    as_buf text = {0};
    bool ok = value || as_fail(err, AS_EMEM, "out of memory");
    if (ok) as_json_write_pretty(&text, value);
    ok = ok && as_buf_ok(&text, err) && as_file_replace(path, text.data, text.size, err);
    json_decref(value);
    as_buf_clear(&text);
    return ok;
}

/* ---- whose run it is ---- */

typedef struct {
    as_buf path; /* "plan.rate[2]" */
    const json_t *old, *now;
} difference;

static bool differs(difference *d, const json_t *old, const json_t *now);

static bool member_differs(difference *d, const char *name, const json_t *old, const json_t *now)
{
    const size_t before = d->path.size;
    if (before) as_buf_puts(&d->path, ".");
    as_buf_escape(&d->path, name, strlen(name));
    if (differs(d, old, now)) return true;
    d->path.size = before;
    return false;
}

static bool objects_differ(difference *d, json_t *old, json_t *now)
{
    const char *name;
    json_t *value;
    json_object_foreach(now, name, value)
    {
        if (member_differs(d, name, json_object_get(old, name), value)) return true;
    }
    json_object_foreach(old, name, value)
    {
        if (!json_object_get(now, name)) return member_differs(d, name, value, NULL);
    }
    return false;
}

static bool arrays_differ(difference *d, const json_t *old, const json_t *now)
{
    const size_t before = d->path.size, n_old = json_array_size(old), n_now = json_array_size(now);
    for (size_t i = 0; i < n_old || i < n_now; i++) {
        as_buf_printf(&d->path, "[%zu]", i);
        if (differs(d, json_array_get(old, i), json_array_get(now, i))) return true;
        d->path.size = before;
    }
    return false;
}

/* Finds the first place where they do. Neither is deeper than as_json_parse allows. */
static bool differs(difference *d, const json_t *old, const json_t *now)
{
    if (json_is_object(old) && json_is_object(now))
        return objects_differ(d, (json_t *)old, (json_t *)now);
    if (json_is_array(old) && json_is_array(now)) return arrays_differ(d, old, now);
    d->old = old;
    d->now = now;
    return !json_equal(old, now);
}

/* The identity as it comes back from a file: 1.0 is written 1 and read as a whole number. */
static json_t *as_written(const json_t *identity, as_error *err)
{
    as_buf text = {0};
    as_json_write(&text, identity);
    json_t *back =
        as_buf_ok(&text, err) ? as_json_parse("identity", text.data, text.size, err) : NULL;
    as_buf_clear(&text);
    return back;
}

static bool compare(const char *path, const json_t *identity, as_error *err)
{
    char a[AS_ESCAPE_SIZE], b[AS_ESCAPE_SIZE];
    difference d = {0};
    json_t *now = as_written(identity, err);
    json_t *old = now ? as_json_read(path, err) : NULL;
    bool ok = old != NULL;
    if (ok && differs(&d, old, now)) {
        ok = as_fail(err, AS_ESTATE, "not what this run was begun with (found %s, expected %s)",
                     as_json_shown(d.old, a), as_json_shown(d.now, b));
        if (d.path.size) as_error_at(err, "%.*s", (int)d.path.size, d.path.data);
        at_path(err, path);
        as_error_hint(err, "give it another folder, or what it was begun with");
    }
    ok = ok && as_buf_ok(&d.path, err);
    as_buf_clear(&d.path);
    json_decref(old);
    json_decref(now);
    return ok;
}

/* A new run: nothing of another one may lie there. */
static bool begin(const char *folder, const char *path, const json_t *identity, as_error *err)
{
    static const char *const left[] = {"log.jsonl", "checkpoints"};
    as_buf other = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof left / sizeof *left; i++) {
        ok = in_folder(&other, folder, left[i], err);
        if (ok && as_file_exists(other.data)) {
            ok = as_fail(err, AS_ESTATE, "missing (found a %s beside it, expected both or none)",
                         left[i]);
            at_path(err, path);
        }
    }
    as_buf_clear(&other);
    return ok && write_json(path, json_incref((json_t *)identity), err);
}

bool as_record_open(as_record *r, const char *folder, const json_t *identity, as_error *err)
{
    as_buf path = {0};
    *r = (as_record){.folder = folder};
    bool ok = as_json_hash(identity, r->digest, err) && as_dir_make(folder, err) &&
              in_folder(&path, folder, "lock", err) && (r->lock = as_lock_take(path.data, err)) &&
              as_dir_sweep(folder, err) && in_folder(&path, folder, "run.json", err) &&
              (as_file_exists(path.data) ? compare(path.data, identity, err)
                                         : begin(folder, path.data, identity, err)) &&
              in_folder(&path, folder, "checkpoints", err) && as_dir_make(path.data, err);
    if (ok) {
        r->checkpoints = path.data; /* malloced, and now r's */
        return true;
    }
    as_buf_clear(&path);
    as_record_close(r);
    return false;
}

void as_record_close(as_record *r)
{
    as_train_log_close(r->log);
    as_train_log_close(r->timing);
    free(r->checkpoints);
    as_lock_release(r->lock);
    *r = (as_record){0};
}

/* ---- going on ---- */

/* timing.jsonl beside the log: rows up to a step. */
typedef struct {
    as_jsonl *file; /* NULL: nothing more to read */
    as_update next; /* read, not yet passed */
    bool has_next;
    size_t n; /* rows passed */
} times;

static bool read_time(times *t, as_error *err)
{
    as_error why = {0};
    json_t *row = NULL;
    if (!t->file || t->has_next) return true;
    t->has_next =
        as_jsonl_next(t->file, &row, &why) && row && as_update_read_timing(&t->next, row, &why);
    json_decref(row);
    if (t->has_next) return true;
    as_jsonl_close(t->file);
    t->file = NULL;
    if (why.class_ == AS_OK || why.class_ == AS_EFORMAT || why.class_ == AS_ELIMIT) return true;
    *err = why;
    return false;
}

/* Passes the rows up to u's step; one of that step gives u its times. */
static bool pass_times(times *t, as_update *u, as_error *err)
{
    while (read_time(t, err)) {
        if (!t->has_next || t->next.step > u->step) return true;
        if (t->next.step == u->step) {
            u->seconds = t->next.seconds;
            u->tokens_per_second = t->next.tokens_per_second;
        }
        t->has_next = false;
        t->n++;
    }
    return false;
}

static bool tell_row(const as_jsonl *log, const json_t *row, times *t, const as_train_sink *sink,
                     const char *path, as_error *err)
{
    as_update u;
    if (!as_update_read(&u, row, err)) {
        as_error_at(err, "%zu", as_jsonl_line(log));
        at_path(err, path);
        return false;
    }
    return pass_times(t, &u, err) && (!sink->update || sink->update(sink->context, &u, true, err));
}

/* All rows that the log has kept. */
static bool tell_rows(const char *path, times *t, const as_train_sink *sink, as_error *err)
{
    json_t *row = NULL;
    as_jsonl *log = as_jsonl_open(path, err);
    bool ok = log != NULL;
    while (ok && (ok = as_jsonl_next(log, &row, err)) && row) {
        ok = tell_row(log, row, t, sink, path, err);
        json_decref(row);
    }
    as_jsonl_close(log);
    return ok;
}

/* The chain goes on with a row. */
static bool link_row(as_record *r, const json_t *row, as_error *err)
{
    as_buf text = {0};
    as_buf_puts(&text, r->chain);
    as_json_write(&text, row);
    bool ok = as_buf_ok(&text, err) && as_sha256_of(text.data, text.size, r->chain, err);
    as_buf_clear(&text);
    return ok;
}

/* The rows are those that the checkpoint was taken after. */
static bool check_rows(as_record *r, const char *path, const char *chain, as_error *err)
{
    json_t *row = NULL;
    as_jsonl *log = as_jsonl_open(path, err);
    bool ok = log != NULL;
    while (ok && (ok = as_jsonl_next(log, &row, err)) && row) {
        ok = link_row(r, row, err);
        json_decref(row);
    }
    as_jsonl_close(log);
    if (!ok || strcmp(r->chain, chain) == 0) return ok;
    (void)as_fail(err, AS_ESTATE, "rows (found changed ones, expected those of the checkpoint)");
    at_path(err, path);
    return false;
}

static bool keep_notice(const as_record *r, size_t rows, const char *notice, as_error *err)
{
    as_buf path = {0}, text = {0};
    json_t *row = json_object();
    as_json_put_size(&row, "rows", rows);
    as_json_put_text(&row, "notice", notice);
    bool ok = row ? in_folder(&path, r->folder, "notices.jsonl", err)
                  : as_fail(err, AS_EMEM, "out of memory");
    if (ok && as_file_exists(path.data))
        ok = as_file_read(path.data, AS_JSON_MAX_BYTES, &text, err);
    if (ok) {
        as_json_write(&text, row);
        as_buf_puts(&text, "\n");
        ok = as_buf_ok(&text, err) && as_file_replace(path.data, text.data, text.size, err);
    }
    json_decref(row);
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

bool as_record_resume(as_record *r, size_t rows, const char *chain, const char *notice,
                      const as_train_sink *sink, as_error *err)
{
    as_buf log = {0}, timing = {0};
    times t = {0};
    AS_CHECK(!r->log && !r->timing);
    bool ok = (!*notice || keep_notice(r, rows, notice, err)) &&
              in_folder(&log, r->folder, "log.jsonl", err) &&
              in_folder(&timing, r->folder, "timing.jsonl", err) &&
              (r->log = as_train_log_open(log.data, rows, err)) &&
              check_rows(r, log.data, chain, err);
    if (ok && as_file_exists(timing.data)) {
        t.file = as_jsonl_open(timing.data, err);
        ok = t.file != NULL;
    }
    ok = ok && tell_rows(log.data, &t, sink, err);
    as_jsonl_close(t.file);
    ok = ok && (r->timing = as_train_log_open(timing.data, t.n, err));
    if (ok) r->n_rows = rows;
    as_buf_clear(&log);
    as_buf_clear(&timing);
    return ok;
}

bool as_record_add(as_record *r, const as_update *u, as_error *err)
{
    json_t *row = as_update_row(u, err), *timing = NULL;
    bool ok = row && as_train_log_add(r->log, row, err) && link_row(r, row, err);
    if (ok) r->n_rows++;
    ok = ok && (timing = as_update_timing(u, err)) && as_train_log_add(r->timing, timing, err);
    json_decref(row);
    json_decref(timing);
    return ok;
}

/* ---- the reference ---- */

static const char reference_format[] = "assay.reference/1";

static bool read_values(const json_t *file, double *x, size_t n, as_error *err)
{
    as_key digest;
    char shown[AS_ESCAPE_SIZE];
    const json_t *format = json_object_get(file, "format"), *values;
    const char *text = json_string_value(format);
    if (!text || strcmp(text, reference_format) != 0)
        return as_fail(err, AS_EFORMAT, "format (found %s, expected \"%s\")",
                       as_json_shown(format, shown), reference_format);
    values = json_object_get(file, "values");
    if (!json_is_array(values) || !as_json_hash(values, digest, err))
        return as_fail(err, AS_EFORMAT, "values (found none, expected an array)");
    text = json_string_value(json_object_get(file, "sha256"));
    if (!text || strcmp(text, digest) != 0)
        return as_fail(err, AS_EFORMAT, "sha256 of the values (found %s, expected %s)", digest,
                       as_json_shown(json_object_get(file, "sha256"), shown));
    if (json_array_size(values) != n)
        return as_fail(err, AS_ESTATE, "values (found %zu, expected %zu)", json_array_size(values),
                       n);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(values, i);
        if (!json_is_number(v))
            return as_fail(err, AS_EFORMAT, "values[%zu] (found %s, expected a number)", i,
                           as_json_shown(v, shown));
        x[i] = json_number_value(v);
    }
    return true;
}

bool as_record_reference(const as_record *r, double *x, size_t n, bool *found, as_error *err)
{
    as_buf path = {0};
    json_t *file = NULL;
    bool ok = in_folder(&path, r->folder, "reference.json", err);
    *found = ok && as_file_exists(path.data);
    if (*found) {
        file = as_json_read(path.data, err);
        ok = file != NULL;
    }
    if (file && !read_values(file, x, n, err)) {
        ok = false;
        at_path(err, path.data);
        as_error_hint(err, "without this file its values are computed again");
    }
    json_decref(file);
    as_buf_clear(&path);
    return ok;
}

bool as_record_keep_reference(const as_record *r, const double *x, size_t n, as_error *err)
{
    as_buf path = {0};
    as_key digest = "";
    json_t *values = json_array(), *file = NULL;
    bool ok = in_folder(&path, r->folder, "reference.json", err);
    for (size_t i = 0; ok && i < n; i++) {
        ok = isfinite(x[i]) ||
             as_fail(err, AS_ENUMERIC,
                     "reference log-probability %zu (found %g, expected a finite number)", i, x[i]);
        as_json_append(&values, as_json_real(x[i]));
    }
    ok = ok && as_json_hash(values, digest, err);
    if (ok) {
        file = json_object();
        as_json_put_text(&file, "format", reference_format);
        as_json_put_text(&file, "sha256", digest);
        as_json_put(&file, "values", json_incref(values));
        ok = write_json(path.data, file, err);
    }
    json_decref(values);
    as_buf_clear(&path);
    return ok;
}

/* ---- the result ---- */

static bool save_adapter(const char *folder, const as_trainee *what, as_error *err)
{
    as_buf path = {0};
    json_t *report = as_adapter_report(what->adapter, true, err);
    bool ok = report && in_folder(&path, folder, "adapter", err) && as_dir_sweep(path.data, err) &&
              as_adapter_save(what->adapter, path.data, what->model_path, err) &&
              in_folder(&path, folder, "report.json", err) &&
              write_json(path.data, json_incref(report), err);
    json_decref(report);
    as_buf_clear(&path);
    return ok;
}

static bool copy_file(const char *from_folder, const char *to_folder, const char *name,
                      as_error *err)
{
    as_buf path = {0}, bytes = {0};
    bool ok = in_folder(&path, from_folder, name, err);
    if (!ok || !as_file_exists(path.data)) goto out;
    ok = as_file_read(path.data, AS_JSON_MAX_BYTES, &bytes, err) &&
         in_folder(&path, to_folder, name, err) &&
         as_file_replace(path.data, as_buf_text(&bytes), bytes.size, err);
out:
    as_buf_clear(&path);
    as_buf_clear(&bytes);
    return ok;
}

/* The base's config.json, saying float32 wherever it says a type. Reals stay reals. */
static bool save_config(const char *from, const char *to, as_error *err)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    as_buf source = {0}, path = {0}, text = {0};
    json_t *config = NULL;
    bool ok = in_folder(&source, from, "config.json", err) &&
              in_folder(&path, to, "config.json", err) && (config = as_json_read(source.data, err));
    for (size_t i = 0; ok && i < 4; i++) {
        json_t *object = i < 2 ? config : json_object_get(config, "text_config");
        if (json_object_get(object, keys[i % 2]))
            ok = json_object_set_new(object, keys[i % 2], json_string("float32")) == 0;
    }
    ok = ok && as_json_write_typed(&text, config);
    if (!ok && !err->class_) (void)as_fail(err, AS_EMEM, "out of memory");
    ok = ok && as_file_replace(path.data, text.data, text.size, err);
    json_decref(config);
    as_buf_clear(&source);
    as_buf_clear(&path);
    as_buf_clear(&text);
    return ok;
}

static bool save_weights(const char *folder, const as_trainee *what, as_error *err)
{
    static const char *const beside[] = {"generation_config.json", "tokenizer.json",
                                         "tokenizer_config.json", "special_tokens_map.json",
                                         "chat_template.jinja"};
    as_buf model = {0}, path = {0};
    bool ok = in_folder(&model, folder, "model", err) && as_dir_make(model.data, err) &&
              as_dir_sweep(model.data, err);
    for (size_t i = 0; ok && what->model_path && i < sizeof beside / sizeof *beside; i++)
        ok = copy_file(what->model_path, model.data, beside[i], err);
    ok = ok && (!what->model_path || save_config(what->model_path, model.data, err)) &&
         in_folder(&path, model.data, "model.safetensors", err) &&
         as_weights_save(what->weights, path.data, AS_F32, err);
    as_buf_clear(&model);
    as_buf_clear(&path);
    return ok;
}

bool as_record_result(const as_record *r, const as_trainee *what, as_error *err)
{
    return what->adapter ? save_adapter(r->folder, what, err) : save_weights(r->folder, what, err);
}
