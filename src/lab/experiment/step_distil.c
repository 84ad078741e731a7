/* do: distil. Teachers write records about the items of a set, having seen a student's answers;
 * what passes the validator becomes examples for training. The records also go into a file of the
 * work folder, for people. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "lab/distil/distil.h"
#include "lab/experiment/study.h"

typedef struct {
    as_lab_voice voice;
    double share;
    bool type[4];
    uint64_t seed;
    const as_judge *judge;
} own;

static const char *const keys[] = {"from", "voice", "share", "types", "seed", "judges", NULL};

static bool parse_voice(const as_step_spec *s, own *o, as_error *err)
{
    const as_tree *node = as_tree_find(s->at, "voice");
    const char *name = NULL;
    char shown[AS_ESCAPE_SIZE];
    if (!node) return as_tree_fail(s->at, err, "voice (found nothing, expected a text)");
    if (!as_tree_text(node, &name, err)) return false;
    for (o->voice = 0; o->voice < AS_VOICES; o->voice++)
        if (strcmp(as_lab_voice_name(o->voice), name) == 0) return true;
    return as_tree_fail(node, err,
                        "voice (found %s, expected plain, calibrated, mimic or verifying)",
                        as_escape(name, strlen(name), shown));
}

static bool parse_types(const as_step_spec *s, own *o, as_error *err)
{
    const as_tree *node = as_tree_find(s->at, "types");
    for (size_t i = 0; i < 4; i++) o->type[i] = !node;
    if (!node) return true;
    if (!as_tree_kind_is(node, AS_TREE_LIST, err)) return false;
    if (node->n == 0) return as_tree_fail(node, err, "types (found none)");
    for (size_t i = 0; i < node->n; i++) {
        size_t type = 0;
        if (!as_tree_size(node->child[i], &type, err)) return false;
        if (type < 1 || type > 4)
            return as_tree_fail(node->child[i], err, "type (found %zu, expected 1 to 4)", type);
        o->type[type - 1] = true;
    }
    return true;
}

static bool parse(const as_plan *p, as_step_spec *s, as_arena *a, as_error *err)
{
    static const char *const makes[] = {"rows", "pairs", NULL};
    own *o = as_arena_push(a, 1, sizeof *o, err);
    const as_tree *share = o ? as_tree_find(s->at, "share") : NULL;
    const as_tree *at = as_tree_find(s->at, "seed");
    size_t seed = (size_t)p->seed;
    if (!o) return false;
    o->share = 0.5;
    if (!s->from) return as_tree_fail(s->at, err, "distil (expected from: STEP.ARM)");
    if (!parse_voice(s, o, err) || !parse_types(s, o, err) ||
        (share && !as_tree_double(share, &o->share, err)) || (at && !as_tree_size(at, &seed, err)))
        return false;
    if (!(o->share >= 0 && o->share <= 1))
        return as_tree_fail(share, err, "share (expected 0 to 1)");
    o->seed = seed;
    o->judge = s->n_judges ? s->judge[0] : as_judge_find("claims");
    s->own = o;
    s->makes = makes;
    return true;
}

/* --- run --- */

static const char *text_column(const as_table *t, const char *name, size_t i)
{
    const as_column *c = as_column_find(t, name);
    return c && c->text ? c->text[i] : NULL;
}

static size_t type_of(const json_t *record)
{
    const char *type = json_string_value(json_object_get(record, "type"));
    return type && strncmp(type, "type", 4) == 0 ? (size_t)(type[4] - '1') : 0;
}

static bool keep_types(const own *o, json_t *records)
{
    for (size_t i = json_array_size(records); i-- > 0;)
        if (!o->type[type_of(json_array_get(records, i))] && json_array_remove(records, i) != 0)
            return false;
    return true;
}

static bool write_records(as_study *st, const as_step_spec *s, const json_t *records, as_error *err)
{
    as_buf b = {0};
    const char *path = as_arena_printf(st->a, err, "%s/%s.records.jsonl", st->o->work, s->id);
    for (size_t i = 0; i < json_array_size(records); i++) {
        as_json_write(&b, json_array_get(records, i));
        as_buf_puts(&b, "\n");
    }
    bool ok = path && as_buf_ok(&b, err) && as_dir_make(st->o->work, err) &&
              as_file_replace(path, as_buf_text(&b), b.size, err);
    as_buf_clear(&b);
    return ok;
}

static bool make_rows(as_study *st, const as_step_spec *s, const json_t *records, as_error *err)
{
    as_buf rows = {0}, pairs = {0};
    bool ok = as_distil_rows(records, false, &rows, err) &&
              as_distil_rows(records, true, &pairs, err) && as_buf_ok(&rows, err) &&
              as_buf_ok(&pairs, err) && as_study_make(st, s, "rows", as_buf_text(&rows), err) &&
              as_study_make(st, s, "pairs", as_buf_text(&pairs), err);
    as_buf_clear(&rows);
    as_buf_clear(&pairs);
    return ok;
}

static bool note(as_study *st, const as_step_spec *s, const as_distil_count *count, size_t n,
                 as_error *err)
{
    json_t *detail = json_object(), *kept = json_array(), *refused = json_array();
    const own *o = s->own;
    size_t n_refused = 0;
    for (size_t i = 0; i < 4; i++) {
        as_json_append(&kept, json_integer((json_int_t)count->kept[i]));
        as_json_append(&refused, json_integer((json_int_t)count->refused[i]));
        n_refused += count->refused[i];
    }
    as_json_put_text(&detail, "voice", as_lab_voice_name(o->voice));
    as_json_put(&detail, "kept", kept);
    as_json_put(&detail, "refused", refused);
    as_json_put(&detail, "reasons", json_incref(count->reasons));
    return as_study_note(st, s, "records", "", (double)n, n + n_refused, n_refused, detail, err);
}

bool as_step_distil_one(const as_step_spec *s, const as_tools *tools, const as_item *item,
                        const char *answer, json_t *records, as_distil_count *count, as_error *err)
{
    const own *o = s->own;
    const as_distil_options options = {
        .judge = o->judge, .voice = o->voice, .mimic_share = o->share, .seed = o->seed};
    return as_distil(&options, tools, item, answer, records, count, err);
}

bool as_step_distil_keep(const as_step_spec *s, json_t *records, as_error *err)
{
    return keep_types(s->own, records) || as_fail(err, AS_EMEM, "out of memory");
}

static bool run(as_study *st, const as_step_spec *s, as_error *err)
{
    const as_tools tools = {st->o->sandbox, st->a};
    const as_items *items = as_study_items(st, s->set, err);
    as_distil_count count = {0};
    as_table table;
    bool ok = false;
    if (!items || !as_study_table(st, s->from, s->from_arm, &table, err)) return false;
    json_t *records = json_array();
    count.reasons = json_array();
    if (!records || !count.reasons) {
        (void)as_fail(err, AS_EMEM, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < table.n; i++)
        if (!as_step_distil_one(s, &tools, &items->item[table.position[i]],
                                text_column(&table, "answer", i), records, &count, err))
            goto out;
    ok = as_step_distil_keep(s, records, err) && write_records(st, s, records, err) &&
         make_rows(st, s, records, err) && note(st, s, &count, json_array_size(records), err);
out:
    json_decref(records);
    json_decref(count.reasons);
    return ok;
}

const as_step_kind as_step_distil = {
    "distil", "teachers in four stages write training records about what a student answered", keys,
    parse, run};
