/* assay: finds the verb, runs it, turns its outcome into streams and an exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/command.h"
#include "app/cli/version.h"
#include "base/tree.h"
#include "lab/stats/blas.h"

static volatile sig_atomic_t stop;

/* The first signal asks for an orderly end, the second one ends at once. */
static void on_signal(int number)
{
    if (stop) {
        signal(number, SIG_DFL);
        raise(number);
    }
    stop = 1;
}

static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is an error of write */
}

static bool env_is(const char *name, const char *value)
{
    const char *v = getenv(name);
    return v && (value ? strcmp(v, value) == 0 : *v != '\0');
}

static bool wants_colour(const as_cli *c, bool is_terminal)
{
    const char *when = as_cli_value(c, "color", "auto");
    if (strcmp(when, "auto") != 0) return strcmp(when, "always") == 0;
    if (env_is("NO_COLOR", NULL) || env_is("TERM", "dumb")) return false;
    return is_terminal || (env_is("CLICOLOR_FORCE", NULL) && !env_is("CLICOLOR_FORCE", "0"));
}

/* {"schema":"assay.error/1",...} on stdout. */
static void print_error_json(const as_error *e)
{
    as_buf b = {0};
    json_t *o =
        json_pack("{s:s,s:s,s:s,s:s,s:s}", "schema", "assay.error/1", "class",
                  as_class_name(e->class_), "where", e->where, "message", e->what, "hint", e->hint);
    if (o) as_json_write_pretty(&b, o);
    fputs(as_buf_text(&b), stdout);
    as_buf_clear(&b);
    json_decref(o);
}

static int end_in_error(const as_cli *c, const as_error *e, int status)
{
    char text[2048];
    fprintf(stderr, "assay: %s\n", as_error_text(e, text, sizeof text));
    if (e->hint[0]) fprintf(stderr, "assay: %s\n", e->hint);
    if (c->json) print_error_json(e);
    if (e->class_ == AS_EUSAGE && status <= AS_EXIT_FAILED) return AS_EXIT_USAGE;
    return status > AS_EXIT_DONE ? status : AS_EXIT_FAILED;
}

static int run_command(const as_command *command, int argc, char **argv)
{
    as_error err = {0};
    as_cli c = {.command = command, .stop = &stop};
    int status = AS_EXIT_FAILED;
    bool is_terminal = isatty(2) == 1;
    for (int i = 0; i < argc; i++) /* also for errors of the command line itself */
        if (strcmp(argv[i], "--json") == 0) c.json = true;
    c.arena = as_arena_new(&err);
    if (!c.arena || !as_cli_parse(&c, argc, argv, &err)) goto out;
    if (as_cli_flag(&c, "help")) {
        as_buf b = {0};
        as_help(&b, command);
        if (as_print(&b, &err)) status = AS_EXIT_DONE;
        as_buf_clear(&b);
        goto out;
    }
    c.log = as_log_new(2,
                       c.quiet     ? AS_QUIET
                       : c.verbose ? AS_VERBOSE
                                   : AS_NORMAL,
                       is_terminal, wants_colour(&c, is_terminal), &err);
    if (c.log) status = command->run(&c, &err);
out:
    if (err.class_) status = end_in_error(&c, &err, status);
    as_log_free(c.log);
    as_arena_free(c.arena);
    return status;
}

static int print_text(void (*write)(as_buf *, const as_command *), const as_command *c)
{
    as_error err = {0};
    as_buf b = {0};
    write(&b, c);
    bool ok = as_print(&b, &err);
    as_buf_clear(&b);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

static void write_man(as_buf *out, const as_command *c)
{
    (void)c;
    as_help_man(out);
}

static int unknown_verb(const char *verb, int argc, char **argv)
{
    as_cli c = {0};
    as_error err = {0};
    size_t n = 0;
    const as_command *const *all = as_commands(&n);
    const char *names[64] = {0};
    char shown[AS_ESCAPE_SIZE];
    for (size_t i = 0; i < n && i < 63; i++) names[i] = all[i]->name;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0) c.json = true;
    const char *near = as_nearest(verb, names);
    as_fail(&err, AS_EUSAGE, "verb (found %s, expected one of `assay --help`%s%s)",
            as_escape(verb, strlen(verb), shown), near ? "; nearest: " : "", near ? near : "");
    return end_in_error(&c, &err, AS_EXIT_USAGE);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "--help";
    as_stats_init();
    catch_signals();
    if (strcmp(verb, "--version") == 0) return print_text(as_version, NULL);
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        const char *about = argc > 2 ? argv[2] : NULL;
        if (about && strcmp(about, "--man") == 0) return print_text(write_man, NULL);
        const as_command *c = about ? as_command_find(about) : NULL;
        if (about && !c) return unknown_verb(about, argc, argv);
        int status = print_text(as_help, c);
        return argc > 1 ? status : AS_EXIT_USAGE;
    }
    const as_command *c = as_command_find(verb);
    return c ? run_command(c, argc - 2, argv + 2) : unknown_verb(verb, argc, argv);
}
