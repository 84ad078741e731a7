/* assay recover: what can still be read of a damaged store, as JSON lines. */
#include "app/cli/command.h"

static const as_option options[] = {
    {"output", 0, "FILE", "JSON lines; must not exist yet", false},
    {0},
};

static int run(as_cli *c, as_error *err)
{
    as_store_tally tally = {0};
    const char *out = as_cli_value(c, "output", NULL);
    uint64_t rows = 0;
    if (!out) {
        as_fail(err, AS_EUSAGE, "recover: --output (found none, expected a file)");
        return AS_EXIT_USAGE;
    }
    if (!as_store_recover(c->operand[0], out, &tally, err)) return AS_EXIT_FAILED;
    for (size_t i = 0; i < AS_ROW_KINDS; i++) rows += tally.rows[i];
    if (c->json)
        return as_print_json(json_pack("{s:s,s:I,s:I,s:s}", "schema", "assay.recover/1", "rows",
                                       (json_int_t)rows, "bad", (json_int_t)tally.bad, "output",
                                       out),
                             err)
                   ? AS_EXIT_DONE
                   : AS_EXIT_FAILED;
    as_log_say(c->log, "%llu rows into %s, %llu of them not whole", (unsigned long long)rows, out,
               (unsigned long long)tally.bad);
    return AS_EXIT_DONE;
}

const as_command as_command_recover = {
    "recover",
    "export what is readable of a damaged store",
    "STORE",
    1,
    1,
    "Writes every row that can still be read, one JSON object a line, each marked whether its key "
    "is the one its content gives. The store itself is only read.",
    options,
    {"assay recover assay.db --output rows.jsonl",
     "assay recover broken.db --output rows.jsonl --json"},
    run,
};
