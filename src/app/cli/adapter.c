/* assay adapter: what an adapter is, and adapters in other forms: folded into a checkpoint, or as a
 * GGUF file. */
#include "engine/operator/adapter.h"

#include <string.h>

#include "app/cli/engine.h"
#include "base/file.h"

static const as_option options[] = {
    AS_MODEL_OPTIONS,
    {"adapter", 0, "PATH", "a PEFT folder; export also takes FILE.gguf", false},
    {"out", 'o', "PATH", "merge: a new folder; export: FILE.gguf, or a folder from one", false},
    {"dtype", 0, "TYPE",
     "merge: F32, F16 or BF16; a quantised base needs one (default: as the base has it)", false},
    {0},
};

typedef struct {
    as_cli *cli;
    as_engine engine;
    const char *adapter, *out;
} job;

static bool is_gguf(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".gguf") == 0;
}

static bool print_line(const char *from, const char *to, const char *what, as_error *err)
{
    as_buf b = {0};
    as_buf_escape(&b, from, strlen(from));
    as_buf_puts(&b, " -> ");
    as_buf_escape(&b, to, strlen(to));
    as_buf_printf(&b, ": %s\n", what);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* {"schema", "action", "adapter", "out"} */
static bool print_done(const job *j, const char *action, const char *what, as_error *err)
{
    if (!j->cli->json) return print_line(j->adapter, j->out, what, err);
    json_t *o = json_object();
    as_json_put_text(&o, "schema", "assay.adapter/1");
    as_json_put_text(&o, "action", action);
    as_json_put_text(&o, "model", j->engine.local.path);
    as_json_put_text(&o, "adapter", j->adapter);
    as_json_put_text(&o, "out", j->out);
    return as_print_json(o, err);
}

/* ---- inspect ---- */

static double number_at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void put_report(as_buf *b, const json_t *report)
{
    const json_t *maps = json_object_get(report, "maps");
    size_t n_still = 0;
    as_buf_printf(b, "%-48s %6s %9s %11s %11s %11s\n", "module", "rank", "scale", "|A|", "|B|",
                  "|delta|");
    for (size_t i = 0; i < json_array_size(maps); i++) {
        const json_t *m = json_array_get(maps, i);
        as_buf name = {0};
        const char *module = json_string_value(json_object_get(m, "module"));
        as_buf_escape(&name, module, strlen(module));
        b->failed = b->failed || name.failed;
        as_buf_printf(b, "%-48s %6.0f %9.4g %11.5g %11.5g %11.5g\n", as_buf_text(&name),
                      number_at(m, "rank"), number_at(m, "scale"), number_at(m, "norm_a"),
                      number_at(m, "norm_b"), number_at(m, "norm_delta"));
        n_still += number_at(m, "norm_delta") == 0;
        as_buf_clear(&name);
    }
    as_buf_printf(b, "%.0f maps, %.0f parameters", number_at(report, "n_maps"),
                  number_at(report, "n_parameters"));
    if (n_still) as_buf_printf(b, "; %zu maps change nothing", n_still);
    as_buf_puts(b, "\n");
}

static bool inspect(job *j, as_error *err)
{
    as_adapter *a = as_adapter_open(j->engine.local.model, &j->engine.exec, j->adapter, 0, err);
    json_t *report = a ? as_adapter_report(a, false, err) : NULL;
    as_adapter_close(a);
    if (!report) return false;
    if (j->cli->json) {
        as_json_put_text(&report, "schema", "assay.adapter/1");
        as_json_put_text(&report, "action", "inspect");
        as_json_put_text(&report, "model", j->engine.local.path);
        as_json_put_text(&report, "adapter", j->adapter);
        return as_print_json(report, err);
    }
    as_buf b = {0};
    put_report(&b, report);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    json_decref(report);
    return ok;
}

/* ---- merge, export ---- */

static bool read_dtype(const as_cli *c, as_dtype *dtype, as_error *err)
{
    static const as_dtype plain[] = {AS_F32, AS_F16, AS_BF16};
    char shown[AS_ESCAPE_SIZE];
    const char *name = as_cli_value(c, "dtype", NULL);
    *dtype = (as_dtype)AS_N_DTYPES;
    if (!name) return true;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(name, as_dtype_name(plain[i])) == 0) *dtype = plain[i];
    return *dtype != (as_dtype)AS_N_DTYPES ||
           as_fail(err, AS_EUSAGE, "--dtype (found %s, expected F32, F16 or BF16)",
                   as_escape(name, strlen(name), shown));
}

static bool merge(job *j, as_error *err)
{
    as_dtype dtype;
    return read_dtype(j->cli, &dtype, err) &&
           as_adapter_merge(j->engine.local.model, &j->engine.exec, j->engine.local.path,
                            j->adapter, j->out, dtype, err) &&
           print_done(j, "merge", "the checkpoint with the adapter in its weights", err);
}

static bool export_gguf(job *j, as_error *err)
{
    as_adapter *a = as_adapter_open(j->engine.local.model, &j->engine.exec, j->adapter, 0, err);
    bool ok = a && as_adapter_write_gguf(a, j->out, err);
    as_adapter_close(a);
    return ok && print_done(j, "export", "a GGUF adapter", err);
}

static bool export_peft(job *j, as_error *err)
{
    const char *config = as_arena_printf(j->cli->arena, err, "%s/adapter_config.json", j->out);
    char shown[AS_ESCAPE_SIZE];
    if (!config) return false;
    if (as_file_exists(config))
        return as_fail(err, AS_ESTATE, "%s: there is an adapter already",
                       as_escape(j->out, strlen(j->out), shown));
    return as_adapter_from_gguf(j->engine.local.model, &j->engine.exec, j->adapter, j->out, err) &&
           print_done(j, "export", "a PEFT folder", err);
}

static bool export(job *j, as_error *err)
{
    if (is_gguf(j->adapter) != is_gguf(j->out))
        return is_gguf(j->adapter) ? export_peft(j, err) : export_gguf(j, err);
    return as_fail(err, AS_EUSAGE,
                   "adapter export: --adapter and --out (found %s, expected one .gguf file and one "
                   "folder)",
                   is_gguf(j->out) ? "two .gguf files" : "no .gguf file");
}

/* ---- what the three share ---- */

static const struct {
    const char *name;
    bool (*run)(job *j, as_error *err);
    bool takes_operand, has_dtype;
} actions[] = {
    {"inspect", inspect, true, false},
    {"merge", merge, false, true},
    {"export", export, false, false},
};
enum { N_ACTIONS = sizeof actions / sizeof *actions };

/* Paths, and which of the options go with the action. */
static bool read_paths(job *j, size_t action, as_error *err)
{
    const as_cli *c = j->cli;
    const char *name = actions[action].name;
    j->adapter = as_cli_value(c, "adapter", NULL);
    j->out = as_cli_value(c, "out", NULL);
    if (as_cli_value(c, "dtype", NULL) && !actions[action].has_dtype)
        return as_fail(err, AS_EUSAGE, "adapter %s takes no --dtype", name);
    if (actions[action].takes_operand) {
        if (j->adapter || j->out || c->n_operands != 2)
            return as_fail(err, AS_EUSAGE,
                           "adapter %s takes one FOLDER, and neither --adapter nor "
                           "--out",
                           name);
        j->adapter = c->operand[1];
        return true;
    }
    if (c->n_operands == 1 && j->adapter && j->out)
        return !is_gguf(j->out) || as_cli_can_write(j->out, err);
    return as_fail(err, AS_EUSAGE, "adapter %s needs --adapter and --out, and takes nothing else",
                   name);
}

/* "dir/" is "dir": the folder above it is where the work goes on. */
static bool trim_out(as_cli *c, as_error *err)
{
    for (size_t i = 0; i < c->n_given; i++) {
        const char *value = c->given_value[i];
        size_t n = value ? strlen(value) : 0;
        if (strcmp(c->given_name[i], "out") != 0) continue;
        while (n > 1 && value[n - 1] == '/') n--;
        if (value && !(c->given_value[i] = as_arena_copy(c->arena, value, n, err))) return false;
    }
    return true;
}

static int run(as_cli *c, as_error *err)
{
    job j = {.cli = c};
    char shown[AS_ESCAPE_SIZE];
    size_t i = 0;
    while (i < N_ACTIONS && strcmp(actions[i].name, c->operand[0]) != 0) i++;
    if (i == N_ACTIONS) {
        as_fail(err, AS_EUSAGE, "adapter: what (found %s, expected inspect, merge or export)",
                as_escape(c->operand[0], strlen(c->operand[0]), shown));
        return AS_EXIT_USAGE;
    }
    as_dtype dtype;
    bool ok = trim_out(c, err) && read_paths(&j, i, err) && read_dtype(c, &dtype, err) &&
              as_cli_write_only_out(c, as_cli_cache(c, err), err) &&
              as_engine_open(&j.engine, c, err) && actions[i].run(&j, err);
    as_engine_close(&j.engine);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

const as_command as_command_adapter = {
    "adapter",
    "what a LoRA adapter is; adapters merged, and as GGUF",
    "inspect FOLDER | merge | export",
    1,
    2,
    "inspect shows each adapted map: rank, scale, and the norm of what it adds to the weights. "
    "merge "
    "writes the checkpoint with the adapter in its weights into a new folder. export turns a PEFT "
    "folder into a GGUF adapter for the same model, and a GGUF adapter into a PEFT folder.",
    options,
    {"assay adapter inspect --model DIR FOLDER",
     "assay adapter export --model DIR --adapter FOLDER --out FILE.gguf"},
    run,
};
