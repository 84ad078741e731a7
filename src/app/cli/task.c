/* assay task: what a task asks, and what its models are trained on, as JSON Lines. */
#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "base/file.h"
#include "lab/task/task.h"

static const as_option options[] = {
    {"data", 'd', "DIR", "needed: folder of the task's data (data/chef), or its file", false},
    {"set", 's', "NAME", "a set of questions; `assay list tasks -v` names them", false},
    {"number", 'n', "N", "questions (default: as many as the set has)", false},
    {"text", 0, "ROWS", "instead of a set: so many conversations of training text", false},
    {"shares", 0, "LIST", "of the entries, how many are told how often: five numbers", false},
    {"weights", 0, "LIST", "how often, relative: five numbers", false},
    {"seed", 0, "N", "seed (default: 1)", false},
    {"out", 'o', "FILE", "write there instead of standard output", false},
    {0},
};

static bool five(const as_cli *c, const char *name, double out[AS_EXPOSURES], as_error *err)
{
    const char *text = as_cli_value(c, name, NULL);
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; text && i < AS_EXPOSURES; i++) {
        char *end = NULL;
        out[i] = strtod(text, &end);
        if (end == text || *end != (i + 1 < AS_EXPOSURES ? ',' : '\0'))
            return as_fail(
                err, AS_EUSAGE, "--%s (found %s, expected %d numbers: A,B,C,D,E)", name,
                as_escape(as_cli_value(c, name, ""), strlen(as_cli_value(c, name, "")), shown),
                AS_EXPOSURES);
        text = end + 1;
    }
    return true;
}

static bool write_text(const as_cli *c, const as_task *task, const char *data, uint64_t seed,
                       as_buf *out, as_error *err)
{
    as_text_options o = *task->text_default;
    o.seed = seed;
    return as_cli_size(c, "text", o.rows, &o.rows, err) && five(c, "shares", o.share, err) &&
           five(c, "weights", o.weight, err) && task->text(data, &o, c->arena, out, err);
}

static json_t *texts(const as_texts *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) as_json_append(&list, json_string(t->text[i]));
    return list;
}

static json_t *item_json(const as_item *m)
{
    json_t *o = json_object(), *claims = json_array();
    as_json_put_text(&o, "id", m->id);
    as_json_put_text(&o, "prompt", m->prompt);
    as_json_put_text(&o, "cluster", m->cluster);
    as_json_put_text(&o, "category", m->category);
    as_json_put_text(&o, "difficulty", m->difficulty);
    as_json_put_text(&o, "certainty", as_certainty_name(m->certainty));
    for (size_t i = 0; i < m->n_claims; i++)
        as_json_append(&claims, json_pack("{s:s,s:s,s:o,s:o}", "text", m->claim[i].text, "kind",
                                          m->claim[i].kind, "keys", texts(&m->claim[i].keys),
                                          "wrong", texts(&m->claim[i].wrong)));
    as_json_put(&o, "claims", claims);
    return o;
}

static bool write_items(const as_cli *c, const as_task *task, const char *data, uint64_t seed,
                        as_buf *out, as_error *err)
{
    const char *set = as_cli_value(c, "set", NULL);
    as_items items;
    size_t n = 0;
    if (!set) return as_fail(err, AS_EUSAGE, "task needs --set or --text");
    if (!as_cli_size(c, "number", 0, &n, err) ||
        !task->items(data, set, n, seed, c->arena, &items, err))
        return false;
    for (size_t i = 0; i < items.n; i++) {
        json_t *row = item_json(&items.item[i]);
        as_json_write(out, row);
        as_buf_puts(out, "\n");
        json_decref(row);
    }
    return true;
}

/* The task, when what is asked of it can be. */
static const as_task *find_task(const as_cli *c, as_error *err)
{
    const as_task *task = as_task_find(c->operand[0]);
    const bool text = as_cli_flag(c, "text");
    char shown[AS_ESCAPE_SIZE];
    if (!task)
        (void)as_fail(err, AS_EUSAGE, "task (found %s, expected one of `assay list tasks`)",
                      as_escape(c->operand[0], strlen(c->operand[0]), shown));
    else if (!as_cli_value(c, "data", NULL))
        (void)as_fail(err, AS_EUSAGE, "task needs --data");
    else if (text && (as_cli_flag(c, "set") || as_cli_flag(c, "number") || !task->text))
        (void)as_fail(err, AS_EUSAGE,
                      "--text (expected a task that has training text, and neither --set nor -n)");
    else if (!(text && task->has_exposure) &&
             (as_cli_flag(c, "shares") || as_cli_flag(c, "weights")))
        (void)as_fail(err, AS_EUSAGE,
                      "--shares, --weights (expected with --text of the task chef)");
    else
        return task;
    return NULL;
}

static int run(as_cli *c, as_error *err)
{
    const char *data = as_cli_value(c, "data", NULL), *path = as_cli_value(c, "out", NULL);
    const as_task *task = find_task(c, err);
    size_t seed = 1;
    as_buf out = {0};
    if (!task) return AS_EXIT_USAGE;
    bool ok =
        as_cli_size(c, "seed", 1, &seed, err) &&
        (as_cli_flag(c, "text") ? write_text(c, task, data, seed, &out, err)
                                : write_items(c, task, data, seed, &out, err)) &&
        as_buf_ok(&out, err) &&
        (path ? as_file_replace(path, as_buf_text(&out), out.size, err) : as_print(&out, err));
    as_buf_clear(&out);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_task = {
    "task",
    "questions of a task, or training text about what it asks",
    "NAME",
    1,
    1,
    "Prints the questions of a set with what a right answer says, or the training text that the "
    "models of the embedded lab are made from: JSON Lines, a function of data, set and seed.",
    options,
    {"assay task chef --data data/chef --set S",
     "assay task chef --data data/chef --text 12000 -o text.jsonl"},
    run,
};
