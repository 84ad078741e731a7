/* assay generate: prompts times arms times draws, decoded side by side. Rows come out in the order
 * of the requests, whatever order they end in, so the same command gives the same bytes for any
 * batch; a file that was cut short is gone on with. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cli/engine.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/progress.h"
#include "lab/subject/answer.h"

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    AS_ARM_OPTIONS,
    AS_PROMPT_OPTIONS,
    {"max-tokens", 'n', "N", "budget of a reply (default: 256)", false},
    {"temperature", 't', "X", "0 is greedy (default: 0)", false},
    {"top-k", 0, "N", "keep the N largest logits (default: 0, all)", false},
    {"top-p", 0, "X", "keep the smallest set of this mass (default: 1, all)", false},
    {"min-p", 0, "X", "keep what has this share of the largest (default: 0, all)", false},
    {"repetition-penalty", 0, "X", "of ids in prompt or reply (default: 1, none)", false},
    {"seed", 0, "N", "of the draws (default: 1)", false},
    {"draws", 0, "N", "replies for each prompt and arm (default: 1)", false},
    {"stop", 0, "TEXT", "ends a reply; may be given more than once", true},
    {"ignore-stops", 0, NULL, "go on to the budget", false},
    {"out", 'o', "FILE",
     "write JSON Lines; what is there is kept and gone on from; - is standard output", false},
    AS_ROWS_OPTIONS,
    {0},
};

typedef struct {
    const as_question *question;
    size_t arm, draw;
    uint64_t seed;
    json_t *row; /* done and not yet written */
} item;

typedef struct {
    const as_cli *cli;
    as_engine *engine;
    as_questions *questions;
    as_request common;
    size_t draws;
    item *item;
    size_t n_items, next, written;
    json_t *rows;     /* --json */
    const char *out;  /* escaped path of --out; NULL without */
    const char *path; /* NULL without, and for - */
    int fd;           /* of --out; -1 without */
    as_lock *lock;    /* beside the file: one process writes it */
    bool is_refused;  /* the file was made with another setup */
    as_progress *progress;
    size_t n_cut, n_tokens;
} job;

/* ---- what was asked for ---- */

/* Greedy decoding has no use for what shapes a draw. */
static bool check_draws(const job *j, as_error *err)
{
    const as_decoding *d = &j->common.decoding;
    if (d->temperature > 0) return true;
    if (j->draws > 1)
        return as_fail(err, AS_EUSAGE, "--draws needs --temperature: greedy replies are all alike");
    const char *shape = d->top_k ? "top-k" : d->top_p < 1 ? "top-p" : d->min_p > 0 ? "min-p" : NULL;
    return !shape ||
           as_fail(err, AS_EUSAGE, "--%s needs --temperature: the reply is greedy", shape);
}

static bool read_decoding(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    as_request *q = &j->common;
    size_t seed;
    q->decoding = as_decoding_greedy;
    as_decoding *d = &q->decoding;
    if (!as_cli_size(c, "max-tokens", 256, &q->max_tokens, err) ||
        !as_cli_size(c, "seed", 1, &seed, err) || !as_cli_size(c, "draws", 1, &j->draws, err) ||
        !as_cli_size(c, "top-k", 0, &d->top_k, err) ||
        !as_cli_real(c, "temperature", 0, &d->temperature, err) ||
        !as_cli_real(c, "top-p", 1, &d->top_p, err) ||
        !as_cli_real(c, "min-p", 0, &d->min_p, err) ||
        !as_cli_real(c, "repetition-penalty", 1, &d->penalty, err))
        return false;
    q->seed = seed;
    if (!j->draws || !q->max_tokens)
        return as_fail(err, AS_EUSAGE, "--draws and --max-tokens (expected at least 1)");
    return as_decoding_check(d, err) && check_draws(j, err);
}

static bool read_stops(job *j, as_error *err)
{
    const as_cli *c = j->cli;
    const char **text = as_arena_push(c->arena, c->n_given + 1, sizeof *text, err);
    if (!text) return false;
    for (size_t i = 0; i < c->n_given; i++) {
        const char *value = c->given_value[i];
        if (strcmp(c->given_name[i], "stop") != 0) continue;
        if (!*value || !as_utf8_valid(value, strlen(value), NULL))
            return as_fail(err, AS_EUSAGE, "--stop (expected text in UTF-8)");
        text[j->common.n_stop_text++] = value;
    }
    if (j->common.n_stop_text && !j->engine->local.tokenizer)
        return as_fail(err, AS_EUSAGE, "--stop: %s has no tokenizer", j->engine->local.path);
    j->common.stop_text = text;
    if (as_cli_flag(c, "ignore-stops")) return true;
    j->common.stop = j->engine->local.stop;
    j->common.n_stop = j->engine->local.n_stop;
    return true;
}

/* Everything the replies depend on. */
static json_t *setup(const job *j)
{
    const as_request *q = &j->common;
    json_t *o = json_object(), *stop = json_array(), *text = json_array();
    as_json_put_text(&o, "schema", "assay.setup/1");
    as_json_put_text(&o, "program", AS_VERSION);
    as_json_put(&o, "model", as_engine_record(j->engine));
    as_json_put_text(&o, "prompts", j->questions->digest);
    as_json_put_size(&o, "n_prompts", j->questions->n);
    as_json_put_size(&o, "draws", j->draws);
    as_json_put_size(&o, "seed", q->seed);
    as_json_put_size(&o, "max_tokens", q->max_tokens);
    as_json_put_real(&o, "temperature", q->decoding.temperature);
    as_json_put_size(&o, "top_k", q->decoding.top_k);
    as_json_put_real(&o, "top_p", q->decoding.top_p);
    as_json_put_real(&o, "min_p", q->decoding.min_p);
    as_json_put_real(&o, "repetition_penalty", q->decoding.penalty);
    for (size_t i = 0; i < q->n_stop; i++) as_json_append(&stop, json_integer(q->stop[i]));
    for (size_t i = 0; i < q->n_stop_text; i++) as_json_append(&text, json_string(q->stop_text[i]));
    as_json_put(&o, "stop", stop);
    as_json_put(&o, "stop_text", text);
    return o;
}

static bool make_items(job *j, as_error *err)
{
    size_t n, positions = as_model_config(j->engine->local.model)->max_positions;
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < j->questions->n; i++) {
        const as_question *q = &j->questions->question[i];
        if (q->ids.n >= positions)
            return as_fail(err, AS_ELIMIT, "prompt \"%s\" (found %zu tokens, expected below %zu)",
                           as_escape(q->id, strlen(q->id), shown), q->ids.n, positions);
    }
    if (!as_size_mul(j->questions->n, j->engine->n_arms, &n, err) ||
        !as_size_mul(n, j->draws, &n, err))
        return false;
    j->item = as_new(n, sizeof *j->item, err);
    if (!j->item) return false;
    for (size_t i = 0; i < j->questions->n; i++)
        for (size_t a = 0; a < j->engine->n_arms; a++)
            for (size_t d = 0; d < j->draws; d++) {
                as_rng rng = as_rng_at(j->common.seed, "reply", i * j->draws + d);
                j->item[j->n_items++] =
                    (item){&j->questions->question[i], a, d, as_rng_u64(&rng), NULL};
            }
    return true;
}

/* ---- rows out ---- */

static json_t *make_row(const job *j, const as_request *q, const as_reply *r, as_error *err)
{
    const item *it = q->user;
    as_buf text = {0};
    json_t *row = json_object(), *ids = json_array(), *logprobs = json_array();
    as_json_put_text(&row, "id", it->question->id);
    as_json_put_text(&row, "arm", as_arm_name(j->engine->arm[it->arm]));
    as_json_put_size(&row, "draw", it->draw);
    as_json_put_size(&row, "n_prompt", q->n);
    as_json_put_text(&row, "finish", as_finish_name(r->finish));
    for (size_t i = 0; i < r->n; i++) {
        as_json_append(&ids, json_integer(r->ids[i]));
        as_json_append(&logprobs, as_json_real(r->logprob[i]));
    }
    as_json_put(&row, "ids", ids);
    as_json_put(&row, "logprobs", logprobs);
    if (!j->engine->local.tokenizer) return row;
    if (as_reply_text(j->engine->local.tokenizer, q, r, &text, err))
        as_json_put(&row, "text", json_stringn(as_buf_text(&text), text.size));
    as_buf_clear(&text);
    return row;
}

/* Did the reply end for want of room? */
static bool is_cut(const json_t *row)
{
    const char *finish = json_string_value(json_object_get(row, "finish"));
    return finish && (strcmp(finish, "length") == 0 || strcmp(finish, "context") == 0);
}

static bool append(const job *j, const json_t *row, as_error *err)
{
    as_buf line = {0};
    as_json_write(&line, row);
    as_buf_puts(&line, "\n");
    bool ok = as_buf_ok(&line, err);
    for (size_t at = 0; ok && at < line.size;) {
        ssize_t n = write(j->fd, line.data + at, line.size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) ok = as_fail(err, AS_EIO, "%s: write: %s", j->out, strerror(errno));
        at += n > 0 ? (size_t)n : 0;
    }
    if (ok && fdatasync(j->fd) && errno != EINVAL)
        ok = as_fail(err, AS_EIO, "%s: sync: %s", j->out, strerror(errno));
    as_buf_clear(&line);
    return ok;
}

/* For people: the text, under a heading when there is more than one. */
static bool show(const job *j, const json_t *row, as_error *err)
{
    as_buf b = {0};
    const json_t *text = json_object_get(row, "text");
    if (j->n_items > 1) {
        const char *id = json_string_value(json_object_get(row, "id"));
        const char *arm = json_string_value(json_object_get(row, "arm"));
        as_buf_puts(&b, "== ");
        as_buf_escape(&b, id, strlen(id));
        as_buf_puts(&b, ", ");
        as_buf_escape(&b, arm, strlen(arm));
        as_buf_printf(&b, " (%s)\n", json_string_value(json_object_get(row, "finish")));
    }
    if (text) {
        const char *s = json_string_value(text), *end = s + json_string_length(text);
        while (s < end) { /* line by line, so that line ends stay */
            const char *nl = memchr(s, '\n', (size_t)(end - s));
            as_buf_escape(&b, s, (size_t)((nl ? nl : end) - s));
            if (nl) as_buf_puts(&b, "\n");
            s = nl ? nl + 1 : end;
        }
    } else {
        as_json_write(&b, json_object_get(row, "ids"));
    }
    as_buf_puts(&b, "\n");
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* Writes the rows whose turn has come. */
static bool flush(job *j, as_error *err)
{
    while (j->written < j->n_items && j->item[j->written].row) {
        item *it = &j->item[j->written];
        bool ok = j->fd >= 0 ? append(j, it->row, err) : true;
        if (ok && j->cli->json) {
            as_json_append(&j->rows, json_incref(it->row));
            ok = j->rows || as_fail(err, AS_EMEM, "out of memory");
        } else if (ok && j->fd < 0) {
            ok = show(j, it->row, err);
        }
        json_decref(it->row);
        it->row = NULL;
        if (!ok) return false;
        j->written++;
    }
    return true;
}

static bool next(void *context, as_request *q, bool *has, as_error *err)
{
    job *j = context;
    (void)err;
    *has = j->next < j->n_items;
    if (!*has) return true;
    item *it = &j->item[j->next++];
    *q = j->common;
    q->arm = it->arm;
    q->ids = it->question->ids.id;
    q->n = it->question->ids.n;
    q->seed = it->seed;
    q->user = it;
    return true;
}

static bool done(void *context, const as_request *q, const as_reply *r, as_error *err)
{
    job *j = context;
    item *it = q->user;
    char doing[64];
    it->row = make_row(j, q, r, err);
    if (!it->row) return as_fail(err, AS_EMEM, "out of memory");
    j->n_cut += is_cut(it->row);
    j->n_tokens += r->n;
    if (err->class_ || !flush(j, err)) return false;
    snprintf(doing, sizeof doing, "%zu tokens, %zu cut by length", j->n_tokens, j->n_cut);
    as_progress_set(j->progress, j->written, doing);
    return true;
}

/* ---- resuming ---- */

/* A row of the file must be what the request at its place would be called. */
static bool is_item(const job *j, const json_t *row, const item *it)
{
    const char *id = json_string_value(json_object_get(row, "id"));
    const char *arm = json_string_value(json_object_get(row, "arm"));
    const json_t *draw = json_object_get(row, "draw");
    return id && arm && json_is_integer(draw) && strcmp(id, it->question->id) == 0 &&
           strcmp(arm, as_arm_name(j->engine->arm[it->arm])) == 0 &&
           (size_t)json_integer_value(draw) == it->draw;
}

/* Takes over the whole rows of the file; a cut last line is dropped. */
static bool take_over(job *j, as_error *err)
{
    as_buf file = {0};
    size_t whole = 0;
    as_jsonl *r = NULL;
    bool ok = as_file_read(j->path, AS_JSON_MAX_BYTES, &file, err);
    for (size_t i = file.size; ok && i > 0 && !whole; i--)
        if (file.data[i - 1] == '\n') whole = i;
    if (ok) r = as_jsonl_over(j->path, as_buf_text(&file), whole, err);
    ok = r;
    while (ok) {
        json_t *row = NULL;
        ok = as_jsonl_next(r, &row, err);
        if (!ok || !row) break;
        if (j->next == j->n_items || !is_item(j, row, &j->item[j->next])) {
            ok = as_fail(err, AS_ESTATE, "%s:%zu: a row of another run", j->out, as_jsonl_line(r));
            j->is_refused = true;
        } else {
            j->item[j->next++].row = json_incref(row);
        }
        json_decref(row);
    }
    as_jsonl_close(r);
    if (ok && whole < file.size) as_log_say(j->cli->log, "%s: dropped a cut last line", j->out);
    if (ok && truncate(j->path, (off_t)whole))
        ok = as_fail(err, AS_EIO, "%s: truncate: %s", j->out, strerror(errno));
    as_buf_clear(&file);
    return ok;
}

/* Written alike? Values of a file that was read back keep no word of being real or integer. */
static bool same_value(const json_t *a, const json_t *b)
{
    as_buf x = {0}, y = {0};
    if (a) as_json_write(&x, a);
    if (b) as_json_write(&y, b);
    bool same = a && b && x.size == y.size && memcmp(as_buf_text(&x), as_buf_text(&y), x.size) == 0;
    as_buf_clear(&x);
    as_buf_clear(&y);
    return same;
}

/* "seed (1 there, 2 now), model.arms": numbers in full, others by name. */
static void name_differences(const char *place, const json_t *old, const json_t *new, as_buf *out)
{
    const char *key;
    const json_t *v;
    json_object_foreach((json_t *)new, key, v)
    {
        const json_t *was = json_object_get(old, key);
        if (same_value(was, v)) continue;
        if (json_is_object(was) && json_is_object(v)) {
            char inner[64];
            snprintf(inner, sizeof inner, "%s%s.", place, key);
            name_differences(inner, was, v, out);
            continue;
        }
        as_buf_printf(out, "%s%s%s", out->size ? ", " : "", place, key);
        if (!json_is_number(was) || !json_is_number(v)) continue;
        as_buf_puts(out, " (");
        as_json_write(out, was);
        as_buf_puts(out, " there, ");
        as_json_write(out, v);
        as_buf_puts(out, " now)");
    }
    json_object_foreach((json_t *)old, key, v)
    {
        char shown[AS_ESCAPE_SIZE];
        if (!json_object_get(new, key))
            as_buf_printf(out, "%s%s%s", out->size ? ", " : "", place,
                          as_escape(key, strlen(key), shown));
    }
}

/* OUT.setup.json says what the rows of OUT were made with; another setup is refused. */
static bool check_setup(job *j, bool exists, as_error *err)
{
    bool ok = false;
    as_buf path = {0}, text = {0}, changed = {0};
    json_t *now = setup(j), *then = NULL;
    as_buf_printf(&path, "%s.setup.json", j->path);
    if (!now || !as_buf_ok(&path, err)) goto out;
    if (exists) {
        if (!as_file_exists(as_buf_text(&path))) {
            as_fail(err, AS_ESTATE, "%s is there, and no setup beside it", j->out);
            as_error_hint(err, "it was not written by assay generate; give another --out");
            goto out;
        }
        then = as_json_read(as_buf_text(&path), err);
        if (!then) goto out;
        name_differences("", then, now, &changed);
        if (changed.size) {
            j->is_refused = true;
            as_fail(err, AS_ESTATE, "%s was made with another setup (differs: %s)", j->out,
                    as_buf_text(&changed));
            goto out;
        }
    }
    as_json_write_pretty(&text, now);
    ok = as_buf_ok(&text, err) &&
         (exists || as_file_replace(as_buf_text(&path), text.data, text.size, err));
out:
    if (!now) as_fail(err, AS_EMEM, "out of memory");
    json_decref(now);
    json_decref(then);
    as_buf_clear(&path);
    as_buf_clear(&text);
    as_buf_clear(&changed);
    return ok;
}

/* Standard output, a pipe or a device: rows go there, and nothing is gone on from. */
static bool open_stream(job *j, const char *path, as_error *err)
{
    bool is_stdout = strcmp(path, "-") == 0;
    if (is_stdout && j->cli->json)
        return as_fail(err, AS_EUSAGE, "--out - and --json: both are standard output");
    j->fd = is_stdout ? dup(1) : open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    return j->fd >= 0 || as_fail(err, AS_EIO, "%s: open: %s", j->out, strerror(errno));
}

static bool open_out(job *j, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *path = as_cli_value(j->cli, "out", NULL);
    if (!path) return true;
    struct stat st;
    j->out = as_arena_text(j->cli->arena, as_escape(path, strlen(path), shown), err);
    if (!j->out) return false;
    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return open_stream(j, path, err);
    j->path = path;
    path = as_arena_printf(j->cli->arena, err, "%s.lock", path);
    j->lock = path ? as_lock_take(path, err) : NULL;
    if (!j->lock) return false;
    bool exists = as_file_exists(j->path);
    if (!check_setup(j, exists, err)) return false;
    if (exists && !take_over(j, err)) return false;
    size_t kept = j->next;
    for (size_t i = 0; i < kept; i++, j->written++) {
        j->n_cut += is_cut(j->item[i].row);
        if (j->cli->json) as_json_append(&j->rows, json_incref(j->item[i].row));
        json_decref(j->item[i].row);
        j->item[i].row = NULL;
    }
    if (kept) as_log_say(j->cli->log, "%s: %zu of %zu rows are there", j->out, kept, j->n_items);
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return j->fd >= 0 || as_fail(err, AS_EIO, "%s: open: %s", j->out, strerror(errno));
}

/* ---- the whole ---- */

static bool run_all(job *j, as_error *err)
{
    as_infer_options o = {0};
    as_sink sink = {.context = j, .next = next, .done = done, .stop = j->cli->stop};
    as_infer_count count;
    if (!as_engine_rows(j->cli, &o, err)) return false;
    j->progress = as_progress_new(j->cli->log, "replies", j->n_items, err);
    if (!j->progress) return false;
    as_progress_set(j->progress, j->written, "starting");
    bool ok = as_infer(j->engine->local.model, &j->engine->exec, j->engine->local.tokenizer,
                       j->engine->arm, j->engine->n_arms, &o, &sink, &count, err);
    as_progress_end(j->progress);
    if (!ok && j->path)
        as_error_hint(err, "%zu of %zu rows are in %s; the same command goes on from there",
                      j->written, j->n_items, j->out);
    if (ok) as_log_note(j->cli->log, "%zu tokens in %zu steps", count.n_reply, count.n_steps);
    return ok;
}

static bool print_all(job *j, as_error *err)
{
    if (!j->cli->json) return true;
    json_t *o = json_object();
    as_json_put_text(&o, "schema", "assay.generate/1");
    as_json_put_text(&o, "kernels", j->engine->exec.kernels->name);
    as_json_put(&o, "setup", setup(j));
    as_json_put_size(&o, "cut_by_length", j->n_cut);
    as_json_put(&o, "rows", json_incref(j->rows));
    return as_print_json(o, err);
}

static int run(as_cli *c, as_error *err)
{
    as_engine e = {0};
    as_questions q = {0};
    job j = {.cli = c, .engine = &e, .questions = &q, .rows = json_array(), .fd = -1};
    bool ok = as_engine_open(&e, c, err) && read_decoding(&j, err) && read_stops(&j, err) &&
              as_questions_read(&q, &e, err) && make_items(&j, err) && open_out(&j, err) &&
              run_all(&j, err) && print_all(&j, err);
    for (size_t i = 0; i < j.n_items; i++) json_decref(j.item[i].row);
    if (j.fd >= 0) close(j.fd);
    as_lock_release(j.lock);
    free(j.item);
    json_decref(j.rows);
    as_questions_clear(&q);
    as_engine_close(&e);
    return ok ? AS_EXIT_DONE : j.is_refused ? AS_EXIT_REFUSED : AS_EXIT_FAILED;
}

const as_command as_command_generate = {
    "generate",
    "decode prompts under one or several arms, side by side",
    "",
    0,
    0,
    "Each prompt is answered under each arm, all in one batch; a reply depends on the model, arm, "
    "prompt, decoding and seed, never on its neighbours. Draws of different arms share their "
    "random "
    "numbers. Rows of a JSON Lines file hold prompt, messages or ids.",
    options,
    {"assay generate --model DIR --prompt 'How long does an egg boil?'",
     "assay generate --model DIR --arm base --arm 'temper: 3.1=0.5' --prompts FILE.jsonl -o OUT"},
    run,
};
