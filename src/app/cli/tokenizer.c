/* assay tokenizer: learns a vocabulary from text and writes it where checkpoints keep theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/map.h"
#include "engine/text/bpe_train.h"
#include "engine/text/template.h"
#include "engine/text/tokenizer.h"

enum { MAX_TEMPLATE = 4 << 20 };

static const as_option options[] = {
    {"data", 'd', "FILE", "needed: text (the whole file is one text), or training rows in a .jsonl",
     true},
    {"vocab", 0, "N", "needed: entries in all: 256 bytes, merges, special tokens", false},
    {"like", 0, "NAME", "how text is cut: qwen3, qwen35 or smollm (default: qwen3)", false},
    {"special", 0, "TOKEN", "special token, after the vocabulary (default: <|endoftext|>)", true},
    {"eos", 0, "TOKEN", "the special token that ends a text (default: the first)", false},
    {"least", 0, "N", "a pair that occurs fewer times is not merged (default: 2)", false},
    {"template", 0, "FILE", "chat template to put into tokenizer_config.json", false},
    {"out", 'o', "DIR", "needed: folder; other files there stay", false},
    {0},
};

/* What the vocabulary is learned from. */
typedef struct {
    const as_cli *cli;
    const char **text;
    size_t *size;
    size_t n, room, bytes;
    as_map **map; /* of the text files */
    size_t n_maps;
} corpus;

static bool add_text(corpus *c, const char *text, size_t size, as_error *err)
{
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 256;
        const char **more = realloc(c->text, room * sizeof *more);
        if (more) c->text = more;
        size_t *sizes = more ? realloc(c->size, room * sizeof *sizes) : NULL;
        if (!sizes) return as_fail(err, AS_EMEM, "out of memory for %zu texts", room);
        c->size = sizes;
        c->room = room;
    }
    c->text[c->n] = text;
    c->size[c->n++] = size;
    return as_size_add(c->bytes, size, &c->bytes, err);
}

static bool copy_text(corpus *c, const json_t *v, as_error *err)
{
    size_t size = json_string_length(v);
    const char *copy = as_arena_copy(c->cli->arena, json_string_value(v), size, err);
    return copy && add_text(c, copy, size, err);
}

/* A message's content: a text, or parts of which those of text have one; null says nothing. */
static bool add_content(corpus *c, const json_t *v, as_error *err)
{
    size_t i;
    json_t *part;
    if (!v || json_is_null(v)) return true;
    if (json_is_string(v)) return copy_text(c, v, err);
    if (!json_is_array(v)) return as_fail(err, AS_EFORMAT, "expected a text or a list of parts");
    json_array_foreach(v, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (!json_is_string(text))
            return as_fail(err, AS_EFORMAT, "part %zu (expected an object with a text)", i);
        if (!copy_text(c, text, err)) return false;
    }
    return true;
}

/* A field: a text or a list of messages. */
static bool add_field(corpus *c, const json_t *v, as_error *err)
{
    static const char *const keys[] = {"content", "reasoning_content", "reasoning"};
    size_t i;
    json_t *message;
    if (json_is_string(v)) return copy_text(c, v, err);
    if (!json_is_array(v)) return as_fail(err, AS_EFORMAT, "expected a text or a list of messages");
    json_array_foreach(v, i, message)
    {
        if (!json_is_object(message))
            return as_fail(err, AS_EFORMAT, "message %zu (expected an object)", i);
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            if (add_content(c, json_object_get(message, keys[k]), err)) continue;
            as_error_at(err, "message %zu: %s", i, keys[k]);
            return false;
        }
    }
    return true;
}

static bool add_row(corpus *c, const json_t *row, as_error *err)
{
    static const char *const keys[] = {"text",   "messages", "prompt", "completion",
                                       "chosen", "rejected", NULL};
    size_t n = 0;
    for (size_t k = 0; keys[k]; k++) {
        const json_t *v = json_object_get(row, keys[k]);
        if (!v) continue;
        n++;
        if (add_field(c, v, err)) continue;
        as_error_at(err, "%s", keys[k]);
        return false;
    }
    return n > 0 || as_fail(err, AS_EFORMAT,
                            "no text (expected one of text, messages, prompt, completion, chosen, "
                            "rejected)");
}

static bool add_rows(corpus *c, const char *path, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    json_t *row = NULL;
    as_jsonl *file = as_jsonl_open(path, err);
    bool ok = file;
    while (ok && as_jsonl_next(file, &row, err) && row) {
        ok = add_row(c, row, err);
        json_decref(row);
        if (!ok)
            as_error_at(err, "%s:%zu", as_escape(path, strlen(path), shown), as_jsonl_line(file));
    }
    as_jsonl_close(file);
    return ok && err->class_ == AS_OK;
}

static bool add_file(corpus *c, const char *path, as_error *err)
{
    size_t n = strlen(path);
    if (n > 6 && strcmp(path + n - 6, ".jsonl") == 0) return add_rows(c, path, err);
    as_map *map = as_map_open(path, err);
    if (!map) return false;
    c->map[c->n_maps++] = map;
    return add_text(c, (const char *)as_map_bytes(map), as_map_size(map), err);
}

static bool corpus_open(corpus *c, const as_cli *cli, as_error *err)
{
    c->cli = cli;
    c->map = as_new(cli->n_given, sizeof(as_map *), err);
    if (!c->map || !as_map_guard(err)) return false;
    for (size_t i = 0; i < cli->n_given; i++)
        if (strcmp(cli->given_name[i], "data") == 0 && !add_file(c, cli->given_value[i], err))
            return false;
    return c->bytes > 0 || as_fail(err, AS_EUSAGE, "--data (found no text, expected some)");
}

static void corpus_close(corpus *c)
{
    for (size_t i = 0; i < c->n_maps; i++) as_map_close(c->map[i]);
    free(c->map);
    free(c->text);
    free(c->size);
}

/* --- what is asked for ----------------------------------------------------------------------- */

typedef struct {
    as_bpe_train_options train;
    const char *eos, *dir;
    as_buf chat; /* the template */
} request;

static bool read_template(request *r, const as_cli *c, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *path = as_cli_value(c, "template", NULL);
    if (!path) return true;
    if (!as_file_read(path, MAX_TEMPLATE, &r->chat, err)) return false;
    as_template *parsed = as_template_parse(path, as_buf_text(&r->chat), r->chat.size, err);
    if (!parsed) return false;
    as_template_free(parsed);
    const char *other = as_arena_printf(c->arena, err, "%s/chat_template.jinja", r->dir);
    if (!other) return false;
    return !as_file_exists(other) ||
           as_fail(err, AS_ESTATE, "%s: would win over --template; remove one of the two",
                   as_escape(other, strlen(other), shown));
}

static bool read_request(request *r, const as_cli *c, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t n = 0;
    const char **special = as_arena_push(c->arena, c->n_given + 1, sizeof *special, err);
    if (!special) return false;
    for (size_t i = 0; i < c->n_given; i++)
        if (strcmp(c->given_name[i], "special") == 0) special[n++] = c->given_value[i];
    if (n == 0) special[n++] = "<|endoftext|>";
    r->dir = as_cli_value(c, "out", NULL);
    r->eos = as_cli_value(c, "eos", special[0]);
    r->train = (as_bpe_train_options){
        .pipeline = as_cli_value(c, "like", "qwen3"), .special = special, .n_special = n};
    if (!r->dir || !as_cli_flag(c, "data") || !as_cli_flag(c, "vocab"))
        return as_fail(err, AS_EUSAGE, "tokenizer train needs --data, --vocab and --out");
    size_t k = 0;
    while (k < n && strcmp(special[k], r->eos) != 0) k++;
    if (k == n)
        return as_fail(err, AS_EUSAGE, "--eos (found %s, expected one of the special tokens)",
                       as_escape(r->eos, strlen(r->eos), shown));
    return as_cli_size(c, "vocab", 0, &r->train.vocab, err) &&
           as_cli_size(c, "least", 2, &r->train.least, err) && read_template(r, c, err);
}

/* --- the files ------------------------------------------------------------------------------- */

/* tokenizer_config.json, as the transformers library reads it. first: id of the first special. */
static bool put_config(as_buf *out, const request *r, size_t first, as_error *err)
{
    json_t *o = json_object(), *added = json_object();
    for (size_t i = 0; i < r->train.n_special; i++) {
        char id[32];
        json_t *token = json_object();
        as_json_put_text(&token, "content", r->train.special[i]);
        as_json_put(&token, "lstrip", json_false());
        as_json_put(&token, "normalized", json_false());
        as_json_put(&token, "rstrip", json_false());
        as_json_put(&token, "single_word", json_false());
        as_json_put(&token, "special", json_true());
        (void)snprintf(id, sizeof id, "%zu", first + i);
        as_json_put(&added, id, token);
    }
    as_json_put(&o, "add_prefix_space", json_false());
    as_json_put(&o, "added_tokens_decoder", added);
    as_json_put(&o, "bos_token", json_null());
    if (r->chat.size)
        as_json_put(&o, "chat_template", json_stringn(as_buf_text(&r->chat), r->chat.size));
    as_json_put(&o, "clean_up_tokenization_spaces", json_false());
    as_json_put_text(&o, "eos_token", r->eos);
    as_json_put(&o, "pad_token", json_null());
    as_json_put_text(&o, "tokenizer_class", "PreTrainedTokenizerFast");
    as_json_put(&o, "unk_token", json_null());
    if (!o) return as_fail(err, AS_EMEM, "out of memory while writing JSON");
    as_json_write_pretty(out, o);
    json_decref(o);
    return as_buf_ok(out, err);
}

static bool write_files(const request *r, const as_buf *json, const as_buf *config, as_error *err)
{
    as_buf path[2] = {{0}, {0}};
    bool ok = as_dir_make(r->dir, err) && as_path_join(&path[0], r->dir, "tokenizer.json", err) &&
              as_path_join(&path[1], r->dir, "tokenizer_config.json", err) &&
              as_file_replace(as_buf_text(&path[0]), json->data, json->size, err) &&
              as_file_replace(as_buf_text(&path[1]), config->data, config->size, err);
    as_buf_clear(&path[0]);
    as_buf_clear(&path[1]);
    return ok;
}

/* Tokens of all the texts. */
static bool count_tokens(const as_tokenizer *t, const corpus *c, size_t *n, as_error *err)
{
    as_ids ids = {0};
    bool ok = true;
    *n = 0;
    for (size_t i = 0; ok && i < c->n; i++) {
        ids.n = 0;
        ok = as_tokenizer_encode(t, c->text[i], c->size[i], AS_TEXT_MARKED, &ids, err);
        *n += ids.n;
    }
    as_ids_clear(&ids);
    return ok;
}

static bool print_made(const as_cli *cli, const request *r, const corpus *c, const as_tokenizer *t,
                       size_t n_merges, as_error *err)
{
    size_t tokens = 0;
    char shown[AS_ESCAPE_SIZE];
    if (!count_tokens(t, c, &tokens, err)) return false;
    double each = (double)c->bytes / (double)tokens;
    if (cli->json) {
        json_t *o = json_object(), *special = json_array();
        for (size_t i = 0; i < r->train.n_special; i++)
            as_json_append(&special, json_string(r->train.special[i]));
        as_json_put_text(&o, "schema", "assay.tokenizer/1");
        as_json_put_text(&o, "path", r->dir);
        as_json_put_text(&o, "like", r->train.pipeline);
        as_json_put_size(&o, "entries", as_tokenizer_size(t));
        as_json_put_size(&o, "merges", n_merges);
        as_json_put(&o, "special", special);
        as_json_put_text(&o, "eos", r->eos);
        as_json_put_size(&o, "texts", c->n);
        as_json_put_size(&o, "bytes", c->bytes);
        as_json_put_size(&o, "tokens", tokens);
        as_json_put_real(&o, "bytes_per_token", each);
        as_json_put_text(&o, "tokenizer", as_tokenizer_digest(t));
        return as_print_json(o, err);
    }
    as_buf b = {0};
    as_buf_printf(&b,
                  "%s: %zu entries (%zu merges, %zu special), %.4g bytes a token in %zu bytes\n",
                  as_escape(r->dir, strlen(r->dir), shown), as_tokenizer_size(t), n_merges,
                  r->train.n_special, each, c->bytes);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

static bool train(as_cli *cli, const request *r, const corpus *c, as_error *err)
{
    as_buf json = {0}, config = {0};
    as_tokenizer *t = NULL;
    size_t n_merges = 0, first = 0;
    as_progress *p = as_progress_new(cli->log, "percent", 100, err);
    bool ok = p && as_bpe_train(&r->train, c->text, c->size, c->n, p, &json, &n_merges, err);
    as_progress_end(p);
    t = ok ? as_tokenizer_parse("tokenizer.json", json.data, json.size, NULL, 0, err) : NULL;
    if (t) {
        first = as_tokenizer_size(t) - r->train.n_special;
        as_tokenizer_free(t);
        t = put_config(&config, r, first, err)
                ? as_tokenizer_parse("tokenizer.json", json.data, json.size, config.data,
                                     config.size, err)
                : NULL;
    }
    if (t && as_tokenizer_size(t) < r->train.vocab)
        as_log_warn(cli->log, "the text has pairs for %zu of %zu entries only",
                    as_tokenizer_size(t), r->train.vocab);
    ok = t && write_files(r, &json, &config, err) && print_made(cli, r, c, t, n_merges, err);
    as_tokenizer_free(t);
    as_buf_clear(&json);
    as_buf_clear(&config);
    return ok;
}

static int run(as_cli *c, as_error *err)
{
    request r = {0};
    corpus texts = {0};
    char shown[AS_ESCAPE_SIZE];
    const char *what = c->operand[0];
    if (strcmp(what, "train") != 0) {
        as_fail(err, AS_EUSAGE, "tokenizer: what (found %s, expected train)",
                as_escape(what, strlen(what), shown));
        return AS_EXIT_USAGE;
    }
    bool ok = read_request(&r, c, err) && corpus_open(&texts, c, err) && train(c, &r, &texts, err);
    corpus_close(&texts);
    as_buf_clear(&r.chat);
    if (ok) return AS_EXIT_DONE;
    return err->class_ == AS_EUSAGE ? AS_EXIT_USAGE : AS_EXIT_FAILED;
}

const as_command as_command_tokenizer = {
    "tokenizer",
    "learn a vocabulary from text",
    "train",
    1,
    1,
    "Learns a byte-level BPE vocabulary from texts, or from the texts of training rows (text, "
    "messages, prompt, completion, chosen, rejected), and writes tokenizer.json and "
    "tokenizer_config.json; other files of the folder stay. The merges are those that the "
    "tokenizers library learns from the same text. Prints how many bytes of the texts a token "
    "stands for.",
    options,
    {"assay tokenizer train --data notes.txt --vocab 8192 --out DIR",
     "assay tokenizer train -d rows.jsonl --vocab 4096 --special '<|im_end|>' -o DIR"},
    run,
};
