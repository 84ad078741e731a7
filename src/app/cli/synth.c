/* assay synth: makes a study whose truths are known, or a checkpoint of random weights. */
#include "lab/experiment/synth.h"

#include <string.h>

#include "app/cli/command.h"
#include "base/file.h"
#include "base/progress.h"
#include "engine/model/config.h"
#include "engine/model/synth.h"
#include "engine/text/tokenizer.h"

static const as_option options[] = {
    {"seed", 0, "N", "seed of the generator (default: 1; of a tiny model: 0)", false},
    {"like", 0, "NAME", "model: whose shape, as `assay models inspect` would show it", false},
    {"config", 0, "FILE", "model: the shape of this config.json, with weights to train", false},
    {"dtype", 0, "TYPE", "model: F32, BF16 or F16; in a .gguf also Q8_0, Q4_0", false},
    {"out", 'o', "PATH", "the same as the second operand", false},
    {0},
};

static json_t *made(const char *dir, size_t seed, const as_planted *truth, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", truth[i].id, "truth",
                                              truth[i].truth, "cause", truth[i].cause));
    return json_pack("{s:s,s:s,s:I,s:o}", "schema", "assay.synth/1", "folder", dir, "seed",
                     (json_int_t)seed, "truths", list);
}

static int run_study(as_cli *c, const char *dir, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    size_t seed = 1, n = 0, count[3] = {0};
    const as_planted *truth = as_planted_truths(&n);
    as_buf b = {0};
    if (as_cli_flag(c, "like") || as_cli_flag(c, "config") || as_cli_flag(c, "dtype")) {
        as_fail(err, AS_EUSAGE, "synth study takes no --like, --config or --dtype");
        return AS_EXIT_USAGE;
    }
    if (!as_cli_size(c, "seed", 1, &seed, err) || !as_synth_study(dir, seed, err))
        return AS_EXIT_FAILED;
    if (c->json)
        return as_print_json(made(dir, seed, truth, n), err) ? AS_EXIT_DONE : AS_EXIT_FAILED;
    for (size_t i = 0; i < n; i++)
        count[truth[i].truth[0] == 's' ? 0 : truth[i].truth[0] == 'r' ? 1 : 2]++;
    as_buf_printf(
        &b, "%s: seed %zu, %zu planted truths (%zu supported, %zu refuted, %zu inconclusive)\n",
        as_escape(dir, strlen(dir), shown), seed, n, count[0], count[1], count[2]);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

/* The row of that name; fails with all names. */
static const as_synth_row *find_row(const char *name, as_error *err)
{
    size_t n = 0;
    as_buf all = {0};
    char shown[AS_ESCAPE_SIZE];
    const as_synth_row *row = as_synth_names(&n);
    for (size_t i = 0; i < n; i++) {
        if (name && strcmp(row[i].name, name) == 0) {
            as_buf_clear(&all);
            return &row[i];
        }
        as_buf_printf(&all, "%s%s", i ? ", " : "", row[i].name);
    }
    if (as_buf_ok(&all, err))
        as_fail(err, AS_EUSAGE, "--like (found %s, expected one of %s)",
                name ? as_escape(name, strlen(name), shown) : "none", as_buf_text(&all));
    as_buf_clear(&all);
    return NULL;
}

/* A checkpoint is not written over another one, which may be a real one. */
static bool check_free(const as_cli *c, const char *path, as_error *err)
{
    size_t n = strlen(path);
    char shown[AS_ESCAPE_SIZE];
    bool is_gguf = n > 5 && strcmp(path + n - 5, ".gguf") == 0;
    const char *taken = is_gguf ? path : as_arena_printf(c->arena, err, "%s/config.json", path);
    if (!taken) return false;
    return !as_file_exists(taken) ||
           as_fail(err, AS_ESTATE, "%s: there is a checkpoint already", as_escape(path, n, shown));
}

static bool read_dtype(const char *name, as_dtype *out, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    for (*out = AS_F32; *out < AS_OTHER && strcmp(as_dtype_name(*out), name) != 0;) (*out)++;
    return *out < AS_OTHER ||
           as_fail(err, AS_EUSAGE,
                   "--dtype (found %s, expected F32, BF16 or F16; in a .gguf also "
                   "Q8_0 or Q4_0)",
                   as_escape(name, strlen(name), shown));
}

static bool print_model(const as_cli *c, const char *path, const char *key, const char *shape,
                        size_t seed, const char *dtype, as_error *err)
{
    char shown[AS_ESCAPE_SIZE], escaped[AS_ESCAPE_SIZE];
    if (c->json)
        return as_print_json(json_pack("{s:s,s:s,s:s,s:I,s:s}", "schema", "assay.synth/1", "path",
                                       path, key, shape, "seed", (json_int_t)seed, "dtype", dtype),
                             err);
    as_buf b = {0};
    as_buf_printf(&b, "%s: %s, seed %zu, %s\n", as_escape(path, strlen(path), shown),
                  as_escape(shape, strlen(shape), escaped), seed, dtype);
    bool ok = as_print(&b, err);
    as_buf_clear(&b);
    return ok;
}

/* Weights are never written over; a config.json that says the same may stand there already. */
static bool check_fresh(const as_cli *c, const char *dir, const json_t *config, as_error *err)
{
    static const char *const taken[] = {"model.safetensors", "model.safetensors.index.json"};
    char shown[AS_ESCAPE_SIZE];
    size_t n = strlen(dir);
    if (n > 5 && strcmp(dir + n - 5, ".gguf") == 0)
        return as_fail(err, AS_EUSAGE, "%s: --config makes a folder", as_escape(dir, n, shown));
    const char *path = as_arena_printf(c->arena, err, "%s/config.json", dir);
    if (!path) return false;
    json_t *there = as_file_exists(path) ? as_json_read(path, err) : NULL;
    bool is_other = there && !json_equal(there, (json_t *)(uintptr_t)config);
    json_decref(there);
    if (err->class_) return false;
    for (size_t i = 0; i < 2 && !is_other; i++) {
        path = as_arena_printf(c->arena, err, "%s/%s", dir, taken[i]);
        if (!path) return false;
        is_other = as_file_exists(path);
    }
    return !is_other ||
           as_fail(err, AS_ESTATE, "%s: there is a checkpoint already", as_escape(dir, n, shown));
}

/* The embedding has a row for each id of the tokenizer that stands in the folder, and no more.
 * name: of the configuration, escaped. */
static bool check_vocabulary(const as_cli *c, const char *dir, const char *name,
                             const json_t *config, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    if (!as_tokenizer_exists(dir)) return true;
    as_config *shape = as_config_read(c->arena, name, config, NULL, err);
    as_tokenizer *t = shape ? as_tokenizer_open(dir, err) : NULL;
    if (!t) return false;
    size_t ids = as_tokenizer_size(t);
    as_tokenizer_free(t);
    return ids == shape->vocab ||
           as_fail(err, AS_ESTATE,
                   "%s: vocab_size (found %zu, expected %zu as in %s/tokenizer.json)", name,
                   shape->vocab, ids, as_escape(dir, strlen(dir), shown));
}

static int run_fresh(as_cli *c, const char *dir, const char *name, as_error *err)
{
    const char *dtype = as_cli_value(c, "dtype", "F32"), *place;
    char shown[AS_ESCAPE_SIZE];
    size_t seed;
    as_dtype type;
    if (as_cli_flag(c, "like")) {
        as_fail(err, AS_EUSAGE, "synth model takes --like or --config, not both");
        return AS_EXIT_USAGE;
    }
    if (!as_cli_size(c, "seed", 1, &seed, err) || !read_dtype(dtype, &type, err))
        return AS_EXIT_USAGE;
    place = as_arena_text(c->arena, as_escape(name, strlen(name), shown), err);
    json_t *config = place ? as_json_read(name, err) : NULL;
    bool ok =
        config && check_fresh(c, dir, config, err) && check_vocabulary(c, dir, place, config, err);
    as_progress *p = ok ? as_progress_new(c->log, "percent", 100, err) : NULL;
    ok = p && as_synth_fresh(dir, place, config, seed, type, p, err);
    as_progress_end(p);
    json_decref(config);
    ok = ok && print_model(c, dir, "config", name, seed, dtype, err);
    if (ok) return AS_EXIT_DONE;
    return err->class_ == AS_EUSAGE ? AS_EXIT_USAGE : AS_EXIT_FAILED;
}

static int run_model(as_cli *c, const char *path, as_error *err)
{
    const char *config = as_cli_value(c, "config", NULL);
    if (config) return run_fresh(c, path, config, err);
    const as_synth_row *row = find_row(as_cli_value(c, "like", NULL), err);
    size_t seed;
    as_dtype type;
    if (!row || !as_cli_size(c, "seed", row->is_tiny ? 0 : 1, &seed, err)) return AS_EXIT_FAILED;
    const char *dtype = as_cli_value(c, "dtype", row->is_tiny ? "F32" : "BF16");
    if (!read_dtype(dtype, &type, err)) return AS_EXIT_USAGE;
    if (!check_free(c, path, err)) return AS_EXIT_FAILED;
    as_progress *p = as_progress_new(c->log, "percent", 100, err);
    bool ok = p && as_synth_model(path, row->name, seed, type, p, err);
    as_progress_end(p);
    ok = ok && print_model(c, path, "like", row->name, seed, dtype, err);
    return ok ? AS_EXIT_DONE : AS_EXIT_FAILED;
}

static int run(as_cli *c, as_error *err)
{
    char shown[AS_ESCAPE_SIZE];
    const char *what = c->operand[0], *out = as_cli_value(c, "out", NULL);
    const char *path = c->n_operands > 1 ? c->operand[1] : out;
    if (!path || (out && c->n_operands > 1)) {
        as_fail(err, AS_EUSAGE, "synth: place (found %s, expected PATH or --out PATH)",
                path ? "two" : "none");
        return AS_EXIT_USAGE;
    }
    if (strcmp(what, "study") == 0) return run_study(c, path, err);
    if (strcmp(what, "model") == 0) return run_model(c, path, err);
    as_fail(err, AS_EUSAGE, "synth: kind (found %s, expected study or model)",
            as_escape(what, strlen(what), shown));
    return AS_EXIT_USAGE;
}

const as_command as_command_synth = {
    "synth",
    "make a study whose truths are known, or a checkpoint of random weights",
    "study|model [PATH]",
    1,
    2,
    "study writes a folder of files in the schema of a released study, with planted effects, "
    "artefacts and gaps, and study.json, which says what is so; audit it with "
    "plans/embedded-study.yaml. model writes a checkpoint with the shape of a published model, or "
    "a tiny one of its family, in the ordinary layout without a tokenizer; with --config one of "
    "any "
    "shape, with weights drawn for training from scratch, beside a tokenizer that is there "
    "already. "
    "The same seed gives the same bytes.",
    options,
    {"assay synth study DIR", "assay synth model DIR --like tiny-qwen3"},
    run,
};
