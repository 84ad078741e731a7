/* Fuzz target: any bytes as a file of the canon, of disputes, of works, and as a grammar. What is
 * refused says where and why; what is accepted keeps the rules that others rely on. */
#include <stdlib.h>
#include <string.h>

#include "lab/task/canon_internal.h"
#include "replay.h"

static const as_canon_work some_works[] = {{"careme", "T", "A", 1833}, {"child", "U", "B", 1961}};

static void expect(bool ok)
{
    if (!ok) abort();
}

static bool said(const as_texts *keys, const char *text)
{
    as_error err = {0};
    bool yes = false;
    expect(as_canon_said(keys, text, &yes, &err));
    return yes;
}

static void check_entry(const as_canon_entry *e)
{
    expect(e->id[0] && e->name[0] && e->alias[0] && e->category && e->works.n > 0);
    expect(e->told.n >= 3 && e->asked.n >= 2 && e->service.n >= 2);
    expect(e->n_facts == 5 || e->n_facts == 6);
    for (size_t i = 0; i < e->n_facts; i++) {
        const as_canon_fact *f = &e->fact[i];
        expect(f->says.n >= 3 && f->wrong.n >= 3 && f->keys.n > 0);
        expect(i < 3 ? (size_t)f->type == i : f->type >= AS_FACT_TEMPERATURE);
        for (size_t k = 0; k < f->says.n; k++) expect(said(&f->keys, f->says.text[k]));
        for (size_t k = 0; k < f->wrong.n; k++) expect(!said(&f->keys, f->wrong.text[k]));
    }
}

static void as_entries(const json_t *file, as_arena *a, as_canon_entry *room)
{
    as_error err = {0};
    as_canon works = {.work = some_works, .n_works = 2};
    size_t n = 0;
    bool ok = as_canon_read_entries(file, &works, a, room, &n, &err);
    expect(ok ? n > 0 : err.what[0] && err.class_ != AS_EMEM);
    for (size_t i = 0; i < n; i++) check_entry(&room[i]);
}

static void as_others(const json_t *file, as_arena *a)
{
    as_error err[3] = {{0}};
    as_canon c = {0};
    as_canon_grammar g = {0};
    bool disputes = as_canon_read_disputes(file, a, &c, &err[0]);
    for (size_t i = 0; disputes && i < c.n_disputes; i++) {
        expect(c.dispute[i].asked.n >= 2 && c.dispute[i].positions.n == c.dispute[i].keys.n);
        expect(c.dispute[i].positions.n >= 2 && c.dispute[i].positions.n <= 4);
    }
    expect(as_canon_read_works(file, a, &c, &err[1]) == (err[1].class_ == AS_OK));
    bool grammar = as_canon_read_grammar(file, a, &g, &err[2]);
    for (size_t l = 0; grammar && l < g.n_lists; l++) {
        static const as_filling f[] = {{"name", "n"}, {"flaw", "f"}};
        as_error none = {0};
        const as_texts *t = as_canon_phrases(&g, g.list[l].name, 1, "name flaw", &none);
        for (size_t i = 0; t && i < t->n; i++) expect(as_canon_fill(t->text[i], f, 2, a, &none));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_error err = {0};
    as_arena *a = as_arena_new(&err);
    if (!a) return 0;
    json_t *file = as_json_parse("in", (const char *)data, size, &err);
    as_canon_entry *room = as_new(AS_CANON_MAX_ENTRIES, sizeof *room, &err);
    if (file && room) {
        as_entries(file, a, room);
        as_others(file, a);
    }
    free(room);
    json_decref(file);
    as_arena_free(a);
    return 0;
}
