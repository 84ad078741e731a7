/* assay show: what a prompt, or a row of training data, becomes before a model sees it. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/engine.h"
#include "base/file.h"
#include "engine/format/hub.h"
#include "engine/train/dataset.h"

static const as_option options[] = {
    {"model", 'm', "MODEL", "a folder, FILE.gguf, or ORG/NAME[@REV] in the local cache", false},
    AS_PROMPT_OPTIONS,
    {"data", 'd', "FILE", "mask: JSON Lines of training rows instead of prompts", false},
    {"mask", 0, "WHICH", "with --data: completion (default), assistant or text", false},
    {"mask-think", 0, NULL, "with --data: thinking is not trained on", false},
    {"pairs", 0, NULL,
     "with --data: rows of prompt, chosen and rejected, or of chosen and rejected", false},
    {"max-length", 0, "N", "with --data: tokens of a row, its end is cut (default: no limit)",
     false},
    {0},
};

/* What of a model training data must fit. */
typedef struct {
    uint32_t stop[17]; /* the configuration's and the tokenizer's eos */
    size_t n_stop, vocab;
} limits;

/* From config.json or the GGUF's metadata; a folder without one has the tokenizer's alone. */
static bool read_limits(const as_engine *e, const as_tensors *file, limits *out, as_error *err)
{
    bool ok = true;
    as_arena *arena = e->cli->arena;
    const as_config *config = NULL;
    json_t *json = NULL, *generation = NULL;
    const char *name = as_arena_printf(arena, err, "%s/config.json", e->local.path);
    const char *other = as_arena_printf(arena, err, "%s/generation_config.json", e->local.path);
    *out = (limits){0};
    if (!name || !other) return false;
    if (file) {
        config = as_config_gguf(arena, file, err);
        ok = config;
    } else if (as_file_exists(name)) {
        json = as_json_read(name, err);
        if (json && as_file_exists(other)) generation = as_json_read(other, err);
        if (err->class_ == AS_OK) config = as_config_read(arena, name, json, generation, err);
        ok = config;
    }
    out->vocab = config ? config->vocab : as_tokenizer_size(e->local.tokenizer);
    for (size_t i = 0; config && i < config->n_stop; i++)
        out->stop[out->n_stop++] = config->stop[i];
    if (as_tokenizer_eos(e->local.tokenizer, &out->stop[out->n_stop])) out->n_stop++;
    json_decref(json);
    json_decref(generation);
    return ok;
}

/* Only the tokenizer and the template are opened, not the weights; `fit` may be NULL. */
static bool open_text(as_engine *e, const as_cli *c, limits *fit, as_error *err)
{
    as_buf path = {0};
    as_tensors *file = NULL;
    const char *name = as_cli_value(c, "model", NULL);
    if (!name) return as_fail(err, AS_EUSAGE, "show needs --model");
    bool ok = as_hub_resolve(name, &path, err);
    e->cli = c;
    if (ok && path.size > 5 && strcmp(path.data + path.size - 5, ".gguf") == 0) {
        file = as_tensors_open(path.data, err);
        ok = file;
    }
    ok = ok && as_local_open_text(&e->local, as_buf_text(&path), file, NULL, err);
    if (ok && fit)
        ok = e->local.tokenizer ? read_limits(e, file, fit, err)
                                : as_fail(err, AS_EUSAGE, "%s has no tokenizer", e->local.path);
    as_tensors_close(file);
    as_buf_clear(&path);
    return ok;
}

/* The text of a token with its blanks and control bytes visible. */
static void put_piece(as_buf *b, const as_engine *e, uint32_t id)
{
    size_t size = 0;
    const char *piece =
        e->local.tokenizer ? as_tokenizer_piece(e->local.tokenizer, id, &size) : NULL;
    as_buf_puts(b,
                e->local.tokenizer && as_tokenizer_is_special(e->local.tokenizer, id) ? "*" : " ");
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
    if (e->local.tokenizer) {
        as_tokenizer_decode(e->local.tokenizer, q->ids.id, q->ids.n, false, &decoded);
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
        as_json_put_text(&o, "tokenizer",
                         e->local.tokenizer ? as_tokenizer_digest(e->local.tokenizer) : NULL);
        as_json_put_text(&o, "template", e->local.chat ? e->local.chat_digest : NULL);
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

/* ---- training rows ---- */

/* Options of one kind of input that would be passed over with the other. */
static bool check_input(const as_cli *c, bool is_mask, as_error *err)
{
    static const char *const of_prompts[] = {"prompts", "prompt", "ids", "system", "raw"};
    static const char *const of_data[] = {"mask", "mask-think", "pairs", "max-length"};
    bool data = as_cli_flag(c, "data");
    if (data && !is_mask) return as_fail(err, AS_EUSAGE, "--data goes with show mask");
    for (size_t i = 0; i < (data ? 5 : 4); i++) {
        const char *name = data ? of_prompts[i] : of_data[i];
        if (as_cli_flag(c, name))
            return as_fail(err, AS_EUSAGE,
                           data ? "--%s does not go with --data" : "--%s goes with --data", name);
    }
    return true;
}

static bool read_options(const as_cli *c, const as_engine *e, as_dataset_options *o, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *mask = as_cli_value(c, "mask", "completion");
    const char *thinking = as_cli_value(c, "thinking", NULL);
    *o = (as_dataset_options){.is_pair = as_cli_flag(c, "pairs"),
                              .masks_think = as_cli_flag(c, "mask-think"),
                              .marks_text = as_cli_flag(c, "marked"),
                              .thinking = -1};
    while (o->mask < AS_MASK_TEXT && strcmp(as_mask_name(o->mask), mask) != 0) o->mask++;
    if (strcmp(as_mask_name(o->mask), mask) != 0)
        return as_fail(err, AS_EUSAGE, "--mask (found %s, expected completion, assistant or text)",
                       as_escape(mask, strlen(mask), shown));
    if (thinking) {
        o->thinking = strcmp(thinking, "on") == 0;
        if (!o->thinking && strcmp(thinking, "off") != 0)
            return as_fail(err, AS_EUSAGE, "--thinking (found %s, expected on or off)",
                           as_escape(thinking, strlen(thinking), shown));
        if (!e->local.has_thinking)
            return as_fail(err, AS_EUSAGE, "--thinking: the template of %s has no such switch",
                           e->local.path);
    }
    return as_cli_size(c, "max-length", (size_t)1 << 40, &o->max_length, err);
}

static void put_sequence(as_buf *b, const as_engine *e, const as_example *x, const char *side,
                         const as_sequence *s)
{
    as_buf_puts(b, "== ");
    as_buf_escape(b, x->id, strlen(x->id));
    as_buf_printf(b, ", line %zu%s%s: %zu tokens, %zu targets%s%s\n", x->line, *side ? ", " : "",
                  side, s->n, s->n_labels, s->is_cut ? ", end cut" : "",
                  s->is_prompt_cut ? ", prompt cut" : "");
    for (size_t i = 0; i < s->n; i++) {
        as_buf_printf(b, "%6zu %8u %d ", i, (unsigned)s->ids[i], s->label[i]);
        put_piece(b, e, s->ids[i]);
        as_buf_puts(b, "\n");
    }
}

static void fill_sequence(json_t **o, const as_engine *e, const as_sequence *s)
{
    as_buf decoded = {0};
    json_t *ids = json_array(), *labels = json_array();
    for (size_t i = 0; i < s->n; i++) {
        as_json_append(&ids, json_integer(s->ids[i]));
        as_json_append(&labels, json_integer(s->label[i]));
    }
    as_tokenizer_decode(e->local.tokenizer, s->ids, s->n, false, &decoded);
    as_json_put(o, "ids", ids);
    as_json_put(o, "mask", labels);
    as_json_put_size(o, "prompt", s->n_prompt);
    as_json_put_size(o, "targets", s->n_labels);
    as_json_put(o, "cut", json_boolean(s->is_cut));
    as_json_put(o, "prompt_cut", json_boolean(s->is_prompt_cut));
    as_json_put(o, "decoded", json_stringn(as_buf_text(&decoded), decoded.size));
    as_buf_clear(&decoded);
}

static const char *const side_names[] = {"chosen", "rejected"};

static bool print_data_json(const as_engine *e, const as_dataset *d, const as_dataset_options *o,
                            as_error *err)
{
    json_t *all = json_object(), *rows = json_array(), *sums = json_object();
    for (size_t i = 0; i < d->n; i++) {
        const as_example *x = &d->example[i];
        json_t *row = json_object();
        as_json_put_text(&row, "id", x->id);
        as_json_put_size(&row, "line", x->line);
        for (size_t side = 0; side < d->n_sides && d->n_sides == 2; side++) {
            json_t *one = json_object();
            fill_sequence(&one, e, &x->sequence[side]);
            as_json_put(&row, side_names[side], one);
        }
        if (d->n_sides == 1) fill_sequence(&row, e, &x->sequence[0]);
        as_json_append(&rows, row);
    }
    as_json_put_text(&sums, "mask", as_mask_name(o->mask));
    as_json_put(&sums, "mask_think", json_boolean(o->masks_think));
    as_json_put(&sums, "pairs", json_boolean(o->is_pair));
    as_json_put_size(&sums, "rows", d->n);
    as_json_put_size(&sums, "tokens", d->n_tokens);
    as_json_put_size(&sums, "targets", d->n_labels);
    as_json_put_size(&sums, "longest", d->longest);
    as_json_put_size(&sums, "cut", d->n_cut);
    as_json_put_size(&sums, "prompts_cut", d->n_prompt_cut);
    as_json_put_text(&sums, "digest", d->digest);
    as_json_put_text(&all, "schema", "assay.show/1");
    as_json_put_text(&all, "tokenizer", as_tokenizer_digest(e->local.tokenizer));
    as_json_put_text(&all, "template", e->local.chat ? e->local.chat_digest : NULL);
    as_json_put(&all, "data", sums);
    as_json_put(&all, "rows", rows);
    return as_print_json(all, err);
}

static bool print_data(const as_engine *e, const as_dataset *d, const as_dataset_options *o,
                       as_error *err)
{
    if (e->cli->json) return print_data_json(e, d, o, err);
    as_buf b = {0};
    for (size_t i = 0; i < d->n; i++)
        for (size_t side = 0; side < d->n_sides; side++)
            put_sequence(&b, e, &d->example[i], d->n_sides == 2 ? side_names[side] : "",
                         &d->example[i].sequence[side]);
    as_buf_printf(&b, "%zu rows, %zu tokens, %zu targets, longest %zu, %zu cut", d->n, d->n_tokens,
                  d->n_labels, d->longest, d->n_cut);
    if (d->n_sides == 2)
        as_buf_printf(&b, " (%zu chosen, %zu rejected)", d->n_cut_chosen, d->n_cut_rejected);
    as_buf_puts(&b, "\n");
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static int run_data(as_cli *c, as_error *err)
{
    as_engine e = {0};
    as_dataset d = {0};
    as_dataset_options o;
    limits fit;
    bool ok = open_text(&e, c, &fit, err) && read_options(c, &e, &o, err) &&
              as_dataset_open(&d, as_cli_value(c, "data", NULL), &o, e.local.tokenizer,
                              e.local.chat, fit.stop, fit.n_stop, fit.vocab, err) &&
              print_data(&e, &d, &o, err);
    as_dataset_clear(&d);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
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
    if (!check_input(c, mask, err)) return AS_EXIT_USAGE;
    if (as_cli_flag(c, "data")) return run_data(c, err);
    bool ok = open_text(&e, c, NULL, err) && as_questions_read(&q, &e, err) &&
              print_all(c, &e, &q, mask, err);
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
    "marked with a star; mask adds 1 for tokens of the reply, 0 for what the model is given. With "
    "--data, mask prints the rows of training data as they would be trained on, 1 where a token "
    "is a target. The weights are not opened.",
    options,
    {"assay show ids --model DIR --prompt 'Hello'",
     "assay show mask --model DIR --data FILE.jsonl --mask assistant"},
    run,
};
