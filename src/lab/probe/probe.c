/* Probes by name. */
#include "lab/probe/probe.h"

#include <string.h>

#include "base/tree.h"

static const as_probe_kind *const kinds[] = {
    &as_probe_h_last, &as_probe_h_mean, &as_probe_last_layers, &as_probe_norms, &as_probe_vectors,
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const as_probe_kind *const *as_probe_kinds(size_t *n)
{
    *n = N_KINDS;
    return kinds;
}

bool as_probe_number(const char *argument, const char *what, size_t least, size_t most, size_t *out,
                     as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t x = 0;
    const char *p = argument ? argument : "";
    for (; *p >= '0' && *p <= '9' && x <= most; p++) x = 10 * x + (size_t)(*p - '0');
    *out = x;
    if (argument && *argument && !*p && x >= least && x <= most) return true;
    return as_fail(err, AS_EUSAGE, "%s (found %s, expected %zu to %zu)", what,
                   argument ? as_escape(argument, strlen(argument), shown) : "nothing", least,
                   most);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Blanks off both ends; size is what is left. */
static const char *trim(const char *s, size_t *size)
{
    while (*size && is_blank(*s)) s++, (*size)--;
    while (*size && is_blank(s[*size - 1])) (*size)--;
    return s;
}

/* "NAME[: ARGUMENT]" apart, in the arena; *argument is NULL without a colon. */
static bool cut(const char *text, as_arena *a, const char **name, const char **argument,
                as_error *err)
{
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    const char *from = trim(text, &size);
    *argument = NULL;
    *name = as_arena_copy(a, from, size, err);
    if (!*name || !colon) return *name;
    size = strlen(colon + 1);
    from = trim(colon + 1, &size);
    *argument = as_arena_copy(a, from, size, err);
    return *argument;
}

static bool fail_unknown(const char *name, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *names[N_KINDS + 1] = {NULL};
    for (size_t i = 0; i < N_KINDS; i++) names[i] = kinds[i]->name;
    const char *near = as_nearest(name, names);
    as_fail(err, AS_EUSAGE,
            "probe (found \"%s\", expected h_last, h_mean, last_layers, heads or head_vectors)",
            as_escape(name, strlen(name), shown));
    if (near) as_error_hint(err, "did you mean %s?", near);
    return false;
}

const as_probe *as_probe_parse(const char *text, const as_config *config, as_arena *a,
                               as_error *err)
{
    const char *name, *argument;
    as_probe *p = as_arena_push(a, 1, sizeof *p, err);
    if (!p || !cut(text, a, &name, &argument, err)) return NULL;
    size_t i = 0;
    while (i < N_KINDS && strcmp(kinds[i]->name, name) != 0) i++;
    if (i == N_KINDS) {
        (void)fail_unknown(name, err);
        return NULL;
    }
    p->config = config;
    p->text = argument ? as_arena_printf(a, err, "%s: %s", name, argument) : name;
    if (p->text && kinds[i]->open(p, argument, a, err)) return p;
    if (err->class_ == AS_EUSAGE) as_error_hint(err, "%s", kinds[i]->syntax);
    as_error_at(err, "%s", kinds[i]->name);
    return NULL;
}
