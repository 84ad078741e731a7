/* The command line: verbs are rows of commands[], options are rows of their tables; help, the
 * manual's option list and `assay list options` come from those rows. A new verb is one file with
 * a `const as_command as_command_NAME` and one row in commands[] (command.c). */
#ifndef AS_APP_CLI_COMMAND_H
#define AS_APP_CLI_COMMAND_H

#include <signal.h>

#include "base/arena.h"
#include "base/log.h"
#include "lab/store/store.h"

/* Exit statuses. */
enum {
    AS_EXIT_DONE = 0,
    AS_EXIT_FAILED = 1,
    AS_EXIT_USAGE = 2,
    AS_EXIT_REFUTED = 3,
    AS_EXIT_INCONCLUSIVE = 4,
    AS_EXIT_REFUSED = 5
};

typedef struct {
    const char *name;  /* without "--" */
    char letter;       /* for -x; 0: none */
    const char *value; /* placeholder ("FILE"); NULL: a flag */
    const char *help;
    bool repeats;
} as_option;

typedef struct as_cli as_cli;

typedef struct {
    const char *name;
    const char *summary;      /* one line */
    const char *operands;     /* "PLAN", "[PLAN]", "" */
    size_t least, most;       /* operands */
    const char *about;        /* a paragraph for --help */
    const as_option *options; /* ends with a row whose name is NULL */
    const char *examples[2];
    int (*run)(as_cli *c, as_error *err); /* exit status; failure sets err and returns >= 1 */
} as_command;

struct as_cli {
    const as_command *command;
    const char **operand;
    size_t n_operands;
    const char **given_name, **given_value; /* options in the order given */
    size_t n_given;
    bool json, quiet, verbose, no_input;
    as_arena *arena; /* until the command ends */
    as_log *log;
    const volatile sig_atomic_t *stop;
};

const as_command *const *as_commands(size_t *n);
const as_command *as_command_find(const char *name);
/* Options every command has. */
extern const as_option as_common_options[];

/* Reads argv after the verb. Unknown options fail naming the nearest. AS_EUSAGE. */
AS_MUST_CHECK bool as_cli_parse(as_cli *c, int argc, char **argv, as_error *err);

/* The last value given, fallback when none; flags: "" when given. */
const char *as_cli_value(const as_cli *c, const char *name, const char *fallback);
bool as_cli_flag(const as_cli *c, const char *name);
AS_MUST_CHECK bool as_cli_size(const as_cli *c, const char *name, size_t fallback, size_t *out,
                               as_error *err);

/* Help text of a command, or of the program for NULL. */
void as_help(as_buf *out, const as_command *c);
/* The option list of the manual, in man(7). */
void as_help_man(as_buf *out);

/* Writes to stdout, whole. */
AS_MUST_CHECK bool as_print(const as_buf *b, as_error *err);
/* The object, pretty, and releases it. */
AS_MUST_CHECK bool as_print_json(json_t *object, as_error *err);

/* --db, else ASSAY_DB, else the assay.db found upward from here, else
 * $XDG_DATA_HOME/assay/assay.db (default ~/.local/share); the folder is made. In the arena. */
AS_MUST_CHECK const char *as_cli_store_path(const as_cli *c, as_error *err);
/* Opens it and says its notice. Before that the process confines itself (base/confine.h) to reading
 * --data and writing beside the store, --report, --junit and --plan; so everything else a verb
 * reads is read before, and threads are made after. */
AS_MUST_CHECK as_store *as_cli_store(const as_cli *c, as_store_mode mode, as_error *err);
/* $XDG_CACHE_HOME/assay, default ~/.cache/assay, in the arena; NULL when there is no place. */
const char *as_cli_cache(const as_cli *c, as_error *err);
/* From now on the process may write in the folder of --out and in the cache (NULL: none), and
 * nowhere else (base/confine.h). Before threads are made. */
AS_MUST_CHECK bool as_cli_write_only_out(const as_cli *c, const char *cache, as_error *err);
/* The same for these folders, at most 8, which exist. */
void as_cli_write_only(const as_cli *c, const char *const *folder, size_t n, const char *cache);
/* The folder of a file, in the arena. */
AS_MUST_CHECK const char *as_cli_folder_of(const as_cli *c, const char *path, as_error *err);
/* --design KEY or the last one, of plan name `name` when that is not NULL. On failure *status is
 * the exit status: AS_EXIT_FAILED when there is none, as_exit_of_rows for a row that is not whole.
 */
AS_MUST_CHECK bool as_cli_design(const as_cli *c, as_store *store, const char *name, as_design *out,
                                 int *status, as_error *err);

/* RFC 3339 UTC of SOURCE_DATE_EPOCH, else of now. */
AS_MUST_CHECK const char *as_cli_time(const as_cli *c, as_error *err);

/* After rows could not be read: AS_EXIT_REFUSED when a key is not the row's or a verdict not that
 * of its statistics (AS_ESTATE, AS_EFORMAT), else AS_EXIT_FAILED. */
int as_exit_of_rows(const as_error *err);

/* 0, 3 or 4 for a verdict's word. */
int as_exit_of(const char *word);

#endif
