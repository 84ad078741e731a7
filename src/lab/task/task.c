/* The tasks, and what they share: ids of prompts and the digest of a set. */
#include "lab/task/task.h"

#include <string.h>

#include "base/json.h"

extern const as_task as_task_chef, as_task_mini_code, as_task_file;
static const as_task *const tasks[] = {
    &as_task_chef,
    &as_task_mini_code,
    &as_task_file,
};

const as_task *const *as_tasks(size_t *n)
{
    *n = sizeof tasks / sizeof *tasks;
    return tasks;
}

const as_task *as_task_find(const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i]->name, name) == 0) return tasks[i];
    return NULL;
}

const char *as_certainty_name(as_certainty c)
{
    static const char *const names[] = {"CERTAIN", "UNCERTAIN", "AMBIGUOUS"};
    return names[c];
}

const char *as_item_id(const char *prompt, as_arena *a, as_error *err)
{
    as_key key;
    if (!as_sha256_of(prompt, strlen(prompt), key, err)) return NULL;
    return as_arena_copy(a, key, 16, err);
}

uint64_t as_name_index(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

bool as_text_row(const char *name, size_t k, const char *ask, const char *answer, as_arena *a,
                 as_buf *out, as_error *err)
{
    const char *key = as_arena_printf(a, err, "%s %zu\n%s\n%s", name, k, ask, answer);
    const char *id = key ? as_item_id(key, a, err) : NULL;
    if (!id) return false;
    json_t *row = json_object(), *list = json_array();
    for (size_t i = 0; i < 2; i++) {
        json_t *message = json_object();
        as_json_put_text(&message, "role", i ? "assistant" : "user");
        as_json_put_text(&message, "content", i ? answer : ask);
        as_json_append(&list, message);
    }
    as_json_put_text(&row, "id", id);
    as_json_put(&row, "messages", list);
    bool ok = row != NULL || as_fail(err, AS_EMEM, "out of memory");
    if (ok) as_json_write(out, row);
    as_buf_puts(out, "\n");
    json_decref(row);
    return ok && as_buf_ok(out, err);
}

/* --- digest ------------------------------------------------------------------------------ */

/* Each text with its end; what is not there as a byte that no text has. */
static bool add_text(as_sha256 *h, const char *text, as_error *err)
{
    return text ? as_sha256_add(h, text, strlen(text) + 1, err) : as_sha256_add(h, "\xFF", 2, err);
}

static bool add_texts(as_sha256 *h, const as_texts *t, as_error *err)
{
    for (size_t i = 0; i < t->n; i++)
        if (!add_text(h, t->text[i], err)) return false;
    return add_text(h, NULL, err);
}

static bool add_item(as_sha256 *h, const as_item *item, as_error *err)
{
    if (!add_text(h, item->prompt, err)) return false;
    for (size_t i = 0; i < item->n_claims; i++) {
        const as_claim *c = &item->claim[i];
        if (!add_text(h, c->text, err) || !add_text(h, c->kind, err) ||
            !add_texts(h, &c->keys, err) || !add_texts(h, &c->wrong, err))
            return false;
    }
    if (!add_text(h, NULL, err)) return false;
    const as_problem *p = item->problem;
    if (!p) return add_text(h, NULL, err);
    return add_text(h, p->entry_point, err) && add_text(h, p->preamble, err) &&
           add_text(h, p->solution, err) && add_text(h, p->test, err) && add_text(h, p->plan, err);
}

bool as_items_seal(as_items *items, as_error *err)
{
    as_sha256 *h = as_sha256_new(err);
    if (!h) return false;
    for (size_t i = 0; i < items->n; i++)
        if (!add_item(h, &items->item[i], err)) {
            as_sha256_free(h);
            return false;
        }
    return as_sha256_end(h, items->digest, err);
}
