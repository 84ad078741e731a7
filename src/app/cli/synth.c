/* assay synth: makes a study whose truths are known. */
#include "lab/experiment/synth.h"

#include <string.h>

#include "app/cli/command.h"

static const as_option options[] = {
    {"seed", 0, "N", "seed of the generator (default: 1)", false},
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

static int run(as_cli *c, as_error *err)
{
    const char *what = c->operand[0], *dir = c->operand[1];
    char shown[AS_ESCAPE_SIZE];
    size_t seed = 1, n = 0, count[3] = {0};
    const as_planted *truth = as_planted_truths(&n);
    as_buf b = {0};
    if (strcmp(what, "study") != 0) {
        as_fail(err, AS_EUSAGE, "synth: kind (found %s, expected study)",
                as_escape(what, strlen(what), shown));
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

const as_command as_command_synth = {
    "synth",
    "make a study whose truths are known",
    "study DIR",
    2,
    2,
    "Writes a folder of files in the schema of a released study, with planted effects, artefacts "
    "and gaps, and study.json, which says what is so. The same seed gives the same bytes. Audit it "
    "with plans/embedded-study.yaml.",
    options,
    {"assay synth study DIR", "assay reaudit plans/embedded-study.yaml --data DIR"},
    run,
};
