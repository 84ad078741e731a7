/* Arms: their text, their hooks, and what they own. */
#include "engine/operator/operator_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"

static const as_operator *const operators[] = {
    &as_operator_lora,
    &as_operator_temper,
    &as_operator_steer,
};

typedef struct weight_node {
    as_weight weight;
    struct weight_node *next;
} weight_node;

struct as_arm {
    as_arena *arena;
    const char *name, *text;
    as_hook **hook;
    size_t n_hooks, room;
    as_hooks hooks;
    weight_node *weights;
    float *buffer;
    size_t n_buffer;
    json_t *record;
};

const as_operator *const *as_operators(size_t *n)
{
    *n = sizeof operators / sizeof *operators;
    return operators;
}

as_hook *as_arm_add(as_arm *arm, as_error *err)
{
    if (arm->n_hooks == arm->room) {
        size_t room = arm->room ? arm->room * 2 : 64;
        as_hook **grown = as_arena_push(arm->arena, room, sizeof *grown, err);
        if (!grown) return NULL;
        if (arm->n_hooks) memcpy(grown, arm->hook, arm->n_hooks * sizeof *grown);
        arm->hook = grown;
        arm->room = room;
    }
    as_hook *h = as_arena_push(arm->arena, 1, sizeof *h, err);
    if (h) arm->hook[arm->n_hooks++] = h;
    return h;
}

as_arena *as_arm_arena(as_arm *arm)
{
    return arm->arena;
}

as_weight *as_arm_weight(as_arm *arm, as_error *err)
{
    weight_node *node = as_arena_push(arm->arena, 1, sizeof *node, err);
    if (!node) return NULL;
    node->next = arm->weights;
    arm->weights = node;
    return &node->weight;
}

bool as_arm_need(as_arm *arm, size_t n, as_error *err)
{
    if (n <= arm->n_buffer) return true;
    float *buffer = as_new(n, sizeof *buffer, err);
    if (!buffer) return false;
    free(arm->buffer);
    arm->buffer = buffer;
    arm->n_buffer = n;
    return true;
}

float *as_arm_buffer(const as_arm *arm)
{
    return arm->buffer;
}

bool as_arm_note(as_arm *arm, json_t *what, as_error *err)
{
    as_json_append(&arm->record, what);
    return arm->record || as_fail(err, AS_EMEM, "out of memory");
}

bool as_argument_strength(char *argument, double *strength, as_error *err)
{
    *strength = 1;
    char *star = strrchr(argument, '*');
    if (!star) return true;
    char *end = NULL, shown[AS_ESCAPE_SIZE];
    *strength = strtod(star + 1, &end);
    while (*end == ' ') end++;
    if (end == star + 1 || *end || !isfinite(*strength))
        return as_fail(err, AS_EUSAGE, "strength (found \"%s\", expected a number after \"*\")",
                       as_escape(star + 1, strlen(star + 1), shown));
    *star = 0;
    for (char *p = star; p > argument && p[-1] == ' '; p--) p[-1] = 0;
    return true;
}

/* Blanks off both ends, in place. */
static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t') s++;
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t')) s[--n] = 0;
    return s;
}

/* "OPERATOR: ARGUMENT". */
static bool open_part(as_arm *arm, char *part, const as_model *m, const as_exec *ex,
                      const as_arm_options *options, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *names[sizeof operators / sizeof *operators + 2] = {NULL};
    char *colon = strchr(part, ':');
    if (colon) *colon = 0;
    const char *name = trim(part);
    if (!colon && strcmp(name, "base") == 0) return true;
    if (strcmp(name, "base") == 0)
        return as_fail(err, AS_EUSAGE, "base takes no argument (found \"%s\")",
                       as_escape(colon + 1, strlen(colon + 1), shown));
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        names[i] = operators[i]->name;
        if (!colon || strcmp(name, operators[i]->name) != 0) continue;
        if (operators[i]->open(arm, trim(colon + 1), m, ex, options, err)) return true;
        as_error_hint(err, "%s", operators[i]->syntax);
        as_error_at(err, "%s", operators[i]->name);
        return false;
    }
    names[sizeof operators / sizeof *operators] = "base";
    const char *near = as_nearest(name, names);
    as_fail(err, AS_EUSAGE, "operator (found \"%s\", expected base, lora: , temper: or steer: )",
            as_escape(name, strlen(name), shown));
    if (near) as_error_hint(err, "did you mean %s?", near);
    return false;
}

/* "NAME =" before the first operator, when the text has one: NAME is letters, digits, -_. only. */
static char *split_name(char *text, const char **name)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+");
    char *rest = text + n;
    while (*rest == ' ') rest++;
    if (!n || *rest != '=') return text;
    text[n] = 0;
    *name = text;
    return rest + 1;
}

as_arm *as_arm_open(const char *text, const as_model *m, const as_exec *ex,
                    const as_arm_options *options, as_error *err)
{
    static const as_arm_options plain = {false};
    bool ok = false;
    char shown[AS_ESCAPE_SIZE];
    if (!as_utf8_valid(text, strlen(text), NULL)) {
        as_fail(err, AS_EUSAGE, "arm \"%s\": not UTF-8", as_escape(text, strlen(text), shown));
        return NULL;
    }
    as_arm *arm = as_new(1, sizeof *arm, err);
    if (!arm) return NULL;
    arm->arena = as_arena_new(err);
    arm->record = json_array();
    if (!arm->arena) goto out;
    char *copy = as_arena_text(arm->arena, text, err);
    arm->name = arm->text = as_arena_text(arm->arena, text, err);
    if (!copy || !arm->name) goto out;
    for (char *part = split_name(trim(copy), &arm->name), *next; part; part = next) {
        next = strchr(part, ';');
        if (next) *next++ = 0;
        if (!open_part(arm, part, m, ex, options ? options : &plain, err)) goto out;
    }
    arm->hooks = (as_hooks){(const as_hook *const *)arm->hook, arm->n_hooks};
    ok = arm->record || as_fail(err, AS_EMEM, "out of memory");
out:
    if (ok) return arm;
    as_error_at(err, "arm \"%s\"", as_escape(text, strlen(text), shown));
    as_arm_close(arm);
    return NULL;
}

void as_arm_close(as_arm *a)
{
    if (!a) return;
    for (weight_node *w = a->weights; w; w = w->next) as_weight_clear(&w->weight);
    json_decref(a->record);
    free(a->buffer);
    as_arena_free(a->arena);
    free(a);
}

const char *as_arm_name(const as_arm *a)
{
    return a->name;
}

const char *as_arm_text(const as_arm *a)
{
    return a->text;
}

const as_hooks *as_arm_hooks(const as_arm *a)
{
    return &a->hooks;
}

const json_t *as_arm_record(const as_arm *a)
{
    return a->record;
}
