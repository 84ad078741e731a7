/* assay sql: a read-only look into the store. */
#include <string.h>

#include "app/cli/command.h"

static const as_option options[] = {
    {"db", 0, "FILE", "store of the rows (default: the nearest assay.db)", false},
    {0},
};

typedef struct {
    as_buf text;
    json_t *columns, *rows; /* --json */
    bool json;
} output;

static json_t *cell_json(const as_cell *c)
{
    as_buf b = {0};
    json_t *value = NULL;
    switch (c->kind) {
    case AS_CELL_NULL:
        return json_null();
    case AS_CELL_INTEGER:
        return json_integer(c->integer);
    case AS_CELL_REAL:
        return as_json_real(c->real);
    case AS_CELL_TEXT:
        if (as_utf8_valid(c->bytes, c->size, NULL)) return json_stringn(c->bytes, c->size);
        as_buf_escape(&b, c->bytes, c->size);
        value = json_string(as_buf_text(&b));
        as_buf_clear(&b);
        return value;
    case AS_CELL_BLOB:
        return json_pack("{s:I}", "blob_bytes", (json_int_t)c->size);
    }
    return NULL;
}

static void cell_text(as_buf *out, const as_cell *c)
{
    char room[32];
    switch (c->kind) {
    case AS_CELL_NULL:
        return;
    case AS_CELL_INTEGER:
        as_buf_printf(out, "%lld", (long long)c->integer);
        return;
    case AS_CELL_REAL:
        as_buf_puts(out, as_double_text(c->real, room));
        return;
    case AS_CELL_TEXT:
        as_buf_escape(out, c->bytes, c->size);
        return;
    case AS_CELL_BLOB:
        as_buf_printf(out, "<%zu bytes>", c->size);
        return;
    }
}

static bool take_row(void *ctx, size_t n, const char *const *names, const as_cell *cells,
                     as_error *err)
{
    output *o = ctx;
    if (o->json) {
        json_t *row = cells ? json_array() : NULL;
        for (size_t i = 0; i < n; i++)
            if (json_array_append_new(cells ? row : o->columns,
                                      cells ? cell_json(&cells[i]) : json_string(names[i])) != 0)
                return as_fail(err, AS_EMEM, "out of memory");
        return !cells || json_array_append_new(o->rows, row) == 0 ||
               as_fail(err, AS_EMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (i) as_buf_puts(&o->text, "\t");
        if (cells)
            cell_text(&o->text, &cells[i]);
        else
            as_buf_escape(&o->text, names[i], strlen(names[i]));
    }
    as_buf_puts(&o->text, "\n");
    return as_buf_ok(&o->text, err);
}

static int run(as_cli *c, as_error *err)
{
    output o = {.json = c->json};
    int status = AS_EXIT_FAILED;
    as_store *store = as_cli_store(c, AS_STORE_READ, err);
    if (!store) return status;
    if (c->json) {
        o.columns = json_array();
        o.rows = json_array();
    }
    if (!as_store_sql(store, c->operand[0], take_row, &o, err)) goto out;
    if (c->json ? as_print_json(json_pack("{s:s,s:O,s:O}", "schema", "assay.sql/1", "columns",
                                          o.columns, "rows", o.rows),
                                err)
                : as_print(&o.text, err))
        status = AS_EXIT_DONE;
out:
    as_buf_clear(&o.text);
    json_decref(o.columns);
    json_decref(o.rows);
    as_store_close(store);
    return status;
}

const as_command as_command_sql = {
    "sql",
    "one read-only SQL query over the store",
    "QUERY",
    1,
    1,
    "Runs one query on the store, opened for reading only. Tables: design prompt generation "
    "judgement reading statistic verdict. Output: tab-separated with a header line.",
    options,
    {"assay sql \"select claim, word, cause from verdict where claim not like 'check/%'\"",
     "assay sql --json \"select name, estimate, n from statistic limit 5\""},
    run,
};
