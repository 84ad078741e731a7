/* assay show: what a prompt becomes before a model sees it. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"
#include "engine/format/hub.h"

static const as_option options[] = {
    {"model", 'm', "MODEL", "a folder, FILE.gguf, or ORG/NAME[@REV] in the local cache", false},
    AS_PROMPT_OPTIONS,
    {0},
};

/* Only the tokenizer and the template are opened, not the weights. */
static bool open_text(as_engine *e, const as_cli *c, as_error *err)
{
    as_buf path = {0};
    as_tensors *file = NULL;
    const char *name = as_cli_value(c, "model", NULL);
    if (!name) return as_fail(err, AS_EUSAGE, "show needs --model");
    bool ok = as_hub_resolve(name, &path, err);
    e->cli = c;
    if (ok) {
        e->path = as_arena_text(c->arena, as_buf_text(&path), err);
        ok = e->path;
        size_t n = strlen(as_buf_text(&path));
        if (ok && n > 5 && strcmp(as_buf_text(&path) + n - 5, ".gguf") == 0) {
            file = as_tensors_open(e->path, err);
            ok = file;
        }
    }
    ok = ok && as_engine_text(e, file, err);
    as_tensors_close(file);
    as_buf_clear(&path);
    return ok;
}

/* The text of a token with its blanks and control bytes visible. */
static void put_piece(as_buf *b, const as_engine *e, uint32_t id)
{
    size_t size = 0;
    const char *piece = e->tokenizer ? as_tokenizer_piece(e->tokenizer, id, &size) : NULL;
    as_buf_puts(b, e->tokenizer && as_tokenizer_is_special(e->tokenizer, id) ? "*" : " ");
    as_buf_puts(b, "\"");
    if (piece) as_buf_escape(b, piece, size);
    as_buf_puts(b, "\"");
}

/* mask: 0 what the model is given, 1 what it would be scored or trained on. */
static void put_table(as_buf *b, const as_engine *e, const as_question *q, bool mask, size_t n)
{
    if (n > 1) {
        as_buf_puts(b, "== ");
        as_buf_escape(b, q->id, strlen(q->id));
        as_buf_puts(b, "\n");
    }
    for (size_t i = 0; i < q->ids.n + q->reply.n; i++) {
        uint32_t id = i < q->ids.n ? q->ids.id[i] : q->reply.id[i - q->ids.n];
        as_buf_printf(b, "%6zu %8u ", i, (unsigned)id);
        if (mask) as_buf_puts(b, i < q->ids.n ? "0 " : "1 ");
        put_piece(b, e, id);
        as_buf_puts(b, "\n");
    }
}

static json_t *make_row(const as_engine *e, const as_question *q, bool mask)
{
    as_buf decoded = {0};
    json_t *row = json_object(), *ids = json_array(), *labels = json_array();
    as_key digest;
    as_error ignored = {0};
    for (size_t i = 0; i < q->ids.n + q->reply.n; i++) {
        as_json_append(&ids, json_integer(i < q->ids.n ? q->ids.id[i] : q->reply.id[i - q->ids.n]));
        as_json_append(&labels, json_integer(i >= q->ids.n));
    }
    as_json_put_text(&row, "id", q->id);
    as_json_put(&row, "ids", ids);
    if (mask)
        as_json_put(&row, "mask", labels);
    else
        json_decref(labels);
    if (q->text.size) as_json_put(&row, "text", json_stringn(as_buf_text(&q->text), q->text.size));
    if (e->tokenizer) {
        as_tokenizer_decode(e->tokenizer, q->ids.id, q->ids.n, false, &decoded);
        as_json_put(&row, "decoded", json_stringn(as_buf_text(&decoded), decoded.size));
        as_buf_clear(&decoded);
    }
    if (as_sha256_of(q->ids.id, q->ids.n * sizeof *q->ids.id, digest, &ignored))
        as_json_put_text(&row, "prompt_hash", digest);
    return row;
}

static bool print_all(const as_cli *c, const as_engine *e, const as_questions *q, bool mask,
                      as_error *err)
{
    if (c->json) {
        json_t *o = json_object(), *rows = json_array();
        as_json_put_text(&o, "schema", "assay.show/1");
        as_json_put_text(&o, "tokenizer", e->tokenizer ? as_tokenizer_digest(e->tokenizer) : NULL);
        as_json_put_text(&o, "template", e->chat ? e->chat_digest : NULL);
        for (size_t i = 0; i < q->n; i++) as_json_append(&rows, make_row(e, &q->question[i], mask));
        as_json_put(&o, "rows", rows);
        return as_print_json(o, err);
    }
    as_buf b = {0};
    for (size_t i = 0; i < q->n; i++) put_table(&b, e, &q->question[i], mask, q->n);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    as_engine e = {0};
    as_questions q = {0};
    char shown[AS_ESCAPE_SIZE];
    const char *what = c->operand[0];
    bool mask = strcmp(what, "mask") == 0;
    if (!mask && strcmp(what, "ids") != 0) {
        as_fail(err, AS_EUSAGE, "show: what (found %s, expected ids or mask)",
                as_escape(what, strlen(what), shown));
        return AS_EXIT_USAGE;
    }
    bool ok =
        open_text(&e, c, err) && as_questions_read(&q, &e, err) && print_all(c, &e, &q, mask, err);
    as_questions_clear(&q);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_show = {
    "show",
    "what a prompt becomes: token ids, and which of them count",
    "ids|mask",
    1,
    1,
    "ids prints position, id and text of every token of each prompt (and reply), special tokens "
    "marked with a star; mask adds 1 for tokens of the reply, 0 for what the model is given. The "
    "weights are not opened.",
    options,
    {"assay show ids --model DIR --prompt 'Hello'",
     "assay show mask --model DIR --prompts FILE.jsonl --json"},
    run,
};
