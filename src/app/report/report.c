/* Rows of one design to assay.report/1. */
#include "app/report/report.h"

#include <math.h>
#include <string.h>

#include "app/report/study.h"

typedef struct {
    as_store *store;
    const as_design *design;
    as_arena *a;
    as_error *err;
    json_t *plan;       /* of the design */
    as_statistic *stat; /* by check, then position */
    size_t n_stats;
    as_verdict *verdict;
    size_t n_verdicts;
} maker;

static bool out_of_memory(const maker *m)
{
    return as_fail(m->err, AS_EMEM, "out of memory");
}

static json_t *parse(const maker *m, const char *what, const char *text)
{
    return as_json_parse(what, text, strlen(text), m->err);
}

static const as_verdict *verdict_of(const maker *m, const char *prefix, const char *id)
{
    size_t n = strlen(prefix);
    for (size_t i = 0; i < m->n_verdicts; i++)
        if (strncmp(m->verdict[i].claim, prefix, n) == 0 &&
            strcmp(m->verdict[i].claim + n, id) == 0)
            return &m->verdict[i];
    return NULL;
}

/* {"lo","hi","level","method"} or null. */
static json_t *interval(const as_statistic *s)
{
    if (isnan(s->lo) && isnan(s->hi)) return json_null();
    return json_pack("{s:o,s:o,s:o,s:s?}", "lo", as_json_real(s->lo), "hi", as_json_real(s->hi),
                     "level", as_json_real(s->level), "method", s->interval);
}

static json_t *null_band(const as_statistic *s)
{
    if (!s->null_kind) return json_null();
    return json_pack("{s:s,s:I,s:o,s:o,s:o}", "kind", s->null_kind, "draws",
                     (json_int_t)s->null_draws, "q05", as_json_real(s->null_q05), "median",
                     as_json_real(s->null_q50), "q95", as_json_real(s->null_q95));
}

json_t *as_report_statistic(const as_statistic *s, as_error *err)
{
    json_t *inputs = as_json_parse("inputs", s->inputs, strlen(s->inputs), err);
    json_t *detail = as_json_parse("detail", s->detail, strlen(s->detail), err);
    if (!inputs || !detail) {
        json_decref(inputs);
        json_decref(detail);
        return NULL;
    }
    json_t *o = json_pack("{s:s,s:s,s:o,s:I,s:I,s:o,s:o,s:o,s:s,s:o,s:o,s:s}", "name", s->name,
                          "of", s->of, "estimate", as_json_real(s->estimate), "n", (json_int_t)s->n,
                          "missing", (json_int_t)s->missing, "interval", interval(s), "p",
                          as_json_real(s->p), "null", null_band(s), "method", s->method, "inputs",
                          inputs, "detail", detail, "key", s->key);
    if (!o) as_fail(err, AS_EMEM, "out of memory");
    return o;
}

static bool add_statistics(const maker *m, const char *check, json_t *list)
{
    for (size_t i = 0; i < m->n_stats; i++) {
        if (strcmp(m->stat[i].check, check) != 0) continue;
        json_t *s = as_report_statistic(&m->stat[i], m->err);
        if (!s) return false;
        if (json_array_append_new(list, s) != 0) return out_of_memory(m);
    }
    return true;
}

/* What the check could have seen, if the store says so: a field of its own. */
static bool add_power(const maker *m, const char *id, json_t *check)
{
    as_buf name = {0};
    json_t *power = json_array();
    as_buf_puts(&name, "power/");
    as_buf_puts(&name, id);
    bool ok = as_buf_ok(&name, m->err) && (power || out_of_memory(m)) &&
              add_statistics(m, as_buf_text(&name), power);
    if (ok && json_array_size(power) && json_object_set(check, "power", power) != 0)
        ok = out_of_memory(m);
    as_buf_clear(&name);
    json_decref(power);
    return ok;
}

static bool add_check(const maker *m, const char *id, const json_t *entry, json_t *list)
{
    const as_verdict *v = verdict_of(m, "check/", id);
    if (!v) return as_fail(m->err, AS_ESTATE, "check %s: verdict (found none in the store)", id);
    json_t *tree = parse(m, id, v->tree), *stats = json_array();
    bool ok = tree && (stats || out_of_memory(m)) && add_statistics(m, id, stats);
    const char *about = json_string_value(json_object_get(entry, "about"));
    json_t *o =
        !ok ? NULL
            : json_pack("{s:s,s:O,s:s,s:s,s:s,s:O,s:O,s:O,s:O,s:s}", "id", id, "check",
                        json_object_get(entry, "check"), "about", about ? about : "", "outcome",
                        v->word, "cause", v->cause, "sentence", json_object_get(tree, "sentence"),
                        "needs", json_object_get(tree, "needs"), "parameters",
                        json_object_get(tree, "parameters"), "statistics", stats, "key", v->key);
    json_decref(tree);
    json_decref(stats);
    if (!o) return ok ? out_of_memory(m) : false;
    ok = add_power(m, id, o) && (json_array_append(list, o) == 0 || out_of_memory(m));
    json_decref(o);
    return ok;
}

static json_t *text_or_empty(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return json_string(text ? text : "");
}

static bool add_claim(const maker *m, const char *id, const json_t *entry, json_t *list)
{
    const as_verdict *v = verdict_of(m, "", id);
    if (!v) return as_fail(m->err, AS_ESTATE, "claim %s: verdict (found none in the store)", id);
    json_t *tree = parse(m, id, v->tree), *published = json_object_get(entry, "published");
    if (!tree) return false;
    json_t *o = json_pack(
        "{s:s,s:o,s:O?,s:s,s:s,s:O,s:O,s:O,s:o,s:o,s:s}", "id", id, "says",
        text_or_empty(entry, "says"), "published", published, "verdict", v->word, "cause", v->cause,
        "sentence", json_object_get(tree, "sentence"), "stopped_at",
        json_object_get(tree, "stopped_at"), "leaves", json_object_get(tree, "branches"), "settles",
        text_or_empty(entry, "settles"), "credit", text_or_empty(entry, "credit"), "key", v->key);
    json_decref(tree);
    return o && json_array_append_new(list, o) == 0 ? true : out_of_memory(m);
}

static const as_statistic *table_row(const maker *m, const char *table, const char *name)
{
    for (size_t i = 0; i < m->n_stats; i++)
        if (strncmp(m->stat[i].check, "table/", 6) == 0 &&
            strcmp(m->stat[i].check + 6, table) == 0 && strcmp(m->stat[i].name, name) == 0)
            return &m->stat[i];
    return NULL;
}

/* What closes the rows of a step, "STEP.ARM". */
static const as_statistic *answers_row(const maker *m, const char *arm)
{
    for (size_t i = 0; arm && i < m->n_stats; i++)
        if (strncmp(m->stat[i].check, "answers/", 8) == 0 && strcmp(m->stat[i].check + 8, arm) == 0)
            return &m->stat[i];
    return NULL;
}

static bool add_table(const maker *m, const char *name, const json_t *entry, json_t *list)
{
    const as_statistic *kept = table_row(m, name, "kept"), *items = table_row(m, name, "items");
    if (!items) items = answers_row(m, json_string_value(json_object_get(entry, "answers")));
    const as_statistic *closing = items ? items : table_row(m, name, "absent");
    if (!closing) return as_fail(m->err, AS_ESTATE, "table %s: rows (found none)", name);
    json_t *detail = parse(m, name, closing->detail);
    json_t *digest = kept ? parse(m, name, kept->detail) : json_object();
    bool ok = detail && (digest || kept || out_of_memory(m)) && digest;
    json_t *o =
        !ok ? NULL
            : json_pack("{s:s,s:o,s:o,s:o,s:O?,s:O?,s:O?}", "name", name, "about",
                        text_or_empty(entry, "about"), "n",
                        kept ? as_json_real(kept->estimate) : json_null(), "n_all",
                        items ? as_json_real(items->estimate) : json_null(), "absent",
                        json_object_get(detail, "why"), "facts", json_object_get(detail, "facts"),
                        "digest", json_object_get(digest, "digest"));
    json_decref(detail);
    json_decref(digest);
    if (o && json_array_append_new(list, o) == 0) return true;
    return ok ? out_of_memory(m) : false;
}

typedef bool add_entry(const maker *m, const char *id, const json_t *entry, json_t *list);

/* One object for each entry of a mapping of the plan, in the plan's order. */
static json_t *list_of(const maker *m, const char *key, add_entry *add)
{
    json_t *list = json_array(), *entry;
    const char *id;
    if (!list) out_of_memory(m);
    json_object_foreach(json_object_get(m->plan, key), id, entry)
    {
        if (list && !add(m, id, entry, list)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *study(const maker *m)
{
    as_key hash;
    if (!as_json_hash(m->plan, hash, m->err)) return NULL;
    return json_pack("{s:s,s:o,s:o,s:o,s:s,s:s,s:I,s:O?,s:O?}", "name", m->design->name, "title",
                     text_or_empty(m->plan, "title"), "source", text_or_empty(m->plan, "source"),
                     "about", text_or_empty(m->plan, "about"), "plan_sha256", hash, "design",
                     m->design->key, "seed", (json_int_t)m->design->seed, "draws",
                     json_object_get(m->plan, "draws"), "alpha", json_object_get(m->plan, "alpha"));
}

static json_t *inputs(const maker *m)
{
    json_t *map = parse(m, "inputs", m->design->inputs), *list = json_array(), *digest;
    const char *file;
    json_object_foreach(map, file, digest)
    {
        as_json_append(&list, json_pack("{s:s,s:O}", "file", file, "sha256", digest));
    }
    json_decref(map);
    return list;
}

static json_t *summary(const json_t *claims)
{
    json_int_t n[3] = {0};
    static const char *const words[] = {"supported", "refuted", "inconclusive"};
    for (size_t i = 0; i < json_array_size(claims); i++)
        for (size_t k = 0; k < 3; k++)
            n[k] += strcmp(json_string_value(json_object_get(json_array_get(claims, i), "verdict")),
                           words[k]) == 0;
    return json_pack("{s:I,s:I,s:I}", words[0], n[0], words[1], n[1], words[2], n[2]);
}

static json_t *make(const maker *m, const char *time)
{
    json_t *claims = list_of(m, "claims", add_claim);
    json_t *checks = claims ? list_of(m, "checks", add_check) : NULL;
    json_t *tables = checks ? list_of(m, "tables", add_table) : NULL;
    json_t *o = NULL;
    if (tables) {
        o = json_pack("{s:s,s:{s:s,s:s},s:o,s:o,s:O,s:O,s:O,s:o}", "schema", "assay.report/1",
                      "made_by", "assay", m->design->code, "time", time, "study", study(m),
                      "summary", summary(claims), "claims", claims, "checks", checks, "tables",
                      tables, "inputs", inputs(m));
        const as_report_rows rows = {m->store, m->design, m->plan, m->stat, m->n_stats};
        if (!o) out_of_memory(m);
        if (o && !as_report_study_put(o, &rows, m->err)) {
            json_decref(o);
            o = NULL;
        }
    }
    json_decref(claims);
    json_decref(checks);
    json_decref(tables);
    return o;
}

json_t *as_report_json(as_store *store, const as_design *design, const char *time, as_error *err)
{
    maker m = {.store = store, .design = design, .err = err};
    json_t *o = NULL;
    m.a = as_arena_new(err);
    if (!m.a) return NULL;
    m.plan = parse(&m, "plan", design->plan);
    if (m.plan && as_store_statistics(store, design->key, NULL, m.a, &m.stat, &m.n_stats, err) &&
        as_store_verdicts(store, design->key, NULL, m.a, &m.verdict, &m.n_verdicts, err)) {
        o = make(&m, time);
    }
    json_decref(m.plan);
    as_arena_free(m.a);
    return o;
}
