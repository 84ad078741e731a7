/* One row of a training file to one or two sequences: which kind it is, its texts to ids, where the
 * completion begins, and the cuts. */
#include <stdlib.h>
#include <string.h>

#include "engine/train/dataset_internal.h"

enum { TEXT = 1, MESSAGES = 2, PROMPT = 4, COMPLETION = 8, CHOSEN = 16, REJECTED = 32 };
static const char *const keys[] = {"text",       "messages", "prompt",
                                   "completion", "chosen",   "rejected"};
enum { N_KEYS = 6 };

void as_encoded_clear(as_encoded *e)
{
    as_buf_clear(&e->text);
    as_template_spans_clear(&e->spans);
    as_ids_clear(&e->ids);
    free(e->label);
    *e = (as_encoded){0};
}

/* ---- kinds of rows ---- */

/* "{prompt, completion}" */
static const char *kind_name(unsigned parts, bool is_chat, char out[96])
{
    size_t n = (size_t)snprintf(out, 96, "{");
    for (size_t i = 0; i < N_KEYS; i++)
        if (parts >> i & 1)
            n += (size_t)snprintf(out + n, 96 - n, "%s%s", n > 1 ? ", " : "", keys[i]);
    (void)snprintf(out + n, 96 - n, "}%s", is_chat && !(parts & MESSAGES) ? " of messages" : "");
    return out;
}

static bool fail_kind(const as_row_reader *r, const json_t *row, unsigned parts, as_error *err)
{
    char found[96];
    (void)as_fail(err, AS_EFORMAT, "row (found %s, expected %s)", kind_name(parts, false, found),
                  r->options->is_pair ? "{prompt, chosen, rejected} or {chosen, rejected}"
                                      : "one of {text}, {messages}, {prompt, completion}");
    if (json_object_get(row, "conversations"))
        as_error_hint(err, "conversations with from and value: write them as messages with role "
                           "and content");
    else if (parts == PROMPT && json_object_get(row, "response"))
        as_error_hint(err, "call the key response completion");
    else if (parts & CHOSEN && !r->options->is_pair)
        as_error_hint(err, "rows with chosen and rejected are read as pairs");
    return false;
}

/* Text or a list of messages, all keys alike. */
static bool check_values(const json_t *row, unsigned parts, bool *is_chat, as_error *err)
{
    const char *before = NULL;
    for (size_t i = 0; i < N_KEYS; i++) {
        if (!(parts >> i & 1)) continue;
        const json_t *v = json_object_get(row, keys[i]);
        bool list = json_is_array(v);
        if ((!list && !json_is_string(v)) || (list && 1U << i == TEXT) ||
            (!list && 1U << i == MESSAGES))
            return as_fail(err, AS_EFORMAT, "%s (expected %s)", keys[i],
                           1U << i == TEXT       ? "a text"
                           : 1U << i == MESSAGES ? "a list of messages"
                                                 : "a text or a list of messages");
        if (before && list != *is_chat)
            return as_fail(err, AS_EFORMAT, "%s and %s (found a text and a list, expected alike)",
                           before, keys[i]);
        before = keys[i];
        *is_chat = list;
    }
    return true;
}

/* What the mask asks of the kind. */
static bool check_mask(const as_row_reader *r, unsigned parts, bool is_chat, as_error *err)
{
    as_mask mask = r->options->mask;
    if (parts == TEXT && mask != AS_MASK_TEXT)
        return as_fail(err, AS_EFORMAT, "row (found {text}, expected %s for the mask %s)",
                       mask == AS_MASK_COMPLETION ? "{prompt, completion} or {messages}"
                                                  : "messages",
                       as_mask_name(mask));
    if (!is_chat && mask == AS_MASK_ASSISTANT)
        return as_fail(err, AS_EFORMAT,
                       "row (found texts, expected messages for the mask "
                       "assistant)");
    if (is_chat && !r->chat)
        return as_fail(err, AS_EFORMAT, "messages (the checkpoint has no chat template)");
    if (is_chat && r->options->marks_text)
        return as_fail(err, AS_EUSAGE, "marked text (found messages, expected rows of text)");
    if (is_chat || r->has_eos) return true;
    return as_fail(err, AS_EFORMAT, "row (the tokenizer names no eos token to end a text with)");
}

static bool find_kind(as_row_reader *r, const json_t *row, size_t line, as_error *err)
{
    char found[96], expected[96];
    unsigned parts = 0;
    bool is_chat = false;
    for (size_t i = 0; i < N_KEYS; i++)
        if (json_object_get(row, keys[i])) parts |= 1U << i;
    bool is_pair = (parts | PROMPT) == (PROMPT | CHOSEN | REJECTED);
    bool is_known = is_pair || parts == TEXT || parts == MESSAGES || parts == (PROMPT | COMPLETION);
    if (!is_known || is_pair != r->options->is_pair) return fail_kind(r, row, parts, err);
    if (parts == (PROMPT | COMPLETION) && json_object_get(row, "label"))
        return as_fail(err, AS_EFORMAT,
                       "label (found an unpaired preference, which is not read, expected "
                       "{prompt, completion} alone or {prompt, chosen, rejected})");
    if (json_object_get(row, "chat_template_kwargs"))
        return as_fail(err, AS_EFORMAT, "chat_template_kwargs (one setting holds for all rows)");
    if (!check_values(row, parts, &is_chat, err)) return false;
    if (r->first_line && (parts != r->parts || is_chat != r->is_chat))
        return as_fail(err, AS_EFORMAT, "row (found %s, expected %s as in line %zu)",
                       kind_name(parts, is_chat, found), kind_name(r->parts, r->is_chat, expected),
                       r->first_line);
    if (r->first_line) return true;
    r->first_line = line;
    r->parts = parts;
    r->is_chat = is_chat;
    return check_mask(r, parts, is_chat, err);
}

/* ---- encoding ---- */

bool as_row_encode(const as_row_reader *r, const char *text, size_t size, as_text_kind kind,
                   as_ids *ids, as_error *err)
{
    ids->n = 0;
    return as_tokenizer_encode(r->tokenizer, text, size, kind, ids, err);
}

/* The ids of e->text, the template's words marked, the messages' plain. */
static bool encode_spans(const as_row_reader *r, as_encoded *e, as_error *err)
{
    size_t n = 0, at = 0, room;
    if (!as_size_mul(e->spans.n, 2, &room, err)) return false;
    as_text_part *part = as_new(room + 1, sizeof *part, err);
    if (!part) return false;
    const char *text = as_buf_text(&e->text);
    for (size_t i = 0; i < e->spans.n; i++) {
        as_template_span s = e->spans.span[i];
        part[n++] = (as_text_part){text + at, s.start - at, AS_TEXT_MARKED};
        part[n++] = (as_text_part){text + s.start, s.end - s.start, AS_TEXT_PLAIN};
        at = s.end;
    }
    part[n++] = (as_text_part){text + at, e->text.size - at, AS_TEXT_MARKED};
    e->ids.n = 0;
    bool ok = as_tokenizer_encode_parts(r->tokenizer, part, n, &e->ids, err);
    free(part);
    return ok;
}

/* Renders messages into e->text and e->spans. `what` names them in errors. */
static bool render(as_row_reader *r, as_encoded *e, const json_t *messages, const json_t *tools,
                   bool generates, const char *what, as_error *err)
{
    char place[AS_ESCAPE_SIZE + 64];
    r->vars.add_generation_prompt = generates;
    (void)snprintf(place, sizeof place, "%s%s%s", r->place, *what ? ": " : "", what);
    e->text.size = 0;
    as_chat *chat = as_chat_new(place, messages, tools, err);
    bool ok = chat && as_template_render(r->chat, chat, &r->vars, &e->text, &e->spans, err);
    if (chat && !ok) as_error_at(err, "%s", place);
    as_chat_free(chat);
    return ok;
}

/* A list of the first n of `a`, and then of all of b; both may be NULL. Gives: json_decref. */
static json_t *join(const json_t *a, size_t n, const json_t *b, as_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) as_json_append(&list, json_incref(json_array_get(a, i)));
    for (size_t i = 0; i < json_array_size(b); i++)
        as_json_append(&list, json_incref(json_array_get(b, i)));
    if (!list) (void)as_fail(err, AS_EMEM, "out of memory");
    return list;
}

static bool make_labels(as_encoded *e, size_t n_prompt, bool value, as_error *err)
{
    if (e->ids.n > e->label_room || !e->label) {
        size_t room = e->ids.n + e->ids.n / 2 + 64;
        free(e->label);
        e->label_room = 0;
        e->label = as_new(room, 1, err);
        if (!e->label) return false;
        e->label_room = room;
    }
    for (size_t i = 0; i < e->ids.n; i++) e->label[i] = value && i >= n_prompt;
    return true;
}

/* ---- rows of text ---- */

/* text, or prompt followed by it, with the eos token; *n_text is without that. */
static bool encode_text(as_row_reader *r, as_encoded *e, const json_t *prompt, const json_t *text,
                        size_t *n_text, as_error *err)
{
    const char *bytes = json_string_value(text);
    size_t size = json_string_length(text);
    if (prompt) {
        e->text.size = 0;
        as_buf_add(&e->text, json_string_value(prompt), json_string_length(prompt));
        as_buf_add(&e->text, bytes, size);
        if (!as_buf_ok(&e->text, err)) return false;
        bytes = as_buf_text(&e->text);
        size = e->text.size;
    }
    as_text_kind kind = r->options->marks_text ? AS_TEXT_MARKED : AS_TEXT_PLAIN;
    if (!as_row_encode(r, bytes, size, kind, &e->ids, err)) return false;
    if (!e->ids.n || e->ids.id[e->ids.n - 1] != r->eos)
        if (!as_ids_add(&e->ids, r->eos, err)) return false;
    *n_text = e->ids.n - 1;
    return true;
}

/* Fails unless the prompt's ids are the beginning of the whole's. */
static bool check_prefix(const as_row_reader *r, const as_encoded *prompt, const as_encoded *whole,
                         as_error *err)
{
    const as_ids *a = &prompt->ids, *b = &whole->ids;
    char x[AS_ESCAPE_SIZE] = "nothing", y[AS_ESCAPE_SIZE];
    size_t i = 0, size = 0;
    while (i < a->n && i < b->n && a->id[i] == b->id[i]) i++;
    if (i == a->n) return true;
    const char *piece = i < b->n ? as_tokenizer_piece(r->tokenizer, b->id[i], &size) : NULL;
    if (piece) (void)as_escape(piece, size, x);
    piece = as_tokenizer_piece(r->tokenizer, a->id[i], &size);
    (void)as_fail(err, AS_EFORMAT,
                  "prompt (its tokens are not the beginning of the whole's: found \"%s\" for its "
                  "token %zu, expected \"%s\")",
                  x, i, piece ? as_escape(piece, size, y) : "");
    if (!r->is_chat)
        as_error_hint(err, "end the prompt where a token ends: before a blank, not after it");
    else if (r->vars.enable_thinking == AS_THINKING_UNSET)
        as_error_hint(err, "the template may need its thinking switch set");
    return false;
}

/* Tokens that both begin with. */
static size_t common_tokens(const as_ids *a, const as_ids *b)
{
    size_t i = 0;
    while (i < a->n && i < b->n && a->id[i] == b->id[i]) i++;
    return i;
}

/* Ids and labels of the sides of a row of texts. */
static bool read_texts(as_row_reader *r, const json_t *row, size_t *n_prompt, as_error *err)
{
    const json_t *prompt = json_object_get(row, "prompt");
    const char *const *side = r->options->is_pair ? &keys[4]
                              : r->parts == TEXT  ? &keys[0]
                                                  : &keys[3];
    size_t n_sides = r->options->is_pair ? 2 : 1, n_text[2];
    as_text_kind kind = r->options->marks_text ? AS_TEXT_MARKED : AS_TEXT_PLAIN;
    *n_prompt = 0;
    for (size_t i = 0; i < n_sides; i++)
        if (!encode_text(r, &r->whole[i], prompt, json_object_get(row, side[i]), &n_text[i], err))
            return false;
    if (prompt) {
        if (!as_row_encode(r, json_string_value(prompt), json_string_length(prompt), kind,
                           &r->prompt.ids, err))
            return false;
        for (size_t i = 0; i < n_sides; i++)
            if (!check_prefix(r, &r->prompt, &r->whole[i], err)) return false;
        *n_prompt = r->prompt.ids.n;
    } else if (n_sides == 2) {
        *n_prompt = common_tokens(&r->whole[0].ids, &r->whole[1].ids);
    }
    if (!*n_prompt && r->parts != TEXT)
        return as_fail(err, AS_EFORMAT, "%s",
                       prompt ? "prompt (found an empty text)"
                              : "chosen and rejected (found no common "
                                "beginning, which would be the prompt)");
    for (size_t i = 0; i < n_sides; i++) {
        if (n_text[i] <= *n_prompt)
            return as_fail(err, AS_EFORMAT, "%s (found nothing%s)", side[i],
                           *n_prompt ? " after the prompt" : "");
        size_t from = r->options->mask == AS_MASK_TEXT ? 0 : *n_prompt;
        if (!make_labels(&r->whole[i], from, true, err)) return false;
    }
    return true;
}

/* ---- rows of messages ---- */

static bool is_assistant(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    return role && strcmp(role, "assistant") == 0;
}

static bool is_blank(const json_t *text)
{
    const char *s = json_string_value(text);
    return !s || !s[strspn(s, " \t\r\n")];
}

/* Does an (unchecked) message of the assistant hold neither words nor calls? */
static bool is_empty(const json_t *message)
{
    const json_t *content = json_object_get(message, "content");
    if (json_array_size(json_object_get(message, "tool_calls"))) return false;
    for (size_t i = 0; i < json_array_size(content); i++)
        if (!is_blank(json_object_get(json_array_get(content, i), "text"))) return false;
    return is_blank(content);
}

/* Fails where a message of the assistant from `from` on is empty; counts them and their runs. */
static bool count_said(const json_t *messages, size_t from, size_t *n_said, size_t *n_runs,
                       as_error *err)
{
    *n_said = *n_runs = 0;
    for (size_t i = from; i < json_array_size(messages); i++) {
        if (!is_assistant(json_array_get(messages, i))) continue;
        if (is_empty(json_array_get(messages, i)))
            return as_fail(err, AS_EFORMAT,
                           "messages[%zu]: content (found nothing, expected words "
                           "or calls of the assistant)",
                           i);
        ++*n_said;
        *n_runs += i == 0 || !is_assistant(json_array_get(messages, i - 1));
    }
    return true;
}

/* One side of a row. */
typedef struct {
    const json_t *messages, *tools;
    size_t n_before; /* messages of the prompt */
    bool has_prompt;
    const char *what; /* for messages: "prompt + chosen" */
} talk;

/* Learns the template's marks from the messages before the assistant's last. */
static bool learn(as_row_reader *r, const talk *t, as_error *err)
{
    as_encoded without = {0};
    size_t last = json_array_size(t->messages) - 1;
    while (last && !is_assistant(json_array_get(t->messages, last))) last--;
    if (!last) return as_fail(err, AS_EFORMAT, "messages (found none before the assistant's)");
    json_t *before = join(t->messages, last, NULL, err);
    bool ok = before && render(r, &r->prompt, before, t->tools, true, t->what, err) &&
              render(r, &without, before, t->tools, false, t->what, err) &&
              as_mask_learn(r, &r->prompt, &without, err);
    json_decref(before);
    as_encoded_clear(&without);
    return ok;
}

/* The prompt's text and tokens, which must be the beginning of those of e, the whole. */
static bool read_prompt(as_row_reader *r, const as_encoded *e, const talk *t, size_t *n_prompt,
                        as_error *err)
{
    json_t *before = join(t->messages, t->n_before, NULL, err);
    bool ok = before && render(r, &r->prompt, before, t->tools, true, t->what, err) &&
              encode_spans(r, &r->prompt, err);
    json_decref(before);
    if (!ok) return false;
    const as_buf *p = &r->prompt.text, *w = &e->text;
    size_t i = 0;
    while (i < p->size && i < w->size && p->data[i] == w->data[i]) i++;
    if (i < p->size) {
        (void)as_fail(err, AS_EFORMAT,
                      "prompt (with the generation prompt the template renders it otherwise than "
                      "in the whole, from byte %zu on)",
                      i);
        if (r->vars.enable_thinking == AS_THINKING_UNSET)
            as_error_hint(err, "the template may need its thinking switch set");
        return false;
    }
    if (!e->spans.n || e->spans.span[e->spans.n - 1].end <= p->size)
        return as_fail(err, AS_EFORMAT, "completion (the template writes nothing of it)");
    *n_prompt = r->prompt.ids.n;
    return check_prefix(r, &r->prompt, e, err);
}

static bool check_talk(const as_row_reader *r, const talk *t, as_error *err)
{
    size_t n = json_array_size(t->messages);
    if (!t->has_prompt) return true;
    if (t->n_before >= n) return as_fail(err, AS_EFORMAT, "completion (found no message)");
    if (r->options->mask == AS_MASK_COMPLETION && n - t->n_before != 1)
        return as_fail(err, AS_EFORMAT,
                       "completion (found %zu messages, expected one of the assistant)",
                       n - t->n_before);
    if (r->options->mask == AS_MASK_COMPLETION &&
        !is_assistant(json_array_get(t->messages, t->n_before)))
        return as_fail(err, AS_EFORMAT,
                       "completion (found another role, expected a message of the assistant)");
    return t->n_before || as_fail(err, AS_EFORMAT, "prompt (found no message)");
}

static bool read_talk(as_row_reader *r, as_encoded *e, const talk *t, size_t *n_prompt,
                      as_error *err)
{
    size_t n_said, n_runs, n = json_array_size(t->messages);
    as_mask mask = r->options->mask;
    *n_prompt = 0;
    if (!check_talk(r, t, err) || !render(r, e, t->messages, t->tools, false, t->what, err) ||
        !encode_spans(r, e, err) ||
        !count_said(t->messages,
                    mask == AS_MASK_ASSISTANT ? 0
                    : t->has_prompt           ? t->n_before
                                              : n,
                    &n_said, &n_runs, err))
        return false;
    if (mask == AS_MASK_ASSISTANT && !n_said)
        return as_fail(err, AS_EFORMAT, "messages (found none of the assistant)");
    if (mask != AS_MASK_TEXT && !r->has_learnt && !learn(r, t, err)) return false;
    if (t->has_prompt && !read_prompt(r, e, t, n_prompt, err)) return false;
    if (!make_labels(e, mask == AS_MASK_TEXT ? 0 : *n_prompt, mask != AS_MASK_ASSISTANT, err))
        return false;
    return mask != AS_MASK_ASSISTANT || as_mask_turns(r, e, n_said, n_runs, err);
}

/* Messages that both lists begin with. */
static size_t common_messages(const json_t *a, const json_t *b)
{
    size_t i = 0, n = json_array_size(a), m = json_array_size(b);
    while (i < n && i < m && json_equal(json_array_get(a, i), json_array_get(b, i))) i++;
    return i;
}

/* A side whose completion has a key of its own, after the prompt where there is one. */
static bool read_side(as_row_reader *r, const json_t *row, as_encoded *e, const char *key,
                      size_t n_common, size_t *n_prompt, as_error *err)
{
    const json_t *prompt = json_object_get(row, "prompt"), *rest = json_object_get(row, key);
    char what[32];
    (void)snprintf(what, sizeof what, "%s%s", prompt ? "prompt + " : "", key);
    talk t = {.tools = json_object_get(row, "tools"),
              .n_before = prompt ? json_array_size(prompt) : n_common,
              .has_prompt = true,
              .what = what};
    json_t *all = join(prompt, json_array_size(prompt), rest, err);
    t.messages = all;
    bool ok = all && read_talk(r, e, &t, n_prompt, err);
    if (!ok && strncmp(err->where, r->place, strlen(r->place)) != 0) as_error_at(err, "%s", what);
    json_decref(all);
    return ok;
}

static bool read_talks(as_row_reader *r, const json_t *row, size_t *n_prompt, as_error *err)
{
    size_t other = 0;
    if (r->parts == MESSAGES) {
        const json_t *messages = json_object_get(row, "messages");
        size_t n = json_array_size(messages);
        talk t = {messages, json_object_get(row, "tools"), n ? n - 1 : 0,
                  n && r->options->mask == AS_MASK_COMPLETION, ""};
        return read_talk(r, &r->whole[0], &t, n_prompt, err);
    }
    if (!r->options->is_pair)
        return read_side(r, row, &r->whole[0], "completion", 0, n_prompt, err);
    const json_t *chosen = json_object_get(row, "chosen");
    const json_t *rejected = json_object_get(row, "rejected");
    size_t n = r->parts & PROMPT ? 0 : common_messages(chosen, rejected);
    return read_side(r, row, &r->whole[0], "chosen", n, n_prompt, err) &&
           read_side(r, row, &r->whole[1], "rejected", n, &other, err) &&
           (other == *n_prompt ||
            as_fail(err, AS_EFORMAT,
                    "prompt (found %zu and %zu tokens, expected as many before "
                    "both sides)",
                    *n_prompt, other));
}

/* ---- cuts ---- */

/* Ids and labels of e into the arena, the prompt's beginning and the sequence's end cut. */
static bool store(as_row_reader *r, const as_encoded *e, size_t n_prompt, as_sequence *out,
                  as_error *err)
{
    const as_dataset_options *o = r->options;
    size_t from = o->max_prompt && n_prompt > o->max_prompt ? n_prompt - o->max_prompt : 0;
    size_t n = e->ids.n - from;
    *out = (as_sequence){.is_prompt_cut = from > 0, .is_cut = n > o->max_length};
    out->n = n = out->is_cut ? o->max_length : n;
    out->n_prompt = n_prompt - from < n ? n_prompt - from : n;
    out->ids = as_arena_push(r->arena, n, sizeof *out->ids, err);
    out->label = as_arena_push(r->arena, n, 1, err);
    if (!out->ids || !out->label) return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = e->ids.id[from + i];
        if (id >= r->vocab)
            return as_fail(err, AS_EFORMAT,
                           "token %zu (found id %u, expected below %zu, the model's vocabulary)",
                           from + i, (unsigned)id, r->vocab);
        out->ids[i] = id;
        out->label[i] = i && e->label[from + i];
        out->n_labels += out->label[i];
    }
    return out->n_labels || as_fail(err, AS_EFORMAT, "row (found no target in its %zu tokens%s)", n,
                                    out->is_cut ? ", the end having been cut" : "");
}

static bool check_pair(const as_row_reader *r, const as_sequence *s, as_error *err)
{
    if (s[0].n == s[1].n && memcmp(s[0].ids, s[1].ids, s[0].n * sizeof *s[0].ids) == 0)
        return as_fail(err, AS_EFORMAT, "chosen and rejected (found the same tokens%s)",
                       s[0].is_cut ? ", the ends having been cut" : "");
    if (s[0].is_cut == s[1].is_cut || r->options->allow_truncated_pairs) return true;
    return as_fail(err, AS_EFORMAT,
                   "%s (found %zu tokens or more, cut at max_length, expected "
                   "both sides cut or none)",
                   s[0].is_cut ? "chosen" : "rejected", r->options->max_length);
}

bool as_row_read(as_row_reader *r, const json_t *row, as_example *out, as_error *err)
{
    size_t n_prompt = 0, n_sides = r->options->is_pair ? 2 : 1;
    if (!find_kind(r, row, out->line, err)) return false;
    if (!(r->is_chat ? read_talks : read_texts)(r, row, &n_prompt, err)) return false;
    for (size_t i = 0; i < n_sides; i++) {
        if ((r->options->masks_think && !as_mask_think(r, &r->whole[i], err)) ||
            !store(r, &r->whole[i], n_prompt, &out->sequence[i], err)) {
            if (n_sides == 2) as_error_at(err, "%s", keys[4 + i]);
            return false;
        }
    }
    return n_sides == 1 || check_pair(r, out->sequence, err);
}
