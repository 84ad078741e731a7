/* Saving, resuming and the run's folder with every allocation refused in turn, also on the thread
 * that saves: an error, nothing leaked, and what was whole stays so. */
#include "refuse_each.h"

#include "checkpoint_case.h"
#include "engine/train/measure.h"
#include "engine/train/record.h"

enum { SIZE = 1000 };

static values v;
static json_t *state, *identity;
static size_t step; /* of the newest that is there for sure */

static bool try_save(as_error *err)
{
    as_saver *s = as_saver_new(place("run"), 2, err);
    bool ok = s && as_saver_begin(s, step + 1, v.part, 3, state, err) && as_saver_wait(s, err);
    as_saver_free(s);
    if (ok) step++;
    return ok;
}

static bool try_find(as_error *err)
{
    bool found;
    size_t newest;
    as_buf notice = {0};
    bool ok = as_checkpoint_find(place("damaged"), &found, &newest, &notice, err);
    CHECK(!ok || (found && newest == 1 && notice.size > 0));
    as_buf_clear(&notice);
    return ok;
}

static bool try_read(as_error *err)
{
    json_t *back = NULL;
    bool ok = as_checkpoint_read(place("run"), 2, v.part, 3, &back, err);
    CHECK(ok == (back != NULL));
    json_decref(back);
    return ok;
}

static bool try_log(as_error *err)
{
    as_train_log *l = as_train_log_open(place("log"), 0, err);
    bool ok = l && as_train_log_add(l, state, err);
    as_train_log_close(l);
    return ok;
}

static as_key chain; /* of the row that is there */

static bool try_record(as_error *err)
{
    const as_train_sink sink = {0};
    const as_update u = {.step = 3, .of = 9};
    const double x[2] = {-1, -2.5};
    double y[2];
    bool found;
    as_record r;
    if (!as_record_open(&r, place("record"), identity, err)) return false;
    bool ok = as_record_resume(&r, 1, chain, "noticed", &sink, err) && as_record_add(&r, &u, err) &&
              as_record_keep_reference(&r, x, 2, err) && as_record_reference(&r, y, 2, &found, err);
    as_record_close(&r);
    return ok;
}

/* A run's first opening, which makes everything. */
static bool try_first(as_error *err)
{
    static int n;
    char name[32];
    as_record r;
    (void)snprintf(name, sizeof name, "first-%d", n++);
    bool ok = as_record_open(&r, place(name), identity, err);
    if (ok) as_record_close(&r);
    return ok;
}

static void saving(void)
{
    refuse_each(try_save);
    CHECK(newest_quietly(place("run")) == step && n_named(place("run"), "") == 2);
}

static void finding(void)
{
    refuse_each(try_find);
}

static void reading(void)
{
    refuse_each(try_read);
}

static void logging(void)
{
    refuse_each(try_log);
}

static void recording(void)
{
    refuse_each(try_first);
    refuse_each(try_record);
}

static void prepare(void)
{
    as_error err = {0};
    v = values_new(SIZE);
    state = state_of(5);
    identity = json_object();
    json_t *list = json_array();
    as_json_append(&list, json_integer(1));
    as_json_put_text(&identity, "name", "value");
    as_json_put(&identity, "list", list);
    must(state && identity, &err);
    while (step < 2) must(try_save(&err), &err);
    as_saver *s = as_saver_new(place("damaged"), 2, &err);
    must(s && save(s, &v, 1, &err) && save(s, &v, 2, &err), &err);
    as_saver_free(s);
    must(truncate(place("damaged/step-2/parts"), 5) == 0, &err);
    as_record r;
    const as_train_sink sink = {0};
    const as_update u = {.step = 2, .of = 9};
    must(as_record_open(&r, place("record"), identity, &err), &err);
    must(as_record_resume(&r, 0, "", "", &sink, &err) && as_record_add(&r, &u, &err), &err);
    memcpy(chain, r.chain, sizeof chain);
    as_record_close(&r);
}

int main(void)
{
    if (!mkdtemp(root)) {
        perror(root);
        return 1;
    }
    fail_alloc_init();
    prepare();
    RUN(reading);
    RUN(finding);
    RUN(saving);
    RUN(logging);
    RUN(recording);
    json_decref(state);
    json_decref(identity);
    values_free(&v);
    remove_all(root);
    return check_end();
}
