/* Options: GNU style, declared once as rows; parsing, help and the manual read the same rows. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli/command.h"
#include "base/tree.h"

const as_option as_common_options[] = {
    {"help", 'h', NULL, "show this text", false},
    {"json", 0, NULL, "print exactly one JSON object on standard output", false},
    {"quiet", 'q', NULL, "no messages but warnings and errors", false},
    {"verbose", 'v', NULL, "say more", false},
    {"color", 0, "WHEN", "auto, always or never", false},
    {"no-input", 0, NULL, "never ask", false},
    {0},
};

static const as_option *find_in(const as_option *o, const char *name, size_t size, char letter)
{
    for (; o && o->name; o++)
        if (name ? strlen(o->name) == size && memcmp(o->name, name, size) == 0
                 : letter && o->letter == letter)
            return o;
    return NULL;
}

static const as_option *find(const as_cli *c, const char *name, size_t size, char letter)
{
    const as_option *o = find_in(c->command->options, name, size, letter);
    return o ? o : find_in(as_common_options, name, size, letter);
}

static bool unknown(const as_cli *c, const char *arg, size_t size, as_error *err)
{
    const char *names[64];
    size_t n = 0;
    char shown[AS_ESCAPE_SIZE], word[64] = {0};
    for (const as_option *o = c->command->options; o && o->name && n < 48; o++)
        names[n++] = o->name;
    for (const as_option *o = as_common_options; o->name && n < 63; o++) names[n++] = o->name;
    names[n] = NULL;
    const char *bare = arg + strspn(arg, "-");
    size_t k = size - (size_t)(bare - arg);
    memcpy(word, bare, k < 63 ? k : 63);
    const char *near = as_nearest(word, names);
    return as_fail(err, AS_EUSAGE, "%s: option (found %s, expected one of `assay %s --help`%s%s)",
                   c->command->name, as_escape(arg, size, shown), c->command->name,
                   near ? "; nearest: --" : "", near ? near : "");
}

static bool keep(as_cli *c, const as_option *o, const char *value, as_error *err)
{
    if (!o->repeats && as_cli_flag(c, o->name))
        return as_fail(err, AS_EUSAGE, "%s: --%s (found twice, expected once)", c->command->name,
                       o->name);
    c->given_name[c->n_given] = o->name;
    c->given_value[c->n_given++] = value;
    return true;
}

/* One argument that begins with a dash; *i moves over a value in the next one. */
static bool take(as_cli *c, int argc, char **argv, int *i, as_error *err)
{
    const char *arg = argv[*i], *equals = NULL, *value = NULL;
    const as_option *o;
    if (arg[1] == '-') {
        equals = strchr(arg, '=');
        size_t size = equals ? (size_t)(equals - arg) : strlen(arg);
        o = find(c, arg + 2, size - 2, 0);
        if (!o) return unknown(c, arg, size, err);
        value = equals ? equals + 1 : NULL;
    } else {
        o = find(c, NULL, 0, arg[1]);
        if (!o) return unknown(c, arg, strlen(arg), err);
        if (arg[2]) value = arg + 2;
    }
    if (!o->value && value)
        return as_fail(err, AS_EUSAGE, "%s: --%s: value (found one, expected none)",
                       c->command->name, o->name);
    if (o->value && !value) {
        if (*i + 1 >= argc)
            return as_fail(err, AS_EUSAGE, "%s: --%s: value (found none, expected %s)",
                           c->command->name, o->name, o->value);
        value = argv[++*i];
    }
    return keep(c, o, value ? value : "", err);
}

bool as_cli_parse(as_cli *c, int argc, char **argv, as_error *err)
{
    bool only_operands = false;
    size_t room = (size_t)argc + 1;
    c->operand = as_arena_push(c->arena, room, sizeof *c->operand, err);
    c->given_name = as_arena_push(c->arena, room, sizeof *c->given_name, err);
    c->given_value = as_arena_push(c->arena, room, sizeof *c->given_value, err);
    if (!c->operand || !c->given_name || !c->given_value) return false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            if (!take(c, argc, argv, &i, err)) return false;
        } else
            c->operand[c->n_operands++] = argv[i];
    }
    c->json = as_cli_flag(c, "json");
    c->quiet = as_cli_flag(c, "quiet");
    c->verbose = as_cli_flag(c, "verbose");
    c->no_input = as_cli_flag(c, "no-input");
    const char *color = as_cli_value(c, "color", "auto");
    if (strcmp(color, "auto") && strcmp(color, "always") && strcmp(color, "never")) {
        char shown[AS_ESCAPE_SIZE];
        return as_fail(err, AS_EUSAGE, "--color: value (found %s, expected auto, always or never)",
                       as_escape(color, strlen(color), shown));
    }
    if (as_cli_flag(c, "help")) return true;
    if (c->n_operands >= c->command->least && c->n_operands <= c->command->most) return true;
    return as_fail(err, AS_EUSAGE, "%s: operands (found %zu, expected %s)", c->command->name,
                   c->n_operands, c->command->operands[0] ? c->command->operands : "none");
}

const char *as_cli_value(const as_cli *c, const char *name, const char *fallback)
{
    for (size_t i = c->n_given; i-- > 0;)
        if (strcmp(c->given_name[i], name) == 0) return c->given_value[i];
    return fallback;
}

bool as_cli_flag(const as_cli *c, const char *name)
{
    return as_cli_value(c, name, NULL) != NULL;
}

bool as_cli_size(const as_cli *c, const char *name, size_t fallback, size_t *out, as_error *err)
{
    const char *text = as_cli_value(c, name, NULL);
    char *end = NULL, shown[AS_ESCAPE_SIZE];
    *out = fallback;
    if (!text) return true;
    errno = 0;
    unsigned long long v = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
    if (!end || *end || errno || v > SIZE_MAX / 2)
        return as_fail(err, AS_EUSAGE, "--%s: value (found %s, expected digits)", name,
                       as_escape(text, strlen(text), shown));
    *out = (size_t)v;
    return true;
}

/* --- help --------------------------------------------------------------------------------------
 */

static void option_rows(as_buf *out, const as_option *o)
{
    for (; o && o->name; o++) {
        as_buf b = {0};
        if (o->letter)
            as_buf_printf(&b, "  -%c, --%s", o->letter, o->name);
        else
            as_buf_printf(&b, "      --%s", o->name);
        if (o->value) as_buf_printf(&b, " %s", o->value);
        as_buf_printf(out, "%-30s %s\n", as_buf_text(&b), o->help);
        as_buf_clear(&b);
    }
}

void as_help(as_buf *out, const as_command *c)
{
    size_t n = 0;
    const as_command *const *all = as_commands(&n);
    if (c) {
        as_buf_printf(out, "usage: assay %s [options]%s%s\n\n%s\n\noptions:\n", c->name,
                      c->operands[0] ? " " : "", c->operands, c->about);
        option_rows(out, c->options);
        option_rows(out, as_common_options);
        as_buf_printf(out, "\nexamples:\n  %s\n  %s\n", c->examples[0], c->examples[1]);
        return;
    }
    as_buf_puts(out, "usage: assay VERB [options] [operands]\n\n"
                     "Tells real changes of a small language model's behaviour from artefacts.\n\n"
                     "verbs:\n");
    for (size_t i = 0; i < n; i++)
        as_buf_printf(out, "  %-12s %s\n", all[i]->name, all[i]->summary);
    as_buf_puts(out, "  help         the text of `assay VERB --help`\n\n"
                     "assay --version prints the versions of what it is made of.\n"
                     "Exit status: 0 done or supported, 1 failed, 2 usage, 3 refuted, "
                     "4 inconclusive, 5 refused: the evidence is not whole.\n");
}

/* man(7) wants - as \- in options. */
static void man_text(as_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            as_buf_puts(out, "\\-");
        else if (*text == '\\')
            as_buf_puts(out, "\\e");
        else
            as_buf_add(out, text, 1);
    }
}

static void man_options(as_buf *out, const as_option *o)
{
    for (; o && o->name; o++) {
        as_buf_puts(out, ".TP\n\\fB");
        if (o->letter) as_buf_printf(out, "\\-%c\\fR, \\fB", o->letter);
        as_buf_puts(out, "\\-\\-");
        man_text(out, o->name);
        as_buf_puts(out, "\\fR");
        if (o->value) as_buf_printf(out, " \\fI%s\\fR", o->value);
        as_buf_puts(out, "\n");
        man_text(out, o->help);
        as_buf_puts(out, "\n");
    }
}

void as_help_man(as_buf *out)
{
    size_t n = 0;
    const as_command *const *all = as_commands(&n);
    for (size_t i = 0; i < n; i++) {
        as_buf_printf(out, ".SS assay %s%s%s\n", all[i]->name, all[i]->operands[0] ? " " : "",
                      all[i]->operands);
        man_text(out, all[i]->about);
        as_buf_puts(out, "\n");
        man_options(out, all[i]->options);
    }
    as_buf_puts(out, ".SS every verb\n");
    man_options(out, as_common_options);
}
