/* assay doctor and --version: what this program is made of and where it runs; what a bug report
 * needs. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/cli/engine.h"
#include "app/cli/trials.h"
#include "app/cli/version.h"
#include "base/confine.h"
#include "base/file.h"

typedef struct {
    const char *name, *value;
} fact;

static size_t made_of(fact *f)
{
    size_t n = 0;
    f[n++] = (fact){"assay", AS_VERSION};
    f[n++] = (fact){"sqlite", as_store_engine()};
    f[n++] = (fact){"jansson", JANSSON_VERSION};
    f[n++] = (fact){"compiler", __VERSION__};
    f[n++] = (fact){"curl", "not used"};
    f[n++] = (fact){"kernels", as_kernels_find("auto", &(as_error){0})->name};
    f[n++] = (fact){"sandbox", "none built in"};
    return n;
}

void as_version(as_buf *out, const as_command *c)
{
    fact f[16];
    size_t n = made_of(f);
    (void)c;
    for (size_t i = 0; i < n; i++) as_buf_printf(out, "%s %s\n", f[i].name, f[i].value);
}

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    AS_ARM_OPTIONS,
    {"against", 0, "FILE", "parity: another implementation's `assay score --json`", false},
    {"tolerance", 0, "X", "parity: largest difference of logits (default: 1e-4)", false},
    {"db", 0, "FILE", "store to look at (default: the nearest assay.db)", false},
    {0},
};

/* "whole", "none", or what is wrong with it. */
static const char *store_state(as_cli *c, const char *path)
{
    as_error e = {0};
    char text[1024];
    const char *state = "whole";
    if (!path) return "no place for one";
    if (!as_file_exists(path)) return "none yet";
    as_store *s = as_store_open(path, AS_STORE_READ, &e);
    if (!s || !as_store_check(s, &e)) {
        as_error ignored = {0};
        state = as_arena_text(c->arena, as_error_text(&e, text, sizeof text), &ignored);
    }
    as_store_close(s);
    return state ? state : "unknown";
}

static int run_facts(as_cli *c, as_error *err)
{
    fact f[24];
    size_t n = made_of(f);
    struct utsname u = {0};
    as_error no_store = {0};
    const char *path = as_cli_store_path(c, &no_store), *epoch = getenv("SOURCE_DATE_EPOCH");
    const char *threads = getenv("ASSAY_THREADS");
    uname(&u);
    f[n++] = (fact){"system",
                    as_arena_printf(c->arena, err, "%s %s %s", u.sysname, u.release, u.machine)};
    f[n++] =
        (fact){"processors", as_arena_printf(c->arena, err, "%ld", sysconf(_SC_NPROCESSORS_ONLN))};
    f[n++] = (fact){"memory_mib", as_arena_printf(c->arena, err, "%lld",
                                                  (long long)sysconf(_SC_PHYS_PAGES) *
                                                      sysconf(_SC_PAGESIZE) / 1048576)};
    f[n++] = (fact){"landlock", as_arena_printf(c->arena, err, "%d", as_confine_version())};
    f[n++] = (fact){"ASSAY_THREADS", threads ? threads : ""};
    f[n++] = (fact){"SOURCE_DATE_EPOCH", epoch ? epoch : ""};
    f[n++] = (fact){"store", path ? path : ""};
    f[n++] = (fact){"store_state", store_state(c, path)};
    if (err->class_) return AS_EXIT_FAILED;
    as_buf b = {0};
    json_t *o = c->json ? json_pack("{s:s}", "schema", "assay.doctor/1") : NULL;
    for (size_t i = 0; i < n; i++) {
        if (o) json_object_set_new(o, f[i].name, json_string(f[i].value));
        as_buf_printf(&b, "%-18s ", f[i].name);
        as_buf_escape(&b, f[i].value, strlen(f[i].value));
        as_buf_puts(&b, "\n");
    }
    bool ok = c->json ? as_print_json(o, err) : as_print(&b, err);
    as_buf_clear(&b);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

/* Options that this kind has no use for are refused. */
static bool check_options(const as_cli *c, const char *what, as_error *err)
{
    bool is_parity = strcmp(what, "parity") == 0, is_trial = *what;
    for (const as_option *o = options; o->name; o++) {
        bool of_store = strcmp(o->name, "db") == 0;
        bool of_parity = strcmp(o->name, "against") == 0 || strcmp(o->name, "tolerance") == 0;
        bool fits = of_store ? !is_trial : of_parity ? is_parity : is_trial;
        if (!fits && as_cli_flag(c, o->name))
            return as_fail(err, AS_EUSAGE, "doctor%s%s takes no --%s", *what ? " " : "", what,
                           o->name);
    }
    if (as_cli_flag(c, "tolerance") && !as_cli_flag(c, "against"))
        return as_fail(err, AS_EUSAGE, "--tolerance goes with --against");
    return true;
}

static int run(as_cli *c, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *what = c->n_operands ? c->operand[0] : "";
    bool is_known = !*what || strcmp(what, "invariance") == 0 || strcmp(what, "parity") == 0;
    if (is_known && !check_options(c, what, err)) return AS_EXIT_USAGE;
    if (!c->n_operands) return run_facts(c, err);
    if (strcmp(what, "invariance") == 0)
        return as_trial_invariance(c, err) ? AS_EXIT_DONE : AS_EXIT_FAILED;
    if (strcmp(what, "parity") == 0) return as_trial_parity(c, err) ? AS_EXIT_DONE : AS_EXIT_FAILED;
    as_fail(err, AS_EUSAGE, "doctor: what (found %s, expected parity or invariance)",
            as_escape(what, strlen(what), shown));
    return AS_EXIT_USAGE;
}

const as_command as_command_doctor = {
    "doctor",
    "what a bug report needs; trials of a model on this machine",
    "[parity|invariance]",
    0,
    1,
    "Prints the versions of what the program is made of, the machine, the settings that are in "
    "force and the state of the store. parity runs --model under every kernel table and compares "
    "bytes with the scalar one, and logits with those of --against. invariance decodes requests "
    "alone and in every other way (batch, threads, pieces, order, replay, neutral operator) and "
    "compares tokens, log-probabilities and readings byte for byte.",
    options,
    {"assay doctor --json", "assay doctor invariance --model DIR --arm 'temper: 3.1=0.5'"},
    run,
};
